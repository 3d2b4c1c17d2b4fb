#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.


"""Bounds that are kept over a real socket: bytes, seconds, hosts, secrets."""

from collections.abc import Iterator
import contextlib
import resource
import socket
import threading
import time

from keystoneauth1 import session as ksa_session
from keystoneauth1 import token_endpoint
import pytest

from glance_cache_osc import errors
from glance_cache_osc.drivers import cache_api
from glance_cache_osc.drivers import http
from glance_cache_osc.transport import bounds
from glance_cache_osc.transport import wire
from tests.cli import payloads as p
from tests.fuzz import servers

HEAD = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
#: Seconds; what takes longer than a few of them was not bounded.
TIMEOUT = 0.3
_PATIENCE = 20
MIB = 2**20


@pytest.fixture
def node() -> Iterator[servers.Server]:
    with servers.Server(servers.says(b'')) as server:
        yield server


@pytest.fixture
def client(node: servers.Server) -> http.NodeClient:
    return client_of(node)


def client_of(node: servers.Server) -> http.NodeClient:
    session = ksa_session.Session(
        auth=token_endpoint.Token(None, servers.TOKEN)
    )
    wire.guard(session, node.url, 4)
    return http.NodeClient(session, node.url, TIMEOUT)


def failure(client: http.NodeClient) -> errors.NodeError:
    with pytest.raises(errors.NodeError) as caught:
        client.request('GET', '/v2/cache')
    return caught.value


def drips(
    beginning: bytes, drop: bytes, every: float = 0.05
) -> servers.Answer:
    """Send a beginning, and then drop after drop, until nobody listens."""

    def answer(head: bytes, connection: socket.socket) -> None:
        connection.sendall(beginning)
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            connection.sendall(drop)
            time.sleep(every)

    return answer


def pours(beginning: bytes, block: bytes) -> servers.Answer:
    """Send a beginning, and then as much as is taken."""
    return drips(beginning, block, every=0)


@pytest.mark.parametrize(
    ('beginning', 'drop', 'expected'),
    [
        (
            HEAD + b'Content-Length: 5000\r\n\r\n',
            b' ',
            'Its answer comes too slowly: ',
        ),
        (HEAD + b'\r\n', b' ', 'Its answer comes too slowly: '),
        (
            HEAD + b'Transfer-Encoding: chunked\r\n\r\n',
            b'1\r\n \r\n',
            'Its answer comes too slowly: ',
        ),
        (HEAD, b'X-A: b\r\n', 'No answer within 0.3 seconds'),
        (HEAD, b'x', 'No answer within 0.3 seconds'),
        (b'', b'H', 'No answer within 0.3 seconds'),
        (b'', b'HTTP/1.1 100 Continue\r\n\r\n', 'No answer within 0.3 sec'),
    ],
    ids=['body', 'endless', 'chunks', 'headers', 'header', 'line', 'continue'],
)
def test_what_trickles_in_is_given_up(
    node: servers.Server,
    client: http.NodeClient,
    beginning: bytes,
    drop: bytes,
    expected: str,
) -> None:
    """A limit for each silence alone would wait for ever."""
    node.answer = drips(beginning, drop)

    began = time.monotonic()
    error = failure(client)

    assert isinstance(error, errors.TimedOut)
    assert error.why.startswith(expected)
    assert '--node-timeout' in error.remedy
    assert time.monotonic() - began < 10 * TIMEOUT


@pytest.mark.parametrize(
    'beginning',
    [b'', HEAD, HEAD + b'\r\n', HEAD + b'Content-Length: 9\r\n\r\n[1,2'],
    ids=['line', 'headers', 'body', 'rest'],
)
def test_silence_is_told_as_that(
    node: servers.Server, client: http.NodeClient, beginning: bytes
) -> None:
    hung_up = threading.Event()

    def answer(head: bytes, connection: socket.socket) -> None:
        connection.sendall(beginning)
        hung_up.wait(_PATIENCE)

    node.answer = answer

    began = time.monotonic()
    error = failure(client)
    hung_up.set()

    assert isinstance(error, errors.TimedOut)
    assert str(error) == (
        'No answer within 0.3 seconds. Is the node up? '
        "'--node-timeout' sets how long to wait."
    )
    assert time.monotonic() - began < 10 * TIMEOUT


