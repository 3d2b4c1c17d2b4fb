# SPDX-License-Identifier: Apache-2.0

"""Which driver a node is spoken to with: the node's answers decide.

A new driver goes into `connect`, behind those that newer nodes answer to.
"""

from collections.abc import Awaitable
from collections.abc import Callable
from typing import TypeVar

from glance_cache_osc import errors
from glance_cache_osc.drivers import base
from glance_cache_osc.drivers import cache_api
from glance_cache_osc.drivers import cache_manage
from glance_cache_osc.drivers import http
from glance_cache_osc.model import entries

_Value = TypeVar('_Value')


def connect(client: http.NodeClient) -> base.CacheDriver:
    """A driver for a node; nothing is sent yet."""
    return ChoosingDriver(
        cache_api.CacheApiDriver(client),
        cache_manage.CacheManageDriver(client),
    )


class ChoosingDriver(base.CacheDriver):
    """The first of several drivers that a node understands.

    The next one is tried once the node has said that it does not know the
    one in use (`errors.TooOld`), and is kept once the node has answered to
    it. Where none is understood, the first one's error tells why, and the
    last one's what to do.

    :param drivers: those for newer nodes come first.
    """

    def __init__(self, *drivers: base.CacheDriver) -> None:
        self._drivers = drivers
        self._at = 0

    @property
    def name(self) -> str:
        """That of the driver in use."""
        return self._using.name

    @property
    def filled_by(self) -> str | None:
        """That of the driver in use."""
        return self._using.filled_by

    async def list_entries(self) -> list[entries.Entry]:
        return await self._ask(lambda driver: driver.list_entries())

    async def queue(self, image_id: str) -> None:
        await self._ask(lambda driver: driver.queue(image_id))

    async def delete(self, image_id: str) -> None:
        await self._ask(lambda driver: driver.delete(image_id))

    async def clear(self, target: entries.Target) -> None:
        await self._ask(lambda driver: driver.clear(target))

    async def clean(self) -> None:
        # A node that can't is told of as such; others can't either.
        await self._using.clean()

    async def prune(self, timeout: float) -> entries.Pruned:
        return await self._using.prune(timeout)

    async def api_version(self) -> str:
        return await self._using.api_version()

    @property
    def _using(self) -> base.CacheDriver:
        return self._drivers[self._at]

    async def _ask(
        self, operation: Callable[[base.CacheDriver], Awaitable[_Value]]
    ) -> _Value:
        refusals = []
        for at in range(self._at, len(self._drivers)):
            try:
                answer = await operation(self._drivers[at])
            except errors.TooOld as error:
                refusals.append(error)
            else:
                self._at = at
                return answer
        newest, oldest = refusals[0], refusals[-1]
        raise errors.TooOld(newest.why, oldest.remedy) from newest
