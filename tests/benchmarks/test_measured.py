# SPDX-License-Identifier: Apache-2.0

"""Time and memory of a program, without those of the benchmark itself."""

from pathlib import Path
import sys

import pytest

from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_program import FleetProgram
from tests.benchmarks.fleet_program import Measured

_MIB = 2**20


def run(tmp_path: Path, code: str, limit: float = 60) -> Measured:
    program = FleetProgram(tmp_path, (sys.executable, '-c', code), limit)
    return program.run({'GREETING': 'hello'}, 'world')


def test_a_run_has_its_own_memory_and_not_that_of_the_benchmark(
    tmp_path: Path,
) -> None:
    ours = b'x' * (200 * _MIB)

    small = run(tmp_path, 'pass')
    large = run(tmp_path, f'b"x" * {300 * _MIB}')

    assert len(ours) > small.peak * _MIB
    assert 300 < large.peak < 400


def test_a_run_has_its_time_its_output_and_its_exit_code(
    tmp_path: Path,
) -> None:
    done = run(
        tmp_path,
        'import os, sys, time\n'
        'end = time.process_time() + 0.2\n'
        'while time.process_time() < end: pass\n'
        'time.sleep(0.2)\n'
        'print(os.environ["GREETING"], sys.argv[1])\n'
        'sys.exit("failed")',
    )

    assert done.cpu >= 0.2
    assert done.seconds >= 0.4
    assert (done.code, done.out, done.err) == (
        *(1, 'hello world\n'),
        'failed\n',
    )


def test_a_run_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match='took more than'):
        run(tmp_path, 'import time; time.sleep(60)', limit=0.2)
