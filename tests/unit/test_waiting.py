# SPDX-License-Identifier: Apache-2.0

"""Fills are had done and followed, in a world with a clock of its own."""

import asyncio
from collections.abc import Callable
from collections.abc import Coroutine
import functools
import itertools
import math
import os
import pathlib
import sys
import types
from typing import Any

import hypothesis
from hypothesis import strategies
import pytest

from glance_cache_osc import errors
from glance_cache_osc.filling import fills
from glance_cache_osc.filling import pauses
from glance_cache_osc.filling import waiting
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from tests.unit import virtual
from tests.unit.world import Driver
from tests.unit.world import Notes
from tests.unit.world import REFUSED
from tests.unit.world import Scene

SETTLED = waiting.Ending.SETTLED
GONE = (
    'The image is no longer cached or queued there. The entry was deleted, or '
    'the fill failed: check the log of the node.'
)
TIMED_OUT = errors.TimedOut('No response within 30 seconds')
BROKEN = errors.Unreachable('The connection broke', connected=True)
BUSY = errors.ServerFault('Busy')
NO = errors.Refused('No', status=400)
#: Where calls of functions are counted.
FILLING = str(pathlib.Path(waiting.__file__).parent)
#: When something happens, in seconds.
MOMENTS = strategies.floats(0, 3) | strategies.floats(0, 150)
LOGIN_FAILED = errors.LoginFailed('Keystone did not issue a token')
REJECTED = errors.LoginRejected('The account is locked')


def test_images_arrive_on_all_nodes() -> None:
    scene = Scene(nodes=2, wanted='ab', seconds=10)

    assert scene.follow() is SETTLED

    assert scene.ends == ['a n1 CACHED', 'a n2 CACHED', *scene.ends[2:]]
    assert scene.ends[2:] == ['b n1 CACHED', 'b n2 CACHED']
    assert scene.notes.arrivals == ['a n1', 'a n2', 'b n1', 'b n2']
    assert [one.asked for one in scene.drivers] == [['a', 'b'], ['a', 'b']]
    assert 20 < scene.seconds < 20 * 1.15


def test_nothing_wanted_is_over_at_once() -> None:
    scene = Scene(wanted='')

    assert scene.follow() is SETTLED
    assert scene.drivers[0].looks == []


def test_a_node_is_asked_in_the_order_of_wanting() -> None:
    """It fetches in the order in which it was asked."""
    scene = Scene(wanted='cabfed', seconds=1)

    scene.follow()

    assert scene.drivers[0].asked == list('cabfed')
    assert list(scene.drivers[0].cached) == list('cabfed')


def test_what_is_queued_already_is_not_asked_for() -> None:
    scene = Scene()
    scene.fills[0].state = fills.State.REQUESTED
    scene.fills[0].queued = True
    scene.drivers[0].hold('a')

    assert scene.follow() is SETTLED
    assert scene.drivers[0].asked == []


def test_how_things_stand_is_told() -> None:
    scene = Scene(nodes=2, wanted='ab', seconds=10)

    scene.follow()

    first, last = scene.notes.statuses[0], scene.notes.statuses[-1]
    assert (first.arrived, first.total, first.nodes) == (0, 4, 2)
    assert (first.size, first.total_size) == (0, 400)
    assert (last.arrived, last.total) == (4, 4)
    assert (last.size, last.total_size) == (400, 400)
    assert last.filling == []
    middle = next(one for one in scene.notes.statuses if one.arrived == 2)
    assert middle.size == 200
    assert [one.image.image_id for one in middle.filling] == ['b', 'b']
    seconds = [one.seconds for one in scene.notes.statuses]
    gaps = [after - before for before, after in itertools.pairwise(seconds)]
    assert max(gaps) == pytest.approx(1)


def test_an_image_of_unknown_size_adds_no_bytes() -> None:
    scene = Scene(wanted='ab')
    scene.fills[0].image = images.Image('a')

    scene.follow()

    last = scene.notes.statuses[-1]
    assert (last.arrived, last.size, last.total_size) == (2, 100, 100)


@hypothesis.settings(max_examples=30)
@hypothesis.given(
    nodes=strategies.integers(1, 12),
    wanted=strategies.integers(1, 3),
    downloads=strategies.integers(1, 6),
    seconds=strategies.integers(2, 100),
)
def test_no_more_are_under_way_than_allowed_and_no_time_is_lost(
    nodes: int, wanted: int, downloads: int, seconds: int
) -> None:
    scene = Scene(
        nodes,
        'abc'[:wanted],
        seconds=seconds,
        downloads=downloads,
        stall_after=1e9,
    )
    most = 0

    def count(heard: Callable[[str], None], image_id: str) -> None:
        nonlocal most
        heard(image_id)
        most = max(most, sum(len(one.accepted) for one in scene.drivers))

    for driver in scene.drivers:
        driver.take = functools.partial(count, driver.take)  # type: ignore[method-assign]

    assert scene.follow() is SETTLED

    pairs = nodes * wanted
    assert most == min(downloads, pairs)
    rounds = max(wanted, math.ceil(pairs / downloads))
    assert scene.seconds <= 1.15 * rounds * seconds
    assert all(
        sorted(one.asked) == sorted('abc'[:wanted]) for one in scene.drivers
    )


def test_the_first_image_comes_first_on_all_nodes() -> None:
    scene = Scene(nodes=4, wanted='ab', downloads=2)

    scene.follow()

    assert scene.notes.arrivals == [
        'a n1', 'a n2', 'a n3', 'a n4', 'b n1', 'b n2', 'b n3', 'b n4'
    ]  # fmt: skip


@pytest.mark.parametrize('seconds', [1, 60, 3600, 10000])
def test_looks_are_few(seconds: int) -> None:
    """The less often, the longer it takes; but never too late."""
    scene = Scene(seconds=seconds, stall_after=1e9)

    scene.follow()

    looks = scene.drivers[0].looks
    assert len(looks) <= 10 + 53 + seconds / 30
    gaps = [
        round(after - before, 6) for before, after in itertools.pairwise(looks)
    ]
    assert gaps == sorted(gaps)
    assert all(gap <= 30.1 for gap in gaps)
    assert scene.seconds <= seconds * 1.1 + 0.3
    assert len(scene.checks) <= 10 + 36 + seconds / 30


def test_nodes_that_lack_nothing_are_not_looked_at() -> None:
    scene = Scene(nodes=2, seconds=100, stall_after=1e9)
    scene.drivers[0].seconds = 1

    scene.follow()

    assert len(scene.drivers[0].looks) < 10 < len(scene.drivers[1].looks)


