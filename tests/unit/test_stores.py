# SPDX-License-Identifier: Apache-2.0

"""The stores of a Glance."""

import asyncio
from typing import Any
from unittest import mock

import pytest

from glance_cache_osc import errors
from glance_cache_osc.cloud import stores
from glance_cache_osc.drivers import http
from glance_cache_osc.model import images
from tests.cli import payloads as p
from tests.unit import conftest
from tests.web import SILENT

INFO = f'{p.EDGE}/v2/info/stores'
IN_FAST = f'{p.EDGE}/v2/stores/fast/{p.UBUNTU}'
JSON = {'Content-Type': 'application/json'}
NO_STORES = f"Cannot list the stores of the cloud's Glance at {p.EDGE}"
UBUNTU = images.Image(p.UBUNTU, 'ubuntu', 5000000, ('fast', 'cheap'))


def says(status: str, words: str) -> dict[str, Any]:
    """A fault of Glance's."""
    return {
        'status_code': int(status[:3]),
        'text': p.fault(status, words),
        'headers': {'Content-Type': 'text/html; charset=UTF-8'},
    }


@pytest.fixture
def some(client: http.NodeClient) -> stores.Stores:
    """The stores at `payloads.EDGE`."""
    return stores.Stores(client)


def test_stores_have_names(
    run: conftest.Run, some: stores.Stores, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        INFO,
        text='{"stores": [{"id": "fast", "default": "true"}, '
        '{"id": "cheap", "description": "slow"}]}',
        headers=JSON,
    )

    assert run(some.names()) == ['fast', 'cheap']


@pytest.mark.parametrize(
    ('stub', 'kind', 'expected'),
    [
        (
            says('404 Not Found', 'Multi Backend is not enabled'),
            errors.NoStores,
            'This Glance service has no named stores. Named stores require '
            "'enabled_backends' in glance-api.conf.",
        ),
        (
            says('409 Conflict', 'Not now'),
            errors.CatalogueError,
            f'{NO_STORES}: Not now.',
        ),
        (
            {'text': '[]', 'headers': JSON},
            errors.CatalogueError,
            f'{NO_STORES}: The response is not a list of stores. Check that '
            'this is a Glance endpoint.',
        ),
        (
            {'text': '{}', 'headers': JSON},
            errors.CatalogueError,
            f'{NO_STORES}: The response is not a list of stores. Check that '
            'this is a Glance endpoint.',
        ),
        (
            {'text': 'Welcome'},
            errors.CatalogueError,
            f'{NO_STORES}: The response is not valid JSON. Check that this is '
            'a Glance endpoint.',
        ),
        (
            SILENT,
            errors.CatalogueError,
            f'{NO_STORES}: No response within 2.5 seconds. Check that the '
            'service is up.',
        ),
        (
            {'text': '{"stores": ["fast"]}', 'headers': JSON},
            errors.CatalogueError,
            f'{NO_STORES}: The response is not a list of stores. Check that '
            'this is a Glance endpoint.',
        ),
    ],
)
def test_a_glance_may_have_no_stores(
    run: conftest.Run,
    some: stores.Stores,
    web: conftest.Web,
    stub: dict[str, Any],
    kind: type[errors.CacheError],
    expected: str,
) -> None:
    web.answers('GET', INFO, **stub)

    with pytest.raises(errors.CacheError) as caught:
        run(some.names())

    assert type(caught.value) is kind
    assert str(caught.value) == expected


def test_data_is_taken_out_of_one_store(
    run: conftest.Run, some: stores.Stores, web: conftest.Web
) -> None:
    web.answers('DELETE', IN_FAST, status_code=204)

    run(some.delete(UBUNTU, 'fast'))

    assert web.requests == [f'DELETE {IN_FAST}']


def test_a_deletion_without_a_response_has_no_timeout_to_set(
    run: conftest.Run, some: stores.Stores, web: conftest.Web
) -> None:
    web.answers('DELETE', IN_FAST, **SILENT)

    with pytest.raises(errors.TimedOut) as caught:
        run(some.delete(UBUNTU, 'fast'))

    assert caught.value.connected
    assert caught.value.remedy == errors.CHECK_RESULT


@pytest.mark.parametrize('connected', [True, False])
def test_a_deletion_that_was_not_sent_is_known(connected: bool) -> None:
    error = errors.TimedOut('Slow', errors.WAIT_LONGER, connected=connected)
    client = mock.create_autospec(http.NodeClient, instance=True)
    client.request.side_effect = error

    with pytest.raises(errors.TimedOut) as caught:
        asyncio.run(stores.Stores(client).delete(UBUNTU, 'fast'))

    assert (caught.value.connected, caught.value.remedy) == (connected, '')


def test_the_name_of_a_store_is_one_part_of_the_path(
    run: conftest.Run, some: stores.Stores, web: conftest.Web
) -> None:
    url = IN_FAST.replace('/fast/', '/a%2Fb/')
    web.answers('DELETE', url, status_code=204)

    run(some.delete(UBUNTU, 'a/b'))

    assert web.requests == [f'DELETE {url}']


@pytest.mark.parametrize(
    ('status', 'words', 'expected'),
    [
        (
            '403 Forbidden',
            'Cannot delete image data from the only store containing it. '
            'Consider deleting the image instead.',
            'Cannot delete image data from the only store containing it. '
            'Consider deleting the image instead. To copy the image to '
            "another store first, run 'openstack image import "
            '9b73824a-c4e5-4822-be0d-10abcb0fe5df --method copy-image --store '
            "<other store>'.",
        ),
        (
            '409 Conflict',
            'The selected store fast is not available on this node.',
            'The selected store fast is not available on this node. Other '
            'endpoints have this store: set one of them as '
            'image_endpoint_override in clouds.yaml, or in '
            'OS_IMAGE_ENDPOINT_OVERRIDE if the login is not from clouds.yaml.',
        ),
        (
            '409 Conflict',
            'Image is in use',
            'Image is in use. First delete the resources that use the image, '
            'such as volumes created from it.',
        ),
        (
            '403 Forbidden',
            'You are not authorized.',
            'You are not authorized. Log in as an administrator, or permit '
            'the request in the API policies of Glance.',
        ),
    ],
)
def test_a_refusal_says_what_to_do_instead(
    run: conftest.Run,
    some: stores.Stores,
    web: conftest.Web,
    status: str,
    words: str,
    expected: str,
) -> None:
    web.answers('DELETE', IN_FAST, **says(status, words))

    with pytest.raises(errors.NodeError) as caught:
        run(some.delete(UBUNTU, 'fast'))

    assert str(caught.value) == expected


def test_an_image_that_is_elsewhere(
    run: conftest.Run, some: stores.Stores, web: conftest.Web
) -> None:
    """Glance says "the only store" whichever store was named."""
    web.answers(
        'DELETE',
        f'{p.EDGE}/v2/stores/dear/{p.UBUNTU}',
        **says(
            '403 Forbidden',
            'Cannot delete image data from the only store containing it.',
        ),
    )

    with pytest.raises(errors.Refused) as caught:
        run(some.delete(UBUNTU, 'dear'))

    assert str(caught.value) == (
        "The image is not stored in 'dear'. It is stored in: fast, cheap."
    )
