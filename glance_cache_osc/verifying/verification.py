# SPDX-License-Identifier: Apache-2.0

"""Verify that cached images are intact and served from the cache.

A node lists an image as cached even if its file is missing, damaged or not
used. Only reading the image through the node proves the opposite: the hash of
the data must match, and the read must increase Hits.
"""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent import futures
import dataclasses
import enum
import itertools
from typing import Self

from glance_cache_osc import errors
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.transport import attempt
from glance_cache_osc.verifying import downloads

#: The most reads of one image: one may fail, and two must agree.
_MAX_READS = 3
#: Seconds after which the list is read again if a read was not counted: Glance
#: increases Hits after it has sent the data.
_COUNTING_DELAY = 1


class Result(enum.StrEnum):
    """The result of verifying a cached image."""

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
    """An image on a node that a command verifies.

    :param size: bytes, according to Glance or else to the cache.
    :param state: the state in the list of the node; None if it is not listed.
    :param group: candidates of one group are read one after the other, because
        nodes with the same list may share it and count each other's hits.
    """

    member: fleet.Member
    image: images.Image
    size: int
    state: entries.State | None = entries.State.CACHED
    group: int = 0

    @property
    def skip_reason(self) -> 'Result | None':
        """The result of an image that is not read; None if it is read."""
        if self.state is not entries.State.CACHED:
            return Result.NOT_CACHED
        if self.image.digest is None or not self.image.active:
            return Result.NOT_VERIFIABLE
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """The result of one candidate, or the error of its verification.

    :param result: None if there is no result, because of the error.
    :param seconds: the duration of all reads of the image.
    :param error: why there is no result, or why a repair failed.
    :param reported: whether the failure was already reported.
    :param entry: the entry as the node listed it before the last read.
    """

    candidate: Candidate
    result: Result | None = None
    seconds: float | None = None
    error: errors.NodeError | None = None
    reported: bool = False
    entry: entries.Entry | None = None


