# SPDX-License-Identifier: Apache-2.0

"""`queue --wait` and `sync` on real nodes, until the data is there."""

from collections.abc import Callable
import contextlib
import functools
import hashlib
import pathlib
import signal

import pytest

from tests import cloud as clouds
from tests import shell
from tests.cloud import Cache
from tests.cloud import Images
from tests.cloud import images as cloud_images
from tests.functional.conftest import OpenStack
from tests.polling import until
from tests.shell import ended
from tests.shell import Result

FLEET = ('--os-cloud', 'demo-cloud', 'image', 'cache')
ALL = ('--all-nodes', '-f', 'json')
ON_BERGEN = ('--node', 'edge-bergen', '--wait', '-f', 'json')
NODES = ('edge-oslo', 'edge-bergen')
MB = 1000**2

Start = Callable[..., contextlib.AbstractContextManager[shell.Program]]


@pytest.fixture(autouse=True)
def nodes(
    cloud: clouds.Cloud, caches: list[Cache], tmp_path: pathlib.Path
) -> dict[str, str]:
    """The two nodes of clouds.yaml, by name; caches are empty."""
    nodes = {name: cache.url for name, cache in zip(NODES, caches)}
    cloud.clouds_yaml(tmp_path / 'clouds.yaml', nodes)
    return nodes


@pytest.fixture
def started(
    environment: Callable[[str], dict[str, str]], tmp_path: pathlib.Path
) -> Start:
    """Start `openstack`, and go on."""
    return functools.partial(
        shell.started,
        shell.OPENSTACK,
        environment=environment('admin'),
        folder=tmp_path,
    )


def until_something_arrived(process: shell.Program) -> None:
    """Wait until a command that was given -v has told so."""
    assert process.stderr
    assert any(line.startswith('Cached: ') for line in process.stderr)


def results(result: Result) -> list[tuple[str, str, str]]:
    """Name, what was done or is to be done, and node of each row."""
    return [
        (row['Name'], row.get('Result') or row['Action'], row['Node'])
        for row in result.rows
    ]


def everywhere(word: str, *names: str) -> list[tuple[str, str, str]]:
    """The same for images on both nodes, as rows come."""
    return [(name, word, node) for node in NODES for name in names]


def checksums(cloud: clouds.Cloud, image_id: str) -> list[str]:
    """The MD5 of the data that each node has in its folder."""
    return [
        hashlib.md5(
            (node.cache_dir / image_id).read_bytes(), usedforsecurity=False
        ).hexdigest()
        for node in cloud.glance[:2]
    ]


def checksum_of(size: int) -> str:
    """The MD5 of an image's data."""
    checksum = hashlib.md5(usedforsecurity=False)
    for block in cloud_images.data(size):
        checksum.update(block)
    return checksum.hexdigest()


def test_the_data_is_on_both_nodes(
    openstack: OpenStack, images: Images, cloud: clouds.Cloud
) -> None:
    sizes = {'small': 5 * MB, 'medium': 60 * MB, 'large': 120 * MB}
    ids = {name: images(name, size) for name, size in sizes.items()}

    result = openstack(*FLEET, 'queue', *sizes, '--wait', *ALL)

    assert (result.code, result.err) == (0, '')
    assert results(result) == everywhere('cached', *sizes)
    for name, size in sizes.items():
        assert checksums(cloud, ids[name]) == [checksum_of(size)] * 2


def test_arrivals_are_told_to_those_who_ask(
    openstack: OpenStack, images: Images, nodes: dict[str, str]
) -> None:
    first, second = images('first'), images('second')

    result = openstack(
        '-v', *FLEET, 'queue', 'first', 'second', '--max-downloads', '1', *ALL
    )

    assert result.code == 0
    lines = [
        line for line in result.err.splitlines() if line.startswith('Cached: ')
    ]
    assert lines == [
        f'Cached: image {name} ({image_id}) on {node} ({nodes[node]})'
        for name, image_id in (('first', first), ('second', second))
        for node in NODES
    ]


