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
