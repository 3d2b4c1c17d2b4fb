# SPDX-License-Identifier: Apache-2.0

"""Compare this plugin with other clients; print a Markdown table."""

from __future__ import annotations

import argparse
import pathlib
import sys

from tests.benchmarks import fleet
from tests.benchmarks import node_plot
from tests.benchmarks import single_node
from tests.benchmarks import verification
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.group import Options
from tests.benchmarks.table import as_csv
from tests.benchmarks.table import markdown
from tests.benchmarks.table import Row
from tests.cloud import CloudError
from tests.cloud import RestError
from tests.simulated import FleetError

GROUPS = (single_node.GROUP, verification.GROUP, fleet.GROUP, node_plot.GROUP)
_NAMES = [name for group in GROUPS for name in group.names]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        'python -m tests.benchmarks', description=__doc__
    )
    command.add_argument(
        '--only',
        nargs='+',
        choices=_NAMES,
        default=_NAMES,
        metavar='ROW',
        help=f'rows to measure: {", ".join(_NAMES)} (default: all)',
    )
    command.add_argument(
        '--pairs',
        type=_at_least_one,
        metavar='N',
        help='pairs for each row (default: 7, or 3 for slow rows)',
    )
    command.add_argument(
        '--csv',
        type=pathlib.Path,
        metavar='FILE',
        help='also write the table to this file, if it is complete',
    )
    return command


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError('must be 1 or more')
    return number


def main() -> int:
    """Measure; 0 if all bounds held, 1 if not, 130 if interrupted."""
    arguments = parser().parse_args()
    rows: list[Row] = []
    try:
        for group in GROUPS:
            only = set(group.names) & set(arguments.only)
            if only:
                rows += group.rows(only, Options(arguments.pairs))
    except (BenchmarkError, CloudError, FleetError, RestError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('Interrupted. All processes are stopped.', file=sys.stderr)
        return 130
    print(markdown(rows))
    if arguments.csv and arguments.only == _NAMES:
        arguments.csv.write_text(as_csv(rows), encoding='utf-8')
    return 1 if any(one.held is False for one in rows) else 0


if __name__ == '__main__':
    sys.exit(main())
