# SPDX-License-Identifier: Apache-2.0

"""How many fills are in progress at once, and which node queues the next."""

import asyncio
import collections
from collections.abc import Callable
import functools
import heapq
import itertools
import math

from glance_cache_osc.filling import fills

_Item = tuple[tuple[bool, int], int, fills.NodeFills]


class Slots:
    """Limits of the fills in progress, over all nodes that have not stalled.

    Nodes that fetch nothing come first, then the most urgent images.

    :param limit: of all fills; 0 for any number.
    :param site_limit: of the fills on one site, by its name; 0 for any.
    """

    def __init__(
        self, limit: int, site_limit: Callable[[str], int] = lambda _site: 0
    ) -> None:
        self._limit = limit or math.inf
        self._site_limit = functools.cache(
            lambda site: site_limit(site) or math.inf
        )
        self._used = 0
        self._used_by: dict[fills.NodeFills, int] = {}
        self._used_on: collections.Counter[str] = collections.Counter()
        #: Nodes that wait for a slot. An item of the heap with another rank,
        #: or a second one, is passed over.
        self._ranks: dict[fills.NodeFills, tuple[bool, int]] = {}
        self._heap: list[_Item] = []
        #: Items of sites that are at their limit.
        self._parked: dict[str, list[_Item]] = {}
        self._serial = itertools.count()
        self._changed = asyncio.Event()

    def update(self, node: fills.NodeFills) -> None:
        """Take over what has changed on a node."""
        site = node.member.node.site
        used = 0 if node.stalled else len(node.requested) + node.granted
        change = used - self._used_by.get(node, 0)
        self._used += change
        self._used_on[site] += change
        self._used_by[node] = used
        if change < 0:
            for item in self._parked.pop(site, ()):
                heapq.heappush(self._heap, item)
        if node.can_queue:
            rank = (node.waits, node.pending[0].urgency)
            if self._ranks.get(node) != rank:
                self._ranks[node] = rank
                heapq.heappush(self._heap, (rank, next(self._serial), node))
        self._changed.set()

    async def grant(self) -> None:
        """Grant slots to nodes when there are some, until it is cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._heap and self._used < self._limit:
                item = heapq.heappop(self._heap)
                rank, __, node = item
                site = node.member.node.site
                if self._ranks.get(node) != rank:
                    continue
                if self._used_on[site] >= self._site_limit(site):
                    self._parked.setdefault(site, []).append(item)
                    continue
                del self._ranks[node]
                if node.can_queue:
                    node.grant(asyncio.get_running_loop().time())
                    self.update(node)
