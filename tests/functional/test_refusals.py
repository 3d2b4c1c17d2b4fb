# SPDX-License-Identifier: Apache-2.0

"""What a person is told when a node does not do what it is asked."""

from collections.abc import Iterator
import socket

import pytest

from tests import cloud as clouds
from tests.functional.conftest import OpenStack
from tests.shell import Result

COMMANDS = [
    ('list',),
    ('queue', 'an-image'),
    ('delete', 'an-image'),
    ('clear',),
]
PERMISSION = (
    'Log in as an administrator, or permit cache_list, cache_image and '
    'cache_delete in the API policies of the node.\n'
)


@pytest.fixture(scope='module', autouse=True)
def an_image(cloud: clouds.Cloud, token: str) -> Iterator[None]:
    """An image that everybody can see."""
    image_id = clouds.create_image(
        cloud.glance[0].url, token, 'an-image', visibility='public'
    )
    yield
    clouds.delete_image(cloud.glance[0].url, token, image_id)


@pytest.mark.parametrize('command', COMMANDS)
def test_a_plain_member(
    openstack: OpenStack, cloud: clouds.Cloud, command: tuple[str, ...]
) -> None:
    result = openstack('image', 'cache', *command, user='demo')

    assert result == Result(
        1,
        '\n',
        f'Cannot read the cache of {cloud.glance[0].url}: You are not '
        f'authorized to complete cache_list action. {PERMISSION}',
    )


@pytest.mark.parametrize('command', COMMANDS)
def test_a_node_without_a_cache(
    openstack: OpenStack, cloud: clouds.Cloud, command: tuple[str, ...]
) -> None:
    node = cloud.glance[2].url

    result = openstack('image', 'cache', *command, '--node', node)

    assert result == Result(
        1,
        '\n',
        f"Cannot read the cache of {node}: The node's image cache is "
        "disabled. Set 'image_cache_dir' and a flavor with caching in that "
        "node's glance-api.conf, and restart it.\n",
    )


def test_what_is_no_glance(openstack: OpenStack, cloud: clouds.Cloud) -> None:
    """Keystone, for one."""
    node = cloud.auth_url.removesuffix('/v3')

    result = openstack('image', 'cache', 'list', '--node', node)

    assert result == Result(
        1,
        '\n',
        f'Cannot read the cache of {node}: Not a Glance endpoint. Use an '
        "endpoint of 'openstack endpoint list'.\n",
    )


def test_nobody_listens(openstack: OpenStack) -> None:
    with socket.socket() as taken:
        # Bound and not listening: connections are refused, and nobody
        # else gets the port meanwhile.
        taken.bind(('127.0.0.1', 0))
        node = f'http://127.0.0.1:{taken.getsockname()[1]}'

        result = openstack('image', 'cache', 'list', '--node', node)

    assert result == Result(
        1,
        '\n',
        f'Cannot read the cache of {node}: Cannot connect: Connection '
        'refused. Check that glance-api is running at this address.\n',
    )


def test_a_name_that_is_no_host(openstack: OpenStack) -> None:
    result = openstack(
        'image', 'cache', 'list', '--node', 'http://nosuch.invalid:9292'
    )

    assert (result.code, result.out) == (1, '\n')
    assert result.err.startswith(
        'Cannot read the cache of http://nosuch.invalid:9292: Cannot resolve '
        'the host name: '
    )
    assert result.err.count('\n') == 1


def test_a_node_that_is_silent(openstack: OpenStack) -> None:
    with socket.socket() as silent:
        silent.bind(('127.0.0.1', 0))
        silent.listen()
        node = f'http://127.0.0.1:{silent.getsockname()[1]}'

        result = openstack(
            *('image', 'cache', 'list', '--node', node),
            *('--node-timeout', '0.5'),
        )

    assert result == Result(
        1,
        '\n',
        f'Cannot read the cache of {node}: No response within 0.5 seconds. '
        'Check that the service is up. To wait longer, use --node-timeout.\n',
    )
