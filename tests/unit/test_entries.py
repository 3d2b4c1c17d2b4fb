# SPDX-License-Identifier: Apache-2.0

"""What a node's cache holds, read from Glance's payloads."""

import datetime
from typing import Any

import hypothesis
from hypothesis import strategies
import pytest

from glance_cache_osc.model import entries

UBUNTU = '9b73824a-c4e5-4822-be0d-10abcb0fe5df'
DEBIAN = '884d4cbe-a2b4-4c09-a3d0-8ab2734603cb'
FEDORA = '0f8f89be-fed2-44c4-91f8-b2a0c3b15f27'

PAYLOAD = {
    'cached_images': [
        {
            'image_id': UBUNTU,
            'hits': 3,
            'last_accessed': 1795232817.25,
            'last_modified': 1795146417.0,
            'size': 5000000,
            'checksum': '5f363e0e58a95f06cbe9bbc662c5dfb6',
        },
        {
            'image_id': DEBIAN,
            'hits': 0,
            'last_accessed': 0,
            'last_modified': 1795146417,
            'size': 0,
        },
    ],
    'queued_images': [FEDORA],
}
ACCESSED = datetime.datetime(2026, 11, 21, 3, 46, 57, tzinfo=datetime.UTC)
MODIFIED = datetime.datetime(2026, 11, 20, 3, 46, 57, tzinfo=datetime.UTC)

JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(strategies.text(), inner, max_size=3)
    ),
    max_leaves=4,
)
#: Near enough to a cache that most of the parser is reached.
ALMOST_A_CACHE = strategies.fixed_dictionaries(
    {
        'cached_images': strategies.lists(
            strategies.fixed_dictionaries(
                {'image_id': strategies.text(min_size=1) | JSON},
                optional={
                    'hits': strategies.integers() | JSON,
                    'size': strategies.integers() | JSON,
                    'last_accessed': strategies.floats() | JSON,
                    'last_modified': strategies.integers() | JSON,
                },
            ),
            max_size=3,
        ),
        'queued_images': strategies.lists(
            strategies.text() | JSON, max_size=3
        ),
    }
)


def test_a_cache_is_read_cached_entries_first() -> None:
    assert entries.parse_cache(PAYLOAD) == [
        entries.Entry(
            image_id='9b73824a-c4e5-4822-be0d-10abcb0fe5df',
            state=entries.State.CACHED,
            size=5000000,
            hits=3,
            last_accessed=ACCESSED,
            last_modified=MODIFIED,
        ),
        entries.Entry(
            image_id='884d4cbe-a2b4-4c09-a3d0-8ab2734603cb',
            state=entries.State.CACHED,
            size=0,
            hits=0,
            last_accessed=None,
            last_modified=MODIFIED,
        ),
        entries.Entry(
            image_id='0f8f89be-fed2-44c4-91f8-b2a0c3b15f27',
            state=entries.State.QUEUED,
            size=None,
            hits=None,
            last_accessed=None,
            last_modified=None,
        ),
    ]


def test_an_empty_cache_has_no_entries() -> None:
    payload: dict[str, Any] = {'cached_images': [], 'queued_images': []}

    assert entries.parse_cache(payload) == []


def test_what_glance_leaves_out_of_a_cached_image_is_absent() -> None:
    payload = {'cached_images': [{'image_id': UBUNTU}], 'queued_images': []}

    assert entries.parse_cache(payload) == [
        entries.Entry(UBUNTU, entries.State.CACHED, None, None, None, None)
    ]


