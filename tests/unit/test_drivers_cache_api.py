# SPDX-License-Identifier: Apache-2.0

"""The Cache API, as Glance 33 and Glance Yoga answer it."""

from collections.abc import Callable
from collections.abc import Coroutine
import inspect
import json
import re
from typing import Any
from unittest import mock

import pytest
import requests_mock

from glance_cache_osc import errors
from glance_cache_osc.drivers import base
from glance_cache_osc.drivers import cache_api
from glance_cache_osc.drivers import http
from glance_cache_osc.model import entries
from glance_cache_osc.transport import engine
from tests import web as webs
from tests.cli import payloads as p
from tests.unit import conftest

CACHE = f'{p.EDGE}/v2/cache'
ONE = f'{CACHE}/{p.UBUNTU}'
VERSIONS = f'{p.EDGE}/versions'
JSON = {'Content-Type': 'application/json'}
TARGET = 'x-image-cache-clear-target'

Call = Callable[[cache_api.CacheApiDriver], Coroutine[Any, Any, object]]


async def list_entries(driver: cache_api.CacheApiDriver) -> object:
    return await driver.list_entries()


async def queue(driver: cache_api.CacheApiDriver) -> None:
    await driver.queue(p.UBUNTU)


async def delete(driver: cache_api.CacheApiDriver) -> None:
    await driver.delete(p.UBUNTU)


async def clear(driver: cache_api.CacheApiDriver) -> None:
    await driver.clear(entries.Target.BOTH)


async def clean(driver: cache_api.CacheApiDriver) -> None:
    await driver.clean()


async def prune(driver: cache_api.CacheApiDriver) -> object:
    return await driver.prune(600)


#: Glance's own maintenance, which is younger than the rest.
MAINTENANCE = [
    (clean, 'POST', f'{CACHE}/clean'),
    (prune, 'POST', f'{CACHE}/prune'),
]
#: What does the same on the node itself.
PROGRAMS = {
    f'{CACHE}/clean': 'glance-cache-cleaner',
    f'{CACHE}/prune': 'glance-cache-pruner',
}
#: Each method of the driver, and the request that it sends.
CALLS = [
    (list_entries, 'GET', CACHE),
    (queue, 'PUT', ONE),
    (delete, 'DELETE', ONE),
    (clear, 'DELETE', CACHE),
]


def says(status: str, words: str) -> dict[str, Any]:
    """A fault of Glance's."""
    return {
        'status_code': int(status[:3]),
        'text': p.fault(status, words),
        'headers': {'Content-Type': 'text/html; charset=UTF-8'},
    }


def lists_versions(web: conftest.Web, *numbers: str) -> None:
    web.answers(
        'GET',
        VERSIONS,
        text=json.dumps(p.glance_versions(p.EDGE, *numbers)),
        headers=JSON,
    )


@pytest.fixture
def driver(client: http.NodeClient) -> cache_api.CacheApiDriver:
    return cache_api.CacheApiDriver(client)


def test_the_driver_is_all_of_the_interface(
    driver: cache_api.CacheApiDriver,
) -> None:
    assert isinstance(driver, base.CacheDriver)
    assert driver.name == 'cache-api'
    assert driver.filled_by is None
    assert not inspect.isabstract(cache_api.CacheApiDriver)


def test_entries_are_listed_in_one_request(
    run: conftest.Run, driver: cache_api.CacheApiDriver, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        CACHE,
        text='{"cached_images": [{"image_id": "id-1", "size": 7, "hits": 0, '
        '"last_accessed": 0, "last_modified": null}], '
        '"queued_images": ["id-2"]}',
        headers={'Content-Type': 'application/json; charset=UTF-8'},
    )

    assert run(driver.list_entries()) == [
        entries.Entry('id-1', entries.State.CACHED, size=7, hits=0),
        entries.Entry('id-2', entries.State.QUEUED),
    ]
    assert web.requests == ['GET http://edge.example:9292/v2/cache']


@pytest.mark.parametrize(
    ('status', 'program'), [(200, 'glance-cache-prefetcher'), (202, None)]
)
def test_yoga_downloads_nothing_by_itself(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    status: int,
    program: str | None,
) -> None:
    web.answers('PUT', ONE, status_code=status, text='null', headers=JSON)

    run(driver.queue(p.UBUNTU))

    assert driver.filled_by == program
    if program:
        with pytest.raises(errors.NodeError, match='does not replace cached'):
            run(driver.replace(p.UBUNTU))
    else:
        run(driver.replace(p.UBUNTU))
    assert len(web.requests) == 2


