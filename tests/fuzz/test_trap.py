# SPDX-License-Identifier: Apache-2.0

"""A command contacts the nodes that were written, and no other server."""

from collections.abc import Iterator
import contextlib
import dataclasses
import json
import pathlib
import re
import socket
from typing import Any

import hypothesis
from hypothesis import strategies as st
import pycurl
import pytest

from tests.cli.conftest import OpenStack
from tests.fuzz import conftest
from tests.fuzz import node_texts
from tests.fuzz import servers
from tests.fuzz import test_malformed
from tests.fuzz import texts

_LOOPBACK = '127.0.0.1'
_HOST = re.compile(rb'\r\nHost: (\[[^\]]*\]|[^:\r]*)', re.IGNORECASE)
#: Words that select nodes, and hosts that are not configured.
_WORDS = st.sampled_from(
    [
        *('edge-0', 'edge-*', 'edge-0-[1-3]', 'edge-0-1', '*', 'n'),
        *('trap.example', 'http://x[::1]', '[::1]:9292', 'n1.example'),
        *('http://n.example:9292', 'http://trap-[1-2].example', 'localhost'),
    ]
)


@dataclasses.dataclass
class World:
    """A written node answers; all other names lead to the trap.

    :ivar glance: the image service of the cloud.
    :ivar written: the hosts that were written.
    :ivar looked_up: the names that were resolved.
    """

    node: servers.Server
    glance: servers.Server
    trap: servers.Server
    file: pathlib.Path
    written: set[str] = dataclasses.field(default_factory=set)
    looked_up: set[str] = dataclasses.field(default_factory=set)

    @property
    def routes(self) -> list[str]:
        """The routes of libcurl; the first that matches applies."""
        to_node = f'{_LOOPBACK}:{self.node.port}'
        hosts = [one for one in self.written if one and one.isascii()]
        return [
            *(f'{one}::{to_node}' for one in hosts),
            f'{self.glance.netloc}:{self.glance.netloc}',
            f'::{self.trap.netloc}',
        ]


@pytest.fixture
def world(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> Iterator[World]:
    with (
        servers.Server(servers.glance) as node,
        servers.Server(servers.glance) as glance,
        servers.Server(servers.glance) as trap,
        servers.Server(servers.sends(b'')) as keystone,
    ):
        keystone.answer = servers.keystone(lambda: keystone.url, glance.url)
        world = World(node, glance, trap, tmp_path / 'nodes.yaml')
        _route(monkeypatch, world)
        path = tmp_path / 'clouds.yaml'
        cloud: dict[str, Any] = {
            'auth': {'auth_url': f'{keystone.url}/v3'},
            'image_cache_nodes_file': str(world.file),
        }
        path.write_text(json.dumps({'clouds': {'far': cloud}}))
        monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(path))
        monkeypatch.setenv('OS_AUTH_URL', f'{keystone.url}/v3')
        yield world


def _route(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """Route the look-ups and connections of commands."""

    class Curl(pycurl.Curl):
        def __init__(self) -> None:
            super().__init__()
            super().setopt(pycurl.CONNECT_TO, world.routes)

        def setopt(self, option: int, *args: Any, **more: Any) -> None:
            # Nodes of discovery have the address of the node below.
            if option != pycurl.CONNECT_TO:
                super().setopt(option, *args, **more)

    def getaddrinfo(host: str, *args: Any, **more: Any) -> Any:
        world.looked_up.add(str(host).lower())
        return real(_LOOPBACK, *args, **more)

    real = socket.getaddrinfo
    monkeypatch.setattr(pycurl, 'Curl', Curl)
    monkeypatch.setattr(socket, 'getaddrinfo', getaddrinfo)


def _hosts(text: str, words: list[str]) -> set[str]:
    """The hosts of a file of nodes and of the URLs of a command line."""
    listed = node_texts.parse(text)
    found = [*node_texts.pairs(listed).values()]
    found += [node_texts.written(one) for one in words if '://' in one]
    if not listed:  # Without nodes, --node may be a host.
        found += [node_texts.written(one) for one in words]
    hosts = {one.host for one in found if one}
    return hosts | set(filter(None, map(_address, hosts)))


def _address(host: str) -> str:
    """The IPv4 address of a host such as 127.1; empty for a name."""
    with contextlib.suppress(OSError):
        return socket.inet_ntoa(socket.inet_aton(host))
    return ''


@conftest.FEWER
@hypothesis.given(
    text=texts.texts(node_texts.items()),
    words=st.sampled_from([[], [], ['edge-*'], ['edge-0*']])
    | st.lists(_WORDS, max_size=1),
)
def test_a_command_contacts_no_other_server(
    tally: conftest.Tally,
    world: World,
    openstack: OpenStack,
    text: str,
    words: list[str],
) -> None:
    world.file.write_bytes(text.encode('utf-8', 'surrogatepass'))
    world.written = _hosts(text, words)
    world.looked_up.clear()
    world.node.heads.clear()
    connections, requests = world.trap.connections, len(world.trap.heads)

    result = openstack(
        *('--os-cloud', 'far', 'image', 'cache', 'list', '-f', 'json'),
        *('--node-timeout', '1'),
        *(part for one in words for part in ('--node', one)),
    )

    tally.read += 1
    tally.accepted += bool(world.node.heads)
    assert world.trap.connections == connections, result
    assert len(world.trap.heads) == requests
    contacted = {_HOST.findall(one)[0].decode() for one in world.node.heads}
    assert {one.lower() for one in contacted} <= world.written
    assert world.looked_up <= world.written | {_LOOPBACK, 'localhost'}
    assert 'Traceback' not in result.err
    assert test_malformed.is_quiet(result.err)
    assert servers.TOKEN not in result.err + result.out
    assert result.code in (0, 1, 2)
