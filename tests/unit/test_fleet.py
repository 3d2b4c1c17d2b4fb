# SPDX-License-Identifier: Apache-2.0

"""One operation on many nodes at once, and what is reported of it."""

import argparse
import asyncio
import collections
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import logging
from typing import Any
from unittest import mock

import pytest

from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import operations
from glance_cache_osc.command import progress
from glance_cache_osc.fleet import fleet
from glance_cache_osc.fleet import nodes
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan
from glance_cache_osc.transport import engine
from glance_cache_osc.transport import loop as loops
from tests.cli import payloads as p
from tests.fuzz import clients
from tests.unit import conftest
from tests.unit import world

Commands = operations.Operations
PARSED = argparse.Namespace(columns=[], sort_columns=[])


@pytest.fixture
def both(loop: loops.Loop) -> list[fleet.Member]:
    """A fleet of two nodes, at the addresses of the payloads."""
    cloud: Any = mock.create_autospec(clouds.Cloud, instance=True)
    cloud.named.return_value = cloud
    cloud.client.side_effect = lambda endpoint, timeout, **_: clients.client(
        loop.engine, endpoint, timeout
    )
    chosen = [
        nodes.Node(name='oslo', endpoint=p.GLANCE),
        nodes.Node(name='bergen', endpoint=p.EDGE),
    ]
    made = fleet.members(cloud, chosen, timeout=3)
    cloud.warn_of_plain_http.assert_called_once_with(
        {
            p.GLANCE: f'oslo ({p.GLANCE})',
            p.EDGE: f'bergen ({p.EDGE})',
        }
    )
    return made


@pytest.fixture
def command(loop: loops.Loop) -> operations.Operations:
    made = operations.Operations()
    made.loop = loop
    made.failures = report.Failures()
    made.cloud = mock.create_autospec(clouds.Cloud, instance=True)
    return made


def failures(command: operations.Operations) -> list[str]:
    """The lines that a person gets in the end."""
    log: Any = mock.create_autospec(logging.Logger, instance=True)
    command.failures.report(log)
    return [call.args[0] for call in log.error.call_args_list]


def test_a_fleet_is_its_nodes_in_their_order(both: list[fleet.Member]) -> None:
    assert len(both) == 2
    assert [one.node.name for one in both] == ['oslo', 'bergen']
    assert list(both) == list(both)


def test_every_node_is_asked_and_none_hides_another(
    run: conftest.Run,
    command: Commands,
    both: list[fleet.Member],
    web: conftest.Web,
    sent: list[engine.Request],
) -> None:
    web.answers(
        'GET',
        f'{p.GLANCE}/v2/cache',
        status_code=500,
        text=p.fault('500 Internal Server Error', 'Oops.'),
        headers={'Content-Type': 'text/html; charset=UTF-8'},
    )
    web.answers(
        'GET',
        f'{p.EDGE}/v2/cache',
        text='{"cached_images": [], "queued_images": ["id-1"]}',
        headers={'Content-Type': 'application/json'},
    )
    __, bergen = both

    assert run(command.list_entries(both)) == {
        bergen: [entries.Entry('id-1', entries.State.QUEUED)]
    }

    assert failures(command) == [
        'Cannot read the cache of oslo (http://glance.example:9292): The '
        'server failed with HTTP 500: Oops. Try again later, and check the '
        'log of the server.'
    ]
    assert [one.timeout for one in sent] == [3, 3]


def test_what_is_read_is_digested_as_it_comes(
    run: conftest.Run,
    command: Commands,
    both: list[fleet.Member],
    web: conftest.Web,
) -> None:
    """An empty digest is one as well."""
    web.answers('GET', f'{p.GLANCE}/v2/cache', json=p.cache(queued=['a', 'b']))
    web.answers('GET', f'{p.EDGE}/v2/cache', json=p.cache())

    found = run(command.read(both, len))

    assert {one.node.name: count for one, count in found.items()} == {
        'oslo': 2,
        'bergen': 0,
    }
    assert failures(command) == []


