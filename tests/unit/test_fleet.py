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

"""Which nodes are meant, and one operation on all of them."""

import collections
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import threading
import time
from unittest import mock

from keystoneauth1 import session as ksa_session
import pytest

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import progress
from glance_cache_osc.fleet import fleet
from glance_cache_osc.fleet import node
from glance_cache_osc.model import entries
from glance_cache_osc.transport import parallel
from tests.cli import payloads as p
from tests.unit import conftest

OSLO = node.Node('edge-oslo', 'http://10.1.0.5:9292')
BERGEN = node.Node('edge-bergen', 'https://glance.bergen.example.net')
TROMSO = node.Node('tromso', 'http://10.1.0.7:9292')
BOTH = (OSLO, BERGEN)

#: Longer than any of this takes; a broken test ends, and fails.
PATIENCE = 20


def cloud_of(
    *configured: node.Node, endpoint: str | None = 'http://glance:9292'
) -> mock.Mock:
    """A cloud with these nodes in clouds.yaml."""
    cloud: mock.Mock = mock.create_autospec(clouds.Cloud, instance=True)
    cloud.configured_nodes.return_value = list(configured)
    cloud.image_endpoint.return_value = endpoint
    return cloud


def choose(
    cloud: mock.Mock,
    *named: str,
    everything: bool = False,
    changes: bool = False,
) -> list[node.Node]:
    return fleet.choose(cloud, named, everything=everything, changes=changes)


@pytest.mark.parametrize('changes', [False, True])
@pytest.mark.parametrize('everything', [False, True])
def test_a_cloud_without_nodes_is_its_image_endpoint(
    changes: bool, everything: bool
) -> None:
    assert choose(cloud_of(), everything=everything, changes=changes) == [
        node.Node('http://glance:9292', 'http://glance:9292')
    ]


def test_reading_asks_all_nodes() -> None:
    assert choose(cloud_of(OSLO, BERGEN)) == [OSLO, BERGEN]


@pytest.mark.parametrize('changes', [False, True])
def test_all_nodes_are_all_that_are_configured(changes: bool) -> None:
    cloud = cloud_of(OSLO, BERGEN)

    assert choose(cloud, everything=True, changes=changes) == [OSLO, BERGEN]


def test_a_change_wants_to_be_told_where() -> None:
    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(OSLO, BERGEN), changes=True)

    assert str(caught.value) == (
        'This changes caches, and clouds.yaml names 2 nodes. '
        'Say which are meant with --node or --all-nodes.'
    )


def test_one_node_and_all_nodes_exclude_each_other() -> None:
    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(OSLO), 'edge-oslo', everything=True)

    assert str(caught.value) == (
        '--node and --all-nodes exclude each other. Give one of them.'
    )


def test_a_cloud_may_have_no_image_service() -> None:
    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(endpoint=None))

    assert str(caught.value) == (
        'This cloud has no image endpoint. Name a node with --node.'
    )


@pytest.mark.parametrize('changes', [False, True])
@pytest.mark.parametrize(
    ('named', 'expected'),
    [
        (['edge-oslo'], [OSLO]),
        (['edge-bergen', 'edge-oslo'], [BERGEN, OSLO]),
        (['edge-oslo', 'edge-oslo'], [OSLO]),
        (['edge-*'], [OSLO, BERGEN]),
        (['edge-b*', 'edge-*'], [BERGEN, OSLO]),
        (['edge-[bt]*'], [BERGEN]),
        (['*[!n]'], [OSLO, TROMSO]),
        (['*'], [OSLO, BERGEN, TROMSO]),
        (['troms?'], [TROMSO]),
        (['http://10.1.0.5:9292'], [OSLO]),
        (['http://10.1.0.5:9292/v2/'], [OSLO]),
        (['10.1.0.5'], [OSLO]),
        (['10.1.0.5:9292', 'edge-oslo'], [OSLO]),
        (
            ['10.1.0.9'],
            [node.Node('10.1.0.9', 'http://10.1.0.9:9292')],
        ),
        (
            ['localhost:80'],
            [node.Node('localhost:80', 'http://localhost:80')],
        ),
        (
            ['https://other.example/image/v2/'],
            [
                node.Node(
                    'https://other.example/image/v2',
                    'https://other.example/image',
                )
            ],
        ),
    ],
)
def test_nodes_are_named(
    named: Sequence[str], expected: list[node.Node], changes: bool
) -> None:
    cloud = cloud_of(OSLO, BERGEN, TROMSO)

    assert choose(cloud, *named, changes=changes) == expected


def test_any_host_is_a_node_where_none_is_configured() -> None:
    cloud = cloud_of(endpoint='https://glance:443/image')

    assert choose(cloud, 'edge') == [
        node.Node('edge', 'https://edge:443/image')
    ]


def test_a_url_needs_no_image_endpoint() -> None:
    cloud = cloud_of(endpoint=None)

    assert choose(cloud, 'http://edge:9292') == [
        node.Node('http://edge:9292', 'http://edge:9292')
    ]
    cloud.image_endpoint.assert_not_called()


