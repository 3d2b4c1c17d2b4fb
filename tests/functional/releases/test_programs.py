# SPDX-License-Identifier: Apache-2.0

"""The programs of a node, and the commands that stand in for them.

Each is run on the same node, from the same state: what the node holds
afterwards is the same, and so is what both print, but for the form.
"""

from collections.abc import Callable
import dataclasses
import re
from typing import Any

import pytest

from tests.functional.releases.conftest import Visit
from tests.matrix import nodes
from tests.matrix import visit
from tests.shell import Result

DEPRECATED = re.compile(r'has been\s+deprecated')


@dataclasses.dataclass
class Node:
    """A node with two images cached and two queued, again and again."""

    here: visit.Visitor
    a: str
    b: str
    c: str
    d: str

    def fill(self) -> None:
        """Have a and b cached, c and d queued."""
        self.here.cache.clear()
        for image_id in (self.a, self.b):
            self.here.download(image_id)
        self.here.cache.queue_only(self.c, self.d)
        assert self.holds == ('ab', 'cd')

    @property
    def holds(self) -> tuple[str, str]:
        """What is cached, and what is queued, by letter."""
        letters = {self.a: 'a', self.b: 'b', self.c: 'c', self.d: 'd'}
        cache = self.here.cache
        return (
            ''.join(sorted(letters[one] for one in cache.cached)),
            ''.join(sorted(letters[one] for one in cache.queued)),
        )

    def manage(self, *argv: str) -> Result:
        """Run the node's own glance-cache-manage."""
        port = self.here.node.url.rpartition(':')[2]
        printed = self.run(
            'glance-cache-manage',
            *('--host', '127.0.0.1', '--port', port, '--force', '-v', *argv),
        )
        assert printed.code == 0, printed
        return printed

    def run(self, program: str, *argv: str) -> Result:
        """Run a program of the node's own Glance."""
        return self.here.run(self.here.node.python.parent / program, *argv)

    def on_the_node(self, program: str) -> Result:
        """Run a program that works on the node's folder."""
        config = str(self.here.node.directory / 'glance-api.conf')
        return self.run(program, '--config-file', config)


@pytest.fixture
def make(at: Visit) -> Callable[[nodes.Kind], Node]:
    """Make four images on the node of a kind."""

    def of(kind: nodes.Kind) -> Node:
        here = at(kind)
        ids = [here.image(f'{name} {here.token[-8:]}') for name in 'abcd']
        return Node(here, *ids)

    return of


@pytest.fixture
def node(make: Callable[[nodes.Kind], Node]) -> Node:
    """A node of Glance 33 with a central database, filled."""
    node = make(nodes.CENTRAL)
    node.fill()
    return node


def cells(printed: Result) -> list[list[str]]:
    """The rows of a table, without its headers."""
    lines = [one for one in printed.out.splitlines() if one.startswith('|')]
    return [
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in lines[1:]
    ]


def test_list_cached(node: Node) -> None:
    theirs = cells(node.manage('list-cached'))
    ours = node.here.rows('list', '--cached')

    assert len(ours) == 2
    # Theirs has fractions of a second, ours the zone.
    assert sorted(
        [one, accessed[:19], modified[:19], int(size), int(hits)]
        for one, accessed, modified, size, hits in theirs
    ) == sorted(
        [
            row['ID'],
            row['Last Accessed (UTC)'].removesuffix('Z'),
            row['Last Modified (UTC)'].removesuffix('Z'),
            row['Size'],
            row['Hits'],
        ]
        for row in ours
    )


def test_list_queued(node: Node) -> None:
    theirs = node.manage('list-queued')
    ours = node.here.rows('list', '--queued')

    assert 'Found 2 queued images' in theirs.out
    assert sorted(cells(theirs)) == sorted([row['ID']] for row in ours)
    assert {row['State'] for row in ours} == {'queued'}


def test_queue_image_and_the_prefetcher(node: Node) -> None:
    """Theirs queues, and the prefetcher fetches; ours has it fetched."""
    node.here.cache.call('DELETE', '/v2/queued_images')
    theirs = node.manage('queue-image', node.c)
    assert f'Queued image {node.c} for caching' in theirs.out
    assert node.holds == ('ab', 'c')
    node.here.prefetch()
    assert node.holds == ('abc', '')

    node.here.cache.call('DELETE', f'/v2/cached_images/{node.c}')
    ours = node.here.rows('queue', node.c, '--wait')
    assert [(row['ID'], row['Result']) for row in ours] == [(node.c, 'cached')]
    assert node.holds == ('abc', '')


