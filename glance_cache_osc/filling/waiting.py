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


"""Having fills done, and following them until the images are there.

Nodes are looked at again and again, the less often the longer nothing has
arrived on them. Clock and workers are handed in.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Sequence
import contextlib
import dataclasses
import enum
import time

from glance_cache_osc import errors
from glance_cache_osc.filling import fills
from glance_cache_osc.filling import turns
from glance_cache_osc.filling import watching
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import plan
from glance_cache_osc.transport import background

#: Seconds from one look at Glance's list of images to the next: at first,
#: and the most; it is for all nodes to share.
_SOONEST_CHECK = 1.0
_LATEST_CHECK = 30.0
_CHECK_SHARE = 0.1
#: A node that was seen longer ago is looked at before it is asked.
_FRESH = 30.0
#: Seconds from one word on how things stand to the next: the least, the most.
_SOONEST_UPDATE = 0.1
_UPDATE = 1.0


class Ending(enum.Enum):
    """How the wait ended."""

    #: Every fill has arrived, or failed.
    SETTLED = enum.auto()
    TIMED_OUT = enum.auto()
    #: Only nodes on which nothing arrives any more are left.
    STALLED = enum.auto()
    INTERRUPTED = enum.auto()


@dataclasses.dataclass(frozen=True)
class Limits:
    """How long, and how much at once.

    :param timeout: seconds for the whole; 0 for no limit.
    :param stall_after: seconds without an arrival after which a node has
        stalled: that is told, and it is no longer waited for.
    :param downloads: fills that may be under way at once, over all nodes;
        0 for no limit.
    """

    timeout: float
    stall_after: float
    downloads: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class _Ask:
    place: fills.Place
    fill: fills.Fill
    look_first: bool

    def ask(self) -> list[entries.Entry] | None:
        """Ask for an image, unless the node turns out to have it."""
        driver, image_id = self.place.member.driver, self.fill.image.image_id
        if self.look_first:
            held = driver.list_entries()
            if image_id in plan.by_id(held):
                return held
        driver.queue(image_id)
        return None


@dataclasses.dataclass(frozen=True, eq=False)
class _Look:
    place: fills.Place
    began: float

    def ask(self) -> list[entries.Entry]:
        return self.place.member.driver.list_entries()


@dataclasses.dataclass(frozen=True, eq=False)
class _Check:
    image_ids: Collection[str]


@dataclasses.dataclass
class Wait:
    """Having fills done, and waiting for them.

    :param wanted: the fills, the most urgent first; what has become of each
        is told by its state and its error.
    :param limits: how long, and how much at once.
    :param crew: asks nodes, and looks at them.
    :param known: which of some images Glance still knows, by their IDs;
        raises `errors.CatalogueError` when it can't tell.
    :param watcher: who is told what happens.
    :param clock: seconds that never go back.
    """

    wanted: Sequence[fills.Fill]
    limits: Limits
    crew: background.Crew
    known: Callable[[Iterable[str]], Collection[str]]
    watcher: watching.Watcher
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        """See what is to be done."""
        self._began = self._last_arrival = self.clock()
        self._place_of: dict[fleet.Member, fills.Place] = {}
        for urgency, fill in enumerate(self.wanted):
            fill.urgency = urgency
            if fill.member not in self._place_of:
                self._place_of[fill.member] = fills.Place(
                    fill.member, self._began, self.limits.stall_after
                )
            if fill.is_open:
                self._place_of[fill.member].open.append(fill)
        self._places = list(self._place_of.values())
        self._asking = 0
        self._checking = False
        self._next_check = self._began + _SOONEST_CHECK
        self._next_update = self._began
        self._unknown: set[str] = set()
        self._arrived = sum(not fill.is_open for fill in self.wanted)
        self._size = 0
        self._total_size = sum(
            fill.image.size or 0 for fill in self.wanted if fill.is_open
        )

    def follow(self) -> Ending:
        """Ask and wait, until nothing more is to come."""
        try:
            while (ending := self._ending()) is None:
                self._ask()
                self._look()
                self._check()
                self._tell()
                for outcome in self.crew.wait(self._pause()):
                    self._take(outcome)
        except KeyboardInterrupt:
            ending = Ending.INTERRUPTED
        self._settle()
        self.watcher.update(self._status())
        return ending

    def _ending(self) -> Ending | None:
        now = self.clock()
        self._places = [place for place in self._places if place.open]
        if not self._places:
            return Ending.SETTLED
        if 0 < self.limits.timeout <= now - self._began:
            return Ending.TIMED_OUT
        if all(place.stalled for place in self._places):
            return Ending.STALLED
        return None

    def _ask(self) -> None:
        """Ask for as many as may be under way."""
        now = self.clock()
        for fill in turns.to_ask(self._places, self.limits.downloads):
            place = self._place_of[fill.member]
            look_first = not fill.force and now - place.seen > _FRESH
            place.begin_asking(fill, now)
            self._asking += 1
            self.crew.begin(_Ask.ask, _Ask(place, fill, look_first))

    def _look(self) -> None:
        """Look at the nodes whose turn it is."""
        now = self.clock()
        for place in self._places:
            if place.may_be_looked_at and now >= place.next_look:
                place.looking = True
                self.crew.begin(_Look.ask, _Look(place, now))

    def _check(self) -> None:
        """Ask Glance whether the images are still there."""
        if self._checking or self.clock() < self._next_check:
            return
        ids = dict.fromkeys(
            fill.image.image_id
            for place in self._places
            for fill in place.open
        )
        self._checking = True
        self.crew.begin(lambda job: self.known(job.image_ids), _Check(ids))

    def _pause(self) -> float:
        """Seconds until there is something to do, or to tell."""
        now = self.clock()
        moments = [now + _UPDATE]
        if self.limits.timeout:
            moments.append(self._began + self.limits.timeout)
        if not self._checking:
            moments.append(self._next_check)
        moments += [
            place.next_look for place in self._places if place.may_be_looked_at
        ]
        return max(min(moments) - now, 0)

    def _take(self, outcome: background.Outcome) -> None:
        """Take in what came of a job."""
        job, now = outcome.job, self.clock()
        if isinstance(job, _Check):
            self._take_check(job, outcome.value)
            return
        place = job.place
        if isinstance(job, _Ask):
            self._asking -= 1
            place.answered(job.fill, outcome.error, now)
        else:
            place.looking = False
            if outcome.error:
                place.silent(outcome.error)
        if outcome.value is not None:
            began = job.began if isinstance(job, _Look) else now
            for fill in place.saw(outcome.value, began, now):
                self._arrived += 1
                self._size += fill.image.size or 0
                self._last_arrival = now
                self.watcher.arrived(fill)
        if place.stalls(now):
            self.watcher.stalled(place)
        place.schedule(now)

    def _take_check(self, job: _Check, known: Collection[str] | None) -> None:
        """Give up what Glance, asked twice, does not know any more."""
        now = self.clock()
        self._checking = False
        unknown = set() if known is None else set(job.image_ids) - set(known)
        gone, self._unknown = unknown & self._unknown, unknown - self._unknown
        waited = 0 if unknown else now - self._last_arrival
        self._next_check = now + min(
            max(waited * _CHECK_SHARE, _SOONEST_CHECK), _LATEST_CHECK
        )
        for place in self._places:
            for fill in place.open:
                if fill.image.image_id in gone:
                    fill.fail(errors.ImageError(_('Glance has it no more')))
            place.open = [fill for fill in place.open if fill.is_open]

    def _tell(self) -> None:
        """Tell how things stand, not more often than eyes can follow."""
        now = self.clock()
        if now >= self._next_update:
            self._next_update = now + _SOONEST_UPDATE
            self.watcher.update(self._status())

    def _status(self) -> watching.Status:
        return watching.Status(
            self._arrived,
            len(self.wanted),
            self._size,
            self._total_size,
            self.clock() - self._began,
            [
                place.asked[0]
                for place in self._places
                if place.asked and not place.stalled
            ],
        )

    def _settle(self) -> None:
        """Wait for requests under way, so that what is told is true.

        Another interrupt ends that, too.
        """
        for job in self.crew.cancel():
            if isinstance(job, _Ask):
                self._asking -= 1
                job.fill.state = fills.State.LACKING
        with contextlib.suppress(KeyboardInterrupt):
            while self._asking:
                for outcome in self.crew.wait(_UPDATE):
                    self._take(outcome)
