# SPDX-License-Identifier: Apache-2.0

"""Limits over a real socket: bytes, seconds, memory, secrets."""

import asyncio
from collections.abc import Callable
from collections.abc import Coroutine
from collections.abc import Iterator
import contextlib
import json
import resource
import socket
import threading
import time
from typing import Any

import pytest

from glance_cache_osc import errors
from glance_cache_osc.drivers import cache_api
from glance_cache_osc.transport import attempt
from glance_cache_osc.transport import engine as engines
from glance_cache_osc.transport import loop as loops
from tests.cli import payloads as p
from tests.fuzz import clients
from tests.fuzz import servers

HEAD = servers.HEAD
CHUNKED = HEAD + b'Transfer-Encoding: chunked\r\n\r\n'
#: Seconds. A request that takes several times as long was not limited.
TIMEOUT = 0.3
MIB = 2**20
SLOW = 'To wait longer, use --node-timeout.'
SILENT = (
    'No response within 0.3 seconds. Check that the service is up. To wait '
    'longer, use --node-timeout.'
)
IS_IT_GLANCE = 'Check that this is a Glance endpoint.'


@pytest.fixture
def loop() -> Iterator[loops.Loop]:
    with loops.Loop() as made:
        yield made


@pytest.fixture
def node() -> Iterator[servers.Server]:
    with servers.Server(servers.sends(b'')) as server:
        yield server


@pytest.fixture
def ask(loop: loops.Loop, node: servers.Server) -> Callable[..., Any]:
    """Send the node a request; `timeout` in seconds."""

    def ask(method: str = 'GET', timeout: float = TIMEOUT) -> Any:
        client = clients.client(loop.engine, node.url, timeout)
        return loop.run(client.request(method, '/v2/cache'))

    return ask


@pytest.fixture
def failure(ask: Callable[..., Any]) -> Callable[..., errors.NodeError]:
    """The error of a request to the node."""

    def failure(**how: Any) -> errors.NodeError:
        with pytest.raises(errors.NodeError) as caught:
            ask(**how)
        return caught.value

    return failure


Failure = Callable[..., errors.NodeError]
Ask = Callable[..., Any]


def all_at_once(
    loop: loops.Loop, answers: dict[str, servers.Answer], timeout: float
) -> dict[str, tuple[errors.CacheError | None, float]]:
    """The errors of concurrent requests to servers, with their seconds."""

    async def ask(
        engine: engines.Engine, url: str
    ) -> tuple[errors.CacheError | None, float]:
        began = time.monotonic()
        error = None
        try:
            await clients.client(engine, url, timeout).request('GET', '/')
        except errors.CacheError as caught:
            error = caught
        return error, time.monotonic() - began

    async def request_all(urls: list[str]) -> Any:
        return await asyncio.gather(*(ask(loop.engine, one) for one in urls))

    with contextlib.ExitStack() as stack:
        urls = [
            stack.enter_context(servers.Server(one)).url
            for one in answers.values()
        ]
        return dict(zip(answers, loop.run(request_all(urls))))


def test_headers_have_one_timeout_to_the_tenth_of_a_second(
    loop: loops.Loop,
) -> None:
    """A limit only for each pause would allow an unlimited time."""
    answers = {
        'nothing': servers.falls_silent(),
        'half a line': servers.falls_silent(b'HTTP/1.'),
        'half a head': servers.falls_silent(HEAD),
        'a line that trickles': servers.drips(b'HTTP/1.1 200 ', b'x'),
        'headers that trickle': servers.drips(HEAD, b'X-A: b\r\n'),
        'a header that trickles': servers.drips(HEAD, b'x'),
        'continues': servers.drips(b'', b'HTTP/1.1 100 Continue\r\n\r\n'),
        'hints': servers.drips(b'', b'HTTP/1.1 103 Hints\r\nA: b\r\n\r\n'),
    }

    ended = all_at_once(loop, answers, TIMEOUT)

    assert {
        name: str(error) for name, (error, _) in ended.items()
    } == dict.fromkeys(answers, SILENT)
    for error, seconds in ended.values():
        assert isinstance(error, errors.TimedOut)
        assert error.connected
        assert 0.29 < seconds < 2


