# SPDX-License-Identifier: Apache-2.0

"""Break the code on purpose, and see whether its tests notice.

``python -m tests.mutation`` has mutmut do it to what pyproject.toml names,
tells how many mutants of each module were noticed, and fails if that is less
than nine of ten, or if one survived whose reason is not in
``doc/source/contributor/survivors.csv``. Names of mutants as arguments (globs,
too) do it to those alone: ``'glance_cache_osc.model.plan*'``. What mutmut knows
stays in ``mutants/``, and a second run breaks only what has changed.
"""

from __future__ import annotations

import argparse
import fnmatch
import pathlib
import subprocess
import sys

from tests import tables
from tests.mutation import survivors

#: Of a hundred mutants, so many are noticed.
_LEAST_KILLED = 90
_KILLED = ('killed', 'timeout', 'segfault', 'suspicious')
_LEFT = ('survived', 'no tests')
_HEADERS = ('Module', 'Mutants', 'Noticed')


def _mutmut(*argv: str) -> str:
    """What a command of mutmut prints."""
    return subprocess.run(
        ['mutmut', *argv], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def _run(names: list[str]) -> None:
    """Break the code; a spinner turns on a terminal alone."""
    quiet = None if sys.stdout.isatty() else subprocess.PIPE
    done = subprocess.run(
        ['mutmut', 'run', *names],
        check=False,
        stdout=quiet,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        print((done.stdout or '')[-5000:])
        raise SystemExit(f'mutmut failed with {done.returncode}')


def _statuses(names: list[str]) -> dict[str, str]:
    """What became of each mutant, by its name in mutmut's words."""
    found = dict(
        line.strip().split(': ', 1)
        for line in _mutmut('results', '--all', 'true').splitlines()
        if ': ' in line
    )
    return {
        name: status
        for name, status in found.items()
        if not names or any(fnmatch.fnmatch(name, one) for one in names)
    }


def _by_module(statuses: dict[str, str]) -> list[tuple[str, int, int]]:
    """A row for each module, and one for all."""
    groups: dict[str, list[bool]] = {}
    for name, status in statuses.items():
        module = survivors.place(name).rpartition('.')[0]
        groups.setdefault(module, []).append(status in _KILLED)
    rows = [(name, len(group), sum(group)) for name, group in groups.items()]
    return [
        *sorted(rows),
        ('all', sum(row[1] for row in rows), sum(row[2] for row in rows)),
    ]


def _survivors(statuses: dict[str, str]) -> dict[survivors.Survivor, str]:
    """What survived, and its name in mutmut's words."""
    return {
        survivors.Survivor.of(name, _mutmut('show', name)): name
        for name, status in statuses.items()
        if status in _LEFT
    }


def main(argv: list[str]) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser('python -m tests.mutation')
    parser.add_argument('names', nargs='*', help='mutants (default: all)')
    parser.add_argument(
        '--csv',
        type=pathlib.Path,
        metavar='FILE',
        help='also write the table there, if all were tried',
    )
    asked = parser.parse_args(argv)
    reasons = survivors.explained()
    _run(asked.names)
    found = _survivors(_statuses(asked.names))
    if again := [name for one, name in found.items() if one not in reasons]:
        # mutmut keeps what it knows of code that has not changed. The tests
        # may have.
        _run(again)
    statuses = _statuses(asked.names)
    untried = [
        one
        for one, status in statuses.items()
        if status not in (*_KILLED, *_LEFT)
    ]
    if untried or not statuses:
        print(f'{len(untried)} of {len(statuses)} mutants were not tried.')
        return 1
    rows = _by_module(statuses)
    for row in rows:
        print('{:28} {:5} mutants, {:5} noticed'.format(*row))
    found = _survivors(statuses)
    unexplained = sorted(found.keys() - reasons.keys())
    for one in unexplained:
        print(f'Survived, and nobody says why it may: {found[one]}')
        print(f'  - {one.instead_of}\n  + {one.stands}')
    if asked.csv and not asked.names:
        asked.csv.write_text(tables.as_csv(_HEADERS, rows), encoding='utf-8')
    share = 100 * (1 - len(found) / len(statuses))
    print(f'{share:.1f} % were noticed.')
    return 1 if unexplained or share < _LEAST_KILLED else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
