# SPDX-License-Identifier: Apache-2.0

"""The display of a wait: a live view on a terminal, or lines."""

import dataclasses
import io
import logging
import re

import pytest
import rich.console

from glance_cache_osc import errors
from glance_cache_osc.command import wait_display
from glance_cache_osc.filling import fills
from glance_cache_osc.filling import watching
from glance_cache_osc.model import images
from tests.unit import test_progress
from tests.unit import world

CURSOR = re.compile(r'\x1b\[\??[0-9;]*[A-Za-z]')
UBUNTU = '9b73824a-c4e5-4822-be0d-10abcb0fe5df'
#: Its name is somebody else's, and clears a screen and rings a bell.
EVIL = images.Image(UBUNTU, 'ubuntu\x1b[2J\x07', 5_000_000)
CAUSES = (
    'Possible causes: the download takes longer than --stall-after, the disk '
    'of the cache is full, or an earlier fill failed, which ends the cache '
    'thread of glance-api. Check the log of glance-api and the disk, restart '
    'glance-api, and queue the images again with --force.'
)


def fill(
    name: str | None = 'ubuntu-24.04',
    where: str = 'edge-oslo',
    image_id: str = UBUNTU,
) -> fills.Fill:
    """An image on its way to a node."""
    member = world.member(where, driver=world.Driver(world.World(), None))
    return fills.Fill(member, images.Image(image_id, name, 5_000_000))


def status(
    arrived: int,
    size: int,
    seconds: float,
    *filling: fills.Fill,
    total: int = 6,
    total_size: int = 60_000_000,
) -> watching.Status:
    return watching.Status(
        arrived, total, size, total_size, seconds, list(filling)
    )


#: How things stand at some moments, and what a terminal shows then.
MOMENTS = [
    (
        status(0, 0, 0.0),
        'Filling ━━━━━━━━━━━━━━━━━━━━━━━━ 0/6  0 B / 60.0 MB\n\n',
    ),
    (
        status(0, 0, 12.3, fill()),
        'Filling ━━━━━━━━━━━━━━━━━━━━━━━━ 0/6  0 B / 60.0 MB\n'
        'ubuntu-24.04 on edge-oslo\n',
    ),
    (
        status(1, 10_000_000, 10.0, fill(), fill(where='edge-bergen')),
        'Filling ━━━━╺━━━━━━━━━━━━━━━━━━━ 1/6  10.0 MB / 60.0 MB  1.0 MB/s  '
        '0:50 left\n'
        'ubuntu-24.04 on edge-oslo, ubuntu-24.04 on edge-bergen\n',
    ),
    (
        status(3, 30_000_000, 9000.0, *([fill()] * 5)),
        'Filling ━━━━━━━━━━━━╺━━━━━━━━━━━ 3/6  30.0 MB / 60.0 MB  3.3 kB/s  '
        '2:30:00 left\n'
        'ubuntu-24.04 on edge-oslo, ubuntu-24.04 on edge-oslo, 3 more\n',
    ),
    (
        dataclasses.replace(
            status(0, 0, 1.0, fill(where='edge-bergen'), *([fill()] * 3)),
            nodes=21,
        ),
        'Filling ━━━━━━━━━━━━━━━━━━━━━━━━ 0/6  0 B / 60.0 MB\n'
        'edge-oslo: 3, edge-bergen: 1\n',
    ),
    (
        status(6, 60_000_000, 60.0),
        'Filling ━━━━━━━━━━━━━━━━━━━━━━━━ 6/6  60.0 MB / 60.0 MB  1.0 MB/s  '
        '0:00 left\n\n',
    ),
]


@pytest.mark.parametrize(('moment', 'expected'), MOMENTS)
def test_the_display_at_a_moment(
    moment: watching.Status, expected: str
) -> None:
    console = rich.console.Console(
        file=io.StringIO(),
        width=100,
        force_terminal=True,
        color_system='standard',
    )

    with console.capture() as capture:
        console.print(wait_display.render(moment))

    lines = CURSOR.sub('', capture.get()).split('\n')
    assert '\n'.join(line.rstrip() for line in lines) == expected


def test_a_narrow_terminal_is_not_overflown() -> None:
    """Names are cut, which are the longest; figures are not."""
    console = rich.console.Console(
        file=io.StringIO(),
        width=50,
        force_terminal=True,
        color_system='standard',
    )

    with console.capture() as capture:
        console.print(wait_display.render(MOMENTS[3][0]))

    lines = CURSOR.sub('', capture.get()).split('\n')
    assert max(map(len, lines)) <= 50
    assert lines[-2] == 'ubuntu-24.04 on edge-oslo, ubuntu-24.04 on edge-o…'
    assert '2:30:00' in '\n'.join(lines)