Ended = dict[str, tuple[errors.CacheError | None, float]]
LENGTH = HEAD + b'Content-Length: 5000\r\n\r\n'
NOT_FOUND = b'HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n'
#: Bodies that are slow, or stop.
TRICKLES = {
    'no body': servers.falls_silent(HEAD + b'\r\n'),
    'half a body': servers.falls_silent(LENGTH + b'[1,2'),
    'half a chunk': servers.falls_silent(CHUNKED + b'5\r\n[1'),
    'with a length': servers.drips(LENGTH, b' '),
    'without an end': servers.drips(HEAD + b'\r\n', b' '),
    'chunks': servers.drips(CHUNKED, b'1\r\n \r\n'),
    'a chunk of names': servers.drips(CHUNKED + b'1;', b'x'),
    'trailers': servers.drips(CHUNKED + b'0\r\n', b'A: b\r\n'),
}
#: Bodies with a sufficient rate, which is measured over some seconds.
FAIR = {
    'a fair rate': servers.drips(HEAD + b'\r\n', b' ' * 1000),
    'a lot, and then nothing': servers.falls_silent(
        HEAD + b'\r\n' + b' ' * 300_000
    ),
}
#: Errors whose pages do not arrive.
PAGES = {
    'silence': servers.falls_silent(NOT_FOUND + b'\r\nno such thing'),
    'the end': servers.sends(NOT_FOUND + b'Content-Length: 99\r\n\r\nno such'),
    'nonsense': servers.sends(
        NOT_FOUND + b'Transfer-Encoding: chunked\r\n\r\nnonsense\r\n'
    ),
}


@pytest.fixture(scope='module')
def slow() -> Ended:
    """The results of all slow bodies; concurrent, as each takes a second."""
    with loops.Loop() as loop:
        return all_at_once(loop, TRICKLES | FAIR | PAGES, 0.15)


@pytest.mark.parametrize('name', TRICKLES)
def test_a_body_that_is_slow_or_stops_is_aborted(
    slow: Ended, name: str
) -> None:
    """A part of a second counts as a second: libcurl uses whole seconds."""
    error, seconds = slow[name]

    assert isinstance(error, errors.TimedOut)
    assert str(error).startswith('The response is too slow: ')
    assert str(error).endswith(f' s. {SLOW}')
    assert 0.9 < seconds < 4


def test_the_error_states_the_received_bytes(slow: Ended) -> None:
    assert str(slow['half a body'][0]) == (
        f'The response is too slow: 4 bytes in 1 s. {SLOW}'
    )


@pytest.mark.parametrize('name', FAIR)
def test_a_response_at_a_sufficient_rate_has_ten_times_the_timeout(
    slow: Ended, name: str
) -> None:
    error, seconds = slow[name]

    assert isinstance(error, errors.TimedOut)
    assert str(error) == f'The response did not end within 1.5 seconds. {SLOW}'
    assert 1.4 < seconds < 4


def test_the_status_counts_if_the_page_never_comes(slow: Ended) -> None:
    """The error is that of the status, independent of the page."""
    assert {name: str(slow[name][0]) for name in PAGES} == {
        'silence': 'no such thing.',
        'the end': 'no such.',
        'nonsense': 'HTTP 404 Not Found.',
    }


def test_a_slow_node_is_waited_for(node: servers.Server, ask: Ask) -> None:
    """Five times the timeout, at more than a kibibyte per second."""

    def answer(head: bytes, connection: socket.socket) -> None:
        connection.sendall(HEAD + b'Content-Length: 10002\r\n\r\n[')
        for _ in range(10):
            connection.sendall(b' ' * 1000)
            time.sleep(0.05)
        connection.sendall(b']')

    node.answer = answer

    assert ask(timeout=0.1) == []


