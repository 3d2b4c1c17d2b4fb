# SPDX-License-Identifier: Apache-2.0

"""Ctrl-C at its worst moments, over real sockets."""

import asyncio
from collections.abc import Callable
from collections.abc import Iterator
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from keystoneauth1 import session as ksa_session
from keystoneauth1 import token_endpoint
import pytest

from glance_cache_osc.drivers import http
from glance_cache_osc.transport import attempt
from glance_cache_osc.transport import engine as engines
from glance_cache_osc.transport import loop as loops
from tests.fuzz import clients
from tests.fuzz import servers

ROOT = pathlib.Path(__file__).parents[2]
NOT_ASKED = 'Not sent: interrupted.'
UNCONFIRMED = (
    'Interrupted before the response arrived. The request may have succeeded: '
    'check the result before you retry.'
)


def ctrl_c() -> None:
    """The user presses Ctrl-C; any thread may have the signal."""
    signal.raise_signal(signal.SIGINT)


class Node:
    """A node that answers when it is told to.

    :ivar arrived: is released for each request that has come.
    :ivar answers: each request waits for it.
    """

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self.answers = threading.Event()
        self.server = servers.Server(self._answer)

    def _answer(self, head: bytes, connection: socket.socket) -> None:
        self.arrived.release()
        self.answers.wait(servers.PATIENCE)
        connection.sendall(servers.reply([]))


@pytest.fixture
def node() -> Iterator[Node]:
    made = Node()
    with made.server:
        yield made
    made.answers.set()


def after(event: Callable[[], object], *then: Callable[[], object]) -> None:
    """Do things on a thread once something has happened there."""

    def run() -> None:
        event()
        for one in then:
            one()

    threading.Thread(target=run, daemon=True).start()


Outcomes = list[attempt.Outcome[Any, Any]]


def change(
    loop: loops.Loop,
    client: http.NodeClient,
    settled: list[int],
    jobs: int = 3,
    width: int = 16,
) -> Outcomes:
    """Send a node so many changes."""
    return loop.run(
        attempt.attempt(
            lambda _job: client.request('DELETE', '/v2/cache'),
            range(jobs),
            group=lambda _job: 'one',
            group_limit=width,
            settle=lambda busy: settled.append(len(busy)),
        )
    )


def told(outcomes: Outcomes) -> list[str]:
    return [str(one.error or one.value) for one in outcomes]


def test_a_question_is_dropped_at_once(node: Node) -> None:
    after(node.arrived.acquire, ctrl_c)

    began = time.monotonic()
    with loops.Loop() as loop:
        client = clients.client(loop.engine, node.server.url, 20)
        with pytest.raises(KeyboardInterrupt):
            loop.run(client.request('GET', '/v2/cache'))

    assert time.monotonic() - began < 4


def test_changes_under_way_are_finished_and_no_further_one_starts(
    node: Node,
) -> None:
    """Two of five are with the node when the user presses Ctrl-C."""
    settled: list[int] = []

    def both_have_come() -> None:
        node.arrived.acquire()
        node.arrived.acquire()

    after(both_have_come, ctrl_c, lambda: time.sleep(0.1), node.answers.set)

    with loops.Loop() as loop:
        client = clients.client(loop.engine, node.server.url, 20)
        outcomes = change(loop, client, settled, jobs=5, width=2)
        assert loop.interrupted

    assert told(outcomes) == ['[]', '[]', *[NOT_ASKED] * 3]
    assert settled == [2]
    assert node.server.methods == ['DELETE', 'DELETE']


def test_a_second_ctrl_c_ends_the_wait(node: Node) -> None:
    settled: list[int] = []
    after(node.arrived.acquire, ctrl_c, lambda: time.sleep(0.1), ctrl_c)

    began = time.monotonic()
    with loops.Loop() as loop:
        client = clients.client(loop.engine, node.server.url, 20)
        outcomes = change(loop, client, settled, jobs=1)

    assert told(outcomes) == [UNCONFIRMED]
    assert settled == [1]
    assert time.monotonic() - began < 4


def test_two_ctrl_c_are_two_where_the_loop_is_busy(node: Node) -> None:
    """It sees both at the same time, while it decodes, say."""
    settled: list[int] = []

    def press_twice() -> None:
        ctrl_c()
        ctrl_c()

    async def change_and_be_busy(client: http.NodeClient) -> Outcomes:
        asyncio.get_running_loop().call_later(0.1, press_twice)
        return await attempt.attempt(
            lambda _job: client.request('DELETE', '/v2/cache'),
            [1],
            settle=lambda busy: settled.append(len(busy)),
        )

    began = time.monotonic()
    with loops.Loop() as loop:
        client = clients.client(loop.engine, node.server.url, 20)
        outcomes = loop.run(change_and_be_busy(client))

    assert told(outcomes) == [UNCONFIRMED]
    assert settled == []
    assert time.monotonic() - began < 4


