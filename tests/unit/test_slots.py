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
OSLO = [world.member(name, 'oslo') for name in '123']


async def grant(free: slots.Slots) -> None:
    """Grant the slots that are free now."""
    task = asyncio.create_task(free.grant())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()


@pytest.mark.parametrize(
    ('members', 'granted'),
    [
        (OSLO, 1),
        ([*OSLO, world.member('4', 'bergen')], 2),
        ([*OSLO, world.member('4', 'oslo', cloud=world.other_cloud('b'))], 2),
    ],
    ids=['one site', 'two sites', 'sites of two clouds'],
)
def test_each_site_has_a_limit(
    members: list[fleet.Member], granted: int
) -> None:
    async def count() -> int:
        nodes = [
            fills.NodeFills([fills.Fill(one, ALPHA)], 0, 60) for one in members
        ]
        free = slots.Slots(0, lambda site: {'oslo': 1, 'bergen': 1}[site])
        for one in nodes:
            one.ready = True
            free.update(one)
        await grant(free)
        return sum(one.granted for one in nodes)

    assert asyncio.run(count()) == granted


def test_a_node_whose_rank_has_changed_has_a_slot_at_once() -> None:
    async def is_granted() -> bool:
        node = fills.NodeFills([fills.Fill(OSLO[0], ALPHA)] * 2, 0, 60)
        free = slots.Slots(0)
        node.ready = True
        free.update(node)
        node.requested[node.start_next()] = None
        free.update(node)
        await grant(free)
        return node.granted

    assert asyncio.run(is_granted())
