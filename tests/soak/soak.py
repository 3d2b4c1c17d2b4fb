# SPDX-License-Identifier: Apache-2.0

"""One soak, from its start to its table."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
import os
from pathlib import Path
from random import Random
import time
import uuid

from tests.processes import Size
from tests.shell import OPENSTACK
from tests.simulated import Settings
from tests.simulated import SimulatedFleet
from tests.soak import checks
from tests.soak import children
from tests.soak import ending
from tests.soak import sizes
from tests.soak.children import Child
from tests.soak.injection import Injector
from tests.soak.injection import STATUS
from tests.soak.pace import Pace
from tests.soak.session import Session
from tests.soak.session import SoakError
from tests.soak.table import Row
from tests.soak.watching import Watched

_IMAGES = 26
_ENTRIES = 20
#: How many commands run before the first fault: `metrics` and `sync`.
_WARM_UP = 2
#: In seconds: the start of `watch`, and all that comes after the run.
_STARTING_SECONDS = 60.0
_AFTERWARDS = 600.0
_MOST_EXTRA = 60.0
_LOOK = 0.05


def rows(pace: Pace, seed: int, home: Path) -> Iterator[Row]:
    """Run a soak; the rows of its table.

    :param home: an empty folder
    :raises SoakError: it cannot go on
    :raises FleetError: the fleet did not start
    """
    yield Row(
        'run', f'{pace.seconds:g} seconds, {pace.nodes} nodes, seed {seed}'
    )
    settings = Settings(
        nodes=pace.nodes, images=_IMAGES, entries=_ENTRIES, fill=pace.fill
    )
    mark = uuid.uuid4().hex
    with SimulatedFleet(settings, pace.seconds + _AFTERWARDS) as fleet:
        environment = {
            **fleet.shell(home),
            'OS_IMAGE_CACHE_NODE_TIMEOUT': f'{pace.node_timeout:g}',
            children.MARK: mark,
        }
        if path := os.environ.get('PYTHONPATH'):
            environment['PYTHONPATH'] = path
        random = Random(seed)  # noqa: S311 - no secret
        soak = Soak(fleet, pace, random)
        yield from soak.rows(environment, home)
    left = children.left_over(mark)
    yield Row('processes left', str(len(left)), 'none', held=not left)


class Soak:
    """A soak on a fleet."""

    def __init__(
        self, fleet: SimulatedFleet, pace: Pace, random: Random
    ) -> None:
        self._fleet = fleet
        self._pace = pace
        self._random = random
        self._watched = Watched(fleet.caches())
        self._injector = Injector(fleet, self._watched, pace, random)
        self._sizes: list[Size] = []
        self._judge = checks.Judge(list(fleet.nodes), fully=not pace.is_short)

    def rows(
        self, environment: Mapping[str, str], home: Path
    ) -> Iterator[Row]:
        """Run the commands; the rows of the table.

        :raises SoakError: it cannot go on
        """
        watch = Child(
            *(str(OPENSTACK), 'image', 'cache', 'watch'),
            *('--interval', f'{self._pace.watch:g}'),
            environment=environment,
        )
        session = Session(
            environment,
            home / 'metrics',
            self._pace,
            list(self._fleet.images.values()),
            self._random,
        )
        with watch, session.child:
            self._await_watch(watch)
            self._warm_up(watch, session)
            began = time.monotonic()
            self._run(watch, session, began + self._pace.seconds)
            yield from self._sizes_of(session, began)
            last = ending.Ending(
                self._fleet, self._pace, self._random, watch, self._watched
            )
            yield from last.rows(session)
            self._judge_all(session)
        yield from self._judge.rows(self._injector.history)

    def _await_watch(self, watch: Child) -> None:
        """Wait until `watch` has printed a line for each node."""
        deadline = time.monotonic() + _STARTING_SECONDS
        while not all(one.status for one in self._watched.nodes.values()):
            self._read(watch)
            if time.monotonic() > deadline:
                raise SoakError('watch has not printed all nodes')
            time.sleep(_LOOK)

    def _warm_up(self, watch: Child, session: Session) -> None:
        """Run the first commands without faults."""
        while len(session.ended) < _WARM_UP:
            self._read(watch)
            session.step(start=True)
            time.sleep(_LOOK)

    def _run(self, watch: Child, session: Session, end: float) -> None:
        """Set faults and run commands; at the end, no fault is set.

        It takes longer if the checks would prove nothing otherwise.

        :raises SoakError: the checks would prove nothing
        """
        longest = self._pace.fault[1]
        limit = end + _MOST_EXTRA
        next_sample = 0.0
        is_last = False
        while (now := time.monotonic()) < end or not (
            self._is_enough and self._injector.is_over
        ):
            self._read(watch)
            if now >= limit and not self._is_enough:
                raise SoakError('too few faults or commands')
            if now >= end - longest and self._is_enough:
                self._injector.stop()
                is_last = now >= end - longest / 2
            self._injector.step()
            session.step(start=not is_last)
            self._judge_all(session)
            if now >= next_sample:
                next_sample = now + self._pace.sample
                self._sizes.append(watch.size())
            time.sleep(_LOOK)
        session.finish()

    @property
    def _is_enough(self) -> bool:
        """Whether the checks have enough faults and commands."""
        kinds = {one.kind for one in self._injector.history}
        return kinds == STATUS.keys() and self._judge.is_enough

    def _judge_all(self, session: Session) -> None:
        """Judge the commands that have ended."""
        while session.ended:
            run = session.ended.popleft()
            self._judge.add(run, self._injector.history)

    def _read(self, watch: Child) -> None:
        """Add the new lines of `watch`.

        :raises SoakError: it has ended
        """
        is_running = watch.is_running
        for line in watch.lines():
            self._watched.add(line)
        if not is_running:
            raise SoakError(f'watch ended: {self._watched.unknown}')

    def _sizes_of(self, session: Session, began: float) -> Iterator[Row]:
        warm = began + self._pace.warm_up * self._pace.seconds
        pace = self._pace
        for name, measured, growth, connections in (
            ('watch', self._sizes, pace.watch_growth, pace.nodes + _IMAGES),
            ('prompt', session.sizes, pace.prompt_growth, 0),
        ):
            yield from sizes.rows(
                name,
                [one for one in measured if one.at >= warm],
                growth,
                connections,
            )
