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

"""Work is begun, and its outcomes are taken as they come."""

from collections.abc import Callable
import signal
import threading
import time
from typing import Any

import pytest

from glance_cache_osc import errors
from glance_cache_osc.transport import background
from glance_cache_osc.transport import parallel

#: Longer than any of this takes; a broken test ends, and fails.
PATIENCE = 20


def collect(
    crew: background.Background, count: int
) -> list[background.Outcome]:
    """So many outcomes, however many come at once."""
    ended: list[background.Outcome] = []
    deadline = time.monotonic() + PATIENCE
    while len(ended) < count:
        assert time.monotonic() < deadline
        ended += crew.wait(PATIENCE)
    return ended


@pytest.mark.parametrize('workers', [1, 3, 256])
def test_every_job_has_an_outcome(workers: int) -> None:
    crew = background.Background(workers)

    for job in range(20):
        crew.begin(lambda job: job * 2, job)
    ended = collect(crew, 20)

    assert sorted((one.job, one.value) for one in ended) == [
        (job, job * 2) for job in range(20)
    ]
    assert crew.wait(0) == []


def test_each_job_has_an_operation_of_its_own() -> None:
    crew = background.Background(1)

    crew.begin(str.upper, 'a')
    crew.begin(len, 'bcd')

    assert [(one.job, one.value) for one in collect(crew, 2)] == [
        ('a', 'A'),
        ('bcd', 3),
    ]


def test_an_outcome_is_there_while_others_are_under_way() -> None:
    goes_on = threading.Event()
    crew = background.Background(2)

    crew.begin(lambda _: goes_on.wait(PATIENCE), 'slow')
    crew.begin(lambda job: job, 'quick')

    assert [one.job for one in collect(crew, 1)] == ['quick']
    goes_on.set()
    assert [one.job for one in collect(crew, 1)] == ['slow']


def test_an_error_is_an_outcome() -> None:
    error = errors.Refused('no')

    def operation(job: str) -> None:
        raise error

    crew = background.Background(1)
    crew.begin(operation, 'a')

    (ended,) = collect(crew, 1)
    assert (ended.job, ended.value, ended.error) == ('a', None, error)


def test_a_bug_is_raised_to_who_waits_and_the_rest_goes_on() -> None:
    def operation(job: int) -> float:
        return 1 / job

    crew = background.Background(1)
    crew.begin(operation, 0)
    crew.begin(operation, 2)

    with pytest.raises(ZeroDivisionError):
        collect(crew, 1)
    assert [one.value for one in collect(crew, 1)] == [0.5]


def test_no_more_than_allowed_are_under_way_at_once() -> None:
    crew = background.Background(3)

    for job in range(20):
        crew.begin(lambda _: threading.get_ident(), job)

    assert len({one.value for one in collect(crew, 20)}) <= 3


def test_as_many_as_allowed_are_under_way_at_once() -> None:
    """Three meet at a barrier, twice: fewer would never get through."""
    barrier = threading.Barrier(3, timeout=PATIENCE)
    crew = background.Background(3)

    for __ in range(2):
        for job in range(3):
            crew.begin(lambda _: barrier.wait() < 3, job)
        assert [one.value for one in collect(crew, 3)] == [True] * 3


def test_work_for_one_has_one_thread() -> None:
    crew = background.Background(256)
    threads = set()

    for job in range(5):
        crew.begin(lambda _: threading.get_ident(), job)
        threads |= {one.value for one in collect(crew, 1)}

    assert len(threads) == 1


def test_what_was_not_begun_can_be_cancelled() -> None:
    """One is under way, and ends; of the others nothing is heard again."""
    begun, goes_on = threading.Event(), threading.Event()
    did = []

    def operation(job: str) -> None:
        did.append(job)
        begun.set()
        assert goes_on.wait(PATIENCE)

    crew = background.Background(1)
    for job in 'abc':
        crew.begin(operation, job)
    assert begun.wait(PATIENCE)

    assert crew.cancel() == ['b', 'c']
    assert crew.cancel() == []
    goes_on.set()
    assert [one.job for one in collect(crew, 1)] == ['a']
    assert crew.wait(0.01) == []
    assert did == ['a']


@pytest.mark.parametrize('seconds', [0, 0.01, 0.25])
def test_a_wait_for_nothing_ends_in_time(seconds: float) -> None:
    crew = background.Background(1)
    began = time.monotonic()

    assert crew.wait(seconds) == []

    assert seconds <= time.monotonic() - began + 0.005
    assert time.monotonic() - began < seconds + PATIENCE


def test_who_waits_sees_ctrl_c() -> None:
    """The signal goes to the thread that works, and does not wake us."""
    waits, over = threading.Event(), threading.Event()

    def press(_: Any) -> None:
        assert waits.wait(PATIENCE)
        # Until who waits is asleep; if not yet, it sees it all the same.
        over.wait(0.05)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        assert over.wait(PATIENCE)

    def wait() -> None:
        waits.set()
        crew.wait(PATIENCE)

    crew = background.Background(1)
    crew.begin(press, 'a')
    began = time.monotonic()

    with pytest.raises(KeyboardInterrupt):
        wait()

    assert time.monotonic() - began < PATIENCE / 2
    # What was under way can still be heard of.
    over.set()
    assert [one.job for one in collect(crew, 1)] == ['a']


def test_threads_do_not_hold_the_program() -> None:
    """The program ends while a node is silent."""
    crew = background.Background(1)
    crew.begin(lambda _: threading.current_thread().daemon, 'a')

    assert [one.value for one in collect(crew, 1)] == [True]


def test_who_is_told_to_hurry_pauses_no_more(
    real_pause: Callable[[float], bool],
) -> None:
    crew = background.Background(workers=1)
    begun = threading.Event()

    def operation(_job: str) -> bool:
        begun.set()
        return real_pause(PATIENCE)

    crew.begin(operation, 'a job')
    assert begun.wait(PATIENCE)
    assert crew.cancel() == []

    assert crew.wait(PATIENCE) == [parallel.Outcome('a job', value=False)]
