# SPDX-License-Identifier: Apache-2.0

"""One event loop for one command, and what Ctrl-C does to it."""

import asyncio
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import gc
import os
import signal
import socket
import sys
import threading
import time
from typing import Any
import warnings

import pytest

from glance_cache_osc.transport import loop as loops
from tests.shell import run_program

#: Seconds; longer than any of this takes.
PATIENCE = 10


def ctrl_c() -> None:
    """The user presses Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


async def ends_with(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


async def lasts() -> None:
    await asyncio.sleep(PATIENCE)


async def interrupted_while(begun: Callable[[], None] = ctrl_c) -> None:
    """Something that is under way when Ctrl-C is pressed."""
    asyncio.get_running_loop().call_soon(begun)
    await asyncio.sleep(PATIENCE)


@contextlib.contextmanager
def handled_by(handler: Any) -> Iterator[None]:
    """Somebody else handles SIGINT."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def on_a_thread(call: Callable[[], object]) -> None:
    """Call something off the main thread; what it raises is raised here."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    if failed:
        raise failed[0]


def test_coroutines_run_one_after_the_other_on_one_loop() -> None:
    async def which() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    with loops.Loop() as loop:
        assert loop.run(ends_with(1)) == 1
        assert loop.run(ends_with('two')) == 'two'
        assert loop.run(which()) is loop.run(which())
        assert loop.interrupted is False


def test_what_a_coroutine_raises_is_raised() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with loops.Loop() as loop:
        with pytest.raises(ZeroDivisionError):
            loop.run(fail())
        assert loop.run(ends_with(1)) == 1


def test_the_event_loop_may_be_another() -> None:
    made = asyncio.new_event_loop()

    async def is_that() -> bool:
        return asyncio.get_running_loop() is made

    with loops.Loop(lambda: made) as loop:
        assert loop.run(is_that())
    assert made.is_closed()


def test_ctrl_c_ends_what_runs() -> None:
    began = time.monotonic()

    with loops.Loop() as loop:
        with pytest.raises(KeyboardInterrupt):
            loop.run(interrupted_while())
        assert loop.interrupted

    assert time.monotonic() - began < 5


def test_ctrl_c_ends_what_runs_when_it_comes_from_outside() -> None:
    """While the loop waits for the network, as it mostly does."""
    began = time.monotonic()
    timer = threading.Timer(
        0.1,
        signal.pthread_kill,
        (threading.main_thread().ident or 0, signal.SIGINT),
    )
    timer.start()

    with loops.Loop() as loop, pytest.raises(KeyboardInterrupt):
        loop.run(lasts())

    assert time.monotonic() - began < 5


def press_elsewhere() -> None:
    """Press Ctrl-C, and let another thread have the signal.

    So it is for the main thread as if it came just before it waits: its own
    system call is not interrupted.
    """
    threading.Timer(0.1, ctrl_c).start()


def test_ctrl_c_just_before_the_loop_waits_is_not_lost() -> None:
    """It once was seen only when something else happened."""
    began = time.monotonic()
    press_elsewhere()

    with loops.Loop() as loop, pytest.raises(KeyboardInterrupt):
        loop.run(lasts())

    assert time.monotonic() - began < 5


def test_who_else_is_woken_by_signals_is_woken_again() -> None:
    """Unless that is closed by then: it may be another file."""
    reads, writes = socket.socketpair()
    with reads, writes:
        writes.setblocking(False)
        number = writes.fileno()
        signal.set_wakeup_fd(number)
        try:
            with loops.Loop() as loop, pytest.raises(KeyboardInterrupt):
                loop.run(interrupted_while())
            assert signal.set_wakeup_fd(number) == number
            with loops.Loop():
                writes.close()
        finally:
            assert signal.set_wakeup_fd(-1) == -1


def test_who_cannot_be_woken_again_is_no_failure() -> None:
    """Python accepts only descriptors that do not block."""
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(socket.socket())
        other.setblocking(False)
        signal.set_wakeup_fd(other.fileno())
        stack.callback(signal.set_wakeup_fd, -1)

        with loops.Loop():
            other.setblocking(True)

        assert signal.set_wakeup_fd(-1) == -1


def test_what_is_made_of_a_cancellation_is_returned() -> None:
    async def settles() -> str:
        try:
            await interrupted_while()
        except asyncio.CancelledError:
            return 'settled'
        return 'never'

    with loops.Loop() as loop:
        assert loop.run(settles()) == 'settled'
        assert loop.interrupted


def test_after_ctrl_c_nothing_begins() -> None:
    """And Python does not complain of what never began."""
    begun: list[str] = []

    async def begin() -> None:
        begun.append('this')

    with loops.Loop() as loop:
        with pytest.raises(KeyboardInterrupt):
            loop.run(interrupted_while())
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            with pytest.raises(KeyboardInterrupt):
                loop.run(begin())
            gc.collect()

    assert begun == []


def test_nothing_new_starts_after_ctrl_c() -> None:
    """What is under way may look at `draining`, and be finished."""
    drained: list[bool] = []

    async def settles(loop: loops.Loop) -> None:
        try:
            await interrupted_while()
        except asyncio.CancelledError:
            drained.append(loop.engine.draining.is_set())

    with loops.Loop() as loop:
        assert not loop.engine.draining.is_set()
        loop.run(settles(loop))

    assert drained == [True]


def test_a_second_ctrl_c_ends_what_settles() -> None:
    async def settles() -> None:
        try:
            await interrupted_while()
        except asyncio.CancelledError:
            await interrupted_while()

    began = time.monotonic()
    with loops.Loop() as loop, pytest.raises(KeyboardInterrupt):
        loop.run(settles())

    assert time.monotonic() - began < 5


def test_before_the_first_coroutine_ctrl_c_is_what_it_always_is() -> None:
    with loops.Loop(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_between_two_coroutines_ctrl_c_is_what_it_always_is() -> None:
    """A question to the user is interrupted at once."""
    with loops.Loop() as loop:
        loop.run(ends_with(1))
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
        assert loop.interrupted


def test_what_was_changed_is_reported_before_ctrl_c_ends_it() -> None:
    """But for a user who presses it again."""
    with loops.Loop() as loop:
        loop.run(ends_with(1))
        loop.has_changes = True
        ctrl_c()
        assert loop.interrupted
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()


def test_ctrl_c_in_the_last_moment_loses_no_result() -> None:
    async def ends_meanwhile() -> str:
        ctrl_c()
        return 'done'

    with loops.Loop() as loop:
        assert loop.run(ends_meanwhile()) == 'done'
        assert loop.interrupted


def mine(*_: object) -> None:
    """A handler such as the prompt's."""


