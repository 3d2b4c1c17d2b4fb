# SPDX-License-Identifier: Apache-2.0

"""Tests of the simulated nodes: responses, faults, and the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPException
from http.client import HTTPSConnection
import json
import pathlib
import socket
import ssl
import time
import urllib.parse

import pytest

from tests.cloud import rest
from tests.cloud import RestError
from tests.faults.certificates import Authority
from tests.simulated import Fault
from tests.simulated import host_of
from tests.simulated import missing
from tests.simulated import Settings
from tests.simulated import SimulatedFleet
from tests.simulated.payloads import TOKEN

pytestmark = pytest.mark.skipif(
    missing() is not None, reason=missing() or 'available'
)

_NODES = 4
_UNKNOWN = 'c0ffee00-1234-4abc-8def-0123456789ab'
_LOGGED_IN = {'X-Auth-Token': TOKEN}
_HELD = {'cached': ['image-0001', 'image-0002'], 'queued': []}


@pytest.fixture(scope='module')
def started() -> Iterator[SimulatedFleet]:
    settings = Settings(nodes=_NODES, images=5, entries=2, fill=None)
    with SimulatedFleet(settings, lifetime=60) as fleet:
        yield fleet


@pytest.fixture
def fleet(started: SimulatedFleet) -> SimulatedFleet:
    started.set_fault(range(_NODES), None)
    started.set_fill(None)
    started.set_round_trip(0)
    started.reset()
    return started


def call(
    fleet: SimulatedFleet, method: str, path: str, **headers: str
) -> rest.Reply:
    """Send a request to the first node."""
    return rest.call(
        method,
        fleet.nodes['edge-0001'] + path,
        token=TOKEN,
        headers={name.replace('_', '-'): it for name, it in headers.items()},
        timeout=1,
    )


def named(fleet: SimulatedFleet, node: str = 'edge-0001') -> object:
    """The names of the images of a node."""
    return {
        state: [fleet.images[one] for one in ids]
        for state, ids in fleet.caches()[node].items()
    }


def test_each_node_has_an_address_and_a_cache_of_its_own(
    fleet: SimulatedFleet,
) -> None:
    hosts = [
        urllib.parse.urlsplit(url).hostname for url in fleet.nodes.values()
    ]

    assert list(fleet.nodes) == [
        'edge-0001',
        'edge-0002',
        'edge-0003',
        'edge-0004',
    ]
    assert hosts == ['127.1.0.1', '127.1.0.2', '127.1.0.3', '127.1.0.4']
    assert named(fleet) == _HELD
    assert named(fleet, 'edge-0004') == {
        'cached': ['image-0004', 'image-0005'],
        'queued': [],
    }


def test_the_list_is_glances(fleet: SimulatedFleet) -> None:
    first = next(iter(fleet.images))
    body = call(fleet, 'GET', '/v2/cache').body

    assert body['queued_images'] == []
    assert body['cached_images'][0] == {
        'id': 1,
        'image_id': first,
        'last_accessed': 1795232817.801313,
        'last_modified': 1795146417.801324,
        'size': 100000000,
        'hits': 1,
        'checksum': None,
    }


def test_what_is_queued_is_filled_at_once_or_never(
    fleet: SimulatedFleet,
) -> None:
    ids = list(fleet.images)

    assert call(fleet, 'PUT', f'/v2/cache/{ids[2]}').status == 202
    assert named(fleet) == {**_HELD, 'queued': ['image-0003']}

    fleet.set_fill(0)
    call(fleet, 'PUT', f'/v2/cache/{ids[4]}')

    assert named(fleet) == {
        'cached': ['image-0001', 'image-0002', 'image-0005'],
        'queued': ['image-0003'],
    }


def test_deleting_and_clearing(fleet: SimulatedFleet) -> None:
    ids = list(fleet.images)
    fleet.set_cache([0], cached=[*ids[:2], _UNKNOWN], queued=[ids[3]])

    assert call(fleet, 'DELETE', f'/v2/cache/{_UNKNOWN}').status == 204
    assert call(fleet, 'DELETE', f'/v2/cache/{ids[0]}').status == 204
    assert named(fleet) == {'cached': ['image-0002'], 'queued': ['image-0004']}

    call(fleet, 'DELETE', '/v2/cache', x_image_cache_clear_target='queue')

    assert named(fleet) == {'cached': ['image-0002'], 'queued': []}


@pytest.mark.parametrize(
    ('method', 'path', 'status', 'words'),
    [
        ('PUT', f'/v2/cache/{_UNKNOWN}', 404, f'Image {_UNKNOWN} not found.'),
        ('DELETE', f'/v2/cache/{_UNKNOWN}', 404, 'not found.'),
        ('GET', '/v2/cache/', 404, 'The resource could not be found.'),
        ('GET', f'/v2/cache/{_UNKNOWN}', 405, 'The method GET is not allowed'),
        ('GET', f'/v2/images?marker={_UNKNOWN}', 400, 'No image found with'),
    ],
)
def test_refusals(
    fleet: SimulatedFleet, method: str, path: str, status: int, words: str
) -> None:
    with pytest.raises(RestError) as refusal:
        call(fleet, method, path)

    assert refusal.value.status == status
    assert words in refusal.value.text


@pytest.mark.parametrize(
    ('fault', 'status'),
    [
        (Fault.UNAVAILABLE, 503),
        (Fault.CACHING_OFF, 404),
        (Fault.FORBIDDEN, 403),
        (Fault.NOT_GLANCE, 404),
    ],
)
def test_faults_that_answer(
    fleet: SimulatedFleet, fault: Fault, status: int
) -> None:
    fleet.set_fault([0], fault)

    with pytest.raises(RestError) as refusal:
        call(fleet, 'GET', '/v2/cache')

    assert refusal.value.status == status


@pytest.mark.parametrize(
    ('fault', 'error'),
    [
        (Fault.REFUSED, ConnectionRefusedError),
        (Fault.SILENT, socket.timeout),
        (Fault.BACKLOG, socket.timeout),
        (Fault.GARBAGE, HTTPException),
    ],
)
def test_faults_that_do_not(
    fleet: SimulatedFleet, fault: Fault, error: type[BaseException]
) -> None:
    fleet.set_fault([0], fault)

    with pytest.raises((OSError, HTTPException)) as failure:
        call(fleet, 'GET', '/v2/cache')

    reason = getattr(failure.value, 'reason', failure.value)
    assert isinstance(reason, error)
    assert fleet.nodes['edge-0002']

    fleet.set_fault([0], None)
    assert call(fleet, 'GET', '/v2/cache').status == 200


def test_images_are_found_page_by_page_and_by_filters(
    fleet: SimulatedFleet,
) -> None:
    ids = list(fleet.images)
    page = call(fleet, 'GET', '/v2/images?limit=2').body
    last = call(fleet, 'GET', f'/v2/images?limit=2&marker={ids[1]}').body
    both = call(fleet, 'GET', f'/v2/images?id=in:{ids[0]},{_UNKNOWN}').body

    assert [one['name'] for one in page['images']] == [
        'image-0005',
        'image-0004',
    ]
    assert page['next'] == f'/v2/images?limit=2&marker={ids[3]}'
    assert [one['name'] for one in last['images']] == ['image-0001']
    assert 'next' not in last
    assert [one['name'] for one in both['images']] == ['image-0001']
    assert call(fleet, 'GET', '/v2/images?os_hidden=true').body['images'] == []
    any_visibility = call(fleet, 'GET', '/v2/images?visibility=all').body
    assert (
        any_visibility['images']
        == call(fleet, 'GET', '/v2/images').body['images']
    )
    private = call(fleet, 'GET', '/v2/images?visibility=private').body
    assert private['images'] == []


def test_requests_are_counted_a_node(fleet: SimulatedFleet) -> None:
    call(fleet, 'GET', '/v2/cache')
    call(fleet, 'GET', '/v2/cache')
    asked = fleet.requests()

    assert asked['edge-0001'] == {'GET /v2/cache': 2}
    assert asked['edge-0002'] == {}


def test_a_number_of_requests_is_waited_for(fleet: SimulatedFleet) -> None:
    assert not fleet.await_requests(1, 0.01)
    call(fleet, 'GET', '/v2/cache')

    assert fleet.await_requests(1, 5)
    assert not fleet.await_requests(2, 0.01)


def test_nodes_of_several_processes_are_one_fleet(
    tmp_path: pathlib.Path,
) -> None:
    settings = Settings(nodes=5, images=5, entries=1)
    with SimulatedFleet(settings, lifetime=60, each=2) as fleet:
        ids = list(fleet.images)
        fleet.set_cache([1, 2, 4], cached=[ids[1]])
        rest.call('GET', fleet.nodes['edge-0005'] + '/v2/cache', token=TOKEN)
        fleet.clouds_yaml(tmp_path / 'clouds', nodes_file=tmp_path / 'nodes')

        assert list(fleet.nodes) == [f'edge-000{at}' for at in range(1, 6)]
        assert [one['cached'] for one in fleet.caches().values()] == [
            [ids[at]] for at in (0, 1, 1, 3, 1)
        ]
        assert fleet.requests()['edge-0005'] == {'GET /v2/cache': 1}
        assert fleet.requests()['edge-0001'] == {}
        assert json.loads((tmp_path / 'nodes').read_text())[4] == {
            'name': 'edge-0005',
            'endpoint': fleet.nodes['edge-0005'],
            'site': 'site-0000',
        }


def test_nodes_with_certificates_serve_https(tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path)
    authority.server('edge-0001', host=host_of(0))
    settings = Settings(
        nodes=1, images=1, round_trip=0.02, certificates=str(tmp_path)
    )
    with SimulatedFleet(settings, lifetime=60) as fleet:
        node = urllib.parse.urlsplit(fleet.nodes['edge-0001'])
        assert node.scheme == 'https'
        assert node.hostname
        trust = ssl.create_default_context(cafile=authority.path)
        with closing(
            HTTPSConnection(node.hostname, node.port, timeout=5, context=trust)
        ) as connection:
            began = time.monotonic()
            connection.request('GET', '/v2/cache', headers=_LOGGED_IN)
            body = json.load(connection.getresponse())

    assert len(body['cached_images']) == 1
    # One round trip each for TCP, TLS and the response.
    assert time.monotonic() - began >= 3 * 0.02


def test_it_ends_when_its_time_is_over() -> None:
    with SimulatedFleet(Settings(nodes=1), lifetime=0.2) as fleet:
        assert fleet.wait(5) == [0]
