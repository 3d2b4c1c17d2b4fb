# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache verify` on a real Glance with real damage."""

from collections.abc import Callable
from collections.abc import Iterator
import pathlib

import pytest

from tests import cloud as clouds
from tests.cloud import Cache
from tests.cloud import Images
from tests.cloud.cache import damage
from tests.functional.conftest import OpenStack
from tests.relay import Relay
from tests.relay import Request

VERIFY = ('image', 'cache', 'verify', '-f', 'json')
SIZE = 3_000_000


def results(rows: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(row['Name'], row['Result']) for row in rows]


@pytest.fixture
def broken(
    cloud: clouds.Cloud, images: Images, cache: Cache
) -> dict[str, pathlib.Path]:
    """Three cached images and the paths of their cached files."""
    found = {}
    for name in ('changed', 'removed', 'shortened'):
        image_id = images(name, SIZE)
        cache.fill(image_id)
        found[name] = cloud.glance[0].cache_dir / image_id
    return found


def shorten(path: pathlib.Path) -> None:
    path.write_bytes(path.read_bytes()[: SIZE // 3])


def damage_all(broken: dict[str, pathlib.Path]) -> None:
    damage(broken['changed'])
    broken['removed'].unlink()
    shorten(broken['shortened'])


def test_what_is_intact_and_served_is_ok(
    openstack: OpenStack, images: Images, caches: list[Cache]
) -> None:
    alpha, beta = images('alpha', SIZE), images('beta', 1000)
    caches[0].fill(alpha, beta)
    caches[1].fill(beta)
    nodes = [part for cache in caches for part in ('--node', cache.url)]

    result = openstack(*VERIFY, *nodes)

    assert (result.code, result.err) == (0, '')
    assert [
        (row['ID'], row['Name'], row['Size'], row['Result'], row['Node'])
        for row in result.rows
    ] == [
        (alpha, 'alpha', SIZE, 'ok', caches[0].url),
        (beta, 'beta', 1000, 'ok', caches[0].url),
        (beta, 'beta', 1000, 'ok', caches[1].url),
    ]
    assert all(0 < row['Seconds'] < 60 for row in result.rows)


def test_a_list_that_is_older_than_the_read(
    cloud: clouds.Cloud, openstack: OpenStack, images: Images, cache: Cache
) -> None:
    """Glance counts a hit after the data: a list may come before that."""
    names = ['alpha', 'beta']
    cache.fill(*(images(name, 1000) for name in names))
    lists: list[bytes] = []

    def late(request: Request, forward: Callable[[], bytes]) -> bytes:
        answer = forward()
        if request.path == '/v2/cache':
            lists.append(answer)
            before, *_this = relay.requests[-2:]
            return lists[-2] if before.path.endswith('/file') else answer
        return answer

    with Relay(cloud.glance[0].port.number) as relay:
        relay.fault = late
        result = openstack(*VERIFY, '--node', relay.url)

    assert (result.code, result.err) == (0, '')
    assert results(result.rows) == [(name, 'ok') for name in names]
    assert all(row['Seconds'] >= 1 for row in result.rows)


def test_damage_is_found(
    openstack: OpenStack, broken: dict[str, pathlib.Path], cache: Cache
) -> None:
    listed = openstack('image', 'cache', 'list', '-f', 'json')
    damage_all(broken)
    assert openstack('image', 'cache', 'list', '-f', 'json') == listed

    result = openstack(*VERIFY)

    assert result.code == 1
    assert results(result.rows) == [
        ('changed', 'corrupt'),
        ('removed', 'file was missing'),
        ('shortened', 'truncated'),
    ]
    first, second, third = result.err.splitlines()
    assert first.startswith('Image changed (')
    assert 'does not match the hash in Glance' in first
    assert 'its file was missing' in second
    assert 'sends only the first part' in third


def test_damage_is_repaired(
    openstack: OpenStack, broken: dict[str, pathlib.Path], cache: Cache
) -> None:
    damage_all(broken)

    result = openstack(*VERIFY, '--repair', '--auto-approve')

    assert results(result.rows) == [
        ('changed', 'repaired'),
        ('removed', 'file was missing'),
        ('shortened', 'repaired'),
    ]
    assert result.code == 1
    assert len(result.err.splitlines()) == 1
    again = openstack(*VERIFY, '--repair', '--auto-approve')
    assert (again.code, again.err) == (0, '')
    assert [word for __, word in results(again.rows)] == ['ok'] * 3
    assert {path.stat().st_size for path in broken.values()} == {SIZE}


def test_an_empty_file_is_replaced(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    """Glance sends status 500 for it."""
    image_id = images('emptied', SIZE)
    cache.fill(image_id)
    path = cache.folder / image_id
    path.write_bytes(b'')

    found = openstack(*VERIFY, '--smallest')
    result = openstack(*VERIFY, '--repair', '--auto-approve')

    assert (found.code, results(found.rows)) == (1, [('emptied', 'truncated')])
    assert 'sends only the first part' in found.err
    assert (result.code, result.err) == (0, '')
    assert results(result.rows) == [('emptied', 'repaired')]
    assert path.stat().st_size == SIZE


def test_an_empty_file_whose_store_lost_the_data(
    cloud: clouds.Cloud, openstack: OpenStack, images: Images, cache: Cache
) -> None:
    image_id = images('emptied', SIZE)
    cache.fill(image_id)
    path = cache.folder / image_id
    path.write_bytes(b'')
    (stored,) = cloud.glance[0].directory.parent.glob(f'stores/*/{image_id}')
    stored.unlink()

    result = openstack(*VERIFY, '--repair', '--auto-approve')

    assert (result.code, result.rows) == (1, [])
    assert 'The data of the image is not in its store. Upload' in result.err
    assert path.exists()


def test_a_damaged_store_is_not_cached_again(
    cloud: clouds.Cloud,
    openstack: OpenStack,
    broken: dict[str, pathlib.Path],
) -> None:
    cached = broken['changed']
    (stored,) = cloud.glance[0].directory.parent.glob(
        f'stores/*/{cached.name}'
    )
    damage(cached)
    damage(stored)

    result = openstack(*VERIFY, 'changed', '--repair', '--auto-approve')

    assert result.code == 1
    assert results(result.rows) == [('changed', 'corrupt')]
    assert 'Repair: The data in the store is damaged' in result.err
    assert cached.exists()


def test_data_that_the_store_lost_is_not_to_be_queued(
    cloud: clouds.Cloud,
    openstack: OpenStack,
    broken: dict[str, pathlib.Path],
    cache: Cache,
) -> None:
    """Glance sends status 204 for it. A fill would end all fills."""
    for name in ('shortened', 'removed'):
        (stored,) = cloud.glance[0].directory.parent.glob(
            f'stores/*/{broken[name].name}'
        )
        stored.unlink()
    shorten(broken['shortened'])
    broken['removed'].unlink()

    result = openstack(*VERIFY, '--repair', '--auto-approve')

    assert (result.code, results(result.rows)) == (
        1,
        [('changed', 'ok'), ('shortened', 'truncated')],
    )
    lost = (
        'The data of the image is not in its store. Upload the image again. '
        'Do not queue it before.'
    )
    repair, verify = sorted(result.err.splitlines(), reverse=True)
    assert repair.endswith(f'first part of the data. Repair: {lost}')
    assert verify.startswith('Cannot verify image removed (')
    assert verify.endswith(lost)
    assert broken['shortened'].exists()


def test_a_missing_file_is_not_replaced_from_a_damaged_store(
    cloud: clouds.Cloud,
    openstack: OpenStack,
    broken: dict[str, pathlib.Path],
    cache: Cache,
) -> None:
    """Glance drops the entry; to queue it would end all fills of the node."""
    removed = broken['removed']
    (stored,) = cloud.glance[0].directory.parent.glob(
        f'stores/*/{removed.name}'
    )
    removed.unlink()
    damage(stored)

    result = openstack(*VERIFY, 'removed', '--repair', '--auto-approve')

    assert (result.code, result.rows) == (1, [])
    assert 'and the image left the cache' in result.err
    assert 'upload the image again. Do not queue it' in result.err
    assert removed.name not in cache.listed()[0]


@pytest.fixture
def more_nodes(cloud: clouds.Cloud) -> Iterator[list[clouds.GlanceNode]]:
    """A node without the cache filter, and two that share a list."""
    plain, one = cloud.add(
        clouds.GlanceOptions(flavor='keystone'), clouds.GlanceOptions()
    )
    (other,) = cloud.add(
        clouds.GlanceOptions(
            extra=f'\n[DEFAULT]\nworker_self_reference_url = {one.url}\n'
        )
    )
    yield [plain, one, other]
    for node in (plain, one, other):
        node.stop()


def test_misconfigured_nodes_are_found(
    openstack: OpenStack,
    images: Images,
    token: str,
    more_nodes: list[clouds.GlanceNode],
) -> None:
    plain, one, other = more_nodes
    alpha = images('alpha', SIZE)
    Cache(plain, token).fill(alpha)
    Cache(one, token).fill(alpha)
    listed = openstack(
        *('image', 'cache', 'list', '-f', 'json', '-c', 'Name'),
        *('--node', plain.url, '--node', other.url),
    )
    assert listed.rows == [{'Name': 'alpha'}] * 2

    result = openstack(
        *VERIFY,
        *('--node', plain.url, '--node', one.url, '--node', other.url),
        *('--repair', '--auto-approve'),
    )

    assert result.code == 1
    assert [row['Result'] for row in result.rows] == [
        'not served from cache',
        'ok',
        'file was missing',
    ]
    assert 'flavor with caching' in result.err
    assert 'a unique worker_self_reference_url' in result.err
