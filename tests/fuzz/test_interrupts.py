# SPDX-License-Identifier: Apache-2.0

"""Ctrl-C at critical times, over real sockets."""

import asyncio
from collections.abc import Callable
from collections.abc import Iterator
import pathlib
import signal
import socket
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
from tests.shell import Result
from tests.shell import run_program

ROOT = pathlib.Path(__file__).parents[2]
NOT_SENT = 'Not sent: interrupted.'
UNCONFIRMED = (
    'Interrupted before the response arrived. The request may have succeeded: '
    'check the result before you retry.'
)


def ctrl_c() -> None:
    """Send Ctrl-C; any thread may receive the signal."""
    signal.raise_signal(signal.SIGINT)


class Node:
    """A node that responds when the test permits it.

    :ivar arrived: released for each request that arrives.
    :ivar answers: each response waits for this event.
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
    """Wait for an event on a thread, then call functions."""

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
    """Send a number of changes to a node."""
    return loop.run(
        attempt.attempt(
            lambda _job: client.request('DELETE', '/v2/cache'),
            range(jobs),
            group=lambda _job: 'one',
            group_limit=width,
            settle=lambda busy: settled.append(len(busy)),
        )
    )


def results(outcomes: Outcomes) -> list[str]:
    return [str(one.error or one.value) for one in outcomes]


def test_a_get_is_cancelled_at_once(node: Node) -> None:
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
    """Two of five changes are at the node when Ctrl-C arrives."""
    settled: list[int] = []

    def both_have_come() -> None:
        node.arrived.acquire()
        node.arrived.acquire()

    after(both_have_come, ctrl_c, lambda: time.sleep(0.1), node.answers.set)

    with loops.Loop() as loop:
        client = clients.client(loop.engine, node.server.url, 20)
        outcomes = change(loop, client, settled, jobs=5, width=2)
        assert loop.interrupted

    assert results(outcomes) == ['[]', '[]', *[NOT_SENT] * 3]
    assert settled == [2]
    assert node.server.methods == ['DELETE', 'DELETE']


def test_a_second_ctrl_c_ends_the_wait(node: Node) -> None:
    settled: list[int] = []
    after(node.arrived.acquire, ctrl_c, lambda: time.sleep(0.1), ctrl_c)

    began = time.monotonic()
    with loops.Loop() as loop:
        client = clients.client(loop.engine, node.server.url, 20)
        outcomes = change(loop, client, settled, jobs=1)

    assert results(outcomes) == [UNCONFIRMED]
    assert settled == [1]
    assert time.monotonic() - began < 4


def test_two_ctrl_c_are_two_where_the_loop_is_busy(node: Node) -> None:
    """The loop sees both signals at the same time, for example after decoding."""
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

    assert results(outcomes) == [UNCONFIRMED]
    assert settled == []
    assert time.monotonic() - began < 4


class SlowKeystone(ksa_session.Session):
    """A session whose Keystone responds when the test permits it."""

    def __init__(self) -> None:
        super().__init__(auth=token_endpoint.Token(None, servers.TOKEN))
        self.requested = threading.Semaphore(0)
        self.answers = threading.Event()

    def get_auth_headers(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        self.requested.release()
        self.answers.wait(servers.PATIENCE)
        return {'X-Auth-Token': servers.TOKEN}


def test_nothing_is_changed_when_ctrl_c_came_before_the_login(
    node: Node,
) -> None:
    """The first request of `clean` or `clear` is a change."""
    keystone = SlowKeystone()
    node.answers.set()
    after(
        keystone.requested.acquire,
        ctrl_c,
        lambda: time.sleep(0.1),
        keystone.answers.set,
    )

    with loops.Loop() as loop:
        client = clients.client(
            loop.engine, node.server.url, 5, logged_in=keystone
        )
        outcomes = change(loop, client, [])

    assert results(outcomes) == [NOT_SENT] * 3
    assert node.server.heads == []


def test_nothing_is_changed_when_ctrl_c_came_before_the_address(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested = threading.Semaphore(0)
    goes_on = threading.Event()
    real = socket.getaddrinfo
    node.answers.set()

    def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> Any:
        requested.release()
        goes_on.wait(servers.PATIENCE)
        return real('127.0.0.1', *args, **kwargs)

    monkeypatch.setattr(socket, 'getaddrinfo', getaddrinfo)
    after(requested.acquire, ctrl_c, lambda: time.sleep(0.1), goes_on.set)

    with loops.Loop() as loop:
        url = f'http://edge.example:{node.server.port}'
        outcomes = change(loop, clients.client(loop.engine, url, 5), [])

    assert results(outcomes) == [NOT_SENT] * 3
    assert node.server.heads == []


def test_changes_that_wait_for_a_connection_are_not_sent(
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

    assert sorted(results(outcomes)) == [*[NOT_SENT] * 6, '[]', '[]']
    assert len(node.server.heads) == 2


def test_a_change_of_several_requests_is_finished(node: Node) -> None:
    """An operation that has started may send its other requests."""

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

    assert results(outcomes) == ['both']
    assert node.server.methods == ['DELETE', 'DELETE']


def test_a_blocked_keystone_does_not_delay_an_interrupt(node: Node) -> None:
    keystone = SlowKeystone()
    after(keystone.requested.acquire, ctrl_c)

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


def test_a_blocked_thread_does_not_delay_the_end() -> None:
    """No code joins the threads."""
    done = run_program(
        *(sys.executable, '-c', HUNG), folder=ROOT, timeout=servers.PATIENCE
    )

    assert done == Result(0, 'interrupted\n', '')


def test_blocked_look_ups_do_not_delay_other_nodes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten of a hundred names; the command ends with their timeout."""
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
            await clients.client(engine, url, 2).request('GET', '/')
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
        f"'hangs-{at}.example' was not resolved within 2 seconds. Check "
        'the name, and the DNS servers of this machine.'
        for at in range(10)
    ]
    assert len(server.heads) == 90
    assert max(ended[url] for url in urls[10:]) < 2
