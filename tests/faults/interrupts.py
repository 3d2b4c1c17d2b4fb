# SPDX-License-Identifier: Apache-2.0

"""Ctrl-C at random moments, while hundreds of nodes are asked.

A moment is a request that the simulated nodes see, and a small delay. Before
the first request Python and OpenStackClient load; how they take an interrupt
is not for this package to decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
import contextlib
import dataclasses
from pathlib import Path
import random
import signal
import subprocess
import time

from tests.faults.stage import OPENSTACK
from tests.faults.table import Row
from tests.faults.verdicts import Entries
from tests.faults.verdicts import FINISHED
from tests.faults.verdicts import INTERRUPTED
from tests.faults.verdicts import Left
from tests.faults.verdicts import verdict
from tests.simulated import Settings
from tests.simulated import SimulatedFleet

NODES = 300
#: The most that a run may take from the signal to its end.
_SECONDS = 3.0
#: The most that it may take until it has sent a request.
_PATIENCE = 60.0
_LOOK = 0.2
#: What a delay is on average; a few are several times as long.
_DELAY = 0.1
_ROUND_TRIP = 0.1
_FILL = 0.5
_SEED = 7
_ENTRIES = 20
#: What all nodes hold, and what none of them does.
_HELD, _OTHER = 'image-0001', 'image-0002'


@dataclasses.dataclass(frozen=True)
class Command:
    """A command that is interrupted.

    :ivar requests: that it sends to each node at least
    :ivar rows: that it writes of each node, if it is not interrupted
    """

    argv: tuple[str, ...]
    requests: int
    rows: int = 1


_ALL = ('--all-nodes',)
_SURE = ('--auto-approve', *_ALL)
COMMANDS = (
    Command(('list',), 1, _ENTRIES),
    Command(('queue', _OTHER, *_ALL), 2),
    Command(('queue', _OTHER, '--wait', *_ALL), 3),
    Command(('sync', _OTHER, '--delete-others', *_SURE), 3, 2),
    Command(('delete', _HELD, *_SURE), 2),
)


def rows(home: Path, runs: int) -> Iterator[Row]:
    """A row a command.

    :param home: an empty folder
    :param runs: how many in all
    """
    # Not for secrets: the same moments every time.
    chance = random.Random(_SEED)  # noqa: S311
    settings = Settings(
        nodes=NODES, entries=_ENTRIES, round_trip=_ROUND_TRIP, fill=_FILL
    )
    with SimulatedFleet(settings) as fleet:
        each = max(runs // len(COMMANDS), 1)
        for command in COMMANDS:
            verdicts = Counter(
                _verdict_of_a_run(fleet, home, command, chance)
                for _ in range(each)
            )
            yield row(command, verdicts)


def row(command: Command, verdicts: Counter[str]) -> Row:
    """The row for what came of all runs."""
    each, least = verdicts.total(), (verdicts.total() + 1) // 2
    good = verdicts[INTERRUPTED] + verdicts[FINISHED]
    # The signal must have come in time in half of them.
    enough = 'at least' if verdicts[INTERRUPTED] >= least else 'fewer than'
    counts = ', '.join(f'{n} {what}' for what, n in verdicts.most_common())
    words = '{} of {} runs are as they must be, {} {} of them interrupted: {}'
    return Row(
        f'SIGINT, {each} times, each at a random moment, {NODES} nodes',
        ' '.join(command.argv),
        words.format(good, each, enough, least, counts),
        words.format(each, each, 'at least', least, '…'),
    )


def _verdict_of_a_run(
    fleet: SimulatedFleet,
    home: Path,
    command: Command,
    chance: random.Random,
) -> str:
    """Run a command and interrupt it; returns how it ended."""
    count = chance.randint(1, command.requests * NODES)
    delay = chance.expovariate(1 / _DELAY)
    fleet.reset()
    if command.argv[0] != 'list':
        held = [one for one in fleet.images if fleet.images[one] == _HELD]
        fleet.set_cache(range(NODES), cached=held)
    before, _queued = _holds(fleet)
    with _started(fleet, home, command) as process:
        deadline = time.monotonic() + _PATIENCE
        while process.poll() is None:
            if fleet.await_requests(count, _LOOK):
                break
            if time.monotonic() > deadline:
                return f'without request {count} after {_PATIENCE:.0f} s'
        time.sleep(delay)
        if process.poll() is None and ignores_sigint(process.pid):
            return 'started with SIGINT ignored'
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            return f'still running {_SECONDS:.0f} s after the signal'
    cached, queued = _holds(fleet)
    changes = [
        times
        for asked in fleet.requests().values()
        for what, times in asked.items()
        if what.startswith(('PUT /v2', 'DELETE /v2'))
    ]
    out, err = (home / name for name in ('out', 'err'))
    return verdict(
        command.rows * NODES,
        Left(
            code,
            out.read_text(),
            err.read_text(),
            before,
            cached,
            queued,
            tuple(changes),
        ),
    )


@contextlib.contextmanager
def _started(
    fleet: SimulatedFleet, home: Path, command: Command
) -> Iterator[subprocess.Popen[bytes]]:
    """`openstack image cache …` while it runs; killed if it stays.

    It writes to files: nothing holds it up.
    """
    with (
        (home / 'out').open('wb') as out,
        (home / 'err').open('wb') as err,
        subprocess.Popen(
            [
                *(str(OPENSTACK), 'image', 'cache'),
                *command.argv,
                *('-f', 'json'),
            ],
            env=fleet.shell(home),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            # A shell's background processes ignore SIGINT, and so would all
            # that they start.
            preexec_fn=default_sigint,  # noqa: PLW1509
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def default_sigint() -> None:
    """Have SIGINT end this process, as in a shell."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ignores_sigint(pid: int) -> bool:
    """Whether a process ignores SIGINT, as the kernel knows it."""
    status = Path(f'/proc/{pid}/status').read_text(encoding='utf-8')
    mask = status.partition('SigIgn:')[2].split()[0]
    return bool(int(mask, 16) >> (signal.SIGINT - 1) & 1)


def _holds(fleet: SimulatedFleet) -> tuple[Entries, Entries]:
    """What the nodes have cached, and what they have queued."""
    caches = fleet.caches().items()
    cached, queued = (
        frozenset((name, one) for name, held in caches for one in held[state])
        for state in ('cached', 'queued')
    )
    return cached, queued
