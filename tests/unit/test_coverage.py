# SPDX-License-Identifier: Apache-2.0

"""On how many nodes each image is, and where it is missing."""

import hypothesis
from hypothesis import strategies
import pytest

from glance_cache_osc.model import coverage
from glance_cache_osc.model import entries
from glance_cache_osc.model import images

UBUNTU = images.Image('id-1', 'ubuntu-24.04', size=5000000)
UNSIZED = images.Image('id-1', 'ubuntu-24.04')
DEBIAN = images.Image('id-2', 'debian-13', size=2000000)


def cached(image_id: str, size: int | None = 7) -> entries.Entry:
    return entries.Entry(image_id, entries.State.CACHED, size=size, hits=0)


def queued(image_id: str) -> entries.Entry:
    return entries.Entry(image_id, entries.State.QUEUED)


def test_an_image_is_cached_queued_or_missing_on_a_node() -> None:
    held = {
        'oslo': [cached('id-1')],
        'bergen': [queued('id-1')],
        'tromso': [cached('id-2')],
        'bodo': [],
    }

    assert coverage.cover([UBUNTU, DEBIAN], held) == [
        coverage.Coverage(
            UBUNTU,
            size=5000000,
            cached=1,
            queued=1,
            missing_on=('tromso', 'bodo'),
        ),
        coverage.Coverage(
            DEBIAN,
            size=2000000,
            cached=1,
            queued=0,
            missing_on=('oslo', 'bergen', 'bodo'),
        ),
    ]


def test_what_was_asked_for_again_is_cached() -> None:
    held = {'oslo': [cached('id-1'), queued('id-1')]}

    (covered,) = coverage.cover([UBUNTU], held)

    assert (covered.cached, covered.queued, covered.missing_on) == (1, 0, ())


@pytest.mark.parametrize(
    ('image', 'held', 'expected'),
    [
        (UBUNTU, {'oslo': [cached('id-1', 7)]}, 5000000),
        (UBUNTU, {'oslo': []}, 5000000),
        (images.Image('id-1', size=0), {'oslo': [cached('id-1', 7)]}, 0),
        (UNSIZED, {'oslo': [cached('id-1', 7)]}, 7),
        (UNSIZED, {'oslo': [], 'bergen': [cached('id-1', 8)]}, 8),
        (UNSIZED, {'oslo': [queued('id-1')]}, None),
        (UNSIZED, {'oslo': [cached('id-1', None)]}, None),
        (UNSIZED, {}, None),
    ],
)
def test_a_size_is_what_glance_says_or_else_a_cache(
    image: images.Image,
    held: dict[str, list[entries.Entry]],
    expected: int | None,
) -> None:
    (covered,) = coverage.cover([image], held)

    assert covered.size == expected


def test_a_cache_that_knows_no_size_does_not_hide_one_that_does() -> None:
    held = {'oslo': [cached('id-1', None)], 'bergen': [cached('id-1', 8)]}

    (covered,) = coverage.cover([UNSIZED], held)

    assert covered.size == 8


@pytest.mark.parametrize('held', [{}, {'oslo': [cached('id-1')]}])
def test_nothing_wanted_covers_nothing(
    held: dict[str, list[entries.Entry]],
) -> None:
    assert coverage.cover([], held) == []


def test_no_nodes_miss_nothing() -> None:
    assert coverage.cover([UBUNTU], {}) == [
        coverage.Coverage(UBUNTU, 5000000, 0, 0, ())
    ]


IDS = strategies.sampled_from(['id-1', 'id-2', 'id-3', 'id-4'])
IMAGES = strategies.lists(
    IDS.map(images.Image), unique_by=lambda one: one.image_id
)
ENTRIES = strategies.builds(
    entries.Entry,
    image_id=IDS,
    state=strategies.sampled_from(entries.State),
    size=strategies.none() | strategies.integers(0, 9),
)
HELD = strategies.dictionaries(
    strategies.sampled_from(['oslo', 'bergen', 'tromso', 'bodo', 'alta']),
    strategies.lists(ENTRIES, max_size=5),
    max_size=3,
)


