# SPDX-License-Identifier: Apache-2.0

"""The table of faults."""

from __future__ import annotations

from collections.abc import Iterable
import dataclasses
import re

from tests import tables

#: On one line.
_ANYTHING = '(?:(?!; told: ).)*'
_HEADERS = ('Fault', 'Command', 'What came of it', 'As it must be')


@dataclasses.dataclass(frozen=True)
class Row:
    """One fault, and one command that met it.

    :ivar came: what came of it, in the form that `Stage.came_of` has
    :ivar must: what must come of it; … is the rest of a line whose words
        are not ours, or a matter of chance
    """

    fault: str
    command: str
    came: str
    must: str

    @property
    def held(self) -> bool:
        """Whether it is as it must be."""
        pattern = _ANYTHING.join(map(re.escape, self.must.split('…')))
        return re.fullmatch(pattern, self.came) is not None


def as_csv(rows: Iterable[Row]) -> str:
    """The table as the manual includes it."""
    cells = (
        (
            row.fault,
            row.command,
            row.came,
            'yes' if row.held else f'NO: {row.must}',
        )
        for row in rows
    )
    return tables.as_csv(_HEADERS, cells)
