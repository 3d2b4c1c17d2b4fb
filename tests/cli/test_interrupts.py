# SPDX-License-Identifier: Apache-2.0

"""Ctrl-C while something is under way: argv in, output out."""

from collections.abc import Callable
from collections.abc import Iterator
import os
import signal
from typing import Any

import pytest

from glance_cache_osc import columns
from tests import shell
from tests import web
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import Logged
from tests.cli.conftest import OpenStack
from tests.cli.conftest import PATIENCE
from tests.shell import Result

CACHE = f'{p.GLANCE}/v2/cache'
FAR_CACHE = f'{p.EDGE}/v2/cache'
IMAGES = f'{p.GLANCE}/v2/images'
FAR = ('--os-cloud', 'far', 'image', 'cache')
#: So many images; a node is asked for 16 at a time.
MANY = [f'{at:08}-c4e5-4822-be0d-10abcb0fe5df' for at in range(20)]


def ctrl_c() -> None:
    """Press it."""
    os.kill(os.getpid(), signal.SIGINT)


def pressed(payload: Any = None, status: int = 200) -> dict[str, Any]:
    """An answer that comes after somebody pressed Ctrl-C."""

    def answer(_request: Any, context: Any) -> Any:
        ctrl_c()
        context.status_code = status
        return payload

    return {'json': answer}


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """After each command, Ctrl-C does what it did before."""
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    'argv', [['list'], ['coverage'], ['queue', 'ubuntu-24.04', '--all-nodes']]
)
def test_reading_is_stopped_at_once(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
    argv: list[str],
) -> None:
    """One node has answered, and the other one never will."""
    clouds_yaml(p.FLEET)
    ubuntu = p.images(p.image(p.UBUNTU, 'ubuntu-24.04'))
    cloud.adapter.register_uri('GET', IMAGES, json=ubuntu)
    cloud.answers('GET', CACHE, **web.HELD)
    cloud.answers('GET', FAR_CACHE, **pressed(p.cache(p.cached(p.UBUNTU))))
    cloud.hold_back(FAR_CACHE, CACHE)

    result = openstack(*FAR, *argv)

    assert result == Result(130, '', 'Interrupted.\n')


