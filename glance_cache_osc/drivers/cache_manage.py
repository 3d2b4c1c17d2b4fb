# SPDX-License-Identifier: Apache-2.0

"""Glance's cache-management middleware: Stein to Xena, and later."""

from collections.abc import Callable
from typing import Any

from glance_cache_osc import errors
from glance_cache_osc.drivers import base
from glance_cache_osc.drivers import http
from glance_cache_osc.drivers import versions
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries

_CACHED = '/v2/cached_images'
_QUEUED = '/v2/queued_images'


class CacheManageDriver(base.CacheDriver):
    """The paste filter ``cachemanage``, which keeps lists and no more.

    It takes any ID for an image, and fetches nothing. An image that it has
    already is not queued again, whoever asks.
    """

    name = 'cache-manage'
    filled_by = 'glance-cache-prefetcher'

    def __init__(self, client: http.NodeClient) -> None:
        self._client = client

    async def list_entries(self) -> list[entries.Entry]:
        # The queue first: what is fetched meanwhile is told twice then,
        # instead of not at all.
        try:
            queued = await self._request('GET', _QUEUED, entries.parse_queued)
            cached = await self._request('GET', _CACHED, entries.parse_cached)
        except ValueError as error:
            raise base.not_a_cache(error) from error
        return [*cached, *queued]

    async def queue(self, image_id: str) -> None:
        await self._check(image_id)
        await self._request('PUT', f'{_QUEUED}/{http.segment(image_id)}')

    async def delete(self, image_id: str) -> None:
        # From the queue first, so that it is not fetched in between.
        for kind in (_QUEUED, _CACHED):
            await self._request('DELETE', f'{kind}/{http.segment(image_id)}')

    async def clear(self, target: entries.Target) -> None:
        if target is not entries.Target.CACHE:
            await self._request('DELETE', _QUEUED)
        if target is not entries.Target.QUEUE:
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
        """Refuse what the Cache API refuses, in its words."""
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
            # It never says so of an image: there is no such route.
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
