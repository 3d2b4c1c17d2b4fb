# SPDX-License-Identifier: Apache-2.0

"""Free TCP ports on loopback that stay ours."""

from __future__ import annotations

import socket


class Port:
    """A port that nobody else gets until it is released.

    It is held by a socket that is bound and does not listen, beside which
    the service binds its own (SO_REUSEPORT). So there is no moment in which
    another process could take it, neither before the service listens nor
    while it is down, and a service that is down refuses connections.
    """

    def __init__(self) -> None:
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._holder.bind(('127.0.0.1', 0))
        self.number: int = self._holder.getsockname()[1]

    @property
    def url(self) -> str:
        """Its URL, without a slash at the end."""
        return f'http://127.0.0.1:{self.number}'

    def release(self) -> None:
        """Let it go; may be called twice."""
        self._holder.close()
