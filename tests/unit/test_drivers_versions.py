# SPDX-License-Identifier: Apache-2.0

"""What a node says of itself."""

import json
from typing import Any

import pytest

from glance_cache_osc import errors
from glance_cache_osc.drivers import http
from glance_cache_osc.drivers import versions
from glance_cache_osc.transport import engine
from tests import web as webs
from tests.cli import payloads as p
from tests.unit import conftest

VERSIONS = f'{p.EDGE}/versions'
JSON = {'Content-Type': 'application/json'}
NOT_GLANCE = (
    "Not a Glance endpoint. Use an endpoint of 'openstack endpoint list'."
)


def test_the_versions_are_sorted_as_numbers_and_asked_for_without_a_token(
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
    sent: list[engine.Request],
) -> None:
    web.answers(
        'GET',
        VERSIONS,
        text=json.dumps(
            p.glance_versions(p.EDGE, '2.18', '2.9', '2.14', '2.2', '2.14')
        ),
        headers=JSON,
    )

    assert run(versions.api_versions(client)) == [
        (2, 2),
        (2, 9),
        (2, 14),
        (2, 18),
    ]
    assert web.requests == [f'GET {VERSIONS}']
    assert 'X-Auth-Token' not in web.history[0].headers
    assert [one.timeout for one in sent] == [2.5]


def test_what_is_no_version_is_passed_over(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        VERSIONS,
        text='{"versions": [{"id": "v2.14"}, {"id": "v2"}, {"id": 2.15}, '
        '{"id": "v2.99999"}, {}, null, "v2.16"]}',
        headers=JSON,
    )

    assert run(versions.api_versions(client)) == [(2, 14)]


@pytest.mark.parametrize(
    ('status', 'headers', 'text'),
    [
        (200, JSON, '[]'),
        (200, JSON, 'null'),
        (200, JSON, '{}'),
        (200, JSON, '{"versions": {"values": []}}'),
        (200, JSON, '{"versions": []}'),
        (200, JSON, '{"versions": [{"id": "v3"}]}'),
        (200, JSON, 'Welcome'),
        (200, {'Content-Type': 'text/html'}, '<html>Welcome</html>'),
        (404, {'Content-Type': 'text/html'}, '<h1>Not here</h1>'),
        (404, {}, 'Not here'),
        (405, {'Content-Type': 'text/html'}, '<h1>Not so</h1>'),
    ],
)
def test_what_answers_otherwise_is_no_glance(
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
    status: int,
    headers: dict[str, str],
    text: str,
) -> None:
    web.answers(
        'GET', VERSIONS, status_code=status, headers=headers, text=text
    )

    with pytest.raises(errors.NotGlance) as caught:
        run(versions.api_versions(client))

    assert str(caught.value) == NOT_GLANCE


@pytest.mark.parametrize(
    ('answer', 'kind', 'expected'),
    [
        (
            p.glance_versions(p.EDGE, '2.12', '2.9', '2.0'),
            errors.TooOld,
            'The node supports Images API up to 2.12; the cache requires 2.14 '
            '(Yoga). Upgrade that node, or use another one with --node.',
        ),
        (
            p.glance_versions(p.EDGE, '2.17', '2.15', '2.13', '2.0'),
            errors.CachingOff,
            "The node's image cache is disabled. Set 'image_cache_dir' and a "
            "flavor with caching in that node's glance-api.conf, and restart "
            'it.',
        ),
        (
            p.glance_versions(p.EDGE, '2.14', '2.0'),
            errors.TooOld,
            'The node lists Images API 2.14, but /v2/cache is not found: a '
            'proxy may hide it. Upgrade that node, or use another one with '
            '--node.',
        ),
        (
            p.glance_versions(p.EDGE, '2.18', '2.16', '2.14', '2.0'),
            errors.TooOld,
            'The node lists Images API 2.18, but /v2/cache is not found: a '
            'proxy may hide it. Upgrade that node, or use another one with '
            '--node.',
        ),
        ({'welcome': 'here'}, errors.NotGlance, NOT_GLANCE),
    ],
)
def test_why_a_node_has_no_cache(
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
    answer: Any,
    kind: type[errors.NodeError],
    expected: str,
) -> None:
    web.answers('GET', VERSIONS, text=json.dumps(answer), headers=JSON)

    error = run(versions.why_no_cache(client))

    assert type(error) is kind
    assert str(error) == expected


