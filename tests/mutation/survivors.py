# SPDX-License-Identifier: Apache-2.0

"""Mutants that no test notices, and why that is right."""

from __future__ import annotations

import csv
import dataclasses
import pathlib
import re

#: The manual shows it: a line for each survivor that may be, with the reason.
EXPLAINED = (
    pathlib.Path(__file__).parents[2] / 'doc/source/contributor/survivors.csv'
)
_FUNCTION = re.compile(r'(?:x_|xǁ\w+ǁ)(\w+?)__mutmut_\d+')


@dataclasses.dataclass(frozen=True, order=True)
class Survivor:
    """A mutant that the tests let pass.

    Its number says nothing: that changes with the code above it.

    :param place: the module and the function, ``drivers.http.request``.
    :param instead_of: what the code says, in one line.
    :param stands: what the mutant says.
    """

    place: str
    instead_of: str
    stands: str

    @classmethod
    def of(cls, name: str, diff: str) -> Survivor:
        """What mutmut calls by a name, and shows as a diff."""
        changed = [
            line
            for line in diff.splitlines()
            if line[:1] in {'-', '+'} and line[:3] not in {'---', '+++'}
        ]
        return cls(
            place(name),
            *(
                ' '.join(
                    line[1:].strip() for line in changed if line[0] == sign
                )
                for sign in '-+'
            ),
        )


def place(name: str) -> str:
    """``drivers.http.request`` for mutmut's name of one of its mutants."""
    module, __, mangled = name.removeprefix('glance_cache_osc.').rpartition(
        '.'
    )
    found = _FUNCTION.fullmatch(mangled)
    return f'{module}.{found.group(1) if found else mangled}'


def explained(path: pathlib.Path = EXPLAINED) -> dict[Survivor, str]:
    """The survivors that may be, and why each may.

    :raises ValueError: one has no reason.
    """
    with path.open(encoding='utf-8', newline='') as file:
        __, *rows = csv.reader(file)
    for row in rows:
        if len(row) != 4 or not row[3].strip():
            raise ValueError(f'no reason for {row}')
    # What is code is marked as code, for the manual.
    return {
        Survivor(*(cell.strip('`') for cell in row[:3])): row[3]
        for row in rows
    }
