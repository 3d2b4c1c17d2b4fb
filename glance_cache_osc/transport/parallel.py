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

"""Try everything, many at a time, and keep every outcome."""

import collections
from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterable
import dataclasses
import threading
from typing import Any
from typing import cast
from typing import Generic
from typing import TypeVar

from glance_cache_osc import errors
from glance_cache_osc.transport import pauses

#: Seconds after which a Ctrl-C is seen at the latest.
_NAP = 0.1

_Job = TypeVar('_Job')
_Value = TypeVar('_Value')
_Other = TypeVar('_Other')


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome(Generic[_Job, _Value]):
    """What came of one job: a value, or the error that it ended with."""

    job: _Job
    value: _Value | None = None
    error: errors.CacheError | None = None


class Interruption(KeyboardInterrupt):
    """The user stopped an `attempt`.

    :param outcomes: an outcome a job, in their order; jobs that did not
        begin, or whose end was not waited for, end as `errors.Interrupted`.
    """

    def __init__(self, outcomes: list[Outcome[Any, Any]]) -> None:
        super().__init__()
        self.outcomes = outcomes


def attempt(  # noqa: PLR0913 - by name alone
    operation: Callable[[_Job], _Value],
    jobs: Iterable[_Job],
    workers: int,
    *,
    lane: Callable[[_Job], Hashable] = lambda _job: None,
    width: int = 0,
    settle: bool = False,
    ended: Callable[[], None] | None = None,
) -> list[Outcome[_Job, _Value]]:
    """Do one operation for every job, whatever becomes of the others.

    The standard library's pools wait for their threads when the program
    ends, which after an interrupt is as long as the slowest node is silent;
    these do not.

    :param operation: is called with a job, on some thread; what it raises,
        if a `errors.CacheError`, is that job's outcome. Anything else is a
        bug, and is raised here when all have ended.
    :param jobs: what to do it for.
    :param workers: how many may be under way at once.
    :param lane: what a job is for. Lanes take turns, and no more than `width`
        jobs of one are under way at once: who is slow holds up nobody else.
    :param width: 0 for no limit.
    :param settle: whether, on an interrupt, jobs under way are waited for,
        so that what is told of them is true. A second interrupt ends that.
    :param ended: is called, on some thread, as each job ends.
    :returns: an outcome a job, in the order of the jobs.
    :raises Interruption: the user interrupted; no further job was begun.
    """
    crew = _Crew(operation, list(jobs), ended, lane, width)
    try:
        crew.start(workers)
        crew.wait()
    except KeyboardInterrupt:
        crew.stop()
        if settle:
            crew.wait()
        raise Interruption(crew.outcomes()) from None
    if crew.bugs:
        raise crew.bugs[0]
    return crew.outcomes()


def both(
    first: Callable[[], _Value], second: Callable[[], _Other]
) -> tuple[_Value, _Other]:
    """The results of two look-ups that do not need each other.

    :param first: is called on a thread of its own.
    :param second: is called here: it may show how far it is, and end that
        on an interrupt.
    :raises errors.CacheError: that of the first, or else of the second.
    """
    jobs: list[Callable[[], _Value]] = [first]
    crew = _Crew(lambda job: job(), jobs)
    trouble: errors.CacheError | None = None
    try:
        crew.start(1)
        try:
            there = second()
        except errors.CacheError as error:
            trouble = error
        crew.wait()
    except KeyboardInterrupt:
        crew.stop()
        raise
    if crew.bugs:
        raise crew.bugs[0]
    (outcome,) = crew.outcomes()
    if failed := outcome.error or trouble:
        raise failed
    return cast('_Value', outcome.value), there


class _Crew(Generic[_Job, _Value]):
    """Jobs, and what came of them so far."""

    def __init__(
        self,
        operation: Callable[[_Job], _Value],
        jobs: list[_Job],
        ended: Callable[[], None] | None = None,
        lane: Callable[[_Job], Hashable] = lambda _job: None,
        width: int = 0,
    ) -> None:
        self.jobs = jobs
        self.stopped = False
        self.hurry = threading.Event()
        self.bugs: list[BaseException] = []
        self._operation = operation
        self._ended = ended
        self._width = width or len(jobs)
        self._left = len(jobs)
        self._waiting: dict[Hashable, collections.deque[int]] = {}
        for index, job in enumerate(jobs):
            self._waiting.setdefault(lane(job), collections.deque()).append(
                index
            )
        #: Lanes that have a job, and room for it.
        self._open = collections.deque(self._waiting)
        self._under_way: collections.Counter[Hashable] = collections.Counter()
        self._lock = threading.Condition()
        self._working = 0
        self._threads: list[threading.Thread] = []
        # Not Thread.join: that can't be waited for again on Python 3.10
        # once it was interrupted.
        self.idle = threading.Event()
        self.idle.set()
        self._done: dict[int, Outcome[_Job, _Value]] = {}

    def start(self, workers: int) -> None:
        """Begin, with so many workers at the most."""
        for __ in range(min(workers, len(self.jobs))):
            with self._lock:
                self._working += 1
                self.idle.clear()
            thread = threading.Thread(target=self._work, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Begin no further job, and have pauses of those under way end."""
        self.stopped = True
        self.hurry.set()
        with self._lock:
            self._lock.notify_all()

    def wait(self) -> None:
        """Wait until nobody works.

        A signal may come to another thread, or just before this one goes to
        sleep, and would be seen when it wakes up: so it does. A worker that
        an interrupt kept from starting is counted, and does not live.
        """
        while not self.idle.wait(_NAP):
            if not any(thread.is_alive() for thread in self._threads):
                return

    def _work(self) -> None:
        """Take one job after the other, until there is none."""
        pauses.ends_with(self.hurry)
        while taken := self._take():
            lane, index = taken
            job = self.jobs[index]
            try:
                self._done[index] = Outcome(job, value=self._operation(job))
            except errors.CacheError as error:
                self._done[index] = Outcome(job, error=error)
            except BaseException as bug:  # noqa: BLE001 - raised in attempt
                self.bugs.append(bug)
            if self._ended:
                self._ended()
            self._leave(lane)
        with self._lock:
            self._working -= 1
            if not self._working:
                self.idle.set()

    def outcomes(self) -> list[Outcome[_Job, _Value]]:
        """An outcome a job."""
        return [
            self._done.get(index) or Outcome(job, error=errors.Interrupted())
            for index, job in enumerate(self.jobs)
        ]

    def _take(self) -> tuple[Hashable, int] | None:
        """The next job, and its lane; waits while all lanes are full."""
        with self._lock:
            while self._left and not self._open and not self.stopped:
                self._lock.wait()
            if self.stopped or not self._left:
                return None
            lane = self._open.popleft()
            index = self._waiting[lane].popleft()
            self._under_way[lane] += 1
            if self._waiting[lane] and self._under_way[lane] < self._width:
                self._open.append(lane)
            self._left -= 1
            if not self._left:
                self._lock.notify_all()
            return lane, index

    def _leave(self, lane: Hashable) -> None:
        """A job has ended: there is room for another of its lane."""
        with self._lock:
            if self._waiting[lane] and self._under_way[lane] == self._width:
                self._open.append(lane)
                self._lock.notify()
            self._under_way[lane] -= 1