class SlowKeystone(ksa_session.Session):
    """A session whose Keystone answers when it is told to."""

    def __init__(self) -> None:
        super().__init__(auth=token_endpoint.Token(None, servers.TOKEN))
        self.asked = threading.Semaphore(0)
        self.answers = threading.Event()

    def get_auth_headers(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        self.asked.release()
        self.answers.wait(servers.PATIENCE)
        return {'X-Auth-Token': servers.TOKEN}


def test_nothing_is_changed_when_ctrl_c_came_before_the_login(
    node: Node,
) -> None:
    """The first request of `clean` or `clear` is a change."""
    keystone = SlowKeystone()
    node.answers.set()
    after(
        keystone.asked.acquire,
        ctrl_c,
        lambda: time.sleep(0.1),
        keystone.answers.set,
    )

    with loops.Loop() as loop:
        client = clients.client(
            loop.engine, node.server.url, 5, logged_in=keystone
        )
        outcomes = change(loop, client, [])

    assert told(outcomes) == [NOT_ASKED] * 3
    assert node.server.heads == []


def test_nothing_is_changed_when_ctrl_c_came_before_the_address(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Semaphore(0)
    goes_on = threading.Event()
    real = socket.getaddrinfo
    node.answers.set()

    def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> Any:
        asked.release()
        goes_on.wait(servers.PATIENCE)
        return real('127.0.0.1', *args, **kwargs)

    monkeypatch.setattr(socket, 'getaddrinfo', getaddrinfo)
    after(asked.acquire, ctrl_c, lambda: time.sleep(0.1), goes_on.set)

    with loops.Loop() as loop:
        url = f'http://edge.example:{node.server.port}'
        outcomes = change(loop, clients.client(loop.engine, url, 5), [])

    assert told(outcomes) == [NOT_ASKED] * 3
    assert node.server.heads == []


def test_nothing_is_changed_that_waits_for_a_connection(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, '_MAX_CONNECTIONS', 2)
    after(
        lambda: [node.arrived.acquire() for _ in range(2)],
        ctrl_c,
        lambda: time.sleep(0.1),
        node.answers.set,
    )

    with loops.Loop() as loop:
        client = clients.client(loop.engine, node.server.url, 5)
        outcomes = change(loop, client, [], jobs=8)

    assert sorted(told(outcomes)) == [*[NOT_ASKED] * 6, '[]', '[]']
    assert len(node.server.heads) == 2


def test_a_change_of_several_requests_is_finished(node: Node) -> None:
    """Half a deletion is none: what has begun may send its further ones."""

    async def twice(client: http.NodeClient) -> str:
        await client.request('DELETE', '/v2/queued_images')
        await client.request('DELETE', '/v2/cached_images')
        return 'both'

    after(
        node.arrived.acquire,
        ctrl_c,
        lambda: time.sleep(0.1),
        node.answers.set,
    )
    with loops.Loop() as loop:
        client = clients.client(loop.engine, node.server.url, 5)
        outcomes = loop.run(
            attempt.attempt(
                lambda _job: twice(client), [1], settle=lambda _busy: None
            )
        )

    assert told(outcomes) == ['both']
    assert node.server.methods == ['DELETE', 'DELETE']


def test_a_keystone_that_hangs_does_not_hold_a_question(node: Node) -> None:
    keystone = SlowKeystone()
    after(keystone.asked.acquire, ctrl_c)

    began = time.monotonic()
    with loops.Loop() as loop:
        client = clients.client(
            loop.engine, node.server.url, 20, logged_in=keystone
        )
        with pytest.raises(KeyboardInterrupt):
            loop.run(client.request('GET', '/v2/cache'))

    assert time.monotonic() - began < 4
    keystone.answers.set()


HUNG = """
import signal, socket, time
from keystoneauth1 import session, token_endpoint
from glance_cache_osc.transport import login, loop, resolver

class Hung(session.Session):
    def get_auth_headers(self, *args, **kwargs):
        signal.raise_signal(signal.SIGINT)
        time.sleep(60)

socket.getaddrinfo = lambda *args, **kwargs: time.sleep(60)
shared = login.Login(Hung(auth=token_endpoint.Token(None, 'x')), 50)

async def both():
    import asyncio
    await asyncio.gather(
        shared.headers(), resolver.Resolver().resolve('http://edge', 50)
    )

with loop.Loop() as made:
    try:
        made.run(both())
    except KeyboardInterrupt:
        print('interrupted')
"""


def test_what_hangs_does_not_hold_the_program() -> None:
    """Its threads are joined by nobody."""
    done = subprocess.run(
        [sys.executable, '-c', HUNG],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=servers.PATIENCE,
    )

    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        'interrupted\n',
        '',
    )


def test_names_that_hang_hold_up_no_healthy_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten of a hundred; and the command ends with their timeout."""
    goes_on = threading.Event()
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> Any:
        if host.startswith('hangs'):
            goes_on.wait(servers.PATIENCE)
        return real('127.0.0.1', *args, **kwargs)

    monkeypatch.setattr(socket, 'getaddrinfo', getaddrinfo)
    ended: dict[str, float] = {}

    async def ask(engine: engines.Engine, url: str) -> None:
        began = time.monotonic()
        try:
            await clients.client(engine, url, 1).request('GET', '/')
        finally:
            ended[url] = time.monotonic() - began

    with servers.Server(servers.sends(servers.reply([]))) as server:
        hosts = [f'hangs-{at}' for at in range(10)]
        hosts += [f'edge-{at}' for at in range(90)]
        urls = [f'http://{one}.example:{server.port}' for one in hosts]
        with loops.Loop() as loop:
            outcomes = loop.run(
                attempt.attempt(lambda url: ask(loop.engine, url), urls)
            )
            done = time.monotonic()
        assert time.monotonic() - done < 1
    goes_on.set()

    assert [str(one.error) for one in outcomes if one.error] == [
        f"'hangs-{at}.example' was not resolved within 1 seconds. Check "
        'the name, and the DNS servers of this machine.'
        for at in range(10)
    ]
    assert len(server.heads) == 90
    assert max(ended[url] for url in urls[10:]) < 1
