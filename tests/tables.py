# SPDX-License-Identifier: Apache-2.0

"""Formats the tables that the manual includes."""

from collections.abc import Iterable
import csv
import io

_HELD = {None: '', True: 'yes', False: 'NO'}


def held(whether: bool | None) -> str:
    """The cell for whether a bound held; None without a bound."""
    return _HELD[whether]


def as_csv(headers: Iterable[str], rows: Iterable[Iterable[str | int]]) -> str:
    """A table of cells as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows([headers, *rows])
    return text.getvalue()