@pytest.mark.parametrize(
    ('beginning', 'block', 'expected'),
    [
        (
            HEAD + b'\r\n',
            b' ' * 65536,
            'The response is larger than 8.4 MB.',
        ),
        (
            HEAD + b'Content-Length: 104857600\r\n\r\n',
            b' ' * 65536,
            'The response is larger than 8.4 MB.',
        ),
        (
            HEAD + b'Content-Length: 99000000000\r\n\r\n',
            b'',
            'The response is larger than 8.4 MB.',
        ),
        (
            CHUNKED,
            b'10000\r\n' + b' ' * 65536 + b'\r\n',
            'The response is larger than 8.4 MB.',
        ),
        (
            b'',
            b'HTTP/1.1 100 Continue\r\n\r\n' * 1000,
            'The response headers are too large.',
        ),
        (
            HEAD,
            b'X-A: ' + b'x' * 60000 + b'\r\n',
            'The response headers are too large.',
        ),
        (HEAD + b'X-A: ', b'x' * 60000, 'The response headers are too large'),
        (
            CHUNKED + b'0\r\n',
            b'X-A: ' + b'x' * 6000 + b'\r\n',
            'The response headers are too large.',
        ),
    ],
    ids=[
        *('endless', 'long', 'announced', 'chunks', 'continue', 'headers'),
        *('header', 'trailers'),
    ],
)
def test_a_fast_endless_response_is_cut_off(
    node: servers.Server,
    failure: Failure,
    beginning: bytes,
    block: bytes,
    expected: str,
) -> None:
    node.answer = servers.pours(beginning, block)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()

    error = failure(timeout=20)

    assert isinstance(error, errors.BadReply)
    assert str(error).startswith(expected)
    assert str(error).endswith(f'. {IS_IT_GLANCE}')
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) * 1024 < 64 * MIB
    assert time.monotonic() - began < 5


def test_frames_without_content_are_aborted(
    node: servers.Server, failure: Failure
) -> None:
    """Sixty thousand bytes of frame for each byte of content."""
    node.answer = servers.pours(CHUNKED, b'1;' + b'x' * 60000 + b'\r\n \r\n')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    began = time.monotonic()
    assert isinstance(failure(timeout=0.1), errors.NodeError)

    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) * 1024 < 64 * MIB
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ('size', 'told'), [(1000, '1.0 kB'), (200_000, '200.0 kB')]
)
def test_an_answer_may_be_as_long_as_that_and_no_longer(
    loop: loops.Loop, node: servers.Server, size: int, told: str
) -> None:
    client = clients.client(loop.engine, node.url, 5, max_size=size)
    body = b'[' + b' ' * (size - 2) + b']'
    for head in (b'Content-Length: %d\r\n' % size, b''):
        node.answer = servers.sends(HEAD + head + b'\r\n' + body)
        assert loop.run(client.request('GET', '/')) == []
    for head in (b'Content-Length: %d\r\n' % (size + 1), b''):
        node.answer = servers.sends(HEAD + head + b'\r\n' + body + b' ')
        with pytest.raises(errors.BadReply) as caught:
            loop.run(client.request('GET', '/'))
        assert str(caught.value) == (
            f'The response is larger than {told}. {IS_IT_GLANCE}'
        )


@pytest.mark.parametrize(
    ('framing', 'expected'),
    [
        (b'', 'The server failed with HTTP 500: on fire on fire on fire '),
        (
            b'Content-Length: 8000000\r\n',
            'The server failed with HTTP 500: on fire on fire on fire ',
        ),
        # libcurl reads nothing if Content-Length exceeds the limit.
        (b'Content-Length: 9000000\r\n', 'The server failed with HTTP 500'),
    ],
)
def test_of_an_error_the_beginning_is_enough(
    node: servers.Server, failure: Failure, framing: bytes, expected: str
) -> None:
    head = b'HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\n' + framing
    node.answer = servers.pours(head + b'\r\n', b'on fire ' * 1000)

    error = failure()

    assert isinstance(error, errors.ServerFault)
    assert error.why.startswith(expected)


def test_of_an_error_no_more_is_kept(
    loop: loops.Loop, node: servers.Server, failure: Failure
) -> None:
    sizes: list[int] = []
    loop.engine.observer = lambda _, response: sizes.append(len(response.body))
    node.answer = servers.pours(
        b'HTTP/1.1 500 Oops\r\n\r\n', b'on fire ' * 1000
    )

    failure()

    assert sizes == [65536]


