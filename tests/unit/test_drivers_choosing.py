# SPDX-License-Identifier: Apache-2.0

"""Which driver a node is spoken to with."""

import asyncio
from collections.abc import Callable
from collections.abc import Coroutine
import inspect
from typing import Any

import pytest

from glance_cache_osc import errors
from glance_cache_osc.drivers import base
from glance_cache_osc.drivers import choosing
from glance_cache_osc.drivers import http
from glance_cache_osc.model import entries
from tests.cli import payloads as p
from tests.unit import conftest

CACHE = f'{p.EDGE}/v2/cache'
CACHED = f'{p.EDGE}/v2/cached_images'
QUEUED = f'{p.EDGE}/v2/queued_images'
VERSIONS = f'{p.EDGE}/versions'
NO_ROUTE: dict[str, Any] = {
    'status_code': 404,
    'text': p.fault('404 Not Found', 'The resource could not be found.'),
    'headers': {'Content-Type': 'text/html; charset=UTF-8'},
}
FORBIDDEN: dict[str, Any] = {
    'status_code': 403,
    'text': p.fault('403 Forbidden', 'Not you.'),
    'headers': {'Content-Type': 'text/html; charset=UTF-8'},
}


@pytest.fixture
def driver(client: http.NodeClient) -> base.CacheDriver:
    return choosing.connect(client)


def old(web: conftest.Web) -> None:
    """A node of Xena: no Cache API."""
    web.answers('GET', CACHE, **NO_ROUTE)
    web.answers('GET', VERSIONS, json=p.glance_versions(p.EDGE, '2.12', '2.0'))


def test_it_does_all_that_a_driver_does() -> None:
    assert not inspect.isabstract(choosing.ChoosingDriver)


def test_a_modern_node_is_asked_nothing_more(
    run: conftest.Run, driver: base.CacheDriver, web: conftest.Web
) -> None:
    web.answers('GET', CACHE, json=p.cache())
    web.answers('PUT', f'{CACHE}/id-1', status_code=202)
    web.answers('DELETE', f'{CACHE}/id-1', status_code=204)
    web.answers('DELETE', CACHE, status_code=204)

    assert run(driver.list_entries()) == []
    run(driver.queue('id-1'))
    run(driver.delete('id-1'))
    run(driver.clear(entries.Target.BOTH))

    assert (driver.name, driver.filled_by) == ('cache-api', None)
    assert web.requests == [
        f'GET {CACHE}',
        f'PUT {CACHE}/id-1',
        f'DELETE {CACHE}/id-1',
        f'DELETE {CACHE}',
    ]


def test_an_old_node_is_found_out_once(
    run: conftest.Run, driver: base.CacheDriver, web: conftest.Web
) -> None:
    old(web)
    web.answers('GET', QUEUED, json={'queued_images': ['id-1']})
    web.answers('GET', CACHED, json={'cached_images': []})
    web.answers('DELETE', QUEUED, json={'num_deleted': 1})
    for url in (QUEUED, CACHED):
        web.answers('DELETE', f'{url}/id-1', text='null')

    first = run(driver.list_entries())
    second = run(driver.list_entries())
    run(driver.clear(entries.Target.QUEUE))
    run(driver.delete('id-1'))

    assert first == second
    assert [one.image_id for one in first] == ['id-1']
    assert driver.name == 'cache-manage'
    assert driver.filled_by == 'glance-cache-prefetcher'
    assert web.requests == [
        *(f'GET {CACHE}', f'GET {VERSIONS}'),
        *(f'GET {QUEUED}', f'GET {CACHED}') * 2,
        f'DELETE {QUEUED}',
        *(f'DELETE {QUEUED}/id-1', f'DELETE {CACHED}/id-1'),
    ]


def test_a_node_that_has_neither_is_told_what_to_set(
    run: conftest.Run, driver: base.CacheDriver, web: conftest.Web
) -> None:
    old(web)
    web.answers('GET', QUEUED, **NO_ROUTE)

    with pytest.raises(errors.TooOld) as caught:
        run(driver.list_entries())

    assert str(caught.value) == (
        'The node supports Images API up to 2.12; the cache requires 2.14 '
        "(Yoga). Set 'image_cache_dir' and 'flavor = "
        "keystone+cachemanagement' in that node's glance-api.conf and restart "
        'it, or upgrade it.'
    )
    assert driver.name == 'cache-api'


