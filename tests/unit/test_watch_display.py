# SPDX-License-Identifier: Apache-2.0

"""The pictures of `watch`, in terminals of all sizes."""

import datetime
import io
from unittest import mock

import pytest

from glance_cache_osc import errors
from glance_cache_osc.command import watch_display
from glance_cache_osc.drivers import base
from glance_cache_osc.model import entries
from glance_cache_osc.monitoring import board as boards
from tests.unit import world

NOW = datetime.datetime(2026, 11, 22, 1, 2, 3, tzinfo=datetime.UTC)
DRIVER = mock.create_autospec(base.CacheDriver, instance=True)
CACHED = [
    entries.Entry('a', entries.State.CACHED, 5_000_000, hits=0),
    entries.Entry('b', entries.State.QUEUED),
]


def picture(
    monkeypatch: pytest.MonkeyPatch,
    board: boards.Board,
    columns: int,
    lines: int,
    *,
    by_node: bool = True,
) -> list[str]:
    """The last picture, without empty lines and trailing spaces."""
    monkeypatch.setenv('COLUMNS', str(columns))
    monkeypatch.setenv('LINES', str(lines))
    stream = io.StringIO()
    with watch_display.Screen(stream, by_node=by_node) as screen:
        stream.truncate(0)
        stream.seek(0)
        screen.show(board, NOW)
        stream.truncate(0)
        stream.seek(0)
    found = [one.rstrip() for one in stream.getvalue().splitlines()]
    return [one for one in found if one]


def board(count: int, *, policy: bool = True) -> boards.Board:
    """Nodes, ten a site, of which the first has failed."""
    members = [
        world.member(f'edge-{at:04}', f'site-{at // 10:03}', driver=DRIVER)
        for at in range(count)
    ]
    wanted = (lambda _one: {'a': 1, 'c': 2}) if policy else None
    made = boards.Board(members, wanted, lambda: 7.0)
    for one in members[1:]:
        made.update(one, CACHED)
    made.fail(members[0], errors.Unreachable('Cannot connect'))
    return made


def test_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    assert picture(monkeypatch, board(2), 100, 20) == [
        'Nodes reachable: 1 of 2  2026-11-22 01:02:03 UTC  Ctrl-C to end',
        'Node        Status          Cached   Queued   Missing     Size   '
        'Arrived   Rate   Left   Changed',
        '─' * 96,
        'edge-0000   unreachable',
        'edge-0001   filling              1        1         1   5.0 MB   '
        '      0',
        'All         1 unreachable        1        1         1   5.0 MB   '
        '      0',
    ]


def test_a_narrow_terminal_whose_encoding_is_ascii(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('COLUMNS', '15')
    stream = io.TextIOWrapper(io.BytesIO(), encoding='ascii')

    with watch_display.Screen(stream, by_node=True) as screen:
        screen.show(board(2), NOW)

    stream.seek(0)
    assert 'edg | unrea' in stream.read()


def test_without_a_policy_nothing_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    header = picture(monkeypatch, board(2, policy=False), 100, 20)[1]

    assert header.split() == [
        *('Node', 'Status', 'Cached', 'Queued', 'Size', 'Arrived', 'Rate'),
        'Changed',
    ]


@pytest.mark.parametrize('by_node', [True, False])
@pytest.mark.parametrize('columns', [30, 40, 60, 80, 200])
@pytest.mark.parametrize('lines', [7, 24, 60])
def test_a_thousand_nodes_fit(
    monkeypatch: pytest.MonkeyPatch, lines: int, columns: int, by_node: bool
) -> None:
    shown = picture(monkeypatch, board(1000), columns, lines, by_node=by_node)

    assert len(shown) <= lines
    assert max(map(len, shown)) <= columns
    first = 'edge-0000' if by_node else 'site-000'
    assert shown[3].startswith(first[:5])
    assert 'All' in shown[-2]
    left = (1000 if by_node else 100) - (len(shown) - 5)
    assert left == (1000 if by_node else 100) - (lines - 5)
    assert shown[-1].strip() == f'{left} more'


def test_a_name_steers_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    made = boards.Board([world.member('e\x1b[31m[bold]x')], None, lambda: 0.0)

    shown = picture(monkeypatch, made, 100, 20)

    assert shown[3].startswith('e\\x1b[31m[bold]x ')


def test_a_time_that_is_too_long_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One small image has arrived since, and a large one is missing."""
    times = iter([0.0, 10.0])
    member = world.member('n', driver=DRIVER)
    made = boards.Board(
        [member], lambda _one: {'c': 10**15}, lambda: next(times, 10.0)
    )
    made.update(member, [])
    made.update(member, [entries.Entry('a', entries.State.CACHED, 1, hits=0)])

    assert 'days' in picture(monkeypatch, made, 100, 20)[3]
