# SPDX-License-Identifier: Apache-2.0

"""The verdicts of `tests.faults` on interrupted runs and long sessions."""

from collections import Counter
import dataclasses
import json
from pathlib import Path
import signal
import subprocess

import pytest

from tests.faults import interrupts
from tests.faults.sessions import grown
from tests.faults.verdicts import FINISHED
from tests.faults.verdicts import INTERRUPTED
from tests.faults.verdicts import Left
from tests.faults.verdicts import verdict
from tests.processes import ignores_sigint
from tests.processes import Size
from tests.shell import Result
from tests.shell import started

_NAMES = [f'edge-{at:04d}' for at in range(300)]
_HELD = frozenset((name, 'old') for name in _NAMES)
_ENDING = 'Interrupted. Operations not done: 299.\n'
_WAITS = 'Interrupted. Waiting for 1 request; press Ctrl-C again to stop.\n'


def out(*rows: tuple[str, str], **fields: str) -> str:
    """Rows for nodes and IDs, with the same fields in each row."""
    return json.dumps([{'Node': one, 'ID': it, **fields} for one, it in rows])


def left(code: int, err: str, rows: str = '', *names: str) -> Left:
    """A run that queued a new image on the named nodes."""
    queued = frozenset((name, 'new') for name in names)
    result = Result(code, rows, err)
    return Left(result, _HELD, _HELD, queued, (1,) * len(names))


ONE = out((_NAMES[0], 'new'), Result='queued')
ALL = out(*((name, 'new') for name in _NAMES), Result='queued')


@pytest.mark.parametrize(
    ('run', 'expected'),
    [
        (left(130, _ENDING), INTERRUPTED),
        (left(130, _ENDING, ONE, _NAMES[0]), INTERRUPTED),
        (left(130, _WAITS + _ENDING, ONE, _NAMES[0]), INTERRUPTED),
        (left(0, '', ALL, *_NAMES), FINISHED),
        (left(-signal.SIGINT, '', ALL, *_NAMES), FINISHED),
        (left(130, '', ALL, *_NAMES), FINISHED),
        (left(0, '', ONE, _NAMES[0]), 'exit 0 with 1 rows'),
        (left(0, _ENDING, ALL, *_NAMES), f'exit 0 and {_ENDING.strip()}'),
        (left(-signal.SIGINT, ''), 'exit -2 with 0 rows'),
        (left(130, ''), 'exit 130 and []'),
        (left(130, _WAITS), 'exit 130 and []'),
        (left(130, _WAITS + _WAITS + _ENDING), 'two messages about a wait'),
        (left(130, 'Traceback …\nOw.\n'), 'a traceback: Ow.'),
        (left(1, 'Cannot.\n'), "exit 1: ['Cannot.']"),
        (
            left(130, _ENDING, '', _NAMES[0]),
            '0 rows without a change and 1 changes without a row: there',
        ),
        (
            left(130, _ENDING, ONE),
            '1 rows without a change and 0 changes without a row: there',
        ),
        (
            left(130, _ENDING, ALL[:50], *_NAMES),
            '0 rows without a change and 300 changes without a row: there;'
            ' incomplete rows',
        ),
    ],
)
def test_the_verdict_on_a_run(run: Left, expected: str) -> None:
    assert verdict(300, run) == expected


def test_rows_must_match_the_entries_of_the_nodes() -> None:
    name = _NAMES[0]
    listed = left(130, _ENDING, out((name, 'new'), State='cached'))
    deleted = left(130, _ENDING, out((name, 'old'), Result='deleted'))
    cached = left(130, _ENDING, out((name, 'new'), Result='cached'), name)
    twice = dataclasses.replace(left(130, _ENDING), changes=(1, 2))

    assert verdict(300, listed) == 'a listed image was not an entry'
    assert verdict(300, deleted) == (
        '1 rows without a change and 0 changes without a row: deleted'
    )
    assert verdict(300, cached) == 'an image in a "cached" row is not cached'
    assert verdict(300, twice) == 'a change was sent twice'


@pytest.mark.parametrize(
    ('verdicts', 'passed', 'result'),
    [
        (
            {INTERRUPTED: 2, FINISHED: 1},
            True,
            '3 of 3 runs are as expected, at least 2 of them interrupted:'
            ' 2 interrupted, 1 finished',
        ),
        (
            {INTERRUPTED: 1, FINISHED: 2},
            False,
            '3 of 3 runs are as expected, fewer than 2 of them'
            ' interrupted: 2 finished, 1 interrupted',
        ),
        (
            {INTERRUPTED: 2, 'a traceback: Ow.': 1},
            False,
            '2 of 3 runs are as expected, at least 2 of them interrupted:'
            ' 2 interrupted, 1 a traceback: Ow.',
        ),
    ],
)
def test_half_of_the_runs_must_have_been_interrupted(
    verdicts: dict[str, int], passed: bool, result: str
) -> None:
    command, counted = interrupts.COMMANDS[1], Counter(verdicts)
    row = interrupts.row(command, counted, FINISHED)
    silent = interrupts.row(command, counted, 'exit 0 with 0 rows')

    assert row.passed is passed
    assert row.result == f'without a signal: finished; {result}'
    assert not silent.passed


def test_a_child_is_not_started_with_sigint_ignored(tmp_path: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with subprocess.Popen(['sleep', '9']) as child:
        assert ignores_sigint(child.pid)
        child.kill()
    with started('sleep', '9', environment={}, folder=tmp_path) as child:
        assert not ignores_sigint(child.pid)


def test_a_process_has_grown_by_a_thread_or_a_file_or_much_memory() -> None:
    before = Size(0, memory=90, files=7, threads=3, children=0)

    assert [
        grown(before, dataclasses.replace(before, **after))
        for after in (
            {'memory': 100},
            {'memory': 80, 'files': 6, 'threads': 2},
            {'threads': 4},
            {'files': 8},
            {'memory': 101},
        )
    ] == [False, False, True, True, True]
