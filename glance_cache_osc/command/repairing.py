# SPDX-License-Identifier: Apache-2.0

"""Repairing corrupt entries: ``verify --repair``."""

import argparse
import asyncio
import dataclasses

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
from glance_cache_osc.verifying import verification

Result = verification.Result
#: What a repair mends: the file itself is wrong.
_REPAIRABLE = frozenset({Result.CORRUPT, Result.TRUNCATED})
#: Seconds without a newly cached image until a node is reported as stalled:
#: old nodes look for queued images every 300 seconds.
_STALL_AFTER = 900.0


def repair(
    command: base.CacheLister,
    parsed_args: argparse.Namespace,
    findings: verifying.Findings,
    limits: verifying.Limits,
) -> verifying.Findings:
    """Replace corrupt and truncated entries; returns their new findings.

    An entry is deleted only if the data in its store is intact: a fill from
    a damaged store ends the cache thread of a node.
    """
    bad = {
        one: finding
        for one, finding in findings.items()
        if finding.result in _REPAIRABLE
    }
    checked = command.loop.run(_check_stores(bad, limits))
    good = [one for one, finding in checked.items() if not finding.error]
    if not good:
        return checked
    steps = [_step(one, plan.Action.DELETE) for one in good]
    try:
        approval.deletion(parsed_args, steps)
    except errors.CacheError as error:
        command.failures.add(_('Cannot repair'), error)
        return checked
    deleted = {
        (member, step.image)
        for member, step in command.loop.run(command.delete(steps))
    }
    gone = [one for one in good if (one.member, one.image) in deleted]
    filled = command.loop.run(
        queueing.carry_out(
            command,
            [_step(one, plan.Action.QUEUE) for one in gone],
            waiting.Limits(
                limits.left or 0, _STALL_AFTER, limits.max_downloads
            ),
        )
    )
    cached = {
        (member, step.image)
        for member, step, word in filled
        if word == 'cached'
    }
    late = errors.NodeError(
        _('The image was queued again, and was not cached in time'),
        _('Verify it again later.'),
    )
    checked |= {
        one: dataclasses.replace(checked[one], error=late)
        for one in gone
        if (one.member, one.image) not in cached
    }
    again = [one for one in gone if (one.member, one.image) in cached]
    verified = command.loop.run(verifying.verify(command, again, limits))
    return checked | {one: _repaired(verified[one]) for one in verified}


async def _check_stores(
    bad: verifying.Findings, limits: verifying.Limits
) -> verifying.Findings:
    """The findings, with an error where the store is damaged as well."""
    with (
        progress.transferring(_('Reading from the stores')) as watcher,
        verification.Verification(limits.max_downloads, watcher) as reading,
    ):
        reading.findings |= bad
        try:
            async with asyncio.timeout(limits.left):
                await reading.check_stores(bad)
        except TimeoutError:
            late = errors.NodeError(
                _('The store was not read within %g seconds') % limits.timeout,
                _("'--timeout' sets how long to wait."),
            )
            return {
                one: dataclasses.replace(finding, error=finding.error or late)
                for one, finding in reading.findings.items()
            }
    return reading.findings


def _step(
    one: verification.Candidate, action: plan.Action
) -> tuple[base.Member, plan.Step]:
    image_id = one.image.image_id
    entry = entries.Entry(image_id, entries.State.CACHED, one.size)
    if action is plan.Action.QUEUE:
        return one.member, plan.Step(one.image, action)
    return one.member, plan.Step(one.image, action, entry)


def _repaired(finding: verification.Finding) -> verification.Finding:
    if finding.result is Result.OK:
        return dataclasses.replace(finding, result=Result.REPAIRED)
    return finding
