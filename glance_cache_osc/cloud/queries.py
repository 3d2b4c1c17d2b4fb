# SPDX-License-Identifier: Apache-2.0

"""Queries of Glance's list of images: ``GET /v2/images``. Pure."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import re
from typing import Any
import urllib.parse

from glance_cache_osc import errors
from glance_cache_osc.i18n import _

#: Images asked for in one request.
_BATCH = 100
#: Longest query that is sent, in encoded characters: proxies and servers
#: refuse longer lines than 8 KiB.
_LONGEST_QUERY = 6000
#: For more values than that, all images are listed: nodes may list any number
#: of IDs, and the cloud's Glance is to be asked no more than it has pages.
_MAX_VALUES = 10 * _BATCH
#: What 'in:' can't carry: Glance splits at the comma, and reads quotes.
_NOT_IN_LIST = re.compile(r'[",]')
#: Query parameters of GET /v2/images that are no property of an image, or
#: that have an option of their own here.
_NOT_PROPERTIES = frozenset(
    [
        'changes-since',
        'id',
        'limit',
        'marker',
        'member_status',
        'name',
        'sort',
        'sort_dir',
        'sort_key',
        'tag',
    ]
)
_WITH_OPERATOR = frozenset({'status', 'disk_format', 'container_format'})


def for_values(key: str, values: Sequence[str]) -> list[dict[str, Any]]:
    """Queries that find all images with one of these IDs or names.

    :param key: ``id`` or ``name``.
    """
    if len(values) > _MAX_VALUES:
        return [{}]
    listable = [one for one in values if not _NOT_IN_LIST.search(one)]
    others = [one for one in values if _NOT_IN_LIST.search(one)]
    return [{key: 'in:' + ','.join(batch)} for batch in _batches(listable)] + [
        {key: f'eq:{one}'} for one in others
    ]


def matching(
    tags: Sequence[str], properties: Mapping[str, str]
) -> dict[str, Any]:
    """A query that finds images with all of these tags and properties."""
    query: dict[str, Any] = {'tag': list(tags)} if tags else {}
    for key, value in properties.items():
        query[key] = f'eq:{value}' if key in _WITH_OPERATOR else value
    return query


def has_properties(
    item: Mapping[str, Any], properties: Mapping[str, str]
) -> bool:
    """Whether an image has all properties: a server may ignore a filter."""
    return all(_says(item, key, properties[key]) for key in properties)


def _says(item: Mapping[str, Any], key: str, value: str) -> bool:
    actual = item.get(key)
    if isinstance(actual, bool):
        return str(actual).lower() == value.lower()
    return isinstance(actual, (str, int, float)) and str(actual) == value


def check_properties(properties: Mapping[str, str]) -> dict[str, str]:
    """Properties that images can be asked for by.

    :raises errors.UsageError: one that is none.
    """
    for key in properties:
        if key in _NOT_PROPERTIES:
            raise errors.UsageError(
                _("'%s' is not an image property") % key,
                _('Specify images by ID, name, --tag or --property.'),
            )
    return dict(properties)


def _batches(words: Sequence[str]) -> Iterator[list[str]]:
    """Words in groups that fit in one query each."""
    batch: list[str] = []
    length = 0
    for word in words:
        cost = len(urllib.parse.quote(word)) + len('%2C')
        if batch and (len(batch) == _BATCH or length + cost > _LONGEST_QUERY):
            yield batch
            batch, length = [], 0
        batch.append(word)
        length += cost
    if batch:
        yield batch
