# SPDX-License-Identifier: Apache-2.0

"""Queue images and wait until they are cached.

One task for each node sends its requests, and polls it at growing intervals.
"""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import enum

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.filling import fills
from glance_cache_osc.filling import pauses
from glance_cache_osc.filling import slots
from glance_cache_osc.filling import watching
from glance_cache_osc.fleet import fleet

_Reasons = Mapping[clouds.Key, errors.ImageError]

#: The shortest pause between two checks of Glance's images, in seconds.
_MIN_CHECK = 1.0
#: The shortest and the longest pause between two status updates, in seconds.
_MIN_UPDATE = 0.1
_MAX_UPDATE = 1.0


class Ending(enum.Enum):
    """The reason for the end of a wait."""

    #: Every image is cached or has failed.
    SETTLED = enum.auto()
    TIMED_OUT = enum.auto()
    #: All nodes with open fills have stalled.
    STALLED = enum.auto()
    INTERRUPTED = enum.auto()


@dataclasses.dataclass(frozen=True)
class Limits:
    """The limits of a wait.

    :param timeout: seconds for the whole wait; 0 for no limit.
    :param stall_after: seconds without a newly cached image after which a node
        is reported as stalled; the wait does not wait for stalled nodes.
    :param downloads: concurrent fills on all nodes; 0 for no limit.
    :param site_downloads: returns the same limit for a site, by its name.
    :param left: the remaining seconds of the timeout; None for all of them.
    """

    timeout: float
    stall_after: float
    downloads: int = 0
    site_downloads: Callable[[str], int] = lambda _site: 0
    left: float | None = None


