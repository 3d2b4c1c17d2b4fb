# SPDX-License-Identifier: Apache-2.0

"""The driver for Glance's Cache API: Images API 2.14 (Yoga) and later."""

from collections.abc import Awaitable
from collections.abc import Callable
from typing import Any
from typing import TypeVar

from glance_cache_osc import errors
from glance_cache_osc.drivers import base
from glance_cache_osc.drivers import http
from glance_cache_osc.drivers import versions
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries

_CLEAR_TARGET = 'x-image-cache-clear-target'
#: The status with which Yoga accepts an image that it does not download. Later
#: releases respond with 202, and download it.
_QUEUED_ONLY = 200

_Value = TypeVar('_Value')


class CacheApiDriver(base.CacheDriver):
    """The cache of a node with ``/v2/cache``.

    :param client: sends the requests to the node.
    """

    name = 'cache-api'

    def __init__(self, client: http.NodeClient) -> None:
        self._client = client
        self._filled_by: str | None = None

    @property
    def filled_by(self) -> str | None:
        """The program, according to the response to the last request."""
        return self._filled_by

    async def list_entries(self) -> list[entries.Entry]:
        try:
            held: list[entries.Entry] = await self._request(
                'GET', '/v2/cache', parse=entries.parse_cache
            )
        except ValueError as error:
            raise base.invalid_listing(error) from error
        return held

    async def queue(self, image_id: str) -> None:
        try:
            response = await self._explained(
                self._client.send('PUT', _path(image_id))
            )
        except errors.Refused as error:
            if error.status == 400:
                raise errors.Refused(error.why, errors.INACTIVE) from error
            raise
        self._client.decode(response)
        queued_only = response.status == _QUEUED_ONLY
        self._filled_by = base.PREFETCHER if queued_only else None

    async def delete(
        self, image_id: str, *, queued_only: bool = False
    ) -> None:
        try:
            await self._request('DELETE', _path(image_id))
        except errors.Refused as error:
            # The image exists neither in Glance nor in this cache.
            if error.status != 404:
                raise

    async def clear(self, target: entries.Target) -> None:
        # Without the header, Glance clears both; it refuses the value "both".
        headers = {_CLEAR_TARGET: target.value} if target.value else None
        await self._request('DELETE', '/v2/cache', headers)

    async def clean(self) -> None:
        await self._maintain(versions.Maintenance.CLEAN)

    async def prune(self, timeout: float) -> entries.Pruned:
        try:
            return entries.parse_pruned(
                await self._maintain(versions.Maintenance.PRUNE, timeout)
            )
        except errors.TimedOut as error:
            if not error.connected:
                raise
            raise errors.TimedOut(
                error.why,
                _(
                    'The node may still be pruning. To wait longer, use '
                    '--prune-timeout.'
                ),
            ) from error
        except ValueError as error:
            raise errors.BadReply(
                _('The response does not report what was pruned (%s)') % error
            ) from error

    async def api_version(self) -> str:
        return await versions.newest(self._client)

    async def _maintain(
        self, what: versions.Maintenance, timeout: float | None = None
    ) -> Any:
        """Request Glance's own maintenance, new in Images API 2.18.

        :param timeout: seconds until the node responds; None for the
            node's timeout.
        """
        try:
            return await self._client.request(
                'POST', f'/v2/cache/{what.value}', timeout=timeout
            )
        except errors.Forbidden as error:
            raise errors.Forbidden(
                error.why,
                _(
                    'Log in as an administrator, or permit cache_%s in the '
                    'API policies of the node.'
                )
                % what.value,
            ) from error
        except errors.Refused as error:
            if error.status not in (404, 405):
                raise
            raise await versions.why_no_maintenance(
                self._client, what
            ) from error

    async def _request(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        parse: Callable[[Any], Any] | None = None,
    ) -> Any:
        return await self._explained(
            self._client.request(method, path, headers=headers, parse=parse)
        )

    async def _explained(self, sent: Awaitable[_Value]) -> _Value:
        """The result of a request; a better error if there is no route."""
        try:
            return await sent
        except errors.Refused as error:
            if error.status not in (404, 405) or _names_an_image(error):
                raise
            # The node has no such route. Glance's message does not explain
            # that; its list of API versions does.
            raise await versions.why_no_cache(self._client) from error


def _path(image_id: str) -> str:
    return f'/v2/cache/{http.segment(image_id)}'


def _names_an_image(error: errors.Refused) -> bool:
    """Whether a 404 is about an image, by the text of Glance's message."""
    return error.why.startswith('Image ')
