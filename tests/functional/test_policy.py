# SPDX-License-Identifier: Apache-2.0

"""A policy that differs per site, on a real cloud."""

import pathlib
import re

import pytest

from tests import cloud as clouds
from tests.cloud import Cache
from tests.cloud import Images
from tests.functional.conftest import OpenStack
from tests.shell import Result

CACHE = ('--os-cloud', 'demo-cloud', 'image', 'cache')
SYNC = (*CACHE, 'sync', '--policy', 'policy.yaml')
JSON = ('-f', 'json')
POLICY = """\
version: 1
sets:
  base: {tags: [golden]}
  radio: {images: ['vran-*', cirros], properties: {os_distro: debian}}
sites:
  - match: ['*']
    sets: [base]
  - match: [oslo]
    sets: [base, radio]
    delete_others: true
    max_downloads: 1
"""


@pytest.fixture
def made(
    cloud: clouds.Cloud,
    caches: list[Cache],
    images: Images,
    tmp_path: pathlib.Path,
) -> dict[str, str]:
    """IDs of images by name; two sites of one node each, and a policy."""
    cloud.clouds_yaml(
        tmp_path / 'clouds.yaml',
        {'edge-oslo': caches[0].url, 'edge-bergen': caches[1].url},
        sites={'edge-oslo': 'oslo', 'edge-bergen': 'bergen'},
    )
    (tmp_path / 'policy.yaml').write_text(POLICY)
    return {
        'golden': images('ubuntu', tags=['golden']),
        'vran': images('vran-du-1'),
        'cirros': images('cirros'),
        'debian': images('debian-13', properties={'os_distro': 'debian'}),
        'other': images('other'),
    }


def changes(result: Result) -> list[str]:
    """The requests that changed something, of a command with --debug."""
    return re.findall(r'curl .*-X (PUT|DELETE|POST) \S*/v2/', result.err)


def sites(result: Result) -> list[tuple[object, ...]]:
    """Missing, Extra and Status of each site."""
    return [
        (row['Site'], row['Missing'], row['Extra'], row['Status'])
        for row in result.rows
    ]


def test_a_policy_is_checked_and_applied_and_applied_again(
    openstack: OpenStack, caches: list[Cache], made: dict[str, str]
) -> None:
    oslo, bergen = caches
    oslo.fill(made['golden'], made['other'])
    bergen.fill(made['other'])
    radio = {made[one] for one in ('golden', 'vran', 'cirros', 'debian')}

    before = openstack(*SYNC, '--check', '--summary', *JSON)
    listed = openstack(
        *CACHE, 'site', 'list', '--policy', 'policy.yaml', *JSON
    )
    applied = openstack(
        *('--debug', *SYNC, '--all-nodes', '--wait', '--summary', *JSON)
    )

    extras = 'Extra entries on oslo: 1. Use --delete-others to delete them.\n'
    assert (before.code, before.err) == (3, extras)
    assert [(row['Site'], row['Queued']) for row in before.rows] == [
        ('oslo', 3),
        ('bergen', 1),
    ]
    assert sites(listed) == [
        ('oslo', 3, 1, 'incomplete'),
        ('bergen', 1, 1, 'incomplete'),
    ]
    assert applied.code == 0
    assert changes(applied) == ['PUT'] * 4
    assert [
        (row['Site'], row['Already Cached'], row['Cached'], row['Failed'])
        for row in applied.rows
    ] == [('oslo', 1, 3, 0), ('bergen', 0, 1, 0)]
    assert oslo.cached == {*radio, made['other']}
    assert bergen.cached == {made['golden'], made['other']}

    # All is there; what does not belong in Oslo stays until it is approved.
    check = openstack(*SYNC, '--check')
    again = openstack(*('--debug', *SYNC, '--all-nodes', '--wait', *JSON))
    assert check == Result(0, '\n', extras)
    assert again.code == 0
    assert changes(again) == []
    assert {row['Result'] for row in again.rows} == {'already cached'}

    deletion = openstack(
        *(*SYNC, '--all-nodes', '--delete-others', '--auto-approve', *JSON)
    )
    listed = openstack(
        *CACHE, 'site', 'list', '--policy', 'policy.yaml', *JSON
    )
    assert (deletion.code, deletion.err) == (0, '')
    assert [
        (row['Name'], row['Node'])
        for row in deletion.rows
        if row['Result'] == 'deleted'
    ] == [('other', 'edge-oslo')]
    assert oslo.cached == radio
    assert bergen.cached == {made['golden'], made['other']}
    assert sites(listed) == [
        ('oslo', 0, 0, 'in sync'),
        ('bergen', 0, 1, 'in sync'),
    ]
    check = openstack(*SYNC, '--check', '--delete-others')
    assert check == Result(0, '\n', '')


def test_an_image_that_is_not_found_keeps_all_others(
    openstack: OpenStack,
    caches: list[Cache],
    made: dict[str, str],
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / 'policy.yaml').write_text(POLICY.replace('cirros', 'cirors'))
    oslo, bergen = caches
    oslo.fill(made['other'])

    result = openstack(
        *(*SYNC, '--all-nodes', '--delete-others', '--auto-approve'),
        *('--wait', '--max-downloads-per-site', '2', '--summary', *JSON),
    )

    assert (result.code, result.err) == (
        1,
        "Cannot find 'cirors' of set radio: No image has the name or ID "
        "'cirors'. See 'openstack image list'.\n"
        "Extra entries on oslo are not deleted: Some images of the policy's "
        'sets were not found. Correct the sets, and run the command again.\n',
    )
    assert oslo.cached == {
        made[one] for one in ('other', 'golden', 'vran', 'debian')
    }
    assert bergen.cached == {made['golden']}


def test_coverage_of_what_belongs_where(
    openstack: OpenStack, caches: list[Cache], made: dict[str, str]
) -> None:
    caches[0].fill(made['golden'], made['vran'])
    caches[1].fill(made['vran'])

    result = openstack(
        *(*CACHE, 'coverage', '--policy', 'policy.yaml', '--by-site', *JSON)
    )

    assert (result.code, result.err) == (0, '')
    assert [
        (row['Name'], row['Cached'], row['Missing On']) for row in result.rows
    ] == [
        ('cirros', 0, ['oslo']),
        ('debian-13', 0, ['oslo']),
        ('ubuntu', 1, ['bergen']),
        ('vran-du-1', 1, []),
    ]


def test_nodes_of_the_catalogue_can_be_pasted(
    openstack: OpenStack, caches: list[Cache], made: dict[str, str],
    cloud: clouds.Cloud, tmp_path: pathlib.Path
) -> None:  # fmt: skip
    found = openstack(
        *(*CACHE, 'node', 'discover', '--catalogue', '-f', 'yaml')
    )
    cloud.clouds_yaml(tmp_path / 'clouds.yaml')
    with (tmp_path / 'clouds.yaml').open('a') as file:
        file.write('    image_cache_nodes:\n')
        file.writelines(f'    {line}\n' for line in found.out.splitlines())
    caches[0].fill(made['golden'])

    listed = openstack(*CACHE, 'site', 'list', *JSON)

    assert (found.code, listed.code, listed.err) == (0, 0, '')
    assert [(row['Nodes'], row['Entries']) for row in listed.rows] == [(1, 1)]
