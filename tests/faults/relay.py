# SPDX-License-Identifier: Apache-2.0

"""A relay in front of one HTTP server, which causes faults.

The relay sends each request to the server on a new connection, which ends with
the response. Thus it has the complete response, and can cut it off anywhere.
It does not change the Host header, so that Glance uses the address of the
relay in its own URLs.
"""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import dataclasses
from functools import partial
import re
import socket
import ssl
import struct
import threading
from types import TracebackType
from typing import NamedTuple
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

_HOST = '127.0.0.1'
_BLOCK = 65536
_TOKEN = re.compile(rb'\r\nx-auth-token: *([^\r]+)', re.IGNORECASE)
_LENGTH = re.compile(rb'\r\ncontent-length: *(\d+)', re.IGNORECASE)
_CONNECTION = re.compile(rb'\r\nconnection:[^\r]*', re.IGNORECASE)
#: Makes close() send a reset instead of an orderly close.
_RESET = struct.pack('ii', 1, 0)


class Request(NamedTuple):
    """A request, and its token."""

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
    :param tls: TLS context for clients; None for plain HTTP
    :ivar fault: the fault; may be set at any time
    :ivar requests: all received requests
    :ivar answered: the requests that the server answered completely
    :ivar cuts: the number of responses that the fault cut off
    """

    def __init__(
        self, port: int, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.fault: Fault = none
        self.requests: list[Request] = []
        self.answered: list[Request] = []
        self.cuts = 0
        self._server = (_HOST, port)
        self._tls = tls
        self._listener = socket.create_server((_HOST, 0), backlog=128)

    @property
    def port(self) -> int:
        """The port that the relay listens on."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """The URL of the relay, without a trailing slash."""
        scheme = 'https' if self._tls else 'http'
        return f'{scheme}://{_HOST}:{self.port}'

    def changes(self) -> list[str]:
        """The received requests that change something: `PUT /v2/cache/…`."""
        return [
            f'{one.method} {one.path}' for one in self.requests if one.changes
        ]

    def reset(self) -> None:
        """Remove the fault, and forget all requests."""
        self.fault = none
        self.requests.clear()
        self.answered.clear()
        self.cuts = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # shutdown() ends a blocked accept(); close() does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(
                    target=self._serve, args=(client,), daemon=True
                ).start()

    def _serve(self, client: socket.socket) -> None:
        # A client may reject the certificate: ssl.SSLError is an OSError.
        with contextlib.suppress(OSError), client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                with self._tls.wrap_socket(client, server_side=True) as safe:
                    self._serve_requests(safe)
            else:
                self._serve_requests(client)

    def _serve_requests(self, client: socket.socket) -> None:
        while raw := _read_request(client):
            method, target, _version = raw.split(b'\r\n')[0].split(b' ')
            token = _TOKEN.search(raw)
            request = Request(
                method.decode(),
                target.partition(b'?')[0].decode(),
                token[1].decode() if token else '',
            )
            self.requests.append(request)
            try:
                answer = self.fault(
                    request, partial(self._forward, request, raw)
                )
                self.cuts += isinstance(answer, Cut)
            except OSError:
                answer = Cut()
            if isinstance(answer, Cut):
                client.sendall(answer.sent)
                if answer.reset:
                    client.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, _RESET
                    )
                return
            client.sendall(answer)
            if b'\r\nConnection: close' in answer:
                return

    def _forward(self, request: Request, raw: bytes) -> bytes:
        """Send a request to the server; returns the complete response.

        :raises OSError: the server is not running, or was stopped
        """
        head, end, body = raw.partition(b'\r\n\r\n')
        head = _CONNECTION.sub(b'', head) + b'\r\nConnection: close'
        with socket.create_connection(self._server) as server:
            server.sendall(head + end + body)
            blocks = []
            while block := server.recv(_BLOCK):
                blocks.append(block)
        if not blocks:
            raise ConnectionResetError
        self.answered.append(request)
        return b''.join(blocks)


def _read_request(client: socket.socket) -> bytes:
    """Read a complete request; empty at the end of input.

    The request has a Content-Length, or no body.
    """
    raw = b''
    while b'\r\n\r\n' not in raw:
        block = client.recv(_BLOCK)
        if not block:
            return b''
        raw += block
    head, end, _body = raw.partition(b'\r\n\r\n')
    length = _LENGTH.search(head)
    whole = len(head) + len(end) + (int(length[1]) if length else 0)
    while len(raw) < whole:
        block = client.recv(_BLOCK)
        if not block:
            return b''
        raw += block
    return raw
