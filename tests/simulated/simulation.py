# SPDX-License-Identifier: Apache-2.0

"""The simulated services of one process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
import contextlib
from dataclasses import dataclass
import json
from pathlib import Path
import ssl
from typing import Any

from tests.simulated.address import Address
from tests.simulated.cache import Filling
from tests.simulated.catalogue import Catalogue
from tests.simulated.catalogue import pool
from tests.simulated.faults import Fault
from tests.simulated.faults import SLOW_SECONDS
from tests.simulated.glance import Glance
from tests.simulated.keystone import Keystone
from tests.simulated.keystone import Realm
from tests.simulated.wire import Network
from tests.simulated.wire import Request

_CENTRAL = '127.0.0.1'
_PORTS_TRIED = 20


@dataclass(frozen=True)
class Settings:
    """The settings of a simulation.

    :ivar images: number of images in Glance
    :ivar entries: number of cached images on each node
    :ivar round_trip: seconds
    :ivar fill: seconds of a fill; 0 for no time, None for a fill that does
        not end
    :ivar certificates: a directory with the key and the certificate of each
        node, as `edge-0001.pem`, for HTTPS; None for HTTP
    :ivar first: the position of the first node, which sets the first address
        and name
    """

    nodes: int = 1000
    images: int = 50
    entries: int = 20
    round_trip: float = 0.0
    fill: float | None = 0.0
    certificates: str | None = None
    first: int = 0


def host_of(position: int) -> str:
    """The address of a node: 127.1.0.1 for 0, 127.1.3.232 for 999."""
    number = position + 1
    return f'127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}'


def name_of(position: int) -> str:
    """The name of a node: edge-0001 for 0."""
    return f'edge-{position + 1:04d}'


class Simulation:
    """Keystone, the central Glance, and the nodes.

    :raises OSError: an address cannot be bound
    :ivar received: number of requests to nodes since the last reset
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.received = 0
        self._awaited = (0, asyncio.Event())
        self.network = Network(settings.round_trip)
        self.filling = Filling(settings.fill)
        self._pool = pool(settings.images)
        self._catalogue = Catalogue(self._pool)
        self._keystone_address = Address(
            _CENTRAL, 0, self._answer_keystone, self.network
        )
        self.realm = Realm(f'{self._keystone_address.url}/v3')
        self.glances: list[Glance] = []
        self._addresses = self._bind_all()
        self.keystone = Keystone(self.realm, self._addresses[0].url)
        self.reset()

    def _bind_all(self) -> list[Address]:
        """The addresses of the central Glance and the nodes, at one port."""
        first = self.settings.first
        positions = range(first, first + self.settings.nodes)
        for attempt in range(_PORTS_TRIED):
            bound: list[Address] = []
            self.glances = []
            try:
                bound.append(self._glance('central', _CENTRAL, 0))
                for at in positions:
                    name, port = name_of(at), bound[0].port
                    tls = self._tls(name)
                    bound.append(self._glance(name, host_of(at), port, tls))
            except OSError:
                for address in bound:
                    address.close()
                if attempt == _PORTS_TRIED - 1:
                    raise
            else:
                return bound
        raise AssertionError

    def _answer_keystone(self, request: Request) -> bytes:
        return self.keystone.answer(request)

    def _tls(self, name: str) -> ssl.SSLContext | None:
        if self.settings.certificates is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(
            Path(self.settings.certificates) / f'{name}.pem'
        )
        return context

    def _glance(
        self,
        name: str,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
    ) -> Address:
        def answer(request: Request) -> bytes | None:
            self.received += 1
            if self.received == self._awaited[0]:
                self._awaited[1].set()
            return glance.answer(request)

        address = Address(host, port, answer, self.network, tls)
        glance = Glance(
            name, address.url, self.realm, self._catalogue, self.filling
        )
        self.glances.append(glance)
        return address

    @property
    def description(self) -> dict[str, Any]:
        """The information for clients."""
        return {
            'auth_url': self.realm.url,
            'image_url': self._addresses[0].url,
            'endpoints': [one.url for one in self._addresses[1:]],
            'images': {one.image_id: one.name for one in self._pool},
        }

    async def open(self) -> None:
        """Start to serve requests."""
        await self._keystone_address.listen()
        for address in self._addresses:
            await address.listen()

    async def set_fault(
        self, positions: Iterable[int], fault: Fault | None
    ) -> None:
        """Set the fault of nodes; None removes it."""
        for position in positions:
            self.glances[position + 1].fault = fault
            address = self._addresses[position + 1]
            if fault is Fault.RESTARTING:
                self.glances[position + 1].cache.forget()
            if fault in {Fault.REFUSED, Fault.RESTARTING}:
                address.refuse()
            elif fault is Fault.BACKLOG:
                address.jam()
            elif fault is Fault.SLOW:
                await address.listen(Network(SLOW_SECONDS))
            else:
                await address.listen()

    def set_cache(
        self, positions: Iterable[int], cached: list[str], queued: list[str]
    ) -> None:
        """Replace the cached and queued images of nodes, by ID."""
        for position in positions:
            self.glances[position + 1].cache.hold(cached, queued)

    def reset(self) -> None:
        """Restore the first contents of all caches, and reset the counts."""
        ids = [one.image_id for one in self._pool]
        glances = self.glances[1:]
        for position, glance in enumerate(glances, self.settings.first):
            held = min(self.settings.entries, len(ids))
            glance.cache.hold(
                ids[(position + at) % len(ids)] for at in range(held)
            )
        self.reset_requests()

    def reset_requests(self) -> None:
        """Reset the counts of requests and of concurrent fills."""
        self.received = 0
        self.filling.most = self.filling.under_way
        self.keystone.requests.clear()
        for glance in self.glances:
            glance.requests.clear()

    async def await_requests(self, count: int, seconds: float) -> bool:
        """Whether this number of requests to nodes arrives in time."""
        self._awaited = (count, asyncio.Event())
        if self.received < count:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._awaited[1].wait(), seconds)
        return self.received >= count

    def requests(self) -> dict[str, Any]:
        """The number of requests, by name and `GET /v2/cache`."""
        return {
            'keystone': self.keystone.requests,
            **{one.name: one.requests for one in self.glances},
        }

    def arrivals(self) -> dict[str, int]:
        """How many requests each node received."""
        return {one.name: one.requests.total() for one in self.glances[1:]}

    def entries(self) -> dict[str, Any]:
        """Cached entries in full: name → items of cached_images."""
        return {
            one.name: [json.loads(item) for item in one.cache.cached.values()]
            for one in self.glances[1:]
        }

    def caches(self) -> dict[str, Any]:
        """The IDs of the images, by name and `cached` or `queued`."""
        return {
            one.name: {
                'cached': list(one.cache.cached),
                'queued': list(one.cache.queued),
            }
            for one in self.glances[1:]
        }
