# SPDX-License-Identifier: Apache-2.0

"""Images, and the IDs, names and globs that specify them. Pure."""

from collections.abc import Mapping
import dataclasses
import fnmatch
import hashlib
import re
from typing import Any

_ID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', re.IGNORECASE)
#: An ID in Glance's database has at most 36 characters. Images API 1 accepted
#: IDs that are not UUIDs.
_MAY_BE_ID = re.compile(r'[\w.-]{1,36}', re.ASCII)
#: The hash algorithms with a fixed length.
_ALGORITHMS = frozenset(
    one for one in hashlib.algorithms_available if not one.startswith('shake')
)
_GLOB = re.compile(r'[*?\[]')


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    """An image of Glance's list.

    :param image_id: its ID.
    :param name: its name; None if it has none.
    :param size: the size of its data, in bytes; None if it has no data.
    :param stores: the stores that hold its data; empty if unknown.
    :param digest: the name in hashlib and the value of the hash of its
        data: ``('sha512', '9b71…')``; None if there is none.
    :param active: whether its data can be downloaded.
    """

    image_id: str
    name: str | None = None
    size: int | None = None
    stores: tuple[str, ...] = ()
    digest: tuple[str, str] | None = None
    active: bool = True

    @property
    def label(self) -> str:
        """The image in messages: its name and its ID."""
        if self.name is None:
            return self.image_id
        return f'{self.name} ({self.image_id})'


def parse_image(item: Mapping[str, Any]) -> Image:
    """Parse an item of ``GET /v2/images``.

    :param item: the decoded JSON. It must have an ID; other values are
        ignored if they have the wrong type.
    """
    name, size = item.get('name'), item.get('size')
    stores = item.get('stores')
    if not isinstance(stores, str):
        stores = ''
    return Image(
        image_id=item['id'],
        name=name if isinstance(name, str) else None,
        size=size if _is_size(size) else None,
        stores=tuple(filter(None, stores.split(','))),
        digest=_digest(item),
        active=item.get('status') == 'active',
    )


def _digest(item: Mapping[str, Any]) -> tuple[str, str] | None:
    """The image's hash that hashlib can compute; MD5 for older images."""
    for algorithm, value in (
        (item.get('os_hash_algo'), item.get('os_hash_value')),
        ('md5', item.get('checksum')),
    ):
        if not isinstance(algorithm, str) or not isinstance(value, str):
            continue
        if value and algorithm in _ALGORITHMS:
            return algorithm, value.lower()
    return None


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def is_id(text: str) -> bool:
    """Whether a text has the form of an image ID."""
    return _ID.fullmatch(text) is not None


def may_be_id(text: str) -> bool:
    """Whether a text may be an image ID, even if it is not a UUID."""
    return _MAY_BE_ID.fullmatch(text) is not None


def is_glob(text: str) -> bool:
    """Whether a text is a glob."""
    return _GLOB.search(text) is not None


def is_encodable(text: str) -> bool:
    """Whether a text can be sent to Glance as UTF-8.

    Arguments of a command line that are not valid UTF-8 cannot: Python reads
    them as lone surrogates.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def matches(image: Image, wanted: str) -> bool:
    """Whether an ID, name or glob matches an image."""
    if wanted in (image.image_id, image.name):
        return True
    return is_glob(wanted) and fnmatch.fnmatchcase(image.name or '', wanted)
