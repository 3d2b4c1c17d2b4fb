# SPDX-License-Identifier: Apache-2.0

"""A node whose cached images can be read, and their hits counted."""

import collections
from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any

from tests.cli import payloads as p
from tests.cli.conftest import Cloud

_HTML = {'Content-Type': 'text/html; charset=UTF-8'}


@dataclasses.dataclass(frozen=True)
class Read:
    """What a node does when an image is read.

    :param data: the body.
    :param hit: whether the node counts a hit.
    :param status: of the response.
    :param headers: of the response; a Content-Length that is not that of
        the body closes the connection.
    :param instead: what a test has instead of an answer: `web.HELD`.
    :param leaves: whether the image is no longer cached then.
    """

    data: bytes = b''
    hit: bool = True
    status: int = 200
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    instead: Mapping[str, Any] | None = None
    leaves: bool = False


def cut(data: bytes, size: int, *, hit: bool = True) -> Read:
    """The connection is closed after so many bytes."""
    headers = {'Content-Length': str(len(data))}
    return Read(data[:size], hit, headers=headers)


class Node:
    """A node of the Cache API, or of the middleware of Xena.

    :param reads: by image ID, what the node does with each read of it; the
        last one again and again.
    :param intact: by image ID, the data in the store.
    """

    def __init__(
        self,
        cloud: Cloud,
        reads: Mapping[str, list[Read]],
        intact: Mapping[str, bytes],
        *,
        root: str = p.GLANCE,
        has_api: bool = True,
        queued: tuple[str, ...] = (),
    ) -> None:
        self.hits = dict.fromkeys(reads, 3)
        self.sizes: dict[str, int] = collections.defaultdict(lambda: 3000)
        self.queued = list(queued)
        self.reads = {one: list(listed) for one, listed in reads.items()}
        self.store = {one: Read(intact[one], status=206) for one in intact}
        #: What the node answers to a request to delete, and when it is asked
        #: for its list.
        self.deletion = 204
        self.looks: Callable[[Any], Any] = lambda listed: listed
        self._cloud, self._root = cloud, root
        self._intact = intact
        if has_api:
            self._add('GET', '/v2/cache', self._list)
            self._change('/v2/cache', 202)
        else:
            document = p.glance_versions(root, '2.13', '2.12')
            for path in ('/v2/cache', '/versions'):
                cloud.adapter.register_uri(
                    *('GET', root + path),
                    status_code=404 if path == '/v2/cache' else 200,
                    json=document,
                )
            self._add('GET', '/v2/cached_images', self._list)
            self._add('GET', '/v2/queued_images', self._list)
        for one in reads:
            cloud.adapter.register_uri(
                *('GET', f'{root}/v2/images/{one}/file'),
                content=self.read,
            )

    @property
    def files(self) -> list[str]:
        """The IDs of images that were read, in order."""
        ends = f'GET {self._root}/v2/images/', '/file'
        return [
            one.removeprefix(ends[0]).removesuffix(ends[1])
            for one in self._cloud.requests
            if one.startswith(ends[0]) and one.endswith(ends[1])
        ]

    @property
    def changes(self) -> list[str]:
        """What this node was asked to change."""
        return [
            one.replace(f'{self._root}/v2/cache/', '')
            for one in self._cloud.requests
            if not one.startswith('GET')
        ]

    def _add(self, method: str, path: str, answer: Any) -> None:
        url = self._root + path
        self._cloud.adapter.register_uri(method, url, json=answer)

    def _change(self, path: str, accepted: int) -> None:
        def delete(request: Any, context: Any) -> Any:
            context.status_code = self.deletion
            if self.deletion < 300:
                self.hits.pop(_last(request.path), None)

        def queue(request: Any, context: Any) -> Any:
            context.status_code = accepted
            self.queued.append(_last(request.path))

        for one in self.hits:
            self._add('DELETE', f'{path}/{one}', delete)
            self._add('PUT', f'{path}/{one}', queue)

    def _list(self, _request: Any, _context: Any) -> Any:
        listed = p.cache(
            *(
                p.cached(one, hits=hits, size=self.sizes[one])
                for one, hits in self.hits.items()
            ),
            queued=list(self.queued),
        )
        for one in self.queued:
            # The next look sees it.
            if one in self._intact and one in self.reads:
                self.hits[one] = 0
                self.reads[one] = [Read(self._intact[one])]
        self.queued = [one for one in self.queued if one not in self.hits]
        return self.looks(listed)

    def read(self, request: Any, context: Any) -> bytes:
        """Answer to a request for the data of an image."""
        image_id = request.path.split('/')[-2]
        if 'Range' in request.headers:
            read = self.store[image_id]
            if request.headers['Range'] == 'bytes=0-0':
                size = 1 if read.status == 206 else None
                read = dataclasses.replace(read, data=read.data[:size])
            else:
                assert request.headers['Range'] == 'bytes=0-'
        else:
            left = self.reads[image_id]
            read = left.pop(0) if len(left) > 1 else left[0]
            self.hits[image_id] += read.hit
        if read.leaves:
            del self.hits[image_id]
        if read.instead:
            raise read.instead['exc']
        context.status_code = read.status
        context.headers.update(read.headers)
        if read.status >= 400:
            context.headers.update(_HTML)
        return read.data


def _last(path: str) -> str:
    return path.rpartition('/')[2]
