# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache watch` on a real terminal, and in a pipe."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import pathlib
import re
import signal
import threading
import urllib.parse

import pytest

from tests import cloud as clouds
from tests.cloud import Cache
from tests.cloud import Images
from tests.functional import test_sites
from tests.functional.conftest import PATIENCE
from tests.functional.terminal import Terminal
from tests.polling import until
from tests.relay import Relay
from tests.shell import OPENSTACK
from tests.shell import started

WATCH = (
    *(OPENSTACK, '--os-cloud', 'demo-cloud', 'image', 'cache', 'watch'),
    *('--policy', 'policy.yaml', '--interval', '0.3'),
)
#: The alternate screen of a terminal is left, with a cursor, and entered.
LEFT, ENTERED = b'\x1b[?25h\x1b[?1049l', b'\x1b[?1049h'
POLICY = """\
version: 1
sets:
  base: {images: [alpha]}
sites:
  - match: ['*']
    sets: [base]
"""


@pytest.fixture
def port(
    cloud: clouds.Cloud, caches: list[Cache], tmp_path: pathlib.Path
) -> int:
    """The second node's; what is at another address may go and come."""
    port = int(urllib.parse.urlsplit(caches[1].url).port or 0)
    cloud.clouds_yaml(
        tmp_path / 'clouds.yaml',
        {
            'edge-oslo': caches[0].url,
            'edge-bergen': f'http://{test_sites.OTHER}:{port}',
        },
    )
    (tmp_path / 'policy.yaml').write_text(POLICY)
    return port


@pytest.fixture
def relay(port: int) -> Iterator[Callable[[], Relay]]:
    """Makes relays to that node; each ends with the test."""
    with contextlib.ExitStack() as stack:
        address = (test_sites.OTHER, port)
        yield lambda: stack.enter_context(Relay(port, address=address))


def of(node: str, *words: str) -> Callable[[list[str]], bool]:
    """Whether a node's line has these words: status, cached, queued, …"""

    def fits(shown: list[str]) -> bool:
        lines = [one.split() for one in shown if node in one]
        return any(line[1 : 1 + len(words)] == list(words) for line in lines)

    return fits


def test_nodes_arrive_fail_and_come_back_on_a_terminal_of_any_size(
    environment: Callable[[str], dict[str, str]],
    images: Images,
    caches: list[Cache],
    relay: Callable[[], Relay],
    tmp_path: pathlib.Path,
) -> None:
    alpha = images('alpha', size=5000)
    variables = environment('admin')
    # pytest sets LINES for its workers.
    for name in ('COLUMNS', 'LINES'):
        variables.pop(name, None)
    first = relay()
    with Terminal(WATCH, variables, tmp_path, 120, 20) as terminal:
        terminal.await_screen(of('edge-bergen', 'incomplete', '0', '0', '1'))
        terminal.await_screen(of('edge-oslo', 'incomplete', '0', '0', '1'))
        assert 'Nodes reachable: 2 of 2' in terminal.shown[0]

        caches[0].fill(alpha)
        terminal.await_screen(of('edge-oslo', 'ok', '1', '0', '0'))
        (line,) = [one for one in terminal.shown if 'edge-oslo' in one]
        # Bytes, arrivals and the rate.
        assert re.search(r'5\.0 kB +1 +[\d.]+ k?B/s', line)

        first.close()
        terminal.await_screen(of('edge-bergen', 'unreachable', '0', '0', '1'))
        # What needs attention comes first.
        assert terminal.shown[3].startswith('edge-bergen')
        caches[1].fill(alpha)
        relay()
        terminal.await_screen(of('edge-bergen', 'ok', '1', '0', '0'))

        # Ctrl-Z: this terminal has no shell, so the screen is back at once.
        entered = terminal.written.count(ENTERED)
        terminal.process.send_signal(signal.SIGTSTP)
        terminal.await_screen(lambda _: LEFT in terminal.written)
        terminal.await_screen(
            lambda _: terminal.written.count(ENTERED) > entered
        )
        terminal.await_screen(of('edge-bergen', 'ok', '1', '0', '0'))

        terminal.resize(40, 5)
        terminal.await_screen(
            lambda shown: any('2 more' in one for one in shown)
        )
        assert len(terminal.shown) <= 5
        assert max(map(len, terminal.shown)) <= 40
        terminal.resize(120, 20)
        terminal.await_screen(lambda shown: 'Changed' in ' '.join(shown))

        terminal.type('\x03')
        assert terminal.process.wait(PATIENCE) == 0
        # The last picture stays.
        terminal.await_screen(of('All', 'ok', '2', '0', '0'))


def test_without_a_terminal_each_change_is_a_line(
    environment: Callable[[str], dict[str, str]],
    images: Images,
    caches: list[Cache],
    relay: Callable[[], Relay],
    tmp_path: pathlib.Path,
) -> None:
    alpha, other = images('alpha'), images('имя')
    first = relay()
    lines: list[str] = []
    variables = {**environment('admin'), 'PYTHONIOENCODING': 'latin-1'}
    with started(*WATCH, environment=variables, folder=tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        out = process.stdout
        reader = threading.Thread(target=lambda: lines.extend(out))
        reader.start()

        def wait_for(*words: str) -> None:
            until(
                lambda: any(all(w in one for w in words) for one in lines),
                what=lambda: lines,
            )

        wait_for('edge-oslo ok, cached: 0')
        wait_for('edge-bergen ok, cached: 0')
        caches[0].fill(alpha)
        wait_for(f'edge-oslo cached alpha ({alpha})')
        caches[0].fill(other)
        wait_for(f'edge-oslo cached \\u0438\\u043c\\u044f ({other})')
        first.close()
        wait_for('edge-bergen unreachable: Cannot connect')
        caches[0].clear()
        wait_for(f'edge-oslo removed alpha ({alpha})')

        process.send_signal(signal.SIGINT)
        reader.join(PATIENCE)
        assert process.wait(PATIENCE) == 0
        assert process.stderr.read() == ''
    assert all(
        re.match(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ edge-', one)
        for one in lines
    )
