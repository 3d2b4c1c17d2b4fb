# SPDX-License-Identifier: Apache-2.0

"""Calls that block, on threads that do not hold the program at its end.

`asyncio.to_thread` uses a pool whose threads are joined when the program
ends: a call that hangs would hold it.
"""

import asyncio
from collections.abc import Callable
import contextlib
import errno
import threading
from typing import TypeVar

_Value = TypeVar('_Value')


def start(call: Callable[[], _Value]) -> asyncio.Future[_Value]:
    """Start a call on a thread of its own.

    :returns: a future of the running loop, with its value or exception.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Value] = loop.create_future()
    # Whether anybody still waits for it or not, it is no bug.
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
        # The loop may be closed by now.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(finish, *outcome)

    try:
        threading.Thread(target=run, daemon=True).start()
    except RuntimeError as error:
        future.set_exception(OSError(errno.EAGAIN, str(error)))
    return future
