# SPDX-License-Identifier: Apache-2.0

"""Fills, and what a node's list of entries shows about them.

Glance's API reports neither the progress nor the failure of a fill. All that
can be seen is whether an image is queued or cached.
"""

import asyncio
import collections
from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import enum

from glance_cache_osc import errors
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan

#: Seconds between two looks at a node, at the least.
_SOONEST = 0.2
#: Seconds between two looks at anything, at the most.
_LATEST = 30.0
#: A node that was seen longer ago is looked at before an image is queued.
_FRESH = 30.0
#: At the end of a fill an image is in neither list for a moment.
_GONE_AFTER = 1.0
#: Errors that may be over in a minute. Keystone's are not the node's.
_PASSING = (
    *(errors.Unreachable, errors.ServerFault),
    *(errors.LoginFailed, errors.Interrupted),
)


class State(enum.Enum):
    """How far one image on one node is."""

    #: A queue request must be sent.
    PENDING = enum.auto()
    #: The node has the queue request, or may have it.
    REQUESTED = enum.auto()
    CACHED = enum.auto()
    FAILED = enum.auto()


@dataclasses.dataclass(eq=False)
class Fill:
    """One image that must be cached on one node.

    :param urgency: a node's images are queued in ascending order of it.
    :param state: `REQUESTED` if the image is queued there already.
    :param error: why it failed.
    :param force: queue the image even if it is queued or cached there.
    :param queued: whether the node has listed it as queued.
    :param accepted: whether the node has accepted a queue request.
    :param unconfirmed: a forced queue request had no response; the node may
        have it.
    :param absent_since: since when it is in neither list.
    """

    member: fleet.Member
    image: images.Image
    urgency: int = 0
    state: State = State.PENDING
    error: errors.CacheError | None = None
    force: bool = False
    queued: bool = False
    accepted: bool = False
    unconfirmed: bool = False
    absent_since: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still arrive."""
        return self.state in (State.PENDING, State.REQUESTED)

    def fail(self, error: errors.CacheError) -> None:
        """Record that it will not arrive."""
        self.state, self.error = State.FAILED, error


class NodeFills:
    """A node and its fills. It receives one request at a time.

    All times are the event loop's, in seconds.

    :param fills: one or more, in the order of urgency.
    :param now: when the node was last seen.
    :param stall_after: seconds without an arrival after which it has stalled.
    :ivar pending: fills to be queued.
    :ivar requested: fills that the node works on, the first one first.
    :ivar ready: whether it is between two requests.
    :ivar granted: whether the next image may be queued.
    :ivar changed: set when there is something to do before `next_look`.
    :ivar next_look: when it must be looked at, if it `waits`.
    :ivar error: why the last request failed; None as soon as it is seen
        again. Until then nothing is queued.
    :ivar stalled: nothing arrives any more.
    """

    def __init__(
        self, fills: Sequence[Fill], now: float, stall_after: float
    ) -> None:
        self.member = fills[0].member
        self.pending: collections.deque[Fill] = collections.deque()
        self.requested: dict[Fill, None] = {}
        self.ready = self.granted = self.stalled = False
        self.changed = asyncio.Event()
        self.error: errors.CacheError | None = None
        self._fills = list(fills)
        self._stall_after = stall_after
        #: When the last look ended, and the seconds that it took.
        self._seen, self._cost = now, 0.0
        #: When the last image arrived, or the first one was requested.
        self._since = now
        #: It was down, and has forgotten the requests that it had accepted.
        self._was_down = False
        #: It has not accepted the last queue request, but may soon.
        self._rejects = False
        self.sort()
        self._schedule(now)

    @property
    def is_open(self) -> bool:
        """Whether anything may still arrive."""
        return bool(self.pending or self.requested)

    @property
    def waits(self) -> bool:
        """Whether there is something to look for."""
        return bool(self.requested or self.error)

    @property
    def can_queue(self) -> bool:
        """Whether it lacks but a slot to queue its next image."""
        blocked = self.error or self.stalled or self.granted
        return self.ready and bool(self.pending) and not blocked

    def grant(self, now: float) -> None:
        """Allow the next queue request."""
        self.granted = True
        self.changed.set()
        if not (self.waits or self._rejects):
            self._since = now

    def is_stale(self, now: float) -> bool:
        """Whether somebody else may have queued the next image meanwhile."""
        return not self.pending[0].force and now - self._seen > _FRESH

    def request(self) -> Fill:
        """The next fill, for which a queue request is sent now."""
        fill = self.pending.popleft()
        fill.state = State.REQUESTED
        self.requested[fill] = None
        return fill

    def accepted(self, fill: Fill, now: float) -> None:
        """The node has accepted a fill's queue request."""
        fill.accepted = True
        self._rejects = False
        if len(self.requested) == 1:
            self._since = now
            self._schedule(now)

    def rejected(
        self, fill: Fill, error: errors.CacheError, now: float
    ) -> None:
        """A fill's queue request failed; the node may still have it."""
        passing = self._rejects = isinstance(error, _PASSING)
        # No look shows a forced request: the image was listed before. It is
        # repeated once, and no more, since each one is a download.
        unclear = isinstance(error, errors.Unreachable) and error.connected
        if fill.force and unclear and fill.unconfirmed:
            self.accepted(fill, now)
        elif fill in self.requested:
            del self.requested[fill]
            if passing:
                fill.unconfirmed |= fill.force and unclear
                fill.state = State.PENDING
                self.pending.appendleft(fill)
            else:
                fill.fail(error)
        if passing:
            self.failed(error, now)

    def failed(self, error: errors.CacheError, now: float) -> None:
        """A request had no usable response."""
        self.error = error
        if isinstance(error, errors.Unreachable) and error.down:
            self._was_down = True
        self._check_stall(now)

    def listed(
        self, held: Iterable[entries.Entry], began: float, now: float
    ) -> list[Fill]:
        """Compare its fills with its entries; returns those that arrived.

        :param began: when the look began.
        """
        there = plan.by_id(held)
        self.error, self._seen, self._cost = None, now, now - began
        for fill in self._fills:
            if fill.is_open:
                self._compare(fill, there.get(fill.image.image_id), now)
        self._was_down = False
        arrived = [one for one in self._fills if one.state is State.CACHED]
        if arrived:
            self._since = now
        self.sort()
        self._check_stall(now)
        return arrived

    def _compare(
        self, fill: Fill, entry: entries.Entry | None, now: float
    ) -> None:
        requested = fill.state is State.REQUESTED
        if entry and entry.state is entries.State.CACHED:
            # By force, a cached entry from before is replaced.
            if not fill.force or fill.queued or fill.accepted:
                fill.state = State.CACHED
        elif self._was_down and (entry or requested):
            # The node has forgotten it, even if it still lists it as queued.
            fill.state, fill.force = State.PENDING, True
            fill.unconfirmed, fill.absent_since = False, None
        elif entry:
            fill.absent_since = None
            if not fill.force:
                fill.state = State.REQUESTED
        elif requested and fill.queued:
            # What it has not queued, it may be caching on the way to a client.
            fill.absent_since = fill.absent_since or now
            if now - fill.absent_since >= _GONE_AFTER:
                why = _('The image is no longer cached or queued there')
                remedy = _(
                    'The entry was deleted, or the fill failed: check the log '
                    'of the node.'
                )
                fill.fail(errors.NodeError(why, remedy))
        if entry and entry.state is entries.State.QUEUED:
            fill.queued = True

    def sort(self) -> None:
        """Sort the fills by their states, after those have changed."""
        self._fills = [fill for fill in self._fills if fill.is_open]
        self.pending.clear()
        self.requested.clear()
        for fill in self._fills:
            if fill.state is State.PENDING:
                self.pending.append(fill)
            else:
                self.requested[fill] = None
        self.stalled = self.stalled and self.waits

    def _check_stall(self, now: float) -> None:
        """See whether it has stalled; only after a look, or a failure."""
        self.stalled = self.waits and now >= self._since + self._stall_after
        self._schedule(now)

    def _schedule(self, now: float) -> None:
        """Set the time of the next look."""
        absent = any(fill.absent_since is not None for fill in self.requested)
        waited = 0 if absent else now - self._since
        self.next_look = now + pause_after(waited, self._cost, _SOONEST)
        if now < (stall := self._since + self._stall_after):
            self.next_look = min(self.next_look, stall)


def pause_after(waited: float, cost: float, soonest: float) -> float:
    """Seconds until the next look, if the last one took `cost` seconds.

    :param waited: seconds in which nothing has arrived.
    :param soonest: seconds, at the least.
    """
    return min(max(waited / 10, cost * 10, soonest), _LATEST)
