# SPDX-License-Identifier: Apache-2.0

"""Print or write the table of the manual: python -m tests.matrix."""

import argparse
import sys

from tests.matrix import nodes
from tests.matrix import table


def main() -> int:
    """Test all nodes; 1 if a node cannot be started on this machine."""
    parser = argparse.ArgumentParser('python -m tests.matrix')
    parser.add_argument(
        '--write', action='store_true', help=f'write to {table.MANUAL}'
    )
    write = parser.parse_args().write
    missing = [kind.missing for kind in nodes.KINDS if kind.missing]
    for line in missing:
        print(line, file=sys.stderr)
    if missing and write:
        return 1
    with nodes.running() as releases:
        text = table.written(table.outcomes(releases))
    if write:
        table.MANUAL.write_text(text, encoding='utf-8')
    else:
        print(text, end='')
    return 1 if missing else 0


if __name__ == '__main__':
    sys.exit(main())
