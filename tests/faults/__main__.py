# SPDX-License-Identifier: Apache-2.0

"""Every fault, as one table."""

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
from tests.faults import operators
from tests.faults import pipes
from tests.faults import places
from tests.faults import sessions
from tests.faults.stage import Stage
from tests.faults.table import as_csv
from tests.faults.table import Row
from tests.simulated import FleetError

_NODES = (
    logins.FORGETFUL,
    logins.FORGETFUL,
    places.TWELVE_EAST,
    places.EIGHT_WEST,
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


def _on_the_cloud(stage: Stage) -> Iterator[Iterable[Row]]:
    east, west, *small = stage.cloud.glance[2:]
    yield killed.rows(stage)
    yield killed.recovered(stage)
    yield cuts.rows(stage)
    yield logins.rows(stage)
    yield places.clocks(stage, east.url, west.url)
    if small:
        yield places.full(stage, small[0].url)
    yield operators.rows(stage)


def _rows(runs: int) -> Iterator[Row]:
    nodes = list(_NODES)
    if why := places.why_no_small_disk():
        print(f'No row for a full disk: {why}', file=sys.stderr)
    else:
        nodes.append(places.SMALL_DISK)
    with tempfile.TemporaryDirectory() as home:
        yield from pipes.rows(Path(home))
        yield sessions.row(Path(home))
        yield from interrupts.rows(Path(home), runs)
    options = KeystoneOptions(token_seconds=_TOKEN_SECONDS)
    with _stage(Cloud(nodes=2, keystone_options=options)) as stage:
        yield from logins.short(stage, _TOKEN_SECONDS)
    with _stage(Cloud(nodes=nodes)) as stage:
        for group in _on_the_cloud(stage):
            yield from group


def main() -> int:
    """Meet them; 0 all is as it must be, 1 it is not, 130 interrupted."""
    command = argparse.ArgumentParser(
        'python -m tests.faults', description=__doc__
    )
    command.add_argument(
        '--csv', type=Path, metavar='FILE', help='also write the table there'
    )
    command.add_argument(
        '--interrupts',
        type=int,
        default=100,
        metavar='N',
        help='runs that are interrupted (default: 100)',
    )
    asked = command.parse_args()
    rows: list[Row] = []
    try:
        for row in _rows(asked.interrupts):
            rows.append(row)
            _say(row, print)
    except (
        *(CloudError, FleetError, RestError),
        *(OSError, subprocess.TimeoutExpired),
    ) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('Interrupted; nothing is left running.', file=sys.stderr)
        return 130
    if asked.csv:
        asked.csv.write_text(as_csv(rows), encoding='utf-8')
    wrong = sum(not row.held for row in rows)
    print(f'{len(rows)} rows, {wrong} not as it must be')
    return 1 if wrong else 0


def _say(row: Row, write: Callable[[str], None]) -> None:
    held = 'yes' if row.held else 'NO '
    write(f'{held} | {row.fault} | {row.command} | {row.came}')
    if not row.held:
        write(f'    must be: {row.must}')
    sys.stdout.flush()


if __name__ == '__main__':
    sys.exit(main())
