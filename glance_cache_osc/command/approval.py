# SPDX-License-Identifier: Apache-2.0

"""Confirmation before a command deletes entries."""

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

#: How many lines of a plan are shown.
_MOST_LINES = 20


def confirm_deletion(steps: base.Steps, more: str = '') -> None:
    """Ask the user to confirm the deletion of entries.

    :param steps: deletions, and images that are not in a cache.
    :param more: a line about other changes of the command; may be empty.
    :raises errors.CacheError: the user did not confirm.
    """
    lines = [
        f'{step.image.label}  {columns.human_size(step.entry.size or 0)}  '
        f'{member.node.name}'
        for member, step in steps
        if step.entry
    ]
    totals = entries.Totals.of(step.entry for __, step in steps if step.entry)
    _confirm_total(_('About to delete'), lines, totals, more)


def is_required(
    parsed_args: argparse.Namespace,
    members: Sequence[base.Member],
    *,
    always: bool = False,
) -> bool:
    """Whether a command must ask for confirmation.

    This depends on the command line alone, not on the entries of the caches:
    a cron job must not fail because a cache has changed. Confirmation is
    required if the command addresses several nodes.

    :param always: whether confirmation is required for a single node, too.
    :raises errors.UsageError: confirmation is required, and standard input or
        standard error is not a terminal.
    """
    words = parsed_args.node
    required = (
        always
        or parsed_args.all_nodes
        or bool(parsed_args.site)
        or len(words) > 1
        or len(members) > 1
        or any(names.is_glob(one) or node_sets.is_set(one) for one in words)
    )
    if parsed_args.auto_approve or common.plans_only(parsed_args):
        return False
    if required and not _is_interactive():
        raise errors.UsageError(
            _('Confirmation required'),
            _('Use --auto-approve to proceed, or --dry-run to show the plan.'),
        )
    return required


def confirm_clearing(totals: Mapping[base.Member, entries.Totals]) -> None:
    """Ask the user to confirm that several nodes are cleared.

    :param totals: the counts and bytes that each node deletes.
    :raises errors.CacheError: the user did not confirm.
    """
    lines = [
        _('%(node)s: %(cached)d cached, %(queued)d queued, %(size)s')
        % {
            'node': member.node.name,
            'cached': one.cached,
            'queued': one.queued,
            'size': columns.human_size(one.size),
        }
        for member, one in totals.items()
    ]
    total = entries.Totals(
        sum(one.cached for one in totals.values()),
        sum(one.queued for one in totals.values()),
        sum(one.size for one in totals.values()),
    )
    _confirm_total(_('About to clear'), lines, total)


def confirm_pruning(members: Sequence[base.Member]) -> None:
    """Ask the user to confirm that several nodes are pruned.

    :raises errors.CacheError: the user did not confirm.
    """
    lines = [member.node.label for member in members]
    _confirm(_('About to prune %d nodes') % len(members), lines)


def _confirm_total(
    what: str,
    lines: list[str],
    total: entries.Totals,
    more: str = '',
) -> None:
    summary = _(
        '%(what)s %(cached)d cached and %(queued)d queued entries (%(size)s)'
    ) % {
        'what': what,
        'cached': total.cached,
        'queued': total.queued,
        'size': columns.human_size(total.size),
    }
    _confirm(summary, lines, more)


def _is_interactive() -> bool:
    # Standard input is None if it is closed, as by '<&-'.
    return bool(sys.stdin) and sys.stdin.isatty() and sys.stderr.isatty()


def _confirm(
    summary: str,
    lines: list[str],
    more: str = '',
) -> None:
    if not lines:
        return
    shown = lines[:_MOST_LINES]
    if len(lines) > len(shown):
        shown.append(_('... and %d more') % (len(lines) - len(shown)))
    for line in shown:
        sys.stderr.write(f'  {columns.safe_text(line)}\n')
    if more:
        sys.stderr.write(f'{more}\n')
    sys.stderr.write(f'{summary}. {_("Continue? [y/N]")} ')
    sys.stderr.flush()
    answer = ''
    try:
        answer = sys.stdin.readline()
    finally:
        if not answer.endswith('\n'):
            # After Ctrl-C or Ctrl-D, the cursor is behind the question.
            sys.stderr.write('\n')
    if answer.strip().lower() not in ('y', 'yes'):
        raise errors.CacheError(_('Nothing was changed'))
