# SPDX-License-Identifier: Apache-2.0

"""Temporary progress displays on a terminal."""

import asyncio
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import logging
import signal
import sys
import threading
from typing import Any

_LOG = logging.getLogger(__name__)
#: Fewer operations end too fast for a display.
_MANY = 10


class Counter:
    """Shows how many operations have ended.

    :param display: a `rich.progress.Progress`; None to show nothing.
    :param task: the ID of the task in the display.
    """

    def __init__(self, display: Any = None, task: Any = None) -> None:
        self._display = display
        self._task = task

    def advance(self) -> None:
        """Count one more operation as ended."""
        if self._display:
            self._display.advance(self._task)

    def warn(self, line: str) -> None:
        """Log a warning above the display."""
        if self._display:
            self._display.stop()
        _LOG.warning(line)
        if self._display:
            self._display.start()


class Bytes:
    """Shows how many bytes were received.

    :param display: a `rich.progress.Progress`; None to show nothing.
    :param task: the ID of the task in the display.
    """

    def __init__(self, display: Any = None, task: Any = None) -> None:
        self._display = display
        self._task = task
        self._total = 0

    def expect(self, size: int) -> None:
        """Add to the number of bytes that will be read."""
        self._total += size
        if self._display:
            self._display.update(self._task, total=self._total)

    def advance(self, size: int) -> None:
        """Add to the number of bytes that were received."""
        if self._display:
            self._display.advance(self._task, size)


@contextlib.contextmanager
def transferring(what: str) -> Iterator[Bytes]:
    """Show the bytes received, their rate, and the remaining time.

    The display is on standard error, and only if that is a terminal.

    :param what: a name for the operation, such as "Verifying".
    """
    if not sys.stderr.isatty():
        yield Bytes()
        return
    import rich.progress

    display = _progress(
        rich.progress.DownloadColumn(),
        rich.progress.TransferSpeedColumn(),
        rich.progress.TimeRemainingColumn(),
    )
    with display, suspendable(display.stop, display.start):
        yield Bytes(display, display.add_task(what, total=None))


@contextlib.contextmanager
def counting(what: str, total: int) -> Iterator[Counter]:
    """Show how many operations of a total have ended.

    The display is on standard error, and only if that is a terminal.

    :param what: a name for the operations, such as "Reading nodes".
    """
    if total < _MANY or not sys.stderr.isatty():
        yield Counter()
        return
    import rich.progress

    display = _progress(rich.progress.MofNCompleteColumn())
    with display, suspendable(display.stop, display.start):
        yield Counter(display, display.add_task(what, total=total))
        display.refresh()


@contextlib.contextmanager
def suspendable(
    stop: Callable[[], object], start: Callable[[], object]
) -> Iterator[None]:
    """Remove a display while Ctrl-Z suspends the process.

    Otherwise, the shell has a terminal with a hidden cursor. Where the main
    thread uses this, it must run an event loop.

    :param stop: removes the display.
    :param start: shows it again.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL
    ):
        yield
        return
    shown, deferred = True, False

    def defer(_number: int, _frame: object) -> None:
        # This function may be called in the middle of a write to the
        # terminal, and the event loop calls no other before that has ended.
        nonlocal deferred
        if not deferred:
            deferred = True
            asyncio.get_running_loop().call_soon_threadsafe(suspend)

    def suspend() -> None:
        nonlocal deferred
        if shown:
            stop()
        # Unlike SIGSTOP, SIGTSTP does nothing if no shell can continue the
        # process.
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        deferred = False
        if shown:
            signal.signal(signal.SIGTSTP, defer)
            start()

    signal.signal(signal.SIGTSTP, defer)
    try:
        yield
    finally:
        shown = False
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)


def overflow(console: Any) -> Any:
    """How to cut text that is too long: only UTF-8 has rich's ellipsis.

    :param console: a `rich.console.Console`.
    """
    return 'crop' if console.options.ascii_only else 'ellipsis'


def _progress(*more_columns: Any) -> Any:
    """A `rich.progress.Progress` on standard error, with these columns."""
    import rich.console
    import rich.progress

    return rich.progress.Progress(
        rich.progress.TextColumn('{task.description}', markup=False),
        rich.progress.BarColumn(),
        *more_columns,
        console=rich.console.Console(file=sys.stderr),
        transient=True,
    )
