# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache list` on a real Glance."""

from collections.abc import Callable
import pathlib
import re

import pytest

from tests import cloud as clouds
from tests.cloud import Cache
from tests.cloud import Images
from tests.functional.conftest import OpenStack
from tests.shell import Result

LIST = ('image', 'cache', 'list', '-f', 'json')
TIME = r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ'
TABLE = r"""
\+-{38}\+-{14}\+-{8}\+-{21}\+-{21}\+-{8}\+-{6}\+-{24}\+
\| ID {35}\| Name {9}\| State  \| Last Accessed \(UTC\) \| Last Modified \(UTC\) \| Size {3}\| Hits \| Node {19}\|
\+-{38}\+-{14}\+-{8}\+-{21}\+-{21}\+-{8}\+-{6}\+-{24}\+
\| [0-9a-f-]{36} \| ubuntu-24\.04 \| cached \| [-0-9]{10} [:0-9]{8} \| [-0-9]{10} [:0-9]{8} \| 3\.0 kB \| {4}0 \| http://127\.0\.0\.1:\d{5} \|
\+-{38}\+-{14}\+-{8}\+-{21}\+-{21}\+-{8}\+-{6}\+-{24}\+
""".strip()


def names(result: Result) -> list[str | None]:
    """The names that were listed; the command must not have failed."""
    assert (result.code, result.err) == (0, '')
    return [row['Name'] for row in result.rows]


def test_a_cached_and_a_queued_image(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    ubuntu, debian = images('ubuntu-24.04', 3000), images('debian-13')
    cache.fill(ubuntu)
    cache.queue_only(debian)

    result = openstack(*LIST)

    assert (result.code, result.err) == (0, '')
    cached, queued = result.rows
    assert re.fullmatch(TIME, cached.pop('Last Accessed (UTC)'))
    assert re.fullmatch(TIME, cached.pop('Last Modified (UTC)'))
    assert cached == {
        'ID': ubuntu,
        'Name': 'ubuntu-24.04',
        'State': 'cached',
        'Size': 3000,
        'Hits': 0,
        'Node': cache.url,
    }
    assert queued == {
        'ID': debian,
        'Name': 'debian-13',
        'State': 'queued',
        'Last Accessed (UTC)': None,
        'Last Modified (UTC)': None,
        'Size': None,
        'Hits': None,
        'Node': cache.url,
    }


def test_on_a_terminal_and_through_a_pipe(
    openstack: OpenStack,
    on_a_terminal: Callable[..., Result],
    images: Images,
    cache: Cache,
) -> None:
    cache.fill(images('ubuntu-24.04', 3000))

    seen = on_a_terminal('image', 'cache', 'list')
    piped = openstack('image', 'cache', 'list')

    assert seen == Result(0, piped.out.replace('\n', '\r\n'), '')
    # A port of four digits makes the last column narrower.
    assert re.fullmatch(
        TABLE.replace('{24}', '{23,24}')
        .replace('{19}', '{18,19}')
        .replace(r'\d{5}', r'\d{4,5}'),
        piped.out.strip(),
    )


def test_an_empty_cache(openstack: OpenStack, cache: Cache) -> None:
    assert cache.cached == set()
    assert openstack(*LIST) == Result(0, '[]\n', '')


def test_an_orphan_and_a_hidden_image(
    openstack: OpenStack, images: Images, caches: list[Cache]
) -> None:
    """Deleting an image leaves the copies of all other nodes behind."""
    gone, hidden = images('gone'), images('hidden', hidden=True)
    caches[1].fill(gone, hidden)
    images.delete(gone)

    node = ('--node', caches[1].url)

    assert names(openstack(*LIST, *node)) == ['hidden', None]
    assert [
        row['ID'] for row in openstack(*LIST, *node, '--orphans').rows
    ] == [gone]


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ('--cached', ['big', 'small']),
        ('--queued', ['asked']),
        ('--unused', ['big', 'small']),
        ('--larger-than 100k', ['big']),
        ('--larger-than 100Gi', []),
        ('--older-than 30d', []),
        ('--older-than 0.001s --larger-than 1k', ['big']),
        ('big asked', ['big', 'asked']),
        ('*l* --cached', ['small']),
    ],
)
def test_narrowing(
    openstack: OpenStack,
    images: Images,
    cache: Cache,
    options: str,
    expected: list[str],
) -> None:
    cache.fill(images('big', 200000), images('small', 10))
    cache.queue_only(images('asked'))

    assert names(openstack(*LIST, *options.split())) == expected


def test_an_id_names_an_entry(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    one, other = images('one'), images('other')
    cache.fill(one, other)

    assert names(openstack(*LIST, other)) == ['other']


@pytest.mark.parametrize('form', ['{url}', '{url}/', '{url}/v2/', '{host}'])
def test_a_node_by_url_or_host(
    openstack: OpenStack, images: Images, caches: list[Cache], form: str
) -> None:
    caches[1].fill(images('there'))
    node = form.format(url=caches[1].url, host=caches[1].host)

    assert names(openstack(*LIST, '--node', node)) == ['there']
    assert names(openstack(*LIST)) == []


def test_nodes_of_clouds_yaml(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    cloud: clouds.Cloud,
    tmp_path: pathlib.Path,
) -> None:
    caches[1].fill(images('there'))
    cloud.clouds_yaml(
        tmp_path / 'clouds.yaml',
        {'edge-oslo': caches[0].url, 'edge-bergen': caches[1].url},
    )
    of_cloud = ('--os-cloud', 'demo-cloud', *LIST)

    for argv in [(), ('--all-nodes',), ('--node', 'edge-b*')]:
        rows = openstack(*of_cloud, *argv).rows
        assert [row['Node'] for row in rows] == ['edge-bergen']
    assert openstack(*of_cloud, '--node', 'edge-oslo').rows == []
