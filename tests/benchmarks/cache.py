# SPDX-License-Identifier: Apache-2.0

"""Reads and sets the contents of a node's cache, without the relay."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
import time

from tests.benchmarks.errors import BenchmarkError
from tests.cloud import rest

_FILL_SECONDS = 60
_POLL_SECONDS = 0.1


class Cache:
    """One node's cache.

    :param url: URL of the node
    :param token: returns a token
    """

    def __init__(self, url: str, token: Callable[[], str]) -> None:
        self._url = f'{url}/v2/cache'
        self._token = token

    def is_empty(self) -> bool:
        """Whether the cache and its queue are empty."""
        return not any(self._held(self._token()))

    def clear(self) -> None:
        """Clear the cache and its queue.

        Wait for queued images first: a fill continues even if its entry is
        deleted.

        :raises BenchmarkError: the cache is not empty afterwards
        """
        token = self._token()
        rest.call('DELETE', self._url, token=token)
        left = self._held(token)
        if any(left):
            raise BenchmarkError(f'the cleared cache still contains {left}')

    def fill(self, image_ids: Collection[str]) -> None:
        """Queue images that are not cached, and wait until they are cached.

        :raises BenchmarkError: the images are not cached in time
        """
        token = self._token()
        cached, queued = self._held(token)
        for image_id in set(image_ids) - cached - queued:
            rest.call('PUT', f'{self._url}/{image_id}', token=token)
        self.await_cached(image_ids)

    def await_cached(self, image_ids: Collection[str]) -> None:
        """Wait until queued images are cached.

        An image that moves from the queue to the cache can be missing in both
        lists of one response.

        :raises BenchmarkError: the images are not cached in time
        """
        token = self._token()
        deadline = time.monotonic() + _FILL_SECONDS
        while missing := set(image_ids) - self._held(token)[0]:
            if time.monotonic() > deadline:
                raise BenchmarkError(
                    f'{len(missing)} images are not cached after'
                    f' {_FILL_SECONDS} s'
                )
            time.sleep(_POLL_SECONDS)

    def _held(self, token: str) -> tuple[set[str], set[str]]:
        body = rest.call('GET', self._url, token=token).body
        cached = {str(one['image_id']) for one in body['cached_images']}
        return cached, set(body['queued_images'])
