# SPDX-License-Identifier: Apache-2.0

"""Many commands in one `openstack` prompt release all their resources."""

from __future__ import annotations

import contextlib
import dataclasses
from itertools import cycle
from itertools import islice
from pathlib import Path
import subprocess
import time
from typing import Self

from tests.faults.stage import OPENSTACK
from tests.faults.table import Row
from tests.simulated import Settings
from tests.simulated import SimulatedFleet

NODES = 200
COMMANDS = 50
#: The command after which the process is measured first: all modules are
#: loaded, and the heap has its final size.
_FIRST = 3
#: Maximum growth of the heap in MiB: fragmentation varies.
_MEMORY = 10
_ENTRIES = 20
_FILL = 0.05
#: Maximum seconds for one command.
_PATIENCE = 60.0
_LOOK = 0.02
#: Seconds of a measurement, so that ending threads can end.
_SETTLE = 1.0
_NEW, _MISSING = 'image-0001', 'image-0002'
#: Each command prints rows, even if it runs repeatedly.
_ROUND = (
    'list',
    f'queue {_NEW} --wait --all-nodes',
    'coverage',
    f'sync {_MISSING} --check',
    'node list',
    f'delete {_NEW} --all-nodes --auto-approve',
    f'sync {_NEW} --wait --all-nodes',
    f'delete {_NEW} --all-nodes --auto-approve',
)


class _SessionError(Exception):
    """A command failed. The text contains the reason."""


@dataclasses.dataclass(frozen=True)
class Size:
    """The resources of a process; memory in MiB."""

    threads: int
    files: int
    memory: int

    def __str__(self) -> str:
        return (
            f'{self.threads} threads, {self.files} open files,'
            f' {self.memory} MiB'
        )

    def grown(self, before: Size) -> bool:
        """Whether the process uses more than before."""
        return (
            self.threads > before.threads
            or self.files > before.files
            or self.memory > before.memory + _MEMORY
        )


def row(home: Path, commands: int = COMMANDS) -> Row:
    """The row of a session.

    :param home: an empty directory
    :param commands: the number of commands, more than three
    """
    same = f'the same as after command {_FIRST}, memory within {_MEMORY} MiB'
    try:
        first, last = _session(home, commands)
    except _SessionError as error:
        result = str(error)
    else:
        how = f'NOT {same}' if last.grown(first) else same
        result = f'{how}: {first}; {last}'
    return Row(
        f'{commands} commands in one openstack prompt, {NODES} nodes',
        ', '.join(dict.fromkeys(_ROUND)),
        result,
        f'{same}: …',
    )


def _session(home: Path, commands: int) -> tuple[Size, Size]:
    """The resources after the third command, and after the last one.

    :raises _SessionError: a command failed
    """
    with (
        SimulatedFleet(
            Settings(nodes=NODES, images=_ENTRIES + 2, fill=_FILL)
        ) as fleet,
        _Prompt(fleet, home) as prompt,
    ):
        fleet.set_cache(range(NODES), cached=list(fleet.images)[2:])
        for number, command in enumerate(islice(cycle(_ROUND), commands), 1):
            prompt.run(number, f'image cache {command} -f csv')
            if number == _FIRST:
                first = prompt.size()
        return first, prompt.size()


class _Prompt:
    """`openstack` without arguments; it reads commands from a pipe."""

    def __init__(self, fleet: SimulatedFleet, home: Path) -> None:
        self._environment = fleet.shell(home)
        self._home = home

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            out, err = (
                stack.enter_context((self._home / name).open('wb'))
                for name in ('out', 'err')
            )
            self._process = subprocess.Popen(
                [str(OPENSTACK)],
                env=self._environment,
                cwd=self._home,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
            )
        self._out = (self._home / 'out').open(encoding='utf-8')
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._out.close()

    def run(self, number: int, command: str) -> None:
        """Run a command to its end.

        :raises _SessionError: it printed no rows, or printed messages
        """
        end = f'end-of-{number}\n'
        assert self._process.stdin
        self._process.stdin.write(f'{command}\n!echo {end}'.encode())
        self._process.stdin.flush()
        deadline = time.monotonic() + _PATIENCE
        written = ''
        while not written.endswith(end):
            if self._process.poll() is not None:
                raise _SessionError(f'the prompt ended at {command}')
            if time.monotonic() > deadline:
                raise _SessionError(f'{command} did not end')
            time.sleep(_LOOK)
            written += self._out.read()
        messages = (self._home / 'err').read_text(encoding='utf-8')
        if messages or written.count('\n') <= len(('header', 'end')):
            raise _SessionError(f'{command}: {messages or "no rows"}')

    def size(self) -> Size:
        """The resources of the process, after ending threads have ended."""
        deadline = time.monotonic() + _SETTLE
        sizes = []
        while time.monotonic() < deadline:
            sizes.append(self._size_now())
            time.sleep(_LOOK)
        return Size(*map(min, zip(*map(dataclasses.astuple, sizes))))

    def _size_now(self) -> Size:
        folder = Path(f'/proc/{self._process.pid}')
        status = (folder / 'status').read_text(encoding='utf-8')
        resident = int(status.partition('VmRSS:')[2].split()[0])
        return Size(
            len(list((folder / 'task').iterdir())),
            len(list((folder / 'fd').iterdir())),
            resident // 1024,
        )
