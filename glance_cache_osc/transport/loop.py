# SPDX-License-Identifier: Apache-2.0

"""The event loop of a command, and how Ctrl-C and SIGTERM interrupt it."""

import asyncio
import atexit
from collections.abc import Callable
from collections.abc import Coroutine
from concurrent import futures
import contextlib
import gc
import signal
import socket
import threading
from typing import Any
from typing import Self
from typing import TypeVar

from glance_cache_osc.transport import engine as engines

_Value = TypeVar('_Value')
#: The thresholds of Python's garbage collector while a command runs. It runs
#: less often than by default: almost no object of thousands of responses is
#: garbage.
_GC_THRESHOLDS = (50_000, 20, 20)
#: Ctrl-C, and the signal of `timeout` and systemd.
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: The interval in seconds at which the main thread checks for signals while
#: the event loop runs on another thread.
_SIGNAL_INTERVAL = 0.1


class Loop:
    """A context manager that runs coroutines, one after the other.

    On the main thread, Ctrl-C cancels the running coroutine, so that no new
    request starts. A second Ctrl-C cancels the coroutine's handling of the
    first. If no coroutine is running, Ctrl-C raises `KeyboardInterrupt`, as
    usual in Python. SIGTERM does the same as Ctrl-C. The previous signal
    handlers are restored at the end.

    :param factory: creates the event loop; tests use a loop with a virtual
        clock.
    :ivar interrupted: whether the user pressed Ctrl-C.
    :ivar has_changes: whether the command has changed something. A first
        Ctrl-C after the change, and before the report, does not raise
        `KeyboardInterrupt`; a second does.
    """

    interrupted = False
    has_changes = False

    def __init__(
        self,
        factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    ) -> None:
        self._runner = asyncio.Runner(loop_factory=factory)
        self._engine: engines.Engine | None = None
        self._task: asyncio.Task[Any] | None = None
        self._running = False
        #: Becomes readable after a signal.
        self._wakeup: socket.socket | None = None
        self._restore = contextlib.ExitStack()

    @property
    def engine(self) -> engines.Engine:
        """The engine of this loop, which is created when it is first used."""
        if self._engine is None:
            self._engine = engines.Engine()
        return self._engine

    def __enter__(self) -> Self:
        # The handler must not raise before `stack` can restore the previous
        # one.
        self._running = True
        with contextlib.ExitStack() as stack:
            stack.callback(gc.set_threshold, *gc.get_threshold())
            gc.set_threshold(*_GC_THRESHOLDS)
            # Python collects garbage once more when the process ends. With
            # all modules of OpenStackClient loaded, this takes a quarter of
            # a second.
            atexit.unregister(gc.freeze)
            atexit.register(gc.freeze)
            on_main = threading.current_thread() is threading.main_thread()
            for number in _SIGNALS if on_main else ():
                previous = signal.getsignal(number)
                # A process that ignores a signal continues to ignore it.
                if previous not in (None, signal.SIG_IGN):
                    self._wakeup = self._wakeup or _wakeup(stack)
                    stack.callback(signal.signal, number, previous)
                    signal.signal(number, self._on_signal)
            self._restore = stack.pop_all()
        self._running = False
        return self

    def __exit__(self, *_error: object) -> None:
        with self._restore:
            self._call(self._close)

    def run(self, coroutine: Coroutine[Any, Any, _Value]) -> _Value:
        """Run a coroutine to its end.

        :returns: the value of the coroutine, also if it handles the
            cancellation after a Ctrl-C (see `interrupted`).
        :raises KeyboardInterrupt: a Ctrl-C cancelled the coroutine, or came
            before it began.
        """
        if self.interrupted:
            coroutine.close()
            raise KeyboardInterrupt
        try:
            return self._call(lambda: self._runner.run(self._guard(coroutine)))
        except (asyncio.CancelledError, futures.CancelledError):
            raise KeyboardInterrupt from None

    async def _guard(self, coroutine: Coroutine[Any, Any, _Value]) -> _Value:
        """Run a coroutine as the task that Ctrl-C cancels."""
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        try:
            if self._wakeup:
                loop.add_reader(self._wakeup, self._wakeup.recv, 4096)
            if self.interrupted:
                coroutine.close()
                raise asyncio.CancelledError
            return await coroutine
        finally:
            self._task = None
            if self._wakeup:
                loop.remove_reader(self._wakeup)

    def _close(self) -> None:
        if self._engine:
            self._runner.run(self._engine.aclose())
        self._runner.close()

    def _call(self, call: Callable[[], _Value]) -> _Value:
        """Call a function that uses the event loop.

        The call runs on another thread if this thread runs an event loop
        already.
        """
        self._running = True
        try:
            if not _thread_has_loop():
                return call()
            with futures.ThreadPoolExecutor(1) as pool:
                future = pool.submit(call)
                while not future.done():
                    futures.wait([future], _SIGNAL_INTERVAL)
            return future.result()
        finally:
            self._running = False

    def _on_signal(self, *_signal: object) -> None:
        repeated, self.interrupted = self.interrupted, True
        if self._task:
            self._runner.get_loop().call_soon_threadsafe(
                self._interrupt, self._task
            )
        elif not self._running and (repeated or not self.has_changes):
            raise KeyboardInterrupt

    def _interrupt(self, task: asyncio.Task[Any]) -> None:
        self.engine.draining.set()
        task.cancel()


def _wakeup(stack: contextlib.ExitStack) -> socket.socket:
    """A socket that becomes readable after each signal.

    Without it, a signal that arrives just before the event loop waits would
    be handled only after the wait.

    :param stack: closes the socket and restores the previous descriptor.
    """
    reader, writer = socket.socketpair()
    for one in (reader, writer):
        stack.enter_context(one).settimeout(0)
    previous = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    stack.callback(_restore_wakeup_fd, previous)
    return reader


def _restore_wakeup_fd(descriptor: int) -> None:
    """Restore the previous wakeup descriptor, if it is still open."""
    signal.set_wakeup_fd(-1)
    with contextlib.suppress(OSError, ValueError):
        signal.set_wakeup_fd(descriptor)


def _thread_has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
