# SPDX-License-Identifier: Apache-2.0

"""Replace damaged entries (``verify --repair``)."""

import asyncio
from collections.abc import Iterable
import dataclasses
import time

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
from glance_cache_osc.verifying import replacing
from glance_cache_osc.verifying import verification

Result = verification.Result
#: The results that a repair can correct: the cached file is damaged.
_REPAIRABLE = frozenset({Result.CORRUPT, Result.TRUNCATED})
#: Seconds without a newly cached image until a node is reported as stalled.
#: Nodes with the cache-management middleware look for queued images every 300
#: seconds.
_STALL_AFTER = 900.0


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
        asked = time.monotonic()
        try:
            approval.confirm_deletion(steps)
        except errors.CacheError as error:
            command.failures.add(_('Cannot repair'), error)
            return
        limits = limits.extended(time.monotonic() - asked)
    if limits.is_over():
        _set_error(findings, repairable, _timeout_error(limits))
        return
    queued = command.loop.run(
        _replace_all(command, findings, repairable, limits)
    )
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
    if limits.is_over():
        return
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
    again = dict.fromkeys(
        one for one in queued if (one.member, one.image) in cached
    )
    for one in queued:
        if one not in again and not command.loop.interrupted:
            # The wait has already reported the failure.
            findings[one] = dataclasses.replace(
                findings[one], result=Result.NOT_CACHED, reported=True
            )
    verified = command.loop.run(verifying.read(command, list(again), limits))
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
    limits: verifying.Limits,
) -> list[verification.Candidate]:
    """Delete each entry and queue its image.

    After a timeout, the other entries of a node are skipped.

    :returns: the candidates that are queued.
    """
    command.loop.has_changes = True
    silent: dict[base.Member, errors.TimedOut] = {}

    def check() -> None:
        if limits.is_over():
            raise _timeout_error(limits)

    async def replace(finding: verification.Finding) -> None:
        member = finding.candidate.member
        if member in silent:
            raise silent[member]
        try:
            await replacing.replace(finding, check)
        except errors.TimedOut as error:
            silent[member] = error
            raise

    with progress.counting(_('Changing entries'), len(repairable)) as counter:
        outcomes = await attempt.attempt(
            replace,
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
    if action is plan.Action.WAIT:
        return one.member, plan.Step(one.image, action)
    entry = entries.Entry(one.image.image_id, entries.State.CACHED, one.size)
    return one.member, plan.Step(one.image, action, entry)
