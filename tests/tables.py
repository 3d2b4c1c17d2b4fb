# SPDX-License-Identifier: Apache-2.0

"""The tables that programs print, as the manual includes them."""

from collections.abc import Iterable
import csv
import io

_HELD = {None: '', True: 'yes', False: 'NO'}


def held(whether: bool | None) -> str:
    """The cell that tells whether a bound held; None where there is none."""
    return _HELD[whether]


def as_csv(headers: Iterable[str], rows: Iterable[Iterable[str | int]]) -> str:
    """A table of cells."""
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows([headers, *rows])
    return text.getvalue()