def test_an_error_is_asked_again() -> None:
    scene = Scene(seconds=10)
    driver = scene.drivers[0]
    scene.world.at(
        2, lambda: setattr(driver, 'error', errors.ServerFault('?'))
    )
    scene.world.at(30, driver.come_up)

    assert scene.follow() is SETTLED
    assert driver.asked == ['a']
    assert 30 < scene.seconds < 33


def test_a_node_that_was_down_is_asked_again() -> None:
    """It has forgotten what it had accepted, and says it is queued."""
    scene = Scene(nodes=2, wanted='ab', seconds=10)
    driver = scene.drivers[0]
    scene.world.at(5, driver.go_down)
    scene.world.at(30, driver.come_up)

    assert scene.follow() is SETTLED
    assert driver.asked == ['a', 'b', 'a', 'b']
    assert scene.drivers[1].asked == ['a', 'b']


@pytest.mark.parametrize(
    ('down', 'up'), [(17.7, 21.5), (17.9, 21.7), (18.0, 21.8), (18.2, 21.6)]
)
def test_a_restarted_node_is_asked_for_nothing_before_it_is_seen(
    down: float, up: float
) -> None:
    """There is room for it when the other one is done, after 20 seconds.

    What it takes then would be taken for forgotten with the rest.
    """
    scene = Scene(nodes=2, wanted='ab', downloads=2)
    slow, __ = scene.drivers
    slow.seconds = None

    def come_up() -> None:
        slow.seconds = 5
        slow.come_up()

    scene.world.at(down, slow.go_down)
    scene.world.at(up, come_up)

    assert scene.follow() is SETTLED
    assert slow.asked == ['a', 'a', 'b']


def test_a_node_that_forgot_the_queue_too_is_asked_again() -> None:
    scene = Scene(seconds=10)
    driver = scene.drivers[0]
    scene.world.at(5, driver.go_down)
    scene.world.at(20, driver.queued.clear)
    scene.world.at(30, driver.come_up)

    assert scene.follow() is SETTLED
    assert driver.asked == ['a', 'a']


def test_a_node_that_was_silent_is_not_asked_again() -> None:
    """It may be fetching all the time; twice would be twice the data."""
    scene = Scene(seconds=100)
    driver = scene.drivers[0]
    scene.world.at(
        5, lambda: setattr(driver, 'error', errors.TimedOut('No answer'))
    )
    scene.world.at(30, driver.come_up)

    assert scene.follow() is SETTLED
    assert driver.asked == ['a']


def test_a_request_that_found_no_node_is_made_again() -> None:
    scene = Scene()
    driver = scene.drivers[0]
    driver.error = REFUSED
    scene.world.at(20, driver.come_up)

    assert scene.follow() is SETTLED
    assert driver.asked == ['a']


def test_a_request_that_was_taken_although_it_failed_is_not_made_again() -> (
    None
):
    scene = Scene()
    driver = scene.drivers[0]
    driver.refusal = errors.TimedOut('No response within 30 seconds')
    driver.hold('a')

    assert scene.follow() is SETTLED
    assert driver.asked == []


def held_already(scene: Scene, state: str) -> None:
    """All that is wanted is queued, or cached, there; it is asked anyway."""
    for fill, driver in itertools.product(scene.fills, scene.drivers):
        fill.force, fill.queued = True, state == 'queued'
        getattr(driver, state)[fill.image.image_id] = None


@pytest.mark.parametrize('downloads', [0, 1])
def test_what_a_restarted_node_has_queued_is_asked_for_with_force(
    downloads: int,
) -> None:
    """It lists them as queued, and fetches none of them of itself."""
    scene = Scene(wanted='abcd', downloads=downloads)
    held_already(scene, 'queued')

    assert scene.follow() is SETTLED
    assert scene.drivers[0].asked == ['a', 'b', 'c', 'd']
    assert scene.notes.arrivals == ['a n1', 'b n1', 'c n1', 'd n1']


def test_with_force_a_request_that_was_lost_holds_up_no_other() -> None:
    scene = Scene(wanted='abcd')
    driver = scene.drivers[0]
    held_already(scene, 'queued')
    scene.world.at(0.025, lambda: setattr(driver, 'refusal', TIMED_OUT))
    scene.world.at(0.035, lambda: setattr(driver, 'refusal', None))

    assert scene.follow() is SETTLED
    assert driver.asked == ['a', 'b', 'c', 'd']


@pytest.mark.parametrize('error', [TIMED_OUT, BROKEN], ids=repr)
@pytest.mark.parametrize('state', ['queued', 'cached'])
def test_with_force_a_request_without_an_answer_is_made_twice_at_most(
    state: str, error: errors.NodeError
) -> None:
    """The node's lists can't tell whether it has heard."""
    scene = Scene(wanted='ab')
    driver = scene.drivers[0]
    held_already(scene, state)
    driver.refusal, driver.deaf = error, False

    assert scene.follow() is SETTLED
    assert driver.asked == ['a', 'a', 'b', 'b']


def test_with_force_a_rejected_request_does_not_count_as_unconfirmed() -> None:
    """Only a second request without a response ends the retries."""
    scene = Scene()
    driver = scene.drivers[0]
    held_already(scene, 'queued')
    refusals = iter([BUSY, BROKEN, None])
    scene.world.on_queue = lambda: setattr(driver, 'refusal', next(refusals))

    assert scene.follow() is SETTLED
    assert driver.asked == ['a']


@pytest.mark.parametrize('downloads', [1, 2])
def test_a_restarted_node_is_asked_for_all_that_was_queued(
    downloads: int,
) -> None:
    """One after the other, and each once."""
    scene = Scene(wanted='abcd', downloads=downloads)
    driver = scene.drivers[0]
    for fill in scene.fills:
        fill.state, fill.queued = fills.State.REQUESTED, True
        driver.queued[fill.image.image_id] = None
    scene.world.at(5, driver.go_down)
    scene.world.at(20, driver.come_up)

    assert scene.follow() is SETTLED
    assert driver.asked == ['a', 'b', 'c', 'd']
    assert scene.ends == [
        'a n1 CACHED', 'b n1 CACHED', 'c n1 CACHED', 'd n1 CACHED'
    ]  # fmt: skip


def test_what_arrives_after_a_restart_of_itself_is_not_asked_for() -> None:
    scene = Scene(wanted='ab', downloads=1)
    driver = scene.drivers[0]
    for fill in scene.fills:
        fill.state, fill.queued = fills.State.REQUESTED, True
        driver.queued[fill.image.image_id] = None
    scene.world.at(5, driver.go_down)
    scene.world.at(20, driver.come_up)
    scene.world.at(25, lambda: driver.cached.update(b=None))

    assert scene.follow() is SETTLED
    assert driver.asked == ['a']
    assert scene.notes.arrivals == ['b n1', 'a n1']


