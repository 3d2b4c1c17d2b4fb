# SPDX-License-Identifier: Apache-2.0

"""A login that nodes do not accept: argv in, output out.

All nodes share one token: it is renewed once, and only if it is the token's
fault.
"""

from collections.abc import Callable
import threading
from typing import Any

import pytest

from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import Logged
from tests.cli.conftest import OpenStack
from tests.cli.conftest import PATIENCE
from tests.shell import Result

FAR = ('--os-cloud', 'far', 'image', 'cache')
IDS = (*FAR, 'list', '-f', 'value', '-c', 'ID', '-c', 'Node')
OSLO = f'{p.GLANCE}/v2/cache'
BERGEN = f'{p.EDGE}/v2/cache'
TOKENS = f'{p.KEYSTONE}/auth/tokens'
OLD = 'gAAAAA-the-token'
NEW = 'gAAAAA-the-next-token'
REJECTS = {'status_code': 401, 'text': ''}
NOT_ACCEPTED = (
    'The endpoint rejected the token of this login. Check that it belongs to '
    'the cloud that you logged in to.\n'
)


@pytest.fixture(autouse=True)
def two_nodes(clouds_yaml: Callable[[str], None]) -> None:
    """A fleet of edge-oslo and edge-bergen."""
    clouds_yaml(p.FLEET)


def logins(cloud: Cloud) -> list[str]:
    """What Keystone was asked about tokens, in order."""
    return [one.method for one in cloud.history if one.url == TOKENS]


def tokens(cloud: Cloud, url: str) -> list[str]:
    """The tokens that a node was sent, in order."""
    return [
        one.headers['X-Auth-Token'] for one in cloud.history if one.url == url
    ]


def issues(cloud: Cloud, *tokens: str) -> None:
    """Let Keystone issue these, one after the other."""
    cloud.answers(
        'POST',
        TOKENS,
        *(
            {
                'json': p.TOKEN,
                'headers': {'X-Subject-Token': token},
                'status_code': 201,
            }
            for token in tokens
        ),
    )


