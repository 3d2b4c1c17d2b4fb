# SPDX-License-Identifier: Apache-2.0

"""Limits of this machine: open files, memory, and a full disk."""

from __future__ import annotations

from collections.abc import Iterator
import dataclasses
from pathlib import Path

from tests.faults.crowd import Crowd
from tests.faults.crowd import crowd
from tests.faults.crowd import describe
from tests.faults.crowd import QUEUE
from tests.faults.nodes import on_small_disk
from tests.faults.stage import PATIENCE
from tests.faults.table import Row
from tests.shell import Result
from tests.shell import run_program
from tests.simulated import Settings

_MANY = 1000
_FILES = 256
#: Each of these nodes has a response of 300 KiB: 100,000 rows in total.
_LARGE = Settings(nodes=100, images=2000, entries=1000)
#: MiB in which the command works, and in which its rows have no space. A
#: process that has loaded OpenStackClient uses about 110 MiB.
_ENOUGH, _TOO_LITTLE = 500, 155
_OLD = 'the old content\n'


def files(home: Path) -> Iterator[Row]:
    """More nodes than files that may be open."""
    with crowd(home, Settings(nodes=_MANY)) as nodes:
        _limit(nodes, f'ulimit -n {_FILES}')
        for command in (('list',), QUEUE):
            nodes.set_up()
            received = f'1 on {_MANY} nodes' if command == QUEUE else 'none'
            done = nodes.run(*command)
            yield Row(
                f'ulimit -n {_FILES}, {_MANY} nodes',
                ' '.join(command),
                f'{describe(done)}; {nodes.received()}',
                f'exit 0; rows of {_MANY} nodes; changes received: {received}',
            )


def memory(home: Path) -> Iterator[Row]:
    """Enough memory, and too little for all rows."""
    with crowd(home, _LARGE) as nodes:
        nodes.fleet.reset()
        program = nodes.program
        for limit, expected in (
            (_ENOUGH, f'exit 0; rows of {_LARGE.nodes} nodes'),
            (_TOO_LITTLE, 'exit 1; rows of 0 nodes; stderr: Out of memory. …'),
        ):
            nodes.program = program
            _limit(nodes, f'ulimit -v {limit * 1024}')
            yield Row(
                f'{limit} MiB of memory (ulimit -v), 100,000 entries on '
                f'{_LARGE.nodes} nodes',
                'list',
                describe(nodes.run('list')),
                expected,
            )


def _limit(nodes: Crowd, words: str) -> None:
    nodes.program = ('bash', '-c', f'{words}; exec "$0" "$@"', *nodes.program)


def disk(home: Path) -> Iterator[Row]:
    """The file of --output is on a full disk, or there is enough space."""
    mount = home / 'mount'
    mount.mkdir()
    with crowd(home) as nodes:
        for command in ('metrics', 'report'):
            for full in (True, False):
                done = _written(nodes, mount, command, full=full)
                *others, content = done.out.splitlines() or ['']
                kept = 'old' if content == _OLD.strip() else 'new'
                result = describe(dataclasses.replace(done, out=''))
                result = result.replace('; rows of 0 nodes', '')
                result = result.replace(str(mount), '')
                yield Row(
                    'the disk of the output file is full'
                    if full
                    else 'the disk of the output file has enough space',
                    f'{command} --output /file',
                    f'{result}; {len(others)} other files; the content is '
                    + kept,
                    "exit 1; stderr: Cannot write '/file': No space left…; 0 "
                    'other files; the content is old'
                    if full
                    else 'exit 0; 0 other files; the content is new',
                )


def _written(nodes: Crowd, mount: Path, command: str, *, full: bool) -> Result:
    """Run a command; the output is the other files, and the first line."""
    file = mount / 'file'
    fill = f'head -c 2000000 /dev/zero >{mount}/rest 2>/dev/null; ' * full
    script = (
        f'echo "{_OLD.strip()}" >{file}; {fill}"$@"; code=$?; '
        f'ls -A {mount} | grep -vx -e file -e rest; head -1 {file}; exit $code'
    )
    argv = (*nodes.program, 'image', 'cache', command, '--output', str(file))
    return run_program(
        *(*on_small_disk(mount), 'sh', '-c', script, 'sh', *argv),
        environment=nodes.environment,
        folder=nodes.home,
        timeout=PATIENCE,
    )