@pytest.mark.parametrize(
    'handler', [signal.default_int_handler, signal.SIG_DFL, mine]
)
@pytest.mark.parametrize('error', [None, ValueError, KeyboardInterrupt])
def test_the_handler_of_before_is_restored(
    handler: Any, error: type[BaseException] | None
) -> None:
    with handled_by(handler):
        with (
            contextlib.suppress(ValueError, KeyboardInterrupt),
            loops.Loop() as loop,
        ):
            assert signal.getsignal(signal.SIGINT) != handler
            loop.run(ends_with(1))
            assert signal.getsignal(signal.SIGINT) != handler
            if error:
                raise error
        assert signal.getsignal(signal.SIGINT) == handler


@pytest.mark.parametrize('handler', [signal.default_int_handler, mine])
def test_a_foreign_handler_does_not_keep_ctrl_c_from_us(handler: Any) -> None:
    """That of asyncio gives way to one; that of the prompt does nothing."""
    with handled_by(handler):
        with loops.Loop() as loop, pytest.raises(KeyboardInterrupt):
            loop.run(interrupted_while())
        assert signal.getsignal(signal.SIGINT) == handler


def test_who_ignores_ctrl_c_goes_on_ignoring_it() -> None:
    """As what a shell starts in the background."""

    async def goes_on() -> str:
        ctrl_c()
        await asyncio.sleep(0.01)
        return 'went on'

    with handled_by(signal.SIG_IGN), loops.Loop() as loop:
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert loop.run(goes_on()) == 'went on'
        assert not loop.interrupted