def test_pieces_that_are_too_long_together(
    loop: loops.Loop, node: servers.Server
) -> None:
    piece = b'258\r\n' + b' ' * 600 + b'\r\n'
    node.answer = servers.sends(CHUNKED + piece * 2 + b'0\r\n\r\n')
    client = clients.client(loop.engine, node.url, 5, max_size=1000)

    with pytest.raises(errors.BadReply, match=r'larger than 1\.0 kB'):
        loop.run(client.request('GET', '/'))


def test_of_a_redirect_the_beginning_is_enough(
    node: servers.Server, failure: Failure
) -> None:
    node.answer = servers.sends(
        b'HTTP/1.1 300 Multiple Choices\r\nContent-Length: 9\r\n\r\n[]'
    )

    assert isinstance(failure(), errors.NotGlance)


def test_an_error_in_pieces(node: servers.Server, failure: Failure) -> None:
    node.answer = servers.sends(
        b'HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\n'
        b'Transfer-Encoding: chunked\r\n\r\n3\r\non \r\n4\r\nfire\r\n0\r\n\r\n'
    )

    assert failure().why == 'The server failed with HTTP 500: on fire'


def test_a_response_that_is_as_long_as_permitted_and_breaks(
    loop: loops.Loop, node: servers.Server
) -> None:
    node.answer = servers.sends(CHUNKED + b'3e8\r\n' + b' ' * 1000 + b'\r\n')
    client = clients.client(loop.engine, node.url, 5, max_size=1000)

    with pytest.raises(errors.Unreachable, match=r'^The connection broke: '):
        loop.run(client.request('GET', '/'))


def test_a_page_for_slow_regular_expressions_takes_no_time(
    node: servers.Server, failure: Failure
) -> None:
    """A regular expression for tags could rescan the line at each bracket."""
    node.answer = servers.sends(
        servers.reply(b'<' * 65000, '400 Bad', '').replace(
            b'application/json', b'text/html'
        )
    )

    began = time.monotonic()
    assert isinstance(failure(), errors.Refused)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize('coding', ['gzip', 'br', 'zstd', 'deflate', 'GZip'])
def test_a_compressed_response_is_not_unpacked(
    node: servers.Server, failure: Failure, coding: str
) -> None:
    node.answer = servers.sends(
        servers.reply(b'\x1f\x8b', '200 OK', f'Content-Encoding: {coding}\r\n')
    )

    error = failure()

    assert str(error) == (
        'The response is compressed, although compression was not requested.'
    )
    assert b'Accept-Encoding: identity\r\n' in node.heads[0]


def test_ten_thousand_entries_are_accepted(
    loop: loops.Loop, node: servers.Server
) -> None:
    held = p.cache(*(p.cached(f'{at:036d}') for at in range(10_000)))
    node.answer = servers.sends(servers.reply(held))
    client = clients.client(loop.engine, node.url, 20)

    found = loop.run(cache_api.CacheApiDriver(client).list_entries())

    assert len(found) == 10_000


class Crowd:
    """Servers that send large bodies, and count the active transfers.

    Each server first sends the bytes that the client reads at once and that
    sockets buffer. It then records that it can continue. The number of such
    servers must not exceed the number of concurrent transfers.
    """

    #: More bytes than the client reads at once, and than both sockets buffer.
    LET_IN = 4 * MIB

    def __init__(self) -> None:
        self.let_in = threading.Semaphore(0)
        self.goes_on = threading.Event()

    def answer(self, head: bytes, connection: socket.socket) -> None:
        # Otherwise the system buffers megabytes of the server.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        rest = 2 * MIB
        length = b'%d' % (self.LET_IN + rest)
        connection.sendall(HEAD + b'Content-Length: ' + length + b'\r\n\r\n[')
        connection.sendall(b' ' * (self.LET_IN - 1))
        self.let_in.release()
        self.goes_on.wait(servers.PATIENCE)
        connection.sendall(b' ' * (rest - 1) + b']')


