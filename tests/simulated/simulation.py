# SPDX-License-Identifier: Apache-2.0

"""All that the process of the simulated fleet answers as."""

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
from tests.simulated.wire import Line
from tests.simulated.wire import Request

_CENTRAL = '127.0.0.1'
_PORTS_TRIED = 20


@dataclass(frozen=True)
class Settings:
    """What a fleet begins with.

    :ivar images: in the catalogue
    :ivar entries: cached on each node, of the catalogue's images
    :ivar round_trip: seconds
    :ivar fill: seconds a queued image takes; 0 none, None for ever
    :ivar certificates: a folder with the key and the certificate of each
        node, as `edge-0001.pem`: nodes serve https; None for http
    :ivar first: the position of the first node, from which addresses and
        names are numbered
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

    :raises OSError: an address cannot be had
    :ivar asked: requests to a Glance since they were forgotten
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.asked = 0
        self._awaited = (0, asyncio.Event())
        self.line = Line(settings.round_trip)
        self.filling = Filling(settings.fill)
        self._pool = pool(settings.images)
        self._catalogue = Catalogue(self._pool)
        self._keystone_address = Address(
            _CENTRAL, 0, self._ask_keystone, self.line
        )
        self._auth_url = f'{self._keystone_address.url}/v3'
        self.glances: list[Glance] = []
        self._addresses = self._bind_all()
        self.keystone = Keystone(self._auth_url, self._addresses[0].url)
        self.reset()

    def _bind_all(self) -> list[Address]:
        """The central Glance's address and the nodes', all at one port."""
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

    def _ask_keystone(self, request: Request) -> bytes:
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
            self.asked += 1
            if self.asked == self._awaited[0]:
                self._awaited[1].set()
            return glance.answer(request)

        address = Address(host, port, answer, self.line, tls)
        glance = Glance(
            name, address.url, self._auth_url, self._catalogue, self.filling
        )
        self.glances.append(glance)
        return address

    @property
    def description(self) -> dict[str, Any]:
        """What a client has to know."""
        return {
            'auth_url': self._auth_url,
            'image_url': self._addresses[0].url,
            'endpoints': [one.url for one in self._addresses[1:]],
            'images': {one.image_id: one.name for one in self._pool},
        }

    async def open(self) -> None:
        """Begin to answer."""
        await self._keystone_address.listen()
        for address in self._addresses:
            await address.listen()

    async def set_fault(
        self, positions: Iterable[int], fault: Fault | None
    ) -> None:
        """Have nodes fail in a way, or work again with None."""
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
                await address.listen(Line(SLOW_SECONDS))
            else:
                await address.listen()

    def set_cache(
        self, positions: Iterable[int], cached: list[str], queued: list[str]
    ) -> None:
        """Have nodes hold images, by their IDs, and no others."""
        for position in positions:
            self.glances[position + 1].cache.hold(cached, queued)

    def reset(self) -> None:
        """Fill all caches as at first, and forget all requests."""
        ids = [one.image_id for one in self._pool]
        glances = self.glances[1:]
        for position, glance in enumerate(glances, self.settings.first):
            held = min(self.settings.entries, len(ids))
            glance.cache.hold(
                ids[(position + at) % len(ids)] for at in range(held)
            )
        self.forget_requests()

    def forget_requests(self) -> None:
        """Begin to count requests, and fills at once, anew."""
        self.asked = 0
        self.filling.most = self.filling.under_way
        self.keystone.requests.clear()
        for glance in self.glances:
            glance.requests.clear()

    async def await_requests(self, count: int, seconds: float) -> bool:
        """Whether so many requests to a Glance come within the time."""
        self._awaited = (count, asyncio.Event())
        if self.asked < count:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._awaited[1].wait(), seconds)
        return self.asked >= count

    def requests(self) -> dict[str, Any]:
        """What was asked: name → `GET /v2/cache` → how many times."""
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
        """What is held: name → `cached` and `queued` → IDs."""
        return {
            one.name: {
                'cached': list(one.cache.cached),
                'queued': list(one.cache.queued),
            }
            for one in self.glances[1:]
        }
