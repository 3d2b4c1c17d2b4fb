# SPDX-License-Identifier: Apache-2.0

"""Today's clients, and our commands that do the same.

`glance cache-…` of python-glanceclient and `openstack cached image …` of
python-openstackclient, each on the same node, from the same state.
"""

import pytest

from tests.functional.releases.conftest import Visit
from tests.functional.releases.test_programs import cells
from tests.matrix import nodes
from tests.matrix import visit
from tests.shell import Result

GLANCE = 'glance'
CACHED_IMAGE = 'openstack cached image'


@pytest.fixture
def here(at: Visit) -> visit.Visitor:
    """A node of Glance 33 with a central database."""
    return at(nodes.CENTRAL)


def fill(here: visit.Visitor) -> tuple[str, str]:
    """Have one image cached, another queued; returns their IDs."""
    here.cache.clear()
    cached, queued = here.image('cached'), here.image('queued')
    here.download(cached)
    here.cache.queue_only(queued)
    return cached, queued


def run(here: visit.Visitor, line: str) -> Result:
    """Run a client, which must not fail."""
    program, *argv = line.split()
    printed = here.run(program, *argv)
    assert printed.code == 0, printed
    return printed


@pytest.mark.parametrize(
    'line', [f'{GLANCE} cache-list', f'{CACHED_IMAGE} list']
)
def test_list(here: visit.Visitor, line: str) -> None:
    cached, queued = fill(here)

    theirs = cells(run(here, line))

    assert sorted((row[0], row[1]) for row in theirs) == sorted(
        (row['ID'], row['State']) for row in here.rows('list')
    )
    assert {row[0] for row in theirs} == {cached, queued}


@pytest.mark.parametrize(
    'line', [f'{GLANCE} cache-queue', f'{CACHED_IMAGE} queue']
)
def test_queue(here: visit.Visitor, line: str) -> None:
    image = here.image('wanted')

    run(here, f'{line} {image}')
    here.cache.wait_for(image)

    here.cache.call('DELETE', '/v2/cached_images')
    assert [row['Result'] for row in here.rows('queue', image)] == ['queued']
    here.cache.wait_for(image)


@pytest.mark.parametrize(
    'line', [f'{GLANCE} cache-delete', f'{CACHED_IMAGE} delete']
)
def test_delete(here: visit.Visitor, line: str) -> None:
    for argv in (line, None):
        cached, queued = fill(here)
        if argv:
            run(here, f'{argv} {cached}')
        else:
            assert here.rows('delete', cached)[0]['Result'] == 'deleted'
        assert (here.cache.cached, here.cache.queued) == (set(), {queued})


@pytest.mark.parametrize(
    ('line', 'argv', 'left'),
    [
        (f'{GLANCE} cache-clear', (), (0, 0)),
        (f'{GLANCE} cache-clear --target cache', ('--cache',), (0, 1)),
        (f'{GLANCE} cache-clear --target queue', ('--queue',), (1, 0)),
        (f'{CACHED_IMAGE} clear', (), (0, 0)),
        (f'{CACHED_IMAGE} clear --cache', ('--cache',), (0, 1)),
        (f'{CACHED_IMAGE} clear --queue', ('--queue',), (1, 0)),
    ],
)
def test_clear(
    here: visit.Visitor,
    line: str,
    argv: tuple[str, ...],
    left: tuple[int, int],
) -> None:
    fill(here)
    run(here, line)
    assert (len(here.cache.cached), len(here.cache.queued)) == left

    fill(here)
    here.rows('clear', *argv)
    assert (len(here.cache.cached), len(here.cache.queued)) == left


def test_glance_cache_clean_and_prune(here: visit.Visitor) -> None:
    invalid = here.node.cache_dir / 'invalid' / 'half-of-an-image'

    for clean in (
        lambda: run(here, f'{GLANCE} cache-clean'),
        lambda: here.rows('clean'),
    ):
        invalid.write_text('half of it')
        clean()
        assert not invalid.exists()

    left = []
    for prune in (
        lambda: run(here, f'{GLANCE} cache-prune'),
        lambda: here.rows('prune'),
    ):
        for name in 'abcd':
            here.download(here.image(name))
        prune()
        left.append(len(here.cache.cached))
    assert left == [2, 2]
