# SPDX-License-Identifier: Apache-2.0

"""Ctrl-C at random times, during requests to hundreds of nodes.

A time is a request that the simulated nodes receive, and a small delay. Before
the first request, Python and OpenStackClient load. Their behaviour on an
interrupt is not part of this package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
import dataclasses
from pathlib import Path
import random
import signal
import subprocess
import time

from tests import shell
from tests.faults.table import Row
from tests.faults.verdicts import Entries
from tests.faults.verdicts import FINISHED
from tests.faults.verdicts import INTERRUPTED
from tests.faults.verdicts import Left
from tests.faults.verdicts import verdict
from tests.processes import ignores_sigint
from tests.simulated import Settings
from tests.simulated import SimulatedFleet

NODES = 300
#: Maximum seconds from the signal to the end of the run.
_SECONDS = 3.0
#: Maximum seconds until the run has sent the request.
_PATIENCE = 60.0
_LOOK = 0.2
#: Mean delay in seconds; a few delays are several times as long.
_DELAY = 0.1
_ROUND_TRIP = 0.1
_FILL = 0.5
_SEED = 7
_ENTRIES = 20
#: An image that all nodes have cached, and one that no node has.
_HELD, _OTHER = 'image-0001', 'image-0002'


@dataclasses.dataclass(frozen=True)
class Command:
    """A command to interrupt.

    :ivar requests: minimum number of requests to each node
    :ivar rows: number of rows for each node, without an interrupt
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
    """A row for each command.

    :param home: an empty directory
    :param runs: the total number of runs
    """
    # Not for secrets. The seed is fixed, so that the times are the same.
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
            # An interrupted `list` prints no rows: check that it can.
            alone = _verdict_of_a_run(fleet, home, command, None)
            yield row(command, verdicts, alone)


def row(command: Command, verdicts: Counter[str], alone: str) -> Row:
    """The row for the results of all runs.

    :param alone: the result of one more run, without a signal
    """
    each, least = verdicts.total(), (verdicts.total() + 1) // 2
    good = verdicts[INTERRUPTED] + verdicts[FINISHED]
    # In half of the runs, the signal must arrive before the end.
    enough = 'at least' if verdicts[INTERRUPTED] >= least else 'fewer than'
    counts = ', '.join(f'{n} {what}' for what, n in verdicts.most_common())
    words = (
        'without a signal: {}; {} of {} runs are as expected, {} {} of them '
        'interrupted: {}'
    )
    return Row(
        f'SIGINT in {each} runs, each at a random time, {NODES} nodes',
        ' '.join(command.argv),
        words.format(alone, good, each, enough, least, counts),
        words.format(FINISHED, each, each, 'at least', least, '…'),
    )


def _verdict_of_a_run(
    fleet: SimulatedFleet,
    home: Path,
    command: Command,
    chance: random.Random | None,
) -> str:
    """Run a command and interrupt it; returns the verdict.

    :param chance: None for a run without a signal
    """
    fleet.reset()
    if command.argv[0] != 'list':
        held = [one for one in fleet.images if fleet.images[one] == _HELD]
        fleet.set_cache(range(NODES), cached=held)
    before, _queued = _entries(fleet)
    argv = ('image', 'cache', *command.argv, '-f', 'json')
    with shell.started(
        shell.OPENSTACK,
        *argv,
        environment=fleet.shell(home),
        folder=home,
        timeout=3 * _PATIENCE,
        to_files=True,
    ) as process:
        if chance and (why := _interrupt(fleet, process, command, chance)):
            return why
        seconds = _SECONDS if chance else _PATIENCE
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return f'still running after {seconds:.0f} s'
        result = shell.ended(process)
    cached, queued = _entries(fleet)
    changes = [
        times
        for requests in fleet.requests().values()
        for what, times in requests.items()
        if what.startswith(('PUT /v2', 'DELETE /v2'))
    ]
    left = Left(result, before, cached, queued, tuple(changes))
    return verdict(command.rows * NODES, left)


def _interrupt(
    fleet: SimulatedFleet,
    process: shell.Program,
    command: Command,
    chance: random.Random,
) -> str:
    """Send the signal at a random time; returns why not, or ''."""
    count = chance.randint(1, command.requests * NODES)
    delay = chance.expovariate(1 / _DELAY)
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None:
        if fleet.await_requests(count, _LOOK):
            break
        if time.monotonic() > deadline:
            return f'request {count} not sent after {_PATIENCE:.0f} s'
    time.sleep(delay)
    if process.poll() is None and ignores_sigint(process.pid):
        return 'started with SIGINT ignored'
    process.send_signal(signal.SIGINT)
    return ''


def _entries(fleet: SimulatedFleet) -> tuple[Entries, Entries]:
    """The cached and the queued entries of all nodes."""
    caches = fleet.caches().items()
    cached, queued = (
        frozenset((name, one) for name, held in caches for one in held[state])
        for state in ('cached', 'queued')
    )
    return cached, queued
