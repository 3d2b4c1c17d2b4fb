# SPDX-License-Identifier: Apache-2.0

"""Which nodes may queue an image, by the limits of concurrent fills."""

import asyncio

import pytest

from glance_cache_osc.filling import fills
from glance_cache_osc.filling import slots
from glance_cache_osc.fleet import fleet
from glance_cache_osc.model import images
from tests.unit import world

ALPHA = images.Image('a')


@pytest.mark.parametrize(
    ('members', 'granted'),
    [
        ([world.member('1', 'oslo'), world.member('2', 'oslo')], 1),
        (
            [
                world.member('1', 'oslo'),
                world.member('2', 'oslo', cloud=world.other_cloud('far')),
            ],
            2,
        ),
    ],
)
def test_sites_of_two_clouds_are_two(
    members: list[fleet.Member], granted: int
) -> None:
    async def grant() -> int:
        nodes = [
            fills.NodeFills([fills.Fill(one, ALPHA)], 0, 60) for one in members
        ]
        free = slots.Slots(0, lambda site: {'oslo': 1}[site])
        for one in nodes:
            one.ready = True
            free.update(one)
        task = asyncio.create_task(free.grant())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        return sum(one.granted for one in nodes)

    assert asyncio.run(grant()) == granted
