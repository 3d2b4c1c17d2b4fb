# SPDX-License-Identifier: Apache-2.0

"""A world in virtual time: nodes that fill, and a wait for them."""

import asyncio
from collections.abc import Callable
from collections.abc import Iterable
from typing import TypeVar
from unittest import mock

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.drivers import base
from glance_cache_osc.drivers import http
from glance_cache_osc.filling import fills
from glance_cache_osc.filling import waiting
from glance_cache_osc.filling import watching
from glance_cache_osc.fleet import fleet
from glance_cache_osc.fleet import nodes as configured
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from tests.unit import virtual

#: Nothing is asked of a node but its cache.
NO_CLIENT = mock.create_autospec(http.NodeClient, instance=True)
NO_CLOUD = mock.create_autospec(clouds.Cloud, instance=True)
NO_CLOUD.name = 'mine'


def member(
    name: str = 'n',
    site: str = '',
    *,
    driver: base.CacheDriver | None = None,
    client: http.NodeClient = NO_CLIENT,
    cloud: clouds.Cloud = NO_CLOUD,
) -> fleet.Member:
    """A node that nobody may speak to but through its driver."""
    node = configured.Node(name=name, endpoint=f'http://{name}', site=site)
    if driver is None:
        driver = mock.create_autospec(base.CacheDriver, instance=True)
    return fleet.Member(node, driver, client, cloud)


REFUSED = errors.Unreachable('Cannot connect', down=True)

_Value = TypeVar('_Value')


def other_cloud(name: str) -> clouds.Cloud:
    """A cloud of which nobody asks anything but its name."""
    made = mock.create_autospec(clouds.Cloud, instance=True)
    made.name = name
    return made  # type: ignore[no-any-return]


class World:
    """What happens at which time, and how long a request takes.

    :param round_trip: seconds from a request to its response; it has its
        effect in the middle.
    """

    def __init__(self, round_trip: float = 0.02) -> None:
        self.round_trip = round_trip
        #: Set to have requests wait for a connection, as the engine's do; and
        #: by an interrupt, so that they are not sent.
        self.connections_gone = False
        self.draining = asyncio.Event()
        self._events: list[tuple[float, Callable[[], object]]] = []
        #: Is called as each queue request begins.
        self.on_queue: Callable[[], None] = lambda: None

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def at(self, seconds: float, event: Callable[[], object]) -> None:
        """Have something happen, so many seconds from now or the start."""
        try:
            asyncio.get_running_loop().call_later(seconds, event)
        except RuntimeError:
            self._events.append((seconds, event))

    def begin(self) -> None:
        """From here on, the events that are to happen do."""
        for seconds, event in self._events:
            self.at(seconds, event)

    async def exchange(
        self, effect: Callable[[], _Value], delay: float = 0.0
    ) -> _Value:
        """A request, its effect, and its response, which may be delayed."""
        if self.connections_gone:
            await self.draining.wait()
            raise errors.Interrupted
        await asyncio.sleep(self.round_trip / 2)
        try:
            return effect()
        finally:
            await asyncio.sleep(self.round_trip / 2 + delay)


