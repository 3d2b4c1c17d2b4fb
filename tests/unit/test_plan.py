# SPDX-License-Identifier: Apache-2.0

"""From what is wanted and what is there to what is to be done."""

import hypothesis
from hypothesis import strategies

from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan

A = images.Image('id-a', 'a')
B = images.Image('id-b', 'b')
C = images.Image('id-c')
CACHED_A = entries.Entry('id-a', entries.State.CACHED, size=7)
QUEUED_A = entries.Entry('id-a', entries.State.QUEUED)
QUEUED_B = entries.Entry('id-b', entries.State.QUEUED)
CACHED_D = entries.Entry('id-d', entries.State.CACHED)

IMAGES = strategies.lists(
    strategies.builds(images.Image, strategies.sampled_from('abcdefgh')),
    unique=True,
)
HELD = strategies.lists(
    strategies.builds(
        entries.Entry,
        strategies.sampled_from('abcdefgh'),
        strategies.sampled_from(entries.State),
    ),
    max_size=8,
)


def test_what_a_node_lacks_is_queued_and_nothing_else() -> None:
    assert plan.to_queue([A, B, C], [CACHED_D, QUEUED_B, CACHED_A]) == [
        plan.Step(A, plan.Action.NONE, CACHED_A),
        plan.Step(B, plan.Action.WAIT, QUEUED_B),
        plan.Step(C, plan.Action.QUEUE, None),
    ]


def test_force_queues_everything_again() -> None:
    assert plan.to_queue([A, B, C], [QUEUED_B, CACHED_A], force=True) == [
        plan.Step(A, plan.Action.QUEUE, CACHED_A),
        plan.Step(B, plan.Action.QUEUE, QUEUED_B),
        plan.Step(C, plan.Action.QUEUE, None),
    ]


def test_what_is_cached_and_queued_again_counts_as_cached() -> None:
    for held in ([CACHED_A, QUEUED_A], [QUEUED_A, CACHED_A]):
        assert plan.to_queue([A], held) == [
            plan.Step(A, plan.Action.NONE, CACHED_A)
        ]
        assert plan.by_id(held) == {'id-a': CACHED_A}


def test_a_plan_is_told_in_these_words() -> None:
    assert {action: action.value for action in plan.Action} == {
        plan.Action.QUEUE: 'queue',
        plan.Action.DELETE: 'delete',
        plan.Action.WAIT: 'wait',
        plan.Action.NONE: 'none',
    }


@hypothesis.given(wanted=IMAGES, held=HELD, force=strategies.booleans())
def test_queueing_has_a_step_for_each_wanted_image(
    wanted: list[images.Image], held: list[entries.Entry], force: bool
) -> None:
    steps = plan.to_queue(wanted, held, force=force)

    assert [step.image for step in steps] == wanted


@hypothesis.given(wanted=IMAGES, held=HELD)
def test_queueing_asks_for_exactly_what_is_not_there(
    wanted: list[images.Image], held: list[entries.Entry]
) -> None:
    there = {entry.image_id for entry in held}

    assert [
        step.image.image_id
        for step in plan.to_queue(wanted, held)
        if step.action is plan.Action.QUEUE
    ] == [one.image_id for one in wanted if one.image_id not in there]


@hypothesis.given(wanted=IMAGES, held=HELD, force=strategies.booleans())
def test_queueing_never_deletes(
    wanted: list[images.Image], held: list[entries.Entry], force: bool
) -> None:
    assert plan.Action.DELETE not in {
        step.action for step in plan.to_queue(wanted, held, force=force)
    }


@hypothesis.given(wanted=IMAGES, held=HELD)
def test_a_step_shows_the_entry_of_its_own_image(
    wanted: list[images.Image], held: list[entries.Entry]
) -> None:
    for step in [
        *plan.to_queue(wanted, held),
        *plan.to_sync(wanted, held, delete_others=True),
    ]:
        assert step.entry is None or step.entry in held
        assert step.entry is None or step.entry.image_id == step.image.image_id


@hypothesis.given(held=HELD)
def test_each_image_has_one_entry_and_a_cached_one_if_there_is_any(
    held: list[entries.Entry],
) -> None:
    found = plan.by_id(held)

    assert set(found) == {entry.image_id for entry in held}
    cached = {
        entry.image_id for entry in held if entry.state is entries.State.CACHED
    }
    for image_id, entry in found.items():
        assert entry in held
        assert entry.image_id == image_id
        assert (entry.state is entries.State.CACHED) == (image_id in cached)


def test_sync_queues_what_lacks_and_leaves_the_rest() -> None:
    held = [CACHED_D, QUEUED_B, CACHED_A]

    assert plan.to_sync([A, B, C], held) == [
        plan.Step(A, plan.Action.NONE, CACHED_A),
        plan.Step(B, plan.Action.WAIT, QUEUED_B),
        plan.Step(C, plan.Action.QUEUE, None),
    ]


def test_sync_deletes_others_first_and_only_if_it_is_to() -> None:
    held = [CACHED_D, QUEUED_B, CACHED_A]

    assert plan.to_sync([A, C], held, delete_others=True) == [
        plan.Step(images.Image('id-d'), plan.Action.DELETE, CACHED_D),
        plan.Step(images.Image('id-b'), plan.Action.DELETE, QUEUED_B),
        plan.Step(A, plan.Action.NONE, CACHED_A),
        plan.Step(C, plan.Action.QUEUE, None),
    ]


def applied(
    held: list[entries.Entry], steps: list[plan.Step]
) -> list[entries.Entry]:
    """What a node holds after steps, once everything has arrived."""
    gone = {
        step.image.image_id
        for step in steps
        if step.action is plan.Action.DELETE
    }
    come = {
        step.image.image_id
        for step in steps
        if step.action in (plan.Action.QUEUE, plan.Action.WAIT)
    }
    return [
        one
        for one in held
        if one.image_id not in gone
        and (one.image_id not in come or one.state is entries.State.CACHED)
    ] + [entries.Entry(one, entries.State.CACHED) for one in sorted(come)]


@hypothesis.given(IMAGES, HELD, strategies.booleans())
def test_sync_reaches_what_is_wanted(
    wanted: list[images.Image], held: list[entries.Entry], delete: bool
) -> None:
    steps = plan.to_sync(wanted, held, delete_others=delete)
    after = applied(held, steps)

    named = {image.image_id for image in wanted}
    cached = {
        one.image_id for one in after if one.state is entries.State.CACHED
    }
    assert named <= cached
    if delete:
        assert {one.image_id for one in after} == named
    again = plan.to_sync(wanted, after, delete_others=delete)
    assert {step.action for step in again} <= {plan.Action.NONE}


@hypothesis.given(IMAGES, HELD, strategies.booleans())
def test_sync_deletes_nothing_that_was_named(
    wanted: list[images.Image], held: list[entries.Entry], delete: bool
) -> None:
    steps = plan.to_sync(wanted, held, delete_others=delete)

    deleted = {
        step.image.image_id
        for step in steps
        if step.action is plan.Action.DELETE
    }
    named = {image.image_id for image in wanted}
    there = {one.image_id for one in held}
    assert deleted == (there - named if delete else set())


def test_a_step_takes_the_name_that_is_known() -> None:
    step = plan.Step(images.Image('id-a'), plan.Action.DELETE, CACHED_A)

    assert step.named({'id-a': A}) == plan.Step(A, step.action, CACHED_A)
    assert step.named({'id-b': B}) == step
