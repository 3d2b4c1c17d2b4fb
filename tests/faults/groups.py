# SPDX-License-Identifier: Apache-2.0

"""The groups of rows, and the set-up that each requires."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import dataclasses
from itertools import groupby
from pathlib import Path
import subprocess
import tempfile
from typing import Any

from tests.cloud import Cloud
from tests.cloud import CloudError
from tests.cloud import KeystoneOptions
from tests.cloud import RestError
from tests.faults import changes
from tests.faults import clock
from tests.faults import cuts
from tests.faults import interrupts
from tests.faults import killed
from tests.faults import limits
from tests.faults import logins
from tests.faults import names
from tests.faults import nodes as faulty
from tests.faults import operators
from tests.faults import pipes
from tests.faults import sessions
from tests.faults import tls
from tests.faults import tokens
from tests.faults.stage import Stage
from tests.faults.table import not_run
from tests.faults.table import Row
from tests.simulated import FleetError
from tests.simulated import missing

_TOKEN_SECONDS = 35
#: Errors of a set-up, or of a fault that cannot be caused.
_ERRORS = (
    *(CloudError, FleetError, RestError),
    *(OSError, subprocess.SubprocessError),
)

SetUp = Callable[[], contextlib.AbstractContextManager[Any]]


@dataclasses.dataclass(frozen=True)
class Group:
    """Rows with one set-up.

    :ivar set_up: a `Stage`, or an empty directory
    :ivar rows: makes the rows, from the set-up and the number of interrupts
    :ivar lacking: the capability that this machine lacks; '' if none
    """

    set_up: SetUp
    rows: Callable[[Any, int], Iterable[Row]]
    lacking: Callable[[], str | None]


@contextlib.contextmanager
def _home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as home:
        yield Path(home)


@contextlib.contextmanager
def _stage(cloud: Cloud) -> Iterator[Stage]:
    with _home() as home, cloud, Stage(cloud, home) as stage:
        yield stage


def _short() -> contextlib.AbstractContextManager[Stage]:
    """A cloud whose tokens expire soon."""
    options = KeystoneOptions(token_seconds=_TOKEN_SECONDS)
    return _stage(Cloud(nodes=2, keystone_options=options))


def _large() -> contextlib.AbstractContextManager[Stage]:
    """A cloud with nodes that have faults of their own."""
    nodes = [logins.FORGETFUL, logins.FORGETFUL]
    nodes += [faulty.TWELVE_EAST, faulty.EIGHT_WEST]
    if not faulty.why_no_small_disk():
        nodes.append(faulty.SMALL_DISK)
    return _stage(Cloud(nodes=nodes))


def _clocks(stage: Stage, _runs: int) -> Iterable[Row]:
    return faulty.clocks(stage, *(one.url for one in stage.cloud.glance[2:4]))


def _full(stage: Stage, _runs: int) -> Iterable[Row]:
    return faulty.full(stage, stage.cloud.glance[4].url)


def _simulated(rows: Callable[[Path], Iterable[Row]]) -> Group:
    return Group(_home, lambda home, _runs: rows(home), missing)


def _staged(rows: Callable[[Stage], Iterable[Row]]) -> Group:
    return Group(_large, lambda stage, _runs: rows(stage), lambda: '')


#: Groups with the same set-up are adjacent.
GROUPS = {
    'pipes': _simulated(pipes.rows),
    'session': _simulated(lambda home: [sessions.row(home)]),
    'interrupts': Group(_home, interrupts.rows, missing),
    'certificates': _simulated(tls.rows),
    'tokens': _simulated(tokens.rows),
    'lost-responses': _simulated(changes.rows),
    'names': _simulated(names.rows),
    'clock': _simulated(clock.rows),
    'open-files': _simulated(limits.files),
    'memory': _simulated(limits.memory),
    'full-output': Group(
        _home,
        lambda home, _runs: limits.disk(home),
        lambda: missing() or faulty.why_no_small_disk(),
    ),
    'expiry': Group(
        _short,
        lambda stage, _runs: logins.short(stage, _TOKEN_SECONDS),
        lambda: '',
    ),
    'killed': _staged(killed.rows),
    'recovered': _staged(killed.recovered),
    'cuts': _staged(cuts.rows),
    'logins': _staged(logins.rows),
    'clocks': Group(_large, _clocks, lambda: ''),
    'full-disk': Group(_large, _full, faulty.why_no_small_disk),
    'operators': _staged(operators.rows),
}


def rows(only: Collection[str], runs: int) -> Iterator[Row]:
    """The rows of the named groups; a row for each group that cannot be run.

    :param runs: the number of interrupted runs
    """
    wanted = [name for name in GROUPS if name in only]
    for set_up, same in groupby(wanted, lambda name: GROUPS[name].set_up):
        names = list(same)
        with contextlib.ExitStack() as stack:
            try:
                world = stack.enter_context(set_up())
            except _ERRORS as error:
                yield from (not_run(name, _words(error)) for name in names)
                continue
            for name in names:
                yield from _rows(name, world, runs)


def _rows(name: str, world: Any, runs: int) -> Iterator[Row]:
    if why := GROUPS[name].lacking():
        yield not_run(name, why, lacking=True)
        return
    try:
        yield from GROUPS[name].rows(world, runs)
    except _ERRORS as error:
        yield not_run(name, _words(error))


def _words(error: Exception) -> str:
    return f'{type(error).__name__}: {" ".join(str(error).split())}'
