# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache node check` on real nodes that are set up wrong."""

from collections.abc import Iterator
import contextlib
import itertools
import socket
import socketserver
import threading

import pytest

from tests import cloud as clouds
from tests.cloud import Cache
from tests.cloud import Images
from tests.functional.conftest import OpenStack
from tests.functional.conftest import PATIENCE
from tests.shell import Result

CHECK = ('image', 'cache', 'node', 'check', '-f', 'json')
SIZE = 100_000


def named(*urls: str) -> list[str]:
    return [part for url in urls for part in ('--node', url)]


def found(result: Result) -> list[tuple[str, str, str]]:
    return [(row['Node'], row['Check'], row['Result']) for row in result.rows]


def test_nothing_is_found_on_nodes_that_are_right(
    openstack: OpenStack, images: Images, caches: list[Cache]
) -> None:
    alpha = images('alpha', SIZE)
    for cache in caches:
        cache.fill(alpha)
    nodes = named(*(cache.url for cache in caches))

    brief = openstack(*CHECK, *nodes, '--probe-size', '1M')
    whole = openstack(*CHECK, *nodes, '--probe-size', '1M', '--long')

    assert (brief.code, brief.err, brief.rows) == (0, '', [])
    assert (whole.code, whole.err) == (0, '')
    assert found(whole) == [
        (cache.url, *check)
        for cache in caches
        for check in (
            ('responds', 'ok'),
            ('cache', 'ok'),
            ('list permission', 'ok'),
            ('change permission', 'ok'),
            ('cloud', 'ok'),
            ('serving', 'ok'),
            ('own list', 'ok'),
            ('single node', 'unknown'),
            ('clock', 'ok'),
        )
    ]


@pytest.fixture
def twins(cloud: clouds.Cloud) -> Iterator[list[clouds.GlanceNode]]:
    """Two nodes that share a list."""
    (one,) = cloud.add(clouds.GlanceOptions())
    (other,) = cloud.add(
        clouds.GlanceOptions(
            extra=f'\n[DEFAULT]\nworker_self_reference_url = {one.url}\n'
        )
    )
    yield [one, other]
    one.stop()
    other.stop()


def test_nodes_that_share_a_list(
    openstack: OpenStack,
    images: Images,
    token: str,
    twins: list[clouds.GlanceNode],
) -> None:
    Cache(twins[0], token).fill(images('alpha', SIZE))
    urls = [node.url for node in twins]

    guessed = openstack(*CHECK, *named(*urls))
    proven = openstack(*CHECK, *named(*urls), '--probe-size', '1M')

    assert (guessed.code, guessed.err) == (3, '')
    assert found(guessed) == [(url, 'own list', 'warning') for url in urls]
    assert proven.code == 3
    assert (urls[0], 'own list', 'error') in found(proven)
    assert (urls[1], 'serving', 'error') in found(proven)


@pytest.fixture
def wrong(cloud: clouds.Cloud) -> Iterator[list[clouds.GlanceNode]]:
    """A node without the cache filter, and one of another cloud."""
    nodes = cloud.add(
        clouds.GlanceOptions(flavor='keystone'),
        clouds.GlanceOptions(own_database=True),
    )
    yield nodes
    for node in nodes:
        node.stop()


def test_nodes_that_are_set_up_wrong(
    cloud: clouds.Cloud,
    openstack: OpenStack,
    images: Images,
    token: str,
    wrong: list[clouds.GlanceNode],
) -> None:
    plain, foreign = wrong
    Cache(plain, token).fill(images('alpha', SIZE))
    off = cloud.glance[2].url

    result = openstack(
        *CHECK, *named(plain.url, foreign.url, off), '--probe-size', '1M'
    )

    assert (result.code, result.err) == (3, '')
    assert found(result) == [
        (plain.url, 'serving', 'error'),
        (foreign.url, 'cloud', 'error'),
        (foreign.url, 'serving', 'unknown'),
        (off, 'cache', 'error'),
    ]


def test_a_node_that_cannot_be_asked(
    openstack: OpenStack, images: Images, caches: list[Cache]
) -> None:
    images('alpha')
    with socket.create_server(('127.0.0.1', 0)) as closed:
        url = f'http://127.0.0.1:{closed.getsockname()[1]}'

    result = openstack(*CHECK, *named(url, caches[0].url))

    assert result.code == 1
    assert found(result) == [(url, 'responds', 'error')]
    assert result.err.count('\n') == 1


def test_a_user_who_may_not_list(openstack: OpenStack, cache: Cache) -> None:
    result = openstack(*CHECK, user='demo')

    assert (result.code, result.err) == (3, '')
    assert found(result) == [(cache.url, 'list permission', 'error')]


@contextlib.contextmanager
def balancer(*urls: str) -> Iterator[str]:
    """Leads each connection to the next of several nodes."""
    ports = itertools.cycle(int(url.rpartition(':')[2]) for url in urls)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            node = socket.create_connection(('127.0.0.1', next(ports)))
            with node:
                back = threading.Thread(
                    target=forward, args=(node, self.request)
                )
                back.start()
                forward(self.request, node)
                back.join(PATIENCE)

    with socketserver.ThreadingTCPServer(('127.0.0.1', 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f'http://127.0.0.1:{server.server_address[1]}'
        server.shutdown()
        thread.join(PATIENCE)


def forward(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_several_nodes_behind_one_endpoint(
    openstack: OpenStack, images: Images, caches: list[Cache]
) -> None:
    caches[0].fill(images('alpha', SIZE))

    with balancer(*(cache.url for cache in caches)) as url:
        result = openstack(*CHECK, *named(url))

    assert (result.code, result.err) == (3, '')
    assert found(result) == [(url, 'single node', 'error')]
