# SPDX-License-Identifier: Apache-2.0

"""One event loop for one command, and what Ctrl-C does to it."""

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
#: Python's garbage collector looks less often while thousands of responses
#: come in: next to nothing of them is garbage.
_THRESHOLDS = (50_000, 20, 20)
#: Seconds after which the main thread looks for signals while the event loop
#: is on another one.
_LOOK = 0.1


class Loop:
    """A context: coroutines are run in it, one after the other.

    On the main thread, Ctrl-C cancels the coroutine that runs, so that no
    new request starts; another Ctrl-C cancels what it does about that.
    Otherwise Ctrl-C raises `KeyboardInterrupt`, as anywhere in Python. The
    handler of before is restored at the end.

    :param factory: makes the event loop; tests have one with its own time.
    :ivar interrupted: whether there was a Ctrl-C.
    :ivar has_changes: whether something was changed. A Ctrl-C that comes
        after that, and before it is reported, does not raise; another does.
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
        #: Has something to read after a signal.
        self._wakeup: socket.socket | None = None
        self._restore = contextlib.ExitStack()

    @property
    def engine(self) -> engines.Engine:
        """The connections of this loop."""
        if self._engine is None:
            self._engine = engines.Engine()
        return self._engine

    def __enter__(self) -> Self:
        # Until somebody restores it, the handler must not raise.
        self._running = True
        with contextlib.ExitStack() as stack:
            stack.callback(gc.set_threshold, *gc.get_threshold())
            gc.set_threshold(*_THRESHOLDS)
            # Python looks for garbage once more when the process ends: a
            # quarter of a second for all that OpenStackClient has loaded.
            atexit.unregister(gc.freeze)
            atexit.register(gc.freeze)
            before = signal.getsignal(signal.SIGINT)
            # Whoever ignores it goes on doing so.
            on_main = threading.current_thread() is threading.main_thread()
            if on_main and before not in (None, signal.SIG_IGN):
                self._wakeup = _wakeup(stack)
                stack.callback(signal.signal, signal.SIGINT, before)
                signal.signal(signal.SIGINT, self._on_sigint)
            self._restore = stack.pop_all()
        self._running = False
        return self

    def __exit__(self, *_error: object) -> None:
        with self._restore:
            self._on_its_thread(self._close)

    def run(self, coroutine: Coroutine[Any, Any, _Value]) -> _Value:
        """Run a coroutine to its end.

        :returns: its value; after a Ctrl-C (see `interrupted`), what it
            made of its cancellation.
        :raises KeyboardInterrupt: it was cancelled by a Ctrl-C, or had not
            begun.
        """
        if self.interrupted:
            coroutine.close()
            raise KeyboardInterrupt
        try:
            return self._on_its_thread(
                lambda: self._runner.run(self._guard(coroutine))
            )
        except (asyncio.CancelledError, futures.CancelledError):
            raise KeyboardInterrupt from None

    async def _guard(self, coroutine: Coroutine[Any, Any, _Value]) -> _Value:
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

    def _on_its_thread(self, call: Callable[[], _Value]) -> _Value:
        """Call it here, or beside a loop that runs here already."""
        self._running = True
        try:
            if not _loop_runs_here():
                return call()
            with futures.ThreadPoolExecutor(1) as pool:
                outcome = pool.submit(call)
                while not outcome.done():
                    futures.wait([outcome], _LOOK)
            return outcome.result()
        finally:
            self._running = False

    def _on_sigint(self, *_signal: object) -> None:
        again, self.interrupted = self.interrupted, True
        if self._task:
            self._runner.get_loop().call_soon_threadsafe(
                self._interrupt, self._task
            )
        elif not self._running and (again or not self.has_changes):
            raise KeyboardInterrupt

    def _interrupt(self, task: asyncio.Task[Any]) -> None:
        self.engine.draining.set()
        task.cancel()


def _wakeup(stack: contextlib.ExitStack) -> socket.socket:
    """A socket with something to read after each signal.

    A signal that comes just before the event loop waits would otherwise be
    handled only after that.
    """
    reads, writes = socket.socketpair()
    for one in (reads, writes):
        stack.enter_context(one).settimeout(0)
    before = signal.set_wakeup_fd(writes.fileno(), warn_on_full_buffer=False)
    stack.callback(_wake, before)
    return reads


def _wake(descriptor: int) -> None:
    """Let signals write where they did before, if that is still open."""
    signal.set_wakeup_fd(-1)
    with contextlib.suppress(OSError, ValueError):
        signal.set_wakeup_fd(descriptor)


def _loop_runs_here() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
