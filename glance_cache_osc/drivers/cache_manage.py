# SPDX-License-Identifier: Apache-2.0

"""The driver for Glance's cache-management middleware: Stein and later.

Nodes from Stein to Xena have no other API for their caches.
"""

from collections.abc import Callable
from typing import Any

from glance_cache_osc import errors
from glance_cache_osc.drivers import base
from glance_cache_osc.drivers import http
from glance_cache_osc.drivers import versions
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.transport import engine as engines

_CACHED = '/v2/cached_images'
_QUEUED = '/v2/queued_images'


class CacheManageDriver(base.CacheDriver):
    """The cache of a node with the paste filter ``cachemanage``.

    The middleware only manages the lists of cached and queued images. It
    accepts any ID as the ID of an image and does not download images. It
    never queues a cached image again.

    :param client: sends the requests to the node.
    """

    name = 'cache-manage'
    filled_by = base.PREFETCHER

    def __init__(self, client: http.NodeClient) -> None:
        self._client = client

    async def list_entries(self) -> list[entries.Entry]:
        # The queue first: an image that is cached between the two requests
        # is then listed twice instead of not at all.
        try:
            queued = await self._request('GET', _QUEUED, entries.parse_queued)
            cached = await self._request('GET', _CACHED, entries.parse_cached)
        except ValueError as error:
            raise base.invalid_listing(error) from error
        return [*cached, *queued]

    async def queue(self, image_id: str) -> None:
        await self._check(image_id)
        await self._request('PUT', f'{_QUEUED}/{http.segment(image_id)}')

    async def delete(
        self, image_id: str, *, queued_only: bool = False
    ) -> None:
        # The queue first, so that the image is not cached between the two
        # requests.
        segment = http.segment(image_id)
        await self._request('DELETE', f'{_QUEUED}/{segment}')
        if not queued_only:
            with engines.finishing():
                await self._request('DELETE', f'{_CACHED}/{segment}')

    async def clear(self, target: entries.Target) -> None:
        if target is entries.Target.CACHE:
            await self._request('DELETE', _CACHED)
            return
        await self._request('DELETE', _QUEUED)
        if target is not entries.Target.QUEUE:
            with engines.finishing():
                await self._request('DELETE', _CACHED)

    async def clean(self) -> None:
        raise await versions.why_no_maintenance(
            self._client, versions.Maintenance.CLEAN
        )

    async def prune(self, timeout: float) -> entries.Pruned:
        raise await versions.why_no_maintenance(
            self._client, versions.Maintenance.PRUNE
        )

    async def api_version(self) -> str:
        return await versions.newest(self._client)

    async def _check(self, image_id: str) -> None:
        """Refuse images that the Cache API refuses, with its messages.

        :raises errors.Refused: the image does not exist, or is not active.
        :raises errors.BadReply: the response is not an image.
        """
        try:
            image = await self._client.request(
                'GET', f'/v2/images/{http.segment(image_id)}'
            )
        except errors.Refused as error:
            if error.status != 404:
                raise
            raise errors.Refused(
                _('Image %s not found') % image_id, status=404
            ) from error
        status = image.get('status') if isinstance(image, dict) else None
        if not isinstance(status, str):
            raise errors.BadReply(
                _('The response is not an image'), errors.CHECK_ENDPOINT
            )
        if status != 'active':
            raise errors.Refused(
                _(
                    'Only active images can be queued; the status of this '
                    'image is %s'
                )
                % status,
                errors.INACTIVE,
                status=400,
            )

    async def _request(
        self,
        method: str,
        path: str,
        parse: Callable[[Any], Any] | None = None,
    ) -> Any:
        try:
            return await self._client.request(method, path, parse=parse)
        except errors.Refused as error:
            # The middleware never sends these for an image: the route does
            # not exist.
            if error.status not in (404, 405):
                raise
            raise errors.TooOld(
                _("The node's cache-management middleware is disabled"),
                _(
                    "Set 'image_cache_dir' and 'flavor = "
                    "keystone+cachemanagement' in that node's "
                    'glance-api.conf and restart it, or upgrade it.'
                ),
            ) from error
