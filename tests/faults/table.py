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
    :ivar lacking: whether this machine cannot cause the fault
    """

    fault: str
    command: str
    result: str
    expected: str
    lacking: bool = False

    @property
    def passed(self) -> bool:
        """Whether the result is as expected."""
        pattern = _ANYTHING.join(map(re.escape, self.expected.split('…')))
        return re.fullmatch(pattern, self.result) is not None

    @property
    def verdict(self) -> str:
        """The last cell of the row."""
        if self.lacking:
            return 'not run'
        return 'yes' if self.passed else f'NO: {self.expected}'


def not_run(group: str, why: str, *, lacking: bool = False) -> Row:
    """The row in place of rows that could not be made.

    :param group: the name of the rows
    :param lacking: whether the reason is a missing capability of this machine,
        which is not a failure
    """
    return Row(f'group {group}', '', f'not run: {why}', 'rows', lacking)


def failed(rows: Iterable[Row]) -> list[Row]:
    """The rows that are not as expected, for other reasons than the machine."""
    return [row for row in rows if not row.passed and not row.lacking]


def as_csv(rows: Iterable[Row]) -> str:
    """The table as the manual includes it."""
    cells = ((row.fault, row.command, row.result, row.verdict) for row in rows)
    return tables.as_csv(_HEADERS, cells)
