# SPDX-License-Identifier: Apache-2.0

"""One process of the cloud: start it, await it, stop it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
import os
from pathlib import Path
import subprocess
import time

from tests.cloud.ledger import end
from tests.cloud.ledger import Ledger
from tests.cloud.ledger import POLL_SECONDS
from tests.cloud.ledger import Started
from tests.cloud.signals import held

START_SECONDS = 120.0
"""How long a part of the cloud may take to come up or to do its work."""

_INSIDE = Path(__file__).parent / 'inside'


class CloudError(Exception):
    """The cloud, or a part of it, did not come up. The text says why."""


def script(name: str) -> list[str]:
    """The arguments with which a Python runs one of our inside/ scripts.

    -I keeps this package's folder and the caller's PYTHONPATH out of it.
    """
    return ['-I', '-W', 'ignore', str(_INSIDE / name)]


@dataclass
class Process:
    """A process with a log, in a session of its own.

    :ivar log: standard output and error are appended to it
    :ivar lifeline: hand it a pipe as standard input that closes when we end
    """

    name: str
    command: list[str]
    log: Path
    ledger: Ledger
    environment: Mapping[str, str] = field(default_factory=dict)
    lifeline: bool = False
    _child: subprocess.Popen[bytes] | None = None
    _started: Started | None = None

    def start(self) -> None:
        """Start it, and do not wait.

        :raises CloudError: the command cannot be run, or runs already
        """
        if self.runs():
            raise CloudError(f'{self.name} runs already')
        # Little of our own environment: no PYTHON…, OS_… or …_proxy.
        environment = {
            'PATH': os.defpath,
            'HOME': str(self.ledger.directory),
            'LANG': 'C.UTF-8',
            **self.environment,
        }
        with held(), self.log.open('ab') as log:
            try:
                self._child = subprocess.Popen(
                    self.command,
                    env=environment,
                    cwd=self.ledger.directory,
                    stdin=subprocess.PIPE
                    if self.lifeline
                    else subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise CloudError(f'{self.name}: {error}') from error
            self._started = self.ledger.add(self.name, self._child.pid)

    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until it is ready.

        :raises CloudError: it ended before, or took too long
        """
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if not self.runs():
                raise self._failed(f'ended with exit code {self._exit()}')
            if time.monotonic() > deadline:
                raise self._failed(f'not ready in {START_SECONDS:.0f} s')
            time.sleep(POLL_SECONDS)

    def wait(self) -> None:
        """Wait until it has done its work.

        :raises CloudError: it failed, or took too long
        """
        deadline = time.monotonic() + START_SECONDS
        while self.runs():
            if time.monotonic() > deadline:
                raise self._failed(f'not done in {START_SECONDS:.0f} s')
            time.sleep(POLL_SECONDS)
        if self._exit():
            raise self._failed(f'ended with exit code {self._exit()}')
        self.reap()

    def stop(self, *, grace: float = 5) -> None:
        """End it in an orderly way, or by force after `grace` seconds.

        With 0 it is killed at once. Does nothing when it has ended.
        """
        if self._started is not None:
            with held():
                end([self._started], grace=grace)
        self.reap()

    def reap(self) -> None:
        """Take note of its end, which the system keeps for us till then."""
        if self._child is not None:
            if self._child.stdin is not None:
                self._child.stdin.close()
            self._child.wait()

    def _exit(self) -> int | None:
        return None if self._child is None else self._child.returncode

    def _failed(self, what: str) -> CloudError:
        lines = self.log.read_text(errors='replace').splitlines()[-20:]
        return CloudError('\n'.join([f'{self.name} {what}', *lines]))
