# SPDX-License-Identifier: Apache-2.0

"""Replaces a damaged entry: deletes it, and queues its image again."""

import asyncio
from collections.abc import Callable

from glance_cache_osc import errors
from glance_cache_osc.drivers import retries
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.transport import engine as engines
from glance_cache_osc.verifying import checks
from glance_cache_osc.verifying import verification

#: How often the list of a node is read before the node is changed, each time
#: on a new connection.
_LIST_READS = 4
_CHECK = _(
    "Check with 'openstack image cache list', and queue the image if it is "
    'not listed.'
)


async def replace(
    finding: verification.Finding, check: Callable[[], None]
) -> None:
    """Delete an entry and queue its image.

    :param check: raises an error if it is too late to begin.
    :raises errors.NodeError: a request failed or was cancelled; the entry has
        changed; or several nodes are behind the endpoint, so that the entry of
        another node could be deleted.
    """
    one = finding.candidate
    try:
        await _check_list(finding)
    except asyncio.CancelledError:
        raise errors.Interrupted from None
    check()
    try:
        await _delete(one)
    except asyncio.CancelledError:
        raise _may_be_deleted(errors.Unconfirmed()) from None
    try:
        with engines.finishing():
            await one.member.driver.queue(one.image.image_id)
    except errors.NodeError as error:
        raise _not_queued(error) from error
    except asyncio.CancelledError:
        raise _not_queued(errors.Unconfirmed()) from None


async def _check_list(finding: verification.Finding) -> None:
    """Read the list of a node, and check that it has the verified entry."""
    fresh = finding.candidate.member.client.reconnecting()
    hashes: list[int] = []  # The lists themselves would use much memory.
    while len(hashes) < _LIST_READS:
        held = await checks.read_list(fresh)
        hashes.append(hash(held))
    if checks.alternates(hashes):
        raise errors.NodeError(
            _('Several nodes are behind this endpoint'),
            _('Configure an endpoint for each node.'),
        )
    # With all drivers of Glance, a read changes Hits and the time of access,
    # but not the time at which the file was written.
    verified = checks.list_key([finding.entry] if finding.entry else [])
    if not verified <= checks.list_key(held):
        raise errors.NodeError(
            _('The entry has changed since it was verified'),
            _('Verify the image again.'),
        )


async def _delete(one: verification.Candidate) -> None:
    """Delete an entry. Return if it is deleted, even if the request failed.

    :raises errors.NodeError: the entry is not, or may not be, deleted.
    """
    try:
        await one.member.driver.delete(one.image.image_id)
    except errors.NodeError as error:
        if not retries.may_have_succeeded(error):
            raise
        try:
            held = await one.member.driver.list_entries()
        except errors.NodeError:
            raise _may_be_deleted(error) from error
        if any(
            entry.image_id == one.image.image_id
            and entry.state is entries.State.CACHED
            for entry in held
        ):
            raise


def _may_be_deleted(error: errors.NodeError) -> errors.NodeError:
    return errors.NodeError(
        _('The entry may be deleted, and the image is not queued: %s')
        % error.why,
        _CHECK,
    )


def _not_queued(error: errors.NodeError) -> errors.NotQueued:
    if retries.may_have_succeeded(error):
        return errors.NotQueued(
            _('The entry was deleted, but the image may not be queued: %s')
            % error.why,
            _CHECK,
        )
    return errors.NotQueued(
        _('The entry was deleted, but the image was not queued again: %s')
        % error.why,
        _("Queue the image with 'openstack image cache queue'."),
    )
