# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache clean`` and ``prune``: Glance's maintenance."""

import argparse
from collections.abc import Sequence

from glance_cache_osc import columns
from glance_cache_osc.command import approval
from glance_cache_osc.command import base
from glance_cache_osc.command import options
from glance_cache_osc.i18n import _

#: In seconds: pruning a full cache deletes many large files.
_PRUNE_TIMEOUT = 600.0


class CleanImageCache(base.CacheLister):
    """Delete invalid files and files of stalled fills."""

    table = (base.RESULT, base.NODE)
    _description = _(
        'Clean the caches of nodes: each node deletes invalid files and '
        'files of stalled fills. Requires Images API 2.18.'
    )
    _epilog = _('Glance does not report how much was deleted.')
    _example = 'openstack image cache clean --all-nodes'

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        options.add_plan_options(parser)

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        members = self.chosen_fleet(parsed_args)
        if parsed_args.dry_run:
            return [('clean', member.node.name) for member in members]
        cleaned = self.loop.run(
            self.change(
                members,
                lambda member: member.driver.clean(),
                _('Cannot clean the cache of %s'),
            )
        )
        return [('cleaned', member.node.name) for member in cleaned]


class PruneImageCache(base.CacheLister):
    """Prune caches to their size limits."""

    _description = _(
        'Prune the caches of nodes to their size limits. Each node deletes '
        'its least recently used images first. The output shows how much was '
        'deleted. Requires Images API 2.18.'
    )
    _example = 'openstack image cache prune --node edge-oslo'

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            '--prune-timeout',
            metavar='<seconds>',
            type=options.seconds,
            default=_PRUNE_TIMEOUT,
            help=_(
                'Wait at most this many seconds for each node (default: %g)'
            )
            % _PRUNE_TIMEOUT,
        )
        options.add_approval_options(parser)

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        if parsed_args.dry_run:
            return (base.ACTION, base.NODE)
        return (
            columns.Column('Files', columns.Kind.COUNT),
            base.SIZE,
            base.NODE,
        )

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        members = self.chosen_fleet(parsed_args)
        if parsed_args.dry_run:
            return [('prune', member.node.name) for member in members]
        if approval.is_required(parsed_args, members):
            approval.confirm_pruning(members)
        pruned = self.loop.run(
            self.change(
                members,
                lambda member: member.driver.prune(parsed_args.prune_timeout),
                _('Cannot prune the cache of %s'),
            )
        )
        return [
            (totals.files, totals.size, member.node.name)
            for member, totals in pruned.items()
        ]
