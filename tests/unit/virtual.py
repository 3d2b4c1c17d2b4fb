# SPDX-License-Identifier: Apache-2.0

"""An event loop whose clock jumps to the next timer when nothing is to do."""

import asyncio
from collections.abc import Coroutine
import selectors
from typing import Any
from typing import TypeVar

#: What the clock shows at first, in seconds.
START = 1000.0
#: Seconds after which something runs for ever.
HORIZON = 100_000.0
#: Rounds of the loop after which it does not get on.
_MAX_ROUNDS = 100_000
#: Seconds by which a timer is later than the one that was set before it.
_TICK = 1e-10

_Value = TypeVar('_Value')


class EndOfTimeError(Exception):
    """Nothing is scheduled any more (a deadlock), or it does not end."""


class _Selector(selectors.SelectSelector):
    """A selector that never sleeps: it lets the clock jump instead."""

    #: Seconds on the clock.
    now = START
    _rounds = 0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        self._rounds += 1
        if self._rounds > _MAX_ROUNDS:
            raise EndOfTimeError('the clock stands still')
        if timeout == 0:
            return []
        self._rounds = 0
        if ready := super().select(0):
            return ready
        if timeout is None:
            raise EndOfTimeError('nothing is scheduled any more')
        self.now += timeout
        if self.now > START + HORIZON:
            raise EndOfTimeError(f'{HORIZON:g} seconds were not enough')
        return []


class Loop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own; no second of it takes any time.

    What goes wrong in a callback, or in a task that nobody waits for, is in
    `errors`.
    """

    def __init__(self) -> None:
        self._virtual = _Selector()
        self._timers = 0
        self.errors: list[dict[str, Any]] = []
        super().__init__(self._virtual)
        self.set_exception_handler(
            lambda _loop, what: self.errors.append(what)
        )

    def time(self) -> float:
        return self._virtual.now

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """Call back, of several at one time in the order of these calls."""
        self._timers += 1
        when += self._timers * _TICK
        return super().call_at(when, callback, *args, context=context)


def run(coroutine: Coroutine[Any, Any, _Value]) -> _Value:
    """Run a coroutine in virtual time; nothing goes wrong unseen."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        value = runner.run(coroutine)
        loop = runner.get_loop()
        assert isinstance(loop, Loop)
        left = asyncio.all_tasks(loop)
    assert not left, left
    assert loop.errors == []
    return value