def test_of_large_answers_32_are_received_at_a_time(loop: loops.Loop) -> None:
    """Otherwise all responses would be in memory at the same time."""
    crowd = Crowd()
    at_once = 0

    async def request_all(urls: list[str]) -> list[Any]:
        nonlocal at_once
        asking = asyncio.ensure_future(
            attempt.attempt(
                lambda url: clients.client(loop.engine, url, 20).request(
                    'GET', '/'
                ),
                urls,
            )
        )
        while at_once < 32:
            at_once += crowd.let_in.acquire(blocking=False)
            await asyncio.sleep(0.001)
        # No other transfer starts before one of the 32 ends.
        await asyncio.sleep(0.2)
        at_once += crowd.let_in.acquire(blocking=False)
        crowd.goes_on.set()
        async with asyncio.timeout(servers.PATIENCE):
            return [one.value for one in await asking]

    with contextlib.ExitStack() as stack:
        urls = [
            stack.enter_context(servers.Server(crowd.answer)).url
            for _ in range(35)
        ]
        answers = loop.run(request_all(urls))

    assert at_once == 32
    assert answers == [[]] * 35


def taking_all_slots(
    loop: loops.Loop, then: Coroutine[Any, Any, Any], seconds: float
) -> Any:
    """Run a function while other transfers use all slots for some seconds."""

    async def run() -> Any:
        for _ in range(32):
            await loop.engine.large.acquire()
        running = asyncio.ensure_future(then)
        await asyncio.sleep(seconds)
        for _ in range(32):
            loop.engine.large.release()
        return await running

    return loop.run(run())


def test_waiting_for_other_large_answers_is_not_the_nodes_fault(
    loop: loops.Loop, node: servers.Server
) -> None:
    """The time of the node continues when its transfer continues."""
    node.answer = servers.sends(servers.reply(b'[' + b' ' * MIB + b']'))
    client = clients.client(loop.engine, node.url, 0.1)

    assert taking_all_slots(loop, client.request('GET', '/'), 1.4) == []


def test_after_the_wait_for_a_slot_a_response_still_has_a_time_limit(
    loop: loops.Loop, node: servers.Server
) -> None:
    """Ten times the timeout, without the half second of the wait."""
    node.answer = servers.drips(HEAD + b'\r\n' + b' ' * 300_000, b' ' * 1000)
    client = clients.client(loop.engine, node.url, 0.1)
    limited = asyncio.wait_for(client.request('GET', '/'), 8)
    began = time.monotonic()

    with pytest.raises(errors.TimedOut, match='did not end within 1 seconds'):
        taking_all_slots(loop, limited, 0.5)

    assert 1.4 < time.monotonic() - began < 4


def test_a_large_answer_that_pours_releases_its_slot(
    loop: loops.Loop, node: servers.Server, caplog: pytest.LogCaptureFixture
) -> None:
    """The transfer is cut off when it continues, outside the callback."""
    node.answer = servers.pours(CHUNKED, b'10000\r\n' + b' ' * 65536 + b'\r\n')
    client = clients.client(loop.engine, node.url, 5, max_size=600_000)

    with pytest.raises(errors.BadReply):
        taking_all_slots(loop, client.request('GET', '/'), 0.2)

    async def all_slots() -> None:
        for _ in range(32):
            async with asyncio.timeout(1):
                await loop.engine.large.acquire()

    loop.run(all_slots())
    assert loop.engine.large.locked()
    assert caplog.messages == []


def test_a_stream_goes_where_it_is_to_go(
    loop: loops.Loop, node: servers.Server
) -> None:
    """A stream of any length, which is not kept in memory."""
    size = 64 * MIB

    def answer(head: bytes, connection: socket.socket) -> None:
        connection.sendall(HEAD + b'Content-Length: %d\r\n\r\n' % size)
        for _ in range(64):
            connection.sendall(b'x' * MIB)

    node.answer = answer
    received = 0

    def sink(data: bytes) -> None:
        nonlocal received
        received += len(data)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    response = loop.run(loop.engine.perform(request(node, sink, size)))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert (response.status, response.body, received) == (200, b'', size)
    assert (after - before) * 1024 < 16 * MIB


