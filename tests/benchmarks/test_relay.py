# SPDX-License-Identifier: Apache-2.0

"""The relay counts requests, and does not change them."""

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
import threading
from typing import Any

import pytest

from tests.relay import Relay
from tests.relay import Request


class _Echo(BaseHTTPRequestHandler):
    """Answers with the Host header and the body of the request."""

    protocol_version = 'HTTP/1.1'

    def do_PUT(self) -> None:
        length = int(self.headers['Content-Length'] or 0)
        answer = self.headers['Host'].encode() + b' ' + self.rfile.read(length)
        self.send_response(200)
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def relay() -> Iterator[Relay]:
    with ThreadingHTTPServer(('127.0.0.1', 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with Relay(server.server_port) as relay:
            yield relay
        server.shutdown()
        thread.join()


def test_requests_of_a_kept_connection_are_counted_and_passed_on(
    relay: Relay,
) -> None:
    host = relay.url.removeprefix('http://')
    body = bytes(range(256)) * 1024
    with closing(HTTPConnection(host, timeout=10)) as connection:
        answers = []
        for path, sent in (('/a?b=c', body), ('/d', b'')):
            connection.request('PUT', path, sent)
            answers.append(connection.getresponse().read())

    assert answers == [host.encode() + b' ' + body, host.encode() + b' ']
    assert relay.requests == [
        Request('PUT', '/a', ''),
        Request('PUT', '/d', ''),
    ]
    assert relay.connections == 1