def test_a_page_that_a_proxy_sends_accepts_nothing(
    run: conftest.Run, driver: cache_api.CacheApiDriver, web: conftest.Web
) -> None:
    web.answers('PUT', ONE, status_code=200, text='Hello', headers=JSON)

    with pytest.raises(errors.BadReply):
        run(driver.queue(p.UBUNTU))
    assert driver.filled_by is None


@pytest.mark.parametrize(
    ('headers', 'text', 'why'),
    [
        (JSON, '[]', 'not a JSON object'),
        (JSON, '{}', 'cached_images is not a list'),
        (JSON, '', 'not a JSON object'),
    ],
)
def test_what_is_no_list_of_cached_images(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    headers: dict[str, str],
    text: str,
    why: str,
) -> None:
    web.answers('GET', CACHE, text=text, headers=headers)

    with pytest.raises(errors.BadReply) as caught:
        run(driver.list_entries())

    assert str(caught.value) == (
        f'The response is not a list of cached images ({why}). Check that '
        'this is a Glance endpoint.'
    )


@pytest.mark.parametrize(
    ('call', 'method', 'url', 'status'),
    [
        (queue, 'PUT', ONE, 202),
        (queue, 'PUT', ONE, 200),
        (delete, 'DELETE', ONE, 204),
        (delete, 'DELETE', ONE, 200),
        (clear, 'DELETE', CACHE, 204),
        (clear, 'DELETE', CACHE, 200),
        (clean, 'POST', f'{CACHE}/clean', 200),
        (clean, 'POST', f'{CACHE}/clean', 204),
    ],
)
def test_a_change_is_one_request_and_yoga_answers_with_200(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    call: Call,
    method: str,
    url: str,
    status: int,
) -> None:
    web.answers(
        method,
        url,
        status_code=status,
        headers={'Content-Type': 'text/html; charset=UTF-8'},
    )

    assert run(call(driver)) is None
    assert web.requests == [f'{method} {url}']


@pytest.mark.parametrize(
    ('target', 'expected'),
    [
        (entries.Target.CACHE, 'cache'),
        (entries.Target.QUEUE, 'queue'),
        (entries.Target.BOTH, None),
    ],
)
def test_a_clear_says_what_it_takes_away(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    sent: list[engine.Request],
    target: entries.Target,
    expected: str | None,
) -> None:
    web.answers('DELETE', CACHE, status_code=204)

    run(driver.clear(target))

    assert web.history[0].headers.get(TARGET) == expected
    # libcurl leaves out a header without a value.
    assert [one.headers.get(TARGET) for one in sent] == [expected]


def test_queueing_an_image_that_glance_does_not_know(
    run: conftest.Run, driver: cache_api.CacheApiDriver, web: conftest.Web
) -> None:
    web.answers(
        'PUT', ONE, **says('404 Not Found', f'Image {p.UBUNTU} not found.')
    )

    with pytest.raises(errors.Refused) as caught:
        run(driver.queue(p.UBUNTU))

    assert caught.value.status == 404
    assert str(caught.value) == (
        'Image 9b73824a-c4e5-4822-be0d-10abcb0fe5df not found.'
    )
    assert web.requests == [f'PUT {ONE}']


def test_deleting_what_nobody_knows_is_done(
    run: conftest.Run, driver: cache_api.CacheApiDriver, web: conftest.Web
) -> None:
    web.answers(
        'DELETE', ONE, **says('404 Not Found', f'Image {p.UBUNTU} not found.')
    )

    run(driver.delete(p.UBUNTU))

    assert web.requests == [f'DELETE {ONE}']


@pytest.mark.parametrize(('call', 'method', 'url'), [*CALLS, *MAINTENANCE])
def test_any_other_refusal_is_passed_on(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    call: Call,
    method: str,
    url: str,
) -> None:
    web.answers(method, url, **says('409 Conflict', 'It is busy.'))

    with pytest.raises(errors.Refused) as caught:
        run(call(driver))

    assert str(caught.value) == 'It is busy.'
    assert caught.value.status == 409
    assert web.requests == [f'{method} {url}']


@pytest.mark.parametrize('status', ['404 Not Found', '405 Method Not Allowed'])
@pytest.mark.parametrize(('call', 'method', 'url'), CALLS)
def test_without_a_route_the_versions_tell_why(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    call: Call,
    method: str,
    url: str,
    status: str,
) -> None:
    web.answers(
        method, url, **says(status, 'The resource could not be found.')
    )
    lists_versions(web, '2.12', '2.0')

    with pytest.raises(errors.TooOld) as caught:
        run(call(driver))

    assert str(caught.value) == (
        'The node supports Images API up to 2.12; the cache requires 2.14 '
        '(Yoga). Upgrade that node, or use another one with --node.'
    )
    assert isinstance(caught.value.__cause__, errors.Refused)
    assert web.requests == [f'{method} {url}', f'GET {VERSIONS}']


