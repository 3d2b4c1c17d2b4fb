# SPDX-License-Identifier: Apache-2.0

"""Nodes in a file of their own, which clouds.yaml names."""

import json
import pathlib

import pytest

from tests import cloud as clouds
from tests.cloud import Cache
from tests.cloud import Images
from tests.functional.conftest import OpenStack
from tests.shell import Result

FLEET = ('--os-cloud', 'demo-cloud', 'image', 'cache')
YAML = """\
# Of the site in Oslo.
- name: edge-oslo
  endpoint: {oslo}
- name: edge-bergen
  endpoint: {bergen}
"""


def write(
    cloud: clouds.Cloud,
    folder: pathlib.Path,
    named: str,
    nodes: dict[str, str] | None = None,
) -> None:
    """Write a clouds.yaml that names a file."""
    path = folder / 'clouds.yaml'
    cloud.clouds_yaml(path, nodes)
    with path.open('a') as file:
        file.write(f'    image_cache_nodes_file: {named}\n')


@pytest.mark.parametrize('form', ['YAML', 'JSON'])
def test_it_names_the_nodes(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    cloud: clouds.Cloud,
    tmp_path: pathlib.Path,
    form: str,
) -> None:
    oslo, bergen = (cache.url for cache in caches)
    text = YAML.format(oslo=oslo, bergen=bergen)
    if form == 'JSON':
        text = json.dumps(
            [
                {'name': 'edge-oslo', 'endpoint': oslo},
                {'name': 'edge-bergen', 'endpoint': bergen},
            ]
        )
    (tmp_path / 'nodes').write_text(text)
    write(cloud, tmp_path, str(tmp_path / 'nodes'))
    alpha = images('alpha')
    caches[1].fill(alpha)
    rows = ('-f', 'value', '-c', 'Name', '-c', 'Result', '-c', 'Node')

    listed = openstack(
        *(*FLEET, 'node', 'list', '-f', 'value'),
        *('-c', 'Node', '-c', 'Endpoint', '-c', 'Cached'),
    )
    unnamed = openstack(*FLEET, 'queue', 'alpha', *rows)
    queued = openstack(*FLEET, 'queue', 'alpha', '--node', 'edge-*', *rows)
    caches[0].wait_for(alpha)
    deleted = openstack(
        *FLEET, 'delete', 'alpha', '--node', 'edge-bergen', *rows
    )

    assert listed == Result(
        0, f'edge-oslo {oslo} 0\nedge-bergen {bergen} 1\n', ''
    )
    assert (unnamed.code, unnamed.out) == (2, '')
    assert queued == Result(
        0,
        'alpha queued edge-oslo\nalpha already cached edge-bergen\n',
        '',
    )
    assert deleted == Result(0, 'alpha deleted edge-bergen\n', '')
    assert [one.cached for one in caches] == [{alpha}, set()]


def test_its_nodes_follow_those_of_clouds_yaml(
    openstack: OpenStack,
    caches: list[Cache],
    cloud: clouds.Cloud,
    tmp_path: pathlib.Path,
) -> None:
    nodes = [{'name': 'edge-bergen', 'endpoint': caches[1].url}]
    (tmp_path / 'nodes.json').write_text(json.dumps(nodes))
    write(
        cloud,
        tmp_path,
        str(tmp_path / 'nodes.json'),
        {'edge-oslo': caches[0].url},
    )

    result = openstack(
        *FLEET, 'node', 'list', '-f', 'value', '-c', 'Node', '-c', 'Status'
    )

    assert result == Result(0, 'edge-oslo ok\nedge-bergen ok\n', '')


def test_it_may_be_below_the_home_folder(
    openstack: OpenStack,
    caches: list[Cache],
    cloud: clouds.Cloud,
    tmp_path: pathlib.Path,
) -> None:
    """Which is what `environment` says it is."""
    nodes = [{'name': 'edge-oslo', 'endpoint': caches[0].url}]
    (tmp_path / 'nodes.json').write_text(json.dumps(nodes))
    write(cloud, tmp_path, '~/nodes.json')

    result = openstack(*FLEET, 'node', 'list', '-f', 'value', '-c', 'Node')

    assert result == Result(0, 'edge-oslo\n', '')


def test_a_file_that_is_not_there(
    openstack: OpenStack, cloud: clouds.Cloud, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / 'nosuch.yaml'
    write(cloud, tmp_path, str(path))

    result = openstack(*FLEET, 'list')

    assert result == Result(
        2,
        '',
        f"Cannot read '{path}': No such file or directory. See "
        "'image_cache_nodes_file' in clouds.yaml.\n",
    )
