# SPDX-License-Identifier: Apache-2.0

"""Everything is attempted, many at a time, and every outcome is kept."""

import asyncio
from collections.abc import Callable
from collections.abc import Coroutine
import gc
import json
import time
from typing import Any
from typing import TypeVar

import pytest

from glance_cache_osc import errors
from glance_cache_osc.transport import attempt

_Value = TypeVar('_Value')
Told = list[tuple[Any, Any, str]]
#: Nobody knows what became of it.
UNCONFIRMED = (
    'Interrupted before the response arrived. The request may have succeeded: '
    'check the result before you retry.'
)


def run(coroutine: Coroutine[Any, Any, _Value]) -> _Value:
    """Run to the end; nothing may be left running by then."""

    async def and_look() -> _Value:
        try:
            async with asyncio.timeout(10):
                return await coroutine
        finally:
            assert asyncio.all_tasks() == {asyncio.current_task()}

    return asyncio.run(and_look())


async def double(job: int) -> int:
    await asyncio.sleep(0)
    return job * 2


def told(outcomes: list[attempt.Outcome[Any, Any]]) -> Told:
    """The outcomes, in words."""
    return [(one.job, one.value, str(one.error or '')) for one in outcomes]


def test_nothing_to_do_has_no_outcomes() -> None:
    nothing: list[int] = []

    assert run(attempt.attempt(double, nothing)) == []


@pytest.mark.parametrize('width', [1, 3, 256])
def test_outcomes_come_in_the_order_of_the_jobs(width: int) -> None:
    outcomes = run(
        attempt.attempt(
            double, iter([3, 1, 2]), group=lambda _: 'one', group_limit=width
        )
    )

    assert outcomes == [
        attempt.Outcome(3, value=6),
        attempt.Outcome(1, value=2),
        attempt.Outcome(2, value=4),
    ]


def test_a_slow_job_does_not_lose_its_place() -> None:
    """The first ends after the last."""

    async def all_three() -> list[attempt.Outcome[str, str]]:
        last_is_done = asyncio.Event()

        async def operation(job: str) -> str:
            if job == 'first':
                await last_is_done.wait()
            if job == 'last':
                last_is_done.set()
            return job.upper()

        return await attempt.attempt(operation, ['first', 'next', 'last'])

    assert [one.value for one in run(all_three())] == ['FIRST', 'NEXT', 'LAST']


class UnderWay:
    """How many are under way at once, in each lane."""

    def __init__(self) -> None:
        self.now: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.most_in_all = 0
        self.begun: list[str] = []

    async def operation(self, job: str) -> None:
        lane = job[0]
        self.begun.append(job)
        self.now[lane] = self.now.get(lane, 0) + 1
        self.most[lane] = max(self.most.get(lane, 0), self.now[lane])
        self.most_in_all = max(self.most_in_all, sum(self.now.values()))
        await asyncio.sleep(0.001)
        self.now[lane] -= 1


def test_no_more_of_a_lane_are_under_way_than_its_width() -> None:
    """And as many are: lanes do not take each other's places."""
    watch = UnderWay()
    jobs = [f'{lane}{at}' for lane in 'abc' for at in range(20)]

    run(
        attempt.attempt(
            watch.operation, jobs, group=lambda job: job[0], group_limit=3
        )
    )

    assert watch.most == {'a': 3, 'b': 3, 'c': 3}
    assert sorted(watch.begun) == sorted(jobs)


@pytest.mark.parametrize('jobs', [[], ['a', 'b']])
def test_a_limit_may_be_any_number(jobs: list[str]) -> None:
    """It does not take time: Ctrl-C would have no effect meanwhile."""
    watch = UnderWay()
    began = time.monotonic()

    run(
        attempt.attempt(
            watch.operation, jobs, group=lambda _: 'one', group_limit=10**8
        )
    )

    assert time.monotonic() - began < 1
    assert sorted(watch.begun) == jobs