@pytest.mark.parametrize(
    ('moment', 'expected'),
    [
        (status(0, 0, 0.0, total=0, total_size=0), '0/0'),
        # Glance does not say how large they are.
        (status(2, 0, 5.0, total_size=0), '2/6'),
        (status(0, 0, 5.0), '0/6  0 B / 60.0 MB'),
        # All of it within a clock's tick.
        (status(1, 10_000_000, 0.0), '1/6  10.0 MB / 60.0 MB'),
        (
            status(1, 999, 2.0, total_size=120_999),
            '1/6  999 B / 121.0 kB  499 B/s  4:00 left',
        ),
        (
            status(5, 1_500_000_000_000, 3600.0, total_size=10**13),
            '5/6  1.5 TB / 10.0 TB  416.7 MB/s  5:40:00 left',
        ),
    ],
)
def test_figures(moment: watching.Status, expected: str) -> None:
    assert wait_display.progress_text(moment) == expected


@pytest.mark.parametrize(
    ('filling', 'expected'),
    [
        ([], ''),
        ([fill()], 'ubuntu-24.04 on edge-oslo'),
        ([fill(None)], f'{UBUNTU} on edge-oslo'),
        ([fill('')], f'{UBUNTU} on edge-oslo'),
        ([fill(), fill('b')], 'ubuntu-24.04 on edge-oslo, b on edge-oslo'),
        (
            [fill('a'), fill('b'), fill('c')],
            'a on edge-oslo, b on edge-oslo, 1 more',
        ),
        ([fill('a')] * 1000, 'a on edge-oslo, a on edge-oslo, 998 more'),
        # What rich takes for markup is shown as it is.
        ([fill('[red]a[/]')], '[red]a[/] on edge-oslo'),
        ([fill(EVIL.name)], r'ubuntu\x1b[2J\x07 on edge-oslo'),
    ],
)
def test_names_of_what_is_filled(
    filling: list[fills.Fill], expected: str
) -> None:
    assert wait_display.names_of(filling) == expected


def node_fills(error: errors.CacheError | None = None) -> fills.NodeFills:
    """A node on which nothing arrives."""
    stalled = fills.NodeFills([fill()], now=0.0, stall_after=300.0)
    stalled.error = error
    return stalled


def test_a_stall_has_causes_and_a_remedy() -> None:
    assert wait_display.stall_message(node_fills(), 300.0) == (
        'Stalled: no newly cached image on edge-oslo (http://edge-oslo) for '
        f'300 seconds. {CAUSES}'
    )


def test_a_stall_of_a_node_that_does_not_answer_has_its_cause() -> None:
    error = errors.Unreachable('Cannot connect', 'Is it up?', down=True)

    assert wait_display.stall_message(node_fills(error), 0.5) == (
        'Stalled: no newly cached image on edge-oslo (http://edge-oslo) for '
        '0.5 seconds: Cannot connect. Is it up?'
    )


@pytest.fixture
def log() -> logging.Logger:
    """A logger of nobody else's; pytest keeps what it is told."""
    logger = logging.getLogger('tests.wait_display')
    logger.setLevel(logging.DEBUG)
    return logger


