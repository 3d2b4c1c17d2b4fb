# SPDX-License-Identifier: Apache-2.0

"""Run commands on a fleet with faults for hours."""

from __future__ import annotations

import argparse
from pathlib import Path
import random
import sys
import tempfile

from tests.simulated import FleetError
from tests.soak import pace
from tests.soak import soak
from tests.soak.session import SoakError
from tests.soak.table import as_csv
from tests.soak.table import Row

_SECONDS = 7200.0
_NODES = 300
_MOST_DETAILS = 20


def _parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(
        'python -m tests.soak', description=__doc__
    )
    command.add_argument(
        '--seconds',
        type=float,
        default=_SECONDS,
        metavar='N',
        help=f'duration of the faults (default: {_SECONDS:g})',
    )
    command.add_argument(
        '--nodes',
        type=int,
        default=_NODES,
        metavar='N',
        help=f'simulated nodes (default: {_NODES})',
    )
    command.add_argument(
        '--seed',
        type=int,
        metavar='N',
        help='of the random faults (default: another one each time)',
    )
    command.add_argument(
        '--csv', type=Path, metavar='FILE', help='also write the table there'
    )
    return command


def main() -> int:
    """Run it; 0 all checks held, 1 one did not, 130 interrupted."""
    given = _parser().parse_args()
    seed = given.seed
    if seed is None:
        seed = random.SystemRandom().randrange(2**32)
    rows: list[Row] = []
    try:
        with tempfile.TemporaryDirectory() as home:
            for row in soak.rows(
                pace.of(given.seconds, given.nodes), seed, Path(home)
            ):
                rows.append(row)
                _show(row)
    except (FleetError, SoakError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('Interrupted; nothing is left running.', file=sys.stderr)
        return 130
    if given.csv:
        given.csv.write_text(as_csv(rows), encoding='utf-8')
    return 1 if any(row.held is False for row in rows) else 0


def _show(row: Row) -> None:
    print(row, flush=True)
    for line in row.details[:_MOST_DETAILS]:
        print(f'    {line}', file=sys.stderr)


if __name__ == '__main__':
    sys.exit(main())
