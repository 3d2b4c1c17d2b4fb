# SPDX-License-Identifier: Apache-2.0

"""What is deleted is checked at the last moment, in virtual time."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
import types
from typing import Any

import pytest

from glance_cache_osc import errors
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
    """A node whose fill of `c` ends after one second."""

    def __init__(self) -> None:
        self.reads: list[float] = []
        self.deleted: list[str] = []
        self.error: errors.CacheError | None = None

    async def list_entries(self) -> list[entries.Entry]:
        now = asyncio.get_running_loop().time() - virtual.START
        self.reads.append(round(now, 1))
        await asyncio.sleep(0.1)
        if self.error:
            error, self.error = self.error, None
            raise error
        last = entries.State.CACHED if now > 1 else entries.State.QUEUED
        return [
            entries.Entry('a', entries.State.QUEUED),
            entries.Entry('b', entries.State.QUEUED),
            entries.Entry('c', last),
        ]

    async def delete(self, image_id: str) -> None:
        self.deleted.append(image_id)


def delete(driver: Driver, filters: selection.Filters | None) -> list[str]:
    """Delete three entries, one every 0.6 seconds; returns what failed."""
    failed = []

    async def carry_out(
        steps: operations.Steps,
        operation: Callable[[fleet.Job], Awaitable[None]],
        _what: str,
    ) -> operations.Steps:
        for member, step in steps:
            try:
                await operation(fleet.Job(member, step.image.image_id))
            except errors.NodeError as error:
                failed.append(f'{step.image.image_id}: {error}')
            await asyncio.sleep(0.6)
        return steps

    held: Any = driver
    member = world.member('n1', driver=held)
    steps = [
        (member, plan.Step(images.Image(one), plan.Action.DELETE))
        for one in 'abc'
    ]
    command: Any = types.SimpleNamespace(
        carry_out=carry_out, loop=types.SimpleNamespace(interrupted=False)
    )
    virtual.run(deleting.delete(command, steps, filters))
    return failed


@pytest.mark.parametrize(
    ('filters', 'reads', 'deleted'),
    [
        (None, [], ['a', 'b', 'c']),
        (selection.Filters(), [], ['a', 'b', 'c']),
        (QUEUED, [0.0, 1.3], ['a', 'b']),
    ],
)
def test_a_list_is_good_for_a_second(
    filters: selection.Filters | None, reads: list[float], deleted: list[str]
) -> None:
    driver = Driver()

    failed = delete(driver, filters)

    assert (driver.reads, driver.deleted) == (reads, deleted)
    assert failed == [
        'c: The entry has changed and does not match the filters. Run the '
        'command again.'
        for _read in reads[1:]
    ]


def test_a_list_that_failed_is_read_again() -> None:
    driver = Driver()
    driver.error = errors.NodeError('It is busy')

    failed = delete(driver, QUEUED)

    assert failed[0] == 'a: It is busy.'
    assert (driver.reads, driver.deleted) == ([0.0, 0.7], ['b', 'c'])