@hypothesis.given(wanted=IMAGES, held=HELD)
def test_each_node_counts_once_for_each_image(
    wanted: list[images.Image], held: dict[str, list[entries.Entry]]
) -> None:
    for one in coverage.cover(wanted, held):
        assert one.cached + one.queued + len(one.missing_on) == len(held)


@hypothesis.given(wanted=IMAGES, held=HELD)
def test_images_and_nodes_keep_their_order(
    wanted: list[images.Image], held: dict[str, list[entries.Entry]]
) -> None:
    covered = coverage.cover(iter(wanted), held)

    assert [one.image for one in covered] == wanted
    for one in covered:
        assert list(one.missing_on) == [
            node for node in held if node in one.missing_on
        ]


@hypothesis.given(wanted=IMAGES, held=HELD)
def test_an_image_is_missing_where_no_entry_is_its_own(
    wanted: list[images.Image], held: dict[str, list[entries.Entry]]
) -> None:
    for one in coverage.cover(wanted, held):
        states = {
            node: {
                entry.state
                for entry in group
                if entry.image_id == one.image.image_id
            }
            for node, group in held.items()
        }
        assert one.missing_on == tuple(
            node for node, found in states.items() if not found
        )
        assert one.cached == sum(
            entries.State.CACHED in found for found in states.values()
        )


SITES = {'oslo-1': 'oslo', 'oslo-2': 'oslo', 'bergen': 'bergen'}


@pytest.mark.parametrize(
    ('first', 'second', 'expected'),
    [
        ([cached('id-1')], [cached('id-1')], (1, 0, ())),
        ([cached('id-1')], [queued('id-1')], (0, 1, ())),
        ([queued('id-1')], [queued('id-1')], (0, 1, ())),
        ([cached('id-1')], [], (0, 0, ('oslo',))),
        ([queued('id-1')], [], (0, 0, ('oslo',))),
        ([], [], (0, 0, ('oslo',))),
    ],
)
def test_a_site_has_an_image_if_all_of_its_nodes_do(
    first: list[entries.Entry],
    second: list[entries.Entry],
    expected: tuple[int, int, tuple[str, ...]],
) -> None:
    held = {'oslo-1': first, 'oslo-2': second}

    (covered,) = coverage.cover([UBUNTU], held, site_of=SITES.__getitem__)

    found = covered.cached, covered.queued, covered.missing_on
    assert found == expected


def test_nodes_on_which_an_image_does_not_belong_do_not_count() -> None:
    held = {'oslo-1': [], 'oslo-2': [cached('id-1')], 'bergen': []}

    def belongs(image_id: str, node: str) -> bool:
        return (image_id, node) in {('id-1', 'oslo-2'), ('id-2', 'bergen')}

    assert [
        (one.cached, one.queued, one.missing_on)
        for one in coverage.cover([UBUNTU, DEBIAN], held, belongs=belongs)
    ] == [(1, 0, ()), (0, 0, ('bergen',))]


def test_a_site_with_a_silent_node_does_not_count_as_cached() -> None:
    """It is not known whether that node has the image."""
    held = {'oslo-1': [cached('id-1')], 'bergen': [cached('id-1')]}

    (by_site,) = coverage.cover(
        [UBUNTU], held, site_of=SITES.__getitem__, unknown=['oslo-2']
    )
    (by_node,) = coverage.cover([UBUNTU], held, unknown=['oslo-2'])
    (elsewhere,) = coverage.cover(
        [UBUNTU],
        held,
        site_of=SITES.__getitem__,
        belongs=lambda image_id, node: (image_id, node) != ('id-1', 'oslo-2'),
        unknown=['oslo-2'],
    )

    assert (by_site.cached, by_site.missing_on) == (1, ())
    assert by_node.cached == 2
    assert elsewhere.cached == 2
