# SPDX-License-Identifier: Apache-2.0

"""The state of a node's cache: looked at and set, past the relay."""

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

    :param url: of the node
    :param token: makes a token for it
    """

    def __init__(self, url: str, token: Callable[[], str]) -> None:
        self._url = f'{url}/v2/cache'
        self._token = token

    def is_empty(self) -> bool:
        """Whether nothing is cached and nothing queued."""
        return not any(self._held(self._token()))

    def clear(self) -> None:
        """Leave nothing cached and nothing queued.

        Await what was asked for first: a fill that was accepted goes on,
        whatever becomes of its entry.

        :raises BenchmarkError: something is left
        """
        token = self._token()
        rest.call('DELETE', self._url, token=token)
        left = self._held(token)
        if any(left):
            raise BenchmarkError(f'the cache was cleared, and holds {left}')

    def fill(self, image_ids: Collection[str]) -> None:
        """Have images cached; what is cached is not asked for again.

        :raises BenchmarkError: they are not cached in time
        """
        token = self._token()
        cached, queued = self._held(token)
        for image_id in set(image_ids) - cached - queued:
            rest.call('PUT', f'{self._url}/{image_id}', token=token)
        self.await_cached(image_ids)

    def await_cached(self, image_ids: Collection[str]) -> None:
        """Wait until images are cached that were asked for.

        One look is not enough to see that they were: an answer may have an
        image that is just moving from the queue to the cache in neither.

        :raises BenchmarkError: they are not cached in time
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