def test_lines_tell_of_arrivals_and_stalls(
    log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    lines = wait_display.Lines(log, 300.0)

    lines.update(MOMENTS[0][0])
    lines.arrived(fill())
    lines.stalled(node_fills())
    lines.interrupted(2)

    where = 'edge-oslo (http://edge-oslo)'
    assert [(one.levelname, one.message) for one in caplog.records] == [
        ('INFO', f'Cached: image ubuntu-24.04 ({UBUNTU}) on {where}'),
        (
            'WARNING',
            (
                f'Stalled: no newly cached image on {where} for 300 seconds. '
                f'{CAUSES}'
            ),
        ),
        (
            'WARNING',
            'Interrupted. Waiting for queue requests in progress (2); press '
            'Ctrl-C again to stop at once.',
        ),
    ]


def test_a_line_steers_no_terminal(
    log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    wait_display.Lines(log, 300.0).arrived(fill(EVIL.name))

    assert [one.message for one in caplog.records] == [
        rf'Cached: image ubuntu\x1b[2J\x07 ({UBUNTU}) on edge-oslo '
        '(http://edge-oslo)'
    ]


def shown_lines(written: str) -> list[str]:
    """The lines that were on the terminal, each once."""
    lines = CURSOR.sub('', written).replace('\r', '\n').split('\n')
    shown = [' '.join(line.split()) for line in lines if line.strip()]
    return list(dict.fromkeys(shown))


def test_a_terminal_has_a_display_that_goes_again(
    monkeypatch: pytest.MonkeyPatch, log: logging.Logger
) -> None:
    out, err = test_progress.sit_down(monkeypatch)

    with wait_display.show(log, 300.0) as watcher:
        watcher.update(MOMENTS[1][0])
        watcher.update(MOMENTS[2][0])

    bar = '━' * 24
    assert shown_lines(err.getvalue()) == [
        f'Filling {bar} 0/6 0 B / 60.0 MB',
        'ubuntu-24.04 on edge-oslo',
        'Filling ━━━━╺━━━━━━━━━━━━━━━━━━━ 1/6 10.0 MB / 60.0 MB 1.0 MB/s '
        '0:50 left',
        'ubuntu-24.04 on edge-oslo, ubuntu-24.04 on edge-bergen',
    ]
    # The cursor is seen again; the two lines are erased, from below.
    assert err.getvalue().endswith('\n\x1b[?25h\r\x1b[1A\x1b[2K\x1b[1A\x1b[2K')
    assert out.getvalue() == ''


def test_a_display_goes_when_something_is_raised(
    monkeypatch: pytest.MonkeyPatch, log: logging.Logger
) -> None:
    """Ctrl-C, for one."""
    __, err = test_progress.sit_down(monkeypatch)

    with (
        pytest.raises(KeyboardInterrupt),
        wait_display.show(log, 300.0),
    ):
        raise KeyboardInterrupt

    assert err.getvalue().startswith('\x1b[?25l')
    assert '\x1b[?25h' in err.getvalue()


def test_names_are_cut_without_an_ellipsis_if_the_encoding_is_ascii(
    monkeypatch: pytest.MonkeyPatch, log: logging.Logger
) -> None:
    """Standard error would show it as six characters, and break the line."""
    __, err = test_progress.sit_down(monkeypatch)
    monkeypatch.setenv('COLUMNS', '30')
    monkeypatch.setattr(type(err), 'encoding', 'ascii', raising=False)

    with wait_display.show(log, 300.0) as watcher:
        watcher.update(MOMENTS[2][0])

    assert err.getvalue().isascii()


def sit_down(
    monkeypatch: pytest.MonkeyPatch,
    level: int = logging.INFO,
    *,
    stderr: bool = True,
) -> test_progress.Stream:
    """Have OpenStackClient's log on standard error; returns that.

    Not a fixture: pytest adds log handlers of its own before the test.
    """
    __, err = test_progress.sit_down(monkeypatch, stderr=stderr)
    handler = logging.StreamHandler(err)
    handler.setLevel(level)
    monkeypatch.setattr(logging.root, 'handlers', [handler])
    return err


@pytest.mark.parametrize(
    ('level', 'expected'),
    [(logging.WARNING, 0), (logging.INFO, 1)],
)
def test_a_line_stands_above_the_display(
    monkeypatch: pytest.MonkeyPatch,
    log: logging.Logger,
    level: int,
    expected: int,
) -> None:
    """The display makes way for it, and comes again; not for a silent one."""
    err = sit_down(monkeypatch, level)

    with wait_display.show(log, 300.0) as watcher:
        watcher.update(MOMENTS[1][0])
        watcher.arrived(fill())

    line = f'Cached: image ubuntu-24.04 ({UBUNTU}) on edge-oslo '
    written = err.getvalue()
    assert written.count(line) == expected
    # It ends once more.
    assert written.count('\x1b[?25h') == 1 + expected
    if expected:
        before, __, after = written.partition(line)
        assert before.endswith('\x1b[?25h\r\x1b[1A\x1b[2K\x1b[1A\x1b[2K')
        assert '0/6' in after


def test_a_name_steers_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
    log: logging.Logger,
) -> None:
    """Neither in the display nor in the lines above it."""
    err = sit_down(monkeypatch)

    with wait_display.show(log, 300.0) as watcher:
        watcher.update(status(0, 0, 1.0, fill(EVIL.name)))
        watcher.arrived(fill(EVIL.name))

    assert '\x1b[2J' not in err.getvalue()
    assert '\x07' not in err.getvalue()
    shown = [one for one in shown_lines(err.getvalue()) if 'ubuntu' in one]
    assert shown == [
        r'ubuntu\x1b[2J\x07 on edge-oslo',
        rf'Cached: image ubuntu\x1b[2J\x07 ({UBUNTU}) on edge-oslo '
        '(http://edge-oslo)',
    ]


def test_where_standard_error_is_no_terminal_there_are_lines_alone(
    monkeypatch: pytest.MonkeyPatch,
    log: logging.Logger,
) -> None:
    err = sit_down(monkeypatch, stderr=False)

    with wait_display.show(log, 300.0) as watcher:
        watcher.update(MOMENTS[2][0])
        watcher.arrived(fill())
        watcher.update(MOMENTS[4][0])

    assert err.getvalue() == (
        f'Cached: image ubuntu-24.04 ({UBUNTU}) on edge-oslo '
        '(http://edge-oslo)\n'
    )
