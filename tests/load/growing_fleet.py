# SPDX-License-Identifier: Apache-2.0

"""The same commands on more and more nodes of one simulated fleet."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_program import FleetProgram
from tests.benchmarks.fleet_program import Measured
from tests.benchmarks.group import log
from tests.load import growth
from tests.load.commands import Command
from tests.load.commands import COMMANDS
from tests.load.commands import Target
from tests.load.table import Row
from tests.simulated import Settings
from tests.simulated import SimulatedFleet

_ENTRIES = 100
#: Each image is on half of the nodes.
_IMAGES = 2 * _ENTRIES
#: Number of nodes for the constant part of time and memory.
_CONSTANT = 1
_LIFETIME = 3600.0


def rows(
    home: Path, names: Iterable[str], sizes: Sequence[int], count: int
) -> Iterator[Row]:
    """Run each command on each number of nodes.

    :param names: of commands, see :data:`COMMANDS`
    :param sizes: numbers of nodes
    :param count: runs of each command for each number of nodes
    :raises BenchmarkError: a command failed, or its output is wrong
    """
    all_sizes = sorted({_CONSTANT, *sizes})
    settings = Settings(nodes=max(sizes), images=_IMAGES, entries=_ENTRIES)
    log(f'Starting {settings.nodes:,} nodes …')
    with SimulatedFleet(settings, _LIFETIME) as fleet:
        held = {name: one['cached'] for name, one in fleet.caches().items()}
        targets = {
            size: _target(home, size, fleet, held) for size in all_sizes
        }
        for name in names:
            command = COMMANDS[name]
            log(f'{name}:')
            runs: dict[int, list[Measured]] = {size: [] for size in targets}
            # All sizes in turn: a busy machine affects each of them.
            for _ in range(count):
                for size, target in targets.items():
                    path = target.home / 'clouds.yaml'
                    run = _run(command, target, fleet.environment(path))
                    runs[size].append(run)
            yield from growth.rows(
                f'image cache {command.words}, {_ENTRIES} entries a node,',
                runs,
            )


def _target(
    home: Path,
    size: int,
    fleet: SimulatedFleet,
    held: Mapping[str, Sequence[str]],
) -> Target:
    """The first nodes of a fleet, in a nodes file, and their policy."""
    folder = home / f'nodes-{size}'
    folder.mkdir()
    fleet.clouds_yaml(folder / 'clouds.yaml', size, folder / 'nodes.json')
    target = Target(
        folder, list(fleet.images), dict(islice(held.items(), size))
    )
    target.write_policy()
    return target


def _run(
    command: Command, target: Target, environment: dict[str, str]
) -> Measured:
    """Run a command, check its output, and print what it used.

    :raises BenchmarkError: it failed, or its output is wrong
    """
    # The file of an earlier run must not count.
    target.output.unlink(missing_ok=True)
    program = FleetProgram(target.home)
    run = program.run(environment, *command.arguments(target))
    try:
        command.check(target, run)
    except (BenchmarkError, OSError, ValueError, KeyError) as error:
        raise BenchmarkError(
            f'image cache {command.words} on {len(target.held):,} nodes:'
            f' {error}\n{run.err[-2000:]}'
        ) from error
    log(
        f'  {len(target.held):6,} nodes {run.seconds:6.2f} s'
        f' {run.cpu:6.2f} s CPU {run.peak:4.0f} MiB'
    )
    return run
