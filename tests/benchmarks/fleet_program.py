# SPDX-License-Identifier: Apache-2.0

"""`openstack` against a simulated fleet: its time, memory and words."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
import json
import os
from pathlib import Path
import subprocess
import sys

from tests.benchmarks.errors import BenchmarkError

_MOST_SECONDS = 120.0
_MEASURED = Path(__file__).with_name('measured.py')
# getrusage counts in bytes on macOS, in KiB elsewhere.
_PEAK_UNIT = 1 if sys.platform == 'darwin' else 1024


def installed() -> Path:
    """The `openstack` beside the Python that runs us.

    :raises BenchmarkError: there is none
    """
    found = Path(sys.executable).parent / 'openstack'
    if not found.exists():
        raise BenchmarkError(f'no openstack beside {sys.executable}')
    return found


@dataclass(frozen=True)
class FleetRun:
    """One run of a command.

    :ivar seconds: from its start to its end
    :ivar cpu: seconds, of all its threads
    :ivar peak: the most memory that it held, in MiB
    :ivar code: what it exited with
    :ivar output: what it wrote to standard output
    :ivar log: what it wrote to standard error
    """

    seconds: float
    cpu: float
    peak: float
    code: int
    output: str
    log: str


class FleetProgram:
    """`openstack`, run and measured.

    :param home: its working and home folder; no clouds.yaml of the person
        who runs this is read
    :param program: what runs instead of the installed `openstack`
    """

    def __init__(self, home: Path, program: Sequence[str] = ()) -> None:
        self._program = program or [str(installed())]
        self._home = home

    def run(self, environment: Mapping[str, str], *arguments: str) -> FleetRun:
        """Run a command and measure it.

        What it writes goes to files: nobody reads along on the cores that
        it is measured on.

        :param environment: the OS_… variables that it logs in with
        :raises BenchmarkError: it took longer than two minutes
        """
        out, err = self._home / 'output', self._home / 'log'
        used = self._home / 'used'
        with out.open('wb') as to_out, err.open('wb') as to_err:
            subprocess.run(
                [
                    *(sys.executable, '-I', '-S', str(_MEASURED)),
                    *(str(used), str(_MOST_SECONDS)),
                    *self._program,
                    *arguments,
                ],
                # Little of our own: no PYTHON…, OS_… or …_proxy.
                env={
                    'PATH': os.defpath,
                    'HOME': str(self._home),
                    'LANG': 'C.UTF-8',
                    **environment,
                },
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=to_out,
                stderr=to_err,
                check=True,
            )
        found = json.loads(used.read_text(encoding='utf-8'))
        if found['seconds'] >= _MOST_SECONDS:
            raise BenchmarkError(
                f'openstack {" ".join(arguments[:4])} … took longer than'
                f' {_MOST_SECONDS:.0f} s'
            )
        return FleetRun(
            seconds=found['seconds'],
            cpu=found['cpu'],
            peak=found['peak'] * _PEAK_UNIT / 2**20,
            code=found['code'],
            output=out.read_text(encoding='utf-8'),
            log=err.read_text(encoding='utf-8'),
        )
