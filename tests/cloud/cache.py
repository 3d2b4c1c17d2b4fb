# SPDX-License-Identifier: Apache-2.0

"""The image cache of a node: its contents, and changes to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cloud import rest
from tests.cloud.glance import GlanceNode
from tests.polling import until

_SECONDS = 120.0


class Cache:
    """The cache of a node, without the code under test.

    :ivar url: URL of the node
    :ivar host: the same, without the scheme
    :ivar folder: the directory of the cache on the node
    """

    def __init__(self, node: GlanceNode, token: str) -> None:
        self.url = node.url
        self.host = node.url.removeprefix('http://')
        self.folder = node.cache_dir
        self._node = node
        self._token = token

    @property
    def cached(self) -> set[str]:
        """The IDs of the images whose data is in the directory."""
        return {one.name for one in self.folder.glob('*-*-*-*-*')}

    @property
    def queued(self) -> set[str]:
        """The IDs of the queued images, from the directory."""
        return {one.name for one in self.folder.glob('queue/*')}

    def listed(self) -> tuple[set[str], set[str]]:
        """The IDs of the cached and the queued images, from the Cache API.

        An image that moves from the queue to the cache can be missing in both.
        """
        body = self.call('GET', '/v2/cache').body
        cached = {str(one['image_id']) for one in body['cached_images']}
        return cached, set(body['queued_images'])

    def clear(self) -> None:
        """Delete all entries. A fill that has begun continues.

        All releases have these requests; they require the middleware.
        """
        for kind in ('queued', 'cached'):
            self.call('DELETE', f'/v2/{kind}_images')

    def queue(self, *image_ids: str) -> None:
        """Queue images with the Cache API, which starts their fills."""
        for image_id in image_ids:
            self.call('PUT', f'/v2/cache/{image_id}')

    def queue_only(self, *image_ids: str) -> None:
        """Queue images with the middleware, which does not start fills."""
        for image_id in image_ids:
            self.call('PUT', f'/v2/queued_images/{image_id}')

    def fill(self, *image_ids: str) -> None:
        """Queue images that are not cached, and wait until they are listed."""
        cached, _queued = self.listed()
        self.queue(*(one for one in image_ids if one not in cached))
        self.wait_until_listed(*image_ids)

    def wait_until_listed(self, *image_ids: str) -> None:
        """Wait until the Cache API lists images as cached.

        :raises TimeoutError: they were not listed within two minutes
        """
        wanted = set(image_ids)
        self._until(lambda: wanted <= self.listed()[0])

    def wait_for(self, *image_ids: str) -> None:
        """Wait until the data of images is there, and they are not queued.

        :raises TimeoutError: they were not cached within two minutes
        """
        wanted = set(image_ids)
        self._until(
            lambda: wanted <= self.cached and wanted.isdisjoint(self.queued)
        )

    def settle(self) -> None:
        """Wait until the Cache API lists no queued images.

        :raises TimeoutError: that took more than two minutes
        """
        self._until(lambda: not self.listed()[1])

    def call(self, method: str, path: str) -> rest.Reply:
        """Send a request to the node."""
        return rest.call(method, f'{self.url}{path}', token=self._token)

    def _until(self, condition: Callable[[], bool]) -> None:
        until(condition, _SECONDS, self._node.log.read_text)


def damage(path: Path) -> None:
    """Change one byte of a cached file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