def test_without_lanes_all_are_under_way_at_once() -> None:
    watch = UnderWay()

    run(attempt.attempt(watch.operation, [f'a{at}' for at in range(50)]))

    assert watch.most == {'a': 50}


def test_so_many_are_under_way_in_all_lanes_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sixteen each on ten thousand nodes would be too many at once."""
    monkeypatch.setattr(attempt, '_MAX_TASKS', 10)
    watch = UnderWay()
    # More groups than tasks: all groups run.
    jobs = [f'{lane}{at}' for lane in 'abcdefghijkl' for at in range(20)]

    outcomes = run(
        attempt.attempt(
            watch.operation, jobs, group=lambda job: job[0], group_limit=4
        )
    )

    assert [one.job for one in outcomes] == jobs
    assert watch.begun != jobs
    assert sorted(watch.begun) == sorted(jobs)
    assert max(watch.most.values()) == 4
    assert watch.most_in_all == 10


def test_jobs_of_a_lane_are_begun_in_their_order() -> None:
    watch = UnderWay()
    jobs = ['b1', 'a1', 'b2', 'a2', 'b3']

    run(attempt.attempt(watch.operation, jobs, group=lambda job: job[0]))

    assert watch.most == {'a': 1, 'b': 1}
    assert [one for one in watch.begun if one[0] == 'b'] == ['b1', 'b2', 'b3']
    assert [one for one in watch.begun if one[0] == 'a'] == ['a1', 'a2']


def test_a_slow_lane_holds_up_nobody() -> None:
    """The slow one ends when all else is done."""

    async def both_lanes() -> list[Any]:
        quick: list[str] = []
        all_quick = asyncio.Event()

        async def work(job: str) -> str:
            if job.startswith('slow'):
                await all_quick.wait()
            else:
                quick.append(job)
                if len(quick) == 50:
                    all_quick.set()
            return job

        return await attempt.attempt(
            work,
            [f'slow {at}' for at in range(50)]
            + [f'b {at}' for at in range(50)],
            group=lambda job: job.split()[0],
            group_limit=4,
        )

    assert all(one.value == one.job for one in run(both_lanes()))


@pytest.mark.parametrize('count', [1, 5])
def test_every_error_is_kept_and_stops_nothing(count: int) -> None:
    async def operation(job: int) -> int:
        if job % 2 == 0:
            raise errors.Refused(f'not {job}')
        return job

    outcomes = run(attempt.attempt(operation, range(count)))

    assert (
        told(outcomes)
        == [
            (0, None, 'not 0.'),
            (1, 1, ''),
            (2, None, 'not 2.'),
            (3, 3, ''),
            (4, None, 'not 4.'),
        ][:count]
    )


def test_a_bug_is_raised_and_ends_the_rest() -> None:
    ended: list[str] = []

    async def operation(job: int) -> None:
        if job == 3:
            raise ZeroDivisionError('a bug')
        try:
            await asyncio.sleep(20)
        finally:
            ended.append('one')

    began = time.monotonic()
    with pytest.raises(ZeroDivisionError, match='a bug'):
        run(attempt.attempt(operation, range(5), settle=lambda _busy: None))

    assert ended == ['one'] * 4
    assert time.monotonic() - began < 10


def test_two_bugs_at_once_are_one_exception(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Python logs a traceback of an exception that nobody retrieves."""

    async def fail(job: int) -> None:
        raise MemoryError(job)

    with pytest.raises(MemoryError):
        run(attempt.attempt(fail, [1, 2, 3]))
    gc.collect()

    assert caplog.messages == []


def test_the_end_of_each_job_is_told_when_its_outcome_is_there() -> None:
    happened: list[str] = []

    async def operation(job: int) -> None:
        happened.append(f'{job} began')
        if job == 1:
            raise errors.Refused('no')

    run(
        attempt.attempt(
            operation,
            range(3),
            group=lambda _: 'one',
            ended=lambda: happened.append('one ended'),
        )
    )

    assert happened == [
        *('0 began', 'one ended'),
        *('1 began', 'one ended'),
        *('2 began', 'one ended'),
    ]


