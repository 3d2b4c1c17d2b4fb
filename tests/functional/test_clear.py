# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache clear` on a real Glance."""

import pytest

from tests.cloud import Cache
from tests.cloud import Images
from tests.functional.conftest import OpenStack
from tests.shell import Result

CLEAR = ('image', 'cache', 'clear', '-f', 'json')


@pytest.mark.parametrize(
    ('options', 'taken', 'left'),
    [
        ([], (2, 1, 5000), (0, 0)),
        (['--cache', '--queue'], (2, 1, 5000), (0, 0)),
        (['--cache'], (2, 0, 5000), (0, 1)),
        (['--queue'], (0, 1, 0), (2, 0)),
        (['--dry-run'], (2, 1, 5000), (2, 1)),
    ],
)
def test_clears_what_is_asked_for_and_says_how_much(
    openstack: OpenStack,
    images: Images,
    cache: Cache,
    options: list[str],
    taken: tuple[int, int, int],
    left: tuple[int, int],
) -> None:
    cache.fill(images('one', 3000), images('other', 2000))
    cache.queue_only(images('asked'))

    result = openstack(*CLEAR, *options)

    assert (result.code, result.err) == (0, '')
    cached, queued, size = taken
    assert result.rows == [
        {'Cached': cached, 'Queued': queued, 'Size': size, 'Node': cache.url}
    ]
    assert (len(cache.cached), len(cache.queued)) == left


def test_an_empty_cache(openstack: OpenStack, cache: Cache) -> None:
    assert openstack(*CLEAR).rows == [
        {'Cached': 0, 'Queued': 0, 'Size': 0, 'Node': cache.url}
    ]


def test_several_nodes_need_approval(
    openstack: OpenStack, images: Images, caches: list[Cache]
) -> None:
    one = images('one', 3000)
    for cache in caches:
        cache.fill(one)
    nodes = [part for cache in caches for part in ('--node', cache.url)]

    refused = openstack(*CLEAR, *nodes)
    assert refused == Result(
        2,
        '',
        'Confirmation required. Use --auto-approve to proceed, or --dry-run '
        'to show the plan.\n',
    )
    assert [cache.cached for cache in caches] == [{one}, {one}]

    done = openstack(*CLEAR, *nodes, '--auto-approve')
    assert [row['Node'] for row in done.rows] == [one.url for one in caches]
    assert [cache.cached for cache in caches] == [set(), set()]
