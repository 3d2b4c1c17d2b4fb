# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache queue` on a real Glance."""

import pathlib

import pytest

from tests import cloud as clouds
from tests.cloud import Cache
from tests.cloud import Images
from tests.functional.conftest import OpenStack
from tests.shell import Result

QUEUE = ('image', 'cache', 'queue', '-f', 'json')
UNKNOWN = 'deadbeef-0000-4000-8000-000000000000'


def results(result: Result) -> list[tuple[str, str]]:
    """Name and result of each row; the command must not have failed."""
    assert (result.code, result.err) == (0, '')
    return [(row['Name'], row['Result']) for row in result.rows]


def test_names_and_ids_are_cached(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    one, other, third = images('one'), images('other'), images('third')

    result = openstack(*QUEUE, 'one', other, 'one')

    assert result.rows == [
        {'ID': one, 'Name': 'one', 'Result': 'queued', 'Node': cache.url},
        {'ID': other, 'Name': 'other', 'Result': 'queued', 'Node': cache.url},
    ]
    cache.wait_for(one, other)
    assert third not in cache.cached


def test_what_is_there_is_not_asked_for_again(
    openstack: OpenStack,
    images: Images,
    cache: Cache,
    cloud: clouds.Cloud,
) -> None:
    """Trap 3: a node that is asked again fetches everything again."""
    cached, queued = images('cached'), images('queued')
    cache.fill(cached)
    cache.queue_only(queued)
    asked = cloud.glance[0].log.read_text().count(f'PUT /v2/cache/{cached}')

    result = openstack(*QUEUE, 'cached', 'queued')

    assert results(result) == [
        ('cached', 'already cached'),
        ('queued', 'already queued'),
    ]
    log = cloud.glance[0].log.read_text()
    assert log.count(f'PUT /v2/cache/{cached}') == asked
    assert f'PUT /v2/cache/{queued}' not in log
    assert cache.queued == {queued}


def test_force_asks_again(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    """What is queued and forgotten is fetched when it is asked for again."""
    forgotten = images('forgotten')
    cache.queue_only(forgotten)

    result = openstack(*QUEUE, 'forgotten', '--force')

    assert results(result) == [('forgotten', 'queued')]
    cache.wait_for(forgotten)


def test_a_dry_run_changes_nothing(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    cache.fill(images('cached'))
    cache.queue_only(images('asked'))
    images('new')

    plan = (*QUEUE, 'cached', 'asked', 'new', '--dry-run')
    short, result = openstack(*plan), openstack(*plan, '--long')

    assert [(row['Name'], row['Action']) for row in result.rows] == [
        ('cached', 'none'),
        ('asked', 'wait'),
        ('new', 'queue'),
    ]
    assert short.rows == result.rows[1:]
    assert (len(cache.cached), len(cache.queued)) == (1, 1)


def test_private_images_of_other_projects_can_be_left_out(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    """An administrator sees them, and anybody may set any tag."""
    ours = images('ours', tags=['golden'], visibility='public')
    images(
        *('theirs',),
        tags=['golden'],
        visibility='private',
        properties={'owner': 'f' * 32},
    )
    plan = (*('image', 'cache', 'queue', '--tag', 'golden'), '--dry-run')
    names = ('-f', 'value', '-c', 'Name')

    everything = openstack(*plan, *names)
    public = openstack(*plan, '--property', 'visibility=public', '-f', 'json')

    assert sorted(everything.out.split()) == ['ours', 'theirs']
    assert [row['ID'] for row in public.rows] == [ours]


def test_tags_and_properties_name_images(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    wanted = images('a', tags=['golden', 'edge'], properties={'os': 'linux'})
    images('b', tags=['golden'], properties={'os': 'linux'})
    images('c', tags=['golden', 'edge'])

    result = openstack(
        *QUEUE,
        *('--tag', 'golden', '--tag', 'edge', '--property', 'os=linux'),
    )

    assert results(result) == [('a', 'queued')]
    cache.wait_for(wanted)
    assert cache.cached == {wanted}


@pytest.mark.parametrize('source', ['file', 'standard input'])
def test_a_file_names_images(
    openstack: OpenStack,
    images: Images,
    cache: Cache,
    tmp_path: pathlib.Path,
    source: str,
) -> None:
    by_id, by_name = images('by ID'), images('by name')
    text = f'# golden\n{by_id}\n\nby name\n'
    (tmp_path / 'golden.txt').write_text(text)

    if source == 'file':
        result = openstack(*QUEUE, '--from-file', 'golden.txt')
    else:
        result = openstack(*QUEUE, '--from-file', '-', stdin=text)

    assert results(result) == [('by ID', 'queued'), ('by name', 'queued')]
    cache.wait_for(by_id, by_name)


def test_odd_names(openstack: OpenStack, images: Images, cache: Cache) -> None:
    """Names that Glance's filters would take apart; a hidden image."""
    odd = [
        'a,b',
        'say "hi"',
        'ubuntu:22.04',
        'in:a',
        'ünïcode ☃',
        '100%',
        'a&b=c',
        '  padded',
        'back\\slash',
        UNKNOWN,
        '[literal]*',
    ]
    ids = [images(name) for name in odd]
    ids.append(images('hidden', hidden=True))

    result = openstack(*QUEUE, *odd, 'hidden')

    assert sorted(results(result)) == sorted(
        (name, 'queued') for name in [*odd, 'hidden']
    )
    cache.wait_for(*ids)


def test_a_glob_names_images(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    first, second, _other = map(images, ('web-1', 'web-2', 'db-1'))

    result = openstack(*QUEUE, 'web-*')

    assert sorted(results(result)) == [
        ('web-1', 'queued'),
        ('web-2', 'queued'),
    ]
    cache.wait_for(first, second)


def test_a_hundred_and_one_names(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    """More than one request for names; the last of each, and few others."""
    names = [f'many-{number:03}' for number in range(101)]
    there = [names[at] for at in (0, 1, 50, 99, 100)]
    ids = [images(name, 10) for name in there]

    result = openstack(*QUEUE, *names)

    assert result.code == 1
    assert [(row['ID'], row['Result']) for row in result.rows] == [
        (image_id, 'queued') for image_id in ids
    ]
    assert result.err == ''.join(
        f"Cannot find '{name}': No image has the name or ID '{name}'. See "
        "'openstack image list'.\n"
        for name in names
        if name not in there
    )
    cache.wait_for(*ids)


def test_every_failure_is_told_and_the_rest_is_done(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    twins = sorted([images('twin'), images('twin')])
    inactive = images('inactive', None)
    good = images('good')

    result = openstack(*QUEUE, 'twin', 'nosuch', UNKNOWN, 'inactive', 'good')

    assert [row['Name'] for row in result.rows] == ['good']
    assert result.err == (
        f"Cannot find 'twin': 2 images have the name 'twin': {twins[0]}, "
        f'{twins[1]}. Specify the ID of one of them.\n'
        "Cannot find 'nosuch': No image has the name or ID 'nosuch'. See "
        "'openstack image list'.\n"
        f"Cannot find '{UNKNOWN}': No image has the name or ID '{UNKNOWN}'. "
        "See 'openstack image list'.\n"
        f'Cannot queue image inactive ({inactive}): The image is not active. '
        'Wait until the image is active, or reactivate it.\n'
    )
    assert result.code == 1
    cache.wait_for(good)


def test_a_node_is_named(
    openstack: OpenStack, images: Images, caches: list[Cache]
) -> None:
    there = images('there')

    result = openstack(*QUEUE, 'there', '--node', caches[1].host)

    assert results(result) == [('there', 'queued')]
    caches[1].wait_for(there)
    assert caches[0].cached == set()