def test_sync_twice_and_a_check_before_between_and_after(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
) -> None:
    wanted, other = images('wanted', 20 * MB), images('other')
    caches[0].fill(other)
    caches[1].queue_only(wanted)
    sync = (*FLEET, 'sync', 'wanted', '--delete-others', *ALL)
    pending = [
        ('wanted', 'queue', 'edge-oslo'),
        ('other', 'delete', 'edge-oslo'),
    ]

    before = openstack(*sync, '--check')
    assert (before.code, before.err) == (3, '')
    assert sorted(results(before)) == sorted(
        [*pending, ('wanted', 'wait', 'edge-bergen')]
    )
    assert caches[0].cached == {other}

    # What the middleware queued, no thread of the node fetches.
    caches[1].clear()
    first = openstack(*sync, '--wait', '--auto-approve')
    assert (first.code, first.err) == (0, '')
    assert results(first) == [
        ('other', 'deleted', 'edge-oslo'),
        *everywhere('cached', 'wanted'),
    ]
    assert [one.cached for one in caches] == [{wanted}, {wanted}]

    between = openstack(*sync, '--check')
    assert (between.code, between.rows, between.err) == (0, [], '')

    second = openstack('--debug', *sync, '--wait', '--auto-approve')
    assert results(second) == everywhere('already cached', 'wanted')
    assert 'curl -g -i -X GET' in second.err
    assert 'curl -g -i -X PUT' not in second.err
    caches[1].clear()
    again = openstack('--debug', *sync, '--wait', '--auto-approve')
    assert again.err.count('curl -g -i -X PUT') == 1
    assert openstack(*sync, '--check').code == 0


def test_others_stay_when_something_that_was_named_is_not_there(
    openstack: OpenStack, images: Images, caches: list[Cache]
) -> None:
    wanted, other = images('wanted'), images('other')
    caches[0].fill(other)

    result = openstack(
        *(*FLEET, 'sync', 'wanted', 'wnated', '--delete-others', '--wait'),
        *('--auto-approve', *ALL),
    )

    assert result.code == 1
    assert result.err == (
        "Cannot find 'wnated': No image has the name or ID 'wnated'. See "
        "'openstack image list'.\n"
        'Other entries are not deleted: Some of the specified images were '
        'not found. Correct the images, and run the command again.\n'
    )
    assert [one.cached for one in caches] == [{wanted, other}, {wanted}]


def test_a_check_that_cannot_ask_a_node_has_failed(
    openstack: OpenStack,
    images: Images,
    cloud: clouds.Cloud,
    tmp_path: pathlib.Path,
    nodes: dict[str, str],
) -> None:
    images('wanted')
    nocache = cloud.glance[2].url
    cloud.clouds_yaml(
        tmp_path / 'clouds.yaml', {**nodes, 'edge-nocache': nocache}
    )

    result = openstack(*FLEET, 'sync', 'wanted', '--check', *ALL)

    assert result.code == 1
    assert results(result) == everywhere('queue', 'wanted')
    assert result.err.startswith(
        f"Cannot read the cache of edge-nocache ({nocache}): The node's image "
        'cache is disabled.'
    )


def test_a_node_that_is_killed_in_the_middle_and_started_again(
    started: Start,
    images: Images,
    cloud: clouds.Cloud,
) -> None:
    """Trap 5: it forgets what it had accepted, and is asked again."""
    first, second = images('first', 150 * MB), images('second', 5 * MB)
    node = cloud.glance[1]
    half = node.cache_dir / 'incomplete' / first

    with started(*FLEET, 'queue', 'first', 'second', '--wait', *ALL) as run:
        until(half.exists)
        node.kill()
        assert half.exists()
        # That takes longer than it is to the next look, which finds nobody.
        node.start()
        result = ended(run)

    assert (result.code, result.err) == (0, '')
    assert results(result) == everywhere('cached', 'first', 'second')
    assert checksums(cloud, first) == [checksum_of(150 * MB)] * 2
    assert checksums(cloud, second) == [checksum_of(5 * MB)] * 2


def test_an_image_whose_data_is_gone_stalls_its_node_alone(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    cloud: clouds.Cloud,
    nodes: dict[str, str],
) -> None:
    """Trap 1: the fill ends the node's one cache thread."""
    broken, sound = images('broken'), images('sound', 5 * MB)
    caches[0].fill(broken)
    stored = next(cloud.directory.glob(f'stores/*/{broken}'))
    hidden = stored.rename(cloud.directory / 'hidden')

    try:
        result = openstack(
            *(*FLEET, 'queue', 'broken', 'sound', '--wait'),
            *('--stall-after', '3', *ALL),
        )
    finally:
        hidden.rename(stored)
        cloud.glance[1].stop()
        cloud.glance[1].start()

    assert result.code == 1
    assert results(result) == [
        ('broken', 'already cached', 'edge-oslo'),
        ('sound', 'cached', 'edge-oslo'),
        ('broken', 'queued', 'edge-bergen'),
        ('sound', 'queued', 'edge-bergen'),
    ]
    label = f'edge-bergen ({nodes["edge-bergen"]})'
    stall, rest = result.err.splitlines()
    assert stall.startswith(
        f'Stalled: no newly cached image on {label} for 3 seconds. '
        'Possible causes: '
    )
    assert rest == (
        f'Not cached on {label}: broken ({broken}), sound ({sound}): Stalled: '
        'no newly cached image for 3 seconds.'
    )

    # The remedy: restart it, and queue again with --force.
    again = openstack(
        *(*FLEET, 'queue', 'broken', 'sound', '--node', 'edge-bergen'),
        *('--force', '--wait', '-f', 'json'),
    )
    assert (again.code, again.err) == (0, '')
    assert caches[1].cached == {broken, sound}


