#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.


"""Fills are had done and followed, in a world with a clock of its own."""

import itertools
import math

import hypothesis
from hypothesis import strategies
import pytest

from glance_cache_osc import errors
from glance_cache_osc.filling import fills
from glance_cache_osc.filling import waiting
from tests.unit.world import REFUSED
from tests.unit.world import Scene

SETTLED = waiting.Ending.SETTLED
GONE = (
    'It is neither cached nor queued there any more. Somebody dropped it, or '
    "its fill failed, which the node's log tells."
)
TIMED_OUT = errors.TimedOut('No answer within 30 seconds')
BROKEN = errors.Unreachable('The connection broke', connected=True)
LOGIN_FAILED = errors.LoginFailed('Keystone gave no token')


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
    scene.fills[0].state = fills.State.ASKED
    scene.fills[0].queued = True
    scene.drivers[0].queue('a')

    assert scene.follow() is SETTLED
    assert scene.drivers[0].asked == ['a']


def test_how_things_stand_is_told() -> None:
    scene = Scene(nodes=2, wanted='ab', seconds=10)

    scene.follow()

    first, last = scene.notes.statuses[0], scene.notes.statuses[-1]
    assert (first.arrived, first.total) == (0, 4)
    assert (first.size, first.total_size) == (0, 400)
    assert (last.arrived, last.total) == (4, 4)
    assert (last.size, last.total_size) == (400, 400)
    assert last.filling == []
    middle = next(one for one in scene.notes.statuses if one.arrived == 2)
    assert middle.size == 200
    assert [one.image.image_id for one in middle.filling] == ['b', 'b']
    seconds = [one.seconds for one in scene.notes.statuses]
    gaps = [after - before for before, after in itertools.pairwise(seconds)]
    assert max(gaps) < 1.1


