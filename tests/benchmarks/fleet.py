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

"""A thousand nodes: list and queue, some dead, and today's loop over them."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import fleet_checks
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_bench import FleetBench
from tests.benchmarks.fleet_bench import Measured
from tests.benchmarks.fleet_program import FleetRun
from tests.benchmarks.group import Group
from tests.benchmarks.group import Options
from tests.benchmarks.group import say
from tests.benchmarks.table import Row
from tests.simulated import Fault
from tests.simulated import FleetError
from tests.simulated import missing
from tests.simulated import name_of
from tests.simulated import Settings
from tests.simulated import SimulatedFleet

_NODES = 1000
_ENTRIES = 20
_ROUND_TRIP = 0.05
_RUNS = 3
_LOOPED = 10
_DEAD = 100
_NODE_TIMEOUT = 5
_QUEUED_ON = 50

# What must hold.
_MOST_SECONDS = 6.0
_MOST_MIB = 250.0
_LEAST_TIMES = 150.0

_LIST = ('image', 'cache', 'list', '--all-nodes', '-f', 'json')
_LOOP = ('cached', 'image', 'list', '-f', 'json')


def _lists(bench: FleetBench) -> Iterator[Row]:
    """All nodes, against a loop over some of them; and the memory."""
    ours = bench.measure(_LIST, partial(_lists_all, bench, _NODES))
    peer = bench.measure_loop(_LOOPED, *_LOOP)
    loop = peer.seconds * _NODES
    times = loop / ours.seconds
    yield Row(
        what=f'image cache list, {_NODES} nodes of {_ENTRIES} entries, 50 ms;'
        f' peer: a loop of cached image list over {_LOOPED} nodes, scaled',
        ours=f'{ours.seconds:.2f}',
        peer=f'{loop:.0f}',
        ratio=f'{1 / times:.4f} ({times:.0f} times faster)',
        bound=f'at most {_MOST_SECONDS:.0f} s, at least {_LEAST_TIMES:.0f}'
        ' times faster',
        requests=f'{ours.requests} / {peer.requests * _NODES}',
        held=ours.seconds <= _MOST_SECONDS and times >= _LEAST_TIMES,
    )
    yield _row(
        'the same: peak memory',
        f'{ours.peak:.0f} MiB',
        bound=f'at most {_MOST_MIB:.0f} MiB',
        held=ours.peak <= _MOST_MIB,
    )


def _growth(bench: FleetBench) -> Iterator[Row]:
    """Fewer nodes."""
    for nodes in (10, 100):
        ours = bench.measure(_LIST, partial(_lists_all, bench, nodes), nodes)
        yield _row(
            f'image cache list, {nodes} nodes of {_ENTRIES} entries, 50 ms',
            f'{ours.seconds:.2f}',
            requests=str(ours.requests),
        )


def _dead(bench: FleetBench) -> Iterator[Row]:
    """Nodes that never answer, and stand last: nothing hides them."""
    dead = range(_NODES - _DEAD, _NODES)
    names = {name_of(at) for at in dead}
    held = {
        name: ids for name, ids in bench.cached().items() if name not in names
    }

    def check(run: FleetRun) -> None:
        fleet_checks.lists_exactly(run, held)
        fleet_checks.tells_of_exactly(run, names)
        fleet_checks.exits_with(run, 1)

    bench.fleet.set_fault(dead[::2], Fault.SILENT)
    bench.fleet.set_fault(dead[1::2], Fault.BACKLOG)
    try:
        ours = bench.measure(
            (*_LIST, '--node-timeout', str(_NODE_TIMEOUT)), check
        )
    finally:
        bench.fleet.set_fault(dead, None)
    yield _timed(
        f'the same on {_NODES}, {_DEAD} of which never answer,'
        f' --node-timeout {_NODE_TIMEOUT}',
        ours,
        _NODE_TIMEOUT + _MOST_SECONDS,
    )


def _queues(bench: FleetBench) -> Iterator[Row]:
    """One image, which some nodes have, and some have queued."""
    fleet = bench.fleet
    image_id, name = next(iter(fleet.images.items()))
    lacking: set[str] = set()

    def prepare() -> None:
        fleet.reset()
        fleet.set_cache(range(_QUEUED_ON), queued=[image_id])
        lacking.clear()
        lacking.update(
            node
            for node, held in fleet.caches().items()
            if image_id not in held['cached'] + held['queued']
        )

    def check(run: FleetRun) -> None:
        fleet_checks.exits_with(run, 0)
        fleet_checks.queued_once(fleet.requests(), lacking, image_id)

    ours = bench.measure(
        ('image', 'cache', 'queue', name, '--all-nodes', '-f', 'json'),
        check,
        prepare=prepare,
    )
    fleet.reset()
    yield _timed(
        f'image cache queue, {_NODES} nodes, {len(lacking)} of which lack the'
        ' image, 50 ms',
        ours,
        _MOST_SECONDS,
    )


def _lists_all(bench: FleetBench, nodes: int, run: FleetRun) -> None:
    held = dict(list(bench.cached().items())[:nodes])
    fleet_checks.lists_exactly(run, held)
    fleet_checks.tells_of_exactly(run, ())
    fleet_checks.exits_with(run, 0)


def _timed(what: str, ours: Measured, most: float) -> Row:
    return _row(
        what,
        f'{ours.seconds:.2f}',
        bound=f'at most {most:.0f} s',
        requests=str(ours.requests),
        held=ours.seconds <= most,
    )


def _row(
    what: str,
    ours: str,
    *,
    bound: str = '',
    requests: str = '',
    held: bool | None = None,
) -> Row:
    """A row that no peer has a part in."""
    return Row(what, ours, '', '', bound, requests, held)


_MEASURES = {
    'fleet-list': _lists,
    'fleet-growth': _growth,
    'fleet-dead': _dead,
    'fleet-queue': _queues,
}


def _rows(only: Collection[str], options: Options) -> Iterator[Row]:
    if why := missing():
        say(f'The rows of the fleet are left out: {why}')
        return
    say(f'Starting {_NODES} nodes …')
    settings = Settings(nodes=_NODES, entries=_ENTRIES, round_trip=_ROUND_TRIP)
    try:
        with (
            TemporaryDirectory(prefix='glance-cache-osc-') as directory,
            SimulatedFleet(settings) as fleet,
        ):
            bench = FleetBench(fleet, Path(directory), options.pairs or _RUNS)
            for name, measure in _MEASURES.items():
                if name in only:
                    say(f'{name}:')
                    yield from measure(bench)
    except FleetError as error:
        raise BenchmarkError(str(error)) from error


GROUP = Group(tuple(_MEASURES), _rows)
