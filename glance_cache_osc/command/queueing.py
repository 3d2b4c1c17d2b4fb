# SPDX-License-Identifier: Apache-2.0

"""Queue images, and wait for them: shared by ``queue`` and ``sync``."""

import argparse
import asyncio
from collections.abc import Iterable
import time

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import base
from glance_cache_osc.command import common
from glance_cache_osc.command import wait_display
from glance_cache_osc.command import wait_report
from glance_cache_osc.drivers import base as drivers
from glance_cache_osc.filling import fills
from glance_cache_osc.filling import waiting
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import plan

#: The age in seconds from which on a plan is read again.
MAX_AGE = 5.0
#: How many nodes and images a message names.
_FEW_NODES = 3
_FEW_IMAGES = 5

#: One step of a plan, with its node and the value of the column Result.
Result = tuple[base.Member, plan.Step, str]

#: The columns of a plan.
PLAN = (base.ID, base.NAME, base.SIZE, base.ACTION, base.NODE)
_QUEUED = 'queued'
_RESULTS = {
    plan.Action.QUEUE: _QUEUED,
    plan.Action.WAIT: 'already queued',
    plan.Action.NONE: 'already cached',
}


def only_possible(command: base.CacheLister, steps: base.Steps) -> base.Steps:
    """The plan without steps that no node, or not this node, can carry out."""
    possible = []
    inactive: dict[tuple[clouds.Cloud, str], str] = {}
    kept: dict[base.Member, list[str]] = {}
    for member, step in steps:
        if not (step.image.active or step.action is plan.Action.DELETE):
            key = member.cloud, step.image.image_id
            inactive[key] = step.image.label
            if step.action is plan.Action.NONE:
                possible.append((member, step))
        elif _replaces(step) and member.driver.filled_by:
            kept.setdefault(member, []).append(step.image.label)
        else:
            possible.append((member, step))
    for (cloud, __), label in inactive.items():
        words = {'image': label, 'where': command.cloud_suffix(cloud)}
        what = _('Cannot queue image %(image)s%(where)s') % words
        command.failures.add(what, errors.ImageInactive())
    for member, labels in kept.items():
        few = columns.few(labels, _FEW_IMAGES)
        words = {'images': few, 'node': member.node.label}
        what = _('Cannot queue %(images)s on %(node)s') % words
        command.failures.add(
            what, drivers.does_not_replace(), member.node.name
        )
    return possible


def is_old(steps: base.Steps, planned_at: float) -> bool:
    """Whether a plan that queues images was made some time ago.

    Deletions and silent nodes delay all other nodes.

    :param planned_at: the value of `time.monotonic` before the plan was made.
    """
    age = time.monotonic() - planned_at
    return _kept(steps) != steps and age > MAX_AGE


async def carry_out(
    command: base.CacheLister,
    steps: base.Steps,
    limits: waiting.Limits | None,
    *,
    is_old: bool = False,
) -> list[Result]:
    """Queue the images of a plan, and wait for them if there are limits.

    :param limits: the limits of the wait; None to queue only.
    :param is_old: whether the plan may be outdated; it is then made again.
    :returns: the results, without failed steps, which are reported.
    """
    command.loop.has_changes = True
    if is_old:
        try:
            steps = await _planned_again(command, steps)
        except asyncio.CancelledError:
            count_interrupted(command, steps)
            return [(*one, _RESULTS[one[1].action]) for one in _kept(steps)]
    if limits:
        known = {one for one, __ in steps if one.driver.filled_by}
        _report_external_fills(command, steps)
        results = await _fill(command, steps, limits)
        left = [
            (member, step)
            for member, step, word in results
            if word == _QUEUED and member not in known
        ]
        _report_external_fills(command, left)
        return results
    replaced = {
        fleet.Job(member, step.image.image_id)
        for member, step in steps
        if _replaces(step)
    }

    async def queue(job: fleet.Job) -> None:
        driver = job.member.driver
        send = driver.replace if job in replaced else driver.queue
        await send(job.image_id)

    done = await command.carry_out(
        steps,
        queue,
        _('Cannot queue image %(image)s on %(node)s'),
    )
    _report_external_fills(command, done)
    return [(member, step, _RESULTS[step.action]) for member, step in done]


async def _planned_again(
    command: base.CacheLister, steps: base.Steps
) -> base.Steps:
    """The plan as of now: an image that was cached meanwhile is not queued.

    Nodes that cannot be read now are reported, and nothing is queued there.
    """
    members = dict.fromkeys(member for member, __ in steps)
    held = await command.read(members, plan.by_id)
    again: base.Steps = []
    for member, step in steps:
        if member not in held:
            again += _kept([(member, step)])
            continue
        entry = held[member].get(step.image.image_id)
        if step.action is plan.Action.WAIT and not entry:
            entry = step.entry  # While its fill ends, no list has the image.
        [now] = plan.to_queue([step.image], [entry] if entry else [])
        if step.image.active or now.action is plan.Action.NONE:
            again.append((member, now))
    return again


