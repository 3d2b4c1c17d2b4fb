# SPDX-License-Identifier: Apache-2.0

"""Summaries: a row for each site, and a line about a plan."""

import argparse
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
import datetime
import sys

from glance_cache_osc import columns
from glance_cache_osc.command import base
from glance_cache_osc.fleet import configuration
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import plan

#: The column that counts images with this result or action.
_COLUMNS = {
    'already cached': 'Already Cached',
    'none': 'Already Cached',
    'cached': 'Cached',
    'queued': 'Queued',
    'already queued': 'Queued',
    'queue': 'Queued',
    'wait': 'Queued',
    'delete': 'Deleted',
    'deleted': 'Deleted',
}


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--summary``."""
    parser.add_argument(
        '--summary',
        action='store_true',
        help=_('List one row for each site, or node without a site'),
    )


def table(
    command: base.CacheLister, *, deletes: bool = False
) -> Sequence[columns.Column]:
    """The columns of `rows`."""
    return (
        columns.Column('Site'),
        *(
            columns.Column(one, columns.Kind.COUNT)
            for one in _counts(deletes=deletes)
        ),
        base.SIZE,
        *([base.CLOUD] if command.has_several_clouds else []),
    )


def _counts(*, deletes: bool) -> list[str]:
    deleted = ['Deleted'] if deletes else []
    return ['Nodes', 'Already Cached', 'Cached', 'Queued', *deleted, 'Failed']


def rows(
    command: base.CacheLister,
    members: Iterable[base.Member],
    wanted: Callable[[base.Member], int | None],
    results: Iterable[tuple[base.Member, plan.Step, str]],
    *,
    deletes: bool = False,
) -> base.Rows:
    """A row for each site: counts of images, and their total size in bytes.

    Images without a result count as failed. If the images of a cloud could not
    be looked up, their number is not known, and the column is empty.

    :param wanted: returns how many results a node has if none fails; None if
        that is not known.
    :param deletes: whether the results may include deletions.
    """
    found: dict[fleet.Place, dict[str, int]] = {}
    unknown: set[fleet.Place] = set()
    for member in members:
        row = found.setdefault(
            fleet.place(member),
            dict.fromkeys([*_counts(deletes=deletes), 'Size'], 0),
        )
        row['Nodes'] += 1
        number = wanted(member)
        row['Failed'] += number or 0
        if number is None or member.cloud in command.failed_clouds:
            unknown.add(fleet.place(member))
    for member, step, word in results:
        if column := _COLUMNS.get(word):
            row = found[fleet.place(member)]
            row[column] += 1
            row['Failed'] -= 1
            if column != 'Deleted':
                row['Size'] += step.image.size or 0
    several = command.has_several_clouds
    return [
        (
            site,
            *(
                None if key == 'Failed' and (cloud, site) in unknown else value
                for key, value in row.items()
            ),
            *([cloud.name] if several else []),
        )
        for (cloud, site), row in found.items()
    ]


def announce(
    command: base.CacheLister, parsed_args: argparse.Namespace, line: str
) -> None:
    """Log a line of `download_summary`, on a terminal or with --dry-run.

    With --dry-run, the line follows the rows.
    """
    if parsed_args.dry_run:
        command.closing = line
    elif line and sys.stderr.isatty():
        command.log.warning(line)


def download_summary(command: base.CacheLister, steps: base.Steps) -> str:
    """A line about the downloads of a plan.

    It shows their number and size, and the longest time of a site, according
    to the bandwidths in clouds.yaml.

    :returns: the line; empty if nothing is downloaded.
    """
    sites = configuration.sites(command.cloud)
    sizes: dict[fleet.Place, int] = {}
    nodes: set[base.Member] = set()
    count = 0
    for member, step in steps:
        if step.action is plan.Action.QUEUE:
            place = fleet.place(member)
            sizes[place] = sizes.get(place, 0) + (step.image.size or 0)
            nodes.add(member)
            count += 1
    if not count:
        return ''
    line = _(
        'Downloads: %(count)d (%(size)s); nodes: %(nodes)d; sites: %(sites)d.'
    ) % {
        'count': count,
        'size': columns.human_size(sum(sizes.values())),
        'nodes': len(nodes),
        'sites': len(sizes),
    }
    times = [
        (size * 8 / one.bandwidth, site + command.cloud_suffix(cloud))
        for (cloud, site), size in sizes.items()
        if (one := sites.get(site)) and one.bandwidth
    ]
    if times:
        seconds, site = max(times, key=lambda one: one[0])
        line += _(' Longest: %(site)s, about %(time)s.') % {
            'site': site,
            'time': datetime.timedelta(seconds=round(seconds)),
        }
    return columns.safe_text(line)
