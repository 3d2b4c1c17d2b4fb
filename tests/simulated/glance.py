# SPDX-License-Identifier: Apache-2.0

"""A simulated Glance: versions, the list of images, and a cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from urllib.parse import unquote

from tests.simulated import payloads
from tests.simulated.cache import Cache
from tests.simulated.cache import Filling
from tests.simulated.catalogue import Catalogue
from tests.simulated.faults import failure
from tests.simulated.faults import Fault
from tests.simulated.faults import faulty_answer
from tests.simulated.faults import forbidden
from tests.simulated.keystone import Realm
from tests.simulated.wire import ABORT
from tests.simulated.wire import Answer
from tests.simulated.wire import HTML
from tests.simulated.wire import JSON
from tests.simulated.wire import json_response
from tests.simulated.wire import Request
from tests.simulated.wire import response

_CACHE = '/v2/cache'
_TARGET = 'x-image-cache-clear-target'
_TOKEN_HEADER = 'x-auth-token'
_IN_ANSWERS = frozenset(
    {
        *(Fault.SILENT, Fault.UNAVAILABLE, Fault.GARBAGE),
        *(Fault.NOT_GLANCE, Fault.MALFORMED),
    }
)
_NOT_FOUND = '404 Not Found'


class Glance:
    """One glance-api.

    :param name: the name in the counts of requests
    :param url: the root URL, without a trailing slash
    :param keystone: its URL is in a 401; its token is accepted
    :ivar fault: the fault; None for a healthy node
    :ivar requests: number of requests by `GET /v2/cache`
    """

    def __init__(
        self,
        name: str,
        url: str,
        keystone: Realm,
        catalogue: Catalogue,
        filling: Filling,
    ) -> None:
        self.name = name
        self.fault: Fault | None = None
        self.requests: Counter[str] = Counter()
        self.cache = Cache(catalogue.size_of, filling)
        self._catalogue = catalogue
        self._keystone = keystone
        self._challenge = (
            f'Www-Authenticate: Keystone uri="{keystone.url}"\r\n'
        )
        self._versions = {
            caching: payloads.glance_versions(url, caching=caching)
            for caching in (True, False)
        }
        self._routes: dict[tuple[str, str], Callable[[Request], bytes]] = {
            ('GET', _CACHE): self._list,
            ('DELETE', _CACHE): self._clear,
            ('POST', f'{_CACHE}/clean'): self._clean,
            ('POST', f'{_CACHE}/prune'): self._prune,
        }

    def answer(self, request: Request) -> Answer:
        """The response to a request; None for no response."""
        method, path = request.method, request.path
        self.requests[f'{method} {path}'] += 1
        if self.fault in _IN_ANSWERS:
            return faulty_answer(self.fault, request)
        if not path.startswith('/v2/'):
            # Glance responds to all other paths with its versions.
            status = (
                '200 OK' if path == '/versions' else '300 Multiple Choices'
            )
            caching = self.fault is not Fault.CACHING_OFF
            return response(status, self._versions[caching], JSON)
        if (
            self.fault is Fault.UNAUTHORIZED
            or request.header(_TOKEN_HEADER) != self._keystone.token
        ):
            return failure(
                '401 Unauthorized',
                payloads.NOT_AUTHENTICATED,
                self._challenge,
            )
        if method == 'GET' and path.startswith('/v2/images'):
            return self._catalogue.answer(request)
        if path == _CACHE or path.startswith(f'{_CACHE}/'):
            answer = self._cache_answer(request)
            lost = self.fault is Fault.LOSES_ANSWERS and method != 'GET'
            return ABORT if lost else answer
        return failure(_NOT_FOUND, payloads.NO_ROUTE)

    def _cache_answer(self, request: Request) -> bytes:
        image_id = unquote(request.path[len(_CACHE) + 1 :])
        route = self._routes.get((request.method, request.path))
        if route is None and request.method in ('PUT', 'DELETE') and image_id:
            route = self._put if request.method == 'PUT' else self._delete
        if route is None and request.path == f'{_CACHE}/':
            return failure(_NOT_FOUND, payloads.NO_ROUTE)
        if route is None:
            allowed = 'DELETE, PUT' if image_id else 'GET, DELETE'
            return response(
                '405 Method Not Allowed',
                payloads.not_allowed(request.method),
                HTML,
                f'Allow: {allowed}\r\n',
            )
        if self.fault is Fault.FORBIDDEN:
            return forbidden(request)
        if self.fault is Fault.CACHING_OFF:
            return failure(_NOT_FOUND, payloads.NO_CACHE)
        return route(request)

    def _list(self, _request: Request) -> bytes:
        return response('200 OK', self.cache.body(), JSON)

    def _put(self, request: Request) -> bytes:
        image_id = _image_of(request)
        if image_id not in self._catalogue:
            return failure(_NOT_FOUND, f'Image {image_id} not found.')
        self.cache.queue(image_id)
        return response('202 Accepted')

    def _delete(self, request: Request) -> bytes:
        image_id = _image_of(request)
        known = (self._catalogue, self.cache.cached, self.cache.queued)
        if not any(image_id in held for held in known):
            return failure(_NOT_FOUND, f'Image {image_id} not found.')
        self.cache.delete(image_id)
        return response('204 No Content')

    def _clear(self, request: Request) -> bytes:
        target = request.header(_TARGET) or ''
        if target not in ('', 'cache', 'queue'):
            return failure('400 Bad Request', payloads.BAD_TARGET)
        self.cache.clear(cached=target != 'queue', queued=target != 'cache')
        return response('204 No Content')

    def _clean(self, _request: Request) -> bytes:
        return response('200 OK')

    def _prune(self, _request: Request) -> bytes:
        """Do nothing: the cache has no size limit."""
        return json_response(
            {'total_files_pruned': 0, 'total_bytes_pruned': 0}
        )


def _image_of(request: Request) -> str:
    return unquote(request.path[len(_CACHE) + 1 :])
