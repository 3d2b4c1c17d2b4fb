# SPDX-License-Identifier: Apache-2.0

"""Asking before much is taken away."""

import argparse
import io
import sys
from typing import Any

import pytest

from glance_cache_osc import errors
from glance_cache_osc.command import approval
from glance_cache_osc.fleet import fleet
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan
from tests.unit import world

OSLO, BERGEN = world.member('oslo'), world.member('bergen')

CACHED = plan.Step(
    images.Image('id-1', 'ubuntu\x1b[31m'),
    plan.Action.DELETE,
    entries.Entry('id-1', entries.State.CACHED, size=5000000),
)
QUEUED = plan.Step(
    images.Image('id-2'),
    plan.Action.DELETE,
    entries.Entry('id-2', entries.State.QUEUED),
)
NOT_THERE = plan.Step(images.Image('id-3'), plan.Action.NONE)


class Stream(io.StringIO):
    """A stream that is a terminal, or is not."""

    def __init__(self, text: str = '', *, terminal: bool = True) -> None:
        super().__init__(text)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def sit_down(
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    *,
    stdin: bool = True,
    stderr: bool = True,
) -> Stream:
    """Give an answer at a terminal; returns what is shown there.

    Not a fixture: pytest puts its own streams in place before the test.
    """
    shown = Stream(terminal=stderr)
    monkeypatch.setattr(sys, 'stdin', Stream(answer, terminal=stdin))
    monkeypatch.setattr(sys, 'stderr', shown)
    return shown


def test_what_goes_is_shown_before_the_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = sit_down(monkeypatch, 'y\n')

    approval.confirm_deletion(
        [(OSLO, CACHED), (BERGEN, QUEUED), (BERGEN, NOT_THERE)]
    )

    assert terminal.getvalue() == (
        '  ubuntu\\x1b[31m (id-1)  5.0 MB  oslo\n'
        '  id-2  0 B  bergen\n'
        'About to delete 1 cached and 1 queued entries (5.0 MB). Continue? '
        '[y/N] '
    )


def test_nodes_that_are_cleared_are_shown_with_what_they_lose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = sit_down(monkeypatch, 'y\n')

    approval.confirm_clearing(
        {
            OSLO: entries.Totals(cached=2, queued=1, size=10000000),
            BERGEN: entries.Totals(cached=0, queued=0, size=0),
        },
    )

    assert terminal.getvalue() == (
        '  oslo: 2 cached, 1 queued, 10.0 MB\n'
        '  bergen: 0 cached, 0 queued, 0 B\n'
        'About to clear 2 cached and 1 queued entries (10.0 MB). Continue? '
        '[y/N] '
    )


def test_nodes_that_are_pruned_are_shown_with_where_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = sit_down(monkeypatch, 'y\n')

    approval.confirm_pruning([OSLO, BERGEN])

    assert terminal.getvalue() == (
        '  oslo (http://oslo)\n'
        '  bergen (http://bergen)\n'
        'About to prune 2 nodes. Continue? [y/N] '
    )


def test_of_a_thousand_nodes_twenty_are_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = sit_down(monkeypatch, 'y\n')

    approval.confirm_pruning([OSLO] * 1000)

    assert terminal.getvalue().splitlines()[19:] == [
        '  oslo (http://oslo)',
        '  ... and 980 more',
        'About to prune 1000 nodes. Continue? [y/N] ',
    ]


def test_nodes_are_not_pruned_without_a_yes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sit_down(monkeypatch, 'n\n')

    with pytest.raises(errors.CacheError) as caught:
        approval.confirm_pruning([OSLO, BERGEN])

    assert type(caught.value) is errors.CacheError
    assert str(caught.value) == 'Nothing was changed.'


