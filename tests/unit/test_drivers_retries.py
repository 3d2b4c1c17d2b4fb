# SPDX-License-Identifier: Apache-2.0

"""When a request is sent again, and after how long."""

import asyncio
from collections.abc import Callable
from collections.abc import Coroutine
import time
from typing import Any

import pytest

from glance_cache_osc import errors
from glance_cache_osc.drivers import base
from glance_cache_osc.drivers import cache_api
from glance_cache_osc.drivers import cache_manage
from glance_cache_osc.drivers import http
from glance_cache_osc.drivers import retries
from glance_cache_osc.model import entries
from glance_cache_osc.transport import engine
from glance_cache_osc.transport import loop as loops
from tests.cli import payloads as p
from tests.fuzz import clients
from tests.unit import conftest

CACHE = f'{p.EDGE}/v2/cache'
LATER = {'status_code': 503, 'text': ''}
FINE = {'text': '[]'}
#: 2026-11-21 03:46:57 UTC
NOW = 1795232817.0


def response(status: int, retry_after: str | None = None) -> engine.Response:
    headers = {} if retry_after is None else {'retry-after': retry_after}
    return engine.Response(status, headers, b'', 0.1)


def waits(again: retries.Retries, *responses: engine.Response) -> list[bool]:
    """Whether a request is sent again after each of these responses."""

    async def wait() -> list[bool]:
        return [await again.wait(one) for one in responses]

    return asyncio.run(wait())


def asker(
    pauses_made: list[float],
    method: str = 'GET',
    timeout: float = 30,
    jitter: float = 1.0,
) -> retries.Retries:
    async def pause(seconds: float) -> bool:
        pauses_made.append(seconds)
        return True

    return retries.Retries(
        method, timeout, pause=pause, jitter=lambda: jitter, now=lambda: NOW
    )


@pytest.mark.parametrize(
    ('jitter', 'expected'),
    [(0.0, [0.25, 0.5, 1.0]), (0.5, [0.375, 0.75, 1.5]), (1.0, [0.5, 1, 2])],
)
@pytest.mark.parametrize('status', [429, 503])
@pytest.mark.parametrize('method', ['GET', 'PUT', 'DELETE'])
def test_it_is_sent_three_times_more_and_later_each_time(
    method: str, status: int, jitter: float, expected: list[float]
) -> None:
    made: list[float] = []
    again = asker(made, method, jitter=jitter)

    asked = waits(again, *[response(status)] * 4)

    assert asked == [True, True, True, False]
    assert made == expected


@pytest.mark.parametrize(
    ('method', 'status'),
    [
        ('POST', 503),
        ('POST', 429),
        ('PATCH', 503),
        ('GET', 200),
        ('GET', 500),
        ('GET', 502),
        ('GET', 504),
        ('GET', 404),
    ],
)
def test_what_may_have_been_done_is_not_asked_for_again(
    method: str, status: int
) -> None:
    made: list[float] = []

    assert waits(asker(made, method), response(status)) == [False]
    assert made == []


@pytest.mark.parametrize(
    ('said', 'expected'),
    [
        ('3', 3.0),
        (' 3 ', 3.0),
        ('0', 0.5),
        ('29', 29.0),
        ('-5', 0.5),
        ('soon', 0.5),
        ('', 0.5),
        ('²', 0.5),
        ('Sat, 21 Nov 2026 03:47:07 GMT', 10.0),
        ('Sat, 21 Nov 2026 03:46:07 GMT', 0.5),
        ('Sat, 99 Nov 2026 03:46:07 GMT', 0.5),
    ],
)
def test_the_node_says_when(said: str, expected: float) -> None:
    made: list[float] = []

    assert waits(asker(made), response(503, said)) == [True]
    assert made == [expected]


