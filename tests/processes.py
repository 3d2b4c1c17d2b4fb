# SPDX-License-Identifier: Apache-2.0

"""Properties of running processes, from /proc."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import signal
import time

PROC = Path('/proc')


@dataclass(frozen=True)
class Size:
    """The resources of a process.

    :ivar at: time of the measurement, in seconds
    :ivar memory: resident memory in MiB
    :ivar files: number of open files
    :ivar children: number of its child processes, zombies included
    """

    at: float
    memory: float
    files: int
    threads: int
    children: int


def size_of(pid: int) -> Size:
    """The resources of a process at this time."""
    folder = PROC / str(pid)
    return Size(
        time.monotonic(),
        int(_status(pid, 'VmRSS')) / 1024,
        len(list((folder / 'fd').iterdir())),
        len(list((folder / 'task').iterdir())),
        sum(one == pid for one in _parents()),
    )


def ignores_sigint(pid: int) -> bool:
    """Whether a process ignores SIGINT."""
    mask = int(_status(pid, 'SigIgn'), 16)
    return bool(mask >> (signal.SIGINT - 1) & 1)


def state_of(pid: int) -> str:
    """The state of a process in one letter, such as T for stopped."""
    return _status(pid, 'State')


def _status(pid: int, key: str) -> str:
    text = (PROC / f'{pid}/status').read_text(encoding='utf-8')
    return text.partition(f'{key}:')[2].split()[0]


def _parents() -> Iterator[int]:
    """The parent of each process on this machine."""
    for path in PROC.glob('[0-9]*/stat'):
        try:
            text = path.read_text(encoding='utf-8', errors='replace')
        except OSError:
            continue
        # The name of a program may contain spaces and parentheses.
        yield int(text.rpartition(')')[2].split()[1])
