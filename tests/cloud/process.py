# SPDX-License-Identifier: Apache-2.0

"""One process of the cloud: start, wait, stop."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
import os
from pathlib import Path
import socket
import subprocess
import time
from typing import BinaryIO
from typing import IO

from tests.cloud.forks import fork_server
from tests.cloud.ledger import end
from tests.cloud.ledger import Ledger
from tests.cloud.ledger import Started
from tests.cloud.signals import held
from tests.polling import until

_POLL_SECONDS = 0.05
START_SECONDS = 120.0
"""Maximum seconds for the start or the work of a process."""

_INSIDE = Path(__file__).parent / 'inside'
_OPTIONS = ('-I', '-W', 'ignore')


class CloudError(Exception):
    """A part of the cloud did not start. The text contains the reason."""


def script(name: str) -> list[str]:
    """The arguments of Python for a script in inside/.

    -I excludes the directory of this package, and PYTHONPATH.
    """
    return [*_OPTIONS, str(_INSIDE / name)]


@dataclass
class Process:
    """A process with a log, in a separate session.

    :ivar log: the file of standard output and standard error
    :ivar lifeline: whether its standard input is a pipe that closes when this
        process ends
    :ivar forked: whether it is a fork of a process that has imported Glance,
        with a lifeline; the command is Python and a :func:`script`
    """

    name: str
    command: list[str]
    log: Path
    ledger: Ledger
    environment: Mapping[str, str] = field(default_factory=dict)
    lifeline: bool = False
    forked: bool = False
    _child: subprocess.Popen[bytes] | None = None
    _stdin: IO[bytes] | socket.socket | None = None
    _started: Started | None = None

    def start(self) -> None:
        """Start the process without waiting.

        :raises CloudError: the command cannot be run, or runs already
        """
        if self.runs():
            raise CloudError(f'{self.name} runs already')
        # Without PYTHON…, OS_… and …_proxy of this process.
        environment = {
            'PATH': os.defpath,
            'HOME': str(self.ledger.directory),
            'LANG': 'C.UTF-8',
            # Without it, eventlet imports dnspython, which takes long.
            'EVENTLET_NO_GREENDNS': 'yes',
            **self.environment,
        }
        with held(), self.log.open('ab') as log:
            try:
                pid = self._start(environment, log)
            except OSError as error:
                raise CloudError(f'{self.name}: {error}') from error
            self._started = self.ledger.add(self.name, pid)

    def _start(self, environment: Mapping[str, str], log: BinaryIO) -> int:
        """Start it, and return its process ID."""
        directory = self.ledger.directory
        if self.forked:
            options = 1 + len(_OPTIONS)
            server = fork_server(*self.command[:options])
            pid, self._stdin = server.fork(
                self.command[options:], environment, directory, log
            )
            return pid
        self._child = subprocess.Popen(
            self.command,
            env=environment,
            cwd=directory,
            stdin=subprocess.PIPE if self.lifeline else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._stdin = self._child.stdin
        return self._child.pid

    def runs(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._started is not None and self._started.runs()

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until the process is ready.

        :raises CloudError: it ended before, or took too long
        """
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if not self.runs():
                raise self._failed('ended')
            if time.monotonic() > deadline:
                raise self._failed(
                    f'was not ready within {START_SECONDS:.0f} s'
                )
            time.sleep(_POLL_SECONDS)

    def wait(self) -> None:
        """Wait for the successful end of the process.

        :raises CloudError: it failed, or took too long
        """
        deadline = time.monotonic() + START_SECONDS
        while self.runs():
            if time.monotonic() > deadline:
                raise self._failed(f'did not end within {START_SECONDS:.0f} s')
            time.sleep(_POLL_SECONDS)
        self.reap()
        if self._child is not None and self._child.returncode:
            raise self._failed(
                f'ended with exit code {self._child.returncode}'
            )

    def stop(self, *, grace: float = 5) -> None:
        """Stop the process; kill it if it runs after `grace` seconds.

        With 0, kill it at once. If it has ended, do nothing.
        """
        if self._started is not None:
            with held():
                end([self._started], grace=grace)
        self.reap()

    def reap(self) -> None:
        """Wait for the end, so that no zombie process remains."""
        if self._stdin is not None:
            self._stdin.close()
        if self._child is not None:
            self._child.wait()
        elif self._started is not None:
            pid = self._started.pid
            until(lambda: _is_gone(pid))

    def _failed(self, what: str) -> CloudError:
        lines = self.log.read_text(errors='replace').splitlines()[-20:]
        return CloudError('\n'.join([f'{self.name} {what}', *lines]))


def _is_gone(pid: int) -> bool:
    """Whether all threads have ended, and so all sockets are closed."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
