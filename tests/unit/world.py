#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.


"""A world with a clock of its own: nodes that fill, and who asks them."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
import heapq
import itertools
from typing import Any

from glance_cache_osc import errors
from glance_cache_osc.drivers import base
from glance_cache_osc.filling import fills
from glance_cache_osc.filling import waiting
from glance_cache_osc.filling import watching
from glance_cache_osc.fleet import fleet
from glance_cache_osc.fleet import node
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.transport import background
from glance_cache_osc.transport import parallel

REFUSED = errors.Unreachable('Cannot connect', down=True)


class World(background.Crew):
    """Time, what happens at which time, and a crew that lives in it.

    :param round_trip: seconds from a request to its answer; it has its
        effect in the middle.
    """

    def __init__(self, round_trip: float = 0.02) -> None:
        self.now = 1000.0
        self.round_trip = round_trip
        self.under_way = 0
        self.most_under_way = 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._ended: list[background.Outcome] = []
        self._idle: list[Any] = []
        #: Jobs that wait for a worker for ever.
        self.workers_gone = False

    def clock(self) -> float:
        return self.now

    def at(self, seconds: float, event: Callable[[], None]) -> None:
        """Have something happen, so many seconds from now."""
        number = next(self._number)
        heapq.heappush(self._events, (self.now + seconds, number, event))

    def begin(self, operation: Callable[[Any], Any], job: Any) -> None:
        if self.workers_gone:
            self._idle.append(job)
            return

        def ask() -> None:
            outcome = _outcome(operation, job)
            self.at(self.round_trip / 2, lambda: self._ended.append(outcome))

        self.at(self.round_trip / 2, ask)

    def wait(self, seconds: float) -> list[background.Outcome]:
        deadline = self.now + seconds
        while not self._ended and self._events:
            when, _number, event = self._events[0]
            if when > deadline:
                break
            heapq.heappop(self._events)
            self.now = max(self.now, when)
            event()
        if not self._ended:
            self.now = deadline
        ended, self._ended = self._ended, []
        return ended

    def cancel(self) -> list[Any]:
        idle, self._idle = self._idle, []
        return idle


def _outcome(operation: Callable[[Any], Any], job: Any) -> background.Outcome:
    try:
        return parallel.Outcome(job, value=operation(job))
    except errors.CacheError as error:
        return parallel.Outcome(job, error=error)


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
        #: What it answers to everything, and to requests to fetch.
        self.error: errors.CacheError | None = None
        self.refusal: errors.CacheError | None = None
        self.looks: list[float] = []
        self.asked: list[str] = []
        self.accepted: list[str] = []
        self._life = 0

    def list_entries(self) -> list[entries.Entry]:
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

    def queue(self, image_id: str) -> None:
        if self.error or self.refusal:
            raise self.error or self.refusal or AssertionError
        self.asked.append(image_id)
        self.queued[image_id] = None
        self.accepted.append(image_id)
        if len(self.accepted) == 1:
            self._fetch()

    def go_down(self) -> None:
        """Stop, and forget what was accepted."""
        self.error = REFUSED
        self._life += 1
        self.accepted.clear()

    def come_up(self) -> None:
        self.error = None

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

    def delete(self, image_id: str) -> None:
        raise AssertionError

    def clear(self, target: entries.Target) -> None:
        raise AssertionError

    def clean(self) -> None:
        raise AssertionError

    def prune(self, timeout: float) -> entries.Pruned:
        raise AssertionError

    def api_version(self) -> str:
        raise AssertionError


class Notes:
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.statuses: list[watching.Status] = []
        self.arrivals: list[str] = []
        self.stalls: list[tuple[str, errors.CacheError | None]] = []

    def update(self, status: watching.Status) -> None:
        self.statuses.append(status)

    def arrived(self, fill: fills.Fill) -> None:
        self.arrivals.append(f'{fill.image.image_id} {fill.member.node.name}')

    def stalled(self, place: fills.Place) -> None:
        self.stalls.append((place.member.node.name, place.error))


class Scene:
    """Nodes, images that are wanted on all of them, and a wait."""

    def __init__(
        self,
        nodes: int = 1,
        wanted: str = 'a',
        *,
        seconds: float | None = 10.0,
        timeout: float = 0.0,
        stall_after: float = 300.0,
        downloads: int = 0,
    ) -> None:
        self.world = World()
        self.notes = Notes()
        self.known: set[str] | errors.CatalogueError = set(wanted)
        self.checks: list[float] = []
        self.drivers = [Driver(self.world, seconds) for __ in range(nodes)]
        self.members = [
            fleet.Member(node.Node(f'n{number}', f'http://n{number}'), driver)
            for number, driver in enumerate(self.drivers, 1)
        ]
        self.fills = [
            fills.Fill(member, images.Image(image_id, size=100))
            for image_id in wanted
            for member in self.members
        ]
        self.limits = waiting.Limits(timeout, stall_after, downloads)

    def follow(self) -> waiting.Ending:
        """Wait; returns how it ended."""
        return waiting.Wait(
            self.fills,
            self.limits,
            crew=self.world,
            known=self._known,
            watcher=self.notes,
            clock=self.world.clock,
        ).follow()

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

    def _known(self, image_ids: Iterable[str]) -> Collection[str]:
        self.checks.append(self.world.now)
        if isinstance(self.known, errors.CatalogueError):
            raise self.known
        return self.known & set(image_ids)
