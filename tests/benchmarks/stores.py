# SPDX-License-Identifier: Apache-2.0

"""Prepares and checks the stores of Glance for the benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from concurrent import futures
import time

from tests.cloud import copy_image
from tests.cloud import rest
from tests.cloud import stores_of

_WORKERS = 4
#: The number of concurrent requests to one node in this plugin.
_DELETING = 16
_FIRST, _SECOND = 'fast', 'cheap'


class Stores:
    """The stores of images.

    :param url: URL of a node
    :param token: returns a token
    """

    def __init__(self, url: str, token: Callable[[], str]) -> None:
        self._url = url
        self._token = token

    def fill(self, image_ids: Collection[str]) -> None:
        """Copy the data of images to both stores."""
        token = self._token()

        def fill_one(image_id: str) -> None:
            if _SECOND not in stores_of(self._url, token, image_id):
                copy_image(self._url, token, image_id, _SECOND)

        with futures.ThreadPoolExecutor(_WORKERS) as pool:
            list(pool.map(fill_one, image_ids))

    def delete(self, image_ids: Collection[str]) -> float:
        """Delete the second copies without the relay; returns the seconds."""
        token = self._token()

        def delete_one(image_id: str) -> None:
            url = f'{self._url}/v2/stores/{_SECOND}/{image_id}'
            rest.call('DELETE', url, token=token)

        begun = time.perf_counter()
        with futures.ThreadPoolExecutor(_DELETING) as pool:
            list(pool.map(delete_one, image_ids))
        return time.perf_counter() - begun

    def hold_one_copy(self, image_ids: Collection[str]) -> bool:
        """Whether the data of images is only in the first store."""
        token = self._token()
        return all(
            stores_of(self._url, token, image_id) == {_FIRST}
            for image_id in image_ids
        )
