# SPDX-License-Identifier: Apache-2.0

"""Queries of Glance's list of images: few, and none too long."""

import urllib.parse

import hypothesis
from hypothesis import strategies
import pytest

from glance_cache_osc import errors
from glance_cache_osc.cloud import queries


@pytest.mark.parametrize(
    'key', ['id', 'limit', 'marker', 'name', 'sort', 'sort_dir', 'tag']
)
def test_what_is_no_property_is_refused(key: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        queries.check_properties({'os_distro': 'ubuntu', key: '1'})

    assert str(caught.value) == (
        f"'{key}' is not an image property. Specify images by ID, name, --tag "
        'or --property.'
    )


def test_other_properties_are_kept() -> None:
    assert queries.check_properties({'a': '1', 'status': 'x'}) == {
        'a': '1',
        'status': 'x',
    }


def test_a_flag_is_true_or_false() -> None:
    flags = {'os_hidden': 'TRUE', 'protected': 'False'}
    assert queries.check_properties(flags) == {
        'os_hidden': 'true',
        'protected': 'false',
    }
    with pytest.raises(errors.UsageError) as caught:
        queries.check_properties({'protected': 'no'})
    assert (
        str(caught.value) == "the value of 'protected' is not true or false."
    )


def values_of(query: dict[str, str]) -> list[str]:
    """What a query asks for."""
    operator, _, rest = query['name'].partition(':')
    return rest.split(',') if operator == 'in' else [rest]


@hypothesis.given(
    words=strategies.lists(strategies.text(max_size=400), max_size=300)
)
@hypothesis.example(words=['x'] * 250)
@hypothesis.example(words=['日' * 700] * 3)
@hypothesis.example(words=['x' * 20000, 'y'])
@hypothesis.example(words=['a,b', 'c', '"', ',', 'd'])
@hypothesis.settings(max_examples=50)
def test_queries_ask_for_all_and_keep_the_bounds(words: list[str]) -> None:
    asked = queries.for_values('name', words)

    alone = [one for one in words if ',' in one or '"' in one]
    assert [
        query['name'][3:] for query in asked if query['name'].startswith('eq:')
    ] == alone
    assert [
        one
        for query in asked
        if query['name'].startswith('in:')
        for one in values_of(query)
    ] == [one for one in words if one not in alone]
    for query in asked:
        encoded = urllib.parse.quote(query['name'][3:])
        values = values_of(query)
        assert len(values) <= 100 or query['name'].startswith('eq:')
        assert len(values) == 1 or len(encoded) <= 6000


@pytest.mark.parametrize(
    ('words', 'lengths'),
    [
        ([], []),
        (['x'] * 250, [100, 100, 50]),
        # A character of three bytes is nine in a query, and a comma is three.
        (['日' * 100] * 14, [6, 6, 2]),
        # 60 values fill a query exactly.
        (['x' * 97] * 121, [60, 60, 1]),
        (['x' * 20000, 'y'], [1, 1]),
    ],
)
def test_a_query_is_as_long_as_it_may_be(
    words: list[str], lengths: list[int]
) -> None:
    asked = queries.for_values('name', words)

    assert [len(values_of(query)) for query in asked] == lengths


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (['a', 'b'], [{'name': 'in:a,b'}]),
        (['a,b'], [{'name': 'eq:a,b'}]),
        (
            ['a', 'say "hi"', 'b', ','],
            [{'name': 'in:a,b'}, {'name': 'eq:say "hi"'}, {'name': 'eq:,'}],
        ),
        # All images are listed instead.
        ([str(at) for at in range(1001)], [{}]),
    ],
)
def test_what_a_list_can_not_carry_is_asked_for_alone(
    words: list[str], expected: list[dict[str, str]]
) -> None:
    assert queries.for_values('name', words) == expected


def test_no_image_has_all_tags_and_properties() -> None:
    """The remedy can be pasted into a shell."""
    error = queries.no_match(
        ['lts', 'two words'], {'os_distro': 'ubuntu', 'a': ''}
    )

    assert str(error) == (
        'No image has all of these tags and properties: lts, two words, '
        "os_distro=ubuntu, a=. See 'openstack image list --tag lts --tag "
        "'two words' --property os_distro=ubuntu --property a='."
    )
