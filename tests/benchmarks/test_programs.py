# SPDX-License-Identifier: Apache-2.0

"""Tests of the programs that the benchmarks start."""

import json
from pathlib import Path
import sys
from textwrap import dedent

from tests.benchmarks import million
from tests.benchmarks import slow_names
from tests.shell import run_program
from tests.simulated import Settings
from tests.simulated import SimulatedFleet
from tests.simulated.payloads import TOKEN

_FOLDER = Path(slow_names.__file__).parent


def test_names_are_slow_or_hang_and_addresses_are_not(tmp_path: Path) -> None:
    shell = tmp_path / 'openstackclient'
    shell.mkdir()
    (shell / '__init__.py').touch()
    (shell / 'shell.py').write_text(
        dedent("""\
        import socket
        import threading
        import time

        def main(argv):
            began = time.monotonic()
            found = socket.getaddrinfo(argv[0], 80)[0][4][0]
            seconds = time.monotonic() - began
            argv = ('hangs.test', 80)
            hanging = threading.Thread(
                target=socket.getaddrinfo, args=argv, daemon=True
            )
            hanging.start()
            hanging.join(0.1)
            print(found, seconds >= 0.2, hanging.is_alive())
        """)
    )
    names = tmp_path / 'names'
    names.write_text(json.dumps({'a.test': '127.1.0.9', 'hangs.test': None}))

    def run(host: str) -> str:
        done = run_program(
            *(sys.executable, '-P', str(_FOLDER / 'slow_names.py')),
            *(str(names), '0.2', host),
            environment={'PYTHONPATH': str(tmp_path)},
        )
        assert done.code == 0, done.err
        return done.out

    assert run('a.test') == '127.1.0.9 True True\n'
    assert run('127.0.0.1') == '127.0.0.1 False True\n'


def test_libcurl_alone_reads_all_or_fails(tmp_path: Path) -> None:
    urls = tmp_path / 'urls'
    with SimulatedFleet(Settings(nodes=3), lifetime=60) as fleet:
        urls.write_text(
            '\n'.join(f'{url}/v2/cache' for url in fleet.nodes.values())
        )
        good, bad = (
            run_program(
                *(sys.executable, '-P', str(_FOLDER / 'bare.py')),
                *(str(urls), token),
            )
            for token in (TOKEN, 'another')
        )
        asked = fleet.requests()

    assert (good.code, len(good.out.split())) == (0, 2)
    assert bad.code == 1
    assert '401' in bad.err
    assert all(asked[name] == {'GET /v2/cache': 2} for name in fleet.nodes)


def test_the_least_writes_a_line_for_each_entry(tmp_path: Path) -> None:
    path = tmp_path / 'csv'
    body = b'{"cached_images": [{"image_id": "a", "size": 7}]}'

    assert million.least({'oslo': body, 'bergen': body}, path) > 0
    assert path.read_text() == 'a,7,oslo\na,7,bergen\n'
