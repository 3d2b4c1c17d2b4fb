# SPDX-License-Identifier: Apache-2.0

"""Deletes entries."""

import asyncio
import datetime
import math

from glance_cache_osc import errors
from glance_cache_osc.command import base
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import plan
from glance_cache_osc.model import selection

#: The age in seconds up to which a list of entries is current.
_MAX_AGE = 1.0


async def delete(
    command: base.CacheLister,
    steps: base.Steps,
    filters: selection.Filters | None = None,
) -> base.Steps:
    """Delete the entries of a plan that still match the filters.

    :param filters: the filters by which the entries were selected; None, or
        empty, for none.
    :returns: the steps, without failed steps, which are reported.
    """
    recheck = _Recheck(filters) if filters else None

    async def delete_one(job: fleet.Job) -> None:
        if recheck:
            await recheck.check(job)
            if command.loop.interrupted:
                raise errors.Interrupted
        await job.member.driver.delete(job.image_id)

    return await command.carry_out(
        steps,
        delete_one,
        _('Cannot delete image %(image)s from the cache of %(node)s'),
    )


class _Recheck:
    """Checks that entries still match filters.

    An image that was queued may be cached when its entry is deleted, and the
    deletion would delete its data. Concurrent checks of a node share one list
    of its entries, and so do checks within a second after it.

    `orphans` is not checked again.
    """

    def __init__(self, filters: selection.Filters) -> None:
        self._filters = filters
        self._lists: dict[fleet.Member, asyncio.Task[set[str]]] = {}
        #: When the last list of each node was received.
        self._received: dict[fleet.Member, float] = {}

    async def check(self, job: fleet.Job) -> None:
        """Check the entry of an image on a node.

        :raises errors.NodeError: the entry does not match any more, the node
            could not be read, or the check was cancelled.
        """
        member = job.member
        last = self._lists.get(member)
        if last is None or (last.done() and self._is_old(member)):
            last = asyncio.ensure_future(self._unmatched(member))
            self._lists[member] = last
        try:
            unmatched = await last
        except asyncio.CancelledError:
            raise errors.Interrupted from None
        if job.image_id in unmatched:
            raise errors.NodeError(
                _('The entry has changed and does not match the filters'),
                _('Run the command again.'),
            )

    def _is_old(self, member: fleet.Member) -> bool:
        """Whether the last list of a node is too old, or was not received."""
        received = self._received.get(member, -math.inf)
        return asyncio.get_running_loop().time() - received > _MAX_AGE

    async def _unmatched(self, member: fleet.Member) -> set[str]:
        """The IDs of the node's entries that do not match the filters."""
        held = plan.by_id(await member.driver.list_entries())
        self._received[member] = asyncio.get_running_loop().time()
        now = datetime.datetime.now(datetime.UTC)
        matching = self._filters.candidates(held.values(), now)
        return held.keys() - {entry.image_id for entry in matching}