class Verification:
    """Reads cached images through their nodes; a context manager.

    :param max_downloads: how many nodes are read from at a time. Each node
        sends one image at a time.
    :ivar findings: the findings so far, by candidate.
    """

    def __init__(self, max_downloads: int, watcher: downloads.Watcher) -> None:
        self.findings: dict[Candidate, Finding] = {}
        #: Nodes that are not asked again, with the reason.
        self._unreachable: dict[fleet.Member, errors.NodeError] = {}
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

        :raises asyncio.CancelledError: cancelled; some findings are missing.
        """
        candidates = list(candidates)
        self.findings |= {
            one: Finding(one, one.skip_reason)
            for one in candidates
            if one.skip_reason
        }
        await self._in_groups(
            self._verify_group,
            [one for one in candidates if not one.skip_reason],
        )

    async def check_stores(self, candidates: Iterable[Candidate]) -> None:
        """Read candidates from their stores.

        Adds an error to the findings of candidates that are not intact.

        :raises asyncio.CancelledError: cancelled; some candidates were not
            read.
        """
        await self._in_groups(self._check_stores, candidates)

    async def _in_groups(
        self,
        operation: Callable[[list[Candidate]], Awaitable[None]],
        candidates: Iterable[Candidate],
    ) -> None:
        groups: dict[int, list[Candidate]] = {}
        for one in candidates:
            groups.setdefault(one.group, []).append(one)
            self._watcher.expect(one.size)
        await attempt.attempt(
            operation,
            groups.values(),
            group=lambda _group: None,
            group_limit=self._max_downloads,
        )

    async def _verify_group(self, group: list[Candidate]) -> None:
        for member, of_node in itertools.groupby(
            group, lambda one: one.member
        ):
            node = _Node(member, self._downloader, self._watcher)
            for one in of_node:
                try:
                    self._check_reachable(one)
                    self.findings[one] = await node.verify(one)
                except errors.NodeError as error:
                    self._fail(Finding(one), error)

    async def _check_stores(self, group: list[Candidate]) -> None:
        for one in group:
            try:
                self._check_reachable(one)
                read = await self._downloader.read(
                    one.member.client, one.image, one.size, from_store=True
                )
                if not read.complete:
                    raise downloads.connection_error([read])
                if not read.intact:
                    raise errors.NodeError(
                        _('The data in the store is damaged as well'),
                        _('Upload the image again.'),
                    )
            except errors.NodeError as error:
                self._fail(self.findings[one], error)

    def _check_reachable(self, one: Candidate) -> None:
        if error := self._unreachable.get(one.member):
            raise error.with_traceback(None)

    def _fail(self, finding: Finding, error: errors.NodeError) -> None:
        one = finding.candidate
        self.findings[one] = dataclasses.replace(finding, error=error)
        if _is_unreachable(error):
            self._unreachable[one.member] = error


class _Node:
    """Reads the images of one node, one after the other."""

    def __init__(
        self,
        member: fleet.Member,
        downloader: downloads.Downloader,
        watcher: downloads.Watcher,
    ) -> None:
        self._member = member
        self._downloader = downloader
        self._watcher = watcher
        #: The last list; None if a read came after it.
        self._listed: dict[str, entries.Entry] | None = None

    async def verify(self, one: Candidate) -> Finding:
        """Read an image until the result is certain.

        :raises errors.NodeError: a request failed.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        before = (self._listed or await self._list()).get(one.image.image_id)
        self._listed = None
        reads: list[downloads.Download] = []
        while before is not None and len(reads) < _MAX_READS:
            if reads:
                self._watcher.expect(one.size)
            read = await self._downloader.read(
                self._member.client, one.image, one.size
            )
            reads.append(read)
            listed = await self._list()
            if not read.intact and one.image.image_id not in listed:
                raise _lost_error(read)
            if read.intact and not _is_hit(before, listed):
                await asyncio.sleep(_COUNTING_DELAY)
                listed = await self._list()
            if result := _result_of(reads, hit=_is_hit(before, listed)):
                self._listed = listed
                return Finding(one, result, clock() - began, entry=before)
            # Reading an image that is no longer cached would cache it again.
            before = listed.get(one.image.image_id)
        if before:
            raise downloads.connection_error(reads)
        return Finding(one, Result.NOT_CACHED)

    async def _list(self) -> dict[str, entries.Entry]:
        """The entries of all cached images, by ID."""
        return {
            entry.image_id: entry
            for entry in await self._member.driver.list_entries()
            if entry.state is entries.State.CACHED
        }


def _is_hit(
    before: entries.Entry, listed: Mapping[str, entries.Entry]
) -> bool:
    """Whether the Hits of an entry increased."""
    after = listed.get(before.image_id)
    return after is not None and (after.hits or 0) > (before.hits or 0)


def _result_of(
    reads: Sequence[downloads.Download], *, hit: bool
) -> Result | None:
    """The result of the reads of an image; None if it must be read again.

    :param hit: whether the last read increased Hits.
    """
    *earlier, last = reads
    if not last.complete:
        sizes = [one.size for one in earlier if not one.complete]
        return Result.TRUNCATED if last.size in sizes else None
    if not last.intact:
        return Result.CORRUPT
    again = any(one.intact for one in earlier)
    if hit:
        return Result.FILE_MISSING if again else Result.OK
    return Result.NOT_SERVED if again else None


def _lost_error(read: downloads.Download) -> errors.NodeError:
    return errors.NodeError(
        _('The data is damaged (%d bytes), and the image left the cache')
        % read.size,
        _(
            'If this happens again, the data in the store is damaged: upload '
            'the image again. Do not queue it before.'
        ),
    )


def _is_unreachable(error: errors.NodeError) -> bool:
    """Whether other requests to the node would fail as well."""
    return isinstance(error, errors.TimedOut) or (
        isinstance(error, errors.Unreachable) and not error.connected
    )
