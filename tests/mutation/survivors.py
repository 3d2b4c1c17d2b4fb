# SPDX-License-Identifier: Apache-2.0

"""Mutants that may survive, and the reasons."""

from __future__ import annotations

import csv
import dataclasses
import pathlib
import re

_ROOT = pathlib.Path(__file__).parents[2]
#: A table of the manual: permitted survivors and their reasons.
EXPLAINED = _ROOT / 'doc/source/contributor/survivors.csv'
_FUNCTION = re.compile(r'(?:x_|xǁ\w+ǁ)(\w+?)__mutmut_\d+')


@dataclasses.dataclass(frozen=True, order=True)
class Survivor:
    """A mutant that no test detects.

    Its number in mutmut is not stable: it changes with the code above it.

    :param function: the module and the function, ``drivers.http.request``.
    :param original: the original code, on one line.
    :param mutant: the code of the mutant, on one line.
    """

    function: str
    original: str
    mutant: str

    @property
    def module(self) -> str:
        """The module, ``drivers.http``."""
        return self.function.rpartition('.')[0]

    @classmethod
    def of(cls, name: str, diff: str) -> Survivor:
        """The mutant with a name and a diff of mutmut."""
        changed = [
            line
            for line in diff.splitlines()
            if line[:1] in {'-', '+'} and line[:3] not in {'---', '+++'}
        ]
        return cls(
            function_of(name),
            *(
                ' '.join(
                    line[1:].strip() for line in changed if line[0] == sign
                )
                for sign in '-+'
            ),
        )


def module_of(name: str) -> str:
    """``drivers.http`` for mutmut's name of a mutant."""
    return function_of(name).rpartition('.')[0]


def function_of(name: str) -> str:
    """``drivers.http.request`` for mutmut's name of a mutant."""
    module, __, symbol = name.removeprefix('glance_cache_osc.').rpartition('.')
    found = _FUNCTION.fullmatch(symbol)
    return f'{module}.{found.group(1) if found else symbol}'


def explained(path: pathlib.Path = EXPLAINED) -> dict[Survivor, str]:
    """The permitted survivors, and their reasons.

    :raises ValueError: a reason is missing.
    """
    with path.open(encoding='utf-8', newline='') as file:
        __, *rows = csv.reader(file)
    for row in rows:
        if len(row) != 4 or not row[3].strip():
            raise ValueError(f'no reason for {row}')
    # Code has backquotes for the manual.
    return {
        Survivor(*(cell.strip('`') for cell in row[:3])): row[3]
        for row in rows
    }


def code_of(survivor: Survivor) -> str:
    """The code of the module that contains a mutant, on one line."""
    module = survivor.module.replace('.', '/')
    path = _ROOT / 'glance_cache_osc' / f'{module}.py'
    lines = path.read_text(encoding='utf-8').splitlines()
    return ' '.join(line.strip() for line in lines)