@pytest.mark.parametrize('downloads', [0, 1])
def test_what_is_cached_is_asked_for_with_force(downloads: int) -> None:
    scene = Scene(wanted='abcd', downloads=downloads)
    held_already(scene, 'cached')

    assert scene.follow() is SETTLED
    assert scene.drivers[0].asked == ['a', 'b', 'c', 'd']
    assert scene.notes.arrivals == ['a n1', 'b n1', 'c n1', 'd n1']


def test_what_is_cached_has_not_arrived_before_the_request_is_accepted() -> (
    None
):
    """Nothing is looked for while a queue request is in progress."""
    scene = Scene(wanted='ab')
    scene.world.round_trip = 7.0
    held_already(scene, 'cached')

    assert scene.follow() is SETTLED
    driver = scene.drivers[0]
    assert driver.asked == ['a', 'b']
    times = sorted([*driver.looks, *driver.requests])
    assert times[0] == driver.requests[0]
    assert all(
        later - sooner >= 7.0 for sooner, later in itertools.pairwise(times)
    )


@pytest.mark.parametrize(
    'error', [LOGIN_FAILED, TIMED_OUT, errors.ServerFault('?')], ids=repr
)
def test_trouble_that_passes_fails_nothing(error: errors.NodeError) -> None:
    """Keystone's as well: without a token no node can be asked."""
    scene = Scene(nodes=2, wanted='ab', downloads=1)
    driver = scene.drivers[0]
    driver.error = error
    scene.world.at(30, driver.come_up)

    assert scene.follow() is SETTLED
    assert scene.ends == [
        'a n1 CACHED', 'a n2 CACHED', 'b n1 CACHED', 'b n2 CACHED'
    ]  # fmt: skip
    assert driver.asked == ['a', 'b']


def test_a_login_that_stays_away_is_told_when_the_node_stalls() -> None:
    scene = Scene(wanted='ab', stall_after=60)
    scene.drivers[0].error = LOGIN_FAILED

    assert scene.follow() is waiting.Ending.STALLED
    assert scene.notes.stalls == [('n1', LOGIN_FAILED)]
    assert scene.ends == ['a n1 PENDING', 'b n1 PENDING']
    assert scene.last_errors == [LOGIN_FAILED]
    assert 60 <= scene.seconds < 61


@pytest.mark.parametrize('failing', ['error', 'refusal'])
def test_a_login_that_keystone_rejects_ends_the_wait(failing: str) -> None:
    """No later request can succeed."""
    scene = Scene(wanted='ab', stall_after=60)
    setattr(scene.drivers[0], failing, REJECTED)

    assert scene.follow() is SETTLED
    assert [fill.error for fill in scene.fills] == [REJECTED] * 2
    assert scene.seconds < 1


def test_a_rejected_login_ends_the_wait_for_a_node_that_stalls() -> None:
    """The wait for the other node goes on."""
    scene = Scene(nodes=2, wanted='abc', seconds=50, stall_after=60)
    driver = scene.drivers[0]
    driver.error = LOGIN_FAILED
    scene.world.at(100, lambda: setattr(driver, 'error', REJECTED))

    assert scene.follow() is SETTLED
    assert [one for one, __ in scene.notes.stalls] == ['n1']
    assert [fill.error for fill in scene.fills] == [REJECTED, None] * 3


@pytest.mark.parametrize(
    'error', [LOGIN_FAILED, TIMED_OUT, errors.ServerFault('?')], ids=repr
)
def test_a_node_that_is_seen_but_takes_no_request_stalls(
    error: errors.NodeError,
) -> None:
    scene = Scene(stall_after=60, timeout=600)
    driver = scene.drivers[0]
    driver.refusal = error

    assert scene.follow() is waiting.Ending.STALLED
    assert scene.notes.stalls == [('n1', error)]
    assert 60 <= scene.seconds < 67
    assert len(driver.looks) < 50


def test_a_node_that_takes_a_request_at_last_has_its_time() -> None:
    scene = Scene(nodes=2, seconds=100, stall_after=150)
    driver = scene.drivers[0]
    driver.refusal = errors.ServerFault('?')
    scene.world.at(80, lambda: setattr(driver, 'refusal', None))

    assert scene.follow() is SETTLED
    assert scene.notes.stalls == []
    assert scene.ends == ['a n1 CACHED', 'a n2 CACHED']


def test_a_refusal_is_a_failure_and_the_rest_goes_on() -> None:
    scene = Scene(nodes=2)
    scene.drivers[0].refusal = errors.Refused('Image a not found', status=404)

    assert scene.follow() is SETTLED
    assert scene.ends == ['a n1 FAILED: Image a not found.', 'a n2 CACHED']


def test_what_was_refused_stays_refused() -> None:
    """Whatever the node lists later."""
    scene = Scene(wanted='ab')
    driver = scene.drivers[0]
    driver.refusal = NO
    scene.world.at(0.015, lambda: setattr(driver, 'refusal', None))
    scene.world.at(5, lambda: driver.cached.update(a=None))

    assert scene.follow() is SETTLED
    assert scene.ends == ['a n1 FAILED: No.', 'b n1 CACHED']
    assert scene.notes.arrivals == ['b n1']


def test_what_somebody_drops_has_failed_at_once() -> None:
    scene = Scene(wanted='ab', seconds=100)
    driver = scene.drivers[0]
    scene.world.at(50, lambda: driver.queued.pop('b'))
    scene.world.at(51, lambda: driver.accepted.remove('b'))

    assert scene.follow() is SETTLED
    assert scene.ends == ['a n1 CACHED', f'b n1 FAILED: {GONE}']
    assert 100 < scene.seconds < 111


def test_an_image_in_neither_list_for_a_moment_has_arrived() -> None:
    scene = Scene(seconds=None)
    driver = scene.drivers[0]
    scene.world.at(5.0, driver.queued.clear)
    scene.world.at(5.9, lambda: driver.cached.update(a=None))

    assert scene.follow() is SETTLED
    assert scene.ends == ['a n1 CACHED']


def test_an_image_that_was_never_queued_is_waited_for() -> None:
    """The node is sending it to somebody, and keeps it from there."""
    scene = Scene(seconds=None)
    driver = scene.drivers[0]
    scene.world.at(0.05, driver.queued.clear)
    scene.world.at(60, lambda: driver.cached.update(a=None))

    assert scene.follow() is SETTLED
    assert scene.ends == ['a n1 CACHED']


