# SPDX-License-Identifier: Apache-2.0

"""Many nodes at once: two with a cache, one without, and one that is dead."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import pathlib
import socket

import pytest

from tests import cloud as clouds
from tests.cloud import Cache
from tests.cloud import Images
from tests.functional.conftest import OpenStack
from tests.shell import Result

FLEET = ('--os-cloud', 'demo-cloud', 'image', 'cache')
JSON = ('-f', 'json')
OFF = (
    "The node's image cache is disabled. Set 'image_cache_dir' and a flavor "
    "with caching in that node's glance-api.conf, and restart it.\n"
)
DEAD = (
    'Cannot connect: Connection refused. Check that glance-api is running at '
    'this address.\n'
)


@pytest.fixture
def dead() -> Iterator[str]:
    """An endpoint where nobody listens, on all of 127.*."""
    with socket.socket() as taken:
        # Bound and not listening: connections are refused, and nobody
        # else gets the port meanwhile.
        taken.bind(('0.0.0.0', 0))  # noqa: S104 - it never listens
        yield f'http://127.0.0.1:{taken.getsockname()[1]}'


@pytest.fixture
def nodes(
    cloud: clouds.Cloud, caches: list[Cache], dead: str, tmp_path: pathlib.Path
) -> dict[str, str]:
    """The four nodes of clouds.yaml, by name; caches are empty."""
    nodes = {
        'edge-oslo': caches[0].url,
        'edge-dead': dead,
        'edge-bergen': caches[1].url,
        'edge-nocache': cloud.glance[2].url,
    }
    cloud.clouds_yaml(tmp_path / 'clouds.yaml', nodes)
    return nodes


@pytest.fixture
def failures(nodes: dict[str, str]) -> str:
    """What is told of the two that can't be read."""
    return (
        f'Cannot read the cache of edge-dead ({nodes["edge-dead"]}): {DEAD}'
        'Cannot read the cache of edge-nocache '
        f'({nodes["edge-nocache"]}): {OFF}'
    )


ALIVE = ('--node', 'edge-oslo', '--node', 'edge-bergen')


@pytest.mark.parametrize('which', [(), ('--all-nodes',), ('--node', 'edge-*')])
def test_all_that_is_in_the_caches_that_answer(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    failures: str,
    which: tuple[str, ...],
) -> None:
    ubuntu, debian = images('ubuntu-24.04', 3000), images('debian-13')
    caches[0].fill(ubuntu)
    caches[1].fill(ubuntu)
    caches[1].queue_only(debian)

    result = openstack(*FLEET, 'list', *which, *JSON)

    assert (result.code, result.err) == (1, failures)
    assert [
        (row['Name'], row['State'], row['Size'], row['Node'])
        for row in result.rows
    ] == [
        ('ubuntu-24.04', 'cached', 3000, 'edge-oslo'),
        ('ubuntu-24.04', 'cached', 3000, 'edge-bergen'),
        ('debian-13', 'queued', None, 'edge-bergen'),
    ]


def test_on_how_many_nodes_images_are(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    nodes: dict[str, str],
) -> None:
    ubuntu, debian = images('ubuntu-24.04', 3000), images('debian-13', 10)
    gone = images('gone', 20)
    images('nowhere', 30)
    caches[0].fill(ubuntu)
    caches[1].fill(ubuntu, debian, gone)
    caches[0].queue_only(debian)
    images.delete(gone)

    everything = openstack(*FLEET, 'coverage', *ALIVE, *JSON)
    one = openstack(*FLEET, 'coverage', *ALIVE, 'nowhere', gone, *JSON)

    assert (everything.code, everything.err) == (0, '')
    assert [list(row.values()) for row in everything.rows] == [
        [debian, 'debian-13', 10, 1, 1, 0, []],
        [ubuntu, 'ubuntu-24.04', 3000, 2, 0, 0, []],
        [gone, None, 20, 1, 0, 1, ['edge-oslo']],
    ]
    assert (one.code, one.err) == (0, '')
    assert [
        (row['Name'], row['Cached'], row['Missing On']) for row in one.rows
    ] == [
        ('nowhere', 0, ['edge-oslo', 'edge-bergen']),
        (None, 1, ['edge-oslo']),
    ]


