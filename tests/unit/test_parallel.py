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

"""Everything is tried, many at a time, and every outcome is kept."""

from collections.abc import Callable
import os
import signal
import threading
import time

import pytest

from glance_cache_osc import errors
from glance_cache_osc.transport import parallel

#: Longer than any of this takes; a broken test ends, and fails.
PATIENCE = 20


def double(job: int) -> int:
    return job * 2


def test_nothing_to_do_has_no_outcomes() -> None:
    nothing: list[int] = []

    assert parallel.attempt(double, nothing, workers=4) == []


@pytest.mark.parametrize('workers', [1, 3, 256])
def test_outcomes_come_in_the_order_of_the_jobs(workers: int) -> None:
    outcomes = parallel.attempt(double, iter([3, 1, 2]), workers)

    assert outcomes == [
        parallel.Outcome(3, value=6),
        parallel.Outcome(1, value=2),
        parallel.Outcome(2, value=4),
    ]


def test_a_slow_job_does_not_lose_its_place() -> None:
    """The first ends after the last."""
    last_is_done = threading.Event()

    def operation(job: str) -> str:
        if job == 'first':
            assert last_is_done.wait(PATIENCE)
        if job == 'last':
            last_is_done.set()
        return job.upper()

    outcomes = parallel.attempt(operation, ['first', 'next', 'last'], 2)

    assert [one.value for one in outcomes] == ['FIRST', 'NEXT', 'LAST']


def test_as_many_as_allowed_are_under_way_at_once() -> None:
    """Three meet at a barrier, twice: fewer would never get through."""
    barrier = threading.Barrier(3, timeout=PATIENCE)

    outcomes = parallel.attempt(lambda _: barrier.wait() < 3, range(6), 3)

    assert [one.value for one in outcomes] == [True] * 6


def test_no_more_than_allowed_are_under_way_at_once() -> None:
    """As many threads as workers, and each does one job at a time."""
    outcomes = parallel.attempt(
        lambda _: threading.get_ident(), range(20), workers=3
    )

    assert len({one.value for one in outcomes}) <= 3


@pytest.mark.parametrize('count', [1, 5])
def test_every_error_is_kept_and_stops_nothing(count: int) -> None:
    def operation(job: int) -> int:
        if job % 2 == 0:
            raise errors.Refused(f'not {job}')
        return job

    outcomes = parallel.attempt(operation, range(count), workers=2)

    assert [
        (one.job, one.value, str(one.error or '')) for one in outcomes
    ] == [
        (0, None, 'not 0.'),
        (1, 1, ''),
        (2, None, 'not 2.'),
        (3, 3, ''),
        (4, None, 'not 4.'),
    ][:count]


@pytest.mark.parametrize('count', [1, 5])
def test_a_bug_is_raised_when_all_is_done(count: int) -> None:
    done = []

    def operation(job: int) -> None:
        done.append(job)
        if job == 0:
            raise ZeroDivisionError('a bug')

    with pytest.raises(ZeroDivisionError, match='a bug'):
        parallel.attempt(operation, range(count), workers=2)

    assert sorted(done) == list(range(count))


