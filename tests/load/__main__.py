# SPDX-License-Identifier: Apache-2.0

"""10,000 entries against OpenStackClient, and a million on many nodes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
import statistics
import sys
import tempfile

from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_program import FleetProgram
from tests.benchmarks.fleet_program import FleetRun
from tests.load import growing_fleet
from tests.load.commands import COMMANDS
from tests.load.table import as_csv
from tests.load.table import as_line
from tests.load.table import Row
from tests.simulated import FleetError
from tests.simulated import Settings
from tests.simulated import SimulatedFleet

_MANY = 10_000
_NODES = 1000
_EACH = 1000
_PAIRS = 3
#: Part of the command line → nodes of a thousand entries.
_FLEETS = {'hundred': _NODES // 10, 'thousand': _NODES}
#: Numbers of nodes that show how a command grows.
_SIZES = [1000, 3000, 10_000]
_PARTS = ['node', *_FLEETS, *COMMANDS]
#: Of ours to the peer's, without names and with.
_MOST_BARE = 1.2
_MOST_NAMED = 2.0
#: MiB for a million entries: all in rows, and next to none.
_MOST_MEMORY = 1536
_LEAST_MEMORY = 384
_PEER = ('cached', 'image', 'list', '-f', 'csv')
_OURS = ('image', 'cache', 'list', '-f', 'csv')
_NONE = (*_OURS, '--larger-than', '1000T')
_NODE_LIST = ('image', 'cache', 'node', 'list', '-f', 'csv')
_COVERAGE = ('image', 'cache', 'coverage', '-f', 'csv')
#: What the peer shows.
_BARE = tuple(
    word
    for header in (
        *('ID', 'State', 'Last Accessed (UTC)', 'Last Modified (UTC)'),
        *('Size', 'Hits'),
    )
    for word in ('-c', header)
)


def _against(
    what: str,
    runs: list[tuple[FleetRun, FleetRun]],
    most: float,
) -> Iterator[Row]:
    """The rows for pairs of ours and the peer's: time, CPU time, memory."""
    measures: tuple[tuple[str, Callable[[FleetRun], float], str], ...] = (
        ('seconds', lambda run: run.seconds, '{:.2f}'),
        ('seconds of CPU', lambda run: run.cpu, '{:.2f}'),
        ('peak memory, MiB', lambda run: run.peak, '{:.0f}'),
    )
    for unit, measure, form in measures:
        ours = statistics.median(measure(one) for one, _ in runs)
        peer = statistics.median(measure(other) for _, other in runs)
        ratio = statistics.median(
            measure(one) / measure(other) for one, other in runs
        )
        yield Row(
            f'{what}: {unit}',
            form.format(ours),
            form.format(peer),
            f'{ratio:.2f}',
            f'at most {most:.1f}',
            ratio <= most,
        )


def _many(home: Path, pairs: int) -> Iterator[Row]:
    """10,000 entries on one node."""
    program = FleetProgram(home)
    settings = Settings(nodes=1, images=_MANY, entries=_MANY)
    with SimulatedFleet(settings) as fleet:
        # Both ask the same node; its catalogue is the cloud's.
        (endpoint,) = fleet.nodes.values()
        environment = {
            **fleet.environment(),
            'OS_IMAGE_ENDPOINT_OVERRIDE': endpoint,
        }

        def run(*argv: str) -> FleetRun:
            return _checked(program.run(environment, *argv), _MANY, argv)

        for what, columns, most in (
            ('without names', _BARE, _MOST_BARE),
            ('with names', (), _MOST_NAMED),
        ):
            runs = [(run(*_OURS, *columns), run(*_PEER)) for _ in range(pairs)]
            yield from _against(
                f'{_MANY:,} entries on one node, {what}', runs, most
            )


