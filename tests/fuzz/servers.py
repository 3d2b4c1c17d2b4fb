#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.


"""Servers on this machine that say what they are told to, byte by byte."""

from collections.abc import Callable
import contextlib
import json
import socket
import threading
from typing import Any
from typing import TYPE_CHECKING

from tests.cli import payloads as p

if TYPE_CHECKING:
    from typing_extensions import Self

#: Answers a request: gets its head, and the connection to write to.
Answer = Callable[[bytes, socket.socket], None]

TOKEN = 'gAAAAA-the-token'
_END = b'\r\n\r\n'


class Server:
    """Answers each connection once, and closes it.

    :ivar answer: how; may be changed between requests
    :ivar heads: of the requests that came in
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.heads: list[bytes] = []
        self._listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.netloc = '127.0.0.1:%d' % self._listener.getsockname()[1]
        self.url = f'http://{self.netloc}'
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> 'Self':
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._reply, args=(connection,), daemon=True
            ).start()

    def _reply(self, connection: socket.socket) -> None:
        # Who is asked may hang up before it has heard all of it.
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            head = b''
            while _END not in head:
                block = connection.recv(65536)
                if not block:
                    return
                head += block
            body = head.partition(_END)[2]
            length = _length(head)
            while len(body) < length:
                body += connection.recv(65536)
            self.heads.append(head)
            self.answer(head, connection)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass


def _length(head: bytes) -> int:
    for line in head.lower().split(b'\r\n'):
        if line.startswith(b'content-length:'):
            return int(line.partition(b':')[2])
    return 0


def says(content: bytes) -> Answer:
    """Answer everything with these bytes."""

    def answer(head: bytes, connection: socket.socket) -> None:
        connection.sendall(content)

    return answer


def reply(
    body: bytes | Any, status: str = '200 OK', headers: str = ''
) -> bytes:
    """A whole response; what is not bytes is sent as JSON."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    head = (
        f'HTTP/1.1 {status}\r\nContent-Type: application/json\r\n'
        f'Content-Length: {len(body)}\r\nConnection: close\r\n'
        f'{headers}\r\n'
    )
    return head.encode('latin-1') + body


def glance(head: bytes, connection: socket.socket) -> None:
    """Answer as an honest node that holds two images; one has a name."""
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
    """Answer as a Keystone whose catalogue has this image endpoint."""

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
