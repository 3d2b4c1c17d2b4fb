# SPDX-License-Identifier: Apache-2.0

"""Connections that fail, each in a way of its own: argv in, output out."""

import socket
from typing import Any

import pytest

from tests import web
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

CACHE = f'{p.GLANCE}/v2/cache'
IMAGES = f'{p.GLANCE}/v2/images'
LIST = ('image', 'cache', 'list', '-f', 'value', '-c', 'ID')
UP = 'Check that the service is up. To wait longer, use --node-timeout.\n'
IS_IT_GLANCE = 'Check that this is a Glance endpoint.\n'
RUNS = 'Check that glance-api is running at this address.\n'
NETWORK = 'Check the network between here and the node.\n'
LOOK = 'The request may have succeeded: check the result before you retry.'
WAIT = ' To wait longer, use --node-timeout.\n'


def failure(words: str, node: str = p.GLANCE) -> Result:
    """What comes of a node that could not be read."""
    return Result(1, '', f'Cannot read the cache of {node}: {words}')


def test_a_host_without_an_address(cloud: Cloud, openstack: OpenStack) -> None:
    cloud.nameless.add('nosuch.example')
    node = 'http://nosuch.example:9292'

    result = openstack(*LIST, '--node', node)

    assert result == failure(
        'Cannot resolve the host name: Name or service not known. Check the '
        'spelling of the host name, and the DNS servers.\n',
        node,
    )


@pytest.mark.parametrize(
    ('answer', 'words'),
    [
        (web.REFUSED, f'Cannot connect: Connection refused. {RUNS}'),
        (web.SILENT, f'No response within 30 seconds. {UP}'),
        (
            web.CLOSED,
            'The connection broke: Empty reply from server. ' + NETWORK,
        ),
        (
            web.sends(b'SSH-2.0-OpenSSH_9.6\r\n'),
            f'The response is not HTTP. {IS_IT_GLANCE}',
        ),
        (
            web.sends(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}'),
            'The connection broke: end of response with 97 bytes missing. '
            + NETWORK,
        ),
        (
            web.sends(
                b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
                b'2\r\n{}\r\n'
            ),
            'The connection broke: transfer closed with outstanding read data '
            'remaining. ' + NETWORK,
        ),
        (
            {'text': '{}', 'headers': {'Content-Encoding': 'gzip'}},
            (
                'The response is compressed, although compression was not '
                'requested.\n'
            ),
        ),
        (
            {'text': '[' * 100_000},
            f'The response is not valid JSON. {IS_IT_GLANCE}',
        ),
        (
            {'text': '', 'headers': {'X-Long': 'x' * 120_000}},
            f'The response headers are too large. {IS_IT_GLANCE}',
        ),
        (
            {'text': ' ' * 9 * 2**20},
            f'The response is larger than 8.4 MB. {IS_IT_GLANCE}',
        ),
    ],
)
def test_a_node_that_does_not_answer_as_it_should(
    cloud: Cloud, openstack: OpenStack, answer: dict[str, Any], words: str
) -> None:
    cloud.answers('GET', CACHE, **answer)

    assert openstack(*LIST) == failure(words)


def test_how_long_to_wait(cloud: Cloud, openstack: OpenStack) -> None:
    cloud.answers('GET', CACHE, **web.SILENT)

    result = openstack(*LIST, '--node-timeout', '7.5')

    assert result == failure(f'No response within 7.5 seconds. {UP}')


def test_so_long_is_waited(cloud: Cloud, openstack: OpenStack) -> None:
    """Here the time really passes."""
    cloud.answers('GET', CACHE, **web.HELD)

    result = openstack(*LIST, '--node-timeout', '0.2')

    assert result == failure(f'No response within 0.2 seconds. {UP}')


@pytest.mark.parametrize(
    ('answer', 'words'),
    [
        (web.REFUSED, f'Cannot connect: Connection refused. {RUNS}'),
        (web.SILENT, f'No response within 30 seconds. {LOOK}{WAIT}'),
        (
            web.CLOSED,
            f'The connection broke: Empty reply from server. {LOOK}\n',
        ),
    ],
)
def test_a_change_is_sent_once(
    cloud: Cloud, openstack: OpenStack, answer: dict[str, Any], words: str
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers('DELETE', CACHE, **answer)

    result = openstack('image', 'cache', 'clear', '-f', 'value')

    assert result == Result(
        1, '', f'Cannot clear the cache of {p.GLANCE}: {words}'
    )
    assert cloud.requests == [f'GET {CACHE}', f'DELETE {CACHE}']


def test_a_node_that_is_silent_is_not_asked_for_the_rest(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """It is asked for 16 images at a time."""
    ids = [f'{at:08}-c4e5-4822-be0d-10abcb0fe5df' for at in range(18)]
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers(
        'GET', IMAGES, json=p.images(*(p.image(one, None) for one in ids))
    )
    for image_id in ids[:16]:
        cloud.answers('PUT', f'{CACHE}/{image_id}', **web.SILENT)

    result = openstack('image', 'cache', 'queue', *ids, '-f', 'value')

    what = f'Cannot queue image {{}} on {p.GLANCE}: '
    assert result == Result(
        1,
        '',
        ''.join(
            what.format(one) + f'No response within 30 seconds. {LOOK}{WAIT}'
            for one in ids[:16]
        )
        + ''.join(
            what.format(one)
            + f'Skipped: an earlier request to this node timed out.{WAIT}'
            for one in ids[16:]
        ),
    )


def test_a_proxy_that_is_down(
    cloud: Cloud, openstack: OpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named without its password."""
    with socket.socket() as nobody:
        nobody.bind(('127.0.0.1', 0))
        proxy = f'proxy.example:{nobody.getsockname()[1]}'
        monkeypatch.setenv('http_proxy', f'http://me:secret@{proxy}')

        result = openstack(*LIST)

    assert result == failure(
        f'Cannot connect: Connection refused (through the proxy {proxy}). '
        'Check http_proxy, https_proxy and no_proxy in the environment.\n'
    )


def test_a_host_that_needs_no_proxy(
    cloud: Cloud, openstack: OpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('http_proxy', 'http://proxy.example:3128')
    monkeypatch.setenv('no_proxy', 'other.example,glance.example')
    cloud.answers('GET', CACHE, json=p.cache(queued=['a']))

    assert openstack(*LIST) == Result(0, 'a\n', '')