def request(
    node: servers.Server, sink: Callable[[bytes], None], max_size: int
) -> engines.Request:
    return engines.Request(
        method='GET',
        url=f'{node.url}/v2/images/a/file',
        headers={},
        connect_timeout=5,
        timeout=5,
        max_size=max_size,
        settings=clients.plain(),
        sink=sink,
    )


def test_an_error_is_no_part_of_a_stream(
    loop: loops.Loop, node: servers.Server
) -> None:
    node.answer = servers.sends(servers.reply(b'not here', '404 Not Found'))
    received: list[bytes] = []

    response = loop.run(
        loop.engine.perform(request(node, received.append, 1000))
    )

    assert (response.status, response.body) == (404, b'not here')
    assert received == []


def test_an_error_may_be_longer_than_the_image(
    loop: loops.Loop, node: servers.Server
) -> None:
    page = b'You are not permitted to complete download_image action.'
    node.answer = servers.sends(servers.reply(page, '403 Forbidden'))
    received: list[bytes] = []

    for size in (1, len(page) - 1):
        response = loop.run(
            loop.engine.perform(request(node, received.append, size))
        )
        assert (response.status, response.body) == (403, page)
    assert received == []


@pytest.mark.parametrize('framing', [b'Content-Length: 4000\r\n', b''])
def test_more_than_a_small_image_is_too_long(
    loop: loops.Loop, node: servers.Server, framing: bytes
) -> None:
    """Nothing of the surplus is passed on, and the rest is not read."""
    node.answer = servers.sends(servers.HEAD + framing + b'\r\n' + b'x' * 4000)
    received: list[bytes] = []

    with pytest.raises(errors.TooLong, match=r'is larger than 3\.0 kB'):
        loop.run(loop.engine.perform(request(node, received.append, 3000)))

    assert len(b''.join(received)) <= 3000


@pytest.mark.parametrize('size', [1000, 200_000])
@pytest.mark.parametrize('announced', [True, False])
def test_compression_that_enlarges_an_image_is_the_error(
    loop: loops.Loop, node: servers.Server, size: int, announced: bool
) -> None:
    body = b'x' * (size + 50)
    framing = b'Content-Length: %d\r\n' % len(body) if announced else b''
    coding = b'Content-Encoding: gzip\r\n'
    node.answer = servers.sends(HEAD + framing + coding + b'\r\n' + body)

    with pytest.raises(errors.BadReply) as caught:
        loop.run(loop.engine.perform(request(node, lambda _data: None, size)))

    assert type(caught.value) is errors.BadReply
    assert str(caught.value) == (
        'The response is compressed, although compression was not requested.'
    )


def test_a_stream_has_its_limit_too(
    loop: loops.Loop, node: servers.Server
) -> None:
    node.answer = servers.pours(HEAD + b'\r\n', b' ' * 65536)
    received: list[bytes] = []

    with pytest.raises(errors.BadReply) as caught:
        loop.run(loop.engine.perform(request(node, received.append, MIB)))

    assert str(caught.value) == (
        f'The response is larger than 1.0 MB. {IS_IT_GLANCE}'
    )
    assert len(b''.join(received)) <= MIB


@pytest.mark.parametrize('status', ['301 M', '302 F', '307 T', '308 P'])
@pytest.mark.parametrize('method', ['GET', 'PUT', 'DELETE', 'POST'])
def test_a_redirect_takes_the_token_nowhere(
    node: servers.Server, failure: Failure, status: str, method: str
) -> None:
    with servers.Server(servers.glance) as thief:
        node.answer = servers.sends(
            servers.reply(b'', status, f'Location: {thief.url}/v2/cache\r\n')
        )

        assert isinstance(failure(method=method), errors.NotGlance)

        assert thief.heads == []
    assert f'X-Auth-Token: {servers.TOKEN}\r\n'.encode() in node.heads[0]
    assert len(node.heads) == 1