def test_what_is_under_way_is_finished_and_nothing_new_begins(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers(
        'GET', IMAGES, json=p.images(*(p.image(one, None) for one in MANY))
    )
    cloud.answers('PUT', f'{CACHE}/{MANY[0]}', **pressed(status=202))
    for image_id in MANY[1:16]:
        cloud.answers('PUT', f'{CACHE}/{image_id}', status_code=202)
    for image_id in MANY[1:16]:
        cloud.hold_back(f'{CACHE}/{image_id}', f'{CACHE}/{MANY[0]}')

    result = openstack(
        *('image', 'cache', 'queue', *MANY),
        *('-f', 'value', '-c', 'ID', '-c', 'Result'),
    )

    assert result == Result(
        130,
        ''.join(f'{one} queued\n' for one in MANY[:16]),
        f'Interrupted. Waiting for requests in progress (16) on {p.GLANCE}; '
        'press Ctrl-C again to stop at once.\n'
        'Interrupted. Operations not done: 4.\n',
    )


def test_images_that_a_wait_did_not_queue_are_counted(
    cloud: Cloud, openstack: OpenStack
) -> None:
    ids = MANY[:3]
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers(
        'GET', IMAGES, json=p.images(*(p.image(one, None) for one in ids))
    )
    cloud.answers('PUT', f'{CACHE}/{ids[0]}', **pressed(status=202))

    result = openstack(
        *('image', 'cache', 'queue', *ids, '--wait', '--max-downloads', '1'),
        *('-f', 'value', '-c', 'ID', '-c', 'Result'),
    )

    assert (result.code, result.out) == (130, f'{ids[0]} queued\n')
    assert result.err.endswith('Interrupted. Operations not done: 2.\n')


def test_another_ctrl_c_ends_what_is_under_way(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
    logged: Logged,
) -> None:
    clouds_yaml(p.FLEET)

    done, warned = logged('RESP: [204]'), logged('press Ctrl-C again')

    def answer(_request: Any, _context: Any) -> Any:
        assert done.wait(PATIENCE)
        ctrl_c()
        assert warned.wait(PATIENCE)
        ctrl_c()
        raise web.HELD['exc']

    for url in (CACHE, FAR_CACHE):
        cloud.answers('GET', url, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers('DELETE', CACHE, status_code=204)
    cloud.answers('DELETE', FAR_CACHE, json=answer)

    result = openstack(
        *(*FAR, 'clear', '--all-nodes', '--auto-approve'),
        *('-f', 'value', '-c', 'Cached', '-c', 'Node'),
    )

    assert result == Result(
        130,
        '1 edge-oslo\n',
        'Interrupted. Waiting for requests in progress (1) on edge-bergen; '
        'press Ctrl-C again to stop at once.\n'
        f'Cannot clear the cache of edge-bergen ({p.EDGE}): Interrupted '
        'before the response arrived. The request may have succeeded: check '
        'the result before you retry.\n'
        'Interrupted.\n',
    )


def test_a_question_is_no_longer_asked(
    cloud: Cloud, openstack: OpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def readline(_stream: Any, _size: int = -1) -> str:
        ctrl_c()
        return 'y\n'

    monkeypatch.setattr(shell.Input, 'readline', readline)
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers('GET', IMAGES, json=p.images())

    result = openstack('image', 'cache', 'delete', '--cached', terminal=True)

    assert (result.code, result.out) == (130, '')
    assert result.err.endswith('Continue? [y/N] \nInterrupted.\n')
    assert not [one for one in cloud.requests if not one.startswith('GET')]


def test_a_wait_ends_and_what_was_queued_stays_queued(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:debian-13',
        json=p.images(p.image(p.DEBIAN, 'debian-13')),
    )
    cloud.answers(
        'GET',
        CACHE,
        {'json': p.cache()},
        pressed(p.cache(queued=[p.DEBIAN])),
    )
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(
        *('image', 'cache', 'queue', 'debian-13', '--wait'),
        *('-f', 'value', '-c', 'Name', '-c', 'Result'),
    )

    assert result == Result(130, 'debian-13 queued\n', 'Interrupted.\n')


@pytest.mark.parametrize('argv', [[], ['--wait'], ['--wait', '--force']])
def test_a_queue_request_that_was_sent_may_have_succeeded(
    cloud: Cloud, openstack: OpenStack, argv: list[str]
) -> None:
    """The node has received it, and its response never arrives."""

    def answer(_request: Any, _context: Any) -> None:
        ctrl_c()
        raise web.CLOSED['exc']

    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers('GET', IMAGES, json=p.images(p.image(p.DEBIAN, 'debian')))
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', json=answer)

    result = openstack('image', 'cache', 'queue', p.DEBIAN, *argv)

    assert result.code == 130
    assert 'The request may have succeeded: check the result' in result.err
    assert 'Operations not done' not in result.err


@pytest.mark.parametrize('images', [1, 3])
def test_taking_images_out_of_a_store(
    cloud: Cloud, openstack: OpenStack, images: int
) -> None:
    """What OpenStackClient is left is nothing, also then."""
    fast = f'{p.GLANCE}/v2/stores/fast'
    ids = MANY[:images]
    cloud.answers(
        'GET',
        f'{p.GLANCE}/v2/info/stores',
        json={'stores': [{'id': 'fast'}]},
    )
    cloud.answers(
        'GET', IMAGES, json=p.images(*(p.image(one, None) for one in ids))
    )
    cloud.answers('DELETE', f'{fast}/{ids[0]}', **pressed(status=204))
    for image_id in ids[1:]:
        cloud.answers('DELETE', f'{fast}/{image_id}', status_code=204)
        cloud.hold_back(f'{fast}/{image_id}', f'{fast}/{ids[0]}')

    result = openstack('image', 'delete', '--store', 'fast', *ids)

    assert result == Result(
        130,
        '',
        f'Interrupted. Waiting for deletions in progress ({images}); press '
        'Ctrl-C again to stop at once.\n'
        'Interrupted.\n',
    )


def test_what_was_changed_is_reported_also_if_it_comes_after_that(
    cloud: Cloud, openstack: OpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last answer and the first row."""
    emit = columns.Rendering.emit_list

    def emit_later(*args: Any) -> None:
        ctrl_c()
        emit(*args)

    monkeypatch.setattr(columns.Rendering, 'emit_list', emit_later)
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers('GET', IMAGES, json=p.images())
    cloud.answers('DELETE', f'{CACHE}/{p.UBUNTU}', status_code=204)

    result = openstack(
        *('image', 'cache', 'delete', p.UBUNTU),
        *('-f', 'value', '-c', 'ID', '-c', 'Result'),
    )

    assert result == Result(130, f'{p.UBUNTU} deleted\n', 'Interrupted.\n')
