# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache queue``."""

import argparse
from collections.abc import Sequence
import time

from glance_cache_osc import columns
from glance_cache_osc.command import base
from glance_cache_osc.command import common
from glance_cache_osc.command import options
from glance_cache_osc.command import queueing
from glance_cache_osc.command import summaries
from glance_cache_osc.command import waiting_options
from glance_cache_osc.command import wanted
from glance_cache_osc.i18n import _
from glance_cache_osc.model import plan
from glance_cache_osc.transport import attempt

_LONG_REQUIRES = '--dry-run'


class QueueImageCache(base.CacheLister):
    """Queue images."""

    table = (base.ID, base.NAME, base.RESULT, base.NODE)
    nothing_found = _('No changes are pending.')
    _description = _(
        'Queue images, so that nodes download them into their caches. '
        'Images that are already cached or queued are skipped.'
    )
    _epilog = _(
        'Each node downloads its queued images one after the other, in the '
        'background.'
    )
    _example_intro = _(
        'Queue the images with the tag golden on one node, and wait until '
        'they are cached:'
    )
    _example = (
        'openstack image cache queue --tag golden --node edge-oslo --wait'
    )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        options.add_images(
            parser, _('Image to queue: an ID, a name, or a glob on names')
        )
        options.add_image_options(parser)
        parser.add_argument(
            '--force',
            action='store_true',
            help=_(
                'Queue images again even if they are cached or queued; nodes '
                'download them again'
            ),
        )
        options.add_plan_options(parser)
        summaries.add_option(parser)
        parser.add_argument(
            '--long',
            action='store_true',
            help=_('With %s, also list images that need no action')
            % _LONG_REQUIRES,
        )
        waiting_options.add(parser)

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        queueing.check_long(parsed_args, _LONG_REQUIRES)
        words = wanted.Wanted(parsed_args)
        limits = waiting_options.limits(self, parsed_args)
        members = self.chosen_fleet(parsed_args)
        planned_at = time.monotonic()
        find = self.in_each_cloud(
            members, lambda cloud, _group: words.find(self, cloud)
        )
        by_cloud, held = self.loop.run(
            attempt.both(find, self.list_entries(members))
        )
        found = {cloud: one for cloud, (one, __) in by_cloud.items()}
        unknown = {one for one, (__, whole) in by_cloud.items() if not whole}
        steps = [
            (member, step)
            for member, group in held.items()
            for step in plan.to_queue(
                found.get(member.cloud, ()), group, force=parsed_args.force
            )
        ]
        steps = queueing.only_possible(self, steps)
        line = summaries.download_summary(self, steps)
        summaries.announce(self, parsed_args, line)
        if parsed_args.dry_run and not parsed_args.summary:
            return queueing.plan_rows(steps, long=parsed_args.long)
        if parsed_args.dry_run:
            results = [(*one, one[1].action.value) for one in steps]
        else:
            # A replacement does not depend on what the node lists.
            is_old = not parsed_args.force and queueing.is_old(
                steps, planned_at
            )
            results = self.loop.run(
                queueing.carry_out(self, steps, limits, is_old=is_old)
            )
        if parsed_args.summary:
            return summaries.rows(
                self,
                members,
                lambda one: (
                    None
                    if one.cloud in unknown
                    else len(found.get(one.cloud, ()))
                ),
                results,
            )
        return queueing.rows(results)

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        if parsed_args.summary:
            return summaries.table(self)
        if common.plans_only(parsed_args):
            return queueing.PLAN
        return super().columns_for(parsed_args)
