# SPDX-License-Identifier: Apache-2.0

"""Print the results of all faults as one table."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
from pathlib import Path
import subprocess
import sys
import tempfile

from tests.cloud import Cloud
from tests.cloud import CloudError
from tests.cloud import KeystoneOptions
from tests.cloud import RestError
from tests.faults import cuts
from tests.faults import interrupts
from tests.faults import killed
from tests.faults import logins
from tests.faults import nodes as faulty
from tests.faults import operators
from tests.faults import pipes
from tests.faults import sessions
from tests.faults.stage import Stage
from tests.faults.table import as_csv
from tests.faults.table import Row
from tests.simulated import FleetError

_NODES = (
    logins.FORGETFUL,
    logins.FORGETFUL,
    faulty.TWELVE_EAST,
    faulty.EIGHT_WEST,
)
_TOKEN_SECONDS = 35


@contextlib.contextmanager
def _stage(cloud: Cloud) -> Iterator[Stage]:
    with (
        cloud,
        tempfile.TemporaryDirectory() as home,
        Stage(cloud, Path(home)) as stage,
    ):
        yield stage


def _cloud_rows(stage: Stage) -> Iterator[Iterable[Row]]:
    east, west, *small = stage.cloud.glance[2:]
    yield killed.rows(stage)
    yield killed.recovered(stage)
    yield cuts.rows(stage)
    yield logins.rows(stage)
    yield faulty.clocks(stage, east.url, west.url)
    if small:
        yield faulty.full(stage, small[0].url)
    yield operators.rows(stage)


def _rows(runs: int) -> Iterator[Row]:
    nodes = list(_NODES)
    if why := faulty.why_no_small_disk():
        print(f'Skipped the rows for a full disk: {why}', file=sys.stderr)
    else:
        nodes.append(faulty.SMALL_DISK)
    with tempfile.TemporaryDirectory() as home:
        yield from pipes.rows(Path(home))
        yield sessions.row(Path(home))
        yield from interrupts.rows(Path(home), runs)
    options = KeystoneOptions(token_seconds=_TOKEN_SECONDS)
    with _stage(Cloud(nodes=2, keystone_options=options)) as stage:
        yield from logins.short(stage, _TOKEN_SECONDS)
    with _stage(Cloud(nodes=nodes)) as stage:
        for group in _cloud_rows(stage):
            yield from group


def main() -> int:
    """Cause the faults; 0 if all rows are as expected, else 1 or 130."""
    command = argparse.ArgumentParser(
        'python -m tests.faults', description=__doc__
    )
    command.add_argument(
        '--csv',
        type=Path,
        metavar='FILE',
        help='also write the table to this file',
    )
    command.add_argument(
        '--interrupts',
        type=int,
        default=100,
        metavar='N',
        help='number of interrupted runs (default: 100)',
    )
    arguments = command.parse_args()
    rows: list[Row] = []
    try:
        for row in _rows(arguments.interrupts):
            rows.append(row)
            _print(row, print)
    except (
        *(CloudError, FleetError, RestError),
        *(OSError, subprocess.TimeoutExpired),
    ) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('Interrupted. All processes are stopped.', file=sys.stderr)
        return 130
    if arguments.csv:
        arguments.csv.write_text(as_csv(rows), encoding='utf-8')
    wrong = sum(not row.passed for row in rows)
    print(f'{len(rows)} rows, {wrong} not as expected')
    return 1 if wrong else 0


def _print(row: Row, write: Callable[[str], None]) -> None:
    passed = 'yes' if row.passed else 'NO '
    write(f'{passed} | {row.fault} | {row.command} | {row.result}')
    if not row.passed:
        write(f'    expected: {row.expected}')
    sys.stdout.flush()


if __name__ == '__main__':
    sys.exit(main())
