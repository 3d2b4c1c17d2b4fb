# SPDX-License-Identifier: Apache-2.0

"""Selects the driver for a node from the node's responses.

Add a new driver to `connect`, after the drivers for newer nodes.
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
    """A driver for a node; this sends no request.

    :param client: sends the requests to the node.
    """
    return ChoosingDriver(
        cache_api.CacheApiDriver(client),
        cache_manage.CacheManageDriver(client),
    )


class ChoosingDriver(base.CacheDriver):
    """The first of several drivers that a node supports.

    If the node does not support the current driver (`errors.TooOld`), the
    next one is tried. A driver whose operation succeeds stays the current
    one. If the node supports none, the error has the reason of the first
    driver and the remedy of the last.

    :param drivers: the drivers for newer nodes come first.
    """

    def __init__(self, *drivers: base.CacheDriver) -> None:
        self._drivers = drivers
        self._at = 0

    @property
    def name(self) -> str:
        """The name of the current driver."""
        return self._current.name

    @property
    def filled_by(self) -> str | None:
        """The program of the current driver."""
        return self._current.filled_by

    async def list_entries(self) -> list[entries.Entry]:
        return await self._try_drivers(lambda driver: driver.list_entries())

    async def queue(self, image_id: str) -> None:
        await self._try_drivers(lambda driver: driver.queue(image_id))

    async def delete(
        self, image_id: str, *, queued_only: bool = False
    ) -> None:
        await self._try_drivers(
            lambda driver: driver.delete(image_id, queued_only=queued_only)
        )

    async def clear(self, target: entries.Target) -> None:
        await self._try_drivers(lambda driver: driver.clear(target))

    async def clean(self) -> None:
        # Each driver reports a node without maintenance; if the current one
        # does not support it, the others do not either.
        await self._current.clean()

    async def prune(self, timeout: float) -> entries.Pruned:
        return await self._current.prune(timeout)

    async def api_version(self) -> str:
        return await self._current.api_version()

    @property
    def _current(self) -> base.CacheDriver:
        return self._drivers[self._at]

    async def _try_drivers(
        self, operation: Callable[[base.CacheDriver], Awaitable[_Value]]
    ) -> _Value:
        """Run an operation with the first driver that the node supports.

        :raises errors.TooOld: the node supports none of the drivers.
        """
        failures = []
        for at in range(self._at, len(self._drivers)):
            try:
                value = await operation(self._drivers[at])
            except errors.TooOld as error:
                failures.append(error)
            else:
                self._at = at
                return value
        # The node may have been upgraded: the next operation tries all again.
        self._at = 0
        newest, oldest = failures[0], failures[-1]
        raise errors.TooOld(newest.why, oldest.remedy) from newest