@pytest.mark.parametrize('zone', ['', ' -0000'])
def test_a_date_without_a_zone_is_in_utc(
    monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    made: list[float] = []
    monkeypatch.setenv('TZ', 'America/New_York')
    time.tzset()
    try:
        said = f'Sat, 21 Nov 2026 03:47:07{zone}'
        assert waits(asker(made), response(503, said)) == [True]
    finally:
        monkeypatch.undo()
        time.tzset()

    assert made == [10.0]


@pytest.mark.parametrize(
    'said', ['30', '3600', '9' * 400, 'Sat, 21 Nov 2026 04:46:57 GMT']
)
def test_what_is_later_than_the_timeout_is_not_waited_for(said: str) -> None:
    made: list[float] = []

    assert waits(asker(made), response(503, said)) == [False]
    assert made == []


def test_all_pauses_together_are_shorter_than_the_timeout() -> None:
    made: list[float] = []
    again = asker(made)

    asked = waits(again, *[response(429, '12')] * 3)

    assert asked == [True, True, False]
    assert made == [12.0, 12.0]


def test_after_an_interrupt_it_is_not_sent_again() -> None:
    async def pause(_seconds: float) -> bool:
        return False

    again = retries.Retries('GET', 30, pause=pause)

    assert waits(again, response(503)) == [False]


def test_a_node_that_says_later_is_asked_again(
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
    paused: list[float],
) -> None:
    web.answers('GET', CACHE, LATER, {'status_code': 429}, FINE)

    assert run(client.request('GET', '/v2/cache')) == []
    assert len(web.requests) == 3
    assert 0.25 <= paused[0] <= 0.5
    assert 0.5 <= paused[1] <= 1.0


ID = '9b73824a-c4e5-4822-be0d-10abcb0fe5df'
ACTIVE = {'text': '{"status": "active"}'}
ENTRIES = {'text': '{"cached_images": [], "queued_images": []}'}
VERSIONS = {'text': '{"versions": [{"id": "v2.18"}]}'}


@pytest.mark.parametrize(
    ('kind', 'operation', 'answers'),
    [
        (
            cache_api.CacheApiDriver,
            lambda driver: driver.list_entries(),
            {'GET /v2/cache': ENTRIES},
        ),
        (
            cache_api.CacheApiDriver,
            lambda driver: driver.queue(ID),
            {f'PUT /v2/cache/{ID}': {}},
        ),
        (
            cache_api.CacheApiDriver,
            lambda driver: driver.delete(ID),
            {f'DELETE /v2/cache/{ID}': {}},
        ),
        (
            cache_api.CacheApiDriver,
            lambda driver: driver.clear(entries.Target.BOTH),
            {'DELETE /v2/cache': {}},
        ),
        (
            cache_api.CacheApiDriver,
            lambda driver: driver.api_version(),
            {'GET /versions': VERSIONS},
        ),
        (
            cache_manage.CacheManageDriver,
            lambda driver: driver.list_entries(),
            {
                'GET /v2/queued_images': ENTRIES,
                'GET /v2/cached_images': ENTRIES,
            },
        ),
        (
            cache_manage.CacheManageDriver,
            lambda driver: driver.queue(ID),
            {
                f'GET /v2/images/{ID}': ACTIVE,
                f'PUT /v2/queued_images/{ID}': {},
            },
        ),
        (
            cache_manage.CacheManageDriver,
            lambda driver: driver.delete(ID),
            {
                f'DELETE /v2/queued_images/{ID}': {},
                f'DELETE /v2/cached_images/{ID}': {},
            },
        ),
        (
            cache_manage.CacheManageDriver,
            lambda driver: driver.clear(entries.Target.BOTH),
            {
                'DELETE /v2/queued_images': {},
                'DELETE /v2/cached_images': {},
            },
        ),
    ],
)
def test_all_that_may_be_repeated_is(
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
    paused: list[float],
    kind: Callable[[http.NodeClient], base.CacheDriver],
    operation: Callable[[base.CacheDriver], Coroutine[Any, Any, object]],
    answers: dict[str, dict[str, Any]],
) -> None:
    for request, answer in answers.items():
        method, path = request.split()
        web.answers(method, f'{p.EDGE}{path}', LATER, answer)

    run(operation(kind(client)))

    assert web.requests == [
        request.replace(' ', f' {p.EDGE}')
        for request in answers
        for _ in range(2)
    ]
    assert len(paused) == len(answers)


def test_a_node_that_goes_on_saying_later_has_its_error(
    loop: loops.Loop, web: conftest.Web, paused: list[float]
) -> None:
    client = clients.client(loop.engine, p.EDGE, 30)
    web.answers('DELETE', CACHE, LATER)

    with pytest.raises(errors.ServerFault) as caught:
        loop.run(client.request('DELETE', '/v2/cache'))

    assert caught.value.why == 'The server failed with HTTP 503'
    assert len(web.requests) == 4
    assert len(paused) == 3


def test_a_post_is_sent_once(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('POST', f'{CACHE}/prune', LATER)

    with pytest.raises(errors.ServerFault):
        run(client.request('POST', '/v2/cache/prune'))

    assert len(web.requests) == 1


Pause = Callable[[engine.Engine, float], Coroutine[Any, Any, bool]]


def test_a_pause_takes_its_time(loop: loops.Loop, real_pause: Pause) -> None:
    began = time.monotonic()

    assert loop.run(real_pause(loop.engine, 0.1)) is True

    assert 0.09 < time.monotonic() - began < 0.5


def test_a_pause_ends_when_nothing_may_start(
    loop: loops.Loop, real_pause: Pause
) -> None:
    """Else Ctrl-C would wait for a node that says "later"."""

    async def pause() -> bool:
        pausing = asyncio.ensure_future(real_pause(loop.engine, 20))
        await asyncio.sleep(0)
        loop.engine.draining.set()
        return await pausing

    began = time.monotonic()

    assert loop.run(pause()) is False
    assert loop.run(real_pause(loop.engine, 20)) is False

    assert time.monotonic() - began < 1