RUN = "Run 'glance-cache-cleaner' on that node instead."
CACHING_OFF = (
    "The node's image cache is disabled. Set 'image_cache_dir' and a flavor "
    "with caching in that node's glance-api.conf, and restart it."
)


@pytest.mark.parametrize(
    ('numbers', 'kind', 'expected'),
    [
        (
            ['2.12', '2.9', '2.0'],
            errors.TooOld,
            (
                'The node supports Images API up to 2.12; clean and prune '
                f'require 2.18. {RUN}'
            ),
        ),
        (
            ['2.14', '2.13', '2.0'],
            errors.TooOld,
            (
                'The node supports Images API up to 2.14; clean and prune '
                f'require 2.18. {RUN}'
            ),
        ),
        (
            ['2.16', '2.15', '2.14'],
            errors.TooOld,
            (
                'The node supports Images API up to 2.16; clean and prune '
                f'require 2.18. {RUN}'
            ),
        ),
        (
            ['2.17', '2.16', '2.14'],
            errors.TooOld,
            (
                'The node supports Images API up to 2.17; clean and prune '
                f'require 2.18. {RUN}'
            ),
        ),
        (
            ['2.18', '2.17', '2.16', '2.14'],
            errors.TooOld,
            'The node lists Images API 2.18, but /v2/cache/clean is not '
            f'found: a proxy may hide it. {RUN}',
        ),
        # 2.14, 2.16 and 2.18 are listed where the cache is on.
        (['2.17', '2.15', '2.13'], errors.CachingOff, CACHING_OFF),
        (['2.15', '2.13'], errors.CachingOff, CACHING_OFF),
    ],
)
def test_why_a_node_can_not_be_asked_to_clean_or_prune(
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
    numbers: list[str],
    kind: type[errors.NodeError],
    expected: str,
) -> None:
    web.answers(
        'GET',
        VERSIONS,
        text=json.dumps(p.glance_versions(p.EDGE, *numbers)),
        headers=JSON,
    )

    error = run(
        versions.why_no_maintenance(client, versions.Maintenance.CLEAN)
    )

    assert type(error) is kind
    assert str(error) == expected


def test_why_what_is_no_glance_can_not_clean(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('GET', VERSIONS, text='Welcome')

    error = run(
        versions.why_no_maintenance(client, versions.Maintenance.CLEAN)
    )

    assert type(error) is errors.NotGlance
    assert str(error) == NOT_GLANCE


@pytest.mark.parametrize(
    ('numbers', 'expected'),
    [
        (['2.18', '2.16', '2.14', '2.9'], '2.18'),
        (['2.9', '2.18', '2.10'], '2.18'),
        (['2.9', '2.2'], '2.9'),
        (['2.0'], '2.0'),
    ],
)
def test_the_newest_version_is_the_highest_number(
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
    numbers: list[str],
    expected: str,
) -> None:
    web.answers(
        'GET',
        VERSIONS,
        text=json.dumps(p.glance_versions(p.EDGE, *numbers)),
        headers=JSON,
    )

    assert run(versions.newest(client)) == expected


def test_what_is_no_glance_has_no_newest_version(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('GET', VERSIONS, text='Welcome')

    with pytest.raises(errors.NotGlance):
        run(versions.newest(client))


def test_a_node_that_is_gone_by_now_is_told_of_as_that(
    run: conftest.Run, hasty: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('GET', VERSIONS, **webs.SILENT)

    error = run(versions.why_no_cache(hasty))

    assert type(error) is errors.TimedOut


def test_a_fault_is_not_taken_for_another_service(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        VERSIONS,
        status_code=500,
        headers={'Content-Type': 'text/html; charset=UTF-8'},
        text=p.fault('500 Internal Server Error', 'Oops.'),
    )

    with pytest.raises(errors.ServerFault) as caught:
        run(versions.api_versions(client))

    assert str(caught.value) == (
        'The server failed with HTTP 500: Oops. Try again later, and check '
        'the log of the server.'
    )
