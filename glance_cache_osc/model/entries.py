# SPDX-License-Identifier: Apache-2.0

"""What a node's cache holds, and the reading of Glance's payloads. Pure."""

from collections.abc import Iterable
import dataclasses
import datetime
import enum
from typing import Any
from typing import NamedTuple

#: The largest count, and number of bytes, that makes sense: 64 bits.
_MOST = 2**63 - 1
#: The most entries that one node may list: memory is not without end.
MOST_ENTRIES = 50_000
#: And all nodes of a command together: about 200 bytes each are kept.
MOST_ENTRIES_IN_ALL = 5_000_000


class State(enum.StrEnum):
    """Where an entry is: its data in the cache, or asked for."""

    CACHED = 'cached'
    QUEUED = 'queued'


class Target(enum.StrEnum):
    """What a clear takes away. The values are Glance's own."""

    CACHE = 'cache'
    QUEUE = 'queue'
    BOTH = ''


class Entry(NamedTuple):
    """One image in one node's cache.

    :param image_id: the image's ID.
    :param state: cached, or queued.
    :param size: bytes in the cache; None when queued.
    :param hits: how often the cached data was served; None when queued.
    :param last_accessed: when it was last served, UTC; None for never.
    :param last_modified: when its data was written, UTC.
    """

    image_id: str
    state: State
    size: int | None = None
    hits: int | None = None
    last_accessed: datetime.datetime | None = None
    last_modified: datetime.datetime | None = None

    @property
    def last_used(self) -> datetime.datetime | None:
        """When it was last of use: served, or else written. UTC."""
        return self.last_accessed or self.last_modified


@dataclasses.dataclass(frozen=True, slots=True)
class Freed:
    """What was, or would be, taken from one node's cache.

    :param cached: entries with data.
    :param queued: entries without.
    :param size: bytes that the cached ones hold.
    """

    cached: int
    queued: int
    size: int

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> 'Freed':
        """Add up entries."""
        held = list(entries)
        cached = [entry for entry in held if entry.state is State.CACHED]
        return cls(
            cached=len(cached),
            queued=len(held) - len(cached),
            size=sum(entry.size or 0 for entry in cached),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Pruned:
    """What a node pruned.

    :param files: images whose data was dropped.
    :param size: bytes that they held.
    """

    files: int
    size: int


def ids_of(held: Iterable[Iterable[Entry]]) -> list[str]:
    """The IDs of all images that nodes hold, each once."""
    return list(dict.fromkeys(one.image_id for group in held for one in group))


def parse_pruned(payload: Any) -> Pruned:
    """Read the answer to ``POST /v2/cache/prune``.

    :param payload: the decoded JSON, ``{"total_files_pruned": 3,
        "total_bytes_pruned": 3000}``.
    :raises ValueError: the payload is not of that shape.
    """
    if not isinstance(payload, dict):
        raise ValueError('not a JSON object')
    files = _count(payload, 'total_files_pruned')
    size = _count(payload, 'total_bytes_pruned')
    if files is None or size is None:
        raise ValueError('it does not say how much was pruned')
    return Pruned(files, size)


def parse_cache(payload: Any) -> list[Entry]:
    """Read the answer to ``GET /v2/cache``.

    :param payload: the decoded JSON, ``{"cached_images": [{"image_id",
        "size", "hits", "last_accessed", "last_modified"}],
        "queued_images": [id]}``; times are seconds since 1970.
    :returns: the entries, cached ones first, each group in Glance's order;
        of several with one ID in a group, the first.
    :raises ValueError: the payload is not of that shape.
    """
    held = [*parse_cached(payload), *parse_queued(payload)]
    if len(held) > MOST_ENTRIES:
        raise ValueError(f'more than {MOST_ENTRIES} entries')
    return held


def parse_cached(payload: Any) -> list[Entry]:
    """Read the answer to ``GET /v2/cached_images``.

    :param payload: the decoded JSON, ``cached_images`` as in `parse_cache`.
    :returns: the entries in Glance's order.
    :raises ValueError: the payload is not of that shape.
    """
    return _distinct(
        _parse_cached(item) for item in _list_of(payload, 'cached_images')
    )


def parse_queued(payload: Any) -> list[Entry]:
    """Read the answer to ``GET /v2/queued_images``.

    :param payload: the decoded JSON, ``queued_images`` as in `parse_cache`.
    :returns: the entries in Glance's order.
    :raises ValueError: the payload is not of that shape.
    """
    return _distinct(
        Entry(image_id=_text(item, 'queued_images'), state=State.QUEUED)
        for item in _list_of(payload, 'queued_images')
    )


def _distinct(held: Iterable[Entry]) -> list[Entry]:
    """Entries, each ID once: the first counts."""
    found: dict[str, Entry] = {}
    for entry in held:
        found.setdefault(entry.image_id, entry)
    return list(found.values())


def _parse_cached(item: Any) -> Entry:
    if not isinstance(item, dict):
        raise ValueError('cached_images holds something else than objects')
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
    if value is None or (type(value) is int and 0 <= value <= _MOST):
        return value
    raise ValueError(f'{key} is not a count')


def _time(item: dict[str, Any], key: str) -> datetime.datetime | None:
    """Seconds since 1970 as a time to the second; 0 means never."""
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