def test_what_comes_at_a_fair_rate_has_ten_times_the_timeout(
    node: servers.Server, client: http.NodeClient
) -> None:
    node.answer = drips(HEAD + b'\r\n', b' ' * 1000)

    began = time.monotonic()
    error = failure(client)

    assert isinstance(error, errors.TimedOut)
    assert error.why.startswith('Its answer did not end within 3')
    assert 9 * TIMEOUT < time.monotonic() - began < 20 * TIMEOUT


def test_a_slow_line_is_not_a_lie(
    node: servers.Server, client: http.NodeClient
) -> None:
    """Three times the timeout, at more than a kibibyte a second."""

    def answer(head: bytes, connection: socket.socket) -> None:
        connection.sendall(HEAD + b'Content-Length: 18002\r\n\r\n[')
        for _ in range(18):
            connection.sendall(b' ' * 1000)
            time.sleep(0.05)
        connection.sendall(b']')

    node.answer = answer

    assert client.request('GET', '/v2/cache') == []


@pytest.mark.parametrize(
    ('beginning', 'block', 'expected'),
    [
        (
            HEAD + b'\r\n',
            b' ' * 65536,
            'Its answer is longer than 8.4 MB.',
        ),
        (
            HEAD + b'Content-Length: 104857600\r\n\r\n',
            b' ' * 65536,
            'Its answer is longer than 8.4 MB.',
        ),
        (
            HEAD + b'Transfer-Encoding: chunked\r\n\r\n',
            b'10000\r\n' + b' ' * 65536 + b'\r\n',
            'Its answer is longer than 8.4 MB.',
        ),
        (
            HEAD + b'Transfer-Encoding: chunked\r\n\r\n',
            (b'1;' + b'x' * 60000 + b'\r\n \r\n'),
            'Its answer is longer than 33.8 MB.',
        ),
        (
            b'',
            b'HTTP/1.1 100 Continue\r\n\r\n' * 1000,
            'Its answer is longer than 262.1 kB.',
        ),
        (
            HEAD,
            b'X-A: ' + b'x' * 60000 + b'\r\n',
            'Its answer is longer than 262.1 kB.',
        ),
    ],
    ids=['endless', 'long', 'chunks', 'frames', 'continue', 'headers'],
)
def test_what_pours_in_is_cut_off(
    node: servers.Server,
    client: http.NodeClient,
    beginning: bytes,
    block: bytes,
    expected: str,
) -> None:
    client._timeout = 20
    node.answer = pours(beginning, block)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    error = failure(client)

    assert isinstance(error, errors.BadReply)
    assert str(error) == f'{expected} Is this the endpoint of a Glance?'
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) * 1024 < 64 * MIB


def test_of_an_error_the_beginning_is_enough(
    node: servers.Server, client: http.NodeClient
) -> None:
    head = HEAD.replace(b'200 OK', b'500 Oops').replace(
        b'application/json', b'text/plain'
    )
    node.answer = pours(head + b'\r\n', b'on fire ' * 1000)

    error = failure(client)

    assert isinstance(error, errors.ServerFault)
    assert error.why.startswith('The server failed with HTTP 500: on fire on')


def test_a_page_made_to_take_long_takes_no_time(
    node: servers.Server, client: http.NodeClient
) -> None:
    """A pattern that looks for tags reads a line again from each bracket."""
    node.answer = servers.says(
        servers.reply(b'<' * 65000, '400 Bad', '').replace(
            b'application/json', b'text/html'
        )
    )

    began = time.monotonic()
    assert isinstance(failure(client), errors.Refused)
    assert time.monotonic() - began < 2


def test_a_bomb_is_not_unpacked(
    node: servers.Server, client: http.NodeClient
) -> None:
    node.answer = servers.says(
        servers.reply(b'\x1f\x8b', '200 OK', 'Content-Encoding: gzip\r\n')
    )

    error = failure(client)

    assert str(error) == ('Its answer is compressed, which was not asked for.')
    assert b'Accept-Encoding: identity\r\n' in node.heads[0]


def test_ten_thousand_entries_are_no_lie(
    node: servers.Server, client: http.NodeClient
) -> None:
    client._timeout = 20
    held = p.cache(*(p.cached(f'{at:036d}') for at in range(10_000)))
    node.answer = servers.says(servers.reply(held))

    found = cache_api.CacheApiDriver(client).list_entries()

    assert len(found) == 10_000


