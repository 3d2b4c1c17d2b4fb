# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache verify --repair` when something comes between."""

from collections.abc import Callable
from collections.abc import Sequence
import os
import signal
import threading
import time
from typing import Any

import pytest

from glance_cache_osc.filling import fills
from glance_cache_osc.transport import engine as engines
from tests import shell
from tests import web
from tests.cli import payloads as p
from tests.cli.cached import Node
from tests.cli.cached import Read
from tests.cli.conftest import Cloud
from tests.cli.conftest import Logged
from tests.cli.conftest import OpenStack
from tests.shell import Result

CACHE = f'{p.GLANCE}/v2/cache'
IMAGES = f'{p.GLANCE}/v2/images'
VERIFY = ('image', 'cache', 'verify')
REPAIR = (*VERIFY, '--repair')
BRIEF = ('-f', 'value', '-c', 'Name', '-c', 'Result')

DATA = {
    p.UBUNTU: p.data_of('ubuntu'),
    p.DEBIAN: p.data_of('debian', 2000),
}
DATA_OF = DATA[p.UBUNTU]
WRONG = b'x' * 3000


def ctrl_c() -> None:
    """Press it."""
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repairs look at the list every hundredth of a second."""
    monkeypatch.setattr(fills, '_MIN_PAUSE', 0.01)


@pytest.fixture
def known(cloud: Cloud) -> None:
    """The images of Glance."""
    listed = p.images(
        p.hashed(p.UBUNTU, 'ubuntu-24.04', DATA_OF),
        p.hashed(p.DEBIAN, 'debian-13', DATA[p.DEBIAN]),
    )
    cloud.adapter.register_uri('GET', IMAGES, json=listed)


@pytest.fixture
def one_connection(
    cloud: Cloud,
    known: None,
    clouds_yaml: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two nodes, and requests that wait for the connection of another one."""
    clouds_yaml(p.FLEET)
    monkeypatch.setattr(engines, '_MAX_CONNECTIONS', 1)


def interrupt_at_second(
    cloud: Cloud, urls: Sequence[str], warned: threading.Event
) -> None:
    """Press Ctrl-C while the second of these deletions is in progress."""
    begun = []

    def answer(request: Any, context: Any) -> None:
        context.status_code = 204
        begun.append(request.url)
        if len(begun) == 2:
            ctrl_c()
            assert warned.wait(20)

    for url in urls:
        cloud.adapter.register_uri('DELETE', url, json=answer)


