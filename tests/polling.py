# SPDX-License-Identifier: Apache-2.0

"""Waits for a condition."""

from __future__ import annotations

from collections.abc import Callable
import time


def until(
    condition: Callable[[], object],
    timeout: float = 60,
    what: Callable[[], object] = lambda: 'the condition is not true',
) -> None:
    """Wait until a condition is true.

    :param timeout: seconds
    :param what: returns the text of the error
    :raises TimeoutError: it is not true in time
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what())
        time.sleep(0.02)
