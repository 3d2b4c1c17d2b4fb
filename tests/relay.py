# SPDX-License-Identifier: Apache-2.0

"""A relay in front of one HTTP server: it records requests, and delays them.

A fault function can replace a response, or cut it off anywhere. The relay
forwards each complete request unchanged, also its Host header, so that Glance
uses the address of the relay in its own URLs. It does not support pipelining,
HEAD, and requests in chunks; the clients here do not use them.

Each connection of a client has a connection of its own to the server. The
relay closes it after a response that ends the connection of the server, or
when a request arrives and the server has closed its connection. Thus a client
keeps a connection only if the server does.

With a round trip, the relay simulates distance, but not bandwidth, loss, TLS,
and the slow start of TCP:

- The server receives a request half a round trip after it was sent. The client
  receives the response half a round trip after it is complete.
- A new connection takes one more round trip, for the TCP handshake. The kernel
  has already accepted the connection, and the client can send at once. The
  relay delays the first request until the handshake would have ended.
- Connections are independent: each has a thread of its own.

A response of up to about 14 kB needs no second round trip in slow start, and
the measured responses have about this size.
"""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import dataclasses
import functools
import re
import socket
import ssl
import struct
import threading
import time
from typing import NamedTuple
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

_HOST = '127.0.0.1'
_BLOCK = 65536
#: Connections that wait until the relay accepts them.
_BACKLOG = 1024
_TOKEN = re.compile(rb'\r\nx-auth-token: *([^\r]+)', re.IGNORECASE)
_LENGTH = re.compile(rb'\r\ncontent-length: *(\d+)', re.IGNORECASE)
_CHUNKED = re.compile(rb'\r\ntransfer-encoding: *chunked', re.IGNORECASE)
_CLOSE = re.compile(rb'\r\nconnection: *close', re.IGNORECASE)
#: Requests, and the responses that have no body.
_NO_BODY = re.compile(rb'(?!HTTP/)|HTTP/1\.1 (204|304)')
#: Makes close() send a reset instead of an orderly close.
_RESET = struct.pack('ii', 1, 0)


class Request(NamedTuple):
    """A request, and its token; the path does not include the query."""

    method: str
    path: str
    token: str

    @property
    def changes(self) -> bool:
        """Whether the method changes something."""
        return self.method != 'GET'


@dataclasses.dataclass(frozen=True)
class Cut:
    """The beginning of a response, after which the connection ends.

    :ivar reset: whether the connection ends with a reset
    """

    sent: bytes = b''
    reset: bool = True


#: Called with a request, and a function that forwards it and returns the
#: response. An `OSError` from it closes the connection.
Fault = Callable[[Request, Callable[[], bytes]], 'bytes | Cut']


def none(_request: Request, forward: Callable[[], bytes]) -> bytes:
    """Forward each request."""
    return forward()


class Relay:
    """A relay as a context manager; it serves requests in threads.

    :param port: port of the server, on 127.0.0.1
    :param address: host and port to listen on; 0 for any free port
    :param tls: TLS context for clients; None for plain HTTP
    :ivar fault: the fault; may be set at any time
    :ivar round_trip: seconds; set it only while no request is active
    :ivar requests: all received requests
    :ivar answered: the requests that the server answered
    :ivar cuts: the number of responses that the fault cut off
    :ivar connections: the number of accepted connections
    """

    def __init__(
        self,
        port: int,
        *,
        address: tuple[str, int] = (_HOST, 0),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.fault: Fault = none
        self.round_trip = 0.0
        self.requests: list[Request] = []
        self.answered: list[Request] = []
        self.cuts = 0
        self.connections = 0
        self._server = (_HOST, port)
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(address, backlog=_BACKLOG)
        self._address = self._listener.getsockname()

    @property
    def port(self) -> int:
        """The port that the relay listens on."""
        return int(self._address[1])

    @property
    def url(self) -> str:
        """The URL of the relay, without a trailing slash."""
        scheme = 'https' if self._tls else 'http'
        host, port = self._address
        return f'{scheme}://{host}:{port}'

    def changes(self) -> list[str]:
        """The received requests that change something: `PUT /v2/cache/…`."""
        return [
            f'{one.method} {one.path}' for one in self.requests if one.changes
        ]

    def reset(self) -> None:
        """Remove the fault, and forget all requests and connections."""
        self.fault = none
        self.requests.clear()
        self.answered.clear()
        self.cuts = self.connections = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections, and accept no more; may be called twice."""
        # shutdown() ends a blocked accept() or recv(); close() does not.
        _shut(self._listener)
        self._listener.close()
        for one in tuple(self._open):
            _shut(one)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                self.connections += 1
                connected = time.monotonic() + self.round_trip
                threading.Thread(
                    target=self._serve, args=(client, connected), daemon=True
                ).start()

    def _serve(self, client: socket.socket, connected: float) -> None:
        """Serve one connection.

        :param connected: the time when the handshake has ended
        """
        # A client may reject the certificate: ssl.SSLError is an OSError.
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(client)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True)
                stack.enter_context(client)
            self._open.add(client)
            stack.callback(self._open.discard, client)
            # The relay may have been closed since the connection was accepted.
            if self._listener.fileno() >= 0:
                self._serve_requests(client, connected, stack)

    def _serve_requests(
        self,
        client: socket.socket,
        connected: float,
        stack: contextlib.ExitStack,
    ) -> None:
        connect = functools.cache(
            lambda: stack.enter_context(socket.create_connection(self._server))
        )
        while _is_complete(raw := _read_message(client)):
            request = _parse(raw)
            self.requests.append(request)
            time.sleep(max(0, connected - time.monotonic()))
            time.sleep(self.round_trip / 2)
            try:
                answer = self.fault(
                    request,
                    functools.partial(self._forward, request, raw, connect),
                )
                self.cuts += isinstance(answer, Cut)
            except OSError:
                answer = Cut()
            time.sleep(self.round_trip / 2)
            if isinstance(answer, Cut):
                client.sendall(answer.sent)
                if answer.reset:
                    client.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, _RESET
                    )
                return
            client.sendall(answer)
            if not _is_complete(answer) or _CLOSE.search(answer):
                return

    def _forward(
        self,
        request: Request,
        raw: bytes,
        connect: Callable[[], socket.socket],
    ) -> bytes:
        """Send a request to the server; returns the response.

        :raises OSError: the server is not running, or was stopped
        """
        server = connect()
        server.sendall(raw)
        answer = _read_message(server)
        if not answer:
            raise ConnectionResetError
        self.answered.append(request)
        return answer


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def _parse(raw: bytes) -> Request:
    method, target, _version = raw.split(b'\r\n')[0].split(b' ')
    token = _TOKEN.search(raw)
    return Request(
        method.decode(),
        target.partition(b'?')[0].decode(),
        token[1].decode() if token else '',
    )


def _read_message(source: socket.socket) -> bytes:
    """Read a request or a response, up to its end or the end of input."""
    raw = b''
    while not _is_complete(raw):
        block = source.recv(_BLOCK)
        if not block:
            break
        raw += block
    return raw


def _is_complete(raw: bytes) -> bool:
    """Whether this is a complete message.

    Without a length, a response ends with its connection.
    """
    head, end, body = raw.partition(b'\r\n\r\n')
    if not end:
        return False
    if length := _LENGTH.search(head):
        return len(body) >= int(length[1])
    if _CHUNKED.search(head):
        return body.endswith(b'0\r\n\r\n')
    return bool(_NO_BODY.match(head))
