# SPDX-License-Identifier: Apache-2.0

"""Asking before much is taken away."""

import argparse
from collections.abc import Mapping
import sys

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.command import base
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import plan

#: Lines of a plan that are shown one by one.
_MOST_LINES = 20


def deletion(
    parsed_args: argparse.Namespace, steps: base.Steps, more: str = ''
) -> None:
    """Ask whether entries may be deleted.

    :param more: what the command does besides, on a line.
    :raises errors.UsageError: there is nobody to ask.
    :raises errors.CacheError: the answer is not yes.
    """
    lines = [
        f'{step.image.label}  '
        f'{columns.human_size(step.entry.size or 0)}  {member.node.name}'
        for member, step in steps
        if step.action is plan.Action.DELETE and step.entry
    ]
    freed = entries.Freed.of(step.entry for __, step in steps if step.entry)
    _ask(parsed_args, _('About to delete'), lines, freed, more)


def check(parsed_args: argparse.Namespace) -> None:
    """Refuse a change that nobody could approve, before any work is done.

    :raises errors.UsageError: there is no --auto-approve and no terminal.
    """
    if not parsed_args.auto_approve and not _on_a_terminal():
        raise errors.UsageError(
            _('--repair requires confirmation'),
            _('Use --auto-approve, or run the command on a terminal.'),
        )


def clearing(
    parsed_args: argparse.Namespace,
    freed: Mapping[base.Member, entries.Freed],
) -> None:
    """Ask whether several nodes may be cleared.

    :raises errors.UsageError: there is nobody to ask.
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
    total = entries.Freed(
        sum(one.cached for one in freed.values()),
        sum(one.queued for one in freed.values()),
        sum(one.size for one in freed.values()),
    )
    _ask(parsed_args, _('About to clear'), lines, total)


def pruning(
    parsed_args: argparse.Namespace, members: list[base.Member]
) -> None:
    """Ask whether several nodes may be pruned.

    :raises errors.UsageError: there is nobody to ask.
    :raises errors.CacheError: the answer is not yes.
    """
    lines = [member.node.label for member in members]
    _confirm(parsed_args, _('About to prune %d nodes') % len(members), lines)


def _ask(
    parsed_args: argparse.Namespace,
    what: str,
    lines: list[str],
    total: entries.Freed,
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
    _confirm(parsed_args, summary, lines, more)


def _on_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _confirm(
    parsed_args: argparse.Namespace,
    summary: str,
    lines: list[str],
    more: str = '',
) -> None:
    if parsed_args.auto_approve or not lines:
        return
    if not _on_a_terminal():
        raise errors.UsageError(
            _('%s: nothing is done without approval') % summary,
            _('Give --auto-approve, or --dry-run to see what it does.'),
        )
    shown = lines[:_MOST_LINES]
    if len(lines) > len(shown):
        shown.append(_('… and %d more') % (len(lines) - len(shown)))
    for line in shown:
        sys.stderr.write(f'  {columns.safe_text(line)}\n')
    if more:
        sys.stderr.write(f'{more}\n')
    sys.stderr.write(f'{summary}. {_("Go on? [y/N]")} ')
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ('y', 'yes'):
        raise errors.CacheError(_('Nothing was changed'))
