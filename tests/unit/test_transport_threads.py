# SPDX-License-Identifier: Apache-2.0

"""Blocking calls on threads that nobody waits for."""

import asyncio
import gc
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
    async def start() -> None:
        goes_on = threading.Event()
        future = threads.start(goes_on.wait)
        future.cancel()
        goes_on.set()
        await asyncio.sleep(0.1)

    asyncio.run(start())

    assert caplog.messages == []
