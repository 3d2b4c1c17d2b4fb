#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.


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
