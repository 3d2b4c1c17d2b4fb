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

"""Print the table of the manual, or write it: python -m tests.matrix."""

import argparse
import sys

from tests.matrix import nodes
from tests.matrix import table


def main() -> int:
    """Visit all nodes; 1 when one of them can't be started here."""
    parser = argparse.ArgumentParser('python -m tests.matrix')
    parser.add_argument(
        '--write', action='store_true', help=f'to {table.MANUAL}'
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
