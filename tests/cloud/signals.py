# SPDX-License-Identifier: Apache-2.0

"""Interrupts during the start and the stop of processes."""

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
    """Delay SIGINT and SIGTERM until the end of the block.

    An interrupt between the start of a process and the record of its ID would
    leave the process running. So would an interrupt during the stop of the
    processes. Python handles signals in the main thread; in other threads this
    does nothing.
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
    """Make SIGTERM raise KeyboardInterrupt, unless it has a handler.

    Not SystemExit: pytest counts this as one failed test, and continues.

    :returns: whether the handler was set, so that :func:`end_on_sigterm` must
        remove it
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