def test_where_an_image_is_missing_while_nodes_are_down(
    openstack: OpenStack,
    on_a_terminal: Callable[..., Result],
    images: Images,
    caches: list[Cache],
    failures: str,
) -> None:
    ubuntu = images('ubuntu-24.04', 3000)
    caches[0].fill(ubuntu)
    failures += 'Coverage is incomplete: 2 of 4 nodes could not be read.\n'

    result = openstack(*FLEET, 'coverage', 'ubuntu-24.04', *JSON)
    seen = on_a_terminal(
        *(*FLEET, 'coverage', 'ubuntu-24.04', '-c', 'Name', '-c', 'Cached'),
        *('-c', 'Missing On'),
    )

    assert (result.code, result.err) == (1, failures)
    assert result.rows == [
        {
            'ID': ubuntu,
            'Name': 'ubuntu-24.04',
            'Size': 3000,
            'Cached': 1,
            'Queued': 0,
            'Missing': 1,
            'Missing On': None,
        }
    ]
    table = """\
+--------------+----------------+------------+
| Name         | Cached         | Missing On |
+--------------+----------------+------------+
| ubuntu-24.04 | ██░░░░░░░░ 1/4 |            |
+--------------+----------------+------------+
"""
    assert seen == Result(1, (table + failures).replace('\n', '\r\n'), '')


def test_the_nodes_and_how_they_are(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    nodes: dict[str, str],
    failures: str,
) -> None:
    caches[0].fill(images('ubuntu-24.04', 3000), images('debian-13', 10))
    caches[1].queue_only(images('asked'))

    result = openstack(*FLEET, 'node', 'list', *JSON)

    assert (result.code, result.err) == (1, failures)
    assert [list(row.values()) for row in result.rows] == [
        [
            *('edge-oslo', 'edge-oslo', nodes['edge-oslo'], 'ok', '2.18'),
            *(2, 0, 3010, 0),
        ],
        [
            *('edge-dead', 'edge-dead', nodes['edge-dead'], 'unreachable'),
            *(None, None, None, None, None),
        ],
        [
            *('edge-bergen', 'edge-bergen', nodes['edge-bergen'], 'ok'),
            *('2.18', 0, 1, 0, 0),
        ],
        [
            *('edge-nocache', 'edge-nocache', nodes['edge-nocache']),
            *('caching off', '2.17', None, None, None, None),
        ],
    ]


def test_a_user_who_may_not_see_caches_and_a_service_that_has_none(
    openstack: OpenStack, cloud: clouds.Cloud
) -> None:
    """Keystone stands for all that is no Glance."""
    oslo, keystone = cloud.glance[0].url, cloud.auth_url.removesuffix('/v3')

    result = openstack(
        *('image', 'cache', 'node', 'list', '-f', 'value', '-c', 'Status'),
        *('-c', 'API Version', '--node', oslo, '--node', keystone),
        user='demo',
    )

    assert (result.code, result.out) == (1, 'forbidden 2.18\nnot glance \n')
    first, second = result.err.splitlines()
    assert first.startswith(f'Cannot read the cache of {oslo}: ')
    assert second == (
        f'Cannot read the cache of {keystone}: Not a Glance endpoint. Use an '
        "endpoint of 'openstack endpoint list'."
    )


def test_the_nodes_that_hold_an_image(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    nodes: dict[str, str],
) -> None:
    both, one, asked = images('both'), images('one'), images('asked')
    gone = images('gone')
    caches[0].fill(both)
    caches[1].fill(both, one, gone)
    caches[0].queue_only(asked)
    images.delete(gone)

    def holders(image: str) -> list[str]:
        result = openstack(
            *(*FLEET, 'node', 'list', *ALIVE, '--image', image, *JSON)
        )
        assert (result.code, result.err) == (0, '')
        return [row['Node'] for row in result.rows]

    assert holders('both') == ['edge-oslo', 'edge-bergen']
    assert holders(one) == ['edge-bergen']
    assert holders('asked') == []
    assert holders(gone) == ['edge-bergen']


def test_the_nodes_that_hold_an_image_while_others_are_down(
    openstack: OpenStack, images: Images, caches: list[Cache], failures: str
) -> None:
    caches[1].fill(images('ubuntu-24.04'))

    result = openstack(
        *(*FLEET, 'node', 'list', '--image', 'ubuntu-24.04'),
        *('-f', 'value', '-c', 'Node', '-c', 'Cached'),
    )

    assert result == Result(1, 'edge-bergen 1\n', failures)


