# SPDX-License-Identifier: Apache-2.0

"""Runs `openstack` on simulated nodes; measures time and memory."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
import json
import os
from pathlib import Path
import sys

from tests.benchmarks.errors import BenchmarkError
from tests.shell import ended
from tests.shell import OPENSTACK
from tests.shell import Result
from tests.shell import started

_MOST_SECONDS = 120.0
_MEASURED = Path(__file__).with_name('measured.py')
# getrusage returns bytes on macOS, and KiB elsewhere.
_PEAK_UNIT = 1 if sys.platform == 'darwin' else 1024


@dataclass(frozen=True)
class Measured(Result):
    """The result of a command, with its time and memory.

    :ivar seconds: elapsed seconds from start to end
    :ivar cpu: CPU seconds of all threads
    :ivar peak: peak memory in MiB
    :ivar requests: number of requests to Glance, if they are counted
    """

    seconds: float
    cpu: float
    peak: float
    requests: int = 0


class FleetProgram:
    """Runs and measures `openstack`.

    :param home: its working and home directory, so that it does not read
        the clouds.yaml of the user
    :param program: the program to run instead of `openstack`
    :param limit: seconds; a longer run is killed
    """

    def __init__(
        self,
        home: Path,
        program: Sequence[str] = (),
        limit: float = _MOST_SECONDS,
    ) -> None:
        self._program = program or [str(OPENSTACK)]
        self._home = home
        self._limit = limit

    def run(self, environment: Mapping[str, str], *arguments: str) -> Measured:
        """Run a command and measure it.

        Its output goes to files, so that no other process uses CPU time
        during the measurement.

        :param environment: the OS_… variables of the login
        :raises BenchmarkError: it took longer than the limit
        """
        used = self._home / 'used'
        with started(
            *(sys.executable, '-I', '-S', str(_MEASURED)),
            *(str(used), str(self._limit)),
            *self._program,
            *arguments,
            # Without PYTHON…, OS_… and …_proxy.
            environment={
                'PATH': os.defpath,
                'HOME': str(self._home),
                'LANG': 'C.UTF-8',
                **environment,
            },
            folder=self._home,
            timeout=2 * self._limit,
            to_files=True,
        ) as process:
            done = ended(process)
        if done.code:
            raise BenchmarkError(f'{_MEASURED.name} failed: {done.err}')
        found = json.loads(used.read_text(encoding='utf-8'))
        if found['seconds'] >= self._limit:
            raise BenchmarkError(
                f'openstack {" ".join(arguments[:4])} … took more than'
                f' {self._limit:.0f} s'
            )
        return Measured(
            found['code'],
            done.out,
            done.err,
            seconds=found['seconds'],
            cpu=found['cpu'],
            peak=found['peak'] * _PEAK_UNIT / 2**20,
        )
