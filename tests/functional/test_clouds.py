# SPDX-License-Identifier: Apache-2.0

"""Two real clouds, each with its Keystone, Glance and images.

The sites of the first are those of `test_sites`; the second has one more.
"""

from collections.abc import Iterator
import json
import pathlib
import re
from typing import Any

import pytest

from tests import cloud as clouds
from tests.cloud import Cache
from tests.cloud import Images
from tests.functional import test_sites
from tests.functional.conftest import OpenStack
from tests.shell import Result

dead = test_sites.dead
nodes = test_sites.nodes
port = test_sites.port
relay = test_sites.relay

SYNC = (*test_sites.FLEET, 'sync', '--policy', 'policy.yaml')
ALLOWED = ('--allow-unreachable', '1')
POLICY = """\
version: 1
sets:
  base: {images: [ubuntu-24.04]}
  radio: {images: ['vran-*']}
sites:
  - match: ['*']
    sets: [base]
  - match: [oslo]
    sets: [base, radio]
"""


@pytest.fixture(scope='module')
def far() -> Iterator[clouds.Cloud]:
    """Another cloud: its second node has a cache to look at.

    The first one serves its images, and drops those that are deleted.
    """
    with clouds.Cloud(nodes=2) as cloud:
        yield cloud


@pytest.fixture
def far_images(far: clouds.Cloud) -> Iterator[Images]:
    """Makes images in it that go when the test ends."""
    made = Images(far.glance[0].url, far.token())
    yield made
    made.delete_all()


@pytest.fixture
def narvik(
    far: clouds.Cloud, nodes: dict[str, Any], tmp_path: pathlib.Path
) -> Cache:
    """The node of the other cloud, in the clouds.yaml of the first."""
    path = tmp_path / 'clouds.yaml'
    near = path.read_text()
    far.clouds_yaml(path)
    other = path.read_text().partition('\n')[2].replace('demo-', 'far-')
    url = far.glance[1].url
    item = {'name': 'narvik', 'endpoint': url, 'cloud': 'far-cloud'}
    path.write_text(
        near.replace(
            'image_cache_nodes: [', f'image_cache_nodes: [{json.dumps(item)}, '
        )
        + other
    )
    cache = Cache(far.glance[1], far.token())
    cache.clear()
    return cache


def changes(result: Result) -> int:
    """How many requests changed something, of a command with --debug."""
    return len(re.findall(r'curl .*-X (PUT|DELETE|POST) \S*/v2/', result.err))


def test_a_policy_is_applied_in_two_clouds(
    openstack: OpenStack,
    images: Images,
    far_images: Images,
    caches: list[Cache],
    narvik: Cache,
    nodes: dict[str, Any],
    tmp_path: pathlib.Path,
) -> None:
    """Three sites here, one there; one node down, one in maintenance."""
    (tmp_path / 'policy.yaml').write_text(POLICY)
    ubuntu, vran = images('ubuntu-24.04'), images('vran-du-1')
    far_ubuntu = far_images('ubuntu-24.04')
    down = f'Cannot read the cache of oslo-2 ({nodes["oslo-2"]}): '
    argv = (*('--all-nodes', '--wait', '-f', 'json'), *ALLOWED)
    one_address = ('--exclude-node', test_sites.PODS[1])

    before = openstack(*SYNC, '--check', *ALLOWED, '-f', 'json')
    applied = openstack(*SYNC, *argv, *one_address)
    check = openstack(*SYNC, '--check', *ALLOWED, '-f', 'value')
    again = openstack('--debug', *SYNC, *argv)
    listed = openstack(*test_sites.FLEET, 'list', *ALLOWED, '-f', 'json')

    wanted = [
        (far_ubuntu, 'far-cloud', 'narvik'),
        (ubuntu, 'demo-cloud', 'oslo-1'),
        (vran, 'demo-cloud', 'oslo-1'),
        (ubuntu, 'demo-cloud', test_sites.PODS[0]),
    ]
    both = [*wanted, (ubuntu, 'demo-cloud', test_sites.PODS[1])]
    assert (before.code, places(before)) == (3, sorted(both))
    assert (applied.code, places(applied)) == (0, sorted(wanted))
    assert {row['Result'] for row in applied.rows} == {'cached'}
    assert narvik.cached == {far_ubuntu}
    assert caches[0].cached == {ubuntu, vran}
    assert caches[1].cached == {ubuntu}
    assert (check.code, check.out) == (0, '')
    assert check.err.startswith(test_sites.SKIPPED + down)
    assert (again.code, changes(again)) == (0, 0)
    assert (listed.code, places(listed)) == (0, sorted(both))


def places(result: Result) -> list[tuple[Any, ...]]:
    """ID, Cloud and Node of each row."""
    return sorted(
        (row['ID'], row['Cloud'], row['Node']) for row in result.rows
    )


def test_an_image_of_one_cloud_is_an_orphan_in_the_other(
    openstack: OpenStack,
    images: Images,
    far_images: Images,
    caches: list[Cache],
    narvik: Cache,
) -> None:
    """What is gone there was never here."""
    mine, gone = images('debian-13'), far_images('debian-13')
    caches[0].fill(mine)
    narvik.fill(gone)
    far_images.delete(gone)

    result = openstack(
        *(*test_sites.FLEET, 'list', '--orphans', *ALLOWED, '-f', 'value'),
        *('-c', 'ID', '-c', 'Cloud'),
    )
    deletion = openstack(
        *(*test_sites.FLEET, 'delete', '--orphans', '--all-nodes', *ALLOWED),
        *('--auto-approve', '-f', 'value', '-c', 'Result', '-c', 'Node'),
    )

    assert (result.code, result.out) == (0, f'{gone} far-cloud\n')
    assert (deletion.code, deletion.out) == (0, 'deleted narvik\n')
    assert narvik.cached == set()
    assert caches[0].cached == {mine}


def test_cached_data_of_both_clouds_is_verified(
    openstack: OpenStack,
    images: Images,
    far_images: Images,
    caches: list[Cache],
    narvik: Cache,
) -> None:
    caches[0].fill(images('cirros'))
    narvik.fill(far_images('cirros'))

    result = openstack(
        *(*test_sites.FLEET, 'verify', 'cirros', '--node', 'narvik'),
        *('--node', 'oslo-1', '-f', 'value'),
        *('-c', 'Name', '-c', 'Result', '-c', 'Cloud'),
    )

    assert (result.code, result.out) == (
        0,
        'cirros ok far-cloud\ncirros ok demo-cloud\n',
    )