@pytest.mark.parametrize(
    ('payload', 'message'),
    [
        (None, 'not a JSON object'),
        ([], 'not a JSON object'),
        ('cached_images', 'not a JSON object'),
        ({}, 'cached_images is not a list'),
        ({'cached_images': {}}, 'cached_images is not a list'),
        ({'cached_images': []}, 'queued_images is not a list'),
        (
            {'cached_images': [], 'queued_images': None},
            'queued_images is not a list',
        ),
        (
            {'cached_images': [UBUNTU], 'queued_images': []},
            'an item of cached_images is not an object',
        ),
        (
            {'cached_images': [{}], 'queued_images': []},
            'image_id is not an ID',
        ),
        (
            {'cached_images': [{'image_id': ''}], 'queued_images': []},
            'image_id is not an ID',
        ),
        (
            {'cached_images': [], 'queued_images': [7]},
            'queued_images is not an ID',
        ),
        (
            {'cached_images': [], 'queued_images': [{'image_id': UBUNTU}]},
            'queued_images is not an ID',
        ),
    ],
)
def test_what_is_no_cache_is_refused(payload: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f'^{message}$'):
        entries.parse_cache(payload)


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('size', '5000000', 'size is not a count'),
        ('size', 5000000.0, 'size is not a count'),
        ('size', -1, 'size is not a count'),
        ('size', True, 'size is not a count'),
        ('hits', [], 'hits is not a count'),
        ('hits', float('nan'), 'hits is not a count'),
        ('last_accessed', 'N/A', 'last_accessed is not a time'),
        ('last_accessed', True, 'last_accessed is not a time'),
        ('last_accessed', float('nan'), 'last_accessed is not a time'),
        ('last_modified', float('inf'), 'last_modified is not a time'),
        ('last_modified', 1e300, 'last_modified is not a time'),
        ('last_modified', 10**30, 'last_modified is not a time'),
        ('last_modified', [0], 'last_modified is not a time'),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(
    key: str, value: Any, message: str
) -> None:
    payload = {
        'cached_images': [{'image_id': UBUNTU, key: value}],
        'queued_images': [],
    }

    with pytest.raises(ValueError, match=f'^{message}$'):
        entries.parse_cache(payload)


def test_an_id_that_is_listed_twice_is_one_entry() -> None:
    payload = {
        'cached_images': [
            {'image_id': UBUNTU, 'size': 1},
            {'image_id': UBUNTU, 'size': 2},
        ],
        'queued_images': [UBUNTU, UBUNTU],
    }

    assert entries.parse_cache(payload) == [
        entries.Entry(UBUNTU, entries.State.CACHED, size=1),
        entries.Entry(UBUNTU, entries.State.QUEUED),
    ]


@pytest.mark.parametrize('cached', [0, 1])
def test_a_node_may_list_fifty_thousand_entries(cached: int) -> None:
    payload: dict[str, Any] = {
        'cached_images': [{'image_id': UBUNTU}] * cached,
        'queued_images': [str(at) for at in range(50_000 - cached)],
    }
    assert len(entries.parse_cache(payload)) == 50_000

    payload['queued_images'].append('one more')

    with pytest.raises(ValueError, match=r'^more than 50000 entries$'):
        entries.parse_cache(payload)


def test_the_largest_count_is_one() -> None:
    payload = {
        'cached_images': [{'image_id': UBUNTU, 'size': 2**63 - 1}],
        'queued_images': [],
    }

    assert entries.parse_cache(payload)[0].size == 2**63 - 1


def test_a_time_before_1970_is_a_time() -> None:
    """A server's clock and its UTC offset may be off."""
    payload = {
        'cached_images': [{'image_id': UBUNTU, 'last_accessed': -60}],
        'queued_images': [],
    }

    assert entries.parse_cache(payload)[0].last_accessed == datetime.datetime(
        1969, 12, 31, 23, 59, tzinfo=datetime.UTC
    )


@hypothesis.given(payload=JSON | ALMOST_A_CACHE)
def test_no_json_makes_the_parser_fail_but_with_value_error(
    payload: Any,
) -> None:
    try:
        found = entries.parse_cache(payload)
    except ValueError:
        return
    cached = {one['image_id'] for one in payload['cached_images']}
    assert len(found) == len(cached) + len(set(payload['queued_images']))


