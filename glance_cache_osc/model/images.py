# SPDX-License-Identifier: Apache-2.0

"""Images, and the words that mean them. Pure."""

from collections.abc import Mapping
import dataclasses
import fnmatch
import hashlib
import re
from typing import Any

_ID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', re.IGNORECASE)
#: Glance's database has room for so many. Images API 1 took any text.
_MAY_BE_ID = re.compile(r'[\w.-]{1,36}', re.ASCII)
#: Hashes of a fixed length.
_ALGORITHMS = frozenset(
    one for one in hashlib.algorithms_available if not one.startswith('shake')
)
_GLOB = re.compile(r'[*?\[]')


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    """An image as Glance's list has it.

    :param image_id: its ID.
    :param name: its name; None where it has none.
    :param size: bytes; None before there is data.
    :param stores: the stores that hold its data; empty where unknown.
    :param digest: the algorithm and value of the hash of its data, as
        hashlib names it: ``('sha512', '9b71…')``; None where there is none.
    :param active: whether its data may be downloaded.
    """

    image_id: str
    name: str | None = None
    size: int | None = None
    stores: tuple[str, ...] = ()
    digest: tuple[str, str] | None = None
    active: bool = True

    @property
    def label(self) -> str:
        """The image as an error names it: the name, and its ID."""
        if self.name is None:
            return self.image_id
        return f'{self.name} ({self.image_id})'


def parse_image(item: Mapping[str, Any]) -> Image:
    """Read an item of ``GET /v2/images``; its ID must be there."""
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
    """The strongest hash that hashlib can compute; MD5 for older images."""
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
    """Whether an image may have such an ID: few have another form."""
    return _MAY_BE_ID.fullmatch(text) is not None


def is_glob(text: str) -> bool:
    """Whether a text is a pattern for names."""
    return _GLOB.search(text) is not None


def is_text(word: str) -> bool:
    """Whether Glance may know it: not bytes that are no UTF-8."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def matches(image: Image, wanted: str) -> bool:
    """Whether an ID, name or glob means an image."""
    if wanted in (image.image_id, image.name):
        return True
    return (
        is_glob(wanted)
        and image.name is not None
        and fnmatch.fnmatchcase(image.name, wanted)
    )