def test_a_host_without_an_image_endpoint_is_at_glances_port() -> None:
    assert choose(cloud_of(endpoint=None), 'edge') == [
        node.Node('edge', 'http://edge:9292')
    ]


@pytest.mark.parametrize(
    ('configured', 'named', 'expected'),
    [
        (
            BOTH,
            'edge-olso',
            "No node in clouds.yaml is called 'edge-olso'. There is: "
            'edge-oslo. A host is given as host:port or as a URL.',
        ),
        (
            BOTH,
            'xyz',
            "No node in clouds.yaml is called 'xyz'. There is: edge-oslo, "
            'edge-bergen. A host is given as host:port or as a URL.',
        ),
        (
            BOTH,
            '',
            "No node in clouds.yaml is called ''. There is: edge-oslo, "
            'edge-bergen. A host is given as host:port or as a URL.',
        ),
        (
            BOTH,
            'x*',
            "No node in clouds.yaml is called 'x*'. There is: edge-oslo, "
            'edge-bergen. A host is given as host:port or as a URL.',
        ),
        (
            (),
            'edge-*',
            "'edge-*' matches no node: clouds.yaml names none. "
            'Name them there, or give a URL.',
        ),
        (
            (),
            'http://edge/*?a=b',
            "'http://edge/*?a=b' is not the endpoint of a node: it has a "
            'query or a fragment. Give it as http://host:port, host:port or '
            'host.',
        ),
    ],
)
def test_a_node_that_is_none(
    configured: tuple[node.Node, ...], named: str, expected: str
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(*configured), named)

    assert str(caught.value) == expected


def test_of_many_nodes_ten_are_told() -> None:
    many = [node.Node(f'site-{at:04}', f'http://n{at}') for at in range(1000)]

    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(*many), 'xyz')

    assert str(caught.value) == (
        "No node in clouds.yaml is called 'xyz'. There is: site-0000, "
        'site-0001, site-0002, site-0003, site-0004, site-0005, site-0006, '
        'site-0007, site-0008, site-0009. A host is given as host:port or as '
        'a URL.'
    )


def test_a_node_with_two_names_is_not_changed_twice() -> None:
    again = node.Node('oslo-2', 'http://10.1.0.5:9292')

    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(OSLO, again))

    assert str(caught.value) == (
        "'edge-oslo' and 'oslo-2' are the same node: http://10.1.0.5:9292. "
        'Give it one name.'
    )


@pytest.fixture
def both(session: ksa_session.Session) -> fleet.Fleet:
    """A fleet of two nodes, at the addresses of the payloads."""
    cloud = cloud_of()
    cloud.session = session
    return fleet.Fleet(
        cloud,
        [node.Node('oslo', p.GLANCE), node.Node('bergen', p.EDGE)],
        timeout=3,
    )


def test_a_fleet_makes_room_for_its_connections(
    session: ksa_session.Session,
) -> None:
    cloud = cloud_of()
    cloud.session = session

    made = fleet.Fleet(cloud, [OSLO, BERGEN, TROMSO], timeout=3)

    assert len(made) == 3
    cloud.prepare.assert_called_once_with(hosts=3, connections=16)