def test_an_image_is_brought_to_all_nodes_and_taken_away_again(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    failures: str,
) -> None:
    ubuntu = images('ubuntu-24.04')
    caches[1].fill(ubuntu)
    shown = ('-f', 'value', '-c', 'Result', '-c', 'Node')
    delete = (*FLEET, 'delete', 'ubuntu-24.04', '--all-nodes', *shown)

    queued = openstack(*FLEET, 'queue', 'ubuntu-24.04', '--all-nodes', *shown)
    caches[0].wait_for(ubuntu)
    refused = openstack(*delete)
    held = [cache.cached for cache in caches]
    deleted = openstack(*delete, '--auto-approve')

    assert queued == Result(
        1, 'queued edge-oslo\nalready cached edge-bergen\n', failures
    )
    assert refused == Result(
        2,
        '',
        'Confirmation required. Use --auto-approve to proceed, or --dry-run '
        'to show the plan.\n',
    )
    assert held == [{ubuntu}, {ubuntu}]
    assert deleted == Result(
        1, 'deleted edge-oslo\ndeleted edge-bergen\n', failures
    )
    assert [cache.cached for cache in caches] == [set(), set()]


def test_all_caches_are_cleared(
    openstack: OpenStack,
    on_a_terminal: Callable[..., Result],
    images: Images,
    caches: list[Cache],
    failures: str,
) -> None:
    one = images('one', 3000)
    for cache in caches:
        cache.fill(one)
    clear = (*FLEET, 'clear', '--all-nodes')

    kept = on_a_terminal(*clear, typed='n\n')
    held = [cache.cached for cache in caches]
    result = openstack(*clear, '--auto-approve', *JSON)

    assert kept.code == 1
    assert (
        '  edge-oslo: 1 cached, 0 queued, 3.0 kB\r\n'
        '  edge-bergen: 1 cached, 0 queued, 3.0 kB\r\n'
        'About to clear 2 cached and 0 queued entries (6.0 kB). Continue? '
        '[y/N] '
    ) in kept.out
    assert kept.out.endswith('Nothing was changed.\r\n')
    assert held == [{one}, {one}]
    assert (result.code, result.err) == (1, failures)
    assert [list(row.values()) for row in result.rows] == [
        [1, 0, 3000, 'edge-oslo'],
        [1, 0, 3000, 'edge-bergen'],
    ]
    assert [cache.cached for cache in caches] == [set(), set()]


def test_all_caches_are_cleaned(
    openstack: OpenStack, cloud: clouds.Cloud, nodes: dict[str, str]
) -> None:
    leftovers = [node.cache_dir / 'invalid/x' for node in cloud.glance[:2]]
    for path in leftovers:
        path.parent.mkdir(exist_ok=True)
        path.write_text('half an image')

    result = openstack(*FLEET, 'clean', '--all-nodes', '-f', 'value')

    assert result == Result(
        1,
        'cleaned edge-oslo\ncleaned edge-bergen\n',
        f'Cannot clean the cache of edge-dead ({nodes["edge-dead"]}): {DEAD}'
        'Cannot clean the cache of edge-nocache '
        f'({nodes["edge-nocache"]}): {OFF}',
    )
    assert [path for path in leftovers if path.exists()] == []


def test_caches_below_their_limits_are_pruned_of_nothing(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    nodes: dict[str, str],
) -> None:
    ubuntu = images('ubuntu-24.04')
    caches[0].fill(ubuntu)
    prune = (*FLEET, 'prune', '--all-nodes', '-f', 'value')

    refused = openstack(*prune)
    planned = openstack(*prune, '--dry-run')
    result = openstack(*prune, '--auto-approve')

    assert refused == Result(
        2,
        '',
        'Confirmation required. Use --auto-approve to proceed, or --dry-run '
        'to show the plan.\n',
    )
    assert planned == Result(
        0, ''.join(f'prune {name}\n' for name in nodes), ''
    )
    assert result == Result(
        1,
        '0 0 edge-oslo\n0 0 edge-bergen\n',
        f'Cannot prune the cache of edge-dead ({nodes["edge-dead"]}): {DEAD}'
        'Cannot prune the cache of edge-nocache '
        f'({nodes["edge-nocache"]}): {OFF}',
    )
    assert caches[0].cached == {ubuntu}


@pytest.mark.parametrize('verb', ['clean', 'prune'])
def test_a_plain_member_may_not_do_maintenance(
    openstack: OpenStack, cloud: clouds.Cloud, verb: str
) -> None:
    result = openstack('image', 'cache', verb, user='demo')

    assert result == Result(
        1,
        '\n',
        f'Cannot {verb} the cache of {cloud.glance[0].url}: You are not '
        f'authorized to complete cache_{verb} action. Log in as an '
        f'administrator, or permit cache_{verb} in the API policies of the '
        'node.\n',
    )


