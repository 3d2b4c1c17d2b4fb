# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache delete` on a real Glance."""

from collections.abc import Callable

import pytest

from tests.cloud import Cache
from tests.cloud import Images
from tests.functional.conftest import OpenStack
from tests.shell import Result

DELETE = ('image', 'cache', 'delete', '-f', 'json')


def results(result: Result) -> list[tuple[str | None, str]]:
    """Name and result of each row; the command must not have failed."""
    assert (result.code, result.err) == (0, '')
    return [(row['Name'], row['Result']) for row in result.rows]


def test_cached_and_queued_and_neither(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    cached, queued, kept = images('cached', 3000), images('q'), images('kept')
    cache.fill(cached, kept)
    cache.queue_only(queued)
    images('neither')

    result = openstack(*DELETE, 'cached', queued, 'neither')

    assert [
        (row['Name'], row['State'], row['Size'], row['Result'])
        for row in result.rows
    ] == [
        ('cached', 'cached', 3000, 'deleted'),
        ('q', 'queued', None, 'deleted'),
        ('neither', None, None, 'not in cache'),
    ]
    assert (result.code, result.err) == (0, '')
    assert (cache.cached, cache.queued) == ({kept}, set())


def test_an_orphan_by_its_id(
    openstack: OpenStack, images: Images, caches: list[Cache]
) -> None:
    gone = images('gone')
    caches[1].fill(gone)
    images.delete(gone)

    result = openstack(*DELETE, gone, '--node', caches[1].url)

    assert results(result) == [(None, 'deleted')]
    assert caches[1].cached == set()


def test_all_orphans(
    openstack: OpenStack, images: Images, caches: list[Cache]
) -> None:
    gone, hidden, kept = images('gone'), images('h', hidden=True), images('k')
    caches[1].fill(gone, hidden, kept)
    images.delete(gone)

    result = openstack(
        *DELETE, '--orphans', '--auto-approve', '--node', caches[1].url
    )

    assert results(result) == [(None, 'deleted')]
    assert caches[1].cached == {hidden, kept}


def test_a_community_image_of_another_project_is_no_orphan(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    """Without a visibility, Glance does not list it, not even to an admin."""
    theirs = images(
        'theirs', visibility='community', properties={'owner': 'f' * 32}
    )
    cache.fill(theirs)
    names = ('-f', 'value', '-c', 'Name')

    listed = openstack('image', 'cache', 'list', *names)
    verified = openstack('image', 'cache', 'verify', *names, '-c', 'Result')
    orphans = openstack('image', 'cache', 'list', '--orphans', *names)
    deleted = openstack(*DELETE, '--orphans', '--auto-approve')
    queued = openstack(
        'image', 'cache', 'queue', theirs, *names, '-c', 'Result'
    )

    assert listed == Result(0, 'theirs\n', '')
    assert verified == Result(0, 'theirs ok\n', '')
    assert orphans == Result(0, '', '')
    assert (deleted.code, deleted.rows) == (0, [])
    assert queued == Result(0, 'theirs already cached\n', '')
    assert cache.cached == {theirs}


def test_orphans_are_not_deleted_for_who_may_not_see_all_images(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    cached = images('of the admin')
    cache.fill(cached)

    result = openstack(*DELETE, '--orphans', '--auto-approve', user='demo')

    assert result == Result(
        2,
        '',
        "--orphans requires a login with the role 'admin': images that this "
        'login cannot see look like orphans. Log in as an administrator, or '
        'specify IDs.\n',
    )
    assert cache.cached == {cached}


def test_an_option_must_be_written_in_full(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    """It could mean another one after an upgrade."""
    cached = images('one')
    cache.fill(cached)

    for option in ('--orph', '--auto', '--all'):
        result = openstack(*DELETE, 'one', option)

        assert (result.code, result.out) == (2, '')
        assert f'unrecognized arguments: {option}\n' in result.err
    assert cache.cached == {cached}


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ('--cached', {'big', 'small'}),
        ('--queued', {'asked'}),
        ('--unused --larger-than 100k', {'big'}),
        ('--older-than 30d', set()),
        ('s*', {'small'}),
        ('s* asked', {'small', 'asked'}),
        ('big small --larger-than 100k', {'big'}),
    ],
)
def test_narrowing(
    openstack: OpenStack,
    images: Images,
    cache: Cache,
    options: str,
    expected: set[str],
) -> None:
    ids = {
        images(name, size): name
        for name, size in {'big': 200000, 'small': 10, 'asked': 10}.items()
    }
    *filled, asked = ids
    cache.fill(*filled)
    cache.queue_only(asked)
    argv = (*DELETE, *options.split())

    planned = openstack(*argv, '--dry-run')
    assert {row['Name'] for row in planned.rows} == expected
    assert {row['Action'] for row in planned.rows} <= {'delete'}
    assert (cache.cached, cache.queued) == (set(filled), {asked})

    done = openstack(*argv, '--auto-approve')
    assert {name for name, __ in results(done)} == expected
    left = {ids[image_id] for image_id in cache.cached | cache.queued}
    assert left == set(ids.values()) - expected


def test_much_is_not_taken_without_approval(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    cache.fill(images('one', 3000))

    result = openstack(*DELETE, '--unused')

    assert result == Result(
        2,
        '',
        'Confirmation required. Use --auto-approve to proceed, or --dry-run '
        'to show the plan.\n',
    )
    assert len(cache.cached) == 1


@pytest.mark.parametrize(
    ('typed', 'code', 'left'), [('n\n', 1, 1), ('\n', 1, 1), ('y\n', 0, 0)]
)
def test_a_person_is_asked(
    on_a_terminal: Callable[..., Result],
    images: Images,
    cache: Cache,
    typed: str,
    code: int,
    left: int,
) -> None:
    one = images('one', 3000)
    cache.fill(one)

    seen = on_a_terminal('image', 'cache', 'delete', 'on*', typed=typed)

    assert f'  one ({one})  3.0 kB  {cache.url}\r\n' in seen.out
    assert (
        'About to delete 1 cached and 0 queued entries (3.0 kB). Continue? '
        '[y/N]' in seen.out
    )
    assert (seen.code, len(cache.cached)) == (code, left)


def test_every_failure_is_told_and_the_rest_is_done(
    openstack: OpenStack, images: Images, cache: Cache
) -> None:
    twins = sorted([images('twin'), images('twin')])
    good = images('good')
    cache.fill(good, *twins)

    result = openstack(*DELETE, 'twin', 'nosuch', 'good')

    assert [row['Name'] for row in result.rows] == ['good']
    assert result.err == (
        f"Cannot delete 'twin': 2 images have the name 'twin': {twins[0]}, "
        f'{twins[1]}. Specify the ID of one of them.\n'
        "Cannot delete 'nosuch': No image has the name or ID 'nosuch'. See "
        "'openstack image list'.\n"
    )
    assert result.code == 1
    assert cache.cached == set(twins)


def test_all_configured_nodes(
    openstack: OpenStack, images: Images, caches: list[Cache]
) -> None:
    both, second = images('both'), images('second')
    caches[0].fill(both)
    caches[1].fill(both, second)
    nodes = [part for cache in caches for part in ('--node', cache.url)]

    result = openstack(*DELETE, 'both', *nodes, '--auto-approve')

    assert [row['Node'] for row in result.rows] == [one.url for one in caches]
    assert (caches[0].cached, caches[1].cached) == (set(), {second})
