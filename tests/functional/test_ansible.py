# SPDX-License-Identifier: Apache-2.0

"""The playbook of the manual, run by ansible-core."""

from collections.abc import Callable
import os
import pathlib
import re
import sys

import pytest

from tests import cloud as clouds
from tests.cloud import Cache
from tests.cloud import Images
from tests.shell import Result
from tests.shell import run_program

_PROGRAMS = pathlib.Path(sys.executable).parent
_PLAYBOOK = (
    pathlib.Path(__file__).parents[2] / 'doc/source/examples/warm-edges.yaml'
)
Play = Callable[..., Result]


@pytest.fixture
def play(
    cloud: clouds.Cloud,
    caches: list[Cache],
    environment: Callable[[str], dict[str, str]],
    tmp_path: pathlib.Path,
) -> Play:
    """Run the playbook, as the manual says, on two nodes."""
    if not (_PROGRAMS / 'ansible-playbook').exists():
        pytest.skip('ansible-core is not installed here')
    cloud.clouds_yaml(
        tmp_path / 'clouds.yaml',
        {'edge-oslo': caches[0].url, 'edge-bergen': caches[1].url},
    )

    def run(*argv: str) -> Result:
        variables = environment('admin')
        variables['PATH'] = f'{_PROGRAMS}{os.pathsep}{variables["PATH"]}'
        return run_program(
            *(_PROGRAMS / 'ansible-playbook', _PLAYBOOK),
            *('-e', 'cloud=demo-cloud', *argv),
            environment={
                **variables,
                'OS_CLIENT_CONFIG_FILE': str(tmp_path / 'clouds.yaml'),
                'ANSIBLE_HOME': str(tmp_path / 'ansible'),
                'ANSIBLE_LOCALHOST_WARNING': 'false',
                'ANSIBLE_INVENTORY_UNPARSED_WARNING': 'false',
                'LC_ALL': 'C.UTF-8',
            },
            folder=tmp_path,
        )

    return run


def counts(result: Result) -> dict[str, int]:
    """The recap: how many tasks were ok, changed, failed, skipped."""
    recap = result.out.partition('PLAY RECAP')[2]
    return {
        key: int(count) for key, count in re.findall(r'(\w+)=(\d+)', recap)
    }


def test_edges_are_warmed_once(
    play: Play, images: Images, caches: list[Cache]
) -> None:
    ids = {images('cirros-0.6', 5_000_000), images('debian-13')}

    would = play('--check')
    assert would.code == 0, would.out
    assert counts(would)['changed'] == 1
    assert caches[0].cached == set()

    first = play()
    assert first.code == 0, first.out
    assert counts(first)['changed'] == 1
    assert [one.cached for one in caches] == [ids, ids]

    second = play()
    assert second.code == 0, second.out
    assert counts(second)['changed'] == 0
    assert counts(second)['skipped'] == 2


def test_a_dead_node_and_a_missing_image_fail_it_after_the_rest_is_warm(
    play: Play,
    cloud: clouds.Cloud,
    images: Images,
    caches: list[Cache],
    tmp_path: pathlib.Path,
) -> None:
    cirros = images('cirros-0.6')
    cloud.clouds_yaml(
        tmp_path / 'clouds.yaml',
        {'edge-dead': 'http://127.0.0.1:1', 'edge-oslo': caches[0].url},
    )

    would = play('--check')
    assert would.code == 2
    assert counts(would)['failed'] == 1
    assert 'Cannot read the cache of edge-dead' in would.out
    assert caches[0].cached == set()

    result = play()

    assert result.code == 2
    assert counts(result)['failed'] == 1
    assert 'Cannot read the cache of edge-dead' in result.out
    assert "No image has the name or ID 'debian-13'" in result.out
    assert caches[0].cached == {cirros}
