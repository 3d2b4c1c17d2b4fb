# SPDX-License-Identifier: Apache-2.0

"""Limits of concurrent fills, and the choice of the node that queues next."""

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
    """The limits of concurrent fills on nodes that are not stalled or down.

    Nodes without a fill in progress come first, then the most urgent images.

    :param limit: the maximum on all nodes; 0 for no limit.
    :param site_limit: returns the maximum on a site, by the name of the site;
        0 for no limit.
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
        #: The ranks of the nodes that wait for a slot. Outdated items stay in
        #: the heap and are skipped: an item with another rank, or a second
        #: item of a node.
        self._ranks: dict[fills.NodeFills, tuple[bool, int]] = {}
        self._heap: list[_Item] = []
        #: Items of sites that are at their limit: a heap for each site.
        self._at_site_limit: dict[str, list[_Item]] = {}
        self._serial = itertools.count()
        self._changed = asyncio.Event()

    def update(self, node: fills.NodeFills) -> None:
        """Update the used slots and the rank of a node after a change."""
        site = node.member.node.site
        # A node whose last image was deleted does not use its slot.
        holds = node.is_open and not (node.stalled or node.was_down)
        used = len(node.requested) + node.granted if holds else 0
        change = used - self._used_by.get(node, 0)
        self._used += change
        self._used_on[site] += change
        self._used_by[node] = used
        for __ in range(-change):
            self._release(site)
        if node.can_queue:
            rank = (node.needs_poll, node.pending[0].urgency)
            if self._ranks.get(node) != rank:
                self._ranks[node] = rank
                heapq.heappush(self._heap, (rank, next(self._serial), node))
        self._changed.set()

    async def grant(self) -> None:
        """Grant slots to nodes as slots become free, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._heap and self._used < self._limit:
                item = heapq.heappop(self._heap)
                rank, __, node = item
                site = node.member.node.site
                is_current = self._ranks.get(node) == rank
                if is_current and self._is_full(site):
                    waiting = self._at_site_limit.setdefault(site, [])
                    heapq.heappush(waiting, item)
                    continue
                if is_current:
                    del self._ranks[node]
                if is_current and node.can_queue:
                    node.grant(asyncio.get_running_loop().time())
                    self.update(node)
                else:
                    self._release(site)

    def _is_full(self, site: str) -> bool:
        return self._used_on[site] >= self._site_limit(site)

    def _release(self, site: str) -> None:
        """Let the next node of a site that was at its limit wait again."""
        if waiting := self._at_site_limit.get(site):
            heapq.heappush(self._heap, heapq.heappop(waiting))
