# SPDX-License-Identifier: Apache-2.0

"""The cache-management middleware, as Glance 23.1.0 (Xena) answers."""

from collections.abc import Callable
from collections.abc import Coroutine
import inspect
import json
from typing import Any

import pytest

from glance_cache_osc import errors
from glance_cache_osc.drivers import base
from glance_cache_osc.drivers import cache_manage
from glance_cache_osc.drivers import http
from glance_cache_osc.model import entries
from tests.cli import payloads as p
from tests.unit import conftest

CACHED = f'{p.EDGE}/v2/cached_images'
QUEUED = f'{p.EDGE}/v2/queued_images'
IMAGE = f'{p.EDGE}/v2/images/{p.UBUNTU}'
JSON = {'Content-Type': 'application/json; charset=UTF-8'}
HTML = {'Content-Type': 'text/html; charset=UTF-8'}
SETTING = (
    "The node's cache-management middleware is disabled. Set "
    "'image_cache_dir' and 'flavor = keystone+cachemanagement' in that node's "
    'glance-api.conf and restart it, or upgrade it.'
)

Call = Callable[[cache_manage.CacheManageDriver], Coroutine[Any, Any, object]]


@pytest.fixture
def driver(client: http.NodeClient) -> cache_manage.CacheManageDriver:
    return cache_manage.CacheManageDriver(client)


def says(status: str, words: str) -> dict[str, Any]:
    """A fault of Glance's."""
    return {
        'status_code': int(status[:3]),
        'text': p.fault(status, words),
        'headers': HTML,
    }


def test_the_driver_is_all_of_the_interface(
    driver: cache_manage.CacheManageDriver,
) -> None:
    assert isinstance(driver, base.CacheDriver)
    assert driver.name == 'cache-manage'
    assert driver.filled_by == 'glance-cache-prefetcher'
    assert not inspect.isabstract(cache_manage.CacheManageDriver)


def test_entries_are_listed_the_queue_first(
    run: conftest.Run,
    driver: cache_manage.CacheManageDriver,
    web: conftest.Web,
) -> None:
    """What is fetched between two requests is told twice, and not never."""
    web.answers(
        'GET', QUEUED, text='{"queued_images": ["id-2"]}', headers=JSON
    )
    web.answers(
        'GET',
        CACHED,
        text='{"cached_images": [{"image_id": "id-1", "hits": 3, '
        '"last_accessed": 1795232817.25, "last_modified": 1795146417.5, '
        '"size": 7}]}',
        headers=JSON,
    )

    found = run(driver.list_entries())

    assert [(one.image_id, one.state.value) for one in found] == [
        ('id-1', 'cached'),
        ('id-2', 'queued'),
    ]
    assert (found[0].size, found[0].hits) == (7, 3)
    assert str(found[0].last_accessed) == '2026-11-21 03:46:57+00:00'
    assert str(found[0].last_modified) == '2026-11-20 03:46:57+00:00'
    assert web.requests == [f'GET {QUEUED}', f'GET {CACHED}']


@pytest.mark.parametrize(
    ('cached', 'queued', 'why'),
    [
        ('{}', '{"queued_images": []}', 'cached_images is not a list'),
        ('[]', '{"queued_images": []}', 'not a JSON object'),
        ('{"cached_images": []}', '{}', 'queued_images is not a list'),
        ('{"cached_images": []}', '', 'not a JSON object'),
    ],
)
def test_what_is_no_list_of_cached_images(
    run: conftest.Run,
    driver: cache_manage.CacheManageDriver,
    web: conftest.Web,
    cached: str,
    queued: str,
    why: str,
) -> None:
    web.answers('GET', QUEUED, text=queued, headers=JSON)
    if 'queued_images' in queued:
        web.answers('GET', CACHED, text=cached, headers=JSON)

    with pytest.raises(errors.BadReply) as caught:
        run(driver.list_entries())

    assert str(caught.value) == (
        f'The response is not a list of cached images ({why}). Check that '
        'this is a Glance endpoint.'
    )


def test_an_image_is_looked_at_before_it_is_queued(
    run: conftest.Run,
    driver: cache_manage.CacheManageDriver,
    web: conftest.Web,
) -> None:
    web.answers(
        'GET',
        IMAGE,
        text=json.dumps(p.image(p.UBUNTU, 'ubuntu-24.04')),
        headers=JSON,
    )
    web.answers('PUT', f'{QUEUED}/{p.UBUNTU}', text='null', headers=JSON)

    run(driver.queue(p.UBUNTU))

    assert web.requests == [f'GET {IMAGE}', f'PUT {QUEUED}/{p.UBUNTU}']


