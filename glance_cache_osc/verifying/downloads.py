# SPDX-License-Identifier: Apache-2.0

"""Download image data from nodes, and compute its hash."""

from collections.abc import Callable
from collections.abc import Sequence
from concurrent import futures
import dataclasses
import hashlib
from typing import Protocol

from glance_cache_osc import errors
from glance_cache_osc.drivers import http
from glance_cache_osc.i18n import _
from glance_cache_osc.model import images

#: Bytes that are passed to the hash at a time.
_CHUNK = 256 * 2**10


class Watcher(Protocol):
    """Follows the progress of downloads."""

    def expect(self, size: int) -> None:
        """Add to the number of bytes that will be read."""

    def advance(self, size: int) -> None:
        """Add to the number of bytes that were received."""


@dataclasses.dataclass(frozen=True, slots=True)
class Download:
    """The result of one download of an image.

    :param size: bytes received.
    :param complete: whether all bytes of the image were received.
    :param intact: whether the data matches the hash in Glance.
    """

    size: int
    complete: bool
    intact: bool


class Downloader:
    """Downloads images from nodes and stores none of their data.

    :param pool: runs the computation of the hashes.
    :param received: called with the number of bytes of each chunk.
    """

    def __init__(
        self, pool: futures.Executor, received: Callable[[int], None]
    ) -> None:
        self._pool = pool
        self._received = received

    async def read(
        self,
        client: http.NodeClient,
        image: images.Image,
        size: int,
        *,
        from_store: bool = False,
    ) -> Download:
        """Download an image: ``GET /v2/images/{id}/file``.

        Glance sends status 500 if the cached file is empty or cannot be
        opened. If it can read the store, this is a download of 0 bytes.

        :param image: an image with a hash.
        :param size: bytes of the image; the download ends if the node sends
            more.
        :param from_store: read the data from the store, not from the cache:
            request a range, because Glance does not serve ranges from its
            cache.
        :raises errors.NodeError: the node did not send the data, or sent it
            too slowly.
        """
        algorithm, value = image.digest or ('', '')
        hashing = _Hashing(algorithm, self._pool, self._received)
        if from_store and not size:
            # A range cannot be empty.
            return Download(0, complete=True, intact=hashing.matches(value))
        try:
            response = await client.send(
                'GET',
                _path(image),
                headers={'Range': 'bytes=0-'} if from_store else None,
                max_size=max(size, 1),
                sink=hashing.update,
            )
        except errors.ServerFault as error:
            # Another status is that of a proxy.
            glance_failed = error.status == 500 and not from_store
            if not (glance_failed and await _store_responds(client, image)):
                raise
            return Download(0, complete=False, intact=False)
        except errors.TooLong as error:
            if from_store:
                raise _not_read_from_store() from error
            return Download(hashing.size, complete=True, intact=False)
        except errors.Unreachable as error:
            if isinstance(error, errors.TimedOut) or not hashing.began:
                raise
            return Download(hashing.size, complete=False, intact=False)
        if response.status == 204 and size:
            raise _not_in_store()
        if from_store and response.status != 206:
            raise _not_read_from_store()
        return Download(
            hashing.size,
            complete=hashing.size >= size,
            intact=hashing.matches(value),
        )


def _path(image: images.Image) -> str:
    return f'/v2/images/{http.segment(image.image_id)}/file'


async def _store_responds(
    client: http.NodeClient, image: images.Image
) -> bool:
    """Whether a node sends the first byte of an image from its store.

    :raises errors.NodeError: the store does not have the data.
    """
    try:
        response = await client.send(
            'GET', _path(image), headers={'Range': 'bytes=0-0'}, max_size=1
        )
    except errors.NodeError:
        return False
    if response.status == 204:
        raise _not_in_store()
    return response.status == 206


def connection_error(
    reads: Sequence[Download],
) -> errors.Unreachable:
    """The error of reads that ended before the end of the data."""
    return errors.Unreachable(
        _('The connection broke after %s bytes')
        % ', '.join(str(read.size) for read in reads),
        _('Check the network and any proxy between here and the node.'),
        connected=True,
    )


def _not_in_store() -> errors.NodeError:
    # Glance sends status 204 if it finds the data nowhere.
    return errors.NodeError(
        _('The data of the image is not in its store'),
        _('Upload the image again. Do not queue it before.'),
    )


def _not_read_from_store() -> errors.NodeError:
    return errors.NodeError(
        _(
            'The node does not read the image from its store if the cache has '
            'it'
        ),
        _(
            'If the data in the store is intact, delete the entry and queue '
            'the image again.'
        ),
    )


class _Hashing:
    """Computes the hash of data that is received in chunks.

    A thread processes one chunk while the next one is received.
    """

    def __init__(
        self,
        algorithm: str,
        pool: futures.Executor,
        received: Callable[[int], None],
    ) -> None:
        self.began = False
        self._hash = hashlib.new(algorithm, usedforsecurity=False)
        self._pool = pool
        self._received = received
        self._pending: futures.Future[None] | None = None
        self._buffer = bytearray()
        self.size = 0

    def update(self, data: bytes) -> None:
        """Add received data: b'' if the headers are complete."""
        self.began = True
        if not data:
            return
        self._received(len(data))
        self.size += len(data)
        self._buffer += data
        if len(self._buffer) >= _CHUNK:
            self._flush()

    def matches(self, value: str) -> bool:
        """Whether the hash of all data is this value, in hexadecimal."""
        self._flush().result()
        return self._hash.hexdigest() == value

    def _flush(self) -> futures.Future[None]:
        if self._pending:
            self._pending.result()
        self._pending = self._pool.submit(self._hash.update, self._buffer)
        self._buffer = bytearray()
        return self._pending
