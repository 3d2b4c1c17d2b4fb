# SPDX-License-Identifier: Apache-2.0

"""Change the code with mutmut, and check that its tests detect the changes.

``python -m tests.mutation`` mutates the files in pyproject.toml, and prints
the number of detected mutants for each module. It fails if the tests detect
less than 95 % of the mutants, if a mutant survives whose reason is not in
``doc/source/contributor/survivors.csv``, or if a mutant in this file does not
survive any more. Arguments are modules, to test only these: ``model.plan``.
mutmut keeps its results in ``mutants/``, so that a second run tests only
changed code.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection
import pathlib
import subprocess
import sys

from tests.mutation import survivors
from tests.mutation import table

#: Minimum percentage of detected mutants.
_LEAST_KILLED = 95
#: A test let a KeyboardInterrupt through, or somebody pressed Ctrl-C.
_INTERRUPTED = 'check was interrupted by user'
_KILLED = ('killed', 'timeout', 'segfault', 'suspicious', _INTERRUPTED)
_SURVIVED = ('survived', 'no tests')


def _mutmut(*argv: str) -> str:
    """Run a command of mutmut; returns its output."""
    return subprocess.run(
        ['mutmut', *argv], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def _run(names: list[str]) -> None:
    """Test mutants; shows the progress of mutmut only on a terminal."""
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


def _statuses(modules: Collection[str]) -> dict[str, str]:
    """The status of each mutant, by its name in mutmut.

    :param modules: return only the mutants of these; empty for all.
    """
    found = dict(
        line.strip().split(': ', 1)
        for line in _mutmut('results', '--all', 'true').splitlines()
        if ': ' in line
    )
    return {
        name: status
        for name, status in found.items()
        if not modules or survivors.module_of(name) in modules
    }


def _survivors(statuses: dict[str, str]) -> dict[survivors.Survivor, str]:
    """The surviving mutants, with their names in mutmut."""
    return {
        survivors.Survivor.of(name, _mutmut('show', name)): name
        for name, status in statuses.items()
        if status in _SURVIVED
    }


def main(argv: list[str]) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser('python -m tests.mutation')
    parser.add_argument('modules', nargs='*', help='default: all')
    parser.add_argument(
        '--csv',
        type=pathlib.Path,
        metavar='FILE',
        help='also write the table to this file; if modules are given, '
        'replace only their rows',
    )
    arguments = parser.parse_args(argv)
    modules: list[str] = arguments.modules
    reasons = survivors.explained()
    _run([f'glance_cache_osc.{module}.*' for module in modules])
    statuses = _statuses(modules)
    found = _survivors(statuses)
    again = [name for one, name in found.items() if one not in reasons]
    again += [one for one, state in statuses.items() if state == _INTERRUPTED]
    if again:
        # mutmut keeps the results of unchanged code, but the tests may have
        # changed.
        _run(again)
    statuses = _statuses(modules)
    untested = [
        one
        for one, status in statuses.items()
        if status not in (*_KILLED, *_SURVIVED)
    ]
    if untested or not statuses:
        print(f'{len(untested)} of {len(statuses)} mutants were not tested.')
        return 1
    rows = table.by_module(
        {name: status in _KILLED for name, status in statuses.items()}
    )
    for row in table.with_total(rows):
        print('{:28} {:5} mutants, {:5} detected'.format(*row))
    found = _survivors(statuses)
    unexplained = sorted(found.keys() - reasons.keys())
    for one in unexplained:
        print(f'Survived without a reason in the manual: {found[one]}')
        print(f'  - {one.original}\n  + {one.mutant}')
    stale = sorted(
        one
        for one in reasons.keys() - found.keys()
        if not modules or one.module in modules
    )
    for one in stale:
        print(f'Does not survive, remove it from the manual: {one}')
    if arguments.csv:
        if modules:
            rows = table.updated(arguments.csv.read_text('utf-8'), rows)
        arguments.csv.write_text(table.as_csv(rows), encoding='utf-8')
    share = 100 * (1 - len(found) / len(statuses))
    print(f'{share:.1f} % of the mutants were detected.')
    return 1 if unexplained or stale or share < _LEAST_KILLED else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
