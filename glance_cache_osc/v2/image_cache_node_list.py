# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache node list``."""

import argparse
from collections.abc import Sequence
import dataclasses

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import base
from glance_cache_osc.command import options
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan
from glance_cache_osc.monitoring import snapshot
from glance_cache_osc.transport import attempt


@dataclasses.dataclass(frozen=True)
class _NodeInfo:
    """The data of a node.

    :param totals: counts and bytes of the entries; None if they could not be
        read.
    :param hits: the sum of Hits.
    :param has_image: whether the image of ``--image`` is cached.
    :param error: why the data is incomplete.
    """

    version: str | None = None
    totals: entries.Totals | None = None
    hits: int = 0
    has_image: bool = False
    error: errors.NodeError | None = None


_DRIVER = columns.Column('Driver')


class ListImageCacheNodes(base.CacheLister):
    """List nodes with their status and the contents of their caches."""

    table = (
        base.NODE,
        columns.Column('Site'),
        columns.Column('Endpoint'),
        columns.Column('Status'),
        columns.Column('API Version'),
        _DRIVER,
        columns.Column('Cached', columns.Kind.COUNT),
        columns.Column('Queued', columns.Kind.COUNT),
        base.SIZE,
        columns.Column('Hits', columns.Kind.COUNT),
    )
    _description = _(
        'List nodes with their status, API version, and the contents of '
        'their caches.'
    )
    _example_intro = _('List the nodes on which an image is cached:')
    _example = 'openstack image cache node list --image ubuntu-24.04'
    changes = False
    nothing_found = _('No nodes found.')

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            '--image',
            metavar='<image>',
            action=options.Once,
            help=_(
                'Only nodes on which this image is cached: a name, or an ID, '
                'even if the image no longer exists in Glance'
            ),
        )

        parser.add_argument(
            '--long',
            action='store_true',
            help=_('Also show the driver of each node (column Driver)'),
        )

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        if parsed_args.long:
            return self.table
        return [one for one in self.table if one is not _DRIVER]

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        members = self.chosen_fleet(parsed_args)
        wanted = self._wanted(parsed_args.image, members)
        rows: base.Rows = []
        for outcome in self.loop.run(
            self.query(
                members,
                lambda member: _read_node(member, wanted.get(member.cloud)),
            )
        ):
            info = outcome.value or _NodeInfo()
            error = outcome.error or info.error
            if error:
                node = outcome.job.node
                what = _('Cannot read the cache of %s') % node.label
                self.failures.add(what, error, node.name)
            if parsed_args.image is None or info.has_image:
                rows.append(
                    _row(outcome.job, info, error, long=parsed_args.long)
                )
        return rows

    def _wanted(
        self, word: str | None, members: list[base.Member]
    ) -> dict[clouds.Cloud, str]:
        """The ID of the image of ``--image`` in each cloud."""
        if word is None:
            return {}
        # Glance does not know the IDs of orphans. An ID in capital letters is
        # looked up, because it is usually mistyped.
        if images.is_id(word) and word == word.lower():
            return {one.cloud: word for one in members}
        by_cloud = self.loop.run(
            self.in_each_cloud(
                members,
                lambda cloud, _group: cloud.catalogue().resolve(
                    [word], globs=False
                ),
            )
        )
        unknown = {cloud: one.failures for cloud, one in by_cloud.items()}
        if not any(one.found for one in by_cloud.values()):
            if images.is_glob(word):
                raise errors.UsageError(
                    _('--image does not accept a glob'),
                    _('Specify an ID or a name.'),
                )
            for failures in unknown.values():
                if not self.has_several_clouds:
                    raise failures[word]
        self.report_unknown(_("Cannot find '%s'"), unknown)
        return {
            cloud: one.found[0].image_id
            for cloud, one in by_cloud.items()
            if one.found
        }


async def _read_node(member: fleet.Member, wanted: str | None) -> _NodeInfo:
    """Read a node; the version is returned even if the cache fails.

    :param wanted: the ID of the image of ``--image``.
    """
    try:
        version = await member.driver.api_version()
    except errors.NodeError as error:
        attempt.drop_frames(error)
        return _NodeInfo(error=error)
    try:
        held = await member.driver.list_entries()
    except errors.NodeError as error:
        attempt.drop_frames(error)
        return _NodeInfo(version, error=error)
    return _NodeInfo(
        version,
        entries.Totals.of(plan.by_id(held).values()),
        hits=sum(entry.hits or 0 for entry in held),
        has_image=any(
            entry.image_id == wanted and entry.state is entries.State.CACHED
            for entry in held
        ),
    )


def _row(
    member: fleet.Member,
    info: _NodeInfo,
    error: errors.CacheError | None,
    *,
    long: bool,
) -> tuple[object, ...]:
    status = snapshot.status_of(error)
    node, totals = member.node, info.totals
    cells = (node.name, node.site, node.endpoint, status, info.version)
    held: tuple[object, ...] = (None,) * 4
    if totals:
        held = (totals.cached, totals.queued, totals.size, info.hits)
    driver = [member.driver.name if totals else None] if long else []
    return (*cells, *driver, *held)
