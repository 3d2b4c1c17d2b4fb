# SPDX-License-Identifier: Apache-2.0

"""The processes of a cloud, recorded in a file, and their end."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from dataclasses import dataclass
import json
import os
from pathlib import Path
import signal
import subprocess

from tests.polling import until


@dataclass(frozen=True)
class Started:
    """One started process, the leader of its own process group.

    :ivar started: start time in the format of the system; without it, a
        process ID may belong to another, later process
    """

    name: str
    pid: int
    started: str | None

    def runs(self) -> bool:
        """Whether this process still runs."""
        return self.started is not None and start_time(self.pid) == (
            self.started
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process group, if the process still runs."""
        if self.runs():
            # The process may end between the two calls.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def start_time(pid: int) -> str | None:
    """The start time of a process; None if it has ended or is a zombie."""
    if not Path('/proc/self/stat').exists():
        return _start_time_by_ps(pid)
    try:
        stat = Path(f'/proc/{pid}/stat').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is a file name in parentheses, with any characters.
    state, *fields = stat.rpartition(')')[2].split()
    return None if state in 'ZX' else fields[18]


def _start_time_by_ps(pid: int) -> str | None:
    ps = subprocess.run(
        ['ps', '-o', 'stat=', '-o', 'lstart=', '-p', str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, started = ps.stdout.strip().partition(' ')
    return None if not started or state.startswith('Z') else started.strip()


def end(processes: list[Started], *, grace: float = 5) -> None:
    """End processes: send SIGTERM to all, then SIGKILL to the remaining.

    :param grace: seconds between the two signals; 0 for only SIGKILL
    """
    steps = [(signal.SIGTERM, grace), (signal.SIGKILL, 5.0)]
    for number, seconds in steps if grace else steps[1:]:
        for process in processes:
            process.signal(number)
        with contextlib.suppress(TimeoutError):
            until(lambda: not any(map(Started.runs, processes)), seconds)


class Ledger:
    """The started processes of a cloud, recorded in its directory.

    The record is written at each start, so that `down` finds the processes
    even if the process that started them has ended.
    """

    FILE = 'cloud.json'

    def __init__(self, directory: Path, *, temporary: bool) -> None:
        self.directory = directory
        self.temporary = temporary
        self.processes: list[Started] = []

    @classmethod
    def read(cls, directory: Path) -> Ledger:
        """Read the ledger in the directory of a cloud.

        :raises FileNotFoundError: no cloud was started in this directory
        """
        content = json.loads((directory / cls.FILE).read_text())
        ledger = cls(directory, temporary=content['temporary'])
        ledger.processes = [Started(**one) for one in content['processes']]
        return ledger

    def add(self, name: str, pid: int) -> Started:
        """Record a process after its start."""
        process = Started(name, pid, start_time(pid))
        self.processes.append(process)
        content = {
            'temporary': self.temporary,
            'processes': [asdict(one) for one in self.processes],
        }
        new = self.directory / (self.FILE + '.new')
        new.write_text(json.dumps(content, indent=2) + '\n')
        new.replace(self.directory / self.FILE)
        return process

    def end_all(self) -> None:
        """End all running processes, and record this."""
        end(self.processes)
        self.processes = []
        (self.directory / self.FILE).unlink(missing_ok=True)
