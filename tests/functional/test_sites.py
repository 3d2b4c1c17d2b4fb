# SPDX-License-Identifier: Apache-2.0

"""Three sites of a real cloud: one by a DNS name with two addresses.

A node is in maintenance, and one is down.
"""

from collections.abc import Iterator
import json
import pathlib
import socket
from typing import Any
import urllib.parse

import pytest

from tests import cloud as clouds
from tests.cloud import Cache
from tests.cloud import Images
from tests.functional.conftest import OpenStack
from tests.relay import Relay
from tests.shell import Result

FLEET = ('--os-cloud', 'demo-cloud', 'image', 'cache')
NAME = 'pods.example'
#: Where the DNS name leads to besides the real node.
OTHER = '127.0.0.2'
SKIPPED = 'Nodes in maintenance, skipped: 1 (alta).\n'
DEAD = (
    'Cannot connect: Connection refused. Check that glance-api is running at '
    'this address.\n'
)


@pytest.fixture
def dead() -> Iterator[str]:
    """An endpoint where nobody listens."""
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        yield f'http://127.0.0.1:{taken.getsockname()[1]}'


@pytest.fixture
def port(caches: list[Cache]) -> int:
    """The port of the node that has a name."""
    return int(urllib.parse.urlsplit(caches[1].url).port or 0)


@pytest.fixture
def relay(port: int) -> Iterator[Relay]:
    """The same node at another address: to it, both are its own."""
    with Relay(port, address=(OTHER, port)) as relay:
        yield relay


