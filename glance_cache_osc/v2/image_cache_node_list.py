# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache node list``."""

import argparse
from collections.abc import Sequence
import dataclasses

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import base
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.monitoring import snapshot


@dataclasses.dataclass(frozen=True)
class _Findings:
    """What a node says of itself, and of what it holds."""

    version: str | None = None
    freed: entries.Totals | None = None
    hits: int = 0
    holds: bool = False
    trouble: errors.NodeError | None = None


_DRIVER = columns.Column('Driver')


class ListImageCacheNodes(base.CacheLister):
    """The nodes, and how they are."""

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
    _example_of = _('List the nodes on which an image is cached:')
    _example = 'openstack image cache node list --image ubuntu-24.04'
    changes = False

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            '--image',
            metavar='<image>',
            help=_(
                'Only nodes on which this image is cached: a name, or an ID, '
                'even if the image no longer exists in Glance'
            ),
        )

        parser.add_argument(
            '--long',
            action='store_true',
            help=_('Also list how each node is addressed (column Driver)'),
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
            self.ask(
                members,
                lambda member: _examine(member, wanted.get(member.cloud)),
            )
        ):
            findings = outcome.value or _Findings()
            trouble = outcome.error or findings.trouble
            if trouble:
                node = outcome.job.node
                what = _('Cannot read the cache of %s') % node.label
                self.failures.add(what, trouble, node.name)
            if parsed_args.image is None or findings.holds:
                rows.append(
                    _row(outcome.job, findings, trouble, long=parsed_args.long)
                )
        return rows

    def _wanted(
        self, word: str | None, members: list[base.Member]
    ) -> dict[clouds.Cloud, str]:
        """The ID in each cloud of the image that nodes must hold."""
        if word is None:
            return {}
        if images.is_id(word):
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
            for failures in unknown.values():
                raise failures[word]
        self.report_unknown(_("Cannot look for '%s'"), unknown)
        return {
            cloud: one.found[0].image_id
            for cloud, one in by_cloud.items()
            if one.found
        }


async def _examine(member: fleet.Member, wanted: str | None) -> _Findings:
    """What a node says: the version even if the cache can't be read.

    :param wanted: the ID of the image that it may hold.
    """
    try:
        version = await member.driver.api_version()
    except errors.NodeError as error:
        return _Findings(trouble=error)
    try:
        held = await member.driver.list_entries()
    except errors.NodeError as error:
        return _Findings(version, trouble=error)
    return _Findings(
        version,
        entries.Totals.of(held),
        hits=sum(entry.hits or 0 for entry in held),
        holds=any(
            entry.image_id == wanted and entry.state is entries.State.CACHED
            for entry in held
        ),
    )


def _row(
    member: fleet.Member,
    findings: _Findings,
    trouble: errors.CacheError | None,
    *,
    long: bool,
) -> tuple[object, ...]:
    status = snapshot.status_of(trouble)
    node, freed = member.node, findings.freed
    told = (node.name, node.site, node.endpoint, status, findings.version)
    held: tuple[object, ...] = (None,) * 4
    if freed:
        held = (freed.cached, freed.queued, freed.size, findings.hits)
    driver = [member.driver.name if freed else None] if long else []
    return (*told, *driver, *held)
