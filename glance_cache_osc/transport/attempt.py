# SPDX-License-Identifier: Apache-2.0

"""Runs an operation for many jobs at once and collects all outcomes."""

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

#: The number of concurrent jobs, equal to the limit of connections.
_MAX_TASKS = 2000

_Job = TypeVar('_Job')
_Value = TypeVar('_Value')
_Other = TypeVar('_Other')


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome(Generic[_Job, _Value]):
    """The outcome of one job: the operation's value or its error."""

    job: _Job
    value: _Value | None = None
    error: errors.CacheError | None = None


async def attempt(  # noqa: PLR0913 - keywords only
    operation: Callable[[_Job], Awaitable[_Value]],
    jobs: Iterable[_Job],
    *,
    group: Callable[[_Job], Hashable] = id,
    group_limit: int = 1,
    ended: Callable[[], None] = lambda: None,
    settle: Callable[[list[_Job]], None] | None = None,
) -> list[Outcome[_Job, _Value]]:
    """Run one operation for every job, even if some of the jobs fail.

    :param operation: an `errors.CacheError` that it raises is the outcome of
        that job. Any other exception is a bug, and is raised here.
    :param group: returns the group of a job. Groups run concurrently.
    :param group_limit: the number of concurrent jobs of one group. The jobs
        of a group start in order.
    :param ended: is called when a job ends.
    :param settle: if it is given and this call is cancelled, `settle` is
        called with the jobs in progress, and the call waits for these jobs,
        so that their outcomes are known. A second cancellation ends the
        wait; the remaining jobs end as `errors.Unconfirmed`. Without
        `settle`, all jobs and this call are cancelled.
    :returns: one outcome for each job, in the order of the jobs; jobs that
        did not start end as `errors.Interrupted`.
    """
    batch = _Batch(operation, list(jobs), ended)
    groups: dict[Hashable, list[int]] = collections.defaultdict(list)
    for index, job in enumerate(batch.jobs):
        groups[group(job)].append(index)
    # The first worker of each group starts before the second of any group,
    # so that all groups progress.
    sizes = [(iter(indexes), len(indexes)) for indexes in groups.values()]
    queues = iter(
        [
            queue
            for at in range(min(group_limit, len(batch.jobs)))
            for queue, size in sizes
            if at < size
        ]
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
        # After an unexpected exception, no other job may start.
        batch.stopped = True
        await _cancel(tasks)
    return batch.outcomes()


async def both(
    first: Coroutine[Any, Any, _Value], second: Coroutine[Any, Any, _Other]
) -> tuple[_Value, _Other]:
    """The results of two coroutines that run concurrently.

    :raises errors.CacheError: the error of the coroutine that fails first;
        the other one is cancelled.
    """
    tasks = (asyncio.ensure_future(first), asyncio.ensure_future(second))
    try:
        return await asyncio.gather(*tasks)
    finally:
        await _cancel(tasks)


async def _all(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Wait for all tasks, or raise the first exception at once."""
    waiting = list(tasks)
    if waiting:
        done, __ = await asyncio.wait(
            waiting, return_when=asyncio.FIRST_EXCEPTION
        )
        # asyncio logs exceptions that nobody retrieves.
        for error in [task.exception() for task in done]:
            if error:
                raise error


async def _settle(
    batch: '_Batch[Any, Any]',
    tasks: Iterable[asyncio.Future[Any]],
    settle: Callable[[list[Any]], None],
) -> None:
    """Wait for the jobs in progress, unless cancelled a second time."""
    this: Any = asyncio.current_task()
    # Two cancellations may precede the first run of this code.
    repeated = this.uncancel()
    while this.cancelling():
        this.uncancel()
    if batch.running and not repeated:
        settle(list(batch.running.values()))
        try:
            await _all(tasks)
        except asyncio.CancelledError:
            this.uncancel()


async def _cancel(tasks: Iterable[asyncio.Future[Any]]) -> None:
    unfinished = [task for task in tasks if not task.done()]
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*unfinished, return_exceptions=True)


@dataclasses.dataclass
class _Batch(Generic[_Job, _Value]):
    """Jobs and their outcomes so far.

    :ivar stopped: whether no further job may start.
    :ivar running: the jobs in progress, by their indexes.
    :ivar done: the outcomes of the jobs that ended, by their indexes.
    """

    operation: Callable[[_Job], Awaitable[_Value]]
    jobs: list[_Job]
    ended: Callable[[], None]
    stopped: bool = False
    running: dict[int, _Job] = dataclasses.field(default_factory=dict)
    done: dict[int, Outcome[_Job, _Value]] = dataclasses.field(
        default_factory=dict
    )

    async def work(self, queues: Iterable[Iterator[int]]) -> None:
        """Run one job after the other, from one queue after the other."""
        for index in itertools.chain.from_iterable(queues):
            if self.stopped:
                return
            job = self.jobs[index]
            self.running[index] = job
            try:
                outcome = Outcome(job, value=await self.operation(job))
            except errors.CacheError as error:
                drop_frames(error)
                outcome = Outcome(job, error=error)
            except asyncio.CancelledError:
                self.done[index] = Outcome(job, error=errors.Unconfirmed())
                raise
            finally:
                del self.running[index]
            self.done[index] = outcome
            self.ended()

    def outcomes(self) -> list[Outcome[_Job, _Value]]:
        """One outcome for each job, in the order of the jobs."""
        return [
            self.done.get(index) or Outcome(job, error=errors.Interrupted())
            for index, job in enumerate(self.jobs)
        ]


def drop_frames(error: BaseException | None) -> None:
    """Make a kept error small.

    The frames of tracebacks hold responses, and so do errors of libraries.
    """
    while error and error.__traceback__:
        error.__traceback__ = error.__context__ = None
        if not isinstance(error.__cause__, errors.CacheError):
            error.__cause__ = None
        error = error.__cause__