def test_a_site_without_a_cache(
    run: conftest.Run, driver: cache_api.CacheApiDriver, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        CACHE,
        **says(
            '404 Not Found', 'Caching via API is not supported at this site.'
        ),
    )
    lists_versions(web, '2.17', '2.15', '2.13')

    with pytest.raises(errors.CachingOff) as caught:
        run(driver.list_entries())

    assert str(caught.value) == (
        "The node's image cache is disabled. Set 'image_cache_dir' and a "
        "flavor with caching in that node's glance-api.conf, and restart it."
    )


def test_a_server_that_is_no_glance(
    run: conftest.Run, driver: cache_api.CacheApiDriver, web: conftest.Web
) -> None:
    page = {
        'status_code': 404,
        'text': '<html><body>nginx</body></html>',
        'headers': {'Content-Type': 'text/html'},
    }
    web.answers('DELETE', ONE, **page)
    web.answers('GET', VERSIONS, **page)

    with pytest.raises(errors.NotGlance) as caught:
        run(driver.delete(p.UBUNTU))

    assert str(caught.value) == (
        "Not a Glance endpoint. Use an endpoint of 'openstack endpoint list'."
    )


@pytest.mark.parametrize(
    ('headers', 'text'), [({}, ''), ({}, 'Not found'), (JSON, '["no"]')]
)
def test_a_missing_route_without_words_of_glance(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    headers: dict[str, str],
    text: str,
) -> None:
    """What stands there may not even write HTML."""
    web.answers('GET', CACHE, status_code=404, text=text, headers=headers)
    lists_versions(web, '2.12')

    with pytest.raises(errors.TooOld):
        run(driver.list_entries())


def test_a_node_that_goes_down_between_two_requests(
    run: conftest.Run, driver: cache_api.CacheApiDriver, web: conftest.Web
) -> None:
    web.answers(
        'GET', CACHE, **says('404 Not Found', 'The resource is not here.')
    )
    web.answers('GET', VERSIONS, **webs.REFUSED)

    with pytest.raises(errors.Unreachable) as caught:
        run(driver.list_entries())

    assert str(caught.value) == (
        'Cannot connect: Connection refused. Check that glance-api is running '
        'at this address.'
    )


@pytest.mark.parametrize(
    ('image_id', 'sent'),
    [
        ('../images/id-1', '..%2Fimages%2Fid-1'),
        ('id-1?force=true', 'id-1%3Fforce%3Dtrue'),
        ('id-1#2', 'id-1%232'),
        ('id 1', 'id%201'),
        ('id-1%2F', 'id-1%252F'),
    ],
)
@pytest.mark.parametrize('method', ['PUT', 'DELETE'])
def test_no_id_leads_to_another_resource(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    method: str,
    image_id: str,
    sent: str,
) -> None:
    """IDs come from the node's own answer, and it may say what it likes."""
    web.adapter.register_uri(method, requests_mock.ANY, status_code=200)

    if method == 'PUT':
        run(driver.queue(image_id))
    else:
        run(driver.delete(image_id))

    assert web.history[0].url == (f'http://edge.example:9292/v2/cache/{sent}')


def test_a_prune_tells_what_it_freed_and_takes_its_time(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    sent: list[engine.Request],
) -> None:
    web.answers(
        'POST',
        f'{CACHE}/prune',
        text='{"total_files_pruned": 2, "total_bytes_pruned": 7000}',
        headers=JSON,
    )

    assert run(driver.prune(900)) == entries.Pruned(files=2, size=7000)
    assert web.requests == ['POST http://edge.example:9292/v2/cache/prune']
    assert [(one.connect_timeout, one.timeout) for one in sent] == [(2.5, 900)]


def test_a_prune_that_takes_too_long_may_go_on(
    run: conftest.Run, driver: cache_api.CacheApiDriver, web: conftest.Web
) -> None:
    web.answers('POST', f'{CACHE}/prune', **webs.SILENT)

    with pytest.raises(errors.TimedOut) as caught:
        run(driver.prune(0.05))

    assert str(caught.value) == (
        'No response within 0.05 seconds. The node may still be pruning. To '
        'wait longer, use --prune-timeout.'
    )


def test_a_prune_that_was_never_asked_for_does_not_go_on(
    run: conftest.Run, driver: cache_api.CacheApiDriver, web: conftest.Web
) -> None:
    """Its remedy is that of a node that is not there."""
    web.answers('POST', f'{CACHE}/prune', **webs.REFUSED)

    with pytest.raises(errors.Unreachable) as caught:
        run(driver.prune(900))

    assert str(caught.value) == (
        'Cannot connect: Connection refused. Check that glance-api is running '
        'at this address.'
    )


