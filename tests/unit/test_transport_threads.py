# SPDX-License-Identifier: Apache-2.0

"""Blocking calls on threads that nobody waits for."""

import asyncio
import gc
import queue
import threading

import pytest

from glance_cache_osc.transport import threads


def test_a_thread_does_not_delay_the_end_of_the_program() -> None:
    async def is_daemon() -> bool:
        return await threads.start(lambda: threading.current_thread().daemon)

    assert asyncio.run(is_daemon())


def test_an_exception_that_nobody_awaits_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    started: list[threading.Thread] = []

    def fail() -> None:
        started.append(threading.current_thread())
        raise LookupError

    async def start() -> None:
        await asyncio.wait([threads.start(fail)])

    asyncio.run(start())
    started.pop().join()
    gc.collect()

    assert caplog.messages == []


def test_a_result_that_comes_too_late_is_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    started: queue.Queue[threading.Thread] = queue.Queue()
    goes_on = threading.Event()

    def work() -> None:
        started.put(threading.current_thread())
        goes_on.wait()

    async def start() -> None:
        threads.start(work).cancel()
        goes_on.set()
        started.get().join()
        # The thread has passed its result to the loop.
        await asyncio.sleep(0)

    asyncio.run(start())

    assert caplog.messages == []
