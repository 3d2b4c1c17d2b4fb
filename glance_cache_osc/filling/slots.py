# SPDX-License-Identifier: Apache-2.0

"""How many fills are in progress at once, and which node queues the next."""

import asyncio
import heapq
import itertools
import math

from glance_cache_osc.filling import fills


class Slots:
    """A limit of the fills in progress, over all nodes that have not stalled.

    Nodes that fetch nothing come first, then the most urgent images.

    :param limit: how many; 0 for any number.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit or math.inf
        self._used = 0
        self._used_by: dict[fills.NodeFills, int] = {}
        #: Nodes that wait for a slot. What is in the heap with another rank,
        #: or twice, is passed over.
        self._ranks: dict[fills.NodeFills, tuple[bool, int]] = {}
        self._heap: list[tuple[tuple[bool, int], int, fills.NodeFills]] = []
        self._serial = itertools.count()
        self._changed = asyncio.Event()

    def update(self, node: fills.NodeFills) -> None:
        """Take over what has changed on a node."""
        used = 0 if node.stalled else len(node.requested) + node.granted
        self._used += used - self._used_by.get(node, 0)
        self._used_by[node] = used
        if node.can_queue:
            rank = (node.waits, node.pending[0].urgency)
            if self._ranks.get(node) != rank:
                self._ranks[node] = rank
                heapq.heappush(self._heap, (rank, next(self._serial), node))
        self._changed.set()

    async def grant(self) -> None:
        """Grant slots to nodes as there are some, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._heap and self._used < self._limit:
                rank, __, node = heapq.heappop(self._heap)
                if self._ranks.get(node) == rank:
                    del self._ranks[node]
                    if node.can_queue:
                        node.grant(asyncio.get_running_loop().time())
                        self.update(node)
