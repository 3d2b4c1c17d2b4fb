# SPDX-License-Identifier: Apache-2.0

"""Having images cached, and waiting for them: `queue` and `sync`."""

from collections.abc import Iterable

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import base
from glance_cache_osc.command import wait_display
from glance_cache_osc.filling import fills
from glance_cache_osc.filling import waiting
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import plan

#: So many nodes, and images that did not arrive, are named.
_FEW_NODES = 3
_FEW_IMAGES = 5

#: What was done with one image on one node, in the word of a row.
Result = tuple[base.Member, plan.Step, str]

#: The columns of what is to be done.
PLAN = (base.ID, base.NAME, base.SIZE, base.ACTION, base.NODE)
_RESULTS = {
    plan.Action.QUEUE: 'queued',
    plan.Action.WAIT: 'already queued',
    plan.Action.NONE: 'already cached',
}


async def carry_out(
    command: base.CacheLister,
    steps: base.Steps,
    limits: waiting.Limits | None,
) -> list[Result]:
    """Have what lacks queued, and wait for it if that is wanted.

    What failed is reported, and left out.
    """
    _say_who_fills(command, steps)
    command.loop.has_changes = True
    if limits:
        return await _fill(command, steps, limits)
    done = await command.carry_out(
        steps,
        lambda job: job.member.driver.queue(job.image_id),
        _("Cannot queue image '%(image)s' on %(node)s"),
    )
    return [(member, step, _RESULTS[step.action]) for member, step in done]


def _say_who_fills(command: base.CacheLister, steps: base.Steps) -> None:
    """Tell of nodes where queued images wait for somebody."""
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


def give_up(command: base.CacheLister, steps: base.Steps) -> None:
    """Count what is not asked for, since the user stopped the command."""
    for __, step in steps:
        if step.action is plan.Action.QUEUE:
            command.failures.add('', errors.Interrupted())


async def _fill(
    command: base.CacheLister, steps: base.Steps, limits: waiting.Limits
) -> list[Result]:
    """Carry out steps, and wait for what was asked for."""
    todo = [(member, step, _fill_of(member, step)) for member, step in steps]
    wanted = [fill for *__, fill in todo if fill]
    # The image that was named first on all nodes, then the second, …
    order: dict[str, int] = {}
    for __, step in steps:
        order.setdefault(step.image.image_id, len(order))
    with wait_display.shown(command.log, limits.stall_after) as watcher:
        wait = waiting.Wait(
            sorted(wanted, key=lambda fill: order[fill.image.image_id]),
            limits,
            known=clouds.still_known,
            watcher=watcher,
        )
        ending = await wait.follow()
    _report(command.failures, wanted, wait, ending)
    results = ((member, step, _result(fill)) for member, step, fill in todo)
    return [(one, step, word) for one, step, word in results if word]


def _report(
    failures: report.Failures,
    done: Iterable[fills.Fill],
    wait: waiting.Wait,
    ending: waiting.Ending,
) -> None:
    """Tell what did not arrive, and why."""

    def fail(fill: fills.Fill, error: errors.CacheError) -> None:
        node = fill.member.node
        words = {'image': fill.image.label, 'node': node.label}
        what = _("Cannot cache image '%(image)s' on %(node)s") % words
        failures.add(what, error, node.name)

    late: dict[base.Member, list[fills.Fill]] = {}
    for fill in done:
        if fill.error:
            fail(fill, fill.error)
        elif fill.is_open:
            late.setdefault(fill.member, []).append(fill)
    for member, missing in late.items():
        if ending is not waiting.Ending.INTERRUPTED:
            labels = [fill.image.label for fill in missing]
            words = {
                'node': member.node.label,
                'images': columns.few(labels, _FEW_IMAGES),
            }
            what = _('Not cached on %(node)s: %(images)s') % words
            why = _why_late(wait, member, ending)
            failures.add(what, why, member.node.name)
            continue
        for fill in missing:
            if fill.state is fills.State.PENDING:
                failures.add('', errors.Interrupted())
            elif not _is_queued(fill):
                fail(fill, errors.Unconfirmed())


def _why_late(
    wait: waiting.Wait, member: base.Member, ending: waiting.Ending
) -> errors.NodeError:
    if ending is waiting.Ending.TIMED_OUT:
        why = _('Not cached within %g seconds') % wait.limits.timeout
        remedy = _('Queued images stay queued. To wait longer, use --timeout.')
    else:
        why = _('Stalled: no newly cached image for %g seconds')
        why %= wait.limits.stall_after
        remedy = ''
    if last_error := wait.last_error(member):
        # It may not even have heard what it was asked for.
        remedy = _('Last response: %s') % last_error
        if errors.is_unreachable(last_error):
            return errors.TimedOut(why, remedy)
    return errors.NodeError(why, remedy)


def _fill_of(member: base.Member, step: plan.Step) -> fills.Fill | None:
    """What is to be waited for; None where the image is cached."""
    if step.action is plan.Action.NONE:
        return None
    waits = step.action is plan.Action.WAIT
    held = step.entry
    return fills.Fill(
        member,
        step.image,
        state=fills.State.REQUESTED if waits else fills.State.PENDING,
        force=held is not None,
        queued=held is not None and held.state is entries.State.QUEUED,
    )


def _result(fill: fills.Fill | None) -> str:
    """The word of a row; '' for none."""
    if fill is None:
        return _RESULTS[plan.Action.NONE]
    if fill.state is fills.State.CACHED:
        return 'cached'
    return 'queued' if fill.is_open and _is_queued(fill) else ''


def _is_queued(fill: fills.Fill) -> bool:
    """Whether the node is known to have the request."""
    return fill.queued or fill.accepted


def planned(steps: base.Steps, *, long: bool) -> base.Rows:
    """Rows of `PLAN`.

    :param long: also of images with which nothing is to be done.
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
    """Bytes, as the cache or else Glance has them."""
    held = step.entry.size if step.entry else None
    return step.image.size if held is None else held


def rows(results: Iterable[Result]) -> base.Rows:
    """Rows of ID, Name, Result and Node."""
    return [
        (step.image.image_id, step.image.name, word, member.node.name)
        for member, step, word in results
    ]