def test_a_token_that_is_good_is_kept(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Keystone says so; the node fails, and nobody else does."""
    asked = threading.Event()

    def confirm(request: Any, context: Any) -> Any:
        asked.set()
        return p.TOKEN

    def answer(request: Any, context: Any) -> Any:
        assert asked.wait(PATIENCE)
        return p.cache(p.cached(p.UBUNTU))

    issues(cloud, OLD)
    cloud.answers('GET', OSLO, **REJECTS)
    cloud.answers('GET', TOKENS, json=confirm)
    cloud.answers('GET', BERGEN, json=answer)

    result = openstack(*IDS)

    assert result == Result(
        1,
        f'{p.UBUNTU} edge-bergen\n',
        f'Cannot read the cache of edge-oslo ({p.GLANCE}): {NOT_ACCEPTED}',
    )
    assert logins(cloud) == ['POST', 'GET']
    assert tokens(cloud, OSLO) == [OLD]


def test_a_revoked_token_that_another_node_still_accepts(
    cloud: Cloud, openstack: OpenStack, logged: Logged
) -> None:
    """Keystone is asked: nodes remember valid tokens for minutes."""
    accepted = logged('RESP: [200]')

    def reject(request: Any, context: Any) -> str:
        assert accepted.wait(PATIENCE)
        context.status_code = 401
        return ''

    issues(cloud, OLD, NEW)
    cloud.answers('GET', BERGEN, json=p.cache(p.cached(p.UBUNTU)))
    held = {'json': p.cache(p.cached(p.DEBIAN))}
    cloud.answers('GET', OSLO, {'text': reject}, held)
    cloud.answers('GET', TOKENS, status_code=404, json={})

    result = openstack(*IDS)

    assert result == Result(
        0, f'{p.DEBIAN} edge-oslo\n{p.UBUNTU} edge-bergen\n', ''
    )
    assert logins(cloud) == ['POST', 'GET', 'POST']
    assert tokens(cloud, OSLO) == [OLD, NEW]
    assert tokens(cloud, BERGEN) == [OLD]


LOCKED: dict[str, Any] = {
    'status_code': 401,
    'json': {'error': {'message': 'The account is locked', 'code': 401}},
    'headers': {'Content-Type': 'application/json'},
}
NOT_RENEWED = (
    'The token was rejected and cannot be renewed: Keystone did not issue a '
    'token: The account is locked (HTTP 401). Check the login with '
    "'openstack token issue'.\n"
)


def test_a_revoked_token_that_keystone_does_not_renew(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """One failure of the login, not one of each node."""
    issued = {'headers': {'X-Subject-Token': OLD}, 'json': p.TOKEN}
    cloud.answers('POST', TOKENS, {**issued, 'status_code': 201}, LOCKED)
    cloud.answers('GET', OSLO, **REJECTS)
    cloud.answers('GET', BERGEN, **REJECTS)
    cloud.answers('GET', TOKENS, status_code=404, json={})

    result = openstack(*IDS)

    assert result == Result(
        1,
        '',
        f'Cannot read the cache of edge-oslo ({p.GLANCE}) and other '
        f'operations (1): {NOT_RENEWED}',
    )
    assert logins(cloud) == ['POST', 'GET', 'POST']


def test_a_wait_ends_if_keystone_rejects_the_login(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """No later poll can succeed."""
    issued = {'headers': {'X-Subject-Token': OLD}, 'json': p.TOKEN}
    images = p.images(p.image(p.UBUNTU, 'ubuntu-24.04'))
    cloud.answers('POST', TOKENS, {**issued, 'status_code': 201}, LOCKED)
    cloud.answers('GET', f'{p.GLANCE}/v2/images', json=images)
    cloud.answers('GET', OSLO, {'json': p.cache()}, REJECTS)
    cloud.answers('PUT', f'{OSLO}/{p.UBUNTU}', status_code=202)
    cloud.answers('GET', TOKENS, status_code=404, json={})

    result = openstack(
        *(*FAR, 'queue', 'ubuntu-24.04', '--node', 'edge-oslo', '--wait'),
        *('-f', 'value', '-c', 'Name', '-c', 'Result'),
    )

    assert result == Result(
        1,
        '',
        f'Cannot cache image ubuntu-24.04 ({p.UBUNTU}) on edge-oslo '
        f'({p.GLANCE}): {NOT_RENEWED}',
    )
    assert tokens(cloud, OSLO) == [OLD, OLD]


@pytest.mark.parametrize(
    'verdict',
    [
        {'status_code': 401, 'json': {'error': {'code': 401}}},
        {'status_code': 404, 'json': {'error': {'code': 404}}},
    ],
)
def test_a_token_that_is_no_longer_valid_is_renewed_once_for_all(
    cloud: Cloud, openstack: OpenStack, verdict: dict[str, Any]
) -> None:
    issues(cloud, OLD, NEW)
    for url, image_id in ((OSLO, p.UBUNTU), (BERGEN, p.DEBIAN)):
        held = {'json': p.cache(p.cached(image_id))}
        cloud.answers('GET', url, REJECTS, held)
    cloud.answers('GET', TOKENS, **verdict)

    result = openstack(*IDS)

    assert result == Result(
        0, f'{p.UBUNTU} edge-oslo\n{p.DEBIAN} edge-bergen\n', ''
    )
    assert logins(cloud) == ['POST', 'GET', 'POST']
    assert tokens(cloud, OSLO) == tokens(cloud, BERGEN) == [OLD, NEW]


def test_a_change_is_sent_again_with_the_new_token(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """The node has not done it: it did not know who asks."""
    issues(cloud, OLD, NEW)
    cloud.answers('GET', OSLO, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers('DELETE', OSLO, REJECTS, {'status_code': 204})
    cloud.answers('GET', TOKENS, status_code=401, json={})

    result = openstack(
        *(*FAR, 'clear', '--node', 'edge-oslo'),
        *('-f', 'value', '-c', 'Cached', '-c', 'Node'),
    )

    assert result == Result(0, '1 edge-oslo\n', '')
    assert tokens(cloud, OSLO) == [OLD, OLD, NEW]


def test_a_node_that_accepts_no_token_at_all(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """It is asked once more, with the new one, and that is all."""
    issues(cloud, OLD, NEW)
    cloud.answers('GET', OSLO, REJECTS)
    cloud.answers('GET', TOKENS, status_code=401, json={})

    result = openstack(*(*IDS, '--node', 'edge-oslo'))

    assert result == Result(
        1,
        '',
        f'Cannot read the cache of edge-oslo ({p.GLANCE}): {NOT_ACCEPTED}',
    )
    assert logins(cloud) == ['POST', 'GET', 'POST']
    assert tokens(cloud, OSLO) == [OLD, NEW]


@pytest.mark.parametrize(
    'keystone',
    [
        {'status_code': 500, 'text': 'Down.'},
        {'status_code': 503, 'text': 'Down.'},
        {'status_code': 403, 'json': {'error': {'code': 403}}},
    ],
)
def test_a_token_is_kept_where_keystone_does_not_say(
    cloud: Cloud, openstack: OpenStack, keystone: dict[str, Any]
) -> None:
    issues(cloud, OLD)
    cloud.answers('GET', OSLO, **REJECTS)
    cloud.answers('GET', TOKENS, **keystone)

    result = openstack(*(*IDS, '--node', 'edge-oslo'))

    assert result == Result(
        1,
        '',
        f'Cannot read the cache of edge-oslo ({p.GLANCE}): {NOT_ACCEPTED}',
    )
    assert logins(cloud).count('POST') == 1


def test_the_list_of_images_shares_the_token(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """The token expires after the nodes were asked."""
    issues(cloud, OLD, NEW)
    images = f'{p.GLANCE}/v2/images'
    cloud.answers('GET', OSLO, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers(
        'GET',
        images,
        REJECTS,
        {'json': p.images(p.image(p.UBUNTU, 'ubuntu-24.04'))},
    )
    cloud.answers('GET', TOKENS, status_code=401, json={})

    result = openstack(
        *(*FAR, 'list', '--node', 'edge-oslo', '-f', 'value', '-c', 'Name')
    )

    assert result == Result(0, 'ubuntu-24.04\n', '')
    assert logins(cloud) == ['POST', 'GET', 'POST']
