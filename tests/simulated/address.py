# SPDX-License-Identifier: Apache-2.0

"""Where a node listens, or does not."""

from __future__ import annotations

import asyncio
import socket
import ssl

from tests.simulated.wire import Application
from tests.simulated.wire import Connection
from tests.simulated.wire import Line

_BACKLOG = 1024
# One is taken in, and the rest wait for ever to be: more than one, since
# what a backlog of 0 means differs from one kernel to the next.
_FILLERS = 4


class Address:
    """One address on loopback: bound from the first, listening when told.

    A bound address that does not listen refuses connections, and nobody
    else can take it.

    :param tls: serve https with this context; None for http
    :raises OSError: the port is taken there, or there is no such address
    """

    def __init__(
        self,
        host: str,
        port: int,
        answer: Application,
        line: Line,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._answer = answer
        self._line = line
        self._tls = tls
        self._connections: set[Connection] = set()
        self._socket = _bound(host, port)
        # The port, when 0 was asked for.
        self.host, self.port = self._socket.getsockname()[:2]
        self._server: asyncio.Server | None = None
        self._fillers: list[socket.socket] = []

    @property
    def url(self) -> str:
        """Its URL, without a slash at the end."""
        scheme = 'https' if self._tls else 'http'
        return f'{scheme}://{self.host}:{self.port}'

    async def listen(self, line: Line | None = None) -> None:
        """Take connections in, and answer.

        :param line: of these connections; None for the usual one
        """
        self.refuse()
        line = line or self._line
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._answer, line, self._connections),
            sock=self._socket,
            backlog=_BACKLOG,
            ssl=self._tls,
        )

    def refuse(self) -> None:
        """Refuse connections; those that are open end."""
        self.close()
        self._socket = _bound(self.host, self.port)

    def jam(self) -> None:
        """Let no connection come about: nobody takes them in."""
        self.refuse()
        self._socket.listen(0)
        for _ in range(_FILLERS):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((self.host, self.port))
            self._fillers.append(filler)

    def close(self) -> None:
        """Let the address go."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._socket.close()
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        for connection in list(self._connections):
            connection.abort()


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket()
    # Connections of before that linger must not be in the way.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setblocking(False)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
