# SPDX-License-Identifier: Apache-2.0

"""Which nodes may queue an image, by the limits of concurrent fills."""

import asyncio

import pytest

from glance_cache_osc import errors
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
        ([*OSLO, world.member('4', 'oslo', cloud=world.other_cloud('b'))], 1),
    ],
    ids=['one site', 'two sites', 'one site of two clouds'],
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


def test_a_node_whose_last_image_is_deleted_with_its_slot_frees_it() -> None:
    async def granted() -> list[bool]:
        one, other = (
            fills.NodeFills([fills.Fill(member, ALPHA)], 0, 60)
            for member in OSLO[:2]
        )
        free = slots.Slots(1)
        for node in (one, other):
            node.ready = True
            free.update(node)
        await grant(free)
        one.pending[0].fail(errors.ImageError('deleted'))
        one.sort()
        free.update(one)
        await grant(free)
        return [one.granted, other.granted]

    assert asyncio.run(granted()) == [True, True]


def test_nodes_of_a_full_site_have_its_slots_in_their_order() -> None:
    async def in_order() -> bool:
        nodes = [
            fills.NodeFills(
                [fills.Fill(world.member(str(at), 'oslo'), ALPHA)], 0, 60
            )
            for at in range(200)
        ]
        free = slots.Slots(0, lambda _site: 1)
        for one in nodes:
            one.ready = True
            free.update(one)
        order: list[fills.NodeFills] = []
        for __ in nodes:
            await grant(free)
            (now,) = [one for one in nodes if one.granted]
            order.append(now)
            now.pending[0].state = fills.State.CACHED
            now.sort()
            now.granted = False
            free.update(now)
        return order == nodes

    assert asyncio.run(in_order())


def test_a_request_that_a_restart_lost_is_lost_until_it_is_accepted_again() -> (
    None
):
    fill = fills.Fill(OSLO[0], ALPHA)
    seen: list[bool] = []

    async def follow() -> None:
        node = fills.NodeFills([fill], 0, 60)
        node.accepted(node.start_next(), 0)
        seen.append(fill.lost)
        node.failed(errors.Unreachable('Refused', down=True), 1)
        node.listed([], 2, 2)
        seen.append(fill.lost)
        node.accepted(node.start_next(), 3)
        seen.append(fill.lost)

    asyncio.run(follow())

    assert seen == [False, True, False]


def test_a_node_whose_last_image_is_deleted_holds_up_no_other_of_its_site() -> (
    None
):
    async def granted() -> bool:
        first, gone, last = nodes = [
            fills.NodeFills([fills.Fill(member, ALPHA)], 0, 60)
            for member in OSLO
        ]
        free = slots.Slots(0, lambda _site: 1)
        for node in nodes:
            node.ready = True
            free.update(node)
        await grant(free)
        assert [node.granted for node in nodes] == [True, False, False]
        for node in (gone, first):
            node.pending[0].fail(errors.ImageError('deleted'))
            node.sort()
            free.update(node)
        await grant(free)
        return last.granted

    assert asyncio.run(granted())