@pytest.mark.parametrize('status', ['200 OK', '404 No', '500 Oops'])
def test_an_answer_that_repeats_the_token_is_not_shown(
    node: servers.Server, failure: Failure, status: str
) -> None:
    node.answer = servers.sends(
        servers.reply({'message': f'You sent {servers.TOKEN}'}, status)
    )

    assert str(failure()) == (
        'The response contains the token of this login. The response is not '
        'shown. Do not trust this endpoint.'
    )


def escaped(text: str, form: str) -> str:
    return ''.join(form.format(ord(one)) for one in text)


@pytest.mark.parametrize('token', [servers.TOKEN, 'say "it" \\ \xe4'])
@pytest.mark.parametrize(
    'form', ['["{}"]', '{{"{}": 1}}', '[[{{"a": "x{}"}}]]']
)
def test_a_token_in_escapes_is_not_shown(
    loop: loops.Loop, node: servers.Server, token: str, form: str
) -> None:
    body = form.format(escaped(token, '\\u{:04x}'))
    node.answer = servers.sends(servers.reply(body.encode()))
    client = clients.client(
        loop.engine, node.url, 5, logged_in=clients.session(token)
    )

    with pytest.raises(errors.BadReply) as caught:
        loop.run(client.request('GET', '/'))

    assert str(caught.value) == (
        'The response contains the token of this login. The response is not '
        'shown. Do not trust this endpoint.'
    )


def test_other_escapes_are_decoded(node: servers.Server, ask: Ask) -> None:
    parts = [servers.TOKEN[1:], servers.TOKEN[:-1]]
    body = json.dumps([*parts, '\ud800']).replace('t', '\\u0074')
    node.answer = servers.sends(servers.reply(body.encode()))

    assert ask() == [*parts, '\ud800']


@pytest.mark.parametrize(
    ('content_type', 'page'),
    [
        ('text/html', '<p>You sent ' + escaped(servers.TOKEN, '&#{};')),
        ('text/html', '<p>You sent gAAAAA<b></b>-the-token</p>'),
        (
            'application/json',
            '{"error": {"message": "%s"}}'
            % escaped(servers.TOKEN, '\\u{:04x}'),
        ),
    ],
    ids=['entities', 'tags', 'escapes'],
)
def test_a_token_in_a_message_is_not_shown(
    node: servers.Server, failure: Failure, content_type: str, page: str
) -> None:
    reply = servers.reply(page.encode(), '409 Conflict')
    node.answer = servers.sends(
        reply.replace(b'application/json', content_type.encode())
    )

    assert str(failure()) == 'HTTP 409 Conflict.'


def test_a_token_may_be_a_common_word(
    loop: loops.Loop, node: servers.Server
) -> None:
    """Glance without Keystone accepts any token, such as a common word."""
    node.answer = servers.sends(servers.reply(['admin', '']))
    for token in ('admin', 'notused'):
        client = clients.client(
            loop.engine, node.url, 5, logged_in=clients.session(token)
        )
        assert loop.run(client.request('GET', '/')) == ['admin', '']


def test_a_cookie_is_not_taken(node: servers.Server, ask: Ask) -> None:
    node.answer = servers.sends(
        servers.reply([], headers='Set-Cookie: a=b; Path=/\r\n')
    )

    ask()
    ask()

    assert b'Cookie' not in node.heads[1]


