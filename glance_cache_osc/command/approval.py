# SPDX-License-Identifier: Apache-2.0

"""Asking before much is taken away."""

import argparse
from collections.abc import Mapping
from collections.abc import Sequence
import sys

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.command import base
from glance_cache_osc.command import common
from glance_cache_osc.fleet import names
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import node_sets
from glance_cache_osc.model import plan

#: Lines of a plan that are shown one by one.
_MOST_LINES = 20


def deletion(steps: base.Steps, more: str = '') -> None:
    """Ask whether entries may be deleted.

    :param more: what the command does besides, on a line.
    :raises errors.CacheError: the answer is not yes.
    """
    lines = [
        f'{step.image.label}  {columns.human_size(step.entry.size or 0)}  '
        f'{member.node.name}'
        for member, step in steps
        if step.action is plan.Action.DELETE and step.entry
    ]
    freed = entries.Totals.of(step.entry for __, step in steps if step.entry)
    _ask(_('About to delete'), lines, freed, more)


def check(
    parsed_args: argparse.Namespace,
    members: Sequence[base.Member],
    *,
    always: bool = False,
) -> bool:
    """Whether a command asks; that depends on its command line alone.

    It asks when it may act on several nodes, whatever their caches hold.

    :param always: whether it asks on a single node as well.
    :raises errors.UsageError: it asks, and there is nobody to ask.
    """
    words = parsed_args.node
    asks = (
        always
        or parsed_args.all_nodes
        or bool(parsed_args.site)
        or len(words) > 1
        or len(members) > 1
        or any(names.is_glob(one) or node_sets.is_set(one) for one in words)
    )
    if parsed_args.auto_approve or common.plans_only(parsed_args):
        return False
    if asks and not _on_a_terminal():
        raise errors.UsageError(
            _('Confirmation required'),
            _('Use --auto-approve to proceed, or --dry-run to show the plan.'),
        )
    return asks


def clearing(freed: Mapping[base.Member, entries.Totals]) -> None:
    """Ask whether several nodes may be cleared.

    :raises errors.CacheError: the answer is not yes.
    """
    lines = [
        _('%(node)s: %(cached)d cached, %(queued)d queued, %(size)s')
        % {
            'node': member.node.name,
            'cached': one.cached,
            'queued': one.queued,
            'size': columns.human_size(one.size),
        }
        for member, one in freed.items()
    ]
    total = entries.Totals(
        sum(one.cached for one in freed.values()),
        sum(one.queued for one in freed.values()),
        sum(one.size for one in freed.values()),
    )
    _ask(_('About to clear'), lines, total)


def pruning(members: Sequence[base.Member]) -> None:
    """Ask whether several nodes may be pruned.

    :raises errors.CacheError: the answer is not yes.
    """
    lines = [member.node.label for member in members]
    _confirm(_('About to prune %d nodes') % len(members), lines)


def _ask(
    what: str,
    lines: list[str],
    total: entries.Totals,
    more: str = '',
) -> None:
    summary = _(
        '%(what)s %(cached)d cached and %(queued)d queued (%(size)s)'
    ) % {
        'what': what,
        'cached': total.cached,
        'queued': total.queued,
        'size': columns.human_size(total.size),
    }
    _confirm(summary, lines, more)


def _on_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _confirm(
    summary: str,
    lines: list[str],
    more: str = '',
) -> None:
    if not lines:
        return
    shown = lines[:_MOST_LINES]
    if len(lines) > len(shown):
        shown.append(_('… and %d more') % (len(lines) - len(shown)))
    for line in shown:
        sys.stderr.write(f'  {columns.safe_text(line)}\n')
    if more:
        sys.stderr.write(f'{more}\n')
    sys.stderr.write(f'{summary}. {_("Continue? [y/N]")} ')
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ('y', 'yes'):
        raise errors.CacheError(_('Nothing was changed'))
