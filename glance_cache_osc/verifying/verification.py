# SPDX-License-Identifier: Apache-2.0

"""Proof that cached images are intact and served from the cache.

A node lists an image as cached whether or not its file is there, intact, or
used. Only reading the image through the node shows that: its hash must be
right, and the read must be counted as a hit.
"""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from concurrent import futures
import dataclasses
import enum
import itertools
from typing import Protocol
from typing import Self

from glance_cache_osc import errors
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.transport import attempt
from glance_cache_osc.verifying import downloads

#: Reads of one image: one of them may break, two must agree.
_MAX_READS = 3


class Result(enum.StrEnum):
    """What reading a cached image showed."""

    OK = 'ok'
    CORRUPT = 'corrupt'
    TRUNCATED = 'truncated'
    FILE_MISSING = 'file was missing'
    NOT_SERVED = 'not served from cache'
    NOT_CACHED = 'not in cache'
    NOT_VERIFIABLE = 'not verifiable'
    REPAIRED = 'repaired'


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """A cached image that is to be read.

    :param size: bytes, as Glance or else the cache has it.
    :param cached: whether the node lists it as cached.
    :param lane: candidates of one lane are read one after the other. Nodes
        whose lists agree may share one list, and so count each other's hits.
    """

    member: fleet.Member
    image: images.Image
    size: int
    cached: bool = True
    lane: int = 0

    @property
    def unread(self) -> 'Result | None':
        """The result, if the image is not to be read."""
        if not self.cached:
            return Result.NOT_CACHED
        if self.image.digest is None or not self.image.active:
            return Result.NOT_VERIFIABLE
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What became of one candidate: a result, or why there is none.

    :param seconds: that all reads took.
    :param reported: whether that was reported already.
    """

    candidate: Candidate
    result: Result | None = None
    seconds: float | None = None
    error: errors.NodeError | None = None
    reported: bool = False


class Watcher(Protocol):
    """Follows the progress of a verification."""

    def expect(self, size: int) -> None:
        """So many more bytes will be read."""

    def advance(self, size: int) -> None:
        """So many bytes have arrived."""


class Verification:
    """Reads cached images through their nodes: a context.

    :param max_downloads: nodes that are read from at a time; each sends one
        image at a time.
    :ivar findings: by candidate, as far as they are known.
    :ivar intact: the candidates whose stores were read and are intact.
    """

    def __init__(self, max_downloads: int, watcher: Watcher) -> None:
        self.findings: dict[Candidate, Finding] = {}
        self.intact: set[Candidate] = set()
        self._max_downloads = max_downloads
        self._watcher = watcher
        self._pool = futures.ThreadPoolExecutor(max_downloads)
        self._downloader = downloads.Downloader(self._pool, watcher.advance)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.shutdown()

    async def verify(self, candidates: Iterable[Candidate]) -> None:
        """Add the finding of each candidate to `findings`.

        :raises asyncio.CancelledError: some of them are missing.
        """
        await self._in_lanes(self._verify_lane, candidates)

    async def check_stores(self, candidates: Iterable[Candidate]) -> None:
        """Add an error to the finding of each whose store is damaged.

        :raises asyncio.CancelledError: some of them are missing.
        """
        await self._in_lanes(self._check_stores, candidates)

    async def _in_lanes(
        self,
        operation: Callable[[list[Candidate]], Awaitable[None]],
        candidates: Iterable[Candidate],
    ) -> None:
        lanes: dict[int, list[Candidate]] = {}
        for one in candidates:
            lanes.setdefault(one.lane, []).append(one)
            if not one.unread:
                self._watcher.expect(one.size)
        await attempt.attempt(
            operation,
            lanes.values(),
            group=lambda _group: None,
            group_limit=self._max_downloads,
        )

    async def _verify_lane(self, lane: list[Candidate]) -> None:
        for __, group in itertools.groupby(lane, lambda one: one.member):
            await self._verify_node(list(group))

    async def _verify_node(self, group: list[Candidate]) -> None:
        """Verify the candidates of one node, until it fails to respond."""
        node = _Node(group[0].member, self._downloader, self._watcher)
        lost: errors.NodeError | None = None
        for one in group:
            finding = Finding(one, one.unread)
            try:
                if lost:
                    finding = Finding(one, error=lost)
                elif not one.unread:
                    finding = await node.verify(one)
            except errors.NodeError as error:
                finding = Finding(one, error=error)
                lost = error if _is_lost(error) else None
            self.findings[one] = finding

    async def _check_stores(self, group: list[Candidate]) -> None:
        for one in group:
            finding = self.findings[one]
            try:
                read = await self._downloader.read(
                    one.member.client, one.image, one.size, past_cache=True
                )
                if read.intact:
                    self.intact.add(one)
                    continue
                if not read.complete:
                    raise _broken([read])
                error = errors.NodeError(
                    _('The data in the store is damaged as well'),
                    _('Upload the image again.'),
                )
            except errors.NodeError as caught:
                error = caught
            self.findings[one] = dataclasses.replace(finding, error=error)


class _Node:
    """One node, from which images are read one after the other."""

    def __init__(
        self,
        member: fleet.Member,
        downloader: downloads.Downloader,
        watcher: Watcher,
    ) -> None:
        self._member = member
        self._downloader = downloader
        self._watcher = watcher
        #: Hits by image ID, at the last look; None if that is not recent.
        self._hits: dict[str, int] | None = None

    async def verify(self, one: Candidate) -> Finding:
        """Read an image until it is clear what the node does.

        :raises errors.NodeError: the node failed.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        before = (self._hits or await self._look()).get(one.image.image_id)
        self._hits = None
        reads: list[downloads.Download] = []
        while before is not None and len(reads) < _MAX_READS:
            if reads:
                self._watcher.expect(one.size)
            read = await self._downloader.read(
                self._member.client, one.image, one.size
            )
            reads.append(read)
            hits = await self._look()
            after = hits.get(one.image.image_id)
            result = _judge(reads, hit=after is not None and after > before)
            if result:
                self._hits = hits
                return Finding(one, result, clock() - began)
            # Another read of an image that is gone would cache it.
            before = after
        if before is None:
            return Finding(one, Result.NOT_CACHED)
        raise _broken(reads)

    async def _look(self) -> dict[str, int]:
        """Hits of all cached images, by ID."""
        return {
            entry.image_id: entry.hits or 0
            for entry in await self._member.driver.list_entries()
            if entry.state is entries.State.CACHED
        }


def _judge(reads: Sequence[downloads.Download], *, hit: bool) -> Result | None:
    """What the reads of an image show; None if it must be read again.

    :param hit: whether the last one was counted as a hit.
    """
    *earlier, last = reads
    if not last.complete:
        cut = [one.size for one in earlier if not one.complete]
        return Result.TRUNCATED if last.size in cut else None
    if not last.intact:
        return Result.CORRUPT
    again = any(one.intact for one in earlier)
    if hit:
        return Result.FILE_MISSING if again else Result.OK
    return Result.NOT_SERVED if again else None


def _broken(reads: Sequence[downloads.Download]) -> errors.Unreachable:
    return errors.Unreachable(
        _('The connection broke after %s bytes')
        % ', '.join(str(read.size) for read in reads),
        _('Check the network and any proxy between here and the node.'),
        connected=True,
    )


def _is_lost(error: errors.NodeError) -> bool:
    """Whether the node is not worth another request."""
    return isinstance(error, errors.TimedOut) or (
        isinstance(error, errors.Unreachable) and not error.connected
    )
