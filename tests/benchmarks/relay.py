# SPDX-License-Identifier: Apache-2.0

"""A line of a settable length, on loopback, that counts what goes over it.

What is modelled is distance, and nothing else:

- Every byte, of a request or an answer, arrives half a round trip after it
  was sent. So an exchange on a connection that is open costs one round trip
  on top of the server's own time, whatever its size.
- A new connection costs one round trip more, the TCP handshake. The kernel
  has accepted by then, and the client may send at once; its first bytes are
  taken as sent when the handshake would have ended.
- Connections share nothing: what is under way on one delays no other. Bytes
  on one keep their order, and its end travels like a byte.

Not modelled: bandwidth, loss, TLS, and TCP's slow start (the first 14 kB or
so of an answer need no second round trip; ours and the peers' are about
that small).

Requests are passed on as they came, Host header included, so that a Glance
which names itself in an answer names the relay.
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
    """A request that went over the line; the path is without its query."""

    method: str
    path: str


class Relay:
    """A relay to one HTTP server, as a context manager.

    It runs in a thread of its own.

    :param port: of the server, on 127.0.0.1
    :ivar round_trip: seconds; set it whenever nothing is under way
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
        """Its URL, without a slash at the end."""
        return f'http://127.0.0.1:{self._listener.getsockname()[1]}'

    def take_requests(self) -> list[Request]:
        """The requests since the last call, in the order they came in."""
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
        """Carry one connection until both of its ends are done."""
        with closing(to_client), suppress(ConnectionError):
            opened = self._loop.time() + self.round_trip
            server, to_server = await asyncio.open_connection(
                '127.0.0.1', self._server_port
            )
            with closing(to_server):
                there = _Line(self, to_server, opened)
                back = _Line(self, to_client, opened)
                await self._together(
                    self._read_requests(client, there),
                    there.deliver(),
                    _read(server, back),
                    back.deliver(),
                )

    async def _together(self, *parts: Coroutine[Any, Any, None]) -> None:
        """Run the parts of a connection; the failure of one ends all."""
        tasks = {asyncio.ensure_future(part) for part in parts}
        # asyncio itself holds no task; who does not may lose it.
        self._running |= tasks
        try:
            await asyncio.gather(*tasks)
        except asyncio.CancelledError:
            pass  # At the end alone; asyncio's streams would tell of it.
        finally:
            for task in tasks:
                task.cancel()
            self._running -= tasks

    async def _read_requests(
        self, client: asyncio.StreamReader, line: _Line
    ) -> None:
        """Put what a client sends on the line, and note its requests.

        :raises ValueError: a request's body has no Content-Length (the
            clients here send none such)
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


class _Line:
    """One direction of a connection.

    :param out: where things come out
    :param opened: when, on the loop's clock, the handshake has ended
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
        """Send bytes."""
        self._send(piece)

    def end(self) -> None:
        """Send the end."""
        self._send(None)

    def _send(self, piece: bytes | None) -> None:
        sent = max(self._clock(), self._opened)
        self._under_way.put_nowait((sent + self._relay.round_trip / 2, piece))

    async def deliver(self) -> None:
        """Hand each piece over when it is due, up to the end."""
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


async def _read(server: asyncio.StreamReader, line: _Line) -> None:
    """Put what a server sends on the line."""
    while block := await server.read(_BLOCK):
        line.put(block)
    line.end()


def _send_at_once(out: asyncio.StreamWriter) -> None:
    """Turn Nagle's algorithm off, which adds 40 ms to an answer in pieces.

    asyncio does so for the sockets that it makes itself alone.
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
