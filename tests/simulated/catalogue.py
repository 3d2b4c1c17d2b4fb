# SPDX-License-Identifier: Apache-2.0

"""The images of all simulated nodes, and the filters for them."""

from __future__ import annotations

from typing import Any
from typing import NamedTuple
from urllib.parse import parse_qsl
from urllib.parse import unquote
from urllib.parse import urlencode
import uuid

from tests.simulated import payloads
from tests.simulated.wire import json_response
from tests.simulated.wire import Request
from tests.simulated.wire import response

_ROOT = '/v2/images'
_PAGE = 25
_MOST_A_PAGE = 1000
_SIZE = 50_000_000
# Parameters for pages, and parameters with their own code.
_NO_FILTERS = frozenset(
    {'limit', 'marker', 'os_hidden', 'sort', 'sort_key', 'sort_dir', 'tag'}
)
#: Includes the community images of other projects; there are none here.
_ANY = ('visibility', 'all')


class PoolImage(NamedTuple):
    """An image; the size is in bytes."""

    image_id: str
    name: str
    size: int


def pool(count: int) -> list[PoolImage]:
    """`count` images, the same in each run: `image-0001` and so on."""
    return [
        PoolImage(
            str(uuid.uuid5(uuid.NAMESPACE_OID, f'image {number}')),
            f'image-{number:04d}',
            (1 + number % 40) * _SIZE,
        )
        for number in range(1, count + 1)
    ]


class Catalogue:
    """The database that all nodes share."""

    def __init__(self, images: list[PoolImage]) -> None:
        # Glance lists the newest first.
        self._items = [payloads.image(*one) for one in reversed(images)]
        self._by_id = {str(item['id']): item for item in self._items}

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._by_id

    def size_of(self, image_id: str) -> int:
        """Bytes; 0 for an unknown image."""
        return int(self._by_id.get(image_id, {}).get('size', 0))

    def answer(self, request: Request) -> bytes:
        """The response to GET /v2/images, or to GET of one image."""
        if request.path == _ROOT:
            return self._page(request.query)
        image_id = unquote(request.path.removeprefix(f'{_ROOT}/'))
        if image_id in self._by_id:
            return json_response(self._by_id[image_id])
        return _unknown('404 Not Found', image_id)

    def _page(self, query: str) -> bytes:
        pairs = parse_qsl(query, keep_blank_values=True)
        given = dict(pairs)
        marker = given.pop('marker', None)
        limit = min(int(given.get('limit', _PAGE)), _MOST_A_PAGE)
        found = [item for item in self._items if _meets(item, pairs)]
        if marker is not None:
            if marker not in self._by_id:
                return _unknown('400 Bad Request', marker)
            ids = [item['id'] for item in self._items]
            after = set(ids[ids.index(marker) + 1 :])
            found = [item for item in found if item['id'] in after]
        page = found[:limit]
        kept = [pair for pair in pairs if pair[0] != 'marker']
        document: dict[str, Any] = {
            'images': page,
            'first': _link(kept),
            'schema': '/v2/schemas/images',
        }
        # After a full page there is a next page, which may be empty.
        if page and len(page) == limit:
            document['next'] = _link([*kept, ('marker', page[-1]['id'])])
        return json_response(document)


def _link(pairs: list[tuple[str, str]]) -> str:
    return f'{_ROOT}?{urlencode(pairs)}' if pairs else _ROOT


def _unknown(status: str, image_id: str) -> bytes:
    words = f'No image found with ID {image_id}'
    return response(status, payloads.fault(status, words))


def _meets(item: dict[str, Any], pairs: list[tuple[str, str]]) -> bool:
    """Whether an image matches all filters of a query."""
    hidden = dict(pairs).get('os_hidden', 'false').lower() == 'true'
    if item['os_hidden'] is not hidden:
        return False
    tags = {value for key, value in pairs if key == 'tag'}
    return tags <= set(item['tags']) and all(
        _equals(item.get(key), value)
        for key, value in pairs
        if key not in _NO_FILTERS and (key, value) != _ANY
    )


def _equals(actual: object, wanted: str) -> bool:
    if isinstance(actual, bool):
        return str(actual).lower() == wanted.lower()
    operator, colon, operand = wanted.partition(':')
    if colon and operator == 'in':
        return str(actual) in operand.split(',')
    if colon and operator == 'eq':
        return str(actual) == operand
    return str(actual) == wanted
