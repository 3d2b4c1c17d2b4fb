# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache site list``."""

import argparse
from typing import Any

from glance_cache_osc import columns
from glance_cache_osc.command import base
from glance_cache_osc.command import policy_files
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.policy import policies

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
        "Status is 'in sync', 'incomplete', or 'unknown' if there is no rule "
        'for the site or not all of its nodes responded.'
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

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        policy = policy_files.of(parsed_args)
        members = self.chosen_fleet(parsed_args)
        wanted: policy_files.Wanted = {}
        if policy:
            wanted = self.loop.run(policy_files.find(self, policy, members))
        held = self.loop.run(self.look(members))
        by_site: dict[str, list[base.Member]] = {}
        for one in members:
            by_site.setdefault(one.node.site, []).append(one)
        return [
            _row(
                site,
                nodes,
                [held[one] for one in nodes if one in held],
                wanted.get(site),
            )
            for site, nodes in by_site.items()
        ]


def _row(
    site: str,
    nodes: list[base.Member],
    held: list[list[entries.Entry]],
    want: policies.Wanted | None,
) -> tuple[Any, ...]:
    cached = [
        one
        for group in held
        for one in group
        if one.state is entries.State.CACHED
    ]
    facts = (
        site,
        len(nodes),
        len(held),
        sum(map(len, held)),
        sum(one.size or 0 for one in cached),
    )
    if want is None:
        return (*facts, None, None, None, 'unknown')
    ids = {one.image_id for one in want.images}
    there = sum(one.image_id in ids for one in cached)
    missing = len(ids) * len(held) - there
    extra = sum(one.image_id not in ids for group in held for one in group)
    if missing or (extra and want.only):
        status = 'incomplete'
    else:
        status = 'in sync' if len(held) == len(nodes) else 'unknown'
    return (*facts, len(ids) * len(nodes), missing, extra, status)