def test_an_old_node_that_loses_its_middleware(
    run: conftest.Run, driver: base.CacheDriver, web: conftest.Web
) -> None:
    """It may have been upgraded: then the newer driver finds it."""
    old(web)
    web.answers('GET', QUEUED, {'json': {'queued_images': []}}, NO_ROUTE)
    web.answers('GET', CACHED, json={'cached_images': []})

    assert run(driver.list_entries()) == []
    with pytest.raises(errors.TooOld):
        run(driver.list_entries())
    web.answers('GET', CACHE, json=p.cache(queued=[p.UBUNTU]))

    (entry,) = run(driver.list_entries())
    assert entry.image_id == p.UBUNTU
    assert driver.name == 'cache-api'


@pytest.mark.parametrize(
    ('cache', 'versions', 'kind'),
    [
        (NO_ROUTE, ('2.17', '2.15', '2.13'), errors.CachingOff),
        (FORBIDDEN, None, errors.Forbidden),
        ({'status_code': 500, 'text': ''}, None, errors.ServerFault),
    ],
)
def test_what_another_driver_can_not_mend_is_told_at_once(
    run: conftest.Run,
    driver: base.CacheDriver,
    web: conftest.Web,
    cache: dict[str, Any],
    versions: tuple[str, ...] | None,
    kind: type[errors.NodeError],
) -> None:
    web.answers('GET', CACHE, **cache)
    if versions:
        web.answers('GET', VERSIONS, json=p.glance_versions(p.EDGE, *versions))

    with pytest.raises(kind):
        run(driver.list_entries())

    assert len(web.requests) == (2 if versions else 1)


def test_the_middleware_may_refuse_as_well(
    run: conftest.Run, driver: base.CacheDriver, web: conftest.Web
) -> None:
    old(web)
    web.answers('GET', QUEUED, **FORBIDDEN)

    with pytest.raises(errors.Forbidden) as caught:
        run(driver.list_entries())

    assert caught.value.why == 'Not you'


@pytest.mark.parametrize(
    ('call', 'path'),
    [
        (lambda driver: driver.clean(), 'clean'),
        (lambda driver: driver.prune(600), 'prune'),
    ],
)
def test_an_old_node_is_not_asked_twice_to_clean(
    run: conftest.Run,
    driver: base.CacheDriver,
    web: conftest.Web,
    call: Callable[[base.CacheDriver], Coroutine[Any, Any, object]],
    path: str,
) -> None:
    web.answers('POST', f'{CACHE}/{path}', **NO_ROUTE)
    web.answers('GET', VERSIONS, json=p.glance_versions(p.EDGE, '2.12'))

    with pytest.raises(errors.TooOld):
        run(call(driver))

    assert web.requests == [f'POST {CACHE}/{path}', f'GET {VERSIONS}']


def test_all_of_many_requests_choose_alike(
    run: conftest.Run, driver: base.CacheDriver, web: conftest.Web
) -> None:
    # Who is first decides what is asked.
    add = web.adapter.register_uri
    add('GET', CACHE, **NO_ROUTE)
    add('DELETE', f'{CACHE}/id-1', **NO_ROUTE)
    add('GET', VERSIONS, json=p.glance_versions(p.EDGE, '2.12', '2.0'))
    add('DELETE', f'{QUEUED}/id-1', json=None)
    add('DELETE', f'{CACHED}/id-1', json=None)
    add('GET', QUEUED, json={'queued_images': []})
    add('GET', CACHED, json={'cached_images': []})

    async def ask() -> list[Any]:
        return await asyncio.gather(
            *(driver.delete('id-1') for _ in range(4)),
            *(driver.list_entries() for _ in range(4)),
        )

    assert run(ask()) == [None] * 4 + [[]] * 4
    assert driver.name == 'cache-manage'
