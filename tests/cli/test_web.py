# SPDX-License-Identifier: Apache-2.0

"""What these tests stand on: nothing that a test did not foresee passes."""

import re

import pytest

from tests import web
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

CACHE = f'{p.GLANCE}/v2/cache'
LIST = ('image', 'cache', 'list', '-f', 'value', '-c', 'ID')


def fails(cloud: Cloud, words: str) -> None:
    """The test would fail now, with these words."""
    with pytest.raises(AssertionError, match=re.escape(words)):
        cloud.check()


def test_an_unexpected_request(cloud: Cloud, openstack: OpenStack) -> None:
    result = openstack(*LIST)

    assert result.code == 1
    fails(cloud, f"unexpected: ['GET {CACHE}: NoMockAddress(")
    cloud.unexpected.clear()


@pytest.mark.parametrize(
    'answer', [{'json': p.cache()}, web.REFUSED, web.SILENT, web.HELD]
)
def test_an_unused_answer(
    cloud: Cloud, openstack: OpenStack, answer: dict[str, object]
) -> None:
    cloud.answers('GET', CACHE, **answer)

    fails(cloud, f"unused: ['GET {CACHE}']")
    openstack(*LIST, '--node-timeout', '0.1')
    cloud.check()


def test_an_unused_certificate(cloud: Cloud, openstack: OpenStack) -> None:
    cloud.use_unknown_ca('edge.example')

    fails(cloud, "unused: ['TLS to edge.example']")
    openstack(*LIST, '--node', 'https://edge.example')
    cloud.check()


def test_an_answer_that_fails_in_its_thread(
    cloud: Cloud, openstack: OpenStack
) -> None:
    def answer(_request: object, _context: object) -> object:
        raise AssertionError('of the test')

    cloud.answers('GET', CACHE, json=answer)

    openstack(*LIST)

    fails(cloud, f"unexpected: [\"GET {CACHE}: AssertionError('of the test')")
    cloud.unexpected.clear()


def test_each_request_takes_its_own_way(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """One after the other, on the same host."""
    held = {'json': p.cache(queued=['a'])}
    cloud.answers('GET', CACHE, held, web.REFUSED, held, web.SILENT, held)

    results = [openstack(*LIST) for _time in range(6)]

    assert [(one.code, one.out) for one in results] == [
        (0, 'a\n'),
        (1, ''),
        (0, 'a\n'),
        (1, ''),
        (0, 'a\n'),
        (0, 'a\n'),
    ]
    assert cloud.requests == 6 * [f'GET {CACHE}']


def test_no_name_is_looked_up(cloud: Cloud, openstack: OpenStack) -> None:
    """Whatever the network of this machine may know."""
    result = openstack(*LIST, '--node', 'http://docs.openstack.org')

    assert result == Result(
        1,
        '',
        'Cannot read the cache of http://docs.openstack.org: Cannot resolve '
        'the host name: Name or service not known. Check the spelling of the '
        'host name, and the DNS servers.\n',
    )