def test_an_image_that_was_never_queued_is_polled_at_growing_intervals() -> (
    None
):
    scene = Scene(seconds=None, stall_after=1e6)
    driver = scene.drivers[0]
    scene.world.at(0.05, driver.queued.clear)
    scene.world.at(3600, lambda: driver.cached.update(a=None))

    assert scene.follow() is SETTLED
    assert 100 < len(driver.looks) < 200


@pytest.mark.parametrize('seconds', [60, 120, 200, 290])
def test_an_image_that_is_rejected_after_its_fill_is_cached(
    seconds: float,
) -> None:
    """Though the next poll was to be later than both checks."""
    for later in range(1, 25):
        scene = Scene(seconds=seconds, stall_after=1e6)
        forget = functools.partial(scene.forget, 'a')
        scene.world.at(seconds + later, forget)

        assert scene.follow() is SETTLED
        assert scene.ends == ['a n1 CACHED']


def test_an_image_that_is_deleted_in_glance_has_failed_at_once() -> None:
    scene = Scene(nodes=2, wanted='ab', seconds=1000, stall_after=1e9)
    scene.world.at(20, lambda: setattr(scene, 'known', {'b'}))

    assert scene.follow() is SETTLED
    assert scene.ends == [
        'a n1 FAILED: The image was deleted from Glance.',
        'a n2 FAILED: The image was deleted from Glance.',
        'b n1 CACHED',
        'b n2 CACHED',
    ]
    failed = next(
        one.seconds
        for one in scene.notes.statuses
        if [fill.image.image_id for fill in one.filling] == ['b', 'b']
    )
    assert 20 < failed < 24


def test_an_image_that_is_deleted_late_has_failed_soon_after() -> None:
    """Checks are rare by then, but the second one follows the first."""
    scene = Scene(seconds=None, stall_after=1e9)
    scene.world.at(500, lambda: setattr(scene, 'known', set()))

    assert scene.follow() is SETTLED
    first, second = [one for one in scene.checks if one > 1500]
    assert second - first < 1.1


def test_a_list_of_images_that_lacks_one_once_is_asked_again() -> None:
    scene = Scene(seconds=30)
    scene.world.at(10, lambda: setattr(scene, 'known', set()))
    scene.world.at(11.1, lambda: setattr(scene, 'known', {'a'}))

    assert scene.follow() is SETTLED
    assert scene.ends == ['a n1 CACHED']


def test_a_stall_is_told_once_and_the_others_are_waited_for() -> None:
    scene = Scene(nodes=2, wanted='ab', seconds=100, stall_after=150)
    scene.drivers[0].seconds = None

    assert scene.follow() is waiting.Ending.STALLED

    assert scene.notes.stalls == [('n1', None)]
    assert scene.ends == [
        'a n1 REQUESTED', 'a n2 CACHED', 'b n1 REQUESTED', 'b n2 CACHED'
    ]  # fmt: skip
    assert 200 < scene.seconds < 221


def test_a_node_that_does_not_answer_stalls_and_says_why() -> None:
    scene = Scene(seconds=None, stall_after=60)
    scene.world.at(10, scene.drivers[0].go_down)

    assert scene.follow() is waiting.Ending.STALLED
    assert scene.notes.stalls == [('n1', REFUSED)]
    assert 60 <= scene.seconds < 61


def test_an_arrival_just_before_a_stall_counts() -> None:
    scene = Scene(seconds=59.9, stall_after=60)

    assert scene.follow() is SETTLED
    assert scene.notes.stalls == []


def test_a_stalled_node_may_recover_while_others_are_waited_for() -> None:
    scene = Scene(nodes=2, seconds=100, stall_after=150)
    scene.drivers[0].seconds = 200
    scene.drivers[1].seconds = 149
    scene.fills.append(fills.Fill(scene.members[1], scene.fills[0].image))
    scene.fills[2].image = type(scene.fills[0].image)('b', size=100)
    scene.known = {'a', 'b'}

    assert scene.follow() is SETTLED
    assert scene.notes.stalls == [('n1', None)]
    assert scene.ends == ['a n1 CACHED', 'a n2 CACHED', 'b n2 CACHED']


def test_a_node_that_recovered_is_not_stalled_when_the_last_one_stalls() -> (
    None
):
    scene = Scene(nodes=2, wanted='ab', stall_after=60)
    first, last = scene.drivers
    first.seconds, last.seconds = 90, 40
    scene.world.at(80, lambda: setattr(first, 'seconds', 55))
    scene.world.at(30, lambda: setattr(last, 'seconds', None))

    assert scene.follow() is waiting.Ending.STALLED
    assert [one for one, __ in scene.notes.stalls] == ['n1', 'n2']
    assert scene.ends == [
        'a n1 CACHED', 'a n2 CACHED', 'b n1 CACHED', 'b n2 REQUESTED'
    ]  # fmt: skip


def test_a_stalled_node_holds_up_nobody() -> None:
    scene = Scene(nodes=3, seconds=20, stall_after=60, downloads=1)
    scene.drivers[0].seconds = None

    assert scene.follow() is waiting.Ending.STALLED
    assert scene.ends == ['a n1 REQUESTED', 'a n2 CACHED', 'a n3 CACHED']


def test_time_that_is_up_ends_it() -> None:
    scene = Scene(wanted='ab', seconds=20, timeout=30)

    assert scene.follow() is waiting.Ending.TIMED_OUT
    assert scene.ends == ['a n1 CACHED', 'b n1 REQUESTED']
    assert scene.seconds == pytest.approx(30)


def test_what_a_node_answered_last_is_kept_until_it_is_back() -> None:
    scene = Scene(nodes=2, seconds=None, timeout=60)
    gone, back = scene.drivers
    scene.world.at(20, gone.go_down)
    scene.world.at(20, back.go_down)
    scene.world.at(30, back.come_up)

    assert scene.follow() is waiting.Ending.TIMED_OUT
    assert scene.last_errors == [REFUSED, None]


def test_a_request_in_progress_when_time_is_up_is_waited_for() -> None:
    scene = Scene(wanted='ab', timeout=30)
    scene.world.round_trip = 20.0

    assert scene.follow() is waiting.Ending.TIMED_OUT
    assert scene.ends == ['a n1 REQUESTED', 'b n1 REQUESTED']
    assert scene.ended == pytest.approx(40)
    assert scene.notes.interrupts == []


