#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Which entries are meant."""

import datetime

import pytest

from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import selection

UBUNTU = '9b73824a-c4e5-4822-be0d-10abcb0fe5df'
NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc)
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
    ('narrowing', 'kept'),
    [
        (
            selection.Narrowing(),
            [CACHED, NEVER_SERVED, QUEUED, ORPHAN, IN_THE_FUTURE],
        ),
        (
            selection.Narrowing(states=frozenset({entries.State.CACHED})),
            [CACHED, NEVER_SERVED, ORPHAN, IN_THE_FUTURE],
        ),
        (
            selection.Narrowing(states=frozenset({entries.State.QUEUED})),
            [QUEUED],
        ),
        (
            selection.Narrowing(states=frozenset(entries.State)),
            [CACHED, NEVER_SERVED, QUEUED, ORPHAN, IN_THE_FUTURE],
        ),
        (selection.Narrowing(orphans=True), [ORPHAN]),
        (selection.Narrowing(unused=True), [NEVER_SERVED]),
        (selection.Narrowing(older_than=DAY), [CACHED, NEVER_SERVED]),
        (selection.Narrowing(older_than=2 * DAY), [NEVER_SERVED]),
        (selection.Narrowing(older_than=0 * DAY), [CACHED, NEVER_SERVED]),
        (selection.Narrowing(larger_than=999), [CACHED, NEVER_SERVED]),
        (selection.Narrowing(larger_than=1000), []),
        (selection.Narrowing(larger_than=0), [CACHED, NEVER_SERVED]),
        (
            selection.Narrowing(unused=True, older_than=2 * DAY),
            [NEVER_SERVED],
        ),
        (selection.Narrowing(orphans=True, unused=True), []),
    ],
)
def test_an_entry_is_kept_that_meets_every_condition(
    narrowing: selection.Narrowing, kept: list[entries.Entry]
) -> None:
    held = [CACHED, NEVER_SERVED, QUEUED, ORPHAN, IN_THE_FUTURE]

    assert [one for one in held if narrowing.keeps(one, KNOWN, NOW)] == kept


@pytest.mark.parametrize(
    ('narrowing', 'expected'),
    [
        (selection.Narrowing(), False),
        (selection.Narrowing(states=frozenset()), False),
        (
            selection.Narrowing(states=frozenset({entries.State.CACHED})),
            True,
        ),
        (selection.Narrowing(orphans=True), True),
        (selection.Narrowing(unused=True), True),
        (selection.Narrowing(older_than=0 * DAY), True),
        (selection.Narrowing(larger_than=0), True),
    ],
)
def test_a_condition_counts_even_when_it_is_zero(
    narrowing: selection.Narrowing, expected: bool
) -> None:
    assert bool(narrowing) is expected


@pytest.mark.parametrize(
    ('wanted', 'expected'),
    [
        ([], True),
        ([UBUNTU], True),
        (['ubuntu-24.04'], True),
        (['ubuntu-*'], True),
        (['nosuch', 'ubuntu-2?.04'], True),
        (['ubuntu'], False),
        (['Ubuntu-*'], False),
        (['9b73824a-*'], False),
        (['c0ffee00'], False),
    ],
)
def test_words_mean_an_image(wanted: list[str], expected: bool) -> None:
    meant = selection.meant(wanted, [UBUNTU], KNOWN)

    assert meant == ([UBUNTU] if expected else [])


@pytest.mark.parametrize(
    ('wanted', 'expected'), [(['c0ffee00'], True), (['*'], False)]
)
def test_an_orphan_has_an_id_and_no_name(
    wanted: list[str], expected: bool
) -> None:
    meant = selection.meant(wanted, ['c0ffee00'], KNOWN)

    assert meant == (['c0ffee00'] if expected else [])


def test_a_name_that_is_the_glob_itself_wins() -> None:
    known = {
        'a': images.Image('a', 'app[1]'),
        'b': images.Image('b', 'app1'),
        'c': images.Image('c', 'web1'),
    }

    assert selection.meant(['app[1]'], known, known) == ['a']
    assert selection.meant(['app[1]', 'app*'], known, known) == ['a', 'b']
    assert selection.meant(['[aw]??[12]'], known, known) == ['b', 'c']


def test_an_id_is_meant_even_if_it_is_also_a_name() -> None:
    known = {'b': images.Image('b', 'a')}

    assert selection.meant(['a'], ['a', 'b', 'c'], known) == ['a', 'b']


def test_what_is_meant_comes_in_the_order_of_the_images() -> None:
    ids = ['c0ffee00', UBUNTU, 'another']

    assert selection.meant([], ids, KNOWN) == ids
    assert selection.meant(['another', 'c0ffee00'], ids, KNOWN) == [
        'c0ffee00',
        'another',
    ]


@pytest.mark.parametrize(
    ('narrowing', 'kept'),
    [
        (selection.Narrowing(), [CACHED, NEVER_SERVED, QUEUED, ORPHAN]),
        (selection.Narrowing(unused=True), [NEVER_SERVED]),
        (selection.Narrowing(larger_than=1000), []),
        (selection.Narrowing(older_than=5 * DAY), [NEVER_SERVED]),
        # What Glance knows is not known yet.
        (
            selection.Narrowing(orphans=True),
            [CACHED, NEVER_SERVED, QUEUED, ORPHAN],
        ),
        (selection.Narrowing(orphans=True, unused=True), [NEVER_SERVED]),
    ],
)
def test_entries_are_sifted_before_glance_is_asked(
    narrowing: selection.Narrowing, kept: list[entries.Entry]
) -> None:
    held = [CACHED, NEVER_SERVED, QUEUED, ORPHAN]

    assert narrowing.sift(held, NOW) == kept
