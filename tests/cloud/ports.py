# SPDX-License-Identifier: Apache-2.0

"""Reserved TCP ports on loopback."""

from __future__ import annotations

import socket


class Port:
    """A port that no other process can use until it is released.

    A socket that is bound and does not listen reserves it. The service binds
    its own socket to the same port (SO_REUSEPORT). Thus no other process can
    take the port before the service listens, or while it is down. A service
    that is down refuses connections.
    """

    def __init__(self) -> None:
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._holder.bind(('127.0.0.1', 0))
        self.number: int = self._holder.getsockname()[1]

    @property
    def url(self) -> str:
        """The URL, without a trailing slash."""
        return f'http://127.0.0.1:{self.number}'

    def release(self) -> None:
        """Release the port; may be called twice."""
        self._holder.close()
