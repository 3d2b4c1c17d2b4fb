# SPDX-License-Identifier: Apache-2.0

"""What is deleted is checked at the last moment, in virtual time."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
import dataclasses
import types
from typing import Any

import pytest

from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.command import deleting
from glance_cache_osc.command import operations
from glance_cache_osc.fleet import fleet
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan
from glance_cache_osc.model import selection
from tests.unit import virtual
from tests.unit import world

QUEUED = selection.Filters(states=frozenset({entries.State.QUEUED}))


class Driver:
    """A node whose fill of `c` ends after one second.

    :param seconds: that a list takes.
    :param error: what all lists fail with.
    """

    def __init__(
        self, seconds: float = 0.1, error: errors.CacheError | None = None
    ) -> None:
        self.seconds = seconds
        self.error = error
        self.reads: list[float] = []
        self.deleted: list[str] = []
        self.queued_only: bool | None = None

    async def list_entries(self) -> list[entries.Entry]:
        now = asyncio.get_running_loop().time() - virtual.START
        self.reads.append(round(now, 1))
        await asyncio.sleep(self.seconds)
        if self.error:
            raise self.error
        last = entries.State.CACHED if now > 1 else entries.State.QUEUED
        return [
            entries.Entry('a', entries.State.QUEUED, size=1),
            entries.Entry('b', entries.State.QUEUED),
            entries.Entry('c', last),
        ]

    async def delete(
        self, image_id: str, *, queued_only: bool = False
    ) -> None:
        self.deleted.append(image_id)
        self.queued_only = queued_only


def delete(
    driver: Driver,
    filters: selection.Filters | None,
    rounds: Sequence[str] = 'abc',
    state: entries.State = entries.State.QUEUED,
) -> list[str]:
    """Delete entries; returns the nodes and the entries that failed.

    :param state: the state of all entries in the plan.
    :param rounds: entries that are deleted at once, every 0.6 seconds.
    """
    failed: list[str] = []

    async def carry_out(
        steps: operations.Steps,
        operation: Callable[[fleet.Job], Awaitable[None]],
        _what: str,
    ) -> operations.Steps:
        async def run(name: str) -> None:
            try:
                await operation(fleet.Job(member, name))
            except operations.ReportedError:
                pass
            except errors.NodeError as error:
                failed.append(f'{name}: {error}')

        for names in rounds:
            await asyncio.gather(*map(run, names))
            await asyncio.sleep(0.6)
        return steps

    held: Any = driver
    member = world.member('n1', driver=held)
    command: Any = types.SimpleNamespace(
        carry_out=carry_out,
        failures=report.Failures(),
        loop=types.SimpleNamespace(interrupted=False),
    )
    steps = [
        (
            member,
            plan.Step(
                images.Image(name),
                plan.Action.DELETE,
                entries.Entry(name, state),
            ),
        )
        for name in sorted(set().union(*rounds))
    ]
    virtual.run(deleting.delete(command, steps, filters))
    return [*command.failures.nodes, *failed, *command.failures.lines]


@pytest.mark.parametrize(
    'filters',
    [None, selection.Filters(), selection.Filters(orphans=True)],
)
def test_what_cannot_change_is_not_read_again(
    filters: selection.Filters | None,
) -> None:
    driver = Driver()

    assert delete(driver, filters) == []
    assert (driver.reads, driver.deleted) == ([], ['a', 'b', 'c'])


@pytest.mark.parametrize(
    ('seconds', 'rounds', 'reads', 'deleted'),
    [
        (0.1, 'abc', [0.0, 1.3], ['a', 'b']),
        # An entry in neither list is one whose fill ends just now.
        (0.1, 'adb', [0.0, 1.3], ['a', 'b']),
        (0.1, ['ab', 'a', 'abc'], [0.0, 1.3], [*'ab', 'a', *'ab']),
        # The same share of the time is for lists, however slow they are.
        (1.5, 'abbbc', [0.0, 3.3], ['a', 'b', 'b', 'b']),
    ],
)
def test_a_list_is_good_for_as_long_as_it_took_and_for_a_second(
    seconds: float,
    rounds: Sequence[str],
    reads: list[float],
    deleted: list[str],
) -> None:
    driver = Driver(seconds)

    failed = delete(driver, QUEUED, rounds)

    assert (driver.reads, driver.deleted) == (reads, deleted)
    (changed,) = set().union(*rounds) - set(deleted)
    assert failed == [
        f'{changed}: The entry has changed and does not match the filters. '
        'Run the command again.'
    ]


def test_a_node_that_fails_is_reported_once() -> None:
    driver = Driver(error=errors.NodeError('It is busy'))

    failed = delete(driver, QUEUED)

    assert failed == [
        'n1',
        'Cannot read the cache of n1 (http://n1): It is busy.',
    ]
    assert (driver.reads, driver.deleted) == ([0.0], [])


def test_a_cached_entry_that_is_gone_may_be_on_another_node() -> None:
    """If a load balancer is in front of several."""
    driver = Driver()
    large = selection.Filters(larger_than=0)

    assert delete(driver, large, 'd', entries.State.CACHED) == []
    assert (driver.reads, driver.deleted) == ([0.0], ['d'])

    assert delete(driver, large, 'b', entries.State.CACHED) != []
    assert driver.deleted == ['d']


BOTH = frozenset(entries.State)


@pytest.mark.parametrize(
    ('filters', 'queued_only'),
    [
        (QUEUED, True),
        (dataclasses.replace(QUEUED, states=BOTH), False),
        (selection.Filters(larger_than=0), False),
        (None, False),
    ],
)
def test_only_what_is_queued_is_deleted_from_the_queue_alone(
    filters: selection.Filters | None, queued_only: bool
) -> None:
    driver = Driver()

    assert delete(driver, filters, 'a') == []
    assert (driver.deleted, driver.queued_only) == (['a'], queued_only)
