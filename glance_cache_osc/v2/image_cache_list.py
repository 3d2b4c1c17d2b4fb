# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache list``."""

import argparse
from collections.abc import Mapping
import datetime
from typing import Any

from glance_cache_osc import columns
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import base
from glance_cache_osc.command import options
from glance_cache_osc.command import resolving
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import selection


class ListImageCache(base.CacheLister):
    """List the entries of caches."""

    table = (
        base.ID,
        base.NAME,
        base.STATE,
        columns.Column('Last Accessed (UTC)', columns.Kind.TIME),
        columns.Column('Last Modified (UTC)', columns.Kind.TIME),
        base.SIZE,
        columns.Column('Hits', columns.Kind.COUNT),
        base.NODE,
    )
    _description = _(
        'List the entries of image caches: cached images and queued images.'
    )
    _example_intro = _(
        'List entries larger than 10 GB that were not used for 30 days:'
    )
    _example = 'openstack image cache list --older-than 30d --larger-than 10G'
    changes = False

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        options.add_images(
            parser,
            _(
                'Image to list: an ID, a name, or a glob on names '
                '(default: all)'
            ),
        )
        options.add_filter_options(parser)

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        members = self.chosen_fleet(parsed_args)
        return self.loop.run(self._rows(parsed_args, members))

    async def _rows(
        self, parsed_args: argparse.Namespace, members: list[base.Member]
    ) -> base.Rows:
        named = set(parsed_args.images)
        filters = options.filters(parsed_args)
        now = datetime.datetime.now(datetime.UTC)
        # With words, filter later: the ID of an entry that is filtered out is
        # still a known word.
        early = selection.Filters() if named else filters
        held = await self.read(
            members, lambda group: early.candidates(group, now)
        )

        async def resolve(
            cloud: clouds.Cloud, group: list[base.Member]
        ) -> resolving.Resolved:
            cloud_held = [held[one] for one in group if one in held]
            return await self._resolve(
                parsed_args, cloud, entries.ids_of(cloud_held)
            )

        by_cloud = await self.in_each_cloud(members, resolve)
        self.report_unknown(
            _("Cannot list '%s'"),
            {cloud: one.unknown for cloud, one in by_cloud.items()},
        )
        rows: base.Rows = []
        for member, group in held.items():
            if member.cloud in by_cloud:
                known = by_cloud[member.cloud].known
                kept = [
                    _row(one, known, member.node.name)
                    for one in group
                    if (
                        not named
                        or one.image_id in known
                        or one.image_id in named
                    )
                    and filters.keeps(one, known, now)
                ]
                rows += sorted(kept, key=_by_state_and_name)
        return rows

    async def _resolve(
        self,
        parsed_args: argparse.Namespace,
        cloud: clouds.Cloud,
        ids: list[str],
    ) -> resolving.Resolved:
        """The images of the listed entries, and the unknown words.

        :param ids: the IDs of the entries on the nodes of the cloud.
        """
        named = list(dict.fromkeys(parsed_args.images))
        resolved = resolving.Resolved({}, {})
        if named:
            resolved = await resolving.resolve(cloud, named, set(ids))
            kept = resolved.known.keys() | named
            ids = [one for one in ids if one in kept]
        unknown = [one for one in ids if one not in resolved.known]
        if not options.filters(parsed_args).orphans:
            found = await self.names(parsed_args, cloud, unknown)
        else:
            found = await cloud.catalogue().by_id(unknown)
            if not await cloud.sees_all_images():
                self.log.warning(
                    _(
                        "This login does not have the role 'admin'%s: images "
                        'that it cannot see are listed as orphans.'
                    ),
                    self.cloud_suffix(cloud),
                )
        resolved.known.update(found)
        return resolved


def _row(
    entry: entries.Entry, known: Mapping[str, images.Image], node: str
) -> tuple[Any, ...]:
    image = known.get(entry.image_id)
    return (
        entry.image_id,
        image.name if image else None,
        entry.state.value,
        entry.last_accessed,
        entry.last_modified,
        entry.size,
        entry.hits,
        node,
    )


def _by_state_and_name(row: tuple[Any, ...]) -> tuple[str, bool, str, str]:
    """Sort cached entries before queued ones, then by name; unnamed last."""
    image_id, name, state = row[:3]
    return (state, name is None, name or '', image_id)