def test_a_cache_above_its_limit_is_pruned_of_what_was_used_least(
    openstack: OpenStack, cloud: clouds.Cloud, images: Images, token: str
) -> None:
    """Only one image of 1000 bytes is within the limit."""
    limit = '\n[DEFAULT]\nimage_cache_max_size = 1999\n'
    (node,) = cloud.add(clouds.GlanceOptions(extra=limit))
    small = Cache(node, token)
    first, second = images('first', 1000), images('second', 1000)
    third = images('third', 1000)
    for image in (first, second, third):
        small.fill(image)

    result = openstack(
        'image', 'cache', 'prune', '--node', small.url, '-f', 'value'
    )

    assert result == Result(0, f'2 2000 {small.url}\n', '')
    assert small.cached == {third}


@pytest.fixture
def silent() -> Iterator[str]:
    """An endpoint that accepts connections, and never answers."""
    with socket.socket() as listening:
        listening.bind(('127.0.0.1', 0))
        listening.listen()
        yield f'http://127.0.0.1:{listening.getsockname()[1]}'


@pytest.fixture
def full() -> Iterator[str]:
    """An endpoint whose backlog is full: no connection is ever accepted."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(('127.0.0.1', 0))
        listening.listen(0)
        address = listening.getsockname()
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        yield f'http://127.0.0.1:{address[1]}'


def test_a_silent_node_hides_nothing_of_the_others(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    silent: str,
    full: str,
) -> None:
    caches[0].fill(images('ubuntu-24.04'))

    result = openstack(
        *('image', 'cache', 'list', '--node-timeout', '1'),
        *('--node', silent, '--node', caches[0].url, '--node', full),
        *('-f', 'value', '-c', 'Name', '-c', 'Node'),
    )

    assert result == Result(
        1,
        f'ubuntu-24.04 {caches[0].url}\n',
        ''.join(
            f'Cannot read the cache of {node}: No response within 1 seconds. '
            'Check that the service is up. To wait longer, use '
            '--node-timeout.\n'
            for node in (silent, full)
        ),
    )


def test_a_prune_that_takes_its_time_is_given_it_and_no_more(
    openstack: OpenStack, silent: str
) -> None:
    result = openstack(
        *('image', 'cache', 'prune', '--node', silent),
        *('--prune-timeout', '1'),
    )

    assert (result.code, result.out) == (1, '\n')
    assert result.err.startswith(
        f'Cannot prune the cache of {silent}: No response within 1 seconds. '
    )


def test_a_node_that_accepts_no_connection_has_no_time_to_prune(
    openstack: OpenStack, full: str
) -> None:
    """The long time limit is for the pruning, not for the way there."""
    result = openstack(
        *('image', 'cache', 'prune', '--node', full, '--prune-timeout', '8'),
        *('--node-timeout', '1'),
    )

    assert (result.code, result.out) == (1, '\n')
    assert result.err.startswith(
        f'Cannot prune the cache of {full}: No response within 1 seconds. '
    )


def test_many_nodes_are_counted_on_a_terminal(
    openstack: OpenStack,
    on_a_terminal: Callable[..., Result],
    cloud: clouds.Cloud,
    images: Images,
    caches: list[Cache],
    dead: str,
    tmp_path: pathlib.Path,
) -> None:
    """One of ten is alive."""
    caches[0].fill(images('ubuntu-24.04'))
    dead_nodes = {
        f'dead-{at}': dead.replace('127.0.0.1', f'127.0.0.{at}')
        for at in range(1, 10)
    }
    cloud.clouds_yaml(
        tmp_path / 'clouds.yaml', {'alive': caches[0].url, **dead_nodes}
    )
    command = (*FLEET, 'list', '-f', 'value', '-c', 'Name', '-c', 'Node')

    piped = openstack(*command)
    seen = on_a_terminal(*command)

    assert piped == Result(
        1,
        'ubuntu-24.04 alive\n',
        ''.join(
            f'Cannot read the cache of {name} ({url}): {DEAD}'
            for name, url in dead_nodes.items()
        ),
    )
    assert seen.code == 1
    assert 'Reading nodes' in seen.out
    assert '10/10' in seen.out
    assert seen.out.endswith(
        '\x1b[2K' + (piped.out + piped.err).replace('\n', '\r\n')
    )