@pytest.mark.parametrize(
    ('theirs', 'ours', 'left', 'told', 'rows'),
    [
        (
            'delete-cached-image {a}',
            'delete {a}',
            ('b', 'cd'),
            'Deleted cached image {a}\n',
            {'ID': '{a}', 'State': 'cached', 'Result': 'deleted'},
        ),
        (
            'delete-queued-image {c}',
            'delete {c}',
            ('ab', 'd'),
            'Deleted queued image {c}\n',
            {'ID': '{c}', 'State': 'queued', 'Result': 'deleted'},
        ),
        (
            'delete-all-cached-images',
            'clear --cache',
            ('', 'cd'),
            'Deleted 2 cached images\n',
            {'Cached': 2, 'Queued': 0, 'Size': 2000},
        ),
        (
            'delete-all-queued-images',
            'clear --queue',
            ('ab', ''),
            'Deleted 2 queued images\n',
            {'Cached': 0, 'Queued': 2, 'Size': 0},
        ),
    ],
)
def test_what_takes_away(
    node: Node,
    theirs: str,
    ours: str,
    left: tuple[str, str],
    told: str,
    rows: dict[str, Any],
) -> None:
    ids = {'a': node.a, 'c': node.c}

    printed = node.manage(*theirs.format(**ids).split())
    assert node.holds == left
    assert printed.out.startswith(told.format(**ids))

    node.fill()
    (row,) = node.here.rows(*ours.format(**ids).split())
    assert node.holds == left
    expected = {
        key: value.format(**ids) if isinstance(value, str) else value
        for key, value in rows.items()
    }
    assert {key: row[key] for key in expected} == expected


def test_the_cleaner(make: Callable[[nodes.Kind], Node]) -> None:
    """Both drop the files of fills that failed."""
    node = make(nodes.CENTRAL)
    node.fill()
    invalid = node.here.node.cache_dir / 'invalid' / node.d

    invalid.write_text('half of it')
    theirs = node.on_the_node('glance-cache-cleaner')
    assert (theirs.code, theirs.out) == (0, '')
    assert (invalid.exists(), node.holds) == (False, ('ab', 'cd'))

    invalid.write_text('half of it')
    ours = node.here.rows('clean')
    assert [row['Result'] for row in ours] == ['cleaned']
    assert (invalid.exists(), node.holds) == (False, ('ab', 'cd'))


def test_the_pruner(make: Callable[[nodes.Kind], Node]) -> None:
    """Both drop what was used longest ago; ours says how much."""
    node = make(nodes.SQLITE)

    def overfill() -> None:
        node.fill()
        for image_id in (node.c, node.d):
            node.here.download(image_id)
        assert node.holds[0] == 'abcd'

    overfill()
    theirs = node.on_the_node('glance-cache-pruner')
    assert (theirs.code, theirs.out) == (0, '')
    assert node.holds[0] == 'cd'

    overfill()
    ours = node.here.rows('prune')
    assert [(row['Files'], row['Size']) for row in ours] == [(2, 2000)]
    assert node.holds[0] == 'cd'


@pytest.mark.parametrize('program', ['cleaner', 'prefetcher', 'pruner'])
def test_the_programs_say_that_they_go(node: Node, program: str) -> None:
    printed = node.on_the_node(f'glance-cache-{program}')

    assert DEPRECATED.search(printed.err)


@pytest.mark.parametrize(
    'kind', [nodes.CENTRAL, nodes.XENA], ids=lambda kind: kind.title
)
def test_the_prefetcher_does_not_start_as_it_was_released(
    make: Callable[[nodes.Kind], Node], kind: nodes.Kind
) -> None:
    """When this fails, the manual has to be told, and prefetch.py can go."""
    node = make(kind)
    node.fill()

    printed = node.on_the_node('glance-cache-prefetcher')

    assert (printed.code, printed.out) == (1, '')
    assert node.holds == ('ab', 'cd')


@pytest.mark.parametrize(
    'kind', [nodes.XENA, nodes.HIDDEN], ids=lambda kind: kind.title
)
def test_the_prefetcher_fetches_what_we_queue(
    make: Callable[[nodes.Kind], Node], kind: nodes.Kind
) -> None:
    node = make(kind)
    printed = node.here.ours('queue', node.c)
    assert (printed.code, printed.err) == (
        0,
        "Images stay queued until 'glance-cache-prefetcher' runs on "
        f'{node.here.node.url}.\n',
    )
    assert node.holds == ('', 'c')

    node.here.prefetch()

    assert node.holds == ('c', '')
    assert [row['State'] for row in node.here.rows('list')] == ['cached']


def test_quiet_says_nothing_of_the_prefetcher(
    make: Callable[[nodes.Kind], Node],
) -> None:
    node = make(nodes.HIDDEN)

    printed = node.here.openstack(
        '-q', *('image', 'cache', 'queue', node.c, '-f', 'value')
    )

    assert (printed.code, printed.err) == (0, '')
    assert node.holds == ('', 'c')
