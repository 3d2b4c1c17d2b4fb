# SPDX-License-Identifier: Apache-2.0

"""What `tests.faults` makes of interrupted runs, and of long sessions."""

from collections import Counter
import json
import signal
import subprocess

import pytest

from tests.faults import interrupts
from tests.faults.sessions import Size
from tests.faults.verdicts import FINISHED
from tests.faults.verdicts import INTERRUPTED
from tests.faults.verdicts import Left
from tests.faults.verdicts import verdict

_NAMES = [f'edge-{at:04d}' for at in range(300)]
_HELD = frozenset((name, 'old') for name in _NAMES)
_TOLD = 'Interrupted. Operations not done: 299.\n'
_WAITS = 'Interrupted. Waiting for 1 request; press Ctrl-C again to stop.\n'


def out(*rows: tuple[str, str], **fields: str) -> str:
    """Rows for nodes and IDs, with fields that all of them have."""
    return json.dumps([{'Node': one, 'ID': it, **fields} for one, it in rows])


def left(code: int, told: str, rows: str = '', *came: str) -> Left:
    """A run after which some nodes have a new image in their queues."""
    queued = frozenset((name, 'new') for name in came)
    return Left(code, rows, told, _HELD, _HELD, queued, (1,) * len(came))


ONE = out((_NAMES[0], 'new'), Result='queued')
ALL = out(*((name, 'new') for name in _NAMES), Result='queued')


@pytest.mark.parametrize(
    ('run', 'expected'),
    [
        (left(130, _TOLD), INTERRUPTED),
        (left(130, _TOLD, ONE, _NAMES[0]), INTERRUPTED),
        (left(130, _WAITS + _TOLD, ONE, _NAMES[0]), INTERRUPTED),
        (left(0, '', ALL, *_NAMES), FINISHED),
        (left(-signal.SIGINT, '', ALL, *_NAMES), FINISHED),
        (left(130, '', ALL, *_NAMES), FINISHED),
        (left(0, '', ONE, _NAMES[0]), 'exit 0 with 1 rows'),
        (left(0, _TOLD, ALL, *_NAMES), f'exit 0 and {_TOLD.strip()}'),
        (left(-signal.SIGINT, ''), 'exit -2 with 0 rows'),
        (left(130, ''), 'exit 130 and []'),
        (left(130, _WAITS), 'exit 130 and []'),
        (left(130, _WAITS + _WAITS + _TOLD), 'two lines that it waits'),
        (left(130, 'Traceback …\nOw.\n'), 'a traceback: Ow.'),
        (left(1, 'Cannot.\n'), "exit 1: ['Cannot.']"),
        (
            left(130, _TOLD, '', _NAMES[0]),
            '0 rows without a change and 1 changes without a row: there',
        ),
        (
            left(130, _TOLD, ONE),
            '1 rows without a change and 0 changes without a row: there',
        ),
        (
            left(130, _TOLD, ALL[:50], *_NAMES),
            '0 rows without a change and 300 changes without a row: there;'
            ' rows that are cut off',
        ),
    ],
)
def test_a_run_is_held_against_what_must_be(run: Left, expected: str) -> None:
    assert verdict(300, run) == expected


def test_what_is_listed_must_be_held_and_what_is_deleted_gone() -> None:
    name = _NAMES[0]
    listed = left(130, _TOLD, out((name, 'new'), State='cached'))
    deleted = left(130, _TOLD, out((name, 'old'), Result='deleted'))
    cached = left(130, _TOLD, out((name, 'new'), Result='cached'), name)
    twice = Left(130, '', _TOLD, _HELD, _HELD, frozenset(), (1, 2))

    assert verdict(300, listed) == 'what is listed is not held'
    assert verdict(300, deleted) == (
        '1 rows without a change and 0 changes without a row: deleted'
    )
    assert verdict(300, cached) == 'what is called cached is not'
    assert verdict(300, twice) == 'a change was sent twice'


@pytest.mark.parametrize(
    ('verdicts', 'held', 'came'),
    [
        (
            {INTERRUPTED: 2, FINISHED: 1},
            True,
            '3 of 3 runs are as they must be, at least 2 of them interrupted:'
            ' 2 interrupted, 1 finished',
        ),
        (
            {INTERRUPTED: 1, FINISHED: 2},
            False,
            '3 of 3 runs are as they must be, fewer than 2 of them'
            ' interrupted: 2 finished, 1 interrupted',
        ),
        (
            {INTERRUPTED: 2, 'a traceback: Ow.': 1},
            False,
            '2 of 3 runs are as they must be, at least 2 of them interrupted:'
            ' 2 interrupted, 1 a traceback: Ow.',
        ),
    ],
)
def test_half_of_the_runs_must_have_been_interrupted(
    verdicts: dict[str, int], held: bool, came: str
) -> None:
    row = interrupts.row(interrupts.COMMANDS[1], Counter(verdicts))

    assert (row.held, row.came) == (held, came)


def test_a_child_is_not_started_with_sigint_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for prepare, ignored in ((None, True), (interrupts.default_sigint, False)):
        with subprocess.Popen(
            ['sleep', '9'],
            preexec_fn=prepare,  # noqa: PLW1509
        ) as child:
            assert interrupts.ignores_sigint(child.pid) is ignored
            child.kill()


def test_a_process_has_grown_by_a_thread_or_a_file_or_much_memory() -> None:
    before = Size(3, 7, 90)

    assert [
        Size(*after).grown(before)
        for after in (
            (3, 7, 100),
            (2, 6, 80),
            (4, 7, 90),
            (3, 8, 90),
            (3, 7, 101),
        )
    ] == [False, False, True, True, True]
