# SPDX-License-Identifier: Apache-2.0

"""A relay on loopback that simulates distance, and counts requests.

The relay simulates only distance:

- Each byte of a request or a response arrives half a round trip after it was
  sent. Thus a request on an open connection takes one round trip in addition
  to the time of the server, independent of its size.
- A new connection takes one more round trip, for the TCP handshake. The kernel
  has already accepted the connection, and the client can send at once. The
  relay delays its first bytes until the handshake would have ended.
- Connections are independent: a transfer on one does not delay another. The
  bytes of a connection stay in order, and its end is delayed like a byte.

The relay does not simulate bandwidth, loss, TLS, and the slow start of TCP. A
response of up to about 14 kB needs no second round trip in slow start, and the
measured responses have about this size.

The relay does not change requests. It also keeps the Host header, so that
Glance uses the address of the relay in its own URLs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import closing
from contextlib import suppress
import socket
import threading
from types import TracebackType
from typing import Any
from typing import NamedTuple
from typing import Self

_BLOCK = 65536
_BACKLOG = 1024


class Request(NamedTuple):
    """A request through the relay; the path does not include the query."""

    method: str
    path: str


class Relay:
    """A relay to one HTTP server, as a context manager.

    It runs in a thread.

    :param port: port of the server, on 127.0.0.1
    :ivar round_trip: seconds; set it only while no request is active
    """

    def __init__(self, port: int) -> None:
        self.round_trip = 0.0
        self._server_port = port
        self._requests: list[Request] = []
        self._running: set[asyncio.Future[None]] = set()
        self._listener = socket.create_server(
            ('127.0.0.1', 0), backlog=_BACKLOG
        )
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve())
        )
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._end: asyncio.Event

    @property
    def url(self) -> str:
        """The URL of the relay, without a trailing slash."""
        return f'http://127.0.0.1:{self._listener.getsockname()[1]}'

    def take_requests(self) -> list[Request]:
        """The requests since the last call, in the order of arrival."""
        taken, self._requests = self._requests, []
        return taken

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._listener.close()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        server = await asyncio.start_server(
            self._connected, sock=self._listener.dup(), backlog=_BACKLOG
        )
        self._started.set()
        await self._end.wait()
        server.close()

    async def _connected(
        self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        """Relay one connection until both directions have ended."""
        with closing(to_client), suppress(ConnectionError):
            opened = self._loop.time() + self.round_trip
            server, to_server = await asyncio.open_connection(
                '127.0.0.1', self._server_port
            )
            with closing(to_server):
                there = _Direction(self, to_server, opened)
                back = _Direction(self, to_client, opened)
                await self._together(
                    self._read_requests(client, there),
                    there.deliver(),
                    _read(server, back),
                    back.deliver(),
                )

    async def _together(self, *parts: Coroutine[Any, Any, None]) -> None:
        """Run the parts of a connection; if one fails, cancel the others."""
        tasks = {asyncio.ensure_future(part) for part in parts}
        # asyncio keeps only weak references to tasks.
        self._running |= tasks
        try:
            await asyncio.gather(*tasks)
        except asyncio.CancelledError:
            pass  # Only at the end; asyncio's streams would log it.
        finally:
            for task in tasks:
                task.cancel()
            self._running -= tasks

    async def _read_requests(
        self, client: asyncio.StreamReader, line: _Direction
    ) -> None:
        """Relay the data of a client, and record its requests.

        :raises ValueError: a request has a body without Content-Length; the
            measured clients do not send such requests
        """
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = await client.readuntil(b'\r\n\r\n')
                first, *headers = head.decode('latin-1').split('\r\n')
                method, target, _version = first.split(' ')
                self._requests.append(
                    Request(method, target.partition('?')[0])
                )
                line.put(head)
                line.put(await client.readexactly(_body_length(headers)))
        line.end()


class _Direction:
    """One direction of a connection.

    :param out: receives the delayed data
    :param opened: the time when the handshake has ended, on the loop's clock
    """

    def __init__(
        self, relay: Relay, out: asyncio.StreamWriter, opened: float
    ) -> None:
        _send_at_once(out)
        self._relay = relay
        self._out = out
        self._opened = opened
        self._clock = asyncio.get_running_loop().time
        self._under_way: asyncio.Queue[tuple[float, bytes | None]] = (
            asyncio.Queue()
        )

    def put(self, piece: bytes) -> None:
        """Send bytes after the delay."""
        self._send(piece)

    def end(self) -> None:
        """Send the end of the data after the delay."""
        self._send(None)

    def _send(self, piece: bytes | None) -> None:
        sent = max(self._clock(), self._opened)
        self._under_way.put_nowait((sent + self._relay.round_trip / 2, piece))

    async def deliver(self) -> None:
        """Write each piece when its delay has passed, until the end."""
        while True:
            due, piece = await self._under_way.get()
            wait = due - self._clock()
            if wait > 0:
                await asyncio.sleep(wait)
            if piece is None:
                self._out.write_eof()
                return
            self._out.write(piece)
            await self._out.drain()


async def _read(server: asyncio.StreamReader, line: _Direction) -> None:
    """Relay the data of a server."""
    while block := await server.read(_BLOCK):
        line.put(block)
    line.end()


def _send_at_once(out: asyncio.StreamWriter) -> None:
    """Disable Nagle's algorithm, which delays a response in pieces by 40 ms.

    asyncio disables it only for sockets that it creates itself.
    """
    out.get_extra_info('socket').setsockopt(
        socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
    )


def _body_length(headers: list[str]) -> int:
    length = 0
    for header in headers:
        name, _, value = header.partition(':')
        if name.lower() == 'transfer-encoding':
            raise ValueError(header)
        if name.lower() == 'content-length':
            length = int(value)
    return length
