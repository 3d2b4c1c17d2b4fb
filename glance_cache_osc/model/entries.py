# SPDX-License-Identifier: Apache-2.0

"""The entries of a node's cache, parsed from Glance's responses. Pure."""

from collections.abc import Iterable
import dataclasses
import datetime
import enum
from typing import Any
from typing import NamedTuple

#: The largest valid count and number of bytes: a signed 64-bit integer.
_MAX_COUNT = 2**63 - 1
#: The most entries that one node may list; the limit bounds memory.
MOST_ENTRIES = 50_000
#: The most entries of all nodes of a command together; each entry takes about
#: 200 bytes of memory.
MOST_ENTRIES_IN_ALL = 5_000_000


class State(enum.StrEnum):
    """The state of an entry: its data is in the cache, or it is queued."""

    CACHED = 'cached'
    QUEUED = 'queued'


class Target(enum.StrEnum):
    """The part that is cleared. The values are those of Glance's header."""

    CACHE = 'cache'
    QUEUE = 'queue'
    BOTH = ''


class Entry(NamedTuple):
    """One image in one node's cache.

    :param image_id: the image's ID.
    :param state: cached or queued.
    :param size: bytes in the cache; None if queued.
    :param hits: how often the cached data was served; None if queued.
    :param last_accessed: when the data was last served, in UTC; None for
        never.
    :param last_modified: when the data was written, in UTC; None if queued.
    """

    image_id: str
    state: State
    size: int | None = None
    hits: int | None = None
    last_accessed: datetime.datetime | None = None
    last_modified: datetime.datetime | None = None

    @property
    def last_used(self) -> datetime.datetime | None:
        """When the data was last served or, if never, written; in UTC."""
        return self.last_accessed or self.last_modified


@dataclasses.dataclass(frozen=True, slots=True)
class Totals:
    """The totals of some entries.

    :param cached: the number of cached entries.
    :param queued: the number of queued entries.
    :param size: the size of the cached entries, in bytes.
    """

    cached: int
    queued: int
    size: int

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> 'Totals':
        """The totals of these entries."""
        held = list(entries)
        cached = [entry for entry in held if entry.state is State.CACHED]
        return cls(
            cached=len(cached),
            queued=len(held) - len(cached),
            size=sum(entry.size or 0 for entry in cached),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Pruned:
    """The result of pruning a node.

    :param files: the number of deleted images.
    :param size: the size of their data, in bytes.
    """

    files: int
    size: int


def ids_of(held: Iterable[Iterable[Entry]]) -> list[str]:
    """The IDs of the images in some groups of entries, each once."""
    return list(dict.fromkeys(one.image_id for group in held for one in group))


def parse_pruned(payload: Any) -> Pruned:
    """Parse the response to ``POST /v2/cache/prune``.

    :param payload: the decoded JSON, ``{"total_files_pruned": 3,
        "total_bytes_pruned": 3000}``.
    :raises ValueError: the payload does not have this structure.
    """
    if not isinstance(payload, dict):
        raise ValueError('not a JSON object')
    files = _count(payload, 'total_files_pruned')
    size = _count(payload, 'total_bytes_pruned')
    if files is None or size is None:
        raise ValueError('the pruned amounts are missing')
    return Pruned(files, size)


def parse_cache(payload: Any) -> list[Entry]:
    """Parse the response to ``GET /v2/cache``.

    :param payload: the decoded JSON, ``{"cached_images": [{"image_id",
        "size", "hits", "last_accessed", "last_modified"}],
        "queued_images": [id]}``; times are seconds since 1970.
    :returns: the cached entries, then the queued ones, each in Glance's
        order; only the first of several cached or queued entries with the
        same ID.
    :raises ValueError: the payload does not have this structure, or has more
        than 50,000 entries.
    """
    held = [*parse_cached(payload), *parse_queued(payload)]
    if len(held) > MOST_ENTRIES:
        raise ValueError(f'more than {MOST_ENTRIES} entries')
    return held


def parse_cached(payload: Any) -> list[Entry]:
    """Parse the response to ``GET /v2/cached_images``.

    :param payload: the decoded JSON, with ``cached_images`` as in
        `parse_cache`.
    :returns: the entries in Glance's order.
    :raises ValueError: see `parse_cache`.
    """
    return _distinct(
        _parse_cached(item) for item in _list_of(payload, 'cached_images')
    )


def parse_queued(payload: Any) -> list[Entry]:
    """Parse the response to ``GET /v2/queued_images``.

    :param payload: the decoded JSON, with ``queued_images`` as in
        `parse_cache`.
    :returns: the entries in Glance's order.
    :raises ValueError: see `parse_cache`.
    """
    return _distinct(
        Entry(image_id=_text(item, 'queued_images'), state=State.QUEUED)
        for item in _list_of(payload, 'queued_images')
    )


def _distinct(held: Iterable[Entry]) -> list[Entry]:
    """The entries without later entries of the same ID."""
    found: dict[str, Entry] = {}
    for entry in held:
        found.setdefault(entry.image_id, entry)
    return list(found.values())


def _parse_cached(item: Any) -> Entry:
    if not isinstance(item, dict):
        raise ValueError('an item of cached_images is not an object')
    return Entry(
        _text(item.get('image_id'), 'image_id'),
        State.CACHED,
        _count(item, 'size'),
        _count(item, 'hits'),
        _time(item, 'last_accessed'),
        _time(item, 'last_modified'),
    )


def _list_of(payload: Any, key: str) -> list[Any]:
    if not isinstance(payload, dict):
        raise ValueError('not a JSON object')
    value = payload.get(key)
    if not isinstance(value, list):
        raise ValueError(f'{key} is not a list')
    if len(value) > MOST_ENTRIES:
        raise ValueError(f'more than {MOST_ENTRIES} entries')
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f'{what} is not an ID')
    return value


def _count(item: dict[str, Any], key: str) -> int | None:
    value = item.get(key)
    if value is None or (type(value) is int and 0 <= value <= _MAX_COUNT):
        return value
    raise ValueError(f'{key} is not a count')


def _time(item: dict[str, Any], key: str) -> datetime.datetime | None:
    """A time from seconds since 1970, to the second; None for 0, "never"."""
    value = item.get(key)
    kind = type(value)
    if kind is not float and kind is not int and value is not None:
        raise ValueError(f'{key} is not a time')
    if not value:
        return None
    try:
        return datetime.datetime.fromtimestamp(int(value), tz=datetime.UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError(f'{key} is not a time') from error
