# SPDX-License-Identifier: Apache-2.0

"""A line that says how far it is, on a terminal, while there is much to do."""

from collections.abc import Iterator
import contextlib
import io
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from glance_cache_osc.command import progress
from tests.polling import until
from tests.processes import state_of

CURSOR = re.compile(r'\x1b\[\??[0-9;]*[A-Za-z]')


class Stream(io.StringIO):
    """A stream that is a terminal, or is not."""

    def __init__(self, *, terminal: bool = True) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def sit_down(
    monkeypatch: pytest.MonkeyPatch, *, stderr: bool = True
) -> tuple[Stream, Stream]:
    """Standard output is a terminal; returns it and standard error.

    Not a fixture: pytest puts its own streams in place before the test.
    """
    for name in [one for one in os.environ if one.startswith('TTY_')]:
        monkeypatch.delenv(name)
    for name in ('NO_COLOR', 'FORCE_COLOR', 'CI'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setenv('COLUMNS', '80')
    out, err = Stream(), Stream(terminal=stderr)
    monkeypatch.setattr(sys, 'stdout', out)
    monkeypatch.setattr(sys, 'stderr', err)
    return out, err


def test_a_terminal_sees_how_many_of_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, err = sit_down(monkeypatch)

    with progress.counting('Reading nodes', 10) as counter:
        for _ in range(10):
            counter.advance()

    lines = CURSOR.sub('', err.getvalue()).replace('\r', '\n').split('\n')
    shown = [' '.join(line.split()) for line in lines if line.strip()]
    assert shown[0].startswith('Reading nodes ')
    assert shown[0].endswith(' 0/10')
    assert shown[-1].endswith(' 10/10')
    assert out.getvalue() == ''


def test_the_line_goes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """To its start, up by one, and erased; the cursor is seen again."""
    __, err = sit_down(monkeypatch)

    with progress.counting('Reading nodes', 10):
        pass

    assert err.getvalue().startswith('\x1b[?25l')
    assert err.getvalue().endswith('\n\x1b[?25h\r\x1b[1A\x1b[2K')


def test_the_line_goes_when_something_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C, for one."""
    __, err = sit_down(monkeypatch)

    with (
        pytest.raises(KeyboardInterrupt),
        progress.counting('Reading nodes', 10),
    ):
        raise KeyboardInterrupt

    assert err.getvalue().endswith('\x1b[?25h\r\x1b[1A\x1b[2K')


def test_what_is_going_on_is_shown_to_the_letter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is a translation, and may have brackets in it."""
    __, err = sit_down(monkeypatch)

    with progress.counting('Asking [red]nodes[/]', 10):
        pass

    assert 'Asking [red]nodes[/] ' in CURSOR.sub('', err.getvalue())


@pytest.mark.parametrize('total', [0, 1, 9])
def test_a_few_are_done_before_a_line_is_read(
    monkeypatch: pytest.MonkeyPatch, total: int
) -> None:
    __, err = sit_down(monkeypatch)

    with progress.counting('Reading nodes', total) as counter:
        counter.advance()

    assert err.getvalue() == ''


@pytest.mark.parametrize('total', [9, 10, 1000])
def test_where_standard_error_is_no_terminal_there_is_nothing(
    monkeypatch: pytest.MonkeyPatch, total: int
) -> None:
    out, err = sit_down(monkeypatch, stderr=False)

    with progress.counting('Reading nodes', total) as counter:
        counter.advance()

    assert (out.getvalue(), err.getvalue()) == ('', '')


@pytest.mark.parametrize('total', [0, 10])
def test_a_warning_stands_on_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    total: int,
) -> None:
    """And the line that counts is there again after it."""
    __, err = sit_down(monkeypatch)
    shown = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            shown.append(err.getvalue())

    handler = Handler()
    logging.getLogger('glance_cache_osc').addHandler(handler)
    try:
        with progress.counting('Changing nodes', total) as counter:
            counter.advance()
            counter.warn('Interrupted. Waiting for 3 requests.')
            counter.advance()
    finally:
        logging.getLogger('glance_cache_osc').removeHandler(handler)

    assert caplog.messages == ['Interrupted. Waiting for 3 requests.']
    if total:
        # The cursor is shown, and the line is gone, when it is logged.
        assert shown[0].endswith('\x1b[?25h\r\x1b[1A\x1b[2K')
        assert ' 2/10' in CURSOR.sub('', err.getvalue())
    else:
        assert err.getvalue() == ''


def lines_of(err: Stream) -> list[str]:
    """What was shown, one state after the other."""
    lines = CURSOR.sub('', err.getvalue()).replace('\r', '\n').split('\n')
    return [' '.join(line.split()) for line in lines if line.strip()]