class Stop:
    """Jobs of which two run, and cancel what attempts them.

    'a' ends by itself once all was cancelled so often, and 'b' fails; 'c' to
    'e' wait for their places.
    """

    def __init__(self, cancellations: int = 1) -> None:
        self.cancellations = cancellations
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.settling: list[list[str]] = []
        self._cancelled = asyncio.Event()

    async def operation(self, job: str) -> str:
        self.begun.append(job)
        try:
            await self._cancelled.wait()
            await asyncio.sleep(0.01)
        finally:
            self.ended.append(job)
        if job == 'b':
            raise errors.Refused('no')
        return job.upper()

    async def attempt(
        self, settle: Callable[[list[str]], None] | None = None
    ) -> list[attempt.Outcome[str, str]]:
        running = asyncio.ensure_future(
            attempt.attempt(
                self.operation,
                'abcde',
                group=lambda job: job in 'ace',
                settle=settle,
            )
        )
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert self.begun == ['a', 'b']
        for _ in range(self.cancellations):
            running.cancel()
            # Another one comes when the first has been seen.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        self._cancelled.set()
        return await running


def test_a_question_that_is_cancelled_is_not_waited_for() -> None:
    stop = Stop()

    with pytest.raises(asyncio.CancelledError):
        run(stop.attempt())

    assert stop.begun == ['a', 'b']
    assert stop.ended == ['a', 'b']


def test_a_change_that_is_cancelled_is_waited_for_and_no_other_begins() -> (
    None
):
    stop = Stop()

    outcomes = run(stop.attempt(stop.settling.append))

    assert told(outcomes) == [
        ('a', 'A', ''),
        ('b', None, 'no.'),
        ('c', None, 'Not sent: interrupted.'),
        ('d', None, 'Not sent: interrupted.'),
        ('e', None, 'Not sent: interrupted.'),
    ]
    assert all(
        isinstance(one.error, errors.Interrupted) for one in outcomes[2:]
    )
    assert stop.begun == ['a', 'b']
    assert stop.settling == [['a', 'b']]


def test_a_second_cancellation_ends_the_wait() -> None:
    stop = Stop(cancellations=2)

    outcomes = run(stop.attempt(stop.settling.append))

    assert told(outcomes) == [
        ('a', None, UNCONFIRMED),
        ('b', None, UNCONFIRMED),
        ('c', None, 'Not sent: interrupted.'),
        ('d', None, 'Not sent: interrupted.'),
        ('e', None, 'Not sent: interrupted.'),
    ]
    assert stop.settling == [['a', 'b']]
    assert stop.ended == ['a', 'b']


def test_two_cancellations_at_once_are_two() -> None:
    """A busy loop sees both at the same time."""
    settled: list[list[str]] = []

    async def cancelled_twice() -> list[attempt.Outcome[str, None]]:
        running = asyncio.ensure_future(
            attempt.attempt(
                lambda _job: asyncio.sleep(20), ['x'], settle=settled.append
            )
        )
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running.cancel()
        running.cancel()
        return await running

    outcomes = run(cancelled_twice())

    assert told(outcomes) == [('x', None, UNCONFIRMED)]
    assert settled == []


def test_what_is_cancelled_before_it_began_says_so() -> None:
    begun: list[str] = []

    async def operation(job: str) -> None:
        begun.append(job)

    async def cancelled() -> list[Any]:
        running = asyncio.ensure_future(
            attempt.attempt(operation, 'ab', settle=settled.append)
        )
        running.cancel()
        return await running

    settled: list[list[str]] = []
    # Not even the attempt itself began.
    with pytest.raises(asyncio.CancelledError):
        run(cancelled())
    assert (begun, settled) == ([], [])