def test_a_prune_of_a_node_that_does_not_connect_does_not_go_on(
    run: conftest.Run,
) -> None:
    error = errors.TimedOut('No answer', 'Is it up?', connected=False)
    client = mock.create_autospec(http.NodeClient, instance=True)
    client.request.side_effect = error

    with pytest.raises(errors.TimedOut) as caught:
        run(cache_api.CacheApiDriver(client).prune(900))

    assert caught.value is error


@pytest.mark.parametrize(
    ('call', 'url', 'policy'),
    [
        (clean, f'{CACHE}/clean', 'cache_clean'),
        (prune, f'{CACHE}/prune', 'cache_prune'),
    ],
)
def test_maintenance_that_is_forbidden_names_its_policy(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    call: Call,
    url: str,
    policy: str,
) -> None:
    web.answers('POST', url, **says('403 Forbidden', 'Not you.'))

    with pytest.raises(errors.Forbidden) as caught:
        run(call(driver))

    assert str(caught.value) == (
        f'Not you. Log in as an administrator, or permit {policy} in the '
        'API policies of the node.'
    )


def test_a_clean_takes_no_longer_than_anything_else(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    sent: list[engine.Request],
) -> None:
    web.answers('POST', f'{CACHE}/clean', status_code=200)

    run(driver.clean())

    assert [one.timeout for one in sent] == [2.5]
    assert web.history[0].headers['X-Auth-Token'] == conftest.TOKEN


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('', 'not a JSON object'),
        ('[]', 'not a JSON object'),
        ('{}', 'the pruned amounts are missing'),
        (
            '{"total_files_pruned": "2", "total_bytes_pruned": 0}',
            'total_files_pruned is not a count',
        ),
    ],
)
def test_what_does_not_tell_what_was_pruned(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    text: str,
    why: str,
) -> None:
    web.answers('POST', f'{CACHE}/prune', text=text, headers=JSON)

    with pytest.raises(errors.BadReply) as caught:
        run(driver.prune(600))

    assert (
        str(caught.value)
        == f'The response does not report what was pruned ({why}).'
    )


@pytest.mark.parametrize('status', ['404 Not Found', '405 Method Not Allowed'])
@pytest.mark.parametrize(('call', 'method', 'url'), MAINTENANCE)
def test_without_a_route_for_maintenance_the_versions_tell_why(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    call: Call,
    method: str,
    url: str,
    status: str,
) -> None:
    """Glance before 2.18 takes "clean" for the ID of an image."""
    web.answers(
        method, url, **says(status, 'The resource could not be found.')
    )
    lists_versions(web, '2.16', '2.15', '2.14')

    with pytest.raises(errors.TooOld) as caught:
        run(call(driver))

    assert str(caught.value) == (
        'The node supports Images API up to 2.16; clean and prune require '
        f"2.18. Run '{PROGRAMS[url]}' on that node instead."
    )
    assert isinstance(caught.value.__cause__, errors.Refused)
    assert web.requests == [f'{method} {url}', f'GET {VERSIONS}']


@pytest.mark.parametrize(('call', 'method', 'url'), MAINTENANCE)
def test_maintenance_of_a_cache_that_is_off(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    call: Call,
    method: str,
    url: str,
) -> None:
    web.answers(
        method,
        url,
        **says(
            '404 Not Found', 'Caching via API is not supported at this site.'
        ),
    )
    lists_versions(web, '2.17', '2.15', '2.13')

    with pytest.raises(errors.CachingOff):
        run(call(driver))


def test_the_newest_version_is_asked_for_without_a_token(
    run: conftest.Run, driver: cache_api.CacheApiDriver, web: conftest.Web
) -> None:
    lists_versions(web, '2.9', '2.18', '2.14')

    assert run(driver.api_version()) == '2.18'
    assert web.requests == [f'GET {VERSIONS}']
    assert 'X-Auth-Token' not in web.history[0].headers


@pytest.mark.parametrize('image_id', ['.', '..', '\ud800'])
def test_no_id_leads_up_a_folder(
    run: conftest.Run,
    driver: cache_api.CacheApiDriver,
    web: conftest.Web,
    image_id: str,
) -> None:
    """A quoted dot is still a dot, half a character is nothing: not sent."""
    told = f"^'{re.escape(image_id)}' is not an image ID\\.$"

    with pytest.raises(errors.Refused, match=told):
        run(driver.queue(image_id))
    with pytest.raises(errors.Refused, match=told):
        run(driver.delete(image_id))

    assert web.requests == []
