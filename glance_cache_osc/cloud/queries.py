# SPDX-License-Identifier: Apache-2.0

"""Builds queries for Glance's list of images, ``GET /v2/images``. Pure."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import re
import shlex
from typing import Any
import urllib.parse

from glance_cache_osc import errors
from glance_cache_osc.i18n import _

#: The number of values in one query.
_BATCH_SIZE = 100
#: The most characters of the values in one query, encoded: proxies and
#: servers refuse lines longer than 8 KiB.
_MAX_LENGTH = 6000
#: For more values than this, all images are listed: nodes may list any number
#: of IDs, and the number of requests must not exceed that of Glance's pages.
_MAX_VALUES = 10 * _BATCH_SIZE
#: Characters that values of 'in:' cannot contain: Glance splits the list at
#: commas, and interprets quotation marks.
_NOT_IN_LIST = re.compile(r'[",]')
#: Query parameters of GET /v2/images that are not properties of an image, or
#: that have an option of their own.
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
#: Properties for which Glance accepts only 'true' and 'false'.
_FLAGS = frozenset({'os_hidden', 'protected'})
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
    query: dict[str, Any] = {'tag': list(tags)}
    for key, value in properties.items():
        query[key] = f'eq:{value}' if key in _WITH_OPERATOR else value
    return query


def no_match(
    tags: Sequence[str], properties: Mapping[str, str]
) -> errors.ImageError:
    """An error if no image has all of these tags and properties."""
    pairs = [f'{key}={properties[key]}' for key in properties]
    words = [word for tag in tags for word in ('--tag', tag)]
    words += [word for pair in pairs for word in ('--property', pair)]
    return errors.ImageError(
        _('No image has all of these tags and properties: %s')
        % ', '.join([*tags, *pairs]),
        _("See 'openstack image list %s'.") % shlex.join(words),
    )


def has_tags(item: Mapping[str, Any], tags: Sequence[str]) -> bool:
    """Whether an image has all tags.

    The results are checked since Glance's database may ignore case.

    :param item: the decoded JSON of the image.
    """
    actual = item.get('tags')
    return all(isinstance(actual, list) and tag in actual for tag in tags)


def has_properties(
    item: Mapping[str, Any], properties: Mapping[str, str]
) -> bool:
    """Whether an image has all properties.

    The results are checked since a server may ignore a filter.

    :param item: the decoded JSON of the image.
    """
    return all(_has(item, key, properties[key]) for key in properties)


def _has(item: Mapping[str, Any], key: str, value: str) -> bool:
    actual = item.get(key)
    if isinstance(actual, bool):
        return str(actual).lower() == value.lower()
    return isinstance(actual, (str, int, float)) and str(actual) == value


def check_properties(properties: Mapping[str, str]) -> dict[str, str]:
    """Check that images can be filtered by some properties.

    :returns: the properties, with values as Glance accepts them.
    :raises errors.UsageError: one of the keys is not an image property, or
        its value is not possible.
    """
    values = dict(properties)
    for key in properties:
        if key in _NOT_PROPERTIES:
            raise errors.UsageError(
                _("'%s' is not an image property") % key,
                _('Specify images by ID, name, --tag or --property.'),
            )
        if key in _FLAGS:
            values[key] = values[key].lower()
            if values[key] not in {'true', 'false'}:
                raise errors.UsageError(
                    _("the value of '%s' is not true or false") % key
                )
    return values


def _batches(words: Sequence[str]) -> Iterator[list[str]]:
    """Groups of words, each of which fits in one query."""
    batch: list[str] = []
    length = 0
    for word in words:
        added = len(urllib.parse.quote(word)) + len('%2C')
        if batch and (
            len(batch) == _BATCH_SIZE or length + added > _MAX_LENGTH
        ):
            yield batch
            batch, length = [], 0
        batch.append(word)
        length += added
    if batch:
        yield batch