def _fleet(home: Path, nodes: int) -> Iterator[Row]:
    """A thousand entries on each of many nodes."""
    program = FleetProgram(home)
    settings = Settings(nodes=nodes, images=2 * _EACH, entries=_EACH)
    with SimulatedFleet(settings) as fleet:
        path = home / 'clouds.yaml'
        fleet.clouds_yaml(path)
        environment = fleet.environment(path)
        for what, argv, rows, most in (
            ('with names', _OURS, nodes * _EACH, _MOST_MEMORY),
            ('none of them shown', _NONE, 0, _LEAST_MEMORY),
            ('node list', _NODE_LIST, nodes, _LEAST_MEMORY),
            ('coverage', _COVERAGE, None, _MOST_MEMORY),
        ):
            run = _checked(program.run(environment, *argv), rows, argv)
            bounded = nodes == _NODES
            yield from _of_a_fleet(
                f'{nodes:,} nodes of {_EACH:,} entries, {what}',
                run,
                most if bounded else None,
            )


def _of_a_fleet(what: str, run: FleetRun, most: int | None) -> Iterator[Row]:
    """The rows for one command: time, CPU time, memory."""
    yield Row(f'{what}: seconds', f'{run.seconds:.1f}')
    yield Row(f'{what}: seconds of CPU', f'{run.cpu:.1f}')
    yield Row(
        f'{what}: peak memory, MiB',
        f'{run.peak:.0f}',
        bound=f'at most {most}' if most else '',
        held=run.peak <= most if most else None,
    )


def _checked(
    run: FleetRun, rows: int | None, argv: tuple[str, ...]
) -> FleetRun:
    """See that a run did what it was timed for.

    :param rows: that it must have written; None for some
    :raises BenchmarkError: it failed, or did not write so many rows
    """
    written = run.output.count('\n') - 1
    if run.code or (written < 1 if rows is None else written != rows):
        raise BenchmarkError(
            f'openstack {" ".join(argv[:3])} …: exit code {run.code},'
            f' {written} rows, not {"any" if rows is None else rows}'
            f'\n{run.log[-2000:]}'
        )
    return run


def _rows(asked: argparse.Namespace) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        if 'node' in asked.only:
            yield from _many(home, asked.pairs)
        for part, nodes in _FLEETS.items():
            if part in asked.only:
                yield from _fleet(home, nodes)
        names = [name for name in COMMANDS if name in asked.only]
        if names:
            yield from growing_fleet.rows(
                home, names, asked.nodes, asked.pairs
            )


def _parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        'python -m tests.load', description=__doc__
    )
    command.add_argument(
        '--csv',
        type=Path,
        metavar='FILE',
        help='also write the table there, if it is the whole one',
    )
    command.add_argument(
        '--pairs',
        type=int,
        default=_PAIRS,
        metavar='N',
        help=f'runs of each command a row (default: {_PAIRS})',
    )
    command.add_argument(
        '--only',
        nargs='+',
        choices=_PARTS,
        default=_PARTS,
        metavar='PART',
        help=f'parts to measure: {", ".join(_PARTS)} (default: all)',
    )
    command.add_argument(
        '--nodes',
        nargs='+',
        type=int,
        default=_SIZES,
        metavar='N',
        help='numbers of nodes for the growth of a command, two or more'
        f' (default: {" ".join(map(str, _SIZES))})',
    )
    return command


def main() -> int:
    """Measure; 0 every bound held, 1 one did not, 130 interrupted."""
    asked = _parser().parse_args()
    rows: list[Row] = []
    try:
        for row in _rows(asked):
            rows.append(row)
            print(as_line(row), flush=True)
    except (BenchmarkError, FleetError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('Interrupted; nothing is left running.', file=sys.stderr)
        return 130
    if asked.csv and (asked.only, asked.nodes) == (_PARTS, _SIZES):
        asked.csv.write_text(as_csv(rows), encoding='utf-8')
    return 1 if any(row.held is False for row in rows) else 0


if __name__ == '__main__':
    sys.exit(main())
