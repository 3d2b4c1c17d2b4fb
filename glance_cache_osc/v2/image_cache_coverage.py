# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache coverage``."""

import argparse
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from glance_cache_osc import columns
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import base
from glance_cache_osc.command import options
from glance_cache_osc.command import policy_files
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import coverage
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.transport import attempt


class CoverImageCache(base.CacheLister):
    """Show on how many nodes images are cached, queued or missing."""

    table = (
        base.ID,
        base.NAME,
        base.SIZE,
        columns.Column('Cached', columns.Kind.SHARE),
        columns.Column('Queued', columns.Kind.COUNT),
        columns.Column('Missing', columns.Kind.COUNT),
        columns.Column('Missing On', columns.Kind.NODES),
    )
    _description = _(
        'Show on how many nodes images are cached, queued or missing, and '
        'where they are missing.'
    )
    _example_intro = _('Show on how many nodes an image is missing:')
    _example = (
        'openstack image cache coverage ubuntu-24.04 -f value -c Missing'
    )
    changes = False
    nothing_found = _('No images found.')

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        options.add_images(
            parser,
            _(
                'Image to show: an ID, a name, or a glob on names (default: '
                'all images that are cached or queued on at least one node; '
                'globs do not match hidden images)'
            ),
        )
        parser.add_argument(
            '--by-site',
            action='store_true',
            help=_(
                'Count sites instead of nodes: a site has an image if all of '
                'its nodes do'
            ),
        )
        policy_files.add_option(
            parser,
            _(
                'Policy file: count only the nodes on which each image '
                "belongs; replaces <image>; '-' is standard input"
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
        by_place: policy_files.Wanted = {}
        if policy:
            find = policy_files.find(self, policy, members)
            by_place, held = self.loop.run(
                attempt.both(find, self.list_entries(members))
            )
            wanted = {
                cloud: policy_files.all_images(by_place, cloud)
                for cloud in fleet.by_cloud(members)
            }
        else:
            held = self.loop.run(self.list_entries(members))
            wanted = self.loop.run(self._wanted(parsed_args, members, held))
        unread = len(members) - len(held)
        if unread and any(wanted.values()):
            self.failures.remark(
                _(
                    'Coverage is incomplete: %(unread)d of %(all)d nodes '
                    'could not be read.'
                )
                % {'unread': unread, 'all': len(members)}
            )
        ids = {
            one: {image.image_id for image in want.images}
            for one, want in by_place.items()
        }
        return [
            (*row, cloud.name) if self.has_several_clouds else row
            for cloud, group in fleet.by_cloud(members).items()
            if cloud in wanted
            for row in _rows(
                wanted[cloud],
                {one: held.get(one) for one in group},
                ids if policy else None,
                by_site=parsed_args.by_site,
            )
        ]

    async def _wanted(
        self,
        parsed_args: argparse.Namespace,
        members: list[base.Member],
        held: base.Held,
    ) -> dict[clouds.Cloud, list[images.Image]]:
        """The images to show for each cloud, sorted by name."""
        words = list(dict.fromkeys(parsed_args.images))
        unknown = {}

        async def of_cloud(
            cloud: clouds.Cloud, group: list[base.Member]
        ) -> list[images.Image]:
            ids = entries.ids_of(held[one] for one in group if one in held)
            if words:
                resolution = await cloud.catalogue().resolve(words)
                found = resolution.found
                held_ids = set(ids)
                failures = resolution.failures
                found += [
                    images.Image(one) for one in failures if one in held_ids
                ]
                unknown[cloud] = {
                    word: error
                    for word, error in failures.items()
                    if word not in held_ids
                }
            else:
                known = await self.names(parsed_args, cloud, ids)
                found = [known.get(one, images.Image(one)) for one in ids]
            return sorted(
                found, key=lambda one: (one.name is None, one.name or '')
            )

        by_cloud = await self.in_each_cloud(members, of_cloud)
        self.report_unknown(_("Cannot find '%s'"), unknown, in_any=True)
        return by_cloud


def _rows(
    wanted: Sequence[images.Image],
    held: Mapping[base.Member, Sequence[entries.Entry] | None],
    ids: Mapping[fleet.Place, Collection[str]] | None,
    *,
    by_site: bool,
) -> Iterator[tuple[Any, ...]]:
    """The rows of one cloud.

    :param held: the entries of each node; None if they could not be read.
    :param ids: the IDs of the images that belong on each site; None if all
        images belong on all sites.
    :param by_site: count sites instead of nodes.
    """
    places = {one.node.name: fleet.place(one) for one in held}

    def belongs(image_id: str, node: str) -> bool:
        return ids is None or image_id in ids.get(places[node], ())

    def site_of(node: str) -> str:
        return places[node][1] if by_site else node

    all_places = len(set(map(site_of, places)))
    unread = [one.node.name for one in held if held[one] is None]
    for one in coverage.cover(
        wanted,
        {
            one.node.name: group
            for one, group in held.items()
            if group is not None
        },
        belongs=belongs,
        site_of=site_of,
        unknown=unread,
    ):
        image_id = one.image.image_id
        total = all_places
        if ids is not None:
            total = len(
                {site_of(node) for node in places if belongs(image_id, node)}
            )
        unknown = any(belongs(image_id, node) for node in unread)
        yield (
            image_id,
            one.image.name,
            one.size,
            columns.Share(one.cached, total),
            one.queued,
            len(one.missing_on),
            None if unknown else list(one.missing_on),
        )
