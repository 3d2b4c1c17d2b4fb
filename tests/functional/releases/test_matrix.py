# SPDX-License-Identifier: Apache-2.0

"""What each command does on each kind of node is what the manual says."""

import pytest

from tests.cloud import rest
from tests.functional.releases.conftest import Visit
from tests.matrix import nodes
from tests.matrix import table
from tests.matrix import visit
from tests.shell import Result


@pytest.fixture(scope='module')
def found(releases: nodes.Releases) -> dict[str, dict[str, str]]:
    """What was seen: by title of the node, by command."""
    return table.outcomes(releases)


@pytest.mark.parametrize('kind', nodes.KINDS, ids=lambda kind: kind.title)
def test_the_manual_says_what_happens(
    request: pytest.FixtureRequest, kind: nodes.Kind
) -> None:
    """If this fails for good reason: python -m tests.matrix --write."""
    if kind.missing:
        pytest.skip(kind.missing)
    found = request.getfixturevalue('found')
    manual = table.read(table.MANUAL.read_text(encoding='utf-8'))

    assert found[kind.title] == manual[kind.title]


def test_the_manual_has_all_kinds_and_all_commands() -> None:
    manual = table.read(table.MANUAL.read_text(encoding='utf-8'))

    assert list(manual) == [kind.title for kind in nodes.KINDS]
    assert {tuple(cells) for cells in manual.values()} == {visit.COMMANDS}


def test_coverage_needs_no_list_of_nodes(at: Visit) -> None:
    """Without a central database Glance has none."""
    here = at(nodes.SQLITE)
    image = here.image('covered')
    here.download(image)

    with pytest.raises(rest.RestError) as refused:
        here.cache.call('GET', f'/v2/cache/nodes/{image}')
    printed = here.ours('coverage', 'covered')

    assert refused.value.status == 409
    assert 'Centralized caching is not enabled' in refused.value.text
    assert [printed.code, printed.err] == [0, '']
    assert '"Cached": 1' in printed.out


@pytest.mark.parametrize(
    ('kind', 'version', 'driver'),
    [
        (nodes.CENTRAL, '2.18', 'cache-api'),
        (nodes.HIDDEN, '2.18', 'cache-manage'),
        (nodes.YOGA, '2.15', 'cache-api'),
        (nodes.XENA, '2.12', 'cache-manage'),
    ],
    ids=lambda one: getattr(one, 'title', one),
)
def test_node_list_names_the_driver_in_use(
    at: Visit, kind: nodes.Kind, version: str, driver: str
) -> None:
    here = at(kind)

    printed = here.openstack(
        *('image', 'cache', 'node', 'list', '--long', '-f', 'value'),
        *('-c', 'Status', '-c', 'API Version', '-c', 'Driver'),
    )

    assert printed == Result(0, f'ok {version} {driver}\n', '')


@pytest.mark.parametrize('kind', [nodes.XENA, nodes.NEITHER])
def test_an_old_node_asks_for_no_more_than_is_told(
    at: Visit, kind: nodes.Kind
) -> None:
    """It queues what exists and is active, and says what has to run."""
    here = at(kind)
    image = here.image('asked for')
    empty = here.image('without data', size=None)
    nowhere = 'deadbeef-0000-4000-8000-000000000000'
    url = here.node.url

    printed = here.openstack(
        *('image', 'cache', 'queue', '-f', 'value'),
        *('-c', 'Name', '-c', 'Result', image, empty, nowhere),
    )

    unknown = (
        f"Cannot find '{nowhere}': No image has the name or ID '{nowhere}'. "
        "See 'openstack image list'.\n"
    )
    if kind is nodes.NEITHER:
        # Both are found at the same time.
        assert sorted(printed.err.splitlines(keepends=True)) == [
            unknown,
            f'Cannot read the cache of {url}: The node supports Images API up '
            "to 2.12; the cache requires 2.14 (Yoga). Set 'image_cache_dir' "
            "and 'flavor = keystone+cachemanagement' in that node's "
            'glance-api.conf and restart it, or upgrade it.\n',
        ]
        assert (printed.code, printed.out) == (1, '')
        assert here.cache.queued == set()
        return
    assert printed == Result(
        1,
        'asked for queued\n',
        f"Images stay queued until 'glance-cache-prefetcher' runs on {url}.\n"
        f'{unknown}Cannot queue image without data ({empty}): The image is not '
        'active. Wait until the image is active, or reactivate it.\n',
    )
    assert here.cache.queued == {image}
