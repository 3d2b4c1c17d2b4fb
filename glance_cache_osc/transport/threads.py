# SPDX-License-Identifier: Apache-2.0

"""Runs blocking calls on daemon threads.

`asyncio.to_thread` uses a pool whose threads are joined when the program
ends: a call that hangs would prevent the program from ending.
"""

import asyncio
from collections.abc import Callable
import contextlib
import errno
import threading
from typing import TypeVar

_Value = TypeVar('_Value')


def start(call: Callable[[], _Value]) -> asyncio.Future[_Value]:
    """Start a call on a new thread.

    :returns: a future of the running loop. It receives the call's value or
        exception; OSError if the thread cannot be started.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Value] = loop.create_future()
    # Reading the exception prevents asyncio's warning about an exception
    # that was never retrieved: the caller may have stopped waiting.
    future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def finish(
        set_outcome: Callable[[_Value], None]
        | Callable[[BaseException], None],
        outcome: object,
    ) -> None:
        if not future.done():
            set_outcome(outcome)  # type: ignore[arg-type]

    def run() -> None:
        try:
            outcome = (future.set_result, call())
        except BaseException as error:  # noqa: BLE001 - raised where awaited
            outcome = (future.set_exception, error)  # type: ignore[assignment]
        # The loop may be closed already.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(finish, *outcome)

    try:
        threading.Thread(target=run, daemon=True).start()
    except RuntimeError as error:
        future.set_exception(OSError(errno.EAGAIN, str(error)))
    return future
