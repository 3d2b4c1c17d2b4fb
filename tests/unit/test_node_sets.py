# SPDX-License-Identifier: Apache-2.0

"""Node sets, and the names that they stand for."""

import hypothesis
from hypothesis import strategies
import pytest

from glance_cache_osc import errors
from glance_cache_osc.model import node_sets

REMEDY = 'Use one range, such as oslo-[1-3] or oslo-[01-12,20].'


@pytest.mark.parametrize(
    ('text', 'names'),
    [
        ('oslo-[1-3]', ['oslo-1', 'oslo-2', 'oslo-3']),
        ('oslo-[1,3]', ['oslo-1', 'oslo-3']),
        ('oslo-[1-2,5]-a', ['oslo-1-a', 'oslo-2-a', 'oslo-5-a']),
        ('[1-2]', ['1', '2']),
        ('[1-2].oslo', ['1.oslo', '2.oslo']),
        ('oslo-[7]', ['oslo-7']),
        ('oslo-[08-10]', ['oslo-08', 'oslo-09', 'oslo-10']),
        ('oslo-[8-10]', ['oslo-8', 'oslo-9', 'oslo-10']),
        ('oslo-[001,100]', ['oslo-001', 'oslo-100']),
        # In the order of the text: it determines which endpoint a name has.
        ('oslo-[01,2]', ['oslo-01', 'oslo-2']),
        ('oslo-[1,02,3]', ['oslo-1', 'oslo-02', 'oslo-3']),
        ('oslo-[0-1]', ['oslo-0', 'oslo-1']),
        (
            'http://glance-[1-2].example.net:9292/v2',
            [
                'http://glance-1.example.net:9292/v2',
                'http://glance-2.example.net:9292/v2',
            ],
        ),
        (
            'http://[fd00::1]:[1-2]',
            ['http://[fd00::1]:1', 'http://[fd00::1]:2'],
        ),
    ],
)
def test_a_range_is_expanded(text: str, names: list[str]) -> None:
    assert node_sets.is_set(text)
    assert node_sets.expand(text) == names


@pytest.mark.parametrize(
    'text',
    [
        'oslo',
        'oslo-1',
        'x!y',
        'a,b',
        'a&b',
        'a^b',
        '@group',
        'a 1-3',
        'oslo-[]',
        'oslo-[a-c]',
        'oslo-[!1]',
        'oslo-[1-3/2]',
        'oslo-[1-]',
        'oslo-[-1]',
        'oslo-[1,]',
        'oslo-[ 1]',
        'oslo-[1-3',
        'oslo-1-3]',
        'oslo-[\u0661-\u0663]',
        'oslo-[1234567]',
        'http://[::1]:9292',
        'http://[2001:db8::5]',
        '[fd00::1%eth0]',
        '',
    ],
)
def test_all_else_is_a_name(text: str) -> None:
    """ClusterShell has operators; here they are parts of names."""
    assert not node_sets.is_set(text)
    assert node_sets.expand(text) == [text]


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('a-[1-2]-[1-2]', 'more than one range'),
        ('a-[3,1,2]', 'the numbers are not in ascending order'),
        ('a-[1-3,2]', 'the numbers are not in ascending order'),
        ('a-[1,1]', 'the numbers are not in ascending order'),
        ('a-[1-1]', 'the numbers are not in ascending order'),
        ('a-[1,01]', 'the numbers are not in ascending order'),
        ('a-[3-1]', 'the range is not valid'),
        ('a-[01-003]', 'the range is not valid'),
        ('a-[0-100000]', 'more than 100000 names'),
        ('a-[000001-999999]', 'more than 100000 names'),
        ('a-[0-50000,50001-100000]', 'more than 100000 names'),
        ('a-[9-1,1-100001]', 'more than 100000 names'),
    ],
)
def test_a_range_is_one_and_ascends(text: str, why: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        node_sets.expand(text)

    assert str(caught.value) == f"'{text}' is not a node set: {why}. {REMEDY}"


@pytest.mark.parametrize(
    ('names', 'folded'),
    [
        ([], []),
        (['oslo'], ['oslo']),
        (['edge-1'], ['edge-1']),
        (['edge-1', 'edge-2', 'edge-3', 'oslo'], ['edge-[1-3]', 'oslo']),
        (['oslo', 'edge-3', 'edge-1'], ['oslo', 'edge-[1,3]']),
        (['edge-1', 'edge-1'], ['edge-1']),
        (['edge-9', 'edge-10'], ['edge-[9-10]']),
        # A zero is not padded.
        (['edge-0', 'edge-10'], ['edge-[0,10]']),
        (['edge-09', 'edge-10'], ['edge-[09-10]']),
        (['edge-009', 'edge-10'], ['edge-009', 'edge-10']),
        (['a1-b1', 'a1-b2', 'a2-b1'], ['a1-b[1-2]', 'a2-b1']),
        (['n1.oslo', 'n2.oslo', 'n1.bergen'], ['n[1-2].oslo', 'n1.bergen']),
        # Not groups of the same name.
        (['oslo', 'oslo1', 'oslo2'], ['oslo', 'oslo[1-2]']),
        (['oslo1', 'oslo'], ['oslo1', 'oslo']),
        # Longer than the numbers of a range may be.
        (
            ['n-20261121001', 'n-20261121002'],
            ['n-20261[121001-121002]'],
        ),
        (['http://[::1]', 'http://[::2]'], ['http://[::1]', 'http://[::2]']),
        (
            [
                *(f'edge-{at:03}' for at in range(1, 181)),
                *(f'edge-{at:03}' for at in range(182, 201)),
            ],
            ['edge-[001-180,182-200]'],
        ),
    ],
)
def test_names_are_folded_by_their_last_number(
    names: list[str], folded: list[str]
) -> None:
    assert node_sets.fold(names) == folded


NAMES = strategies.one_of(
    strategies.from_regex(r'[a-c]{0,2}[0-9]{1,3}[a-c!,-]?', fullmatch=True),
    strategies.from_regex(r'[a-c.:\]]{0,2}[0-9]{1,9}', fullmatch=True),
    strategies.text(min_size=1),
)


@hypothesis.given(strategies.lists(NAMES))
@hypothesis.example(['0', '00', '000', '1', '01'])
@hypothesis.example(['a', 'a1', 'a2'])
@hypothesis.example(['a]1', 'a]2'])
@hypothesis.example(['\u0661', '\u0662'])
def test_what_is_folded_expands_to_the_same_names(names: list[str]) -> None:
    # A configured name holds no range: it has been expanded.
    names = [one for one in names if not node_sets.is_set(one)]

    folded = node_sets.fold(names)

    expanded = [one for part in folded for one in node_sets.expand(part)]
    assert sorted(expanded) == sorted(set(names))


def test_a_range_has_up_to_a_hundred_thousand_names() -> None:
    """More would fill the memory before a mistyped bound is reported."""
    names = node_sets.expand('a-[1-100000]')

    assert len(names) == 100_000
    assert names[-1] == 'a-100000'


def test_many_names_are_folded_at_once() -> None:
    """Names are not compared with each other."""
    names = [f'edge-{at}-glance-{at % 2}' for at in range(5000)]
    names += [f'site-{at:05}' for at in range(10_000)]

    folded = node_sets.fold(names)

    assert len(folded) == 5001
    assert folded[-1] == 'site-[00000-09999]'
