# SPDX-License-Identifier: Apache-2.0

"""Which entries are meant."""

import datetime

import pytest

from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import selection

UBUNTU = '9b73824a-c4e5-4822-be0d-10abcb0fe5df'
NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)

KNOWN = {UBUNTU: images.Image(UBUNTU, 'ubuntu-24.04')}
CACHED = entries.Entry(
    UBUNTU,
    entries.State.CACHED,
    size=1000,
    hits=3,
    last_accessed=NOW - 2 * DAY,
    last_modified=NOW - 9 * DAY,
)
NEVER_SERVED = entries.Entry(
    UBUNTU,
    entries.State.CACHED,
    size=1000,
    hits=0,
    last_accessed=None,
    last_modified=NOW - 9 * DAY,
)
QUEUED = entries.Entry(UBUNTU, entries.State.QUEUED)
ORPHAN = entries.Entry('c0ffee00', entries.State.CACHED, size=None)
IN_THE_FUTURE = entries.Entry(
    UBUNTU, entries.State.CACHED, last_accessed=NOW + DAY
)


@pytest.mark.parametrize(
    ('filters', 'kept'),
    [
        (
            selection.Filters(),
            [CACHED, NEVER_SERVED, QUEUED, ORPHAN, IN_THE_FUTURE],
        ),
        (
            selection.Filters(states=frozenset({entries.State.CACHED})),
            [CACHED, NEVER_SERVED, ORPHAN, IN_THE_FUTURE],
        ),
        (
            selection.Filters(states=frozenset({entries.State.QUEUED})),
            [QUEUED],
        ),
        (
            selection.Filters(states=frozenset(entries.State)),
            [CACHED, NEVER_SERVED, QUEUED, ORPHAN, IN_THE_FUTURE],
        ),
        (selection.Filters(orphans=True), [ORPHAN]),
        (selection.Filters(unused=True), [NEVER_SERVED]),
        (selection.Filters(older_than=DAY), [CACHED, NEVER_SERVED]),
        (selection.Filters(older_than=2 * DAY), [NEVER_SERVED]),
        (selection.Filters(older_than=0 * DAY), [CACHED, NEVER_SERVED]),
        (selection.Filters(larger_than=999), [CACHED, NEVER_SERVED]),
        (selection.Filters(larger_than=1000), []),
        (selection.Filters(larger_than=0), [CACHED, NEVER_SERVED]),
        (
            selection.Filters(unused=True, older_than=2 * DAY),
            [NEVER_SERVED],
        ),
        (selection.Filters(orphans=True, unused=True), []),
    ],
)
def test_an_entry_is_kept_that_meets_every_condition(
    filters: selection.Filters, kept: list[entries.Entry]
) -> None:
    held = [CACHED, NEVER_SERVED, QUEUED, ORPHAN, IN_THE_FUTURE]

    assert [one for one in held if filters.keeps(one, KNOWN, NOW)] == kept


@pytest.mark.parametrize(
    ('filters', 'expected'),
    [
        (selection.Filters(), False),
        (selection.Filters(states=frozenset()), False),
        (
            selection.Filters(states=frozenset({entries.State.CACHED})),
            True,
        ),
        (selection.Filters(orphans=True), True),
        (selection.Filters(unused=True), True),
        (selection.Filters(older_than=0 * DAY), True),
        (selection.Filters(larger_than=0), True),
    ],
)
def test_a_condition_counts_even_when_it_is_zero(
    filters: selection.Filters, expected: bool
) -> None:
    assert bool(filters) is expected


@pytest.mark.parametrize(
    ('image_id', 'expected'),
    [
        ('c0ffee00-1234-4abc-8def-0123456789ab', True),
        ('C0FFEE00-1234-4ABC-8DEF-0123456789AB', True),
        # Images API 1 took such IDs.
        ('of_v1.2-3', True),
        # Glance can not be asked about these: nobody knows.
        ('x' * 37, False),
        ('a,b', False),
        ('"', False),
        ('a b', False),
        ('ä', False),
        ('\ud800', False),
        ('../images', False),
    ],
)
def test_what_glance_can_not_be_asked_about_is_never_an_orphan(
    image_id: str, expected: bool
) -> None:
    """A deletion of orphans must not take what is merely unknown."""
    entry = entries.Entry(image_id, entries.State.CACHED, size=7)
    orphans = selection.Filters(orphans=True)

    assert orphans.keeps(entry, {}, NOW) is expected
    assert selection.Filters().keeps(entry, {}, NOW)


@pytest.mark.parametrize(
    ('filters', 'kept'),
    [
        (selection.Filters(), [CACHED, NEVER_SERVED, QUEUED, ORPHAN]),
        (selection.Filters(unused=True), [NEVER_SERVED]),
        (selection.Filters(larger_than=1000), []),
        (selection.Filters(older_than=5 * DAY), [NEVER_SERVED]),
        # What Glance knows is not known yet.
        (
            selection.Filters(orphans=True),
            [CACHED, NEVER_SERVED, QUEUED, ORPHAN],
        ),
        (selection.Filters(orphans=True, unused=True), [NEVER_SERVED]),
    ],
)
def test_entries_are_sifted_before_glance_is_asked(
    filters: selection.Filters, kept: list[entries.Entry]
) -> None:
    held = [CACHED, NEVER_SERVED, QUEUED, ORPHAN]

    assert filters.candidates(held, NOW) == kept
