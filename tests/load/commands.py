# SPDX-License-Identifier: Apache-2.0

"""The commands whose growth is measured, and what each must write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import csv
import dataclasses
from functools import cached_property
import json
from pathlib import Path
import re

from tests.benchmarks import fleet_checks
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_program import Measured
from tests.simulated.login import site_of

#: Of the policy.
_SETS = 2
_IMAGES_PER_SET = 10
_PREFIX = 'glance_image_cache_'


@dataclasses.dataclass(frozen=True)
class Target:
    """The nodes that a command reads, and the policy for their sites.

    Each site has a rule of its own: every second site has one set of images,
    the others have two.

    :ivar home: the folder of the policy and of the files that commands write
    :ivar images: the IDs of all images
    :ivar held: name of a node → IDs of its entries, by position
    """

    home: Path
    images: Sequence[str]
    held: Mapping[str, Sequence[str]]

    @property
    def policy(self) -> Path:
        """The policy file."""
        return self.home / 'policy.yaml'

    @property
    def output(self) -> Path:
        """The file for --output."""
        return self.home / 'written'

    @cached_property
    def sites(self) -> list[str]:
        """All sites."""
        return list(dict.fromkeys(map(site_of, range(len(self.held)))))

    @cached_property
    def sets(self) -> list[list[str]]:
        """The images of each set: no image is in both."""
        step = max(_SETS, len(self.images) // _IMAGES_PER_SET)
        return [list(self.images[at::step]) for at in range(_SETS)]

    def wanted(self, site: int) -> list[str]:
        """The IDs of the images that belong on a site, by its position."""
        return [one for group in self.sets[: 1 + site % 2] for one in group]

    @cached_property
    def missing(self) -> int:
        """How many images are missing, on all nodes together."""
        at = {site: number for number, site in enumerate(self.sites)}
        return sum(
            len(set(self.wanted(at[site_of(position)])).difference(ids))
            for position, ids in enumerate(self.held.values())
        )

    def write_policy(self) -> None:
        """Write the policy file."""
        document = {
            'version': 1,
            'sets': {
                f'set-{number}': {'images': ids}
                for number, ids in enumerate(self.sets)
            },
            'sites': [
                {
                    'match': [site],
                    'sets': [f'set-{one}' for one in range(1 + at % 2)],
                }
                for at, site in enumerate(self.sites)
            ],
        }
        self.policy.write_text(json.dumps(document), encoding='utf-8')


def _list(target: Target, run: Measured) -> None:
    fleet_checks.exits_with(run, 0)
    header, *lines = csv.reader(run.out.splitlines())
    name, node = header.index('Name'), header.index('Node')
    _equal(
        'entries with names on each node',
        Counter(line[node] for line in lines if line[name]),
        {one: len(ids) for one, ids in target.held.items()},
    )


def _node_list(target: Target, run: Measured) -> None:
    entries = {len(ids) for ids in target.held.values()}
    fleet_checks.all_ok(target.held, max(entries), run)


def _coverage(target: Target, run: Measured) -> None:
    fleet_checks.exits_with(run, 0)
    found = {row['ID']: row for row in run.rows}
    cached = Counter(one for ids in target.held.values() for one in ids)
    _equal(
        'nodes with each image',
        {one: row['Cached'] for one, row in found.items()},
        cached,
    )
    _equal(
        'nodes without each image',
        {one: len(row['Missing On']) for one, row in found.items()},
        {one: len(target.held) - count for one, count in cached.items()},
    )


def _sync(target: Target, run: Measured) -> None:
    fleet_checks.exits_with(run, 3)
    _equal('missing images', run.out.count('\n') - 1, target.missing)


def _metrics(target: Target, run: Measured) -> None:
    fleet_checks.exits_with(run, 0)
    counts: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for line in target.output.read_text(encoding='utf-8').splitlines():
        if line.startswith(_PREFIX):
            series, _space, value = line.rpartition(' ')
            name = series.partition('{')[0].removeprefix(_PREFIX)
            counts[name] += 1
            sums[name] += int(float(value))
    nodes = len(target.held)
    wanted = sum(len(target.wanted(at)) for at in range(len(target.sites)))
    _equal('nodes that respond', sums['node_up'], nodes)
    _equal('series of entries', counts['entries'], 2 * nodes)
    _equal('entries', sums['entries'], sum(map(len, target.held.values())))
    _equal('series of images', counts['site_image_missing_nodes'], wanted)
    _equal('missing', sums['site_image_missing_nodes'], target.missing)


def _report(target: Target, run: Measured) -> None:
    fleet_checks.exits_with(run, 0)
    page = target.output.read_text(encoding='utf-8')
    tables = re.findall(r'<table id="(\w+)".*?</table>', page, re.DOTALL)
    bodies = re.findall(r'<tbody>(.*?)</tbody>', page, re.DOTALL)
    rows = {name: body.count('<tr>') for name, body in zip(tables, bodies)}
    sites = len(target.sites)
    _equal(
        'rows of the tables',
        rows,
        {'sites': sites, 'map': sites, 'nodes': len(target.held)},
    )
    shown = {one for at in range(min(2, sites)) for one in target.wanted(at)}
    _equal('cells', bodies[1].count('<td'), sites * len(shown))
    _equal(
        'missing images',
        f'<dt>Missing</dt><dd>{target.missing}</dd>' in page,
        True,
    )


def _equal(what: str, found: object, expected: object) -> None:
    """Compare what a command wrote with what it must have written.

    :raises BenchmarkError: it differs
    """
    if found != expected:
        raise BenchmarkError(
            f'{what}: {str(found)[:200]} instead of {str(expected)[:200]}'
        )


@dataclasses.dataclass(frozen=True)
class Command:
    """A command.

    :ivar words: after `openstack image cache`
    :ivar options: without those that name files
    :ivar check: raises BenchmarkError unless the output is right
    """

    words: str
    options: tuple[str, ...]
    check: Callable[[Target, Measured], None]
    policy: bool = False
    output: bool = False

    def arguments(self, target: Target) -> list[str]:
        """The arguments of `openstack`."""
        return [
            *('image', 'cache', *self.words.split(), *self.options),
            *(['--policy', str(target.policy)] if self.policy else []),
            *(['--output', str(target.output)] if self.output else []),
        ]


#: By their names on the command line of the load test.
COMMANDS = {
    'list': Command('list', ('-f', 'csv'), _list),
    'node-list': Command('node list', ('-f', 'json'), _node_list),
    'coverage': Command('coverage', ('-f', 'json'), _coverage),
    'sync': Command('sync', ('--check', '-f', 'csv'), _sync, policy=True),
    'metrics': Command('metrics', (), _metrics, policy=True, output=True),
    'report': Command('report', (), _report, policy=True, output=True),
}
