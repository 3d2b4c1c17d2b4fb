# SPDX-License-Identifier: Apache-2.0

"""The address of a node."""

from __future__ import annotations

import asyncio
import socket
import ssl

from tests.simulated.wire import Application
from tests.simulated.wire import Connection
from tests.simulated.wire import Network

_BACKLOG = 1024
# Connections to fill the backlog: more than one, because the meaning of a
# backlog of 0 differs between kernels.
_FILLERS = 4


class Address:
    """One address on loopback: bound at once, listening later.

    A bound address that does not listen refuses connections, and no other
    process can bind it.

    :param tls: TLS context for HTTPS; None for HTTP
    :raises OSError: the port is in use, or the address does not exist
    """

    def __init__(
        self,
        host: str,
        port: int,
        answer: Application,
        network: Network,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._answer = answer
        self._network = network
        self._tls = tls
        self._connections: set[Connection] = set()
        self._socket = _bound(host, port)
        # The port that the system selected for port 0.
        self.host, self.port = self._socket.getsockname()[:2]
        self._server: asyncio.Server | None = None
        self._fillers: list[socket.socket] = []

    @property
    def url(self) -> str:
        """The URL, without a trailing slash."""
        scheme = 'https' if self._tls else 'http'
        return f'{scheme}://{self.host}:{self.port}'

    async def listen(self, network: Network | None = None) -> None:
        """Accept connections, and send responses.

        :param network: of these connections; None for that of the address
        """
        self.refuse()
        network = network or self._network
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._answer, network, self._connections),
            sock=self._socket,
            backlog=_BACKLOG,
            ssl=self._tls,
        )

    def refuse(self) -> None:
        """Refuse new connections, and close the open ones."""
        self.close()
        self._socket = _bound(self.host, self.port)

    def jam(self) -> None:
        """Accept no connection: the backlog is full."""
        self.refuse()
        self._socket.listen(0)
        for _ in range(_FILLERS):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((self.host, self.port))
            self._fillers.append(filler)

    def close(self) -> None:
        """Release the address."""
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
    # Old connections in TIME_WAIT must not prevent the bind.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setblocking(False)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