@pytest.fixture
def nodes(
    cloud: clouds.Cloud,
    caches: list[Cache],
    port: int,
    relay: Relay,
    dead: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    """Sites oslo (up, down), bergen (two addresses), alta (maintenance)."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host != NAME:
            return real(host, *args, **kwargs)
        return [
            found
            for one in ('::1', OTHER, '127.0.0.1')
            for found in real(one, *args, **kwargs)
        ]

    monkeypatch.setattr(socket, 'getaddrinfo', getaddrinfo)
    items: list[dict[str, Any]] = [
        {'name': 'oslo-1', 'endpoint': caches[0].url, 'site': 'oslo'},
        {'name': 'oslo-2', 'endpoint': dead, 'site': 'oslo'},
        {
            'name': 'pods',
            'endpoint': f'http://{NAME}:{port}',
            'discover': 'dns',
            'site': 'bergen',
        },
        {
            'name': 'alta',
            'endpoint': cloud.glance[2].url,
            'maintenance': True,
        },
    ]
    cloud.clouds_yaml(tmp_path / 'clouds.yaml')
    with (tmp_path / 'clouds.yaml').open('a') as file:
        file.write(f'    image_cache_nodes: {json.dumps(items)}\n')
    return {one['name']: one['endpoint'] for one in items}


PODS = ['pods-127.0.0.1', 'pods-127.0.0.2']
BRIEF = ('-f', 'value', '-c', 'Name', '-c', 'Node')


def test_three_sites_of_which_one_node_may_be_down(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    nodes: dict[str, Any],
    relay: Relay,
) -> None:
    ubuntu, debian = images('ubuntu-24.04'), images('debian-13')
    caches[0].fill(ubuntu)
    caches[1].fill(debian)
    down = f'Cannot read the cache of oslo-2 ({nodes["oslo-2"]}): {DEAD}'
    rows = 'ubuntu-24.04 oslo-1\n' + ''.join(
        f'debian-13 {one}\n' for one in PODS
    )

    strict = openstack(*FLEET, 'list', *BRIEF)
    allowed = openstack(*FLEET, 'list', '--allow-unreachable', '1', *BRIEF)

    assert strict == Result(1, rows, SKIPPED + down)
    down += 'Unreachable nodes: 1 of 4. Allowed: 1.\n'
    assert allowed == Result(0, rows, SKIPPED + down)
    # Each address was connected to by itself.
    assert relay.connections == 2


def test_sites_and_nodes_are_named_and_excluded(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    nodes: dict[str, Any],
) -> None:
    caches[0].fill(images('ubuntu-24.04'))
    caches[1].fill(images('debian-13'))

    oslo = openstack(
        *(*FLEET, 'list', '--site', 'oslo', '--exclude-node', 'oslo-2'),
        *BRIEF,
    )
    bergen = openstack(*FLEET, 'list', '--site', 'b*', *BRIEF)
    one = openstack(*FLEET, 'list', '--node', PODS[1], *BRIEF)
    alta = openstack(*FLEET, 'list', '--node', 'alta', *BRIEF)
    nodes_set = openstack(*FLEET, 'list', '--node', 'oslo-[1-3]', *BRIEF)

    assert oslo == Result(0, 'ubuntu-24.04 oslo-1\n', '')
    assert bergen == Result(
        0, ''.join(f'debian-13 {one}\n' for one in PODS), ''
    )
    assert one == Result(0, f'debian-13 {PODS[1]}\n', '')
    # It is asked, although it is in maintenance.
    assert alta.code == 1
    assert "The node's image cache is disabled" in alta.err
    assert nodes_set.code == 2
    assert nodes_set.err.startswith(
        "clouds.yaml has no node 'oslo-3'. Similar names: oslo-"
    )


def test_an_image_is_queued_at_a_site_and_checked_everywhere(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    nodes: dict[str, Any],
) -> None:
    """The two addresses are one real node: it is queued by one of them.

    Two fills of one image would end the node's cache thread.
    """
    ubuntu = images('ubuntu-24.04')
    check = (*FLEET, 'sync', 'ubuntu-24.04', '--all-nodes', '--check')
    allowed = ('--allow-unreachable', '50%')
    down = f'Cannot read the cache of oslo-2 ({nodes["oslo-2"]}): {DEAD}'

    queued = openstack(
        *(*FLEET, 'queue', 'ubuntu-24.04', '--site', 'bergen', '--wait'),
        *('--exclude-node', PODS[1]),
        *('-f', 'value', '-c', 'Result', '-c', 'Node'),
    )
    pending = openstack(*check, *allowed, '-f', 'value', '-c', 'Node')
    caches[0].fill(ubuntu)
    done = openstack(*check, *allowed, '-f', 'value')
    strict = openstack(*check, '-f', 'value')

    assert queued.code == 0, queued.err
    assert queued.out == f'cached {PODS[0]}\n'
    assert caches[1].cached == {ubuntu}
    assert strict == Result(1, '', SKIPPED + down)
    down += 'Unreachable nodes: 1 of 4. Allowed: 2.\n'
    assert pending == Result(3, 'oslo-1\n', SKIPPED + down)
    assert done == Result(0, '', SKIPPED + down)


def test_where_an_image_is_missing_is_folded(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    nodes: dict[str, Any],
) -> None:
    images('ubuntu-24.04')
    argv = (*FLEET, 'coverage', 'ubuntu-24.04', '--site', 'bergen')

    table = openstack(*argv, '-c', 'Missing On')
    listed = openstack(*argv, '-f', 'json', '-c', 'Missing On', '-c', 'Name')

    assert '| pods-127.0.0.[1-2] |' in table.out
    assert listed.rows == [{'Name': 'ubuntu-24.04', 'Missing On': PODS}]


def test_an_address_that_went_away_is_that_nodes_failure(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    nodes: dict[str, Any],
    relay: Relay,
) -> None:
    caches[1].fill(images('debian-13'))
    relay.close()

    result = openstack(*FLEET, 'list', '--node', 'pods', *BRIEF)

    assert result == Result(
        1,
        f'debian-13 {PODS[0]}\n',
        f'Cannot read the cache of {PODS[1]} ({nodes["pods"]}): {DEAD}',
    )
