# SPDX-License-Identifier: Apache-2.0

"""Replace damaged entries (``verify --repair``)."""

import asyncio
from collections.abc import Iterable
import dataclasses

from glance_cache_osc import errors
from glance_cache_osc.command import approval
from glance_cache_osc.command import base
from glance_cache_osc.command import operations
from glance_cache_osc.command import progress
from glance_cache_osc.command import queueing
from glance_cache_osc.command import verifying
from glance_cache_osc.filling import waiting
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import plan
from glance_cache_osc.transport import attempt
from glance_cache_osc.verifying import checks
from glance_cache_osc.verifying import verification

Result = verification.Result
#: The results that a repair can correct: the cached file is damaged.
_REPAIRABLE = frozenset({Result.CORRUPT, Result.TRUNCATED})
#: Seconds without a newly cached image until a node is reported as stalled.
#: Nodes with the cache-management middleware look for queued images every 300
#: seconds.
_STALL_AFTER = 900.0
#: How often the list of a node is read before the node is changed, each time
#: on a new connection.
_LIST_READS = 4
_CHECK = _(
    "Check with 'openstack image cache list', and queue the image if it is "
    'not listed.'
)


def repair(
    command: base.CacheLister,
    findings: verifying.Findings,
    limits: verifying.Limits,
    *,
    confirm: bool,
) -> None:
    """Replace corrupt and truncated entries, and update their findings.

    An entry is deleted only if the data in its store is intact, because a fill
    from a damaged store ends the cache thread of a node. Each image is queued
    again as soon as its entry is deleted.

    :param confirm: whether to ask for confirmation.
    :raises KeyboardInterrupt: the user pressed Ctrl-C; the findings are
        correct.
    """
    damaged = [
        one
        for one, finding in findings.items()
        if finding.result in _REPAIRABLE
    ]
    findings |= command.loop.run(_check_stores(findings, damaged, limits))
    repairable = [one for one in damaged if not findings[one].error]
    steps = [_step(one, plan.Action.DELETE) for one in repairable]
    if repairable and confirm:
        try:
            approval.confirm_deletion(steps)
        except errors.CacheError as error:
            command.failures.add(_('Cannot repair'), error)
            return
    if limits.is_over:
        _set_error(findings, repairable, _timeout_error(limits))
        return
    queued = command.loop.run(_replace_all(command, findings, repairable))
    for one in queued:
        # The result was that of the deleted entry.
        findings[one] = dataclasses.replace(findings[one], result=None)
    _set_error(
        findings,
        queued,
        errors.NodeError(
            _('The entry was replaced but not verified again'),
            _('Verify the image again.'),
        ),
    )
    filled = command.loop.run(
        queueing.carry_out(
            command,
            [_step(one, plan.Action.WAIT) for one in queued],
            waiting.Limits(limits.timeout, _STALL_AFTER, left=limits.left),
        )
    )
    cached = {
        (member, step.image)
        for member, step, word in filled
        if word == 'cached'
    }
    again = [one for one in queued if (one.member, one.image) in cached]
    for one in queued:
        if one not in again and not command.loop.interrupted:
            # The wait has already reported the failure.
            findings[one] = dataclasses.replace(
                findings[one], result=Result.NOT_CACHED, reported=True
            )
    verified = command.loop.run(verifying.read(command, again, limits))
    for one, finding in verified.items():
        is_repaired = finding.result is Result.OK
        findings[one] = (
            dataclasses.replace(finding, result=Result.REPAIRED)
            if is_repaired
            else finding
        )


async def _check_stores(
    findings: verifying.Findings,
    damaged: list[verification.Candidate],
    limits: verifying.Limits,
) -> verifying.Findings:
    """Findings with an error where the store is not known to be intact.

    If the timeout passes, all findings have an error.
    """
    with (
        progress.transferring(_('Reading from the stores')) as watcher,
        verification.Verification(limits.max_downloads, watcher) as reading,
    ):
        reading.findings = {one: findings[one] for one in damaged}
        try:
            async with asyncio.timeout(limits.left):
                await reading.check_stores(damaged)
        except TimeoutError:
            # No time is left to replace the intact ones.
            late = [one for one in damaged if not reading.findings[one].error]
            _set_error(reading.findings, late, _timeout_error(limits))
    return reading.findings


async def _replace_all(
    command: base.CacheLister,
    findings: verifying.Findings,
    repairable: list[verification.Candidate],
) -> list[verification.Candidate]:
    """Delete each entry and queue its image.

    :returns: the candidates that are queued.
    """
    command.loop.has_changes = True
    with progress.counting(_('Changing entries'), len(repairable)) as counter:
        outcomes = await attempt.attempt(
            _replace,
            [findings[one] for one in repairable],
            group=lambda finding: finding.candidate.member,
            ended=counter.advance,
            settle=lambda busy: counter.warn(
                operations.interrupted([one.candidate.member for one in busy])
            ),
        )
    for outcome in outcomes:
        if isinstance(outcome.error, errors.Interrupted):
            command.failures.interrupt(1)
        elif isinstance(outcome.error, errors.NodeError):
            one = outcome.job.candidate
            _set_error(findings, [one], outcome.error)
            if isinstance(outcome.error, errors.NotQueued):
                findings[one] = dataclasses.replace(
                    findings[one], result=Result.NOT_CACHED
                )
    return [one.job.candidate for one in outcomes if not one.error]


async def _replace(finding: verification.Finding) -> None:
    """Delete an entry and queue its image.

    :raises errors.NodeError: a request failed or was cancelled; the entry has
        changed; or several nodes are behind the endpoint, so that the entry of
        another node could be deleted.
    """
    one = finding.candidate
    await _check_list(finding)
    try:
        await _delete(one)
    except asyncio.CancelledError:
        raise _may_be_deleted(errors.Unconfirmed()) from None
    try:
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
        if not _may_have_succeeded(error):
            raise
        try:
            held = await one.member.driver.list_entries()
        except errors.NodeError:
            raise _may_be_deleted(error) from error
        cached = verifying.only_cached(held)
        if one.image.image_id in entries.ids_of([cached]):
            raise


def _may_be_deleted(error: errors.NodeError) -> errors.NodeError:
    return errors.NodeError(
        _('The entry may be deleted, and the image is not queued: %s')
        % error.why,
        _CHECK,
    )


def _not_queued(error: errors.NodeError) -> errors.NotQueued:
    if _may_have_succeeded(error):
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


def _may_have_succeeded(error: errors.NodeError) -> bool:
    """Whether the node may have done what a failed request asked for."""
    if isinstance(error, errors.Unreachable):
        return error.connected
    return isinstance(
        error, errors.ServerFault | errors.BadReply | errors.Unconfirmed
    )


def _set_error(
    findings: verifying.Findings,
    chosen: Iterable[verification.Candidate],
    error: errors.NodeError,
) -> None:
    for one in chosen:
        findings[one] = dataclasses.replace(findings[one], error=error)


def _timeout_error(limits: verifying.Limits) -> errors.NodeError:
    return errors.NodeError(
        _('The entry was not repaired within %g seconds') % limits.timeout,
        _('To wait longer, use --timeout.'),
    )


def _step(
    one: verification.Candidate, action: plan.Action
) -> tuple[base.Member, plan.Step]:
    state = entries.State.CACHED
    if action is plan.Action.WAIT:
        state = entries.State.QUEUED
    entry = entries.Entry(one.image.image_id, state, one.size)
    return one.member, plan.Step(one.image, action, entry)
