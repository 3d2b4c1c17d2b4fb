# SPDX-License-Identifier: Apache-2.0

"""A relay before one HTTP server, where things go wrong on purpose.

Each request goes to the server on a connection of its own, which ends with
the answer: so an answer is at hand in one piece, and can be cut anywhere.
The Host header stays as it was, so that a Glance which names itself names
the relay.
"""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import dataclasses
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
#: On close, send a reset instead of an orderly end.
_RESET = struct.pack('ii', 1, 0)


class Request(NamedTuple):
    """A request, and the token that it bears."""

    method: str
    path: str
    token: str

    @property
    def changes(self) -> bool:
        """Whether it is to change something."""
        return self.method != 'GET'


@dataclasses.dataclass(frozen=True)
class Cut:
    """What is left of an answer; then the connection ends.

    :ivar reset: by a reset, or else as if all had been sent
    """

    sent: bytes = b''
    reset: bool = True


#: Called with a request, and what passes it on and returns the answer; an
#: `OSError` that it lets through cuts the connection.
Fault = Callable[[Request, Callable[[], bytes]], 'bytes | Cut']


def none(_request: Request, forward: Callable[[], bytes]) -> bytes:
    """Pass everything on."""
    return forward()


class Relay:
    """It, as a context manager; it answers in threads of its own.

    :param port: of the server, on 127.0.0.1
    :param tls: speak https to clients, by this context
    :ivar fault: what goes wrong; may be set at any time
    :ivar requests: all that have come in
    """

    def __init__(
        self, port: int, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.fault: Fault = none
        self.requests: list[Request] = []
        self._server = (_HOST, port)
        self._tls = tls
        self._listener = socket.create_server((_HOST, 0), backlog=128)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Its URL, without a slash at the end."""
        scheme = 'https' if self._tls else 'http'
        return f'{scheme}://{_HOST}:{self.port}'

    def changes(self) -> list[str]:
        """The changing requests that have come in: `PUT /v2/cache/…`."""
        return [
            f'{one.method} {one.path}' for one in self.requests if one.changes
        ]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What waits in accept() is woken up by the first, not the second.
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
        # ssl.SSLError is an OSError: a client may not like our certificate.
        with contextlib.suppress(OSError), client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                with self._tls.wrap_socket(client, server_side=True) as safe:
                    self._talk(safe)
            else:
                self._talk(client)

    def _talk(self, client: socket.socket) -> None:
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
                answer = self.fault(request, lambda: self._forward(raw))
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

    def _forward(self, raw: bytes) -> bytes:
        """Send a request to the server; returns the whole answer.

        :raises OSError: the server is not there, or went away
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
        return b''.join(blocks)


def _read_request(client: socket.socket) -> bytes:
    """A whole request; empty when the client has no more.

    It has a Content-Length, or no body.
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