def test_ctrl_c_while_the_handler_is_set_leaves_none_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not lost either: nothing begins any more."""
    real = signal.signal

    def set_and_press(number: int, handler: Any) -> Any:
        before = real(number, handler)
        if handler not in (mine, signal.default_int_handler):
            ctrl_c()
        return before

    with handled_by(mine):
        monkeypatch.setattr(signal, 'signal', set_and_press)
        reached = False
        with contextlib.suppress(KeyboardInterrupt), loops.Loop() as loop:
            reached = True
            loop.run(ends_with(1))
            reached = False
        # It was interrupted there, and nowhere else.
        assert reached
        assert signal.getsignal(signal.SIGINT) is mine


def test_ctrl_c_while_it_is_closed_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = asyncio.new_event_loop()
    real = made.close

    def press_and_close() -> None:
        ctrl_c()
        real()

    monkeypatch.setattr(made, 'close', press_and_close)

    with handled_by(mine):
        with (
            contextlib.suppress(KeyboardInterrupt),
            loops.Loop(lambda: made) as loop,
        ):
            loop.run(ends_with(1))
        assert signal.getsignal(signal.SIGINT) is mine
    assert made.is_closed()


def test_off_the_main_thread_signals_are_left_alone() -> None:
    seen: list[Any] = []

    def use() -> None:
        with loops.Loop() as loop:
            seen.append(signal.getsignal(signal.SIGINT))
            seen.append(loop.run(ends_with(1)))

    with handled_by(mine):
        on_a_thread(use)

    assert seen == [mine, 1]


def inside_a_loop(call: Callable[[], Any]) -> Any:
    """Call something within a loop that runs, as in a notebook."""

    async def run() -> Any:
        return call()

    return asyncio.run(run())


def test_inside_a_running_loop_it_has_one_beside_that() -> None:
    def use() -> tuple[Any, Any]:
        here = asyncio.get_running_loop()
        handler = signal.getsignal(signal.SIGINT)
        with loops.Loop() as loop:
            assert loop.engine
            values = [loop.run(ends_with(at)) for at in range(3)]
            with pytest.raises(ZeroDivisionError):
                loop.run(fail())
        assert asyncio.get_running_loop() is here
        return values, signal.getsignal(signal.SIGINT) == handler

    async def fail() -> None:
        raise ZeroDivisionError

    threads = threading.active_count()
    assert inside_a_loop(use) == ([0, 1, 2], True)
    assert threading.active_count() == threads


def test_inside_a_running_loop_ctrl_c_ends_what_runs_beside_it() -> None:
    def use() -> str:
        began = time.monotonic()
        timer = threading.Timer(
            0.1,
            signal.pthread_kill,
            (threading.main_thread().ident or 0, signal.SIGINT),
        )
        timer.start()
        with loops.Loop() as loop:
            with pytest.raises(KeyboardInterrupt):
                loop.run(lasts())
            assert loop.interrupted
        assert time.monotonic() - began < 5
        return 'and that goes on'

    assert inside_a_loop(use) == 'and that goes on'


def test_inside_a_running_loop_no_ctrl_c_is_lost() -> None:
    def use() -> None:
        press_elsewhere()
        began = time.monotonic()
        with loops.Loop() as loop, pytest.raises(KeyboardInterrupt):
            loop.run(lasts())
        assert time.monotonic() - began < 5

    inside_a_loop(use)


def test_inside_a_running_loop_off_the_main_thread() -> None:
    def use() -> None:
        with loops.Loop() as loop:
            assert loop.run(ends_with(1)) == 1

    on_a_thread(lambda: inside_a_loop(use))


def test_the_collector_is_left_as_it_was() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()

    with pytest.raises(ValueError), loops.Loop():  # noqa: PT011 - ours
        raise ValueError

    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == frozen


def test_one_command_after_the_other_leaves_nothing() -> None:
    """As in a prompt that lasts for days."""
    threads = threading.active_count()
    for _ in range(30):
        with loops.Loop() as loop:
            assert loop.engine
            loop.run(ends_with(1))

    assert threading.active_count() == threads
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_garbage_is_not_looked_for_when_the_process_ends() -> None:
    """What is registered first is called last."""
    program = """\
import atexit, gc
from glance_cache_osc.transport import loop
# Python 3.12 itself freezes a few hundred objects.
before = gc.get_freeze_count()
atexit.register(lambda: print(gc.get_freeze_count() > before + 1000))
for _ in range(2):
    with loop.Loop():
        pass
print(gc.get_freeze_count() - before)
"""
    done = run_program(sys.executable, '-c', program, timeout=PATIENCE * 6)

    assert (done.code, done.out) == (0, '0\nTrue\n'), done.err


def test_sigterm_is_as_ctrl_c() -> None:
    async def stopped() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(60)

    before = signal.getsignal(signal.SIGTERM)

    with loops.Loop() as loop:
        with pytest.raises(KeyboardInterrupt):
            loop.run(stopped())
        assert loop.interrupted

    assert signal.getsignal(signal.SIGTERM) is before
