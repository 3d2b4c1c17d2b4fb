# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache site list``."""

import argparse
from collections.abc import Sequence
from typing import Any

from glance_cache_osc import columns
from glance_cache_osc.command import base
from glance_cache_osc.command import policy_files
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import plan
from glance_cache_osc.monitoring import snapshot
from glance_cache_osc.transport import attempt

_COUNT = columns.Kind.COUNT


class ListImageCacheSites(base.CacheLister):
    """List sites, and whether they comply with a policy."""

    table = (
        columns.Column('Site'),
        columns.Column('Nodes', _COUNT),
        columns.Column('Reachable', _COUNT),
        columns.Column('Entries', _COUNT),
        base.SIZE,
        columns.Column('Wanted', _COUNT),
        columns.Column('Missing', _COUNT),
        columns.Column('Extra', _COUNT),
        columns.Column('Status'),
    )
    _description = _(
        'List sites with their nodes, entries and bytes. With --policy, also '
        'list how many entries belong there, how many of those are not '
        'cached, and how many other entries there are.'
    )
    _epilog = _(
        "Status is 'incomplete' if an entry is missing or must be deleted; "
        "'unknown' if the policy has no rule for the site, not all images of "
        "its sets were found, or not all of its nodes responded; else 'in "
        "sync'."
    )
    _example_intro = _('List how many images are missing on each site:')
    _example = (
        'openstack image cache site list --policy policy.yaml -c Site '
        '-c Missing -c Status'
    )
    changes = False

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        policy_files.add_option(
            parser,
            _(
                'Policy file that defines which images belong on which sites; '
                "'-' is standard input"
            ),
        )

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        table = super().columns_for(parsed_args)
        return [*table, base.CLOUD] if self.has_several_clouds else table

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        policy = policy_files.from_args(parsed_args)
        members = self.chosen_fleet(parsed_args)
        wanted: policy_files.Wanted = {}
        if policy:
            find = policy_files.find(self, policy, members)
            wanted, held = self.loop.run(
                attempt.both(find, self.list_entries(members))
            )
        else:
            held = self.loop.run(self.list_entries(members))
        by_place: dict[fleet.Place, list[snapshot.NodeState]] = {}
        for one in members:
            by_id = plan.by_id(held[one]) if one in held else None
            state = snapshot.NodeState(one.node, one.cloud.name, by_id)
            by_place.setdefault(fleet.place(one), []).append(state)
        rows = []
        for (cloud, site), states in by_place.items():
            one_site = snapshot.site_state(
                (cloud.name, site), states, wanted.get((cloud, site))
            )
            row = _row(one_site)
            rows.append((*row, cloud.name) if self.has_several_clouds else row)
        return rows


def _row(one: snapshot.SiteState) -> tuple[Any, ...]:
    return (
        one.place[1],
        one.nodes,
        one.reachable,
        one.totals.cached + one.totals.queued,
        one.totals.size,
        one.wanted,
        one.missing,
        one.extra,
        one.status,
    )
