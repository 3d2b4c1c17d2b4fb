# SPDX-License-Identifier: Apache-2.0

"""What a policy says of each site."""

import fnmatch
from typing import Any

import hypothesis
from hypothesis import strategies
import pytest

from glance_cache_osc.model import images
from glance_cache_osc.policy import policies

CIRROS = images.Image('id-1', 'cirros-0.6')
DEBIAN = images.Image('id-2', 'debian-13')
UBUNTU = images.Image('id-3', 'ubuntu-24.04')


def rule(*match: str, sets: tuple[str, ...] = (), **more: Any) -> Any:
    return policies.Rule(match, sets, **more)


def policy(*rules: policies.Rule) -> policies.Policy:
    return policies.Policy({}, rules)


EVERYWHERE = rule('*', sets=('base',), delete_others=True, max_downloads=2)
OSLO = rule('oslo', 'bergen', sets=('radio',))
CITIES = rule('city-?', 'town*', sets=('base', 'radio'), max_downloads=1)


@pytest.mark.parametrize(
    ('rules', 'site', 'expected'),
    [
        ([EVERYWHERE, OSLO], 'oslo', OSLO),
        ([EVERYWHERE, OSLO], 'bergen', OSLO),
        ([EVERYWHERE, OSLO], 'tromso', EVERYWHERE),
        ([OSLO, EVERYWHERE], 'oslo', EVERYWHERE),
        ([OSLO], 'tromso', None),
        ([OSLO], 'Oslo', None),
        ([OSLO], 'oslo-2', None),
        ([], 'oslo', None),
        ([CITIES], 'city-1', CITIES),
        ([CITIES], 'city-12', None),
        ([CITIES], 'city-', None),
        ([CITIES], 'town', CITIES),
        ([CITIES], 'my town', None),
        ([EVERYWHERE, CITIES, rule('city-1')], 'city-1', rule('city-1')),
        ([rule('city-1'), CITIES], 'city-1', CITIES),
        ([rule('a'), rule('*'), rule('?')], 'a', rule('?')),
        ([rule('*'), rule('*', sets=('base',))], 'a', rule('*', sets=('base',))),
        ([rule('a.c')], 'abc', None),
        ([rule('a.c*')], 'abcd', None),
        ([rule('*')], 'two\nlines', rule('*')),
        ([rule('!a*')], 'b', None),
    ],
)  # fmt: skip
def test_the_last_rule_that_matches_wins(
    rules: list[policies.Rule], site: str, expected: policies.Rule | None
) -> None:
    """Whole: nothing of an earlier rule is left, neither a set nor a flag."""
    assert policy(*rules).rule_for(site) == expected


WORDS = strategies.text('ab*?', min_size=1, max_size=4)


@hypothesis.given(
    matches=strategies.lists(
        strategies.lists(WORDS, min_size=1, max_size=3), max_size=6
    ),
    site=strategies.text('ab', min_size=1, max_size=4),
)
def test_it_is_as_if_all_rules_were_read_in_order(
    matches: list[list[str]], site: str
) -> None:
    rules = [
        rule(*match, max_downloads=at)
        for at, match in enumerate(matches, start=1)
    ]
    expected = None
    for one in rules:
        if any(fnmatch.fnmatchcase(site, word) for word in one.match):
            expected = one

    assert policy(*rules).rule_for(site) == expected


def test_a_site_wants_the_images_of_its_sets_each_once() -> None:
    found = {
        'base': policies.Found([CIRROS, DEBIAN], complete=True),
        'radio': policies.Found([DEBIAN, UBUNTU], complete=True),
        'other': policies.Found([], complete=False),
    }
    one = rule('oslo', sets=('base', 'radio'), delete_others=True)

    assert policies.wanted(one, found) == policies.Wanted(
        [CIRROS, DEBIAN, UBUNTU], only=True, complete=True
    )


def test_a_site_without_a_rule_wants_nothing_and_loses_nothing() -> None:
    assert policies.Policy({}, []).rule_for('oslo') is None


def test_a_rule_without_sets_wants_an_empty_cache() -> None:
    one = rule('oslo', delete_others=True)

    assert policies.wanted(one, {}) == policies.Wanted([], only=True)


@pytest.mark.parametrize('delete_others', [False, True])
@pytest.mark.parametrize('complete', [False, True])
def test_others_are_deleted_only_if_all_images_were_found(
    delete_others: bool, complete: bool
) -> None:
    found = {
        'base': policies.Found([CIRROS], complete=True),
        'radio': policies.Found([], complete=complete),
    }
    one = rule('oslo', sets=('base', 'radio'), delete_others=delete_others)

    want = policies.wanted(one, found)

    assert want
    assert want.images == [CIRROS]
    assert want.only is (delete_others and complete)
    assert want.complete is complete