@pytest.mark.parametrize(
    ('count', 'last_lines'),
    [
        (20, ['  id-2  0 B  oslo']),
        (21, ['  id-2  0 B  oslo', '  ... and 1 more']),
        (1020, ['  id-2  0 B  oslo', '  ... and 1000 more']),
    ],
)
def test_twenty_lines_of_many_are_shown(
    monkeypatch: pytest.MonkeyPatch, count: int, last_lines: list[str]
) -> None:
    terminal = sit_down(monkeypatch, 'y\n')

    approval.confirm_deletion([(OSLO, QUEUED)] * count)

    *lines, question = terminal.getvalue().splitlines()
    assert lines[19:] == last_lines
    assert question == (
        f'About to delete 0 cached and {count} queued entries (0 B). '
        'Continue? [y/N] '
    )


@pytest.mark.parametrize('answer', ['y\n', 'Y\n', 'yes\n', ' YES \n', 'y'])
def test_yes_is_yes(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    sit_down(monkeypatch, answer)

    approval.confirm_deletion([(OSLO, CACHED)])


@pytest.mark.parametrize('answer', ['n\n', '\n', '', 'yep\n', 'no\ny\n'])
def test_anything_else_is_no(
    monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    sit_down(monkeypatch, answer)

    with pytest.raises(errors.CacheError) as caught:
        approval.confirm_deletion([(OSLO, CACHED)])

    assert type(caught.value) is errors.CacheError
    assert str(caught.value) == 'Nothing was changed.'


def command_line(**given: Any) -> argparse.Namespace:
    """A command line that names one node, unless told otherwise."""
    usual = {
        'node': ['oslo'],
        'site': [],
        'all_nodes': False,
        'auto_approve': False,
        'dry_run': False,
    }
    return argparse.Namespace(**{**usual, **given})


@pytest.mark.parametrize(
    ('given', 'members', 'always', 'expected'),
    [
        ({}, [OSLO], False, False),
        ({'node': []}, [OSLO], False, False),
        ({'node': ['http://oslo:9292']}, [OSLO], False, False),
        ({}, [OSLO], True, True),
        # A name that discovery expands.
        ({}, [OSLO, BERGEN], False, True),
        ({'all_nodes': True, 'node': []}, [OSLO], False, True),
        ({'site': ['x'], 'node': []}, [OSLO], False, True),
        ({'node': ['o*']}, [OSLO], False, True),
        ({'node': ['oslo-[1-1]']}, [OSLO], False, True),
        ({'node': ['oslo', 'oslo']}, [OSLO], False, True),
    ],
)
def test_the_command_line_decides_whether_a_command_asks(
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, Any],
    members: list[fleet.Member],
    always: bool,
    expected: bool,
) -> None:
    sit_down(monkeypatch, 'y\n')
    parsed = command_line(**given)

    assert approval.is_required(parsed, members, always=always) is expected
    for option in ('auto_approve', 'dry_run'):
        done = command_line(**given, **{option: True})
        assert approval.is_required(done, members, always=always) is False


@pytest.mark.parametrize(
    ('stdin', 'stderr'), [(False, True), (True, False), (False, False)]
)
def test_without_a_terminal_there_is_nobody_to_ask(
    monkeypatch: pytest.MonkeyPatch, stdin: bool, stderr: bool
) -> None:
    shown = sit_down(monkeypatch, 'y\n', stdin=stdin, stderr=stderr)

    with pytest.raises(errors.UsageError) as caught:
        approval.is_required(command_line(), [OSLO, BERGEN])

    assert str(caught.value) == (
        'Confirmation required. Use --auto-approve to proceed, or --dry-run '
        'to show the plan.'
    )
    assert shown.getvalue() == ''
    assert approval.is_required(command_line(), [OSLO]) is False


def test_standard_input_that_is_closed_is_not_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sit_down(monkeypatch, '')
    monkeypatch.setattr(sys, 'stdin', None)

    with pytest.raises(errors.UsageError):
        approval.is_required(command_line(), [OSLO, BERGEN])


def test_nothing_to_take_asks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = sit_down(monkeypatch, 'n\n')

    approval.confirm_deletion([])
    approval.confirm_deletion([(OSLO, NOT_THERE)])
    approval.confirm_clearing({})
    approval.confirm_pruning([])

    assert shown.getvalue() == ''
