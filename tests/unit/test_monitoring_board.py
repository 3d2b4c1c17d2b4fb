# SPDX-License-Identifier: Apache-2.0

"""What `watch` has seen: rows, changes, rates."""

from typing import Any

import pytest

from glance_cache_osc import errors
from glance_cache_osc.fleet import fleet
from glance_cache_osc.model import entries
from glance_cache_osc.monitoring import board as boards
from tests.unit import world

DOWN = errors.Unreachable('Cannot connect')
OSLO_1 = world.member('oslo-1', 'oslo')
OSLO_2 = world.member('oslo-2', 'oslo')
BERGEN = world.member('bergen')
ALL = (OSLO_1, OSLO_2, BERGEN)
WANTED = {'a': 100, 'b': 300}


class Clock:
    """Seconds, as a test sets them."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def cached(image_id: str, size: int = 100) -> entries.Entry:
    return entries.Entry(image_id, entries.State.CACHED, size, hits=0)


def queued(image_id: str) -> entries.Entry:
    return entries.Entry(image_id, entries.State.QUEUED)


def board(clock: Clock, *, policy: bool = False) -> boards.Board:
    return boards.Board(ALL, (lambda _one: WANTED) if policy else None, clock)


def told(changes: list[boards.Change]) -> list[str]:
    return [
        ' '.join(filter(None, [one.member.node.name, one.what, one.image_id]))
        for one in changes
    ]


def row(made: boards.Board, name: str, *, by_node: bool = True) -> Any:
    (found,) = [one for one in made.rows(by_node=by_node) if one.name == name]
    return found


def test_the_first_list_is_told_and_is_no_arrival(clock: Clock) -> None:
    made = board(clock)

    changes = made.update(BERGEN, [cached('a'), queued('b')])

    assert told(changes) == ['bergen ok, cached: 1, queued: 1']
    found = row(made, 'bergen')
    assert (found.cached, found.queued, found.size) == (1, 1, 100)
    assert (found.arrived, found.rate, found.changed) == (0, 0, None)
    assert found.status == 'filling'


def test_what_changes_between_two_lists_is_told(clock: Clock) -> None:
    made = board(clock)
    made.update(BERGEN, [cached('a'), queued('b')])
    clock.now += 10

    changes = made.update(BERGEN, [cached('b', 500), queued('c')])
    clock.now += 10
    nothing = made.update(BERGEN, [cached('b', 500), queued('c')])

    assert told(changes) == [
        'bergen cached b',
        'bergen queued c',
        'bergen removed a',
    ]
    assert nothing == []
    found = row(made, 'bergen')
    assert (found.arrived, found.rate, found.changed) == (1, 25, 10)


def test_a_node_that_fails_and_comes_back(clock: Clock) -> None:
    """What it held is known meanwhile; an arrival is not lost."""
    made = board(clock)
    made.update(BERGEN, [cached('a')])

    first = made.fail(BERGEN, DOWN)
    again = made.fail(BERGEN, errors.Unreachable('Cannot connect'))
    other = made.fail(BERGEN, errors.ServerFault('Oops'))
    failed = row(made, 'bergen')
    back = made.update(BERGEN, [cached('a'), cached('b')])

    assert told(first) == ['bergen unreachable: Cannot connect.']
    assert again == []
    assert told(other) == ['bergen error: Oops.']
    assert (failed.status, failed.up, failed.cached) == ('error', 0, 1)
    assert told(back) == [
        'bergen ok, cached: 2, queued: 0',
        'bergen cached b',
    ]
    assert row(made, 'bergen').status == 'ok'


def test_a_node_that_fails_first_has_unknown_rows(clock: Clock) -> None:
    made = board(clock, policy=True)

    assert row(made, 'bergen').status == 'waiting'
    assert told(made.fail(BERGEN, DOWN)) == [
        'bergen unreachable: Cannot connect.'
    ]

    found = row(made, 'bergen')
    assert (found.status, found.missing, found.changed) == (
        'unreachable',
        None,
        None,
    )


def test_what_is_missing_and_how_long_it_takes(clock: Clock) -> None:
    made = board(clock, policy=True)
    made.update(BERGEN, [queued('a')])
    clock.now += 50

    before = row(made, 'bergen')
    made.update(BERGEN, [cached('a', 100)])
    after = row(made, 'bergen')
    made.update(BERGEN, [cached('a', 100), cached('b', 300)])
    done = row(made, 'bergen')

    assert (before.missing, before.left, before.status) == (
        2,
        None,
        'filling',
    )
    # 100 bytes in 50 seconds; 300 are missing.
    assert (after.missing, after.rate, after.left) == (1, 2, 150)
    assert after.status == 'incomplete'
    assert (done.missing, done.left, done.status) == (0, None, 'ok')


def test_what_a_site_without_a_rule_lacks_is_not_known(clock: Clock) -> None:
    made = boards.Board(
        ALL, lambda one: WANTED if one is BERGEN else None, clock
    )
    made.update(OSLO_1, [])
    made.update(BERGEN, [])

    assert row(made, 'oslo-1').missing is None
    assert row(made, 'oslo-1').status == 'ok'
    assert (row(made, 'bergen').missing, made.total().missing) == (2, 2)


def test_sites_add_up_their_nodes(clock: Clock) -> None:
    made = board(clock, policy=True)
    made.update(OSLO_1, [cached('a'), cached('b', 300)])
    made.fail(OSLO_2, DOWN)

    oslo = row(made, 'oslo', by_node=False)

    assert (oslo.up, oslo.nodes, oslo.cached, oslo.missing) == (1, 2, 2, 0)
    assert oslo.status == '1 unreachable'
    assert made.total().nodes == 3


def test_failures_of_several_kinds_are_not_counted_as_one_kind(
    clock: Clock,
) -> None:
    made = board(clock)
    made.fail(OSLO_1, DOWN)
    made.fail(OSLO_2, errors.Forbidden('No permission'))

    assert row(made, 'oslo', by_node=False).status == '2 failed'
    assert row(made, 'oslo-2').status == 'forbidden'


def test_a_login_that_failed_is_no_error_of_the_node(clock: Clock) -> None:
    made = board(clock)
    made.fail(OSLO_1, errors.LoginRejected('The password is wrong'))

    assert row(made, 'oslo-1').status == 'no login'


def test_rows_that_need_attention_come_first(clock: Clock) -> None:
    made = board(clock, policy=True)
    made.update(OSLO_1, [cached('a'), cached('b')])
    made.update(OSLO_2, [cached('a')])
    made.fail(BERGEN, DOWN)

    assert [one.name for one in made.rows(by_node=True)] == [
        'bergen',
        'oslo-2',
        'oslo-1',
    ]
    made.update(BERGEN, [cached('a'), cached('b'), queued('c')])
    assert [one.name for one in made.rows(by_node=True)] == [
        'oslo-2',
        'bergen',
        'oslo-1',
    ]


def test_sites_of_two_clouds_are_two(clock: Clock) -> None:
    other = world.other_cloud('far')
    far = fleet.Member(OSLO_1.node, OSLO_1.driver, OSLO_1.client, other)

    made = boards.Board([OSLO_1, far], None, clock)

    assert [one.nodes for one in made.rows(by_node=False)] == [1, 1]
