# SPDX-License-Identifier: Apache-2.0

"""The table of the manual."""

from collections.abc import Mapping
from collections.abc import Sequence
import pathlib
import tempfile

from tests.matrix import nodes
from tests.matrix import visit

MANUAL = (
    pathlib.Path(__file__).parents[2] / 'doc/source/reference/matrix-table.txt'
)
_HEAD = """\
.. Written by python -m tests.matrix; a functional test compares it.

"""

Outcomes = Mapping[str, Mapping[str, str]]


def outcomes(releases: nodes.Releases) -> dict[str, dict[str, str]]:
    """What every command does on every node: by title, by command."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, node in releases.nodes.items():
            home = pathlib.Path(folder) / node.name
            home.mkdir()
            visitor = visit.Visitor(releases.cloud, node, home)
            found[kind.title] = visit.visit(visitor)
    return found


def written(found: Outcomes) -> str:
    """The table as reST: a row for each command, a column for each node."""
    rows = [['Command', *found]]
    for command in visit.COMMANDS:
        cells = [found[title][command] for title in found]
        rows.append([f'``{command}``', *cells])
    return _HEAD + '.. list-table::\n   :header-rows: 1\n\n' + _lines(rows)


def _lines(rows: Sequence[Sequence[str]]) -> str:
    text = ''
    for row in rows:
        for at, cell in enumerate(row):
            text += f'   {"-" if at else "* -"} {cell}\n'.replace(
                '   - ', '     - '
            )
    return text


def read(text: str) -> dict[str, dict[str, str]]:
    """The outcomes in a table that `written` made."""
    rows: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith('   * - '):
            rows.append([line.removeprefix('   * - ')])
        elif line.startswith('     - '):
            rows[-1].append(line.removeprefix('     - '))
    titles = rows[0][1:]
    return {
        title: {row[0].strip('`'): row[at] for row in rows[1:]}
        for at, title in enumerate(titles, 1)
    }