@pytest.mark.parametrize(
    ('change', 'why'),
    [
        (Images.delete, 'The image was deleted from Glance.'),
        (
            Images.deactivate,
            'The image is not active. Wait until the image is active, or '
            'reactivate it.',
        ),
    ],
    ids=['deleted', 'deactivated'],
)
def test_an_image_that_is_no_longer_active_fails(
    started: Start,
    images: Images,
    caches: list[Cache],
    nodes: dict[str, str],
    change: Callable[[Images, str], None],
    why: str,
) -> None:
    image = images('doomed')
    images('sound')
    caches[1].queue_only(image)

    with started('-v', *FLEET, 'queue', 'doomed', 'sound', *ON_BERGEN) as run:
        until_something_arrived(run)
        change(images, image)
        result = ended(run)

    assert result.code == 1
    assert results(result) == [('sound', 'cached', 'edge-bergen')]
    assert result.err.splitlines()[-1] == (
        f'Cannot cache image doomed ({image}) on edge-bergen '
        f'({nodes["edge-bergen"]}): {why}'
    )


def test_an_image_that_somebody_drops_meanwhile_has_failed(
    started: Start, images: Images, caches: list[Cache], nodes: dict[str, str]
) -> None:
    image, sound = images('dropped'), images('sound')
    caches[1].queue_only(image)

    with started('-v', *FLEET, 'queue', 'dropped', 'sound', *ON_BERGEN) as run:
        until_something_arrived(run)
        caches[1].clear()
        result = ended(run)

    assert result.code == 1
    assert sound not in caches[1].cached
    assert results(result) == [('sound', 'cached', 'edge-bergen')]
    assert result.err.splitlines()[-1] == (
        f'Cannot cache image dropped ({image}) on edge-bergen '
        f'({nodes["edge-bergen"]}): The image is no longer cached or queued '
        'there. The entry was deleted, or the fill failed: check the log of '
        'the node.'
    )


def test_time_that_is_up(
    openstack: OpenStack,
    images: Images,
    caches: list[Cache],
    nodes: dict[str, str],
) -> None:
    image = images('slow')
    caches[1].queue_only(image)

    result = openstack(
        *FLEET, 'queue', 'slow', '--wait', '--timeout', '2', *ALL
    )

    assert result.code == 1
    assert results(result) == [
        ('slow', 'cached', 'edge-oslo'),
        ('slow', 'queued', 'edge-bergen'),
    ]
    assert result.err == (
        f'Not cached on edge-bergen ({nodes["edge-bergen"]}): slow ({image}): '
        'Not cached within 2 seconds. Queued images stay queued. To wait '
        'longer, use --timeout. If glance-api was restarted after the request, '
        "use 'openstack image cache queue --force'.\n"
    )
    assert caches[1].queued == {image}


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_withdraws_nothing(
    started: Start,
    images: Images,
    caches: list[Cache],
    number: signal.Signals,
) -> None:
    image = images('slow')
    caches[1].queue_only(image)

    with started('-v', *FLEET, 'queue', 'slow', '--wait', *ALL) as run:
        until_something_arrived(run)
        run.send_signal(number)
        result = ended(run)

    assert result.code == 130
    assert result.err.splitlines()[-1] == 'Interrupted.'
    assert results(result) == [
        ('slow', 'cached', 'edge-oslo'),
        ('slow', 'queued', 'edge-bergen'),
    ]
    assert caches[1].queued == {image}


def test_a_terminal_sees_how_far_it_is(
    on_a_terminal: Callable[..., Result], images: Images
) -> None:
    images('large', 100 * MB)

    result = on_a_terminal(*FLEET, 'queue', 'large', '--wait', '--all-nodes')

    assert result.code == 0
    assert 'Filling ' in result.out
    assert ' 0/2  0 B / 200.0 MB' in result.out
    assert 'large on edge-oslo, large on edge-bergen' in result.out
    assert 'Cached: ' not in result.out