def test_an_interrupt_ends_it_and_what_is_told_is_true() -> None:
    scene = Scene(nodes=2, wanted='ab', seconds=20, downloads=2)
    scene.world.at(30, scene.interrupt)

    assert scene.follow() is waiting.Ending.INTERRUPTED
    assert scene.ends == [
        'a n1 CACHED', 'a n2 CACHED', 'b n1 REQUESTED', 'b n2 REQUESTED'
    ]  # fmt: skip
    assert scene.ended == pytest.approx(30)
    assert scene.notes.interrupts == []


def test_an_interrupt_while_asking_waits_for_the_answer() -> None:
    """No other request begins meanwhile."""
    scene = Scene(nodes=2, wanted='ab')
    scene.world.round_trip = 10.0
    scene.drivers[0].refusal = errors.Refused('No')
    scene.world.at(1, scene.interrupt)

    assert scene.follow() is waiting.Ending.INTERRUPTED
    assert scene.ends == [
        'a n1 FAILED: No.', 'a n2 REQUESTED', 'b n1 PENDING', 'b n2 PENDING'
    ]  # fmt: skip
    assert scene.ended == pytest.approx(10)
    assert scene.notes.interrupts == [2]


@pytest.mark.parametrize('more', [1, 2, 3])
def test_another_interrupt_waits_for_nothing(more: int) -> None:
    """The node may have the request."""
    scene = Scene(wanted='ab')
    scene.world.round_trip = 10.0
    for number in range(1 + more):
        scene.world.at(1 + number / 1000, scene.interrupt)

    assert scene.follow() is waiting.Ending.INTERRUPTED
    assert scene.ends == ['a n1 REQUESTED', 'b n1 PENDING']
    assert scene.ended == pytest.approx(1.001)
    assert scene.notes.interrupts == [1]


@pytest.mark.parametrize(('interrupts', 'ended'), [([31], 40), ([31, 32], 32)])
def test_an_interrupt_after_time_is_up(
    interrupts: list[float], ended: float
) -> None:
    scene = Scene(wanted='ab', timeout=30)
    scene.world.round_trip = 20.0
    for seconds in interrupts:
        scene.world.at(seconds, scene.interrupt)

    assert scene.follow() is waiting.Ending.INTERRUPTED
    assert scene.ended == pytest.approx(ended)
    assert scene.notes.interrupts == [1]


def test_an_interrupt_waits_for_no_look() -> None:
    scene = Scene()
    scene.world.round_trip = 10.0
    scene.world.at(12, scene.interrupt)

    assert scene.follow() is waiting.Ending.INTERRUPTED
    assert scene.drivers[0].begun == pytest.approx([1000, 1010.2])
    assert scene.ended == pytest.approx(12)
    assert scene.notes.interrupts == []


def test_an_interrupt_while_it_is_looked_whether_to_ask() -> None:
    scene = Scene(nodes=2, seconds=100, downloads=1)
    scene.world.at(90, lambda: setattr(scene.world, 'round_trip', 20.0))
    scene.world.at(130, scene.interrupt)

    assert scene.follow() is waiting.Ending.INTERRUPTED
    assert len(scene.drivers[1].begun) == 1
    assert scene.ends == ['a n1 CACHED', 'a n2 PENDING']
    assert scene.notes.interrupts == []


def test_what_was_not_begun_at_an_interrupt_was_not_asked_for() -> None:
    """It waited for a connection."""
    scene = Scene()
    scene.world.connections_gone = True
    scene.world.at(1, scene.interrupt)

    assert scene.follow() is waiting.Ending.INTERRUPTED
    assert scene.ends == ['a n1 PENDING']


