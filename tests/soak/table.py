# SPDX-License-Identifier: Apache-2.0

"""The table of a soak."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests import tables

_HEADERS = ('What', 'Result', 'Bound', 'Held')


@dataclass(frozen=True)
class Row:
    """One check.

    :ivar held: None if there is no bound
    :ivar details: what is wrong, a line each
    """

    what: str
    result: str
    bound: str = ''
    held: bool | None = None
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        cells = (self.what, self.result, self.bound, tables.held(self.held))
        return ' | '.join(cells)


def as_csv(rows: Iterable[Row]) -> str:
    """The table as the manual includes it."""
    cells = (
        (row.what, row.result, row.bound, tables.held(row.held))
        for row in rows
    )
    return tables.as_csv(_HEADERS, cells)