def test_every_node_is_asked_and_none_hides_another(
    both: fleet.Fleet, web: conftest.Web
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

    outcomes = both.ask(lambda member: member.driver.list_entries())

    assert [
        (one.job.node.name, one.value, str(one.error or ''))
        for one in outcomes
    ] == [
        (
            'oslo',
            None,
            'The server failed with HTTP 500: Oops. Try again later; its log '
            'says more.',
        ),
        ('bergen', [entries.Entry('id-1', entries.State.QUEUED)], ''),
    ]
    assert [one.timeout for one in web.history] == [3, 3]


def test_some_nodes_may_be_changed_alone(both: fleet.Fleet) -> None:
    members = [one.job for one in both.ask(lambda _: None)]

    changed: list[str] = []

    def change(member: fleet.Member) -> None:
        changed.append(member.node.name)

    outcomes = both.change(change, members[1:])

    assert [one.job for one in outcomes] == members[1:]
    assert changed == ['bergen']
    assert both.change(change, []) == []


def test_a_fleet_is_its_nodes_in_their_order(both: fleet.Fleet) -> None:
    assert [one.node.name for one in both] == ['oslo', 'bergen']
    assert list(both) == [one.job for one in both.ask(lambda _: None)]


def test_all_nodes_are_changed_if_none_is_named(both: fleet.Fleet) -> None:
    def change(member: fleet.Member) -> str:
        if member.node.name == 'oslo':
            raise errors.Refused('It is busy')
        return member.node.name

    assert [
        (one.job.node.name, one.value, str(one.error or ''))
        for one in both.change(change)
    ] == [('oslo', None, 'It is busy.'), ('bergen', 'bergen', '')]


def test_a_change_is_waited_for_and_a_question_is_not(
    both: fleet.Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = mock.create_autospec(parallel.attempt, return_value=[])
    monkeypatch.setattr(parallel, 'attempt', attempt)

    both.ask(lambda _: None)
    both.change(lambda _: None)
    both.each(lambda _: None, [])

    assert [
        call.kwargs.get('settle', False) for call in attempt.call_args_list
    ] == [False, True, True]


def test_what_is_under_way_is_counted(
    both: fleet.Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []

    @contextlib.contextmanager
    def counting(what: str, total: int) -> Iterator[Callable[[], None]]:
        counted.append(f'{what} {total}')
        yield lambda: counted.append('one')

    monkeypatch.setattr(progress, 'counting', counting)
    oslo = next(iter(both))

    both.ask(lambda _: None)
    both.change(lambda _: None, [oslo])
    both.each(lambda _: None, [fleet.Job(oslo, str(at)) for at in range(3)])

    assert counted == [
        *('Asking nodes 2', 'one', 'one'),
        *('Changing nodes 1', 'one'),
        *('Changing entries 3', 'one', 'one', 'one'),
    ]


def test_jobs_are_done_in_order_and_each_failure_is_kept(
    both: fleet.Fleet,
) -> None:
    members = [one.job for one in both.ask(lambda _: None)]
    jobs = [
        fleet.Job(member, image_id)
        for member in members
        for image_id in ('id-1', 'id-2')
    ]

    def operation(job: fleet.Job) -> str:
        if job.image_id == 'id-2' and job.member.node.name == 'oslo':
            raise errors.Refused('It is busy')
        return f'{job.image_id} at {job.member.node.name}'

    assert [
        (one.value, str(one.error or ''))
        for one in both.each(operation, iter(jobs))
    ] == [
        ('id-1 at oslo', ''),
        (None, 'It is busy.'),
        ('id-1 at bergen', ''),
        ('id-2 at bergen', ''),
    ]


def test_a_node_is_asked_for_sixteen_images_at_once(
    both: fleet.Fleet,
) -> None:
    """Thirty-two of two nodes meet at a barrier, sixteen of each."""
    met: list[list[fleet.Member]] = []
    meeting: list[fleet.Member] = []

    def part() -> None:
        met.append(list(meeting))
        meeting.clear()

    barrier = threading.Barrier(32, part, timeout=PATIENCE)

    def work(job: fleet.Job) -> bool:
        meeting.append(job.member)
        return barrier.wait() < 32

    oslo, bergen = both
    outcomes = both.each(
        work,
        [
            fleet.Job(member, str(at))
            for member in (oslo, bergen)
            for at in range(64)
        ],
    )

    assert all(one.value for one in outcomes)
    assert [group.count(oslo) for group in met] == [16] * 4


def silent() -> errors.TimedOut:
    return errors.TimedOut('No answer within 3 seconds', 'Is the node up?')


def test_a_node_that_stays_silent_is_not_asked_for_the_rest(
    both: fleet.Fleet,
) -> None:
    """It costs one timeout, and the other node nothing."""
    oslo, bergen = both
    asked: list[fleet.Member] = []

    def work(job: fleet.Job) -> str:
        asked.append(job.member)
        if job.member is bergen:
            while asked.count(bergen) < 16:
                time.sleep(0.001)
            raise silent()
        return job.image_id

    jobs = [
        fleet.Job(member, str(at))
        for member in (bergen, oslo)
        for at in range(40)
    ]
    outcomes = both.each(work, jobs)

    assert [one.job for one in outcomes] == jobs
    assert (asked.count(oslo), asked.count(bergen)) == (40, 16)
    told = collections.Counter(str(one.error) for one in outcomes)
    assert told == {
        'None': 40,
        'No answer within 3 seconds. Is the node up?': 16,
        'It was not asked, since it stays silent. Is the node up?': 24,
    }


def test_a_node_that_is_slow_once_is_asked_for_the_rest(
    both: fleet.Fleet,
) -> None:
    oslo, __ = both

    def work(job: fleet.Job) -> str:
        if job.image_id == '20':
            raise silent()
        return job.image_id

    outcomes = both.each(work, [fleet.Job(oslo, str(at)) for at in range(40)])

    assert [one.job.image_id for one in outcomes if one.error] == ['20']


@pytest.mark.parametrize(('nodes', 'expected'), [(1, 16), (300, 256)])
def test_no_more_are_asked_at_once_than_the_bounds(
    session: ksa_session.Session,
    monkeypatch: pytest.MonkeyPatch,
    nodes: int,
    expected: int,
) -> None:
    cloud = cloud_of()
    cloud.session = session
    chosen = [node.Node(str(at), f'http://n{at}') for at in range(nodes)]
    made = fleet.Fleet(cloud, chosen, timeout=3)
    attempt = mock.create_autospec(parallel.attempt, return_value=[])
    monkeypatch.setattr(parallel, 'attempt', attempt)

    made.ask(lambda _: None)
    made.each(lambda _: None, [])

    assert [call.args[2] for call in attempt.call_args_list] == [256, expected]
