# SPDX-License-Identifier: Apache-2.0

"""Random faults on random nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import math
from random import Random
import time

from tests.simulated import Fault
from tests.simulated import name_of
from tests.simulated import SimulatedFleet
from tests.soak.pace import Pace
from tests.soak.watching import Watched

#: The status that `watch` prints. A slow node stays ok.
STATUS = {
    Fault.REFUSED: 'unreachable',
    Fault.RESTARTING: 'unreachable',
    Fault.BACKLOG: 'unreachable',
    Fault.SILENT: 'unreachable',
    Fault.UNAVAILABLE: 'error',
    Fault.GARBAGE: 'not glance',
    Fault.MALFORMED: 'not glance',
    Fault.NOT_GLANCE: 'not glance',
    Fault.CACHING_OFF: 'caching off',
    Fault.FORBIDDEN: 'forbidden',
    Fault.UNAUTHORIZED: 'forbidden',
    Fault.SLOW: 'ok',
}
#: With these, no request can reach the node.
CLOSED = frozenset({Fault.REFUSED, Fault.RESTARTING, Fault.BACKLOG})
#: How long a fault stays, in seconds, if it was not met in its time.
_PATIENCE = 20.0


@dataclass
class Injection:
    """One fault on one node. All times are of the monotonic clock.

    :ivar position: of the node
    :ivar due: when it is to be cleared
    :ivar setting: before it was set
    :ivar set: after it was set: from now on each request meets it
    :ivar clearing: before it was cleared: until now each request meets it
    :ivar cleared: after it was cleared
    :ivar before: requests to the node before it was set
    :ivar requests: requests to the node while it was set
    :ivar reported: whether `watch` has printed the status of it
    """

    position: int
    kind: Fault
    due: float
    setting: float
    set: float = math.inf
    clearing: float = math.inf
    cleared: float = math.inf
    before: int = 0
    requests: int = 0
    reported: bool = False

    @property
    def node(self) -> str:
        """The name of the node."""
        return name_of(self.position)

    @property
    def was_met(self) -> bool:
        """Whether requests met it; what cannot be counted was reported."""
        if self.kind in CLOSED:
            return self.reported and not self.requests
        return self.reported and self.requests > 0


class Injector:
    """Sets and clears faults.

    :ivar history: all faults so far
    """

    def __init__(
        self,
        fleet: SimulatedFleet,
        watched: Watched,
        pace: Pace,
        random: Random,
    ) -> None:
        self.history: list[Injection] = []
        self._active: list[Injection] = []
        self._fleet = fleet
        self._watched = watched
        self._pace = pace
        self._random = random
        self._kinds = self._all_kinds()
        self._storm = self._stopped = False
        #: When the storm or the calm ends; None while a storm dies down.
        self._until: float | None = None

    def step(self) -> None:
        """Clear what is due, and set at most one more fault."""
        now = time.monotonic()
        due = [one for one in self._active if now >= one.due]
        self._look(due)
        for one in due:
            if one.was_met or now >= one.due + _PATIENCE:
                self._clear(one)
        if self._until is None:
            if not self._active:
                self._until = now + self._random.uniform(*self._pace.calm)
        elif now >= self._until:
            self._storm = not self._storm
            self._until = None
            if self._storm:
                self._until = now + self._random.uniform(*self._pace.storm)
        can_set = self._storm and not self._stopped
        if can_set and len(self._active) < self._pace.faults:
            self._set_one()

    @property
    def is_over(self) -> bool:
        """Whether no fault is set."""
        return not self._active

    def stop(self) -> None:
        """Set no further fault."""
        self._stopped = True

    def _all_kinds(self) -> Iterator[Fault]:
        """Each kind as often as any other, in random order."""
        while True:
            yield from self._random.sample(list(STATUS), len(STATUS))

    def _set_one(self) -> None:
        """Set a fault on a node that has none, as far as `watch` knows."""
        busy = {one.position for one in self._active}
        position = self._random.randrange(self._pace.nodes)
        status = self._watched.status(name_of(position))
        if position in busy or status != 'ok':
            return
        seconds = self._random.uniform(*self._pace.fault)
        now = time.monotonic()
        one = Injection(position, next(self._kinds), now + seconds, now)
        self._fleet.set_fault([position], one.kind)
        one.set = time.monotonic()
        one.before = self._fleet.read('arrivals')[one.node]
        self._active.append(one)
        self.history.append(one)

    def _look(self, due: list[Injection]) -> None:
        """See which of these faults were met."""
        if not due:
            return
        arrivals = self._fleet.read('arrivals')
        for one in due:
            one.requests = arrivals[one.node] - one.before
            status = self._watched.status(one.node)
            one.reported |= status == STATUS[one.kind]

    def _clear(self, one: Injection) -> None:
        one.clearing = time.monotonic()
        self._fleet.set_fault([one.position], None)
        one.cleared = time.monotonic()
        self._active.remove(one)
