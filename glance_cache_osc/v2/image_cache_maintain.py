#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""``openstack image cache clean`` and ``prune``: Glance's maintenance."""

import argparse
from collections.abc import Sequence

from glance_cache_osc import columns
from glance_cache_osc.command import approval
from glance_cache_osc.command import base
from glance_cache_osc.command import options
from glance_cache_osc.i18n import _

#: Seconds; shrinking a full cache is the deletion of many large files.
_PRUNE_TIMEOUT = 600.0


class CleanImageCache(base.CacheLister):
    """Drop what no entry needs."""

    _description = _(
        'Have nodes drop invalid files, and those of fills that stalled, '
        'from their caches. Needs Images API 2.18.'
    )
    _epilog = _('Glance does not say how much that was.')
    _example = 'openstack image cache clean --all-nodes'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        options.add_dry_run(parser)
        return parser

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        last = base.ACTION if parsed_args.dry_run else base.RESULT
        return (last, base.NODE)

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        members = self.chosen_fleet(parsed_args)
        if parsed_args.dry_run:
            return [('clean', member.node.name) for member in members]
        rows: base.Rows = []
        for outcome in self.loop.run(
            self.change(list(members), lambda member: member.driver.clean())
        ):
            if outcome.error:
                self.failures.add(
                    _('Cannot clean the cache of %s') % outcome.job.node.label,
                    outcome.error,
                )
            else:
                rows.append(('cleaned', outcome.job.node.name))
        return rows


class PruneImageCache(base.CacheLister):
    """Shrink caches to their limits."""

    _description = _(
        'Have nodes shrink their caches to their own limits, least recently '
        'used images first, and show what that freed. Needs Images API 2.18.'
    )
    _example = 'openstack image cache prune --node edge-oslo'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--timeout',
            metavar='<seconds>',
            type=options.seconds,
            default=_PRUNE_TIMEOUT,
            help=_('How long a node may prune, in seconds (default: %g)')
            % _PRUNE_TIMEOUT,
        )
        options.add_approval_options(parser)
        return parser

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
        if len(members) > 1:
            approval.pruning(parsed_args, list(members))
        rows: base.Rows = []
        for outcome in self.loop.run(
            self.change(
                list(members),
                lambda member: member.driver.prune(parsed_args.timeout),
            )
        ):
            if outcome.error:
                self.failures.add(
                    _('Cannot prune the cache of %s') % outcome.job.node.label,
                    outcome.error,
                )
            elif outcome.value:
                freed = outcome.value
                rows.append((freed.files, freed.size, outcome.job.node.name))
        return rows
