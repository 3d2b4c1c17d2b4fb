# SPDX-License-Identifier: Apache-2.0

"""Time against the number of nodes: ours, and a loop of today's client.

Without this plugin, a shell loop starts `openstack cached image list` once
for each node. The loop is measured on few nodes, since each node costs it
more than a second.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
import csv
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
import shlex
from statistics import median
from tempfile import TemporaryDirectory

from tests import tables
from tests.benchmarks import drawing
from tests.benchmarks import fleet_checks
from tests.benchmarks import pairs
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_program import FleetProgram
from tests.benchmarks.fleet_program import Measured
from tests.benchmarks.group import Group
from tests.benchmarks.group import log
from tests.benchmarks.group import Options
from tests.benchmarks.table import Bound
from tests.benchmarks.table import failed
from tests.benchmarks.table import Row
from tests.benchmarks.table import row
from tests.shell import OPENSTACK
from tests.simulated import FleetError
from tests.simulated import Settings
from tests.simulated import SimulatedFleet

_NAME = 'plot'
_LOOP_SIZES = (1, 3, 10, 30)
_SIZES = (*_LOOP_SIZES, 100, 1000, 10_000)
#: Seconds: of one loop, and of the simulated nodes.
_LOOP_LIMIT = 600.0
_LIFETIME = 3600.0
_PAIRS = 3
_SETTINGS = Settings(nodes=max(_SIZES), entries=20, round_trip=0.05)
_WHAT = (
    f'image cache list, {_LOOP_SIZES[-1]} nodes of 20 entries, 50 ms;'
    ' peer: a shell loop, one cached image list for each node'
)
_BOUND = Bound(0.05, 'at least 20 times faster')
_OURS = ('image', 'cache', 'list', '--all-nodes', '-f', 'json')
_HEADERS = ('Nodes', 'image cache list (s)', 'Loop (s)')
_DOC = Path(__file__).parents[2] / 'doc/source'
CSV = _DOC / 'contributor/time.csv'
SVG = _DOC / '_static/time.svg'

Seconds = Mapping[int, float]
"""Number of nodes → seconds."""


class _Bench:
    """Both commands, on the first nodes of a fleet."""

    def __init__(self, fleet: SimulatedFleet, home: Path) -> None:
        self._fleet = fleet
        self._home = home
        self._held = {
            name: one['cached'] for name, one in fleet.caches().items()
        }

    def ours(self, size: int) -> pairs.Sample:
        """One command for all nodes, which are in a nodes file."""
        path = self._home / 'clouds'
        self._fleet.clouds_yaml(path, size, self._home / 'nodes.json')
        run = FleetProgram(self._home).run(
            self._fleet.environment(path), *_OURS
        )
        fleet_checks.exits_with(run, 0)
        fleet_checks.lists_exactly(run, dict(islice(self._held.items(), size)))
        return _sample('ours', size, run)

    def loop(self, size: int) -> pairs.Sample:
        """One start of `openstack` for each node."""
        script = (
            'for url in "$@"; do OS_IMAGE_ENDPOINT_OVERRIDE=$url'
            f' {shlex.quote(str(OPENSTACK))} cached image list -f csv'
            ' || exit; done'
        )
        program = FleetProgram(
            self._home, ('/bin/sh', '-c', script, 'loop'), _LOOP_LIMIT
        )
        urls = list(self._fleet.nodes.values())[:size]
        run = program.run(self._fleet.environment(), *urls)
        fleet_checks.exits_with(run, 0)
        lines = csv.reader(run.out.splitlines())
        listed = sorted(line[0] for line in lines if line[0] != 'ID')
        held = islice(self._held.values(), size)
        if listed != sorted(one for ids in held for one in ids):
            raise BenchmarkError(f'the loop listed {len(listed)} entries')
        return _sample('loop', size, run)


def _sample(who: str, size: int, run: Measured) -> pairs.Sample:
    log(f'  {run.seconds:6.2f} s {who}, {size:,} nodes')
    return pairs.Sample(run.seconds, 0)


def _measure(bench: _Bench, count: int) -> Iterator[Row]:
    """Time both commands in turn; write the numbers and the plot."""
    bench.ours(1)
    bench.loop(1)
    ours: dict[int, float] = {}
    loop: dict[int, float] = {}
    for size in _SIZES:
        if size not in _LOOP_SIZES:
            ours[size] = median(bench.ours(size).seconds for _ in range(count))
            continue
        found = pairs.summarize(
            pairs.alternate(
                partial(bench.ours, size),
                partial(bench.loop, size),
                count,
            )
        )
        ours[size], loop[size] = found.ours, found.peer
    CSV.write_text(as_csv(ours, loop), encoding='utf-8')
    SVG.write_text(picture(CSV.read_text(encoding='utf-8')), encoding='utf-8')
    # Requests are not counted here.
    yield replace(row(_WHAT, found, _BOUND), requests='')


def as_csv(ours: Seconds, loop: Seconds) -> str:
    """The numbers, as the manual includes them."""
    return tables.as_csv(
        _HEADERS,
        (
            (
                f'{size:,}',
                f'{ours[size]:.2f}',
                f'{loop[size]:.2f}' if size in loop else '',
            )
            for size in sorted(ours)
        ),
    )


def picture(text: str) -> str:
    """The plot of the numbers, as SVG.

    :param text: what :func:`as_csv` returned
    """
    _header, *lines = csv.reader(text.splitlines())
    ours, loop = (
        {
            int(line[0].replace(',', '')): float(line[column])
            for line in lines
            if line[column]
        }
        for column in (1, 2)
    )
    return drawing.draw(
        'Time to list the image caches of many nodes',
        'nodes',
        'seconds',
        [
            _line('openstack image cache list', ours),
            _line('loop of openstack cached image list', loop),
        ],
    )


def _line(what: str, seconds: dict[int, float]) -> drawing.Line:
    most = max(seconds)
    return drawing.Line(
        f'{what}: {seconds[most]:.0f} s for {most:,} nodes', seconds
    )


def _rows(_only: Collection[str], options: Options) -> Iterator[Row]:
    log(f'{_NAME}: starting {_SETTINGS.nodes:,} nodes …')
    with (
        TemporaryDirectory(prefix='glance-cache-osc-') as home,
        SimulatedFleet(_SETTINGS, _LIFETIME) as fleet,
    ):
        try:
            yield from _measure(
                _Bench(fleet, Path(home)), options.pairs or _PAIRS
            )
        except (BenchmarkError, FleetError) as error:
            yield failed(_NAME, error)


GROUP = Group((_NAME,), _rows)