class Driver(base.CacheDriver):
    """A node that fetches one image after the other.

    :param seconds: that an image takes; None for ever.
    """

    name = 'virtual'

    def __init__(self, world: World, seconds: float | None) -> None:
        self.world = world
        self.seconds = seconds
        self.cached: dict[str, None] = {}
        self.queued: dict[str, None] = {}
        #: What it answers to everything, and to queue requests.
        self.error: errors.CacheError | None = None
        self.refusal: errors.CacheError | None = None
        #: That each response takes longer, and each entry of a list.
        self.delay = self.seconds_per_entry = 0.0
        #: Whether it accepts queue requests, and then answers `refusal`.
        self.deaf = True
        #: When requests began; when looks and queue requests took effect.
        self.begun: list[float] = []
        self.looks: list[float] = []
        self.requests: list[float] = []
        #: Whether a queue request is in progress; images of which it has
        #: confirmed one, and what it answered to the last one of each.
        self.queueing = False
        self.confirmed: set[str] = set()
        self.answers: dict[str, errors.CacheError | None] = {}
        #: Images that somebody else has queued, or dropped.
        self.held: set[str] = set()
        self.dropped: set[str] = set()
        self.asked: list[str] = []
        self.accepted: list[str] = []
        self._life = 0
        self._busy = False

    async def list_entries(self) -> list[entries.Entry]:
        held = await self._one_at_a_time(self._list)
        await asyncio.sleep(len(held) * self.seconds_per_entry)
        return held

    async def queue(self, image_id: str) -> None:
        self.queueing, self.answers[image_id] = True, None
        self.world.on_queue()
        try:
            await self._one_at_a_time(lambda: self.take(image_id))
        except errors.CacheError as error:
            self.answers[image_id] = error
            raise
        finally:
            self.queueing = False
        self.confirmed.add(image_id)

    async def _one_at_a_time(self, effect: Callable[[], _Value]) -> _Value:
        assert not self._busy
        self._busy = True
        self.begun.append(self.world.now)
        try:
            return await self.world.exchange(effect, self.delay)
        finally:
            self._busy = False

    def _list(self) -> list[entries.Entry]:
        self.looks.append(self.world.now)
        if self.error:
            raise self.error
        return [
            entries.Entry(one, state)
            for state, held in (
                (entries.State.CACHED, self.cached),
                (entries.State.QUEUED, self.queued),
            )
            for one in held
        ]

    def take(self, image_id: str) -> None:
        """Accept a queue request, or not."""
        self.requests.append(self.world.now)
        refusal = self.error or self.refusal
        if refusal and (self.error or self.deaf):
            raise refusal
        self.asked.append(image_id)
        self._accept(image_id)
        if refusal:
            raise refusal

    def hold(self, image_id: str) -> None:
        """Accept a queue request of somebody else."""
        if not self.error:
            self.held.add(image_id)
            self._accept(image_id)

    def drop(self, image_id: str) -> None:
        """Have somebody else drop an image from the queue."""
        self.dropped.add(image_id)
        self.confirmed.discard(image_id)
        self.queued.pop(image_id, None)
        in_progress = self.accepted[:1]
        self.accepted[:] = [one for one in self.accepted if one != image_id]
        if in_progress == [image_id]:
            self._life += 1
            if self.accepted:
                self._fetch()

    def _accept(self, image_id: str) -> None:
        self.queued[image_id] = None
        self.accepted.append(image_id)
        if len(self.accepted) == 1:
            self._fetch()

    def go_down(self) -> None:
        """Stop, and forget what was accepted."""
        self.error = REFUSED
        self._life += 1
        self.accepted.clear()
        self.confirmed.clear()

    def come_up(self) -> None:
        self.error = None

    def restart(self) -> None:
        """Do both before anybody sees it."""
        self.go_down()
        self.come_up()

    def _fetch(self) -> None:
        life = self._life
        if self.seconds is not None:
            self.world.at(self.seconds, lambda: self._fetched(life))

    def _fetched(self, life: int) -> None:
        if life != self._life:
            return
        image_id = self.accepted.pop(0)
        self.queued.pop(image_id, None)
        self.cached[image_id] = None
        if self.accepted:
            self._fetch()

    async def delete(
        self, image_id: str, *, queued_only: bool = False
    ) -> None:
        raise AssertionError

    async def clear(self, target: entries.Target) -> None:
        raise AssertionError

    async def clean(self) -> None:
        raise AssertionError

    async def prune(self, timeout: float) -> entries.Pruned:
        raise AssertionError

    async def api_version(self) -> str:
        raise AssertionError


