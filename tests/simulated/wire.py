# SPDX-License-Identifier: Apache-2.0

"""As much HTTP/1.1 as answering takes, and not a byte more.

Keep-alive, Content-Length and pipelining are understood; chunked requests
are not. Answering is to cost next to nothing: what is measured is the
client.
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
    """What a client asked.

    :ivar path: without the query, as it was sent
    :ivar query: without its question mark
    :ivar head: the request line and the headers, without the empty line
    """

    method: str
    path: str
    query: str
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """A header's value; None where there is no such header.

        :param name: in lower case
        """
        return _header(self.head, f'\r\n{name}:'.encode())


Answer = bytes | None
"""A whole response; None is silence."""

Application = Callable[[Request], Answer]


@dataclass
class Line:
    """What lies between the client and all that answers.

    :ivar round_trip: seconds; also what opening a connection takes, and
        once more what TLS takes
    """

    round_trip: float = 0.0


def take_request(buffer: bytearray) -> Request | None:
    """Take the first request off what came in; None if it is incomplete.

    :raises ValueError: that is no HTTP
    """
    end = buffer.find(_END)
    if end < 0:
        if len(buffer) > _MOST_HEAD:
            raise ValueError('too long a head')
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
    r"""A whole response, with the headers of a Glance behind waitress.

    :param status: `200 OK`
    :param headers: more of them, each with its \r\n
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
    """A response that is a JSON document."""
    return response(status, json.dumps(document), JSON, headers)


class Connection(asyncio.Protocol):
    """One connection of a client.

    :param answer: of the server that it was opened to
    :param opened: the connections of that server that are open
    """

    def __init__(
        self, answer: Application, line: Line, opened: set[Connection]
    ) -> None:
        self._answer = answer
        self._line = line
        self._all = opened
        self._buffer = bytearray()
        self._loop = asyncio.get_running_loop()
        self._ready = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        # TLS 1.3 takes a round trip of its own.
        openings = 2 if transport.get_extra_info('sslcontext') else 1
        self._ready = self._loop.time() + openings * self._line.round_trip
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
        """End it without a word."""
        self._transport.abort()

    def _reply(self, request: Request) -> None:
        answer = self._answer(request)
        if answer is None:
            return
        last = (request.header('connection') or '').lower() == 'close'
        if not self._line.round_trip:
            self._send(answer, last=last)
            return
        due = max(self._ready, self._loop.time()) + self._line.round_trip
        self._loop.call_at(due, lambda: self._send(answer, last=last))

    def _send(self, answer: bytes, *, last: bool) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(answer)
        if last:
            self._transport.close()
