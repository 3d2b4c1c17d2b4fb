# SPDX-License-Identifier: Apache-2.0

"""Measure 10,000 entries, with OpenStackClient as the peer, to a million."""

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
from tests.benchmarks.fleet_program import Measured
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
#: The parts with a thousand entries on each node, and their nodes.
_FLEETS = {'hundred': _NODES // 10, 'thousand': _NODES}
#: Numbers of nodes for the growth of a command.
_SIZES = [1000, 3000, 10_000]
_PARTS = ['node', *_FLEETS, *COMMANDS]
#: Maximum ratios of ours to the peer, without and with names.
_MOST_BARE = 1.2
_MOST_NAMED = 2.0
#: Maximum MiB for a million entries: in rows, and without rows.
_MOST_MEMORY = 1536
_LEAST_MEMORY = 384
_PEER = ('cached', 'image', 'list', '-f', 'csv')
_OURS = ('image', 'cache', 'list', '-f', 'csv')
_NONE = (*_OURS, '--larger-than', '1000T')
_NODE_LIST = ('image', 'cache', 'node', 'list', '-f', 'csv')
_COVERAGE = ('image', 'cache', 'coverage', '-f', 'csv')
#: The columns of the peer.
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
    runs: list[tuple[Measured, Measured]],
    most: float,
) -> Iterator[Row]:
    """The rows for pairs of runs: elapsed time, CPU time, memory."""
    measures: tuple[tuple[str, Callable[[Measured], float], str], ...] = (
        ('seconds', lambda run: run.seconds, '{:.2f}'),
        ('CPU seconds', lambda run: run.cpu, '{:.2f}'),
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
        # Both use the same node, which also has the images of the cloud.
        (endpoint,) = fleet.nodes.values()
        environment = {
            **fleet.environment(),
            'OS_IMAGE_ENDPOINT_OVERRIDE': endpoint,
        }

        def run(*argv: str) -> Measured:
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
            ('without rows', _NONE, 0, _LEAST_MEMORY),
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


def _of_a_fleet(what: str, run: Measured, most: int | None) -> Iterator[Row]:
    """The rows for one command: elapsed time, CPU time, memory."""
    yield Row(f'{what}: seconds', f'{run.seconds:.1f}')
    yield Row(f'{what}: CPU seconds', f'{run.cpu:.1f}')
    yield Row(
        f'{what}: peak memory, MiB',
        f'{run.peak:.0f}',
        bound=f'at most {most}' if most else '',
        held=run.peak <= most if most else None,
    )


def _checked(
    run: Measured, rows: int | None, argv: tuple[str, ...]
) -> Measured:
    """Check that a run succeeded.

    :param rows: the expected number of rows; None for any number above 0
    :raises BenchmarkError: it failed, or printed another number of rows
    """
    written = run.out.count('\n') - 1
    if run.code or (written < 1 if rows is None else written != rows):
        raise BenchmarkError(
            f'openstack {" ".join(argv[:3])} …: exit code {run.code},'
            f' {written} rows instead of {"any" if rows is None else rows}'
            f'\n{run.err[-2000:]}'
        )
    return run


def _rows(arguments: argparse.Namespace) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        if 'node' in arguments.only:
            yield from _many(home, arguments.pairs)
        for part, nodes in _FLEETS.items():
            if part in arguments.only:
                yield from _fleet(home, nodes)
        names = [name for name in COMMANDS if name in arguments.only]
        if names:
            yield from growing_fleet.rows(
                home, names, arguments.nodes, arguments.pairs
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
        help='also write the table to this file, if it is complete',
    )
    command.add_argument(
        '--pairs',
        type=int,
        default=_PAIRS,
        metavar='N',
        help=f'pairs for each row (default: {_PAIRS})',
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
        help=(
            'numbers of nodes for the growth of each command, two or more'
            f' (default: {" ".join(map(str, _SIZES))})'
        ),
    )
    return command


def main() -> int:
    """Measure; 0 if all bounds held, 1 if not, 130 if interrupted."""
    arguments = _parser().parse_args()
    rows: list[Row] = []
    try:
        for row in _rows(arguments):
            rows.append(row)
            print(as_line(row), flush=True)
    except (BenchmarkError, FleetError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('Interrupted. All processes are stopped.', file=sys.stderr)
        return 130
    if arguments.csv and (arguments.only, arguments.nodes) == (_PARTS, _SIZES):
        arguments.csv.write_text(as_csv(rows), encoding='utf-8')
    return 1 if any(row.held is False for row in rows) else 0


if __name__ == '__main__':
    sys.exit(main())
