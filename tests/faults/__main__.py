# SPDX-License-Identifier: Apache-2.0

"""Print the results of all faults as one table."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys

from tests.cloud import CloudError
from tests.cloud import RestError
from tests.faults.groups import GROUPS
from tests.faults.groups import rows
from tests.faults.table import as_csv
from tests.faults.table import failed
from tests.faults.table import Row
from tests.simulated import FleetError

_MARKS = {'yes': 'yes', 'not run': '-- '}


def main() -> int:
    """Cause the faults; 0 if all rows are as expected, else 1 or 130."""
    command = argparse.ArgumentParser(
        'python -m tests.faults', description=__doc__
    )
    command.add_argument(
        '--only',
        nargs='+',
        choices=GROUPS,
        metavar='GROUP',
        help=f'groups of rows: {", ".join(GROUPS)} (default: all)',
    )
    command.add_argument(
        '--csv',
        type=Path,
        metavar='FILE',
        help='also write the table to this file, if all groups are selected',
    )
    command.add_argument(
        '--interrupts',
        type=int,
        default=100,
        metavar='N',
        help='number of interrupted runs (default: 100)',
    )
    arguments = command.parse_args()
    listed: list[Row] = []
    try:
        for row in rows(arguments.only or GROUPS, arguments.interrupts):
            listed.append(row)
            _print(row)
    except (CloudError, FleetError, RestError, OSError) as error:
        print(f'The set-up did not end: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('Interrupted. All processes are stopped.', file=sys.stderr)
        return 130
    if arguments.csv and not arguments.only:
        arguments.csv.write_text(as_csv(listed), encoding='utf-8')
    wrong = len(failed(listed))
    print(f'{len(listed)} rows, {wrong} not as expected')
    return 1 if wrong else 0


def _print(row: Row) -> None:
    mark = _MARKS.get(row.verdict, 'NO ')
    print(f'{mark} | {row.fault} | {row.command} | {row.result}')
    if failed([row]):
        print(f'    expected: {row.expected}')
    sys.stdout.flush()


if __name__ == '__main__':
    sys.exit(main())
