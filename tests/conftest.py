# SPDX-License-Identifier: Apache-2.0

"""What all tests need of the process that runs them."""

from collections.abc import Awaitable
from collections.abc import Callable
import signal

import pytest

from glance_cache_osc.transport import engine

_PAUSE = engine.Engine.pause


@pytest.fixture(autouse=True)
def ctrl_c_counts() -> None:
    """Have SIGINT interrupt, also where a shell started us ignoring it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def real_pause() -> Callable[[engine.Engine, float], Awaitable[bool]]:
    """The pause that does take its time."""
    return _PAUSE


@pytest.fixture(autouse=True)
def paused(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No test waits before a retry; how long it would have been."""
    seconds: list[float] = []

    async def pause(self: engine.Engine, length: float) -> bool:
        seconds.append(length)
        return True

    monkeypatch.setattr(engine.Engine, 'pause', pause)
    return seconds
