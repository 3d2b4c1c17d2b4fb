# SPDX-License-Identifier: Apache-2.0

"""Attempt everything, many at a time, and keep every outcome."""

import asyncio
import collections
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Coroutine
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import itertools
from typing import Any
from typing import Generic
from typing import TypeVar

from glance_cache_osc import errors

#: Jobs under way at once: as many as there may be connections.
_MAX_TASKS = 2000

_Job = TypeVar('_Job')
_Value = TypeVar('_Value')
_Other = TypeVar('_Other')


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome(Generic[_Job, _Value]):
    """What came of one job: a value, or the error that it ended with."""

    job: _Job
    value: _Value | None = None
    error: errors.CacheError | None = None


async def attempt(  # noqa: PLR0913 - by name alone
    operation: Callable[[_Job], Awaitable[_Value]],
    jobs: Iterable[_Job],
    *,
    lane: Callable[[_Job], Hashable] = id,
    width: int = 1,
    ended: Callable[[], None] = lambda: None,
    settle: Callable[[list[_Job]], None] | None = None,
) -> list[Outcome[_Job, _Value]]:
    """Do one operation for every job, whatever becomes of the others.

    :param operation: what it raises, if a `errors.CacheError`, is that job's
        outcome. Anything else is a bug, and is raised here.
    :param lane: what a job is for. Lanes run side by side; of one lane, no
        more than `width` jobs are under way at once, in their order.
    :param ended: is called as each job ends.
    :param settle: when this is cancelled, jobs under way are waited for, so
        that what is reported of them is true; this is called with them at
        once. Another cancellation ends that: they end as
        `errors.Unconfirmed`. Without it, all jobs are cancelled, and so is
        this.
    :returns: an outcome a job, in the order of the jobs; those that did not
        begin end as `errors.Interrupted`.
    """
    batch = _Batch(operation, list(jobs), ended)
    lanes: dict[Hashable, list[int]] = collections.defaultdict(list)
    for index, job in enumerate(batch.jobs):
        lanes[lane(job)].append(index)
    # One of each lane, then another one of each: lanes take turns.
    sizes = [(iter(indexes), len(indexes)) for indexes in lanes.values()]
    queues = iter(
        [queue for at in range(width) for queue, size in sizes if at < size]
    )
    tasks = [
        asyncio.ensure_future(batch.work(itertools.chain([first], queues)))
        for first in itertools.islice(queues, _MAX_TASKS)
    ]
    try:
        await _all(tasks)
    except asyncio.CancelledError:
        batch.stopped = True
        if settle is None:
            raise
        await _settle(batch, tasks, settle)
    finally:
        await _cancel(tasks)
    return batch.outcomes()


async def both(
    first: Coroutine[Any, Any, _Value], second: Coroutine[Any, Any, _Other]
) -> tuple[_Value, _Other]:
    """The results of two that do not need each other.

    :raises errors.CacheError: that of the one that fails first; the other
        one is cancelled.
    """
    tasks = (asyncio.ensure_future(first), asyncio.ensure_future(second))
    try:
        return await asyncio.gather(*tasks)
    finally:
        await _cancel(tasks)


async def _all(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Wait for all; raises the first bug, without waiting for the rest."""
    todo = list(tasks)
    if todo:
        done, __ = await asyncio.wait(
            todo, return_when=asyncio.FIRST_EXCEPTION
        )
        for task in done:
            task.result()


async def _settle(
    batch: '_Batch[Any, Any]',
    tasks: Iterable[asyncio.Future[Any]],
    settle: Callable[[list[Any]], None],
) -> None:
    """Wait for what is under way, unless cancelled once more."""
    this = asyncio.current_task()
    # Two may have come before this one had its turn.
    again = this.uncancel() if this else 0
    while this and this.cancelling():
        this.uncancel()
    if batch.under_way and not again:
        settle(list(batch.under_way.values()))
        try:
            await _all(tasks)
        except asyncio.CancelledError:
            if this:
                this.uncancel()


async def _cancel(tasks: Iterable[asyncio.Future[Any]]) -> None:
    unfinished = [task for task in tasks if not task.done()]
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*unfinished, return_exceptions=True)


@dataclasses.dataclass
class _Batch(Generic[_Job, _Value]):
    """Jobs, and what came of them so far."""

    operation: Callable[[_Job], Awaitable[_Value]]
    jobs: list[_Job]
    ended: Callable[[], None]
    stopped: bool = False
    under_way: dict[int, _Job] = dataclasses.field(default_factory=dict)
    done: dict[int, Outcome[_Job, _Value]] = dataclasses.field(
        default_factory=dict
    )

    async def work(self, queues: Iterable[Iterator[int]]) -> None:
        """Do one job after the other, of one queue after the other."""
        for index in itertools.chain.from_iterable(queues):
            if self.stopped:
                return
            job = self.jobs[index]
            self.under_way[index] = job
            try:
                outcome = Outcome(job, value=await self.operation(job))
            except errors.CacheError as error:
                outcome = Outcome(job, error=error)
            except asyncio.CancelledError:
                self.done[index] = Outcome(job, error=errors.Unconfirmed())
                raise
            finally:
                del self.under_way[index]
            self.done[index] = outcome
            self.ended()

    def outcomes(self) -> list[Outcome[_Job, _Value]]:
        """An outcome a job."""
        return [
            self.done.get(index) or Outcome(job, error=errors.Interrupted())
            for index, job in enumerate(self.jobs)
        ]