@pytest.mark.usefixtures('known')
def test_the_time_of_the_question_does_not_count(
    cloud: Cloud, openstack: OpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    Node(cloud, {p.UBUNTU: [Read(WRONG)]}, DATA)

    def readline(_stream: Any, _size: int = -1) -> str:
        clock = time.monotonic
        monkeypatch.setattr(time, 'monotonic', lambda: clock() + 3600)
        return 'y\n'

    monkeypatch.setattr(shell.Input, 'readline', readline)

    result = openstack(*REPAIR, '--timeout', '60', *BRIEF, terminal=True)

    assert (result.code, result.out) == (0, 'ubuntu-24.04 repaired\n')


@pytest.mark.usefixtures('known')
def test_an_entry_may_be_deleted_if_the_response_is_not_http(
    cloud: Cloud, openstack: OpenStack
) -> None:
    node = Node(cloud, {p.UBUNTU: [Read(WRONG)]}, DATA)

    def answer(_request: Any, _context: Any) -> None:
        node.hits.clear()
        raise web.sends(b'SSH-2.0-x\r\n')['exc']

    cloud.adapter.register_uri('DELETE', f'{CACHE}/{p.UBUNTU}', json=answer)

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert (result.code, result.out) == (0, 'ubuntu-24.04 repaired\n')


@pytest.mark.usefixtures('one_connection')
def test_an_interrupt_leaves_no_entry_deleted_and_not_queued(
    cloud: Cloud, openstack: OpenStack, logged: Logged
) -> None:
    """A queue request waits for a connection, and is sent nevertheless."""
    roots = (p.GLANCE, p.EDGE)
    for root in roots:
        Node(cloud, {p.UBUNTU: [Read(WRONG)]}, DATA, root=root)
    interrupt_at_second(
        cloud,
        [f'{root}/v2/cache/{p.UBUNTU}' for root in roots],
        logged('press Ctrl-C again'),
    )

    result = openstack(
        *('--os-cloud', 'far', *REPAIR, '--all-nodes', '--auto-approve')
    )

    assert result.code == 130
    puts = [one for one in cloud.requests if one.startswith('PUT')]
    assert sorted(puts) == sorted(
        f'PUT {root}/v2/cache/{p.UBUNTU}' for root in roots
    )
    assert 'not queued' not in result.err


@pytest.mark.parametrize(
    ('argv', 'tail'),
    [(('clear',), ''), (('delete', 'ubuntu-24.04'), f'/{p.UBUNTU}')],
)
@pytest.mark.usefixtures('one_connection')
def test_an_interrupt_leaves_no_half_done_deletion_on_an_old_node(
    cloud: Cloud,
    openstack: OpenStack,
    logged: Logged,
    argv: tuple[str, ...],
    tail: str,
) -> None:
    """An old node needs two requests for each deletion."""
    urls = []
    for root in (p.GLANCE, p.EDGE):
        Node(cloud, {p.UBUNTU: [Read(WRONG)]}, DATA, root=root, has_api=False)
        urls += [
            f'{root}/v2/queued_images{tail}',
            f'{root}/v2/cached_images{tail}',
        ]
    interrupt_at_second(cloud, urls, logged('press Ctrl-C again'))

    result = openstack(
        *('--os-cloud', 'far', 'image', 'cache', *argv, '--all-nodes'),
        '--auto-approve',
    )

    sent = [one for one in cloud.requests if one.startswith('DELETE')]
    assert result.code == 130
    assert sorted(sent) == sorted(f'DELETE {url}' for url in urls)


def test_a_second_interrupt_before_a_change_is_not_in_doubt(
    cloud: Cloud,
    known: None,
    openstack: OpenStack,
    logged: Logged,
) -> None:
    """The list of the node is read again before its entry is deleted."""
    node = Node(cloud, {p.UBUNTU: [Read(WRONG)]}, DATA)
    warned = logged('press Ctrl-C again')
    lists = []

    def looks(listed: Any) -> Any:
        lists.append(listed)
        if len(lists) == 4:
            ctrl_c()
            assert warned.wait(20)
            ctrl_c()
            raise web.HELD['exc']
        return listed

    node.looks = looks

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert (result.code, node.changes) == (130, [])
    assert 'may have succeeded' not in result.err
    assert result.err.endswith('Interrupted. Operations not done: 1.\n')


def test_a_repaired_image_may_be_in_no_list_while_it_arrives(
    cloud: Cloud, known: None, openstack: OpenStack
) -> None:
    """A client began to read it before it was queued again."""
    node = Node(cloud, {p.UBUNTU: [Read(WRONG)]}, DATA)
    queued = []

    def queue(_request: Any, context: Any) -> None:
        context.status_code = 202
        queued.append(time.monotonic())

    def looks(listed: Any) -> Any:
        if not queued or time.monotonic() - queued[0] < 2:
            return listed
        if p.UBUNTU not in node.hits:
            node.hits[p.UBUNTU] = 0
            node.reads[p.UBUNTU] = [Read(DATA_OF)]
            return p.cache(p.cached(p.UBUNTU, hits=0, size=3000))
        return listed

    cloud.adapter.register_uri('PUT', f'{CACHE}/{p.UBUNTU}', json=queue)
    node.looks = looks

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert result == Result(0, 'ubuntu-24.04 repaired\n', '')


#: Images of one node, with the same data.
MANY = [f'{p.UBUNTU[:-1]}{at}' for at in range(4)]


@pytest.fixture
def many(cloud: Cloud) -> Node:
    """All images of a node are corrupt."""
    data = dict.fromkeys(MANY, DATA_OF)
    listed = p.images(*(p.hashed(one, one[-1], DATA_OF) for one in MANY))
    cloud.adapter.register_uri('GET', IMAGES, json=listed)
    return Node(cloud, {one: [Read(WRONG)] for one in MANY}, data)


def test_no_repair_begins_after_the_timeout(
    cloud: Cloud, many: Node, openstack: OpenStack
) -> None:
    """Each deletion takes a second."""
    deleted = []

    def delete(request: Any, context: Any) -> None:
        context.status_code = 204
        deleted.append(request.path)
        many.hits.pop(request.path.rpartition('/')[2], None)
        time.sleep(1)

    for image_id in MANY:
        cloud.adapter.register_uri(
            'DELETE', f'{CACHE}/{image_id}', json=delete
        )

    result = openstack(*REPAIR, '--auto-approve', '--timeout', '1.5', *BRIEF)

    assert 1 <= len(deleted) <= 2
    assert result.code == 1
    assert 'not in cache' not in result.out
    assert 'The entry was replaced but not verified again' in result.err
    assert 'The entry was not repaired within 1.5 seconds' in result.err


@pytest.mark.parametrize('stage', ['store', 'list'])
def test_a_repair_asks_a_silent_node_once(
    many: Node,
    openstack: OpenStack,
    stage: str,
) -> None:
    asked = []

    def looks(listed: Any) -> Any:
        if stage == 'list' and len(many.files) == 2 * len(MANY):
            asked.append(stage)
            raise web.HELD['exc']
        return listed

    many.looks = looks
    if stage == 'store':
        many.store = dict.fromkeys(MANY, Read(instead=web.HELD))

    result = openstack(
        *(*REPAIR, '--auto-approve', '--node-timeout', '0.5', *BRIEF)
    )

    assert (result.code, many.changes) == (1, [])
    assert len(asked if stage == 'list' else many.files[len(MANY) :]) == 1
    assert result.err.count(': No response within 0.5 seconds. ') == len(MANY)


def test_a_timeout_does_not_hide_what_needs_no_request(
    cloud: Cloud,
    known: None,
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
) -> None:
    """The first node is silent; the second one does not have the image."""
    clouds_yaml(p.FLEET)
    Node(cloud, {p.UBUNTU: [Read(instead=web.HELD)]}, DATA)
    Node(cloud, {p.DEBIAN: [Read(DATA[p.DEBIAN])]}, DATA, root=p.EDGE)

    result = openstack(
        *('--os-cloud', 'far', *VERIFY, 'ubuntu-24.04', '--all-nodes'),
        *('--timeout', '1', *BRIEF),
    )

    assert (result.code, result.out) == (1, 'ubuntu-24.04 not in cache\n')
    assert (
        f'Cannot verify image ubuntu-24.04 ({p.UBUNTU}) on edge-oslo '
        f'({p.GLANCE}): Not verified within 1 seconds.'
    ) in result.err


def test_a_silent_node_holds_up_no_repair_of_another_one(
    cloud: Cloud,
    known: None,
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
) -> None:
    """The first one is silent when its list is read again."""
    clouds_yaml(p.FLEET)
    wrong = {one: [Read(WRONG[: len(DATA[one])])] for one in DATA}
    silent = Node(cloud, {p.UBUNTU: [Read(WRONG)]}, DATA)
    other = Node(cloud, wrong, DATA, root=p.EDGE)

    def hold(listed: Any) -> Any:
        if len(silent.files) == 2:
            raise web.HELD['exc']
        return listed

    def slow(listed: Any) -> Any:
        """Its second repair begins after the timeout of the silent node."""
        if len(other.files) == 4 and not other.changes:
            time.sleep(0.2)
        return listed

    silent.looks, other.looks = hold, slow

    result = openstack(
        *('--os-cloud', 'far', *REPAIR, '--all-nodes', '--auto-approve'),
        *('--node-timeout', '0.5', *BRIEF),
    )

    assert result.code == 1
    # These are the changes of all nodes.
    assert sorted(other.changes) == sorted(
        f'{method} {one}' for method in ('DELETE', 'PUT') for one in DATA
    )


def test_a_deletion_without_a_response_is_looked_up(
    cloud: Cloud, known: None, openstack: OpenStack
) -> None:
    """The node has another cached image."""
    node = Node(
        cloud,
        {p.UBUNTU: [Read(WRONG)], p.DEBIAN: [Read(DATA[p.DEBIAN])]},
        DATA,
    )

    def delete(_request: Any, _context: Any) -> None:
        del node.hits[p.UBUNTU]
        node.reads[p.UBUNTU] = [Read(DATA_OF)]
        raise web.CLOSED['exc']

    cloud.adapter.register_uri('DELETE', f'{CACHE}/{p.UBUNTU}', json=delete)

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert result == Result(0, 'debian-13 ok\nubuntu-24.04 repaired\n', '')
