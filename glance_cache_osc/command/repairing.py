# SPDX-License-Identifier: Apache-2.0

"""Repairing corrupt entries: ``verify --repair``."""

import asyncio
from collections.abc import Iterable
import dataclasses
import math

from glance_cache_osc import errors
from glance_cache_osc.command import approval
from glance_cache_osc.command import base
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
#: What a repair mends: the file itself is wrong.
_REPAIRABLE = frozenset({Result.CORRUPT, Result.TRUNCATED})
#: Seconds without a newly cached image until a node is reported as stalled:
#: old nodes look for queued images every 300 seconds.
_STALL_AFTER = 900.0
#: Looks at a node's list, each on a new connection, before it is changed.
_LOOKS = 4


def repair(
    command: base.CacheLister,
    findings: verifying.Findings,
    limits: verifying.Limits,
    *,
    asks: bool,
) -> None:
    """Replace corrupt and truncated entries; updates their findings.

    An entry is deleted only if the data in its store is intact: a fill from
    a damaged store ends the cache thread of a node. Each is queued again as
    soon as it is deleted.

    :param asks: whether to ask first.

    :raises KeyboardInterrupt: there was a Ctrl-C; the findings are true.
    """
    bad = [
        one
        for one, finding in findings.items()
        if finding.result in _REPAIRABLE
    ]
    findings |= command.loop.run(_check_stores(findings, bad, limits))
    good = [one for one in bad if not findings[one].error]
    steps = [_step(one, plan.Action.DELETE) for one in good]
    if good and asks:
        try:
            approval.deletion(steps)
        except errors.CacheError as error:
            command.failures.add(_('Cannot repair'), error)
            return
    if limits.is_over:
        _note(findings, good, _late(limits))
        return
    queued = command.loop.run(_replace_all(command, findings, good))
    _note(
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
            waiting.Limits(math.ceil(limits.left or 0), _STALL_AFTER),
        )
    )
    cached = {
        (member, step.image)
        for member, step, word in filled
        if word == 'cached'
    }
    again = [one for one in queued if (one.member, one.image) in cached]
    for one in queued:
        if one not in again:
            # The wait has reported it.
            findings[one] = dataclasses.replace(findings[one], reported=True)
    for one, finding in command.loop.run(
        verifying.verify(command, again, limits)
    ).items():
        mended = finding.result is Result.OK
        findings[one] = (
            dataclasses.replace(finding, result=Result.REPAIRED)
            if mended
            else finding
        )


async def _check_stores(
    findings: verifying.Findings,
    bad: list[verification.Candidate],
    limits: verifying.Limits,
) -> verifying.Findings:
    """The findings, with an error where the store is not known as intact."""
    with (
        progress.transferring(_('Reading from the stores')) as watcher,
        verification.Verification(limits.max_downloads, watcher) as reading,
    ):
        reading.findings = {one: findings[one] for one in bad}
        try:
            async with asyncio.timeout(limits.left):
                await reading.check_stores(bad)
        except TimeoutError:
            _note(
                reading.findings,
                [
                    one
                    for one in bad
                    if one not in reading.intact
                    and not reading.findings[one].error
                ],
                _late(limits),
            )
    return reading.findings


async def _replace_all(
    command: base.CacheLister,
    findings: verifying.Findings,
    good: list[verification.Candidate],
) -> list[verification.Candidate]:
    """Delete and queue each; returns those that are queued."""
    command.loop.has_changes = True
    with progress.counting(_('Changing entries'), len(good)) as counter:
        outcomes = await attempt.attempt(
            _replace,
            good,
            group=lambda one: one.member,
            ended=counter.advance,
            settle=lambda _busy: counter.warn(
                _(
                    'Interrupted. Waiting for requests in progress; press '
                    'Ctrl-C again to stop at once.'
                )
            ),
        )
    for outcome in outcomes:
        if isinstance(outcome.error, errors.Interrupted):
            command.failures.add('', outcome.error)
        elif isinstance(outcome.error, errors.NodeError):
            _note(findings, [outcome.job], outcome.error)
    return [one.job for one in outcomes if not one.error]


async def _replace(one: verification.Candidate) -> None:
    """Delete an entry and queue its image.

    :raises errors.NodeError: that failed; or several nodes are behind the
        endpoint, and another one's entry might be deleted.
    """
    fresh = one.member.client.reconnecting()
    looks = [await checks.look(fresh) for __ in range(_LOOKS)]
    if checks.alternates(looks):
        raise errors.NodeError(
            _('Several nodes are behind this endpoint'),
            _('Configure an endpoint for each node.'),
        )
    await one.member.driver.delete(one.image.image_id)
    try:
        await one.member.driver.queue(one.image.image_id)
    except errors.NodeError as error:
        raise errors.NodeError(
            _('The entry was deleted, but the image was not queued again: %s')
            % error.why,
            _("Queue the image with 'openstack image cache queue'."),
        ) from error


def _note(
    findings: verifying.Findings,
    some: Iterable[verification.Candidate],
    error: errors.NodeError,
) -> None:
    for one in some:
        findings[one] = dataclasses.replace(findings[one], error=error)


def _late(limits: verifying.Limits) -> errors.NodeError:
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
