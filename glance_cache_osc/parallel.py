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

"""Try everything, many at a time, and keep every outcome."""

from collections.abc import Callable
from collections.abc import Iterable
from concurrent import futures
import dataclasses
from typing import Generic
from typing import TypeVar

from glance_cache_osc import errors

_Job = TypeVar('_Job')
_Value = TypeVar('_Value')


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome(Generic[_Job, _Value]):
    """What came of one job: a value, or the error that it ended with."""

    job: _Job
    value: _Value | None = None
    error: errors.CacheError | None = None


def attempt(
    operation: Callable[[_Job], _Value],
    jobs: Iterable[_Job],
    workers: int,
) -> list[Outcome[_Job, _Value]]:
    """Do one operation for every job, whatever becomes of the others.

    On an interrupt, jobs that have not begun end as `errors.Interrupted`;
    those under way are waited for, so that what is told of them is true.

    :param operation: is called with a job, on some thread; what it raises,
        if a `errors.CacheError`, is that job's outcome. Anything else is a
        bug, and is raised here.
    :param jobs: what to do it for.
    :param workers: how many may be under way at once.
    :returns: an outcome a job, in the order of the jobs.
    """
    waiting = list(jobs)
    if len(waiting) == 1:
        return [_outcome(operation, waiting[0])]
    pool = futures.ThreadPoolExecutor(max(1, min(workers, len(waiting))))
    tasks = [pool.submit(_outcome, operation, job) for job in waiting]
    try:
        futures.wait(tasks)
    except KeyboardInterrupt:
        pool.shutdown(wait=True, cancel_futures=True)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return [
        Outcome(job, error=errors.Interrupted())
        if task.cancelled()
        else task.result()
        for job, task in zip(waiting, tasks)
    ]


def _outcome(
    operation: Callable[[_Job], _Value], job: _Job
) -> Outcome[_Job, _Value]:
    try:
        return Outcome(job, value=operation(job))
    except errors.CacheError as error:
        return Outcome(job, error=error)