def test_all_nodes_together_may_list_so_many_entries(
    run: conftest.Run,
    command: Commands,
    both: list[fleet.Member],
    web: conftest.Web,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(entries, 'MOST_ENTRIES_IN_ALL', 3)
    web.answers('GET', f'{p.GLANCE}/v2/cache', json=p.cache(queued=['a', 'b']))
    web.answers('GET', f'{p.EDGE}/v2/cache', json=p.cache(queued=['a', 'b']))

    found = run(command.list_entries(both))

    assert len(found) == 1
    (told,) = failures(command)
    assert told.endswith(
        ': The nodes list more than 3 entries in total. Specify fewer nodes '
        'with --node.'
    )


def test_a_limit_is_of_all_nodes_together(
    run: conftest.Run, command: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert entries.MOST_ENTRIES_IN_ALL == 5_000_000
    monkeypatch.setattr(entries, 'MOST_ENTRIES_IN_ALL', 5)
    held = [entries.Entry(f'id-{at}', entries.State.QUEUED) for at in range(3)]
    members = [
        world.member('a'),
        world.member('b'),
        world.member('c'),
        world.member('d'),
    ]
    for one, count in zip(members, (3, 0, 2, 1)):
        driver: Any = one.driver
        driver.list_entries.return_value = held[:count]

    found = run(command.read(members[:3], len))

    assert list(found.values()) == [3, 0, 2]
    assert failures(command) == []

    assert len(run(command.read(members, len))) == 3

    (told,) = failures(command)
    assert told.endswith(
        'The nodes list more than 5 entries in total. Specify fewer nodes '
        'with --node.'
    )


def test_some_nodes_may_be_changed_alone(
    run: conftest.Run, command: Commands, both: list[fleet.Member]
) -> None:
    changed: list[str] = []

    async def change(member: fleet.Member) -> str:
        changed.append(member.node.name)
        if member.node.name == 'oslo':
            raise errors.Refused('It is busy')
        return 'done'

    oslo, bergen = both
    what = 'Cannot mend %s'

    assert run(command.change([bergen], change, what)) == {bergen: 'done'}
    assert changed == ['bergen']
    assert run(command.change([], change, what)) == {}
    assert failures(command) == []
    assert run(command.change([oslo, bergen], change, what)) == {
        bergen: 'done'
    }
    assert failures(command) == [
        'Cannot mend oslo (http://glance.example:9292): It is busy.'
    ]


class Counted(progress.Counter):
    """Counts what ends, and keeps what is warned of."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self._seen = seen

    def advance(self) -> None:
        self._seen.append('one')

    def warn(self, line: str) -> None:
        self._seen.append(line)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is shown of the progress of commands."""
    seen: list[str] = []

    @contextlib.contextmanager
    def counting(what: str, total: int) -> Iterator[Counted]:
        seen.append(f'{what} {total}')
        yield Counted(seen)

    monkeypatch.setattr(progress, 'counting', counting)
    return seen


async def nothing(_what: Any) -> None:
    """Do nothing."""


def steps_of(members: list[fleet.Member], *image_ids: str) -> operations.Steps:
    return [
        (member, plan.Step(images.Image(one), plan.Action.QUEUE))
        for member in members
        for one in image_ids
    ]


def test_what_is_under_way_is_counted(
    run: conftest.Run,
    command: Commands,
    both: list[fleet.Member],
    counted: list[str],
) -> None:
    oslo, __ = both

    run(command.query(both, nothing))
    run(command.change([oslo], nothing, '%s'))
    run(command.carry_out(steps_of([oslo], 'a', 'b', 'c'), nothing, ''))

    assert counted == [
        *('Reading nodes 2', 'one', 'one'),
        *('Changing nodes 1', 'one'),
        *('Changing entries 3', 'one', 'one', 'one'),
    ]


class Cancelled:
    """An operation during which what runs it is cancelled."""

    def __init__(self, members: int) -> None:
        self._meet = asyncio.Barrier(members + 1)

    async def operation(self, _what: Any) -> Any:
        await self._meet.wait()
        await asyncio.sleep(0.01)
        return 'done'

    async def run(self, coroutine: Any) -> Any:
        running = asyncio.ensure_future(coroutine)
        await self._meet.wait()
        running.cancel()
        return await running


def test_a_question_is_not_waited_for_and_a_change_is(
    run: conftest.Run,
    command: Commands,
    both: list[fleet.Member],
    counted: list[str],
) -> None:
    members = list(both)

    async def cancel(how: Callable[[Cancelled], Any], count: int) -> Any:
        stop = Cancelled(count)
        return await stop.run(how(stop))

    async def ask() -> None:
        with pytest.raises(asyncio.CancelledError):
            await cancel(lambda stop: command.query(both, stop.operation), 2)

    run(ask())
    changed = run(
        cancel(lambda stop: command.change(members, stop.operation, '%s'), 2)
    )
    carried_out = run(
        cancel(
            lambda stop: command.carry_out(
                steps_of(members, 'a'), stop.operation, ''
            ),
            2,
        )
    )

    assert list(changed.values()) == ['done', 'done']
    assert len(carried_out) == 2
    assert [one for one in counted if one.startswith('Interrupted')] == [
        'Interrupted. Waiting for requests in progress (2) on oslo, bergen; '
        'press Ctrl-C again to stop at once.'
    ] * 2


def test_of_many_nodes_that_are_waited_for_a_few_are_named(
    run: conftest.Run, command: Commands, counted: list[str]
) -> None:
    """Once each, and none of them steers a terminal."""
    members = [world.member(f'\x1b{at}') for at in range(5)]

    async def cancel() -> Any:
        stop = Cancelled(10)
        return await stop.run(
            command.carry_out(steps_of(members, 'a', 'b'), stop.operation, '')
        )

    run(cancel())

    assert counted[1] == (
        'Interrupted. Waiting for requests in progress (10) on \\x1b0, \\x1b1, '
        '\\x1b2 and 2 more; press Ctrl-C again to stop at once.'
    )


def test_steps_that_failed_are_reported_and_left_out(
    run: conftest.Run, command: Commands
) -> None:
    oslo, bergen = world.member('oslo'), world.member('bergen')
    ubuntu = images.Image('id-1', 'ubuntu')
    steps: operations.Steps = [
        (oslo, plan.Step(ubuntu, plan.Action.QUEUE)),
        (oslo, plan.Step(images.Image('id-2'), plan.Action.NONE)),
        (bergen, plan.Step(ubuntu, plan.Action.DELETE)),
        (bergen, plan.Step(images.Image('id-2'), plan.Action.WAIT)),
    ]
    asked: list[tuple[str, str]] = []

    async def operation(job: fleet.Job) -> None:
        asked.append((job.member.node.name, job.image_id))
        if job.member is oslo:
            raise errors.Refused('It is busy')

    done = run(
        command.carry_out(steps, operation, 'Cannot do %(image)s on %(node)s')
    )

    assert done == steps[1:]
    assert sorted(asked) == [('bergen', 'id-1'), ('oslo', 'id-1')]
    assert failures(command) == [
        'Cannot do ubuntu (id-1) on oslo (http://oslo): It is busy.'
    ]


def jobs_of(members: list[fleet.Member], count: int) -> list[fleet.Job]:
    return [fleet.Job(one, str(at)) for one in members for at in range(count)]


def each(operation: Callable[[fleet.Job], Any], jobs: list[fleet.Job]) -> Any:
    return fleet.each(
        operation,
        jobs,
        ended=lambda: None,
        settle=lambda _busy: None,
    )


def test_a_node_is_asked_for_sixteen_images_at_once(
    run: conftest.Run,
) -> None:
    """And each node for its own sixteen."""
    oslo, bergen = world.member('oslo'), world.member('bergen')
    now: collections.Counter[str] = collections.Counter()
    most: dict[str, int] = {'both': 0}

    async def work(job: fleet.Job) -> None:
        name = job.member.node.name
        now[name] += 1
        most[name] = max(most.get(name, 0), now[name])
        most['both'] = max(most['both'], now.total())
        await asyncio.sleep(0.001)
        now[name] -= 1

    run(each(work, jobs_of([oslo, bergen], 64)))

    assert most == {'oslo': 16, 'bergen': 16, 'both': 32}


def silent() -> errors.TimedOut:
    return errors.TimedOut('No response within 3 seconds', 'Is the node up?')


def test_a_node_that_stays_silent_is_not_asked_for_the_rest(
    run: conftest.Run,
) -> None:
    """It costs one timeout, and the other node nothing."""
    oslo, bergen = world.member('oslo'), world.member('bergen')
    asked: list[fleet.Member] = []

    async def work(job: fleet.Job) -> str:
        asked.append(job.member)
        if job.member is bergen:
            # The responses of the other node come first.
            await asyncio.sleep(0.001)
            raise silent()
        return job.image_id

    jobs = jobs_of([bergen, oslo], 40)
    outcomes = run(each(work, jobs))

    assert [one.job for one in outcomes] == jobs
    assert (asked.count(oslo), asked.count(bergen)) == (40, 16)
    told = collections.Counter(str(one.error) for one in outcomes)
    assert told == {
        'None': 40,
        'No response within 3 seconds. Is the node up?': 16,
        (
            'Skipped: an earlier request to this node timed out. To wait '
            'longer, use --node-timeout.'
        ): 24,
    }
    sent = [one.error.connected for one in outcomes if one.error]
    assert sent == [True] * 16 + [False] * 24


def test_a_node_that_is_slow_once_is_asked_for_the_rest(
    run: conftest.Run,
) -> None:
    async def work(job: fleet.Job) -> str:
        if job.image_id == '20':
            raise silent()
        return job.image_id

    outcomes = run(each(work, jobs_of([world.member('oslo')], 40)))

    assert [one.job.image_id for one in outcomes if one.error] == ['20']


@pytest.mark.parametrize(
    ('columns', 'asked'), [([], True), (['name'], True), (['ID'], False)]
)
def test_names_are_looked_up_where_they_are_shown(
    run: conftest.Run, command: Any, columns: list[str], asked: bool
) -> None:
    parsed = argparse.Namespace(columns=columns, sort_columns=[])
    by_id = mock.AsyncMock(return_value={'a': images.Image('a', 'ubuntu')})
    command.cloud.catalogue.return_value.by_id = by_id

    found = run(command.names(parsed, command.cloud, ['a']))

    assert found == ({'a': images.Image('a', 'ubuntu')} if asked else {})
    assert by_id.await_count == asked


def test_rows_without_names_are_better_than_none(
    run: conftest.Run, command: Any
) -> None:
    command.cloud.catalogue.return_value.by_id = mock.AsyncMock(
        side_effect=errors.CatalogueError('No list')
    )

    assert run(command.names(PARSED, command.cloud, ['a'])) == {}
    assert failures(command) == ['Cannot look up image names: No list.']
