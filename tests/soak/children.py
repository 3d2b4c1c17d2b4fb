# SPDX-License-Identifier: Apache-2.0

"""The processes of a soak, and what they use."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
import queue
import subprocess
import threading
from typing import Self

from tests.processes import PROC
from tests.processes import Size
from tests.processes import size_of

#: In the environment of all processes that a soak starts, with its value.
MARK = 'GLANCE_CACHE_OSC_SOAK'
_ROOT = Path(__file__).parents[2]
_ENDING_SECONDS = 10.0


class Child:
    """A program whose output is read line by line, as a context manager.

    Standard error is part of the output.

    :ivar code: its exit code; None until it has ended
    """

    def __init__(self, *argv: str, environment: Mapping[str, str]) -> None:
        self.code: int | None = None
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            argv,
            env=environment,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding='utf-8',
            bufsize=1,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line.rstrip('\n'))

    def lines(self) -> Iterator[str]:
        """The lines that were written since the last call."""
        while True:
            try:
                yield self._lines.get_nowait()
            except queue.Empty:
                return

    def write(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin
        self._process.stdin.write(f'{line}\n')

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def end(self, *, by_signal: bool) -> None:
        """Send SIGTERM or close its standard input, and wait for its end."""
        assert self._process.stdin
        if by_signal:
            self._process.terminate()
        else:
            self._process.stdin.close()
        try:
            self.code = self._process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            return
        self._reader.join()

    def size(self) -> Size:
        """What it uses now."""
        return size_of(self._process.pid)


def left_over(value: str) -> list[str]:
    """The processes with a value of `MARK` in their environment."""
    wanted = f'{MARK}={value}'.encode()
    found = []
    for path in PROC.glob('[0-9]*/environ'):
        try:
            if wanted in path.read_bytes().split(b'\0'):
                found.append(path.parent.name)
        except OSError:
            continue
    return found
