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


"""Work that is begun now and ends some time, many at a time."""

from collections.abc import Callable
import queue
import threading
from typing import Any
from typing import Protocol

from glance_cache_osc import errors
from glance_cache_osc.transport import parallel
from glance_cache_osc.transport import pauses

#: Seconds after which a Ctrl-C is seen at the latest.
_NAP = 0.1

Outcome = parallel.Outcome[Any, Any]


class Crew(Protocol):
    """Who works while its owner waits; tests have another, with a clock."""

    def begin(self, operation: Callable[[Any], Any], job: Any) -> None:
        """Begin to do something."""

    def wait(self, seconds: float) -> list[Outcome]:
        """What has ended, after so many seconds at the latest."""

    def cancel(self) -> list[Any]:
        """Jobs that were not begun, and now will not be."""


class Background(Crew):
    """Threads that work while their owner waits for what comes first.

    They do not hold the program when it ends, as the standard library's
    pools do.

    :param workers: how many jobs may be under way at once.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._threads = 0
        self._hurry = threading.Event()
        self._under_way = 0
        self._todo: queue.SimpleQueue[tuple[Callable[[Any], Any], Any]] = (
            queue.SimpleQueue()
        )
        self._ended: queue.SimpleQueue[Outcome | BaseException] = (
            queue.SimpleQueue()
        )

    def begin(self, operation: Callable[[Any], Any], job: Any) -> None:
        """Have an operation called with a job, as soon as a worker is free.

        A `errors.CacheError` that it raises is the job's outcome.
        """
        self._under_way += 1
        self._todo.put((operation, job))
        if self._threads < min(self._workers, self._under_way):
            self._threads += 1
            threading.Thread(target=self._work, daemon=True).start()

    def cancel(self) -> list[Any]:
        """Forget what no worker has taken up yet; returns those jobs.

        Those under way pause no more.
        """
        self._hurry.set()
        forgotten: list[Any] = []
        while True:
            try:
                __, job = self._todo.get_nowait()
            except queue.Empty:
                return forgotten
            self._under_way -= 1
            forgotten.append(job)

    def wait(self, seconds: float) -> list[Outcome]:
        """What has ended; waits until something has, or for so long.

        A signal may come to another thread, or just before this one goes to
        sleep, and would be seen when it wakes up: so it does.

        :param seconds: the most to wait; 0 does not wait.
        """
        while seconds > _NAP:
            if ended := self._next(_NAP):
                return [*ended, *self._at_hand()]
            seconds -= _NAP
        return [*self._next(max(seconds, 0)), *self._at_hand()]

    def _at_hand(self) -> list[Outcome]:
        return [
            one for _ in range(self._ended.qsize()) for one in self._next(0)
        ]

    def _next(self, seconds: float) -> list[Outcome]:
        try:
            ended = self._ended.get(timeout=seconds or None, block=seconds > 0)
        except queue.Empty:
            return []
        self._under_way -= 1
        if isinstance(ended, BaseException):
            raise ended
        return [ended]

    def _work(self) -> None:
        pauses.ends_with(self._hurry)
        while True:
            operation, job = self._todo.get()
            try:
                self._ended.put(parallel.Outcome(job, value=operation(job)))
            except errors.CacheError as error:
                self._ended.put(parallel.Outcome(job, error=error))
            except BaseException as bug:  # noqa: BLE001 - raised in wait
                self._ended.put(bug)