def test_a_terminal_sees_how_many_bytes_of_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, err = sit_down(monkeypatch)

    with progress.transferring('Verifying') as shown:
        shown.expect(3_000_000)
        shown.expect(1_000_000)
        shown.advance(1_500_000)
        shown.advance(500_000)

    lines = lines_of(err)
    assert lines[0].startswith('Verifying ')
    assert '2.0/4.0 MB' in lines[-1]
    # The time that is left, or that it is not known yet.
    assert re.search(r'(\d:\d\d:\d\d|-:--:--)$', lines[-1])
    assert out.getvalue() == ''


def test_more_may_be_expected_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that must be read again."""
    __, err = sit_down(monkeypatch)

    with progress.transferring('Verifying') as shown:
        shown.expect(3000)
        shown.advance(3000)
        shown.expect(3000)
        shown.advance(1000)

    assert '4.0/6.0 kB' in lines_of(err)[-1]


def test_the_line_of_a_transfer_goes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    __, err = sit_down(monkeypatch)

    with (
        pytest.raises(KeyboardInterrupt),
        progress.transferring('Verifying'),
    ):
        raise KeyboardInterrupt

    assert err.getvalue().startswith('\x1b[?25l')
    assert err.getvalue().endswith('\x1b[?25h\r\x1b[1A\x1b[2K')


def test_what_is_transferred_is_shown_to_the_letter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    __, err = sit_down(monkeypatch)

    with progress.transferring('[red]Verifying[/]') as shown:
        shown.expect(1)

    assert '[red]Verifying[/] ' in CURSOR.sub('', err.getvalue())


def test_a_transfer_shows_nothing_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, err = sit_down(monkeypatch, stderr=False)

    with progress.transferring('Verifying') as shown:
        shown.expect(3000)
        shown.advance(3000)

    assert (out.getvalue(), err.getvalue()) == ('', '')


#: A display that says when it is removed and shown again.
SUSPENDABLE = """
import asyncio, signal, sys
from glance_cache_osc.command import progress

def say(text):
    print(text, flush=True)

async def main():
    with progress.suspendable(lambda: say('stop'), lambda: say('start')):
        say('begin')
        {body}
    await asyncio.sleep(0)
    say('end')

asyncio.run(main())
"""
#: Waits for the end of the input.
READ = 'await asyncio.to_thread(sys.stdin.read)'
#: The signal comes in the middle of a draw, as after a write.
DRAW = "signal.raise_signal(signal.SIGTSTP); say('drawn')"


@contextlib.contextmanager
def suspendable(
    handler: signal.Handlers = signal.SIG_DFL, **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """A process with a display, which has begun."""
    with subprocess.Popen(
        [sys.executable, '-c', SUSPENDABLE.format(body=READ)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGTSTP, handler),  # noqa: PLW1509 - no thread runs here
        **options,
    ) as process:
        assert line_of(process) == 'begin'
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line of its output."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_display_is_not_shown_while_the_process_is_suspended() -> None:
    """More than once, as in a shell: `fg` continues it."""
    with suspendable(process_group=0) as process:
        for _ in range(2):
            process.send_signal(signal.SIGTSTP)
            assert line_of(process) == 'stop'
            until(lambda: state_of(process.pid) == 'T', 10)
            process.send_signal(signal.SIGCONT)
            assert line_of(process) == 'start'


def test_a_process_that_no_shell_can_continue_is_not_suspended() -> None:
    """It has a session of its own, like `ssh -t host openstack`."""
    with suspendable(start_new_session=True) as process:
        process.send_signal(signal.SIGTSTP)
        output, _ = process.communicate(timeout=10)

    assert output == 'stop\nstart\nend\n'


@pytest.mark.parametrize(
    ('body', 'output'),
    [
        pytest.param(
            f'{DRAW}; await asyncio.sleep(0)',
            ['begin', 'drawn', 'stop', 'start', 'end'],
            id='the display goes on',
        ),
        pytest.param(DRAW, ['begin', 'drawn', 'end'], id='the last draw'),
        pytest.param(
            f'{DRAW}; {DRAW}; await asyncio.sleep(0)',
            ['begin', 'drawn', 'drawn', 'stop', 'start', 'end'],
            id='pressed twice',
        ),
    ],
)
def test_a_draw_ends_before_the_process_is_suspended(
    body: str, output: list[str]
) -> None:
    """Otherwise, control sequences would be mixed, or a write repeated."""
    ran = subprocess.run(
        [sys.executable, '-c', SUSPENDABLE.format(body=body)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        check=True,
    )

    assert ran.stdout.splitlines() == output


def test_a_process_that_ignores_ctrl_z_still_does() -> None:
    with suspendable(signal.SIG_IGN, process_group=0) as process:
        process.send_signal(signal.SIGTSTP)
        output, _ = process.communicate(timeout=10)

    assert output == 'end\n'


def test_a_display_of_another_thread_leaves_signals_alone() -> None:
    handlers = []

    def show() -> None:
        with progress.suspendable(lambda: None, lambda: None):
            handlers.append(signal.getsignal(signal.SIGTSTP))

    thread = threading.Thread(target=show)
    thread.start()
    thread.join()

    assert handlers == [signal.SIG_DFL]