@hypothesis.given(payload=ALMOST_A_CACHE)
def test_no_entry_holds_what_its_type_does_not_say(
    payload: dict[str, Any],
) -> None:
    try:
        found = entries.parse_cache(payload)
    except ValueError:
        return
    for entry in found:
        assert isinstance(entry.image_id, str)
        assert entry.image_id
        assert entry.size is None or type(entry.size) is int
        assert entry.hits is None or type(entry.hits) is int
        for time in (entry.last_accessed, entry.last_modified):
            assert time is None or time.tzinfo is datetime.UTC


@pytest.mark.parametrize(
    ('accessed', 'modified', 'expected'),
    [
        (ACCESSED, MODIFIED, ACCESSED),
        (None, MODIFIED, MODIFIED),
        (None, None, None),
    ],
)
def test_an_entry_was_last_used_when_served_or_else_when_written(
    accessed: datetime.datetime | None,
    modified: datetime.datetime | None,
    expected: datetime.datetime | None,
) -> None:
    entry = entries.Entry(
        UBUNTU,
        entries.State.CACHED,
        last_accessed=accessed,
        last_modified=modified,
    )

    assert entry.last_used == expected


def test_what_was_freed_is_added_up() -> None:
    held = [
        entries.Entry(UBUNTU, entries.State.CACHED, size=5000000),
        entries.Entry(DEBIAN, entries.State.CACHED, size=None),
        entries.Entry(FEDORA, entries.State.QUEUED),
        entries.Entry(FEDORA, entries.State.CACHED, size=7),
    ]

    assert entries.Totals.of(iter(held)) == entries.Totals(
        cached=3, queued=1, size=5000007
    )


def test_nothing_frees_nothing() -> None:
    assert entries.Totals.of([]) == entries.Totals(cached=0, queued=0, size=0)


def test_what_a_node_pruned_is_read() -> None:
    payload = {'total_files_pruned': 3, 'total_bytes_pruned': 21474836480}

    assert entries.parse_pruned(payload) == entries.Pruned(
        files=3, size=21474836480
    )


def test_a_node_may_prune_nothing_and_say_more() -> None:
    payload = {'total_files_pruned': 0, 'total_bytes_pruned': 0, 'more': 'x'}

    assert entries.parse_pruned(payload) == entries.Pruned(files=0, size=0)


@pytest.mark.parametrize(
    ('payload', 'expected'),
    [
        (None, 'not a JSON object'),
        ([], 'not a JSON object'),
        ('3', 'not a JSON object'),
        ({}, 'the pruned amounts are missing'),
        (
            {'total_files_pruned': 3},
            'the pruned amounts are missing',
        ),
        (
            {'total_bytes_pruned': 3},
            'the pruned amounts are missing',
        ),
        (
            {'total_files_pruned': None, 'total_bytes_pruned': 3},
            'the pruned amounts are missing',
        ),
        (
            {'total_files_pruned': '3', 'total_bytes_pruned': 3},
            'total_files_pruned is not a count',
        ),
        (
            {'total_files_pruned': True, 'total_bytes_pruned': 3},
            'total_files_pruned is not a count',
        ),
        (
            {'total_files_pruned': 3, 'total_bytes_pruned': -1},
            'total_bytes_pruned is not a count',
        ),
        (
            {'total_files_pruned': 3, 'total_bytes_pruned': 0.5},
            'total_bytes_pruned is not a count',
        ),
        (
            {'total_files_pruned': 3, 'total_bytes_pruned': 2**63},
            'total_bytes_pruned is not a count',
        ),
    ],
)
def test_what_does_not_tell_what_was_pruned(
    payload: Any, expected: str
) -> None:
    with pytest.raises(ValueError, match=f'^{expected}$'):
        entries.parse_pruned(payload)


@hypothesis.given(
    payload=JSON
    | strategies.fixed_dictionaries(
        {'total_files_pruned': JSON, 'total_bytes_pruned': JSON}
    )
)
def test_whatever_a_node_says_of_pruning_is_read_or_refused(
    payload: Any,
) -> None:
    try:
        read = entries.parse_pruned(payload)
    except ValueError:
        return
    assert (read.files, read.size) == (
        payload['total_files_pruned'],
        payload['total_bytes_pruned'],
    )
    assert min(read.files, read.size) >= 0
