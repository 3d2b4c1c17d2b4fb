# SPDX-License-Identifier: Apache-2.0

"""One `openstack` prompt, in which many commands run."""

from collections.abc import Callable
from collections.abc import Iterator
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import time
from typing import Self

import pyte
import pytest

from tests import cloud as clouds
from tests.functional.conftest import Cache
from tests.functional.conftest import Images
from tests.functional.conftest import PATIENCE
from tests.shell import OPENSTACK
from tests.shell import run_program

_COLUMNS, _LINES = 200, 50
#: The prompt runs it between two commands: threads, open files, thresholds of
#: the garbage collector, frozen objects, and who handles Ctrl-C.
MEASURE = """\
import gc, os, signal, sys
measured = (
    'measured',
    len(os.listdir('/proc/self/task')),
    len(os.listdir('/proc/self/fd')),
    *gc.get_threshold(),
    gc.get_freeze_count(),
    signal.getsignal(signal.SIGINT).__qualname__,
)
sys.stdout.write(' '.join(map(str, measured)) + chr(10))
"""
_HANDLER = re.compile('measured .* default_int_handler *$')


@pytest.fixture
def measure(
    cloud: clouds.Cloud, caches: list[Cache], tmp_path: pathlib.Path
) -> str:
    """A line for the prompt; two nodes are in clouds.yaml."""
    cloud.clouds_yaml(
        tmp_path / 'clouds.yaml',
        {'edge-oslo': caches[0].url, 'edge-bergen': caches[1].url},
    )
    (tmp_path / 'measure.py').write_text(MEASURE)
    return f'run_pyscript {tmp_path / "measure.py"}'


def test_fifty_commands_leave_nothing_behind(
    environment: Callable[[str], dict[str, str]],
    images: Images,
    measure: str,
    tmp_path: pathlib.Path,
) -> None:
    """Threads, open files, Python's garbage collector, and Ctrl-C."""
    images('alpha')
    commands = (
        'queue alpha --all-nodes --wait -f value -c Result',
        'list -f value -c Name',
        'coverage alpha -f value -c Cached',
        'sync alpha --all-nodes --check -f value -c Action',
        'delete alpha --all-nodes --auto-approve -f value -c Result',
    )
    shown = [
        'cached',
        'cached',
        'alpha',
        'alpha',
        '2',
        'deleted',
        'deleted',
    ] * 10
    lines = [f'image cache {one}' for one in commands] * 10
    lines = [measure, *lines[:3], measure, *lines[3:], measure, 'exit']

    result = run_program(
        OPENSTACK,
        environment={**environment('admin'), 'OS_CLOUD': 'demo-cloud'},
        folder=tmp_path,
        timeout=PATIENCE,
        stdin=''.join(f'{line}\n' for line in lines),
    )

    out = result.out.splitlines()
    first, third, last = (
        one.split() for one in out if one.startswith('measured ')
    )
    assert [one for one in out if not one.startswith('measured ')] == shown
    assert result.err == ''
    assert last == third
    assert last[1] == '1'
    # OpenStackClient may keep its connection to Keystone.
    assert first[3:] == last[3:]


class Terminal:
    """A program on a terminal, and somebody who types.

    A context: the program is killed at its end, if it still runs. What it
    asks of the terminal may be answered, and shown, at the start of a line
    of its output.

    :ivar process: the program
    """

    def __init__(
        self,
        program: pathlib.Path,
        environment: dict[str, str],
        folder: pathlib.Path,
    ) -> None:
        self._ours, theirs = pty.openpty()
        screen = pyte.Screen(_COLUMNS, _LINES)
        # The prompt asks where the cursor is.
        screen.write_process_input = self._answer  # type: ignore[method-assign]
        self._screen, self._stream = screen, pyte.ByteStream(screen)
        self.process = subprocess.Popen(
            [program],
            env={**environment, 'TERM': 'xterm'},
            cwd=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
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

    def _answer(self, data: str) -> None:
        os.write(self._ours, data.encode())

    def await_line(self, line: re.Pattern[str]) -> None:
        """Wait until a line of the screen matches; then clear the screen."""
        deadline = time.monotonic() + PATIENCE
        while not any(map(line.search, self._screen.display)):
            left = deadline - time.monotonic()
            shown = [one.rstrip() for one in self._screen.display]
            assert left > 0, '\n'.join(filter(None, shown))
            if select.select([self._ours], [], [], left)[0]:
                self._stream.feed(os.read(self._ours, 65536))
        self._screen.erase_in_display(2)


@pytest.fixture
def prompt(
    environment: Callable[[str], dict[str, str]],
    measure: str,
    tmp_path: pathlib.Path,
) -> Iterator[Terminal]:
    """A prompt on a terminal."""
    variables = {**environment('admin'), 'OS_CLOUD': 'demo-cloud'}
    with Terminal(OPENSTACK, variables, tmp_path) as terminal:
        yield terminal


def test_ctrl_c_ends_a_command_and_not_the_prompt(
    prompt: Terminal, measure: str, images: Images, caches: list[Cache]
) -> None:
    """The prompt has a handler of its own, which is there again."""
    caches[1].queue_only(images('slow'))
    with socket.create_server(('127.0.0.1', 0)) as silent:
        silent.settimeout(PATIENCE)
        url = f'http://127.0.0.1:{silent.getsockname()[1]}'

        prompt.type(f'{measure}\r')
        prompt.await_line(_HANDLER)
        prompt.type(f'image cache list --node {url}\r')
        connection, _address = silent.accept()
        with connection:
            connection.settimeout(PATIENCE)
            assert connection.recv(3) == b'GET'
            prompt.process.send_signal(signal.SIGINT)
            prompt.await_line(re.compile('Interrupted. Not asked for: 0. *$'))

    prompt.type('image cache queue slow --all-nodes --wait -c Result\r')
    prompt.await_line(re.compile('slow on edge-bergen'))
    prompt.process.send_signal(signal.SIGINT)
    prompt.await_line(re.compile('Interrupted. Not asked for: 0. *$'))

    prompt.type(f'{measure}\r')
    prompt.await_line(_HANDLER)
    prompt.type('\x03')
    prompt.type('image cache list -f value -c Name -c Node\r')
    prompt.await_line(re.compile('slow edge-oslo *$'))
    prompt.type('exit\r')
    prompt.process.wait(PATIENCE)
