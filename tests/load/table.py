# SPDX-License-Identifier: Apache-2.0

"""The table of the load test."""

from __future__ import annotations

from collections.abc import Iterable
import dataclasses

from tests import tables

_HEADERS = ('Measurement', 'Ours', 'Peer', 'Ours / peer', 'Bound', 'Held')


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of the table, as text.

    :ivar held: whether the bound held; None if there is no bound
    """

    what: str
    ours: str
    peer: str = ''
    ratio: str = ''
    bound: str = ''
    held: bool | None = None


def as_line(row: Row) -> str:
    """One line for a terminal."""
    return ' | '.join(_cells(row))


def as_csv(rows: Iterable[Row]) -> str:
    """The table as CSV, for the manual."""
    return tables.as_csv(_HEADERS, map(_cells, rows))


def _cells(row: Row) -> tuple[str, ...]:
    return (*dataclasses.astuple(row)[:-1], tables.held(row.held))