@pytest.mark.parametrize(
    ('answer', 'kind'),
    [
        (
            HEAD + b'Content-Length: -1\r\nContent-Length: 2\r\n\r\n[]',
            errors.NotGlance,
        ),
        (
            HEAD + b'Content-Length: -1\r\nTransfer-Encoding: chunked\r\n\r\n',
            errors.NotGlance,
        ),
        (HEAD + b'Transfer-Encoding: gzip\r\n\r\n[]', errors.NotGlance),
        (HEAD + b'no colon\r\n\r\n[]', errors.NotGlance),
        (HEAD + b'X-A: \0\r\n\r\n[]', errors.NotGlance),
        (b'SSH-2.0-OpenSSH_9.6\r\n', errors.NotGlance),
        (b'ICY 200 OK\r\n\r\n[]', errors.NotGlance),
        (b'HTTP/9.9 200 OK\r\n\r\n[]', errors.NotGlance),
        (b'HTTP/1.1 0\r\n\r\n', errors.NotGlance),
        (b'HTTP/1.1 abc\r\n\r\n', errors.NotGlance),
        (b'HTTP/1.1\r\n\r\n', errors.NotGlance),
        (b'\0\0\x12\x04\0\0\0\0\0', errors.NotGlance),
        (b'HTTP/1.1 101 Up\r\nUpgrade: h2c\r\n\r\n[]', errors.NotGlance),
        (HEAD + b'HTTP/1.1 abc: x\r\n\r\n[]', None),
        (CHUNKED + b'nonsense\r\n', errors.Unreachable),
        (CHUNKED + b'2\r\n[]', errors.Unreachable),
        (HEAD + b'Content-Length: 9\r\n\r\n[]', errors.Unreachable),
        (b'HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n', errors.Unreachable),
        (b'HTTP/1.1 101 Switch\r\nA: b\r\n\r\n', errors.Unreachable),
        (b'', errors.Unreachable),
        (b'HTTP/1.1 200 OK\r\n', errors.Unreachable),
        (b'HTTP/1.1 204 No Content\r\nA: b', errors.Unreachable),
        (HEAD + b'X-A: ' + b'b' * 200_000 + b'\r\n\r\n[]', errors.BadReply),
        (HEAD + b'X-A: b\r\n' * 101 + b'\r\n[]', None),
        (HEAD + b'X-A: ' + b'b' * 70_000 + b'\r\n\r\n[]', None),
        (HEAD + b' folded\r\n: nothing\r\n\r\n[]', None),
    ],
    ids=range(26),
)
def test_what_is_not_http(
    node: servers.Server,
    ask: Ask,
    answer: bytes,
    kind: type[errors.NodeError] | None,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Fuzzing found these; no other program reports them."""
    node.answer = servers.sends(answer)
    error = None

    with caplog.at_level('WARNING'):
        try:
            assert ask(timeout=2) == []
        except errors.NodeError as caught:
            error = caught

    assert type(error) is (kind or type(None))
    if isinstance(error, errors.NotGlance):
        assert str(error) == f'The response is not HTTP. {IS_IT_GLANCE}'
    if isinstance(error, errors.Unreachable):
        assert error.connected
        assert str(error).startswith('The connection broke: ')
    assert caplog.messages == []
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize('status', ['200 OK', '204 No Content'])
def test_headers_that_are_cut_off(
    node: servers.Server, failure: Failure, status: str
) -> None:
    node.answer = servers.sends(f'HTTP/1.1 {status}\r\nA: b'.encode())

    assert str(failure()) == (
        'The connection broke: Incomplete headers. Check the network between '
        'here and the node.'
    )


def test_pieces_of_a_response_are_joined(
    node: servers.Server, ask: Ask
) -> None:
    """A proxy in front of Glance may send a response in pieces."""
    answer = (
        HEAD
        + b'Transfer-Encoding: chunked\r\n\r\n'
        + b'2\r\n[1\r\n3;a=b\r\n,2]\r\n0\r\nX-Trailer: c\r\n\r\n'
    )
    node.answer = servers.sends(answer)
    assert ask() == [1, 2]

    node.answer = servers.sends(*(answer[at : at + 1] for at in range(99999)))
    assert ask() == [1, 2]


@pytest.mark.parametrize('method', ['PUT', 'POST', 'DELETE'])
def test_a_change_announces_that_it_has_no_body(
    node: servers.Server, ask: Ask, method: str
) -> None:
    """Some proxies reject the request otherwise."""
    node.answer = servers.sends(servers.reply(b'', '204 No Content'))

    assert ask(method=method) is None

    (head,) = node.heads
    assert head.startswith(f'{method} /v2/cache HTTP/1.1\r\n'.encode())
    assert b'Content-Length: 0\r\n' in head
    assert b'Expect' not in head
    assert b'Transfer-Encoding' not in head
