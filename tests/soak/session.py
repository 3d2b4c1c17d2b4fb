# SPDX-License-Identifier: Apache-2.0

"""One prompt in which `metrics` and `sync` run in turns."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from random import Random
import sys
import time

from tests.processes import Size
from tests.soak.children import Child
from tests.soak.pace import Pace

#: The line after a command, without its exit code.
END = 'End of the command, exit code '
METRICS, SYNC = 'metrics', 'sync'
LIST = 'list -f json'
#: The first one uses all modules and the most memory.
_OPTIONS = (
    '--delete-others --auto-approve --wait',
    '',
    '--delete-others --auto-approve',
    '--wait',
)
#: How many images a set has, and how many other images the next one has.
_IMAGES = 20
_STEPS = (1, 3)
#: In seconds: no command takes longer.
_PATIENCE = 300.0
_LOOK = 0.02


class SoakError(Exception):
    """The soak cannot go on. The text says why."""


@dataclass
class Run:
    """One command.

    :ivar what: `METRICS`, `SYNC` or another command
    :ivar began: by the monotonic clock, in seconds; so is `ended`
    :ivar taken: when it began, in seconds since 1970
    :ivar lines: all that it printed
    :ivar text: the metrics that it wrote to its file
    """

    what: str
    command: str
    began: float
    taken: float
    lines: list[str]
    ended: float = 0.0
    code: int = -1
    text: str = ''


class Session:
    """The prompt.

    :param file: where `metrics` writes
    :param images: the names of all images
    :ivar ended: each `metrics` and `sync` that has ended; whoever reads one
        removes it
    :ivar sizes: what the prompt used after each of these
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        file: Path,
        pace: Pace,
        images: list[str],
        random: Random,
    ) -> None:
        self.child = Child(
            *(sys.executable, '-m', 'tests.soak.prompt'),
            environment=environment,
        )
        self.ended: deque[Run] = deque()
        self.sizes: list[Size] = []
        self._file = file
        self._pace = pace
        self._run: Run | None = None
        self._last: Run | None = None
        self._next_metrics = 0.0
        self._syncs = self._sync_commands(images, random)
        #: The images of the last `sync`.
        self.wanted: list[str] = []

    def step(self, *, start: bool) -> None:
        """See whether the command has ended.

        :param start: start the next one, if none runs
        """
        self._poll()
        now = time.monotonic()
        if self._run or not start:
            return
        if self._last and self._last.what == METRICS:
            self._start(SYNC, next(self._syncs))
        elif now >= self._next_metrics:
            self._next_metrics = now + self._pace.metrics
            self._start(METRICS, self.metrics_command)

    def finish(self) -> None:
        """Wait for the end of the command that runs.

        :raises SoakError: it does not end
        """
        while self._run:
            time.sleep(_LOOK)
            self._poll()

    def run(self, what: str, command: str) -> Run:
        """Run one command to its end.

        :raises SoakError: it does not end
        """
        self._start(what, command)
        run = self._run
        self.finish()
        assert run
        return run

    @property
    def metrics_command(self) -> str:
        """A `metrics` that writes to the file."""
        return f'metrics --output {self._file}'

    def sync_command(self, options: str) -> str:
        """A `sync` with the images of the last one."""
        return ' '.join(('sync', *self.wanted, '--all-nodes', options))

    def _sync_commands(
        self, images: list[str], random: Random
    ) -> Iterator[str]:
        """One `sync` after the other, each with other images and options."""
        first = 0
        waiting = (
            f'--timeout {self._pace.sync_timeout}'
            f' --stall-after {self._pace.stall}'
        )
        for options in cycle(_OPTIONS):
            first += random.randint(*_STEPS)
            self.wanted = [
                images[(first + at) % len(images)] for at in range(_IMAGES)
            ]
            more = waiting if '--wait' in options else ''
            yield self.sync_command(f'{options} {more} -f value -c Result')

    def _start(self, what: str, command: str) -> None:
        self._run = Run(what, command, time.monotonic(), time.time(), lines=[])
        self.child.write(f'image cache {command}')

    def _poll(self) -> None:
        """Read what the command has printed; at its end, keep the run.

        :raises SoakError: it does not end
        """
        if self._run is None:
            return
        run = self._run
        for line in self.child.lines():
            if not line.startswith(END):
                run.lines.append(line)
                continue
            run.ended = time.monotonic()
            run.code = int(line.removeprefix(END))
            if run.what == METRICS and self._file.exists():
                run.text = self._file.read_text(encoding='utf-8')
            if run.what in {METRICS, SYNC}:
                self.ended.append(run)
            self.sizes.append(self.child.size())
            self._run, self._last = None, run
            return
        if not self.child.is_running:
            raise SoakError(f'the prompt ended at: {run.command}')
        if time.monotonic() > run.began + _PATIENCE:
            raise SoakError(f'no end of: {run.command}')
