# SPDX-License-Identifier: Apache-2.0

"""The data of an image, hashed while a node sends it."""

from collections.abc import Callable
from concurrent import futures
import dataclasses
import hashlib

from glance_cache_osc import errors
from glance_cache_osc.drivers import http
from glance_cache_osc.i18n import _
from glance_cache_osc.model import images

#: Bytes that are hashed at a time.
_CHUNK = 256 * 2**10


@dataclasses.dataclass(frozen=True, slots=True)
class Download:
    """What a node sent as the data of an image.

    :param size: bytes.
    :param complete: whether the response ended as its headers said.
    :param intact: whether the data has the hash that Glance has for it.
    """

    size: int
    complete: bool
    intact: bool


class Downloader:
    """Reads images through nodes and keeps nothing of their data.

    :param pool: computes the hashes.
    :param arrived: is called with the number of bytes of each piece.
    """

    def __init__(
        self, pool: futures.Executor, arrived: Callable[[int], None]
    ) -> None:
        self._pool = pool
        self._arrived = arrived

    async def read(
        self,
        client: http.NodeClient,
        image: images.Image,
        size: int,
        *,
        past_cache: bool = False,
    ) -> Download:
        """Read an image: ``GET /v2/images/{id}/file``.

        :param image: has a hash.
        :param size: bytes of the image; a node that sends more is cut off.
        :param past_cache: read it from its store. Glance serves no range
            from its cache.
        :raises errors.NodeError: the node did not send the data, or sent it
            too slowly.
        """
        algorithm, value = image.digest or ('', '')
        hashing = _Hashing(algorithm, self._pool)
        if past_cache and not size:
            # There is no range of nothing.
            return Download(0, complete=True, intact=hashing.is_(value))
        began = False

        def sink(data: bytes) -> None:
            nonlocal began
            began = True
            if data:
                hashing.update(data)
                self._arrived(len(data))

        try:
            response = await client.send(
                'GET',
                f'/v2/images/{http.segment(image.image_id)}/file',
                headers={'Range': 'bytes=0-'} if past_cache else None,
                max_size=max(size, 1),
                sink=sink,
            )
        except errors.TooLong as error:
            if past_cache:
                raise _not_from_store() from error
            return Download(hashing.size, complete=True, intact=False)
        except errors.Unreachable as error:
            if isinstance(error, errors.TimedOut) or not began:
                raise
            return Download(hashing.size, complete=False, intact=False)
        if past_cache and response.status != 206:
            raise _not_from_store()
        return Download(
            hashing.size,
            complete=hashing.size >= size,
            intact=hashing.is_(value),
        )


def _not_from_store() -> errors.NodeError:
    return errors.NodeError(
        _(
            'The node does not read the image from its store if the cache has '
            'it'
        ),
        _('Delete the entry and queue the image again.'),
    )


class _Hashing:
    """A hash of data that arrives in pieces.

    A piece is hashed on a thread while the next one arrives.
    """

    def __init__(self, algorithm: str, pool: futures.Executor) -> None:
        self._hash = hashlib.new(algorithm, usedforsecurity=False)
        self._pool = pool
        self._pending: futures.Future[None] | None = None
        self._buffer = bytearray()
        self.size = 0

    def update(self, data: bytes) -> None:
        """Add a piece."""
        self.size += len(data)
        self._buffer += data
        if len(self._buffer) >= _CHUNK:
            self._flush()

    def is_(self, value: str) -> bool:
        """Whether this is the hash of all pieces."""
        self._flush().result()
        return self._hash.hexdigest() == value

    def _flush(self) -> futures.Future[None]:
        if self._pending:
            self._pending.result()
        self._pending = self._pool.submit(self._hash.update, self._buffer)
        self._buffer = bytearray()
        return self._pending
