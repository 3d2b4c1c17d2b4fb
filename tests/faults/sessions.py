# SPDX-License-Identifier: Apache-2.0

"""Many commands in one `openstack` prompt release all their resources."""

from __future__ import annotations

import dataclasses
from itertools import cycle
from itertools import islice
from pathlib import Path
import subprocess
import time
from typing import TextIO

from tests.faults.table import Row
from tests.polling import until
from tests.processes import Size
from tests.processes import size_of
from tests.shell import OPENSTACK
from tests.shell import Program
from tests.shell import started
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


def grown(before: Size, after: Size) -> bool:
    """Whether a process uses more than before."""
    return (
        after.threads > before.threads
        or after.files > before.files
        or after.memory > before.memory + _MEMORY
    )


def _words(size: Size) -> str:
    return (
        f'{size.threads} threads, {size.files} open files,'
        f' {size.memory:.0f} MiB'
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
        how = f'NOT {same}' if grown(first, last) else same
        result = f'{how}: {_words(first)}; {_words(last)}'
    return Row(
        f'{commands} commands in one openstack prompt, {NODES} nodes',
        ', '.join(dict.fromkeys(_ROUND)),
        result,
        f'{same}: …',
    )


def _session(home: Path, commands: int) -> tuple[Size, Size]:
    """The resources after the third command, and after the last one.

    `openstack` without arguments reads commands from a pipe.

    :raises _SessionError: a command failed
    """
    settings = Settings(nodes=NODES, images=_ENTRIES + 2, fill=_FILL)
    with (
        SimulatedFleet(settings) as fleet,
        started(
            OPENSTACK,
            environment=fleet.shell(home),
            folder=home,
            timeout=commands * _PATIENCE,
            stdin=subprocess.PIPE,
            to_files=True,
        ) as prompt,
        (home / 'out').open(encoding='utf-8') as out,
    ):
        fleet.set_cache(range(NODES), cached=list(fleet.images)[2:])
        for number, command in enumerate(islice(cycle(_ROUND), commands), 1):
            _run(prompt, out, number, f'image cache {command} -f csv')
            if number == _FIRST:
                first = _size(prompt)
        return first, _size(prompt)


def _run(prompt: Program, out: TextIO, number: int, command: str) -> None:
    """Run a command of the prompt to its end.

    :param out: its standard output
    :raises _SessionError: it printed no rows, or printed messages
    """
    end = f'end-of-{number}\n'
    assert prompt.stdin
    prompt.stdin.write(f'{command}\n!echo {end}')
    prompt.stdin.flush()
    written = ''

    def is_over() -> bool:
        nonlocal written
        if prompt.poll() is not None:
            raise _SessionError(f'the prompt ended at {command}')
        written += out.read()
        return written.endswith(end)

    try:
        until(is_over, _PATIENCE)
    except TimeoutError as error:
        raise _SessionError(f'{command} did not end') from error
    messages = prompt.files[1].read_text(encoding='utf-8')
    if messages or written.count('\n') <= len(('header', 'end')):
        raise _SessionError(f'{command}: {messages or "no rows"}')


def _size(prompt: Program) -> Size:
    """The resources of the prompt, after ending threads have ended."""
    deadline = time.monotonic() + _SETTLE
    sizes = []
    while time.monotonic() < deadline:
        sizes.append(size_of(prompt.pid))
        time.sleep(_LOOK)
    return Size(*map(min, zip(*map(dataclasses.astuple, sizes))))
