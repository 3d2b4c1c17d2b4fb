# SPDX-License-Identifier: Apache-2.0

"""Having images cached, and waiting for them: `queue` and `sync`."""

import argparse
from collections.abc import Iterable

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import base
from glance_cache_osc.command import options
from glance_cache_osc.command import wait_display
from glance_cache_osc.filling import fills
from glance_cache_osc.filling import waiting
from glance_cache_osc.fleet import configuration
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import plan
from glance_cache_osc.policy import policies

#: So many nodes, and images that did not arrive, are named.
_FEW_NODES = 3
_FEW_IMAGES = 5
_TIMEOUT = 3600.0
_STALL_AFTER = 300.0

#: What was done with one image on one node, in the word of a row.
Result = tuple[base.Member, plan.Step, str]

_RESULTS = {
    plan.Action.QUEUE: 'queued',
    plan.Action.WAIT: 'already queued',
    plan.Action.NONE: 'already cached',
}


def add_waiting_options(parser: argparse.ArgumentParser) -> None:
    """``--wait``, and how."""
    group = parser.add_argument_group(
        _('waiting'),
        _('What was asked for stays asked for, however the wait ends.'),
    )
    group.add_argument(
        '--wait',
        action='store_true',
        help=_('Wait until the images are cached'),
    )
    group.add_argument(
        '--timeout',
        metavar='<seconds>',
        type=options.seconds_or_none,
        help=_(
            'How long to wait in all, in seconds; 0 for no limit (default: %g)'
        )
        % _TIMEOUT,
    )
    group.add_argument(
        '--max-downloads',
        metavar='<number>',
        type=options.count,
        help=_(
            'Have at most so many images fetched at a time, over all nodes, '
            'and ask for the next as one arrives (default: no limit; '
            'implies --wait)'
        ),
    )
    group.add_argument(
        '--max-downloads-per-site',
        metavar='<number>',
        type=options.count,
        help=_(
            'Download at most this many images at a time on each site '
            '(default: with --wait, max_downloads of the policy, or of the '
            'site in clouds.yaml; implies --wait)'
        ),
    )
    group.add_argument(
        '--stall-after',
        metavar='<seconds>',
        type=options.seconds,
        help=_(
            'Tell of a node on which nothing has arrived for so long, in '
            'seconds, and wait for the others (default: %g)'
        )
        % _STALL_AFTER,
    )


def limits(
    command: base.CacheLister,
    parsed_args: argparse.Namespace,
    policy: policies.Policy | None = None,
) -> waiting.Limits | None:
    """How to wait; None for not at all.

    :raises errors.UsageError: it is said how to wait, and not to wait; or
        the sites in clouds.yaml are written wrong.
    """
    sites = configuration.sites(command.cloud)

    def of_site(site: str) -> int:
        rule = policy.rule_for(site) if policy else None
        known = sites.get(site)
        return (
            parsed_args.max_downloads_per_site
            or (rule and rule.max_downloads)
            or (known and known.max_downloads)
            or 0
        )

    if (
        parsed_args.wait
        or parsed_args.max_downloads
        or parsed_args.max_downloads_per_site
    ):
        timeout = parsed_args.timeout
        return waiting.Limits(
            timeout=_TIMEOUT if timeout is None else timeout,
            stall_after=parsed_args.stall_after or _STALL_AFTER,
            downloads=parsed_args.max_downloads or 0,
            site_downloads=of_site,
        )
    for option in ('timeout', 'stall_after'):
        if getattr(parsed_args, option) is not None:
            raise errors.UsageError(
                _("'--%s' is for those who wait") % option.replace('_', '-'),
                _('Give --wait as well.'),
            )
    return None


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
        line = _("Queued images wait until '%(program)s' runs on %(where)s.")
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
        why = _('Not within %g seconds') % wait.limits.timeout
        remedy = _(
            'What is queued stays queued; --timeout sets how long to wait.'
        )
    else:
        why = _('Nothing has arrived there for %g seconds')
        why %= wait.limits.stall_after
        remedy = ''
    if last_error := wait.last_error(member):
        # It may not even have heard what it was asked for.
        remedy = _('Its last answer: %s') % last_error
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


def planned(steps: base.Steps) -> base.Rows:
    """Rows of ID, Name, Action and Node."""
    return rows((*one, one[1].action.value) for one in steps)


def rows(results: Iterable[Result]) -> base.Rows:
    """Rows of ID, Name, Result and Node."""
    return [
        (step.image.image_id, step.image.name, word, member.node.name)
        for member, step, word in results
    ]