def test_what_has_settled_may_go_on() -> None:
    """The cancellation is used up: what follows runs as always."""

    async def settles_and_goes_on() -> tuple[int, float]:
        stop = Stop()
        outcomes = await stop.attempt(stop.settling.append)
        async with asyncio.timeout(5):
            await asyncio.sleep(0.01)
        task = asyncio.current_task()
        return len(outcomes), task.cancelling() if task else -1

    assert run(settles_and_goes_on()) == (5, 0)


def test_jobs_that_never_began_have_no_end() -> None:
    ended: list[str] = []

    async def cancelled() -> list[Any]:
        running = asyncio.ensure_future(
            attempt.attempt(
                lambda _job: asyncio.sleep(0.01),
                range(3),
                group=lambda _: 'one',
                ended=lambda: ended.append('one'),
                settle=lambda _busy: None,
            )
        )
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running.cancel()
        return await running

    assert len(run(cancelled())) == 3
    assert ended == ['one']


def test_both_of_two_look_ups_are_there() -> None:
    async def two(word: str) -> str:
        await asyncio.sleep(0)
        return word

    first, second = run(attempt.both(double(2), two('two')))

    assert (first, second) == (4, 'two')


async def fail_as(error: Exception) -> None:
    raise error


async def last(ended: list[str]) -> None:
    try:
        await asyncio.sleep(20)
    finally:
        ended.append('the other')


@pytest.mark.parametrize('error', [errors.CacheError('no'), LookupError('no')])
@pytest.mark.parametrize('turned', [False, True])
def test_of_two_look_ups_one_error_ends_both(
    error: Exception, turned: bool
) -> None:
    ended: list[str] = []
    two: tuple[Any, Any] = (fail_as(error), last(ended))

    with pytest.raises(type(error), match='no'):
        run(attempt.both(*reversed(two) if turned else two))

    # What had not begun has not to be ended.
    assert ended in (['the other'], [])


def test_two_look_ups_that_are_cancelled_leave_nothing() -> None:
    ended: list[str] = []

    async def cancelled() -> None:
        running = asyncio.ensure_future(attempt.both(last(ended), last(ended)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running.cancel()
        await running

    with pytest.raises(asyncio.CancelledError):
        run(cancelled())

    assert ended == ['the other', 'the other']


def test_after_an_unexpected_exception_no_other_job_starts() -> None:
    """Not even one of a group whose job ends with an error."""
    begun = []

    async def work(job: int) -> None:
        begun.append(job)
        if not job:
            await asyncio.sleep(0)
            raise MemoryError
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise errors.BadReply('Deleted, and not queued') from None

    with pytest.raises(MemoryError):
        run(attempt.attempt(work, range(4), group=bool))

    assert begun == [0, 1]


@pytest.mark.parametrize('jobs', [1, 1000])
def test_a_thousand_of_one_lane_are_not_a_thousand_tasks(jobs: int) -> None:
    """One a place: ten thousand entries of a node are no ten thousand."""

    async def count(_job: int) -> int:
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    outcomes: Any = run(
        attempt.attempt(
            count, range(jobs), group=lambda _: 'one', group_limit=16
        )
    )

    assert max(one.value for one in outcomes) == min(jobs, 16) + 1


def test_a_kept_error_holds_neither_frames_nor_responses() -> None:
    async def fail(_job: int) -> Any:
        try:
            return json.loads('not JSON')
        except ValueError as error:
            raise errors.BadReply('Not JSON') from error

    async def fail_again(job: int) -> Any:
        try:
            return await fail(job)
        except errors.BadReply as error:
            raise errors.TooOld('Too old') from error

    (outcome,) = run(attempt.attempt(fail_again, [1]))

    error = outcome.error
    assert error
    cause = error.__cause__
    assert isinstance(cause, errors.BadReply)
    assert (error.__traceback__, error.__context__) == (None, None)
    assert (cause.__traceback__, cause.__context__) == (None, None)
    assert cause.__cause__ is None
