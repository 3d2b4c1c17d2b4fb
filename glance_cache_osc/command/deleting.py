# SPDX-License-Identifier: Apache-2.0

"""Deletes entries."""

import asyncio
import dataclasses
import datetime

from glance_cache_osc import errors
from glance_cache_osc.command import base
from glance_cache_osc.command import operations
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import plan
from glance_cache_osc.model import selection

#: The shortest time in seconds for which a list of entries is used.
_MIN_USE = 1.0


async def delete(
    command: base.CacheLister,
    steps: base.Steps,
    filters: selection.Filters | None = None,
) -> base.Steps:
    """Delete the entries of a plan that still match the filters.

    :param filters: the filters by which the entries were selected; None for
        none.
    :returns: the steps, without failed steps, which are reported.
    """
    # An orphan stays one.
    changing = filters and dataclasses.replace(filters, orphans=False)
    recheck = _Recheck(command, changing) if changing else None
    queued_only = filters is not None and filters.states == {
        entries.State.QUEUED
    }
    cached = {
        fleet.Job(member, step.image.image_id)
        for member, step in steps
        if step.entry and step.entry.state is entries.State.CACHED
    }

    async def delete_one(job: fleet.Job) -> None:
        if recheck:
            # While Glance ends a fill, no list may have a queued entry. The
            # list without a cached entry may be that of another node behind
            # the same endpoint.
            if not await recheck.matches(job, absent=job in cached):
                raise errors.NodeError(
                    _('The entry has changed and does not match the filters'),
                    _('Run the command again.'),
                )
            if command.loop.interrupted:
                raise errors.Interrupted
        await job.member.driver.delete(job.image_id, queued_only=queued_only)

    return await command.carry_out(
        steps,
        delete_one,
        _('Cannot delete image %(image)s from the cache of %(node)s'),
    )


class _Recheck:
    """Checks that entries still match filters.

    An image that was queued may be cached when its entry is deleted, and the
    deletion would delete its data. Concurrent checks of a node share one list
    of its entries. Then the list is used for as long as its request took, or
    for one second.
    """

    def __init__(
        self, command: base.CacheLister, filters: selection.Filters
    ) -> None:
        self._command = command
        self._filters = filters
        #: Each node's task that returns whether each entry matches, by ID.
        self._lists: dict[fleet.Member, asyncio.Task[dict[str, bool]]] = {}
        #: When the list of each node becomes too old.
        self._ends: dict[fleet.Member, float] = {}
        self._failed: set[fleet.Member] = set()

    async def matches(self, job: fleet.Job, *, absent: bool) -> bool:
        """Whether an entry still matches.

        :param absent: the result if the node does not list the entry.
        :raises errors.Interrupted: the check was cancelled.
        :raises operations.ReportedError: the node could not be read.
        """
        member = job.member
        now = asyncio.get_running_loop().time()
        last = self._lists.get(member)
        if last is None or now > self._ends.get(member, now):
            self._ends.pop(member, None)
            last = asyncio.ensure_future(self._matching(member))
            self._lists[member] = last
        try:
            return (await last).get(job.image_id, absent)
        except asyncio.CancelledError:
            raise errors.Interrupted from None
        except errors.Interrupted:
            raise
        except errors.CacheError as error:
            if member not in self._failed:
                self._failed.add(member)
                node = member.node
                what = _('Cannot read the cache of %s') % node.label
                self._command.failures.add(what, error, node.name)
            raise operations.ReportedError from None

    async def _matching(self, member: fleet.Member) -> dict[str, bool]:
        """Whether each entry of a node matches the filters, by ID."""
        clock = asyncio.get_running_loop().time
        began = clock()
        held = plan.by_id(await member.driver.list_entries())
        self._ends[member] = clock() + max(_MIN_USE, clock() - began)
        now = datetime.datetime.now(datetime.UTC)
        matching = self._filters.candidates(held.values(), now)
        return dict.fromkeys(held, False) | {
            entry.image_id: True for entry in matching
        }
