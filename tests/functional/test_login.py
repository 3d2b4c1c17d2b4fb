# SPDX-License-Identifier: Apache-2.0

"""Nodes that do not accept a token, and the login that all nodes share."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import pathlib
import threading

import pytest

from tests import cloud as clouds
from tests import shell
from tests.cloud import Cache
from tests.cloud import Images
from tests.cloud import rest
from tests.functional.conftest import OpenStack
from tests.relay import Relay
from tests.relay import Request
from tests.shell import Result

LIST = (
    *('--os-cloud', 'demo-cloud', 'image', 'cache', 'list'),
    *('-f', 'value', '-c', 'Name', '-c', 'Node'),
)
UNAUTHORIZED = (
    b'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n'
    b"WWW-Authenticate: Keystone uri='http://keystone.example'\r\n\r\n"
)
ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n'
NOT_ACCEPTED = (
    'The endpoint rejected the token of this login. Check that it belongs to '
    'the cloud that you logged in to.\n'
)


class Fleet:
    """Two nodes and a Keystone, each behind a relay."""

    def __init__(
        self, cloud: clouds.Cloud, open_relay: Callable[[int], Relay]
    ) -> None:
        self.keystone = open_relay(cloud.keystone.port.number)
        self.oslo, self.bergen = (
            open_relay(node.port.number) for node in cloud.glance[:2]
        )

    @property
    def list(self) -> tuple[str, ...]:
        """The command, with that Keystone."""
        return ('--os-auth-url', f'{self.keystone.url}/v3', *LIST)

    def logins(self) -> int:
        """How many tokens Keystone was asked for."""
        return self._asked('POST')

    def checks(self) -> int:
        """How often it was asked whether a token is valid."""
        return self._asked('GET')

    def _asked(self, method: str) -> int:
        return sum(
            (one.method, one.path) == (method, '/v3/auth/tokens')
            for one in self.keystone.requests
        )


@pytest.fixture
def fleet(
    cloud: clouds.Cloud,
    caches: list[Cache],
    images: Images,
    tmp_path: pathlib.Path,
) -> Iterator[Fleet]:
    """It, named in clouds.yaml; an image is cached on both nodes."""
    alpha = images('alpha')
    for cache in caches:
        cache.fill(alpha)
    with contextlib.ExitStack() as stack:
        fleet = Fleet(cloud, lambda port: stack.enter_context(Relay(port)))
        cloud.clouds_yaml(
            tmp_path / 'clouds.yaml',
            {'edge-oslo': fleet.oslo.url, 'edge-bergen': fleet.bergen.url},
        )
        yield fleet


def test_a_node_that_accepts_no_token_does_not_touch_the_login(
    openstack: OpenStack, fleet: Fleet
) -> None:
    """Keystone is asked at most once whether the token is valid."""
    fleet.bergen.fault = lambda _request, _forward: UNAUTHORIZED

    result = openstack(*fleet.list)

    assert result == Result(
        1,
        'alpha edge-oslo\n',
        f'Cannot read the cache of edge-bergen ({fleet.bergen.url}): '
        f'{NOT_ACCEPTED}',
    )
    assert fleet.logins() == 1
    assert fleet.checks() <= 1
    assert len(fleet.bergen.requests) == 1


def test_where_no_node_accepts_it_keystone_says_whose_fault_it_is(
    openstack: OpenStack, fleet: Fleet
) -> None:
    for relay in (fleet.oslo, fleet.bergen):
        relay.fault = lambda _request, _forward: UNAUTHORIZED

    result = openstack(*fleet.list)

    assert result == Result(
        1,
        '',
        f'Cannot read the cache of edge-oslo ({fleet.oslo.url}): '
        f'{NOT_ACCEPTED}'
        f'Cannot read the cache of edge-bergen ({fleet.bergen.url}): '
        f'{NOT_ACCEPTED}',
    )
    assert (fleet.logins(), fleet.checks()) == (1, 1)


def test_a_wait_ends_if_the_token_of_the_login_is_revoked(
    fleet: Fleet, cloud: clouds.Cloud, images: Images, tmp_path: pathlib.Path
) -> None:
    """Keystone does not issue a token for a revoked one: status 404."""
    images('beta')
    token = cloud.token()

    def revoke(request: Request, forward: Callable[[], bytes]) -> bytes:
        if request.method == 'PUT':
            revoke_token(cloud, token)
            return ACCEPTED
        asked = any(one.method == 'PUT' for one in fleet.oslo.requests)
        return UNAUTHORIZED if asked else forward()

    fleet.oslo.fault = revoke
    login = {
        'OS_AUTH_TYPE': 'token',
        'OS_AUTH_URL': f'{fleet.keystone.url}/v3',
        'OS_TOKEN': token,
        'OS_PROJECT_NAME': 'admin',
        'OS_PROJECT_DOMAIN_ID': 'default',
    }

    result = shell.run_here(
        *('image', 'cache', 'queue', 'beta', '--wait'),
        *('--node', fleet.oslo.url, '--stall-after', '20'),
        environment=clouds.without_login() | login | {'HOME': str(tmp_path)},
        folder=tmp_path,
    )

    assert result.code == 1
    (line,) = result.err.splitlines()
    assert 'Keystone did not issue a token: ' in line
    assert "(HTTP 404). Check the login with 'openstack token issue'." in line
    assert fleet.logins() == 2


def revoke_token(cloud: clouds.Cloud, token: str) -> None:
    """Revoke a token in Keystone."""
    rest.call(
        'DELETE',
        f'{cloud.auth_url}/auth/tokens',
        token=cloud.token(),
        headers={'X-Subject-Token': token},
    )


def test_a_token_that_was_revoked_is_renewed_once_for_all_nodes(
    openstack: OpenStack, fleet: Fleet, cloud: clouds.Cloud
) -> None:
    """Two nodes ask Keystone; it tells them, and us, that it is gone."""
    revoked: list[str] = []
    first_come = threading.Lock()

    def revoke(request: Request, forward: Callable[[], bytes]) -> bytes:
        with first_come:
            if not revoked:
                revoked.append(request.token)
                revoke_token(cloud, request.token)
        return forward()

    fleet.oslo.fault = fleet.bergen.fault = revoke

    result = openstack(*fleet.list)

    assert result == Result(0, 'alpha edge-oslo\nalpha edge-bergen\n', '')
    assert (fleet.logins(), fleet.checks()) == (2, 1)
    for relay in (fleet.oslo, fleet.bergen):
        first, second = relay.requests
        assert first.token == revoked[0]
        assert second.token not in (revoked[0], '')
