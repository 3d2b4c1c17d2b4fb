# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache clear`: argv in, output out."""

from typing import Any

import pytest

from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

CACHE = f'{p.GLANCE}/v2/cache'
TARGET = 'x-image-cache-clear-target'

TABLE = """\
+--------+--------+---------+----------------------------+
| Cached | Queued | Size    | Node                       |
+--------+--------+---------+----------------------------+
|      2 |      1 | 10.0 MB | http://glance.example:9292 |
+--------+--------+---------+----------------------------+
"""
JSON = """\
[
  {
    "Cached": 2,
    "Queued": 1,
    "Size": 10000000,
    "Node": "http://glance.example:9292"
  }
]
"""
YAML = """\
- Cached: 2
  Node: http://glance.example:9292
  Queued: 1
  Size: 10000000
"""
CSV = """\
"Cached","Queued","Size","Node"
2,1,10000000,"http://glance.example:9292"
"""
VALUE = '2 1 10000000 http://glance.example:9292\n'


@pytest.fixture
def three_entries(cloud: Cloud) -> None:
    """Two are cached, one is queued."""
    cloud.answers(
        'GET',
        CACHE,
        json=p.cache(
            p.cached(p.UBUNTU), p.cached(p.ORPHAN), queued=[p.DEBIAN]
        ),
    )


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', TABLE),
        ('json', JSON),
        ('yaml', YAML),
        ('csv', CSV),
        ('value', VALUE),
    ],
)
@pytest.mark.usefixtures('three_entries')
def test_tells_how_much_it_took(
    cloud: Cloud,
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    cloud.answers('DELETE', CACHE, status_code=204)

    result = openstack(
        *('image', 'cache', 'clear', '-f', name), terminal=terminal
    )

    assert result == Result(0, expected, '')
    assert cloud.requests == [f'GET {CACHE}', f'DELETE {CACHE}']


@pytest.mark.parametrize(
    ('argv', 'target', 'expected'),
    [
        ([], None, '2 1 10000000\n'),
        (['--cache'], 'cache', '2 0 10000000\n'),
        (['--queue'], 'queue', '0 1 0\n'),
        (['--cache', '--queue'], None, '2 1 10000000\n'),
    ],
)
@pytest.mark.usefixtures('three_entries')
def test_clears_what_is_asked_for(
    cloud: Cloud,
    openstack: OpenStack,
    argv: list[str],
    target: str | None,
    expected: str,
) -> None:
    cloud.answers('DELETE', CACHE, status_code=204)

    result = openstack(
        *('image', 'cache', 'clear', *argv, '-f', 'value'),
        *('-c', 'Cached', '-c', 'Queued', '-c', 'Size'),
    )

    assert result == Result(0, expected, '')
    assert cloud.last_headers.get(TARGET) == target


@pytest.mark.usefixtures('three_entries')
def test_a_dry_run_sends_nothing(cloud: Cloud, openstack: OpenStack) -> None:
    result = openstack('image', 'cache', 'clear', '--dry-run', '-f', 'value')

    assert result == Result(0, VALUE, '')
    assert cloud.requests == [f'GET {CACHE}']


@pytest.mark.usefixtures('three_entries')
def test_a_node_that_refuses(cloud: Cloud, openstack: OpenStack) -> None:
    cloud.answers(
        'DELETE',
        CACHE,
        status_code=500,
        text=p.fault('500 Internal Server Error', 'Disk on fire.'),
        headers={'Content-Type': 'text/html; charset=UTF-8'},
    )

    result = openstack('image', 'cache', 'clear', '-f', 'json')

    assert result == Result(
        1,
        '[]\n',
        f'Cannot clear the cache of {p.GLANCE}: The server failed with HTTP '
        '500: Disk on fire. Try again later, and check the log of the '
        'server.\n',
    )


@pytest.fixture
def fleet(cloud: Cloud, clouds_yaml: Any) -> None:
    """Two nodes, with two entries and one."""
    clouds_yaml(p.FLEET)
    cloud.answers(
        'GET', CACHE, json=p.cache(p.cached(p.UBUNTU), queued=[p.DEBIAN])
    )
    cloud.answers(
        'GET', f'{p.EDGE}/v2/cache', json=p.cache(p.cached(p.UBUNTU))
    )


FLEET_CLEAR = ('--os-cloud', 'far', 'image', 'cache', 'clear', '--all-nodes')


def test_several_nodes_need_approval(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(p.FLEET)

    result = openstack(*FLEET_CLEAR)

    assert result == Result(
        2,
        '',
        'Confirmation required. Use --auto-approve to proceed, or --dry-run '
        'to show the plan.\n',
    )
    assert not [one for one in cloud.requests if one.startswith('DELETE')]


@pytest.mark.usefixtures('fleet')
def test_several_nodes_are_shown_before_the_question(
    cloud: Cloud, openstack: OpenStack
) -> None:
    result = openstack(*FLEET_CLEAR, stdin='n\n', terminal=True)

    assert result == Result(
        1,
        '',
        '  edge-oslo: 1 cached, 1 queued, 5.0 MB\n'
        '  edge-bergen: 1 cached, 0 queued, 5.0 MB\n'
        'About to clear 2 cached and 1 queued entries (10.0 MB). Continue? '
        '[y/N] Nothing was changed.\n',
    )
    assert not [one for one in cloud.requests if one.startswith('DELETE')]


@pytest.mark.usefixtures('fleet')
def test_one_of_several_nodes_fails(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('DELETE', CACHE, status_code=204)
    cloud.answers('DELETE', f'{p.EDGE}/v2/cache', status_code=500, text='no')

    result = openstack(*FLEET_CLEAR, '--auto-approve', '-f', 'csv')

    assert result == Result(
        1,
        '"Cached","Queued","Size","Node"\n1,1,5000000,"edge-oslo"\n',
        f'Cannot clear the cache of edge-bergen ({p.EDGE}): The server failed '
        'with HTTP 500. Try again later, and check the log of the server.\n',
    )
