# SPDX-License-Identifier: Apache-2.0

"""One `openstack` prompt, in which many commands run."""

from collections.abc import Callable
from collections.abc import Iterator
import pathlib
import re
import signal
import socket

import pytest

from tests import cloud as clouds
from tests.cloud import Cache
from tests.cloud import Images
from tests.functional.conftest import PATIENCE
from tests.functional.terminal import Terminal
from tests.shell import OPENSTACK
from tests.shell import run_program

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


@pytest.fixture
def prompt(
    environment: Callable[[str], dict[str, str]],
    measure: str,
    tmp_path: pathlib.Path,
) -> Iterator[Terminal]:
    """A prompt on a terminal."""
    variables = {**environment('admin'), 'OS_CLOUD': 'demo-cloud'}
    with Terminal([OPENSTACK], variables, tmp_path) as terminal:
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
            prompt.await_line(re.compile('Interrupted. *$'))

    prompt.type('image cache queue slow --all-nodes --wait -c Result\r')
    prompt.await_line(re.compile('slow on edge-bergen'))
    prompt.process.send_signal(signal.SIGINT)
    prompt.await_line(re.compile('Interrupted. *$'))

    prompt.type(f'{measure}\r')
    prompt.await_line(_HANDLER)
    prompt.type('\x03')
    prompt.type('image cache list -f value -c Name -c Node\r')
    prompt.await_line(re.compile('slow edge-oslo *$'))
    prompt.type('exit\r')
    prompt.process.wait(PATIENCE)
