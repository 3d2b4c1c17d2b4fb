# SPDX-License-Identifier: Apache-2.0

"""The processes that a cloud started, on file, and their end."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from dataclasses import dataclass
import json
import os
from pathlib import Path
import signal
import subprocess
import time

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Started:
    """One process that was started, the leader of its own group.

    :ivar started: when, in the system's own words; a process id alone may
        be another process by now
    """

    name: str
    pid: int
    started: str | None

    def runs(self) -> bool:
        """Whether that very process still runs."""
        return self.started is not None and start_time(self.pid) == (
            self.started
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its group, if the process still runs."""
        if self.runs():
            # It may end between the two calls.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def start_time(pid: int) -> str | None:
    """When a process began; None when it is gone or a zombie."""
    if not Path('/proc/self/stat').exists():
        return _start_time_by_ps(pid)
    try:
        stat = Path(f'/proc/{pid}/stat').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is a file name, in parentheses, and may hold any.
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
    """End processes: SIGTERM to all, and SIGKILL to who is left.

    :param grace: seconds between the two; 0 is SIGKILL alone
    """
    steps = [(signal.SIGTERM, grace), (signal.SIGKILL, 5.0)]
    for number, seconds in steps if grace else steps[1:]:
        for process in processes:
            process.signal(number)
        deadline = time.monotonic() + seconds
        while any(process.runs() for process in processes):
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)


class Ledger:
    """Which processes were started for a cloud, kept in its folder.

    Written at every start, so that `down` finds them whatever became of the
    process that started them.
    """

    FILE = 'cloud.json'

    def __init__(self, directory: Path, *, temporary: bool) -> None:
        self.directory = directory
        self.temporary = temporary
        self.processes: list[Started] = []

    @classmethod
    def read(cls, directory: Path) -> Ledger:
        """The ledger in a cloud's folder.

        :raises FileNotFoundError: no cloud was started there
        """
        content = json.loads((directory / cls.FILE).read_text())
        ledger = cls(directory, temporary=content['temporary'])
        ledger.processes = [Started(**one) for one in content['processes']]
        return ledger

    def add(self, name: str, pid: int) -> Started:
        """Note a process that has just been started."""
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
        """End what still runs, and say in the folder that nothing does."""
        end(self.processes)
        self.processes = []
        (self.directory / self.FILE).unlink(missing_ok=True)
