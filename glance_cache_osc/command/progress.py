# SPDX-License-Identifier: Apache-2.0

"""What a person sees while many nodes are asked: a line that goes again."""

from collections.abc import Iterator
import contextlib
import logging
import sys
from typing import Any

_LOG = logging.getLogger(__name__)
#: Fewer than these are asked before a line could be read.
_MANY = 10


class Counter:
    """Shows how many are done, if there is somebody to see it.

    :param display: a `rich.progress.Progress`, or None.
    """

    def __init__(self, display: Any = None, task: Any = None) -> None:
        self._display = display
        self._task = task

    def advance(self) -> None:
        """One more is done."""
        if self._display:
            self._display.advance(self._task)

    def warn(self, line: str) -> None:
        """Log a line, above the display."""
        if self._display:
            self._display.stop()
        _LOG.warning(line)
        if self._display:
            self._display.start()


class Bytes:
    """Shows how many bytes have arrived, if there is somebody to see it.

    :param display: a `rich.progress.Progress`, or None.
    """

    def __init__(self, display: Any = None, task: Any = None) -> None:
        self._display = display
        self._task = task
        self._total = 0

    def expect(self, size: int) -> None:
        """So many more bytes will be read."""
        self._total += size
        if self._display:
            self._display.update(self._task, total=self._total)

    def advance(self, size: int) -> None:
        """So many bytes have arrived."""
        if self._display:
            self._display.advance(self._task, size)


@contextlib.contextmanager
def transferring(what: str) -> Iterator[Bytes]:
    """Show on a terminal how much was read, how fast, and the time left.

    :param what: what is going on: "Verifying".
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
    with display:
        yield Bytes(display, display.add_task(what, total=None))


@contextlib.contextmanager
def counting(what: str, total: int) -> Iterator[Counter]:
    """Show on a terminal how many of so many are done.

    It stands on standard error, and only if that is a terminal.

    :param what: what is going on: "Asking nodes".
    """
    if total < _MANY or not sys.stderr.isatty():
        yield Counter()
        return
    import rich.progress

    with _progress(rich.progress.MofNCompleteColumn()) as display:
        yield Counter(display, display.add_task(what, total=total))
        display.refresh()


def _progress(*figures: Any) -> Any:
    """A `rich.progress.Progress` on standard error."""
    import rich.console
    import rich.progress

    return rich.progress.Progress(
        rich.progress.TextColumn('{task.description}', markup=False),
        rich.progress.BarColumn(),
        *figures,
        console=rich.console.Console(file=sys.stderr),
        transient=True,
    )
