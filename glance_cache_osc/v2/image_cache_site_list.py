# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache site list``."""

import argparse
from collections.abc import Sequence
from typing import Any

from glance_cache_osc import columns
from glance_cache_osc.command import base
from glance_cache_osc.command import policy_files
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import plan
from glance_cache_osc.policy import policies
from glance_cache_osc.transport import attempt

_COUNT = columns.Kind.COUNT


class ListImageCacheSites(base.CacheLister):
    """Sites, and whether they hold what a policy wants."""

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
    _example_of = _('List the sites that lack images:')
    _example = (
        'openstack image cache site list --policy policy.yaml -c Site '
        '-c Missing -c Status'
    )
    changes = False

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        policy_files.add_option(
            parser,
            _(
                'Policy file that says which images belong on which sites; '
                "'-' is standard input"
            ),
        )

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        table = super().columns_for(parsed_args)
        return [*table, base.CLOUD] if self.has_clouds else table

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        policy = policy_files.of(parsed_args)
        members = self.chosen_fleet(parsed_args)
        wanted: policy_files.Wanted = {}
        if policy:
            find = policy_files.find(self, policy, members)
            wanted, held = self.loop.run(
                attempt.both(find, self.look(members))
            )
        else:
            held = self.loop.run(self.look(members))
        by_place: dict[base.Place, list[base.Member]] = {}
        for one in members:
            by_place.setdefault(base.place(one), []).append(one)
        return [
            (
                *_row(
                    place[1],
                    nodes,
                    [held[one] for one in nodes if one in held],
                    wanted.get(place),
                ),
                *([place[0].name] if self.has_clouds else []),
            )
            for place, nodes in by_place.items()
        ]


def _row(
    site: str,
    nodes: list[base.Member],
    held: list[list[entries.Entry]],
    want: policies.Wanted | None,
) -> tuple[Any, ...]:
    there = [plan.by_id(group) for group in held]
    cached = [
        one
        for group in there
        for one in group.values()
        if one.state is entries.State.CACHED
    ]
    facts = (
        site,
        len(nodes),
        len(held),
        sum(map(len, there)),
        sum(one.size or 0 for one in cached),
    )
    if want is None:
        return (*facts, None, None, None, 'unknown')
    ids = {one.image_id for one in want.images}
    missing = len(ids) * len(held) - sum(one.image_id in ids for one in cached)
    extra = sum(len(group.keys() - ids) for group in there)
    if missing or (extra and want.only):
        status = 'incomplete'
    elif want.complete and len(held) == len(nodes):
        status = 'in sync'
    else:
        status = 'unknown'
    return (*facts, len(ids) * len(nodes), missing, extra, status)
