# SPDX-License-Identifier: Apache-2.0

"""A program on a terminal, and somebody who types and looks."""

from collections.abc import Callable
from collections.abc import Sequence
import contextlib
import fcntl
import os
import pathlib
import pty
import re
import select
import struct
import subprocess
import termios
import threading
import time
from typing import Any
from typing import Self

import pyte

from tests.shell import PATIENCE


class Terminal:
    """A program on a terminal, and somebody who types.

    A context: the program is killed at its end, if it still runs. What it
    asks of the terminal may be answered, and shown, at the start of a line
    of its output.

    :ivar process: the program
    :ivar written: all its output
    """

    def __init__(
        self,
        argv: Sequence[str | pathlib.Path],
        environment: dict[str, str],
        folder: pathlib.Path,
        columns: int = 200,
        lines: int = 50,
    ) -> None:
        self.written = b''
        self._ours, theirs = pty.openpty()
        screen = pyte.Screen(columns, lines)
        # The prompt asks where the cursor is.
        screen.write_process_input = self._answer  # type: ignore[method-assign]
        self._screen, self._stream = screen, pyte.ByteStream(screen)
        self.resize(columns, lines)
        self.process = subprocess.Popen(
            argv,
            env={**environment, 'TERM': 'xterm'},
            cwd=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            # So that Ctrl-C is a signal to it.
            preexec_fn=_own_terminal,  # noqa: PLW1509 - no thread runs here
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        os.close(self._ours)

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self._ours, text.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size."""
        size = struct.pack('HHHH', lines, columns, 0, 0)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, size)
        self._screen.resize(lines, columns)

    def _answer(self, data: str) -> None:
        os.write(self._ours, data.encode())

    @property
    def shown(self) -> list[str]:
        """The lines of the screen that are not empty."""
        lines = [one.rstrip() for one in self._screen.display]
        return [one for one in lines if one]

    def await_screen(self, fits: Callable[[list[str]], Any]) -> None:
        """Wait until what is shown fits."""
        deadline = time.monotonic() + PATIENCE
        while not fits(self.shown):
            left = deadline - time.monotonic()
            assert left > 0, '\n'.join(self.shown)
            if select.select([self._ours], [], [], left)[0]:
                with contextlib.suppress(OSError):  # It has ended.
                    self._read()

    def await_end(self) -> int:
        """Wait for the end of the program; returns its exit code."""
        watchdog = threading.Timer(PATIENCE, self.process.kill)
        watchdog.start()
        with contextlib.suppress(OSError):  # It has ended.
            while True:
                self._read()
        watchdog.cancel()
        return self.process.wait(PATIENCE)

    def _read(self) -> None:
        written = os.read(self._ours, 65536)
        self.written += written
        self._stream.feed(written)

    def await_line(self, line: re.Pattern[str]) -> None:
        """Wait until a line of the screen matches; then clear the screen."""
        self.await_screen(lambda shown: any(map(line.search, shown)))
        self._screen.erase_in_display(2)


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