@pytest.mark.parametrize('method', ['update', 'arrived', 'stalled'])
def test_a_bug_is_raised(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(nodes=2, wanted='ab', stall_after=60)
    scene.drivers[0].seconds = None

    def fail(_self: object, _argument: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(Notes, method, fail)

    with pytest.raises(BrokenPipeError):
        scene.follow()


def test_an_image_that_is_deleted_in_glance_while_it_is_asked_for() -> None:
    scene = Scene(wanted='ab')
    scene.world.round_trip = 50.0
    scene.world.at(0.5, lambda: setattr(scene.world, 'round_trip', 0.02))
    scene.known = {'b'}

    assert scene.follow() is SETTLED
    assert scene.ends == [
        'a n1 FAILED: The image was deleted from Glance.',
        'b n1 CACHED',
    ]


def test_many_requests_that_take_longer_than_a_stall_are_none() -> None:
    scene = Scene(wanted=map(str, range(50)), seconds=2, stall_after=60)
    scene.world.round_trip = 3.0

    assert scene.follow() is SETTLED
    assert scene.notes.stalls == []
    assert scene.seconds > 150


def test_a_node_that_could_not_be_seen_is_asked_for_nothing_more() -> None:
    """There is room for it when the other one is done, after 20 seconds."""
    scene = Scene(nodes=2, seconds=20, downloads=2, timeout=100)
    driver = scene.drivers[0]
    driver.seconds = None
    scene.fills.append(fills.Fill(scene.members[0], images.Image('b')))
    scene.known = {'a', 'b'}
    scene.world.at(15, lambda: setattr(driver, 'error', TIMED_OUT))
    scene.world.at(40, driver.come_up)

    assert scene.follow() is waiting.Ending.TIMED_OUT
    assert scene.ends == ['a n1 REQUESTED', 'a n2 CACHED', 'b n1 REQUESTED']
    assert driver.requests[0] < driver.requests[1] - 40


def test_looks_that_take_long_are_rare() -> None:
    """At most about a tenth of the time is spent on them."""
    scene = Scene(seconds=300, stall_after=1e9)
    scene.world.round_trip = 2.0

    scene.follow()

    looks = scene.drivers[0].looks
    gaps = [after - before for before, after in itertools.pairwise(looks)]
    assert min(gaps) == pytest.approx(22)
    assert min(b - a for a, b in itertools.pairwise(scene.checks)) >= 20


def test_a_request_that_was_lost_before_a_restart_does_not_count() -> None:
    """What the node may have heard, it has forgotten."""
    scene = Scene()
    driver = scene.drivers[0]
    held_already(scene, 'queued')
    answers = iter([BROKEN, BROKEN, None])
    hear = driver.take

    def take(image_id: str) -> None:
        driver.refusal = next(answers)
        hear(image_id)

    driver.take = take  # type: ignore[method-assign]
    scene.world.at(0.1, driver.go_down)
    scene.world.at(5, driver.come_up)

    assert scene.follow() is SETTLED
    assert driver.asked == ['a']
    assert list(answers) == []


def test_an_image_that_was_in_neither_list_before_a_restart() -> None:
    scene = Scene(seconds=None)
    driver = scene.drivers[0]
    hear = driver.take

    def take(image_id: str) -> None:
        hear(image_id)
        if len(driver.asked) == 2:
            driver.queued.clear()
            scene.world.at(0.7, lambda: driver.cached.update(a=None))

    driver.take = take  # type: ignore[method-assign]
    scene.world.at(5.0, driver.queued.clear)
    scene.world.at(5.8, driver.go_down)
    scene.world.at(8, driver.come_up)

    assert scene.follow() is SETTLED
    assert scene.ends == ['a n1 CACHED']
    assert driver.asked == ['a', 'a']


def test_an_image_that_was_in_neither_list_and_is_queued_again() -> None:
    """The second time is the end of its fill."""
    scene = Scene(seconds=None)
    driver = scene.drivers[0]
    scene.world.at(5.0, driver.queued.clear)
    scene.world.at(5.7, lambda: driver.queued.update(a=None))
    scene.world.at(8.0, driver.queued.clear)
    scene.world.at(8.9, lambda: driver.cached.update(a=None))

    assert scene.follow() is SETTLED
    assert scene.ends == ['a n1 CACHED']


def test_an_image_that_is_dropped_has_failed_after_two_looks() -> None:
    scene = Scene(seconds=None)
    scene.world.at(100, functools.partial(scene.drivers[0].drop, 'a'))

    assert scene.follow() is SETTLED
    assert scene.ends == [f'a n1 FAILED: {GONE}']
    assert 101 < scene.seconds < 100 + 10 + 2


def test_with_force_an_image_that_is_dropped_before_its_turn_is_queued() -> (
    None
):
    scene = Scene(wanted='ab', downloads=1)
    held_already(scene, 'queued')
    scene.world.at(2, functools.partial(scene.drivers[0].drop, 'b'))

    assert scene.follow() is SETTLED
    assert scene.drivers[0].asked == ['a', 'b']


def test_with_force_a_node_is_not_looked_at_before_it_is_asked() -> None:
    scene = Scene(nodes=2, seconds=100, downloads=1)
    held_already(scene, 'queued')

    assert scene.follow() is SETTLED
    driver = scene.drivers[1]
    assert 1100 < driver.requests[0] < driver.looks[0]


def test_with_force_any_error_between_two_lost_requests_counts_for_nothing() -> (
    None
):
    scene = Scene()
    driver = scene.drivers[0]
    held_already(scene, 'cached')
    driver.deaf = False
    answers = iter([BROKEN, None, BROKEN])
    hear = driver.take

    def take(image_id: str) -> None:
        driver.refusal = next(answers)
        if not driver.refusal:
            raise BUSY
        hear(image_id)

    driver.take = take  # type: ignore[method-assign]

    assert scene.follow() is SETTLED
    assert driver.asked == ['a', 'a']


def test_a_node_that_is_asked_too_often_is_asked_again() -> None:
    scene = Scene()
    driver = scene.drivers[0]
    driver.refusal = errors.Refused('HTTP 429 Too Many Requests', status=429)
    scene.world.at(100, lambda: setattr(driver, 'refusal', None))

    assert scene.follow() is SETTLED
    assert scene.notes.arrivals == ['a n1']


@pytest.mark.parametrize('force', [False, True])
def test_a_request_that_may_have_arrived_is_remembered(force: bool) -> None:
    """Until a list shows whether it did."""
    scene = Scene(timeout=100)
    (fill,) = scene.fills
    driver = scene.drivers[0]
    if force:
        held_already(scene, 'cached')
    driver.refusal = BUSY
    seen = []
    scene.world.on_queue = lambda: seen.append(fill.unconfirmed)

    assert scene.follow() is not SETTLED
    assert seen[:2] == [None, BUSY if force else None]


def test_what_somebody_else_had_cached_after_a_restart_is_not_asked_for() -> (
    None
):
    scene = Scene(wanted='ab', downloads=1)
    driver = scene.drivers[0]
    scene.world.at(5, driver.go_down)
    scene.world.at(8, driver.come_up)
    scene.world.at(12, lambda: driver.cached.update(b=None))

    assert scene.follow() is SETTLED
    assert driver.asked == ['a', 'a']
    assert scene.notes.arrivals == ['b n1', 'a n1']


def test_an_image_that_is_deleted_while_a_failing_request_is_in_progress() -> (
    None
):
    scene = Scene(wanted='ab')
    scene.world.round_trip = 50.0
    scene.world.at(0.5, lambda: setattr(scene.world, 'round_trip', 0.02))
    scene.world.at(26, lambda: setattr(scene.drivers[0], 'refusal', None))
    scene.drivers[0].refusal = BUSY
    scene.known = {'b'}

    assert scene.follow() is SETTLED
    assert scene.ends == [
        'a n1 FAILED: The image was deleted from Glance.',
        'b n1 CACHED',
    ]
    assert scene.drivers[0].asked == ['b']


def test_an_image_that_is_deleted_while_its_node_waits_for_a_slot() -> None:
    scene = Scene(nodes=2, downloads=1)
    scene.fills[0].image = images.Image('b', size=100)
    scene.world.at(1.5, lambda: setattr(scene, 'known', {'b'}))

    assert scene.follow() is SETTLED
    assert scene.ends == [
        'b n1 CACHED',
        'a n2 FAILED: The image was deleted from Glance.',
    ]
    assert scene.seconds < 11


def test_a_stalled_node_whose_image_is_deleted_goes_on_with_the_next() -> None:
    scene = Scene(nodes=2, wanted='ab', stall_after=60, downloads=1)
    first, second = scene.drivers
    first.seconds, second.seconds = None, 50
    scene.world.at(90, first.restart)
    scene.world.at(90, lambda: setattr(first, 'seconds', 10))
    scene.world.at(90, functools.partial(scene.forget, 'a'))

    assert scene.follow() is SETTLED
    assert scene.notes.stalls == [('n1', None)]
    assert scene.notes.arrivals == ['b n1', 'b n2']


@pytest.mark.parametrize('deleted_at', [300, 330, 345])
def test_a_stalled_node_whose_last_image_is_deleted_ends_no_other_wait(
    deleted_at: float,
) -> None:
    """Its last poll may still be in progress then, and fail."""
    scene = Scene(nodes=2, wanted='abcde', seconds=200, stall_after=300)
    scene.fills = [
        fill
        for fill in scene.fills
        if (fill.image.image_id == 'a') == (fill.member.node.name == 'n1')
    ]
    silent = scene.drivers[0]
    scene.world.at(1, lambda: setattr(silent, 'error', BUSY))
    scene.world.at(1, lambda: setattr(silent, 'delay', 30))
    scene.world.at(deleted_at, functools.partial(scene.forget, 'a'))

    assert scene.follow() is SETTLED

    assert [name for name, _error in scene.notes.stalls] == ['n1']
    assert scene.ends[0].startswith('a n1 FAILED')
    assert scene.ends[1:] == [f'{one} n2 CACHED' for one in 'bcde']


def test_a_stalled_node_is_asked_for_nothing_more() -> None:
    """Although there is room for another one."""
    scene = Scene(2, 'ab', seconds=50, stall_after=60, downloads=2)
    scene.drivers[0].seconds = None

    assert scene.follow() is waiting.Ending.STALLED
    assert scene.drivers[0].asked == ['a']
    assert scene.ends == [
        'a n1 REQUESTED', 'a n2 CACHED', 'b n1 PENDING', 'b n2 CACHED'
    ]  # fmt: skip


def test_time_that_a_node_waits_for_a_slot_does_not_count_for_a_stall() -> (
    None
):
    scene = Scene(nodes=2, stall_after=300, downloads=1)
    first, second = scene.drivers
    first.seconds, second.refusal = 290, BUSY
    scene.world.at(400, lambda: setattr(second, 'refusal', None))

    assert scene.follow() is SETTLED
    assert scene.notes.stalls == []
    assert len(second.requests) > 1


def test_time_that_a_node_waits_for_a_second_slot_does_not_count() -> None:
    scene = Scene(nodes=2, wanted='', stall_after=300, downloads=1)
    some(scene, 'a2', 'b1', 'c2')
    first, second = scene.drivers
    first.seconds = 290
    scene.world.at(200, lambda: setattr(second, 'refusal', BUSY))
    scene.world.at(400, lambda: setattr(second, 'refusal', None))

    assert scene.follow() is SETTLED
    assert scene.notes.stalls == []
    assert len(second.requests) > 2


def test_a_stalled_node_that_works_on_one_image_stays_stalled() -> None:
    """The other one is no longer wanted."""
    first, second = Scene(wanted='ab').fills
    node = fills.NodeFills([first, second], 0, stall_after=60)
    node.accepted(node.start_next(), 0)
    node.listed([entries.Entry('a', entries.State.QUEUED)], 60, 60)
    assert node.stalled

    second.fail(BUSY)
    node.sort()
    assert node.stalled

    first.fail(BUSY)
    node.sort()
    assert not node.stalled


def some(scene: Scene, *wanted: str) -> None:
    """Want some images on some nodes: 'a1 b2', the most urgent first.

    Those with a '+' are queued there already.
    """
    members = {one.node.name: one for one in scene.members}
    for word in wanted:
        fill = fills.Fill(members[f'n{word[1]}'], images.Image(word[0]))
        scene.fills.append(fill)
        if word.endswith('+'):
            fill.force, fill.queued = True, True
            fill.state = fills.State.REQUESTED
            scene.drivers[int(word[1]) - 1].hold(word[0])
    scene.known = {word[0] for word in wanted}


def test_a_slot_that_turns_out_not_to_be_needed_is_given_back() -> None:
    scene = Scene(nodes=3, wanted='', seconds=100, downloads=1)
    first, second, third = scene.drivers
    some(scene, 'a1', 'a2', 'b3', 'c2')
    scene.world.at(50, lambda: second.cached.update(a=None))

    assert scene.follow() is SETTLED
    assert (first.asked, second.asked, third.asked) == (['a'], ['c'], ['b'])
    assert third.requests < second.requests


def test_a_slot_goes_to_the_most_urgent_image_of_now() -> None:
    """What a node has waited for before is of no account."""
    scene = Scene(nodes=3, wanted='', downloads=3)
    first, second, third = scene.drivers
    second.seconds, third.seconds = 40, 15
    some(scene, 'a1', 'b1', 'c2', 'd1', 'e2+', 'f3')

    assert scene.follow() is SETTLED
    assert first.asked == ['a', 'b', 'd']
    assert second.requests[0] < first.requests[2]


def test_a_node_that_is_being_looked_at_takes_no_slot() -> None:
    """It may be silent; meanwhile another node can use the slot."""
    scene = Scene(nodes=3, wanted='', seconds=100, downloads=3)
    first, second, third = scene.drivers
    third.seconds = 15
    some(scene, 'a1', 'b2', 'c1+', 'd2+', 'e3')
    scene.world.at(10, lambda: setattr(first, 'delay', 60.0))

    assert scene.follow() is SETTLED
    assert second.requests[0] < 1020
    assert first.requests[0] > 1070


def test_waiting_for_a_slot_takes_no_memory() -> None:
    scene = Scene(2, '', seconds=10000, stall_after=1e9, downloads=2)
    some(scene, 'a1', 'b2+', 'c2')
    sizes: list[int] = []

    def measure() -> None:
        assert scene.wait
        sizes.append(len(scene.wait._slots._heap))

    scene.world.at(9000, measure)

    assert scene.follow() is SETTLED
    assert sizes == [1]


def test_images_that_have_arrived_are_checked_no_more() -> None:
    scene = Scene(nodes=2, wanted='ab', seconds=20)

    scene.follow()

    assert scene.checked[0] == {'a', 'b'}
    assert scene.checked[-1] == {'b'}


@pytest.mark.parametrize(
    ('idle', 'duration', 'pause'),
    [
        *((0, 0, 0.2), (2.1, 0, 0.21), (100, 0, 10), (301, 0, 30)),
        *((0, 0.03, 0.3), (100, 2, 20), (0, 4, 30)),
    ],
)
def test_how_long_it_is_until_the_next_look(
    idle: float, duration: float, pause: float
) -> None:
    assert pauses.next_poll(idle, duration, 0.2) == pytest.approx(pause)


def test_nothing_new_is_told_once_a_second() -> None:
    scene = Scene(seconds=None, timeout=100)

    scene.follow()

    assert 100 <= len(scene.notes.statuses) < 150


def test_after_a_long_time_a_node_is_looked_at_before_it_is_asked() -> None:
    """Somebody else may have had the image cached meanwhile."""
    scene = Scene(nodes=2, seconds=100, downloads=1)
    scene.world.at(50, lambda: scene.drivers[1].cached.update(a=None))

    assert scene.follow() is SETTLED
    assert scene.drivers[1].asked == []
    assert len(scene.drivers[1].looks) == 1


def work(scene: Scene) -> int:
    """Follow a scene; returns the calls of functions of ours that it took."""
    calls = 0

    def count(frame: types.FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == 'call' and FILLING in frame.f_code.co_filename

    sys.setprofile(count)
    try:
        assert scene.follow() is SETTLED
    finally:
        sys.setprofile(None)
    return calls


def test_the_work_grows_with_the_number_of_images() -> None:
    """Eight times as many: no fill is looked at each time one changes."""

    def work_for(number: int) -> int:
        scene = Scene(wanted=map(str, range(number)), seconds=0.01)
        scene.drivers[0].seconds_per_entry = 0.0001
        return work(scene)

    assert work_for(400) < 2.5 * 8 * work_for(50)


@pytest.mark.parametrize('share', [0, 0.1])
def test_the_work_grows_with_the_number_of_nodes(share: float) -> None:
    def work_for(number: int) -> int:
        downloads = int(share * number)
        return work(Scene(number, 'abcde', seconds=1, downloads=downloads))

    assert work_for(80) < 1.2 * 8 * work_for(10)


@strategies.composite
def troubles(draw: strategies.DrawFn) -> Scene:
    """Nodes that go down and come up, refuse, lose, are slow; interrupts."""
    scene = Scene(
        nodes=draw(strategies.integers(1, 3)),
        wanted='abcd'[: draw(strategies.integers(1, 4))],
        timeout=draw(strategies.sampled_from([0, 0, 40.0])),
        stall_after=60,
        downloads=draw(strategies.integers(0, 3)),
    )
    scene.world.round_trip = draw(strategies.sampled_from([0.02, 2.0, 15.0]))
    drivers = {one.node.name: one.driver for one in scene.members}
    for one in scene.drivers:
        one.seconds = draw(strategies.sampled_from([None, 0.3, 5.0, 30.0]))
    for fill in scene.fills:
        driver = drivers[fill.member.node.name]
        assert isinstance(driver, Driver)
        state = draw(
            strategies.sampled_from(['', '', 'cached', 'queued', '?'])
        )
        fill.force, fill.queued = bool(state), state in ('queued', '?')
        if state == 'cached':
            driver.cached[fill.image.image_id] = None
        elif state:
            driver.hold(fill.image.image_id)
        if state == '?':
            fill.state = fills.State.REQUESTED
    for __ in range(draw(strategies.integers(0, 8))):
        driver = draw(strategies.sampled_from(scene.drivers))
        image_id = draw(strategies.sampled_from('abcd'))
        events: list[Callable[[], object]] = [
            driver.go_down,
            driver.come_up,
            driver.restart,
            functools.partial(setattr, driver, 'error', TIMED_OUT),
            *(
                functools.partial(setattr, driver, 'refusal', refusal)
                for refusal in (BROKEN, BUSY, NO, None)
            ),
            functools.partial(setattr, driver, 'deaf', False),
            functools.partial(driver.drop, image_id),
            functools.partial(driver.hold, image_id),
            functools.partial(scene.forget, image_id),
        ]
        scene.world.at(draw(MOMENTS), draw(strategies.sampled_from(events)))
    for __ in range(draw(strategies.integers(0, 4))):
        scene.world.at(draw(MOMENTS), scene.interrupt)
    return scene


@hypothesis.settings(max_examples=int(os.environ.get('TROUBLES', '300')))
@hypothesis.given(scene=troubles())
def test_whatever_happens_it_ends_and_what_is_told_is_true(
    scene: Scene,
) -> None:
    ending = scene.follow()

    interrupted = min(
        (when for when, __ in scene.interrupts), default=math.inf
    )
    assert all(one.begun[-1:] <= [interrupted] for one in scene.drivers)
    assert scene.notes.interrupts == [
        count for __, count in scene.interrupts[:1] if count
    ]
    still_open = {one.member.node.name for one in scene.fills if one.is_open}
    if scene.interrupts:
        assert ending is waiting.Ending.INTERRUPTED
    elif ending is waiting.Ending.TIMED_OUT:
        assert 40 <= scene.ended < 40 + 15.1
    elif ending is waiting.Ending.STALLED:
        assert still_open
        assert still_open <= {name for name, __ in scene.notes.stalls}
    else:
        assert ending is SETTLED
        assert still_open == set()
    for fill in scene.fills:
        assert is_true(scene, fill), fill


def is_true(scene: Scene, fill: fills.Fill) -> bool:
    """Whether a fill's state is what its node knows of it."""
    driver, image_id = fill.member.driver, fill.image.image_id
    assert isinstance(driver, Driver)
    if fill.state is fills.State.CACHED:
        return image_id in driver.cached
    if fill.state is fills.State.PENDING:
        return image_id not in driver.confirmed
    if fill.state is fills.State.REQUESTED:
        answer = driver.answers.get(image_id, BUSY)
        return answer is not BUSY or fill.queued
    return {
        str(NO): driver.answers.get(image_id) is NO,
        GONE: image_id in driver.dropped,
        'The image was deleted from Glance.': image_id not in scene.known,
    }[str(fill.error)]


async def repeat(seconds: float) -> None:
    """Pause again and again."""
    while True:  # noqa: ASYNC110 - nothing ever happens
        await asyncio.sleep(seconds)


@pytest.mark.parametrize(
    ('endless', 'expected'),
    [
        (lambda: asyncio.Event().wait(), 'nothing is scheduled any more'),
        (lambda: repeat(0), 'the clock stands still'),
        (lambda: repeat(100), '100000 seconds were not enough'),
    ],
)
def test_what_never_ends_fails_in_virtual_time(
    endless: Callable[[], Coroutine[Any, Any, object]], expected: str
) -> None:
    with pytest.raises(virtual.EndOfTimeError, match=expected):
        virtual.run(endless())


def test_what_goes_wrong_unseen_fails_in_virtual_time() -> None:
    async def leave_a_bug() -> None:
        asyncio.get_running_loop().call_soon(int, 'x')
        await asyncio.sleep(1)

    with pytest.raises(AssertionError):
        virtual.run(leave_a_bug())


def test_virtual_time_takes_none_and_keeps_the_order() -> None:
    order: list[tuple[int, float]] = []

    async def wait(number: int) -> None:
        await asyncio.sleep(3600)
        order.append((number, asyncio.get_running_loop().time()))

    async def all_of_them() -> None:
        await asyncio.gather(*map(wait, range(9)))

    virtual.run(all_of_them())
    assert [number for number, __ in order] == list(range(9))
    assert order[-1][1] == pytest.approx(virtual.START + 3600)