class Crew(parallel._Crew[str, str]):
    """Tells when it was stopped."""

    told: threading.Event

    @property
    def stopped(self) -> bool:
        return self.told.is_set()

    @stopped.setter
    def stopped(self, value: bool) -> None:
        if value:
            self.told.set()


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Is set when an interrupt has stopped the jobs."""
    Crew.told = threading.Event()
    monkeypatch.setattr(parallel, '_Crew', Crew)
    return Crew.told


def test_an_interrupt_drops_what_waits_and_awaits_what_runs(
    stopped: threading.Event,
) -> None:
    """Two of five run when the user presses Ctrl-C; one of them fails."""
    both_run = threading.Barrier(2, timeout=PATIENCE)

    def operation(job: str) -> str:
        if both_run.wait() == 0:
            os.kill(os.getpid(), signal.SIGINT)
        assert stopped.wait(PATIENCE)
        if job == 'b':
            raise errors.Refused('no')
        return job.upper()

    with pytest.raises(parallel.Interruption) as stop:
        parallel.attempt(operation, 'abcde', workers=2, settle=True)

    outcomes = stop.value.outcomes
    assert [
        (one.job, one.value, str(one.error or '')) for one in outcomes
    ] == [
        ('a', 'A', ''),
        ('b', None, 'no.'),
        ('c', None, 'Not asked: interrupted.'),
        ('d', None, 'Not asked: interrupted.'),
        ('e', None, 'Not asked: interrupted.'),
    ]
    assert all(
        isinstance(one.error, errors.Interrupted) for one in outcomes[2:]
    )


@pytest.mark.usefixtures('stopped')
def test_an_interrupted_question_is_not_waited_for() -> None:
    """The node is silent, and stays so until the user has been told."""
    told = threading.Event()

    def operation(job: str) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        assert told.wait(PATIENCE)
        return job

    with pytest.raises(KeyboardInterrupt) as stop:
        parallel.attempt(operation, 'a', workers=1)
    told.set()

    assert isinstance(stop.value, parallel.Interruption)
    assert [one.value for one in stop.value.outcomes] == [None]


@pytest.mark.parametrize('workers', [1, 3])
def test_the_end_of_each_job_is_told_whatever_became_of_it(
    workers: int,
) -> None:
    ended = []

    def operation(job: int) -> int:
        if job == 1:
            raise errors.Refused('no')
        return job

    outcomes = parallel.attempt(
        operation, range(5), workers, ended=lambda: ended.append('one')
    )

    assert len(outcomes) == 5
    assert ended == ['one'] * 5


def test_the_end_of_a_bug_is_told_too() -> None:
    ended = []

    def operation(job: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        parallel.attempt(
            operation, range(3), 2, ended=lambda: ended.append('one')
        )

    assert ended == ['one'] * 3


def test_an_end_is_told_when_the_outcome_is_there() -> None:
    """Between two jobs of one worker."""
    happened = []

    parallel.attempt(
        lambda job: happened.append(f'{job} began'),
        range(2),
        workers=1,
        ended=lambda: happened.append('one ended'),
    )

    assert happened == ['0 began', 'one ended', '1 began', 'one ended']


def test_jobs_that_never_began_have_no_end(
    stopped: threading.Event,
) -> None:
    ended = []

    def operation(job: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        assert stopped.wait(PATIENCE)

    with pytest.raises(parallel.Interruption):
        parallel.attempt(
            operation,
            'abc',
            workers=1,
            settle=True,
            ended=lambda: ended.append('one'),
        )

    assert ended == ['one']


class Unstarted(threading.Thread):
    """A thread that Ctrl-C keeps from starting."""

    def start(self) -> None:
        raise KeyboardInterrupt


class JustStarted(threading.Thread):
    """A thread whose starter is interrupted when it runs."""

    def start(self) -> None:
        super().start()
        raise KeyboardInterrupt


@pytest.mark.parametrize('kind', [Unstarted, JustStarted])
def test_an_interrupt_while_workers_start_is_enough(
    monkeypatch: pytest.MonkeyPatch, kind: type[threading.Thread]
) -> None:
    """A worker that never ran is not waited for."""
    monkeypatch.setattr(threading, 'Thread', kind)

    with pytest.raises(parallel.Interruption) as stop:
        parallel.attempt(double, [1, 2], workers=2, settle=True)

    assert [one.job for one in stop.value.outcomes] == [1, 2]


def test_an_interrupt_ends_the_pauses_of_what_is_waited_for(
    real_pause: Callable[[float], bool],
) -> None:
    """Otherwise it would be as long as a node says "later"."""

    def operation(job: str) -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        return real_pause(PATIENCE)

    began = time.monotonic()
    with pytest.raises(parallel.Interruption) as stop:
        parallel.attempt(operation, 'a', workers=1, settle=True)

    assert [one.value for one in stop.value.outcomes] == [False]
    assert time.monotonic() - began < PATIENCE / 2


def test_both_of_two_look_ups_are_there() -> None:
    assert parallel.both(lambda: 1, lambda: 'two') == (1, 'two')


def test_of_two_errors_the_first_is_raised() -> None:
    def fail_as(word: str) -> None:
        raise errors.CacheError(word)

    with pytest.raises(errors.CacheError, match='first'):
        parallel.both(lambda: fail_as('first'), lambda: fail_as('second'))
    with pytest.raises(errors.CacheError, match='second'):
        parallel.both(lambda: 1, lambda: fail_as('second'))


def test_lanes_take_turns() -> None:
    """One worker: the order in which jobs are begun is that of the turns."""
    begun: list[str] = []

    outcomes = parallel.attempt(
        begun.append,
        ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'],
        workers=1,
        lane=lambda job: job[0],
        width=2,
    )

    assert begun == ['a1', 'b1', 'c1', 'a2', 'b2', 'a3']
    assert [one.job for one in outcomes] == [
        *('a1', 'a2', 'a3', 'b1', 'b2', 'c1'),
    ]


def test_a_slow_lane_holds_up_nobody() -> None:
    """The slow one ends when all else is done."""
    done = threading.Event()
    quick: list[str] = []

    def work(job: str) -> str:
        if job.startswith('slow'):
            assert done.wait(PATIENCE)
            return job
        quick.append(job)
        if len(quick) == 50:
            done.set()
        return job

    outcomes = parallel.attempt(
        work,
        [f'slow {at}' for at in range(50)] + [f'b {at}' for at in range(50)],
        workers=8,
        lane=lambda job: job.split()[0],
        width=4,
    )

    assert [one.value for one in outcomes] == [one.job for one in outcomes]


def test_no_more_of_a_lane_are_under_way_than_its_width() -> None:
    lock = threading.Lock()
    under_way = 0
    most = 0

    def work(_job: int) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.002)
        with lock:
            under_way -= 1

    parallel.attempt(
        work, range(40), workers=16, lane=lambda _job: 'one', width=3
    )

    assert most == 3


def test_an_interrupt_ends_those_who_wait_for_room(
    stopped: threading.Event,
) -> None:
    """Nine of ten workers have nothing to do while the one lane is full."""
    begun: list[int] = []
    others = set(threading.enumerate())

    def work(job: int) -> None:
        begun.append(job)
        while threading.active_count() < len(others) + 10:
            time.sleep(0.001)
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)
        assert stopped.wait(PATIENCE)

    with pytest.raises(parallel.Interruption) as caught:
        parallel.attempt(
            work,
            range(20),
            workers=10,
            lane=lambda _job: 'one',
            width=1,
        )

    assert begun == [0]
    assert [type(one.error) for one in caught.value.outcomes][1:] == [
        errors.Interrupted
    ] * 19
    for thread in set(threading.enumerate()) - others:
        thread.join(2)
        assert not thread.is_alive()


def test_the_second_of_two_look_ups_is_made_here() -> None:
    """It may show something, which an interrupt has to end."""
    here = threading.get_ident()

    first, second = parallel.both(threading.get_ident, threading.get_ident)

    assert (first == here, second == here) == (False, True)


def test_an_interrupt_of_the_second_does_not_wait_for_the_first() -> None:
    stuck = threading.Event()

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        parallel.both(lambda: stuck.wait(PATIENCE), interrupted)
    stuck.set()


def test_a_bug_in_either_look_up_is_raised() -> None:
    def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        parallel.both(fail, lambda: 1)
    with pytest.raises(LookupError):
        parallel.both(lambda: 1, fail)