def test_large_answers_of_many_nodes_come_in_some_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Six large answers and room for two: all come, two at a time."""
    room = threading.BoundedSemaphore(2)
    monkeypatch.setattr(bounds, '_large', room)
    body = servers.reply(b'[' + b' ' * MIB + b']')
    found = []
    with contextlib.ExitStack() as stack:
        clients = [
            client_of(stack.enter_context(servers.Server(servers.says(body))))
            for _ in range(6)
        ]

        def ask(client: http.NodeClient) -> None:
            client._timeout = 20
            found.append(client.request('GET', '/v2/cache'))

        threads = [
            threading.Thread(target=ask, args=(one,)) for one in clients
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_PATIENCE)

    assert found == [[]] * 6
    # All gave their place back: both can be had at once.
    assert room.acquire(blocking=False)
    assert room.acquire(blocking=False)


@pytest.mark.parametrize('status', ['301 M', '302 F', '307 T', '308 P'])
@pytest.mark.parametrize('method', ['GET', 'PUT', 'DELETE', 'POST'])
def test_a_redirect_takes_the_token_nowhere(
    node: servers.Server, client: http.NodeClient, status: str, method: str
) -> None:
    with servers.Server(servers.glance) as thief:
        node.answer = servers.says(
            servers.reply(b'', status, f'Location: {thief.url}/v2/cache\r\n')
        )
        with pytest.raises(errors.NotGlance):
            client.request(method, '/v2/cache')

        assert thief.heads == []
    assert f'X-Auth-Token: {servers.TOKEN}\r\n'.encode() in node.heads[0]


@pytest.mark.parametrize('status', ['200 OK', '404 No', '500 Oops'])
def test_an_answer_that_repeats_the_token_is_not_shown(
    node: servers.Server, client: http.NodeClient, status: str
) -> None:
    node.answer = servers.says(
        servers.reply({'message': f'You sent {servers.TOKEN}'}, status)
    )

    assert str(failure(client)) == (
        'Its answer repeats the token of this login. It is not shown. Do '
        'not trust what answers there.'
    )


def test_a_cookie_is_not_taken(
    node: servers.Server, client: http.NodeClient
) -> None:
    node.answer = servers.says(
        servers.reply([], headers='Set-Cookie: a=b; Path=/\r\n')
    )

    client.request('GET', '/v2/cache')
    client.request('GET', '/v2/cache')

    assert b'Cookie' not in node.heads[1]


@pytest.mark.parametrize(
    'answer',
    [
        HEAD + b'Content-Length: -1\r\nContent-Length: 2\r\n\r\n[]',
        HEAD + b'Content-Length: -1\r\nTransfer-Encoding: chunked\r\n\r\n',
        HEAD + b'Transfer-Encoding: chunked\r\n\r\nnonsense\r\n',
        HEAD + b'X-A: b\r\n' * 101 + b'\r\n[]',
        HEAD + b'X-A: ' + b'b' * 70_000 + b'\r\n\r\n[]',
        b'SSH-2.0-OpenSSH_9.6\r\n',
        b'HTTP/1.1 0\r\n\r\n',
        b'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
    ],
    ids=range(8),
)
def test_what_is_not_http_is_no_glance(
    node: servers.Server,
    client: http.NodeClient,
    answer: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Found by lies; and nobody else tells of it."""
    node.answer = servers.says(answer)

    with caplog.at_level('WARNING'):
        error = failure(client)

    assert isinstance(error, errors.NotGlance)
    assert error.remedy == 'Is this the endpoint of a Glance?'
    assert error.why == (
        'It answers with HTTP 103, and nothing after it'
        if b' 103 ' in answer
        else 'Its answer is not HTTP'
    )
    assert caplog.messages == []


def test_what_comes_in_pieces_is_put_together(
    node: servers.Server, client: http.NodeClient
) -> None:
    """As Glance behind a proxy may send it."""
    node.answer = servers.says(
        HEAD
        + b'Transfer-Encoding: chunked\r\n\r\n'
        + b'2\r\n[1\r\n3;a=b\r\n,2]\r\n0\r\nX-Trailer: c\r\n\r\n'
    )

    assert client.request('GET', '/v2/cache') == [1, 2]


def test_others_on_the_session_are_not_bounded(node: servers.Server) -> None:
    """OpenStackClient's own commands may fetch a whole image with it."""
    session = ksa_session.Session(
        auth=token_endpoint.Token(None, servers.TOKEN)
    )
    wire.guard(session, node.url, 4)
    node.answer = servers.says(
        HEAD + b'Content-Length: 9437184\r\n\r\n' + b' ' * 9 * MIB
    )

    response = session.get(f'{node.url}/v2/images/a/file')

    assert len(response.content) == 9 * MIB
