# SPDX-License-Identifier: Apache-2.0

"""The table of mutants by module."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
import csv
from typing import NamedTuple

from tests import tables
from tests.mutation import survivors

_HEADERS = ('Module', 'Mutants', 'Detected')


class Row(NamedTuple):
    """How many mutants a module has, and how many tests detect."""

    module: str
    mutants: int
    detected: int


def by_module(detected: Mapping[str, bool]) -> list[Row]:
    """A row for each module.

    :param detected: whether a mutant was detected, by its name in mutmut.
    """
    groups: dict[str, list[bool]] = {}
    for name, one in detected.items():
        groups.setdefault(survivors.module_of(name), []).append(one)
    return [Row(name, len(one), sum(one)) for name, one in groups.items()]


def with_total(rows: Iterable[Row]) -> list[Row]:
    """The rows in the order of their modules, and the total."""
    found = sorted(rows)
    total = Row(
        'total',
        sum(row.mutants for row in found),
        sum(row.detected for row in found),
    )
    return [*found, total]


def as_csv(rows: Iterable[Row]) -> str:
    """The table as CSV, with its total."""
    return tables.as_csv(_HEADERS, with_total(rows))


def updated(text: str, rows: Iterable[Row]) -> list[Row]:
    """The rows of a table in CSV, after some modules were tested again.

    :param rows: the rows of these modules.
    """
    __, *old, __total = csv.reader(text.splitlines())
    found = {name: Row(name, int(all_), int(hit)) for name, all_, hit in old}
    return list((found | {row.module: row for row in rows}).values())
