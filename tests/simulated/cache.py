# SPDX-License-Identifier: Apache-2.0

"""The image cache of one node, and its fills."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
import json

from tests.simulated import payloads


@dataclass
class Filling:
    """The fills of all nodes.

    :ivar seconds: duration of one fill, one at a time on each node; 0 for no
        time, None for a fill that does not end
    :ivar under_way: current number of fills on all nodes
    :ivar most: maximum number of concurrent fills
    """

    seconds: float | None = 0.0
    under_way: int = 0
    most: int = 0

    def begin(self) -> None:
        """Count the start of a fill."""
        self.under_way += 1
        self.most = max(self.most, self.under_way)

    def end(self) -> None:
        """Count the end of a fill."""
        self.under_way -= 1


class Cache:
    """A cache and its queue.

    :param size_of: returns the bytes of an image for its ID
    :ivar cached: items of cached_images as JSON, by image ID
    :ivar queued: IDs of the queued images, in the order of the requests
    """

    def __init__(
        self, size_of: Callable[[str], int], filling: Filling
    ) -> None:
        self.cached: dict[str, str] = {}
        self.queued: dict[str, None] = {}
        self._size_of = size_of
        self._filling = filling
        self._accepted: deque[str] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._body: bytes | None = None

    def hold(self, cached: Iterable[str], queued: Iterable[str] = ()) -> None:
        """Replace the contents of the cache and the queue; no fill is active."""
        self.forget()
        self.cached = {}
        self.queued = dict.fromkeys(queued)
        self._body = None
        for image_id in cached:
            self._add(image_id)
        self.body()

    def forget(self) -> None:
        """Empty the queue, and end the fill that is under way."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._filling.end()
        self._accepted.clear()
        self.queued = {}
        self._body = None

    def body(self) -> bytes:
        """The response to GET /v2/cache; computed only after changes."""
        if self._body is None:
            self._body = (
                f'{{"cached_images": [{", ".join(self.cached.values())}],'
                f' "queued_images": {json.dumps(list(self.queued))}}}'
            ).encode()
        return self._body

    def queue(self, image_id: str) -> None:
        """Queue an image, even if it is already cached."""
        self.queued[image_id] = None
        self._body = None
        if self._filling.seconds is not None:
            self._accepted.append(image_id)
            self._fill_next()

    def delete(self, image_id: str) -> None:
        """Delete an entry; as in Glance, an accepted fill continues."""
        self.cached.pop(image_id, None)
        self.queued.pop(image_id, None)
        self._body = None

    def clear(self, *, cached: bool, queued: bool) -> None:
        """Clear the cache, the queue, or both."""
        if cached:
            self.cached.clear()
        if queued:
            self.queued.clear()
        self._body = None

    def _fill_next(self) -> None:
        if self._timer is not None or not self._accepted:
            return
        seconds = self._filling.seconds
        if seconds:
            loop = asyncio.get_running_loop()
            self._filling.begin()
            self._timer = loop.call_later(seconds, self._fetched)
        elif seconds is not None:
            self._filled()

    def _fetched(self) -> None:
        self._timer = None
        self._filling.end()
        self._filled()

    def _filled(self) -> None:
        image_id = self._accepted.popleft()
        self.queued.pop(image_id, None)
        if image_id not in self.cached:
            self._add(image_id)
        self._body = None
        self._fill_next()

    def _add(self, image_id: str) -> None:
        number = len(self.cached) + 1
        item = payloads.cached(
            number, image_id, self._size_of(image_id), hits=number % 4
        )
        self.cached[image_id] = json.dumps(item)
        self._body = None
