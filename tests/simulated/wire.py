# SPDX-License-Identifier: Apache-2.0

"""A minimal HTTP/1.1 server.

It supports keep-alive, Content-Length and pipelining, but not chunked requests.
It uses little CPU time, because the benchmarks measure the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from itertools import count
import json
from typing import NamedTuple

_END = b'\r\n\r\n'
_MOST_HEAD = 65536
_NUMBERS = count(1)

JSON = 'application/json'
HTML = 'text/html; charset=UTF-8'


class Request(NamedTuple):
    """The request of a client.

    :ivar path: the path as sent, without the query
    :ivar query: the query without the question mark
    :ivar head: the request line and the headers, without the empty line
    """

    method: str
    path: str
    query: str
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header; None if it is missing.

        :param name: the name in lower case
        """
        return _header(self.head, f'\r\n{name}:'.encode())


Answer = bytes | None
"""A complete response; None for no response."""

#: In place of a response: the connection is closed at once.
ABORT = b''

Application = Callable[[Request], Answer]


@dataclass
class Network:
    """The simulated network between the client and the nodes.

    :ivar round_trip: seconds; a new connection takes one more round trip,
        and TLS takes another one
    """

    round_trip: float = 0.0


def take_request(buffer: bytearray) -> Request | None:
    """Remove the first request from a buffer; None if it is incomplete.

    :raises ValueError: the data is not HTTP
    """
    end = buffer.find(_END)
    if end < 0:
        if len(buffer) > _MOST_HEAD:
            raise ValueError('the head is too long')
        return None
    head = bytes(buffer[:end])
    begin = end + len(_END)
    length = int(_header(head, b'\r\ncontent-length:') or 0)
    if len(buffer) < begin + length:
        return None
    body = bytes(buffer[begin : begin + length])
    del buffer[: begin + length]
    line = head.partition(b'\r\n')[0].decode('latin-1')
    method, target, _version = line.split(' ')
    path, _mark, query = target.partition('?')
    return Request(method, path, query, head, body)


def _header(head: bytes, start: bytes) -> str | None:
    at = head.lower().find(start)
    if at < 0:
        return None
    end = head.find(b'\r\n', at + 2)
    value = head[at + len(start) : end if end >= 0 else None]
    return value.decode('latin-1').strip()


def response(
    status: str,
    body: bytes | str = b'',
    kind: str = HTML,
    headers: str = '',
) -> bytes:
    r"""A complete response, with the headers of Glance and waitress.

    :param status: for example `200 OK`
    :param headers: additional headers, each with its \r\n
    """
    if isinstance(body, str):
        body = body.encode()
    length = (
        '' if status.startswith('204') else f'Content-Length: {len(body)}\r\n'
    )
    head = (
        f'HTTP/1.1 {status}\r\n{length}Content-Type: {kind}\r\n'
        f'Date: {formatdate(usegmt=True)}\r\nServer: waitress\r\n'
        'X-Openstack-Request-Id:'
        f' req-00000000-0000-4000-8000-{next(_NUMBERS):012x}\r\n'
        f'{headers}\r\n'
    )
    return head.encode('latin-1') + body


def json_response(
    document: object, status: str = '200 OK', headers: str = ''
) -> bytes:
    """A response with a JSON document."""
    return response(status, json.dumps(document), JSON, headers)


class Connection(asyncio.Protocol):
    """One connection of a client.

    :param answer: answers the requests
    :param opened: the open connections of the same server
    """

    def __init__(
        self, answer: Application, network: Network, opened: set[Connection]
    ) -> None:
        self._answer = answer
        self._network = network
        self._all = opened
        self._buffer = bytearray()
        self._loop = asyncio.get_running_loop()
        self._ready = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        # TLS 1.3 takes one more round trip.
        openings = 2 if transport.get_extra_info('sslcontext') else 1
        self._ready = self._loop.time() + openings * self._network.round_trip
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while (request := take_request(self._buffer)) is not None:
                self._reply(request)
        except ValueError:
            self.abort()

    def abort(self) -> None:
        """Close the connection without a response."""
        self._transport.abort()

    def _reply(self, request: Request) -> None:
        answer = self._answer(request)
        if answer is None:
            return
        if answer == ABORT:
            self._transport.close()
            return
        last = (request.header('connection') or '').lower() == 'close'
        if not self._network.round_trip:
            self._send(answer, last=last)
            return
        due = max(self._ready, self._loop.time()) + self._network.round_trip
        self._loop.call_at(due, lambda: self._send(answer, last=last))

    def _send(self, answer: bytes, *, last: bool) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(answer)
        if last:
            self._transport.close()