class Notes:
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.statuses: list[watching.Status] = []
        self.arrivals: list[str] = []
        self.stalls: list[tuple[str, errors.CacheError | None]] = []
        self.interrupts: list[int] = []

    def update(self, status: watching.Status) -> None:
        self.statuses.append(status)

    def arrived(self, fill: fills.Fill) -> None:
        self.arrivals.append(f'{fill.image.image_id} {fill.member.node.name}')

    def stalled(self, node: fills.NodeFills) -> None:
        self.stalls.append((node.member.node.name, node.error))

    def interrupted(self, count: int) -> None:
        self.interrupts.append(count)


class Scene:
    """Nodes, images that are wanted on all of them, and a wait."""

    def __init__(
        self,
        nodes: int = 1,
        wanted: Iterable[str] = 'a',
        *,
        seconds: float | None = 10.0,
        timeout: float = 0.0,
        stall_after: float = 300.0,
        downloads: int = 0,
    ) -> None:
        wanted = list(wanted)
        self.world = World()
        self.notes = Notes()
        self.known = set(wanted)
        #: When Glance's list of images was read, and for which images.
        self.checks: list[float] = []
        self.checked: list[set[str]] = []
        self.drivers = [Driver(self.world, seconds) for __ in range(nodes)]
        self.members = [
            member(f'n{number}', driver=driver)
            for number, driver in enumerate(self.drivers, 1)
        ]
        self.fills = [
            fills.Fill(member, images.Image(image_id, size=100))
            for image_id in wanted
            for member in self.members
        ]
        self.limits = waiting.Limits(timeout, stall_after, downloads)
        #: What each node's last request failed with, after the wait.
        self.last_errors: list[errors.CacheError | None] = []
        #: When each interrupt came, and the queue requests in progress then.
        self.interrupts: list[tuple[float, int]] = []
        #: How long it took, the last request included.
        self.ended = 0.0
        self.wait: waiting.Wait | None = None
        self._task: asyncio.Task[waiting.Ending] | None = None

    def follow(self) -> waiting.Ending:
        """Wait; returns how it ended."""
        return virtual.run(self._follow())

    async def _follow(self) -> waiting.Ending:
        self.world.begin()
        began = self.world.now
        self.wait = wait = waiting.Wait(
            self.fills, self.limits, self._not_cacheable, self.notes
        )
        if self.limits.downloads:
            self.world.on_queue = lambda: self._count(wait)
        self._task = asyncio.create_task(wait.follow())
        ending = await self._task
        self.ended = self.world.now - began
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert self._task.cancelling() == 0
        self.last_errors = [wait.last_error(one) for one in self.members]
        return ending

    def _count(self, wait: waiting.Wait) -> None:
        """Count fills in progress as another one begins."""
        if not self.notes.stalls:
            used = [
                len(one.requested)
                for one in wait._nodes.values()
                if not one.was_down
            ]
            assert sum(used) <= self.limits.downloads

    def forget(self, image_id: str) -> None:
        """Delete an image from Glance."""
        self.known.discard(image_id)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        assert self._task
        if not self._task.done():
            self.interrupts.append(
                (self.world.now, sum(one.queueing for one in self.drivers))
            )
            self.world.draining.set()
            self._task.cancel()

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.notes.statuses[-1].seconds

    @property
    def ends(self) -> list[str]:
        """What became of each fill: 'a n1 CACHED', and why it failed."""
        return [
            f'{one.image.image_id} {one.member.node.name} {one.state.name}'
            + (f': {one.error}' if one.error else '')
            for one in self.fills
        ]

    async def _not_cacheable(
        self, keys: Iterable[clouds.Key]
    ) -> dict[clouds.Key, errors.ImageError]:
        asked = {image_id for __, image_id in keys}
        found = await self.world.exchange(lambda: self._look_up(asked))
        return {(NO_CLOUD, one): error for one, error in found.items()}

    def _look_up(self, image_ids: set[str]) -> dict[str, errors.ImageError]:
        self.checks.append(self.world.now)
        self.checked.append(image_ids)
        why = 'The image was deleted from Glance'
        return {one: errors.ImageError(why) for one in image_ids - self.known}
