# SPDX-License-Identifier: Apache-2.0

"""Fixtures for all tests."""

from collections.abc import Awaitable
from collections.abc import Callable
import gc
import signal

import pytest

from glance_cache_osc.transport import engine

_PAUSE = engine.Engine.pause


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option for environments that check dependencies."""
    parser.addoption(
        '--once',
        action='store_true',
        help='run each test only with the first of its parameters',
    )


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Keep the first item of each test, with the option --once."""
    if config.getoption('once'):
        first = {one.nodeid.partition('[')[0]: one for one in items[::-1]}
        items[:] = [*first.values()][::-1]


def pytest_collection_finish() -> None:
    """Have the garbage collector ignore all modules: this saves a tenth."""
    gc.freeze()


@pytest.fixture(autouse=True)
def ctrl_c_counts() -> None:
    """Set the default handler of SIGINT; a shell may have ignored it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def real_pause() -> Callable[[engine.Engine, float], Awaitable[bool]]:
    """The original function, which pauses."""
    return _PAUSE


@pytest.fixture(autouse=True)
def paused(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses before retries take no time; returns their lengths."""
    seconds: list[float] = []

    async def pause(self: engine.Engine, length: float) -> bool:
        seconds.append(length)
        return True

    monkeypatch.setattr(engine.Engine, 'pause', pause)
    return seconds
