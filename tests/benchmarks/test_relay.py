# SPDX-License-Identifier: Apache-2.0

"""The relay records requests, does not change them, and cuts responses off."""

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
import socket

import pytest

from tests.benchmarks import relay_check
from tests.relay import Cut
from tests.relay import Relay
from tests.relay import Request


@pytest.fixture
def relay() -> Iterator[Relay]:
    with relay_check.relayed() as (_port, relay):
        yield relay


def test_requests_of_a_kept_connection_are_counted_and_passed_on(
    relay: Relay,
) -> None:
    host = relay.url.removeprefix('http://')
    body = bytes(range(256)) * 1024
    with closing(HTTPConnection(host, timeout=10)) as connection:
        answers = []
        for path, sent in (('/a?b=c', body), ('/d', b'')):
            connection.request('PUT', path, sent, {'X-Auth-Token': 'secret'})
            answers.append(connection.getresponse().read())

    assert answers == [host.encode() + b' ' + body, host.encode() + b' ']
    assert relay.requests == [
        Request('PUT', '/a', 'secret'),
        Request('PUT', '/d', 'secret'),
    ]
    assert relay.answered == relay.requests
    assert relay.connections == 1


@pytest.mark.parametrize('reset', [False, True])
def test_a_response_is_cut_off(relay: Relay, reset: bool) -> None:
    def fault(_request: Request, forward: Callable[[], bytes]) -> Cut:
        return Cut(forward()[:-1], reset=reset)

    relay.fault = fault
    with socket.create_connection(('127.0.0.1', relay.port), 10) as client:
        client.sendall(b'GET / HTTP/1.1\r\nHost: node.example\r\n\r\n')
        received = b''
        try:
            while block := client.recv(65536):
                received += block
        except ConnectionResetError:
            assert reset
        else:
            assert not reset
            assert received.endswith(b'\r\n\r\nnode.example')

    assert (len(relay.answered), relay.cuts) == (1, 1)


def test_a_closed_relay_ends_its_connections(relay: Relay) -> None:
    host = relay.url.removeprefix('http://')
    with closing(HTTPConnection(host, timeout=10)) as connection:
        connection.request('GET', '/')
        connection.getresponse().read()
        relay.close()

        assert connection.sock.recv(1) == b''
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(('127.0.0.1', relay.port))
