# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache clear``."""

import argparse

from glance_cache_osc import columns
from glance_cache_osc.command import approval
from glance_cache_osc.command import base
from glance_cache_osc.command import options
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries

#: The states of the entries that each target deletes.
_STATES = {
    entries.Target.CACHE: {entries.State.CACHED},
    entries.Target.QUEUE: {entries.State.QUEUED},
    entries.Target.BOTH: {entries.State.CACHED, entries.State.QUEUED},
}


class ClearImageCache(base.CacheLister):
    """Clear the cache, the queue, or both."""

    table = (
        columns.Column('Cached', columns.Kind.COUNT),
        columns.Column('Queued', columns.Kind.COUNT),
        base.SIZE,
        base.NODE,
    )
    _description = _(
        'Clear the cache, the queue, or both. Images stay in Glance. The '
        'output shows what the node listed before the deletion.'
    )
    _example_intro = _(
        'Delete the queued entries of a node, and keep the cached ones:'
    )
    _example = 'openstack image cache clear --queue --node edge-oslo'

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            '--cache',
            action='store_true',
            help=_('Clear the cache (default: cache and queue)'),
        )
        parser.add_argument(
            '--queue',
            action='store_true',
            help=_('Clear the queue (default: cache and queue)'),
        )
        options.add_approval_options(parser)

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        target = _target(parsed_args)
        members = self.chosen_fleet(parsed_args)
        confirm = approval.is_required(parsed_args, members)
        totals = self.loop.run(
            self.read(
                members,
                lambda group: entries.Totals.of(
                    entry for entry in group if entry.state in _STATES[target]
                ),
            )
        )
        if not parsed_args.dry_run:
            if confirm:
                approval.confirm_clearing(totals)
            cleared = self.loop.run(
                self.change(
                    totals,
                    lambda member: member.driver.clear(target),
                    _('Cannot clear the cache of %s'),
                )
            )
            totals = {member: totals[member] for member in cleared}
        return [
            (one.cached, one.queued, one.size, member.node.name)
            for member, one in totals.items()
        ]


def _target(parsed_args: argparse.Namespace) -> entries.Target:
    """What to clear: without options, and with both, cache and queue."""
    if parsed_args.cache == parsed_args.queue:
        return entries.Target.BOTH
    target = entries.Target
    return target.CACHE if parsed_args.cache else target.QUEUE
