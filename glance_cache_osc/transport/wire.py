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


"""Sockets that keep to the bounds of an exchange.

http.client makes an answer out of what comes in over a socket; here that is
read through `_Line`, which asks the exchange before each read and tells it
after.
"""

import functools
import http.client
import io
from typing import Any

from glance_cache_osc.transport import bounds


class _Line(io.RawIOBase):
    """What comes in over a socket, within the bounds of an exchange."""

    def __init__(self, sock: Any, raw: Any, exchange: bounds.Exchange) -> None:
        self._sock = sock
        self._raw = raw
        self._exchange = exchange
        # A request of ours always has one.
        self._timeout: float = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._exchange.patience(self._timeout)
        self._sock.settimeout(left)
        try:
            count: int = self._raw.readinto(buffer)
        except TimeoutError:
            if left < self._timeout:
                # It was not silence that took too long.
                self._exchange.patience(self._timeout)
            raise
        self._exchange.took(count)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer within the bounds of an exchange, if there is one."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._exchange = bounds.current()
        if self._exchange:
            plain: Any = self.fp
            self.fp = io.BufferedReader(
                _Line(sock, plain.detach(), self._exchange)
            )
            self._exchange.begin(self.fp)

    def begin(self) -> None:
        super().begin()
        if self._exchange:
            self._exchange.end_of_head()


@functools.cache
def _adapter_class() -> Any:
    """Made with the first use: keystoneauth1 takes time to load."""
    from keystoneauth1 import session as ksa_session

    class Adapter(ksa_session.TCPKeepAliveAdapter):
        """keystoneauth's, whose connections keep to the bounds."""

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            _bound(self.poolmanager)

        def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
            manager = super().proxy_manager_for(*args, **kwargs)
            _bound(manager)
            return manager

    return Adapter


def _bound(manager: Any) -> None:
    """Have a manager's connections keep to the bounds."""
    manager.pool_classes_by_scheme = {
        scheme: _bounded(pool)
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }


@functools.cache
def _bounded(pool: Any) -> Any:
    if getattr(pool.ConnectionCls, 'response_class', None) is _Answer:
        return pool
    connection = type(
        'Connection', (pool.ConnectionCls,), {'response_class': _Answer}
    )
    return type('Pool', (pool,), {'ConnectionCls': connection})


def adapter(hosts: int, connections: int) -> Any:
    """An adapter for requests' sessions that keeps to the bounds.

    :param hosts: to how many hosts connections stay open.
    :param connections: and how many to each.
    """
    return _adapter_class()(pool_connections=hosts, pool_maxsize=connections)


def guard(session: Any, endpoint: str, connections: int) -> None:
    """Have a session keep to the bounds at an endpoint, if it does not yet.

    :param session: keystoneauth's.
    """
    if not isinstance(session.session.get_adapter(endpoint), _adapter_class()):
        session.mount(endpoint, adapter(1, connections))
