# SPDX-License-Identifier: Apache-2.0

"""What an interrupt does while processes are started and stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import signal
import threading
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def held() -> Iterator[None]:
    """Keep SIGINT and SIGTERM back until the block is done.

    An interrupt between a process's start and the note of its id would
    leave it running; one while the processes are being stopped, likewise.
    Python tells signals to the main thread; elsewhere this does nothing.
    """
    if not _in_main_thread():
        yield
        return
    pending: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        pending.append(number)

    before = {number: signal.signal(number, note) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if pending:
            signal.raise_signal(pending[0])


def interrupt_on_sigterm() -> bool:
    """Have SIGTERM raise KeyboardInterrupt, where nobody handles it yet.

    Not SystemExit: pytest counts that as one failed test and goes on.

    :returns: whether it was set up here, so has to be undone by
        :func:`end_on_sigterm`
    """
    if (
        not _in_main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        return False
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return True


def end_on_sigterm() -> None:
    """Undo :func:`interrupt_on_sigterm`."""
    if _in_main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