@hypothesis.settings(max_examples=30)
@hypothesis.given(
    nodes=strategies.integers(1, 12),
    wanted=strategies.integers(1, 3),
    downloads=strategies.integers(1, 6),
    seconds=strategies.integers(2, 600),
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

    def count() -> None:
        nonlocal most
        most = max(most, sum(len(one.accepted) for one in scene.drivers))
        if any(one.is_open for one in scene.fills):
            scene.world.at(0.05, count)

    count()
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


@pytest.mark.parametrize('seconds', [1, 60, 3600, 40000])
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
    driver.refusal = errors.TimedOut('No answer within 30 seconds')
    driver.queued['a'] = None
    driver.accepted.append('a')
    driver._fetch()

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
    heard = driver.queue

    def queue(image_id: str) -> None:
        heard(image_id)
        raise error

    driver.queue = queue  # type: ignore[method-assign]

    assert scene.follow() is SETTLED
    assert driver.asked == ['a', 'a', 'b', 'b']


@pytest.mark.parametrize('downloads', [1, 2])
def test_a_restarted_node_is_asked_for_all_that_was_queued(
    downloads: int,
) -> None:
    """One after the other, and each once."""
    scene = Scene(wanted='abcd', downloads=downloads)
    driver = scene.drivers[0]
    for fill in scene.fills:
        fill.state, fill.queued = fills.State.ASKED, True
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
        fill.state, fill.queued = fills.State.ASKED, True
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


def test_what_is_cached_has_not_arrived_while_it_is_being_asked_for() -> None:
    """A look that began before may end before the answer."""
    scene = Scene(wanted='ab')
    held_already(scene, 'cached')
    first, second = scene.fills
    place = fills.Place(scene.members[0], now=0.0, stall_after=300.0)
    place.open = [first, second]
    place.begin_asking(first, now=1.0)
    held = scene.drivers[0].list_entries()

    assert place.saw(held, began=0.9, now=1.1) == []
    place.answered(first, None, now=1.2)
    assert place.saw(held, began=1.2, now=1.3) == [first]
    assert place.open == [second]


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
    assert scene.ends == ['a n1 LACKING', 'b n1 LACKING']
    assert [one.silence for one in scene.fills] == [LOGIN_FAILED] * 2
    assert 60 <= scene.seconds < 61


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


def test_an_image_that_is_deleted_in_glance_has_failed_at_once() -> None:
    scene = Scene(nodes=2, wanted='ab', seconds=1000, stall_after=1e9)
    scene.world.at(20, lambda: setattr(scene, 'known', {'b'}))

    assert scene.follow() is SETTLED
    assert scene.ends == [
        'a n1 FAILED: Glance has it no more.',
        'a n2 FAILED: Glance has it no more.',
        'b n1 CACHED',
        'b n2 CACHED',
    ]
    failed = next(
        one.seconds
        for one in scene.notes.statuses
        if [fill.image.image_id for fill in one.filling] == ['b', 'b']
    )
    assert 20 < failed < 24


def test_a_list_of_images_that_lacks_one_once_is_asked_again() -> None:
    scene = Scene(seconds=30)
    scene.world.at(10, lambda: setattr(scene, 'known', set()))
    scene.world.at(11.1, lambda: setattr(scene, 'known', {'a'}))

    assert scene.follow() is SETTLED
    assert scene.ends == ['a n1 CACHED']


def test_a_list_of_images_that_cannot_be_read_does_no_harm() -> None:
    scene = Scene(seconds=30)
    scene.known = errors.CatalogueError('It is away')

    assert scene.follow() is SETTLED
    assert scene.ends == ['a n1 CACHED']


def test_a_stall_is_told_once_and_the_others_are_waited_for() -> None:
    scene = Scene(nodes=2, wanted='ab', seconds=100, stall_after=150)
    scene.drivers[0].seconds = None

    assert scene.follow() is waiting.Ending.STALLED

    assert scene.notes.stalls == [('n1', None)]
    assert scene.ends == [
        'a n1 ASKED', 'a n2 CACHED', 'b n1 ASKED', 'b n2 CACHED'
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


def test_a_stalled_node_holds_up_nobody() -> None:
    scene = Scene(nodes=3, seconds=20, stall_after=60, downloads=1)
    scene.drivers[0].seconds = None

    assert scene.follow() is waiting.Ending.STALLED
    assert scene.ends == ['a n1 ASKED', 'a n2 CACHED', 'a n3 CACHED']


def test_time_that_is_up_ends_it() -> None:
    scene = Scene(wanted='ab', seconds=20, timeout=30)

    assert scene.follow() is waiting.Ending.TIMED_OUT
    assert scene.ends == ['a n1 CACHED', 'b n1 ASKED']
    assert scene.seconds == pytest.approx(30)


def test_what_a_node_answered_last_is_kept_until_it_is_back() -> None:
    scene = Scene(nodes=2, seconds=None, timeout=60)
    gone, back = scene.drivers
    scene.world.at(20, gone.go_down)
    scene.world.at(20, back.go_down)
    scene.world.at(30, back.come_up)

    assert scene.follow() is waiting.Ending.TIMED_OUT
    assert [one.silence for one in scene.fills] == [REFUSED, None]


def test_an_interrupt_ends_it_and_what_is_told_is_true() -> None:
    """Requests under way are waited for, others are not made."""
    scene = Scene(nodes=2, wanted='ab', seconds=20, downloads=2)

    def interrupt() -> None:
        raise KeyboardInterrupt

    scene.world.at(30, interrupt)

    assert scene.follow() is waiting.Ending.INTERRUPTED
    assert scene.ends == [
        'a n1 CACHED', 'a n2 CACHED', 'b n1 ASKED', 'b n2 ASKED'
    ]  # fmt: skip


def test_an_interrupt_while_asking_waits_for_the_answer() -> None:
    scene = Scene(seconds=20)

    def interrupt() -> None:
        raise KeyboardInterrupt

    scene.drivers[0].refusal = errors.Refused('No')
    scene.world.at(0.005, interrupt)

    assert scene.follow() is waiting.Ending.INTERRUPTED
    assert scene.ends == ['a n1 FAILED: No.']


def test_what_was_not_begun_at_an_interrupt_was_not_asked_for() -> None:
    scene = Scene()
    scene.world.workers_gone = True

    def interrupt() -> None:
        raise KeyboardInterrupt

    scene.world.at(1, interrupt)

    assert scene.follow() is waiting.Ending.INTERRUPTED
    assert scene.ends == ['a n1 LACKING']


def test_after_a_long_time_a_node_is_looked_at_before_it_is_asked() -> None:
    """Somebody else may have had the image cached meanwhile."""
    scene = Scene(nodes=2, seconds=100, downloads=1)
    scene.world.at(50, lambda: scene.drivers[1].cached.update(a=None))

    assert scene.follow() is SETTLED
    assert scene.drivers[1].asked == []
    assert len(scene.drivers[1].looks) == 1
