# SPDX-License-Identifier: Apache-2.0

"""Names and words of others: true where a program reads, harmless elsewhere."""

import csv
import io
import json

import pytest

from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack

CACHE = f'{p.GLANCE}/v2/cache'
IMAGES = f'{p.GLANCE}/v2/images'
#: Red, backwards, in two lines, a title for the window, and half a character.
NAME = 'a\x1b[31mb\u202ec\r\nd\u2028e\x1b]0;t\x07f\ud800g\x9bh'
ESCAPED = r'a\x1b[31mb\u202ec\r\nd\u2028e\x1b]0;t\x07f\ud800g\x9bh'


@pytest.fixture
def named(cloud: Cloud) -> None:
    """One image is cached, and has that name."""
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers('GET', IMAGES, json=p.images(p.image(p.UBUNTU, NAME)))


def show(openstack: OpenStack, *words: str) -> str:
    """The names that are listed, as they are printed."""
    result = openstack('image', 'cache', 'list', '-c', 'Name', *words)
    assert (result.code, result.err) == (0, '')
    # It would fail on half a character.
    return result.out.encode('utf-8').decode('utf-8')


@pytest.mark.usefixtures('named')
def test_a_table_keeps_its_shape(openstack: OpenStack) -> None:
    rule = '+' + '-' * (len(ESCAPED) + 2) + '+'

    assert show(openstack).splitlines() == [
        rule,
        f'| Name{" " * (len(ESCAPED) - 4)} |',
        rule,
        f'| {ESCAPED} |',
        rule,
    ]


@pytest.mark.usefixtures('named')
def test_bare_values_stay_on_their_line(openstack: OpenStack) -> None:
    assert show(openstack, '-f', 'value') == f'{ESCAPED}\n'


@pytest.mark.usefixtures('named')
def test_csv_stays_on_its_line(openstack: OpenStack) -> None:
    printed = show(openstack, '-f', 'csv')

    assert list(csv.reader(io.StringIO(printed), escapechar='\\')) == [
        ['Name'],
        [ESCAPED],
    ]


@pytest.mark.usefixtures('named')
def test_json_has_the_true_name(openstack: OpenStack) -> None:
    printed = show(openstack, '-f', 'json')

    assert printed.isascii()
    assert json.loads(printed) == [{'Name': NAME}]


@pytest.mark.usefixtures('named')
def test_yaml_has_all_that_yaml_can(openstack: OpenStack) -> None:
    printed = show(openstack, '-f', 'yaml')

    # YAML's double quotes; '\\' in them is one backslash.
    assert printed == (
        r'- Name: "a\e[31mb\u202Ec\r\nd\Le\e]0;t\af\\ud800g\x9Bh"' + '\n'
    )


def test_an_error_is_one_line_whatever_a_node_says(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers(
        'GET',
        CACHE,
        status_code=409,
        headers={'Content-Type': 'text/plain'},
        content='no\x1b[2J\u202e\nmore\x9b'.encode(),
    )

    result = openstack('image', 'cache', 'list')

    assert (result.code, result.out) == (1, '\n')
    assert result.err == (
        f'Cannot read the cache of {p.GLANCE}: no\\x1b[2J\\u202e more\\x9b.\n'
    )