def _kept(steps: base.Steps) -> base.Steps:
    """The steps that queue nothing."""
    return [one for one in steps if one[1].action is not plan.Action.QUEUE]


def _report_external_fills(
    command: base.CacheLister, steps: base.Steps
) -> None:
    """Log which external programs must run to download queued images."""
    programs: dict[str, dict[str, None]] = {}
    for member, step in steps:
        program = member.driver.filled_by
        if program and step.action is not plan.Action.NONE:
            programs.setdefault(program, {})[member.node.name] = None
    for program, nodes in programs.items():
        line = _("Images stay queued until '%(program)s' runs on %(where)s.")
        words = {
            'program': program,
            'where': columns.few(list(nodes), _FEW_NODES),
        }
        command.log.warning(columns.safe_text(line % words))


def count_interrupted(command: base.CacheLister, steps: base.Steps) -> None:
    """Count the images that are not queued because of Ctrl-C."""
    command.failures.interrupt(
        sum(step.action is plan.Action.QUEUE for __, step in steps)
    )


async def _fill(
    command: base.CacheLister, steps: base.Steps, limits: waiting.Limits
) -> list[Result]:
    """Queue the images of a plan, and wait until they are cached."""
    todo = [(member, step, _fill_of(member, step)) for member, step in steps]
    wanted = [fill for *__, fill in todo if fill]
    # Queue the first image of the command line on all nodes before the second.
    order: dict[str, int] = {}
    for __, step in steps:
        order.setdefault(step.image.image_id, len(order))
    with wait_display.show(command.log, limits.stall_after) as watcher:
        wait = waiting.Wait(
            sorted(wanted, key=lambda fill: order[fill.image.image_id]),
            limits,
            not_cacheable=clouds.not_cacheable,
            watcher=watcher,
        )
        ending = await wait.follow()
    wait_report.add(command.failures, wanted, wait, ending)
    words = ((one, step, _result(step, fill)) for one, step, fill in todo)
    results = [(one, step, word) for one, step, word in words if word]
    replaced = [
        step.image.label for _one, step, _word in results if _replaces(step)
    ]
    if replaced:
        line = _(
            'The wait does not include images that were already cached, '
            'because nodes list them as cached during the download: '
            "%(images)s. To check their data, use 'openstack image cache "
            "verify'."
        )
        few = columns.few(list(dict.fromkeys(replaced)), _FEW_IMAGES)
        command.log.warning(columns.safe_text(line % {'images': few}))
    return results


def _fill_of(member: base.Member, step: plan.Step) -> fills.Fill | None:
    """The fill that a step requires; None if the image is cached."""
    if step.action is plan.Action.NONE:
        return None
    waits = step.action is plan.Action.WAIT
    held = step.entry
    return fills.Fill(
        member,
        step.image,
        state=fills.State.REQUESTED if waits else fills.State.PENDING,
        force=held is not None,
        replaces=_replaces(step),
        accepted=waits and held is None,
        queued=held is not None and held.state is entries.State.QUEUED,
    )


def _result(step: plan.Step, fill: fills.Fill | None) -> str:
    """The value of the column Result; empty if there is no row."""
    if fill is None:
        return _RESULTS[plan.Action.NONE]
    if fill.state is fills.State.CACHED:
        return _QUEUED if _replaces(step) else 'cached'
    return _QUEUED if fill.is_open and wait_report.is_queued(fill) else ''


def _replaces(step: plan.Step) -> bool:
    """Whether a fill replaces a cached entry, which no list shows."""
    return (
        step.action is plan.Action.QUEUE
        and step.entry is not None
        and step.entry.state is entries.State.CACHED
    )


def check_long(parsed_args: argparse.Namespace, options: str) -> None:
    """Reject ``--long`` without a plan.

    :param options: the options of the command that show a plan.
    """
    if parsed_args.long and not common.plans_only(parsed_args):
        raise errors.UsageError(_('--long requires %s') % options)


def plan_rows(steps: base.Steps, *, long: bool) -> base.Rows:
    """Rows with the columns of `PLAN`.

    :param long: include images that need no action.
    """
    return [
        (
            step.image.image_id,
            step.image.name,
            _size(step),
            step.action.value,
            member.node.name,
        )
        for member, step in steps
        if long or step.action is not plan.Action.NONE
    ]


def _size(step: plan.Step) -> int | None:
    """The size of an image in bytes, according to the cache or else Glance."""
    held = step.entry.size if step.entry else None
    return step.image.size if held is None else held


def rows(results: Iterable[Result]) -> base.Rows:
    """Rows of ID, Name, Result and Node."""
    return [
        (step.image.image_id, step.image.name, word, member.node.name)
        for member, step, word in results
    ]