@dataclasses.dataclass
class Wait:
    """One wait: queues images and follows their fills.

    :param wanted: the fills, most urgent first; the wait sets their states.
    :param not_cacheable: returns those of the given images, by cloud and ID,
        that no node can cache, with the reasons.
    :param watcher: receives progress reports.
    """

    wanted: Sequence[fills.Fill]
    limits: Limits
    not_cacheable: Callable[[list[clouds.Key]], Awaitable[_Reasons]]
    watcher: watching.Watcher

    def __post_init__(self) -> None:
        sizes = [one.image.size or 0 for one in self.wanted if one.is_open]
        self._total_size, self._size = sum(sizes), 0
        self._arrived = len(self.wanted) - len(sizes)
        limits = self.limits
        self._slots = slots.Slots(limits.downloads, limits.site_downloads)
        self._nodes: dict[fleet.Member, fills.NodeFills] = {}
        self._tasks: dict[asyncio.Task[None], fills.NodeFills | None] = {}
        #: Open fills by image; `_check_images` removes closed ones.
        self._by_image: dict[clouds.Key, list[fills.Fill]] = {}
        #: Nodes to which a queue request is in progress.
        self._sending: set[fills.NodeFills] = set()
        self._unfinished: set[fills.NodeFills] = set()
        self._stalled: set[fills.NodeFills] = set()
        self._reported: set[fills.NodeFills] = set()
        self._filling: dict[fills.NodeFills, fills.Fill] = {}
        self._changed, self._finished = asyncio.Event(), asyncio.Event()

    def last_error(self, member: fleet.Member) -> errors.CacheError | None:
        """Why the last request to a node failed; None if it succeeded."""
        return self._nodes[member].error if member in self._nodes else None

    async def follow(self) -> Ending:
        """Queue the images and wait until each is cached or cannot be.

        A cancellation ends the wait: no new request starts, the queue requests
        in progress are awaited, and the result is `INTERRUPTED`. A second
        cancellation cancels those requests; nodes may have received them.
        """
        self._start()
        try:
            left = self.limits.left or self.limits.timeout or None
            async with asyncio.timeout(left):
                await self._finished.wait()
            waits = any(node.is_open for node in self._nodes.values())
            ending = Ending.STALLED if waits else Ending.SETTLED
        except TimeoutError:
            ending = Ending.TIMED_OUT
        except asyncio.CancelledError:
            ending = Ending.INTERRUPTED
        ending = await self._stop(ending)
        while (task := asyncio.current_task()) and task.cancelling():
            task.uncancel()
        self.watcher.update(self._status())
        return ending

    def _start(self) -> None:
        self._began = self._last_arrival = now = _now()
        by_member: dict[fleet.Member, list[fills.Fill]] = {}
        for urgency, fill in enumerate(self.wanted):
            fill.urgency = urgency
            if fill.is_open:
                by_member.setdefault(fill.member, []).append(fill)
                key = (fill.member.cloud, fill.image.image_id)
                self._by_image.setdefault(key, []).append(fill)
        for member, its_fills in by_member.items():
            node = fills.NodeFills(its_fills, now, self.limits.stall_after)
            self._nodes[member] = node
            self._slots.update(node)
            self._unfinished.add(node)
            self._tasks[asyncio.create_task(self._follow_node(node))] = node
        for other in (self._slots.grant, self._check_images, self._report):
            self._tasks[asyncio.create_task(other())] = None
        for task in self._tasks:
            task.add_done_callback(self._on_done)
        self._check_finished()

    async def _stop(self, ending: Ending) -> Ending:
        """End all tasks; await queue requests that are in progress."""
        self._finished.set()
        interrupted = ending is Ending.INTERRUPTED
        if interrupted and self._sending:
            self.watcher.interrupted(len(self._sending))
        for task, node in self._tasks.items():
            if node not in self._sending:
                task.cancel()
        while tasks := [task for task in self._tasks if not task.done()]:
            try:
                await asyncio.wait(tasks)
            except asyncio.CancelledError:
                if not interrupted:
                    return await self._stop(Ending.INTERRUPTED)
                for task in tasks:
                    task.cancel()
        for task in self._tasks:
            if not task.cancelled():
                task.result()  # Raises an unexpected exception.
        return ending

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._unfinished -= {self._tasks[task]}
        self._check_finished()
        if not task.cancelled() and task.exception():
            self._finished.set()

    def _check_finished(self) -> None:
        if self._unfinished <= self._stalled:
            self._finished.set()

    async def _follow_node(self, node: fills.NodeFills) -> None:
        """Send the requests of one node, one at a time."""
        while node.is_open and not self._finished.is_set():
            if node.granted:
                await self._queue(node)
            elif node.needs_poll and _now() >= node.next_poll:
                await self._poll(node)
            else:
                await self._pause(node)
                continue
            self._update(node)

    async def _pause(self, node: fills.NodeFills) -> None:
        """Wait for a slot or for the time of the next poll."""
        node.ready = True
        node.changed.clear()
        self._slots.update(node)
        until = node.next_poll if node.needs_poll else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await node.changed.wait()
        node.ready = False

    async def _queue(self, node: fills.NodeFills) -> None:
        """Use a slot: queue the next image, or poll the node first."""
        if node.pending and node.is_stale(_now()):
            await self._poll(node)
        elif node.pending:
            fill, driver = node.start_next(), node.member.driver
            send = driver.replace if fill.replaces else driver.queue
            self._sending.add(node)
            try:
                await send(fill.image.image_id)
                node.accepted(fill, _now())
            except errors.CacheError as error:
                node.rejected(fill, error, _now())
            finally:
                self._sending.remove(node)
        node.granted = False

    async def _poll(self, node: fills.NodeFills) -> None:
        began = _now()
        try:
            held = await node.member.driver.list_entries()
        except errors.CacheError as error:
            node.failed(error, _now())
            return
        for fill in node.listed(held, began, _now()):
            self._arrived += 1
            self._size += fill.image.size or 0
            self._last_arrival = _now()
            self.watcher.arrived(fill)

    def _update(self, node: fills.NodeFills) -> None:
        """Update the state of the wait after a change on a node."""
        self._slots.update(node)
        self._filling.pop(node, None)
        self._stalled.discard(node)
        if node.stalled:
            self._stalled.add(node)
            if node not in self._reported:
                self._reported.add(node)
                self.watcher.stalled(node)
        elif node.requested:
            self._filling[node] = next(iter(node.requested))
        self._changed.set()
        self._check_finished()

    async def _check_images(self) -> None:
        """Poll when a check rejects an image; fail it when the next does."""
        before: _Reasons = {}
        pause = _MIN_CHECK
        while True:
            await asyncio.sleep(pause)
            began = _now()
            for its_fills in self._by_image.values():
                while its_fills and not its_fills[-1].is_open:
                    its_fills.pop()
            wanted = [key for key, left in self._by_image.items() if left]
            found = await self.not_cacheable(wanted)
            self._fail({key: found[key] for key in found if key in before})
            for key in found.keys() - before.keys():
                for fill in self._by_image[key]:
                    self._nodes[fill.member].poll_now()
            before = found
            idle = 0 if found else _now() - self._last_arrival
            pause = pauses.next_poll(idle, _now() - began, _MIN_CHECK)

    def _fail(self, reasons: _Reasons) -> None:
        changed = set()
        for key, error in reasons.items():
            for fill in self._by_image[key]:
                if fill.is_open:
                    fill.fail(error)
                    changed.add(self._nodes[fill.member])
        for node in changed:
            node.sort()
            node.changed.set()
            self._update(node)

    async def _report(self) -> None:
        while True:
            self.watcher.update(self._status())
            self._changed.clear()
            await asyncio.sleep(_MIN_UPDATE)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_MAX_UPDATE - _MIN_UPDATE):
                    await self._changed.wait()

    def _status(self) -> watching.Status:
        return watching.Status(
            self._arrived,
            len(self.wanted),
            self._size,
            self._total_size,
            _now() - self._began,
            list(self._filling.values()),
            len(self._nodes),
        )


def _now() -> float:
    return asyncio.get_running_loop().time()