@pytest.mark.parametrize(
    ('answer', 'kind', 'status', 'expected'),
    [
        (
            says('404 Not Found', f'No image found with ID {p.UBUNTU}'),
            errors.Refused,
            404,
            f'Image {p.UBUNTU} not found.',
        ),
        (
            {'json': p.image(p.UBUNTU, 'ubuntu', status='deactivated')},
            errors.Refused,
            400,
            'Only active images can be queued; the status of this image is '
            'deactivated. Wait until the image is active, or reactivate it.',
        ),
        (
            says('409 Conflict', 'It is busy.'),
            errors.Refused,
            409,
            'It is busy.',
        ),
        (
            {'json': ['no image']},
            errors.BadReply,
            None,
            (
                'The response is not an image. Check that this is a Glance '
                'endpoint.'
            ),
        ),
        (
            {'json': {'status': None}},
            errors.BadReply,
            None,
            (
                'The response is not an image. Check that this is a Glance '
                'endpoint.'
            ),
        ),
    ],
)
def test_what_can_not_be_cached_is_not_queued(
    run: conftest.Run,
    driver: cache_manage.CacheManageDriver,
    web: conftest.Web,
    answer: dict[str, Any],
    kind: type[errors.NodeError],
    status: int | None,
    expected: str,
) -> None:
    """The middleware itself queues whatever it is given."""
    web.answers('GET', IMAGE, **answer)

    with pytest.raises(kind) as caught:
        run(driver.queue(p.UBUNTU))

    assert str(caught.value) == expected
    assert getattr(caught.value, 'status', None) == status
    assert web.requests == [f'GET {IMAGE}']


def test_a_delete_is_from_the_queue_and_from_the_cache(
    run: conftest.Run,
    driver: cache_manage.CacheManageDriver,
    web: conftest.Web,
) -> None:
    web.answers('DELETE', f'{QUEUED}/a%2Fb', text='null', headers=JSON)
    web.answers('DELETE', f'{CACHED}/a%2Fb', text='null', headers=JSON)

    run(driver.delete('a/b'))
    run(driver.delete('a/b', queued_only=True))

    assert [one.url for one in web.history] == [
        f'{QUEUED}/a%2Fb',
        f'{CACHED}/a%2Fb',
        f'{QUEUED}/a%2Fb',
    ]


@pytest.mark.parametrize(
    ('target', 'urls'),
    [
        (entries.Target.CACHE, [CACHED]),
        (entries.Target.QUEUE, [QUEUED]),
        (entries.Target.BOTH, [QUEUED, CACHED]),
    ],
)
def test_a_clear_empties_what_is_asked_for(
    run: conftest.Run,
    driver: cache_manage.CacheManageDriver,
    web: conftest.Web,
    target: entries.Target,
    urls: list[str],
) -> None:
    for url in urls:
        web.answers('DELETE', url, text='{"num_deleted": 2}', headers=JSON)

    run(driver.clear(target))

    assert web.requests == [f'DELETE {url}' for url in urls]


@pytest.mark.parametrize('status', ['404 Not Found', '405 Method Not Allowed'])
@pytest.mark.parametrize(
    ('call', 'method', 'url'),
    [
        (lambda driver: driver.list_entries(), 'GET', QUEUED),
        (lambda driver: driver.delete('id-1'), 'DELETE', f'{QUEUED}/id-1'),
        (lambda driver: driver.clear(entries.Target.CACHE), 'DELETE', CACHED),
    ],
)
def test_without_the_middleware_there_is_a_setting_to_change(
    run: conftest.Run,
    driver: cache_manage.CacheManageDriver,
    web: conftest.Web,
    call: Call,
    method: str,
    url: str,
    status: str,
) -> None:
    web.answers(
        method, url, **says(status, 'The resource could not be found.')
    )

    with pytest.raises(errors.TooOld) as caught:
        run(call(driver))

    assert str(caught.value) == SETTING
    assert web.requests == [f'{method} {url}']


def test_any_other_refusal_is_passed_on(
    run: conftest.Run,
    driver: cache_manage.CacheManageDriver,
    web: conftest.Web,
) -> None:
    web.answers('DELETE', CACHED, **says('409 Conflict', 'It is busy.'))

    with pytest.raises(errors.Refused) as caught:
        run(driver.clear(entries.Target.CACHE))

    assert (str(caught.value), caught.value.status) == ('It is busy.', 409)


@pytest.mark.parametrize(
    ('call', 'program'),
    [
        (lambda driver: driver.clean(), 'glance-cache-cleaner'),
        (lambda driver: driver.prune(600), 'glance-cache-pruner'),
    ],
)
def test_maintenance_is_for_a_program_on_the_node(
    run: conftest.Run,
    driver: cache_manage.CacheManageDriver,
    web: conftest.Web,
    call: Call,
    program: str,
) -> None:
    web.answers(
        'GET',
        f'{p.EDGE}/versions',
        json=p.glance_versions(p.EDGE, '2.12', '2.0'),
    )

    with pytest.raises(errors.TooOld) as caught:
        run(call(driver))

    assert str(caught.value) == (
        'The node supports Images API up to 2.12; clean and prune require '
        f"2.18. Run '{program}' on that node instead."
    )


def test_the_version_is_the_newest_that_it_lists(
    run: conftest.Run,
    driver: cache_manage.CacheManageDriver,
    web: conftest.Web,
) -> None:
    web.answers(
        'GET',
        f'{p.EDGE}/versions',
        json=p.glance_versions(p.EDGE, '2.12', '2.0'),
    )

    assert run(driver.api_version()) == '2.12'
