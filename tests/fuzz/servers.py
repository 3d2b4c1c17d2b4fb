# SPDX-License-Identifier: Apache-2.0

"""Servers on this machine that send any bytes that a test defines."""

from collections.abc import Callable
import contextlib
import json
import socket
import ssl
import threading
import time
from typing import Any
from typing import Self

from tests.cli import payloads as p

#: Answers a request: takes its head, and the connection to write to. Returns
#: `KEPT` to keep the connection for another request.
Answer = Callable[[bytes, socket.socket], object]
KEPT = object()

TOKEN = 'gAAAAA-the-token'
HEAD = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
#: Seconds until a server closes a connection, so that a broken test ends.
PATIENCE = 20
_END = b'\r\n\r\n'


class Server:
    """Answers requests; it closes each connection that is not `KEPT`.

    :param tls: the TLS context; None for plain HTTP.
    :param port: the port to listen on; 0 for any port.
    :ivar answer: answers a request; may change between requests.
    :ivar heads: the heads of all requests, in the order of arrival.
    :ivar connections: the number of connections.
    :ivar hung_up: the number of connections that the client has closed.
    """

    def __init__(
        self,
        answer: Answer,
        tls: ssl.SSLContext | None = None,
        host: str = '127.0.0.1',
        port: int = 0,
    ) -> None:
        self.answer = answer
        self.heads: list[bytes] = []
        self.connections = 0
        self.hung_up = threading.Semaphore(0)
        self._tls = tls
        self._listener = socket.create_server((host, port), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.netloc = f'{host}:{self.port}'
        self.url = f'{"https" if tls else "http"}://{self.netloc}'
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def methods(self) -> list[str]:
        """The methods of all requests, in the order of arrival."""
        return [head.split(b' ')[0].decode() for head in self.heads]

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(
                target=self._reply, args=(connection,), daemon=True
            ).start()

    def _reply(self, connection: socket.socket) -> None:
        # The client may close the connection before the end.
        with connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                connection = self._tls.wrap_socket(
                    connection, server_side=True
                )
            with connection:
                self._serve_connection(connection)

    def _serve_connection(self, connection: socket.socket) -> None:
        try:
            while head := _head(connection):
                self.heads.append(head)
                if self.answer(head, connection) is not KEPT:
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                    return
        finally:
            self.hung_up.release()


def _head(connection: socket.socket) -> bytes:
    """Read a request and return its head; empty at the end of input."""
    head = b''
    while _END not in head:
        block = connection.recv(65536)
        if not block:
            return b''
        head += block
    head, end, body = head.partition(_END)
    length = _length(head)
    while len(body) < length:
        body += connection.recv(65536)
    return head + end


def _length(head: bytes) -> int:
    for line in head.lower().split(b'\r\n'):
        if line.startswith(b'content-length:'):
            return int(line.partition(b':')[2])
    return 0


def sends(*pieces: bytes, kept: bool = False) -> Answer:
    """Answer each request with these bytes, piece by piece."""

    def answer(head: bytes, connection: socket.socket) -> object:
        for piece in pieces:
            connection.sendall(piece)
        return KEPT if kept else None

    return answer


def drips(beginning: bytes, drop: bytes, every: float = 0.05) -> Answer:
    """Send a beginning, then one drop at a time until the client hangs up."""

    def answer(head: bytes, connection: socket.socket) -> None:
        connection.sendall(beginning)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            connection.sendall(drop)
            time.sleep(every)

    return answer


def pours(beginning: bytes, block: bytes) -> Answer:
    """Send a beginning, then blocks as fast as the client reads them."""
    return drips(beginning, block, every=0)


def falls_silent(beginning: bytes = b'') -> Answer:
    """Send a beginning, then nothing until the client hangs up."""

    def answer(head: bytes, connection: socket.socket) -> None:
        connection.sendall(beginning)
        connection.recv(1)

    return answer


def reply(
    body: bytes | Any,
    status: str = '200 OK',
    headers: str = '',
    *,
    kept: bool = False,
) -> bytes:
    """A complete response; a body other than bytes is sent as JSON."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    if not kept:
        headers += 'Connection: close\r\n'
    head = (
        f'HTTP/1.1 {status}\r\nContent-Type: application/json\r\n'
        f'Content-Length: {len(body)}\r\n{headers}\r\n'
    )
    return head.encode('latin-1') + body


def glance(head: bytes, connection: socket.socket) -> None:
    """Answer as a valid node with two entries; one image has a name."""
    path = head.split(b' ')[1]
    if path == b'/v2/cache':
        body = p.cache(p.cached(p.UBUNTU), queued=[p.DEBIAN])
    elif path.startswith(b'/v2/images') and b'os_hidden' not in path:
        body = p.images(p.image(p.UBUNTU, 'ubuntu-24.04'))
    elif path.startswith(b'/v2/images'):
        body = p.images()
    else:
        body = p.glance_versions('http://honest.example', '2.18', '2.14')
    connection.sendall(reply(body))


def keystone(url: Callable[[], str], image_url: str) -> Answer:
    """Answer as Keystone, with this image endpoint in the catalogue."""

    def answer(head: bytes, connection: socket.socket) -> None:
        if head.startswith(b'POST'):
            token = json.dumps(p.TOKEN).replace(p.GLANCE, image_url)
            connection.sendall(
                reply(
                    token.encode(),
                    '201 Created',
                    f'X-Subject-Token: {TOKEN}\r\n',
                )
            )
        else:
            version = json.dumps(p.KEYSTONE_VERSION)
            version = version.replace(p.KEYSTONE, url() + '/v3')
            connection.sendall(reply(version.encode()))

    return answer
