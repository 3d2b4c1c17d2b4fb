# SPDX-License-Identifier: Apache-2.0

"""The table of faults."""

from __future__ import annotations

from collections.abc import Iterable
import dataclasses
import re

from tests import tables

#: Any text of one message.
_ANYTHING = '(?:(?!; stderr: ).)*'
_HEADERS = ('Fault', 'Command', 'Result', 'As expected')


@dataclasses.dataclass(frozen=True)
class Row:
    """One fault, and one command during the fault.

    :ivar result: the result, in the form of `Stage.describe`
    :ivar expected: the expected result; … stands for the rest of a line that
        varies, or that other programs write
    """

    fault: str
    command: str
    result: str
    expected: str

    @property
    def passed(self) -> bool:
        """Whether the result is as expected."""
        pattern = _ANYTHING.join(map(re.escape, self.expected.split('…')))
        return re.fullmatch(pattern, self.result) is not None


def as_csv(rows: Iterable[Row]) -> str:
    """The table as the manual includes it."""
    cells = (
        (
            row.fault,
            row.command,
            row.result,
            'yes' if row.passed else f'NO: {row.expected}',
        )
        for row in rows
    )
    return tables.as_csv(_HEADERS, cells)
