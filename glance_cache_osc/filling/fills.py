# SPDX-License-Identifier: Apache-2.0

"""The states of fills, derived from the entries that a node lists.

Glance's API reports neither the progress nor the failure of a fill. It reports
only whether an image is queued or cached.
"""

import asyncio
import collections
from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import enum

from glance_cache_osc import errors
from glance_cache_osc.drivers import retries
from glance_cache_osc.filling import pauses
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan

#: The shortest pause between two polls of a node, in seconds.
_MIN_PAUSE = 0.2
#: If the last successful poll is older than these seconds, the node is polled
#: again before an image is queued.
_MAX_AGE = 30.0
#: Seconds that an image may be neither queued nor cached: at the end of a
#: fill, Glance lists it in neither state for a moment.
_MAX_ABSENCE = 1.0


class State(enum.Enum):
    """The progress of one image on one node."""

    #: A queue request must be sent.
    PENDING = enum.auto()
    #: The node has received the queue request, or may have received it.
    REQUESTED = enum.auto()
    CACHED = enum.auto()
    FAILED = enum.auto()


@dataclasses.dataclass(eq=False)
class Fill:
    """One image that must be cached on one node.

    :param urgency: a node's images are queued in ascending order of this.
    :param state: `REQUESTED` if the node already lists the image as queued.
    :param error: why the fill failed.
    :param force: queue the image even if it is already queued or cached.
    :param replaces: the image is cached, and is downloaded again.
    :param queued: whether the node has listed the image as queued.
    :param accepted: whether the node has accepted a queue request.
    :param unconfirmed: why a queue request failed that the node may have
        received. A list shows whether it did, unless the request was forced.
    :param lost: the node has lost its queue request in a restart.
    :param absent_since: since when the node does not list a requested image.
    """

    member: fleet.Member
    image: images.Image
    urgency: int = 0
    state: State = State.PENDING
    error: errors.CacheError | None = None
    force: bool = False
    replaces: bool = False
    queued: bool = False
    accepted: bool = False
    unconfirmed: errors.CacheError | None = None
    lost: bool = False
    absent_since: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the image may still be cached."""
        return self.state in (State.PENDING, State.REQUESTED)

    def fail(self, error: errors.CacheError) -> None:
        """Set the state to failed, with the reason."""
        self.state, self.error = State.FAILED, error


class NodeFills:
    """A node and its fills. The node receives one request at a time.

    All times are those of the event loop, in seconds.

    :param fills: one or more, in the order of urgency.
    :param now: when the entries of the node were last read.
    :param stall_after: seconds without a newly cached image until it stalls.
    :ivar pending: fills whose queue request must be sent.
    :ivar requested: fills that the node works on, in the order of its work.
    :ivar ready: whether no request to the node is in progress.
    :ivar granted: whether the next image may be queued.
    :ivar changed: set when the node has work to do before `next_poll`.
    :ivar next_poll: when the entries must be read again, if `needs_poll`.
    :ivar error: why the last request failed; None after the next successful
        poll. Until then, no image is queued.
    :ivar stalled: whether the node counts as stalled.
    :ivar was_down: whether it was down since the last poll and lost its queue.
    """

    def __init__(
        self, fills: Sequence[Fill], now: float, stall_after: float
    ) -> None:
        self.member = fills[0].member
        self.pending: collections.deque[Fill] = collections.deque()
        self.requested: dict[Fill, None] = {}
        self.ready = self.granted = self.stalled = self.was_down = False
        self.changed = asyncio.Event()
        self.error: errors.CacheError | None = None
        self._fills = list(fills)
        self._stall_after = stall_after
        #: When the last successful poll ended, and its duration in seconds.
        self._last_seen, self._poll_time = now, 0.0
        #: When the last image was cached, or the first one was requested.
        self._progressed = now
        #: The last queue request failed with a transient error.
        self._rejecting = False
        self.sort()
        self._schedule(now)

    @property
    def is_open(self) -> bool:
        """Whether any image may still be cached."""
        return bool(self.pending or self.requested)

    @property
    def needs_poll(self) -> bool:
        """Whether the entries of the node must be read again."""
        return bool(self.requested or self.error)

    @property
    def can_queue(self) -> bool:
        """Whether the node can queue its next image when a slot is free."""
        blocked = self.error or self.stalled or self.granted
        return self.ready and bool(self.pending) and not blocked

    def grant(self, now: float) -> None:
        """Allow the node to send its next queue request."""
        self.granted = True
        self.changed.set()
        if not (self.needs_poll or self._rejecting):
            self._progressed = now

    def is_stale(self, now: float) -> bool:
        """Whether the node must be polled before it queues its next image.

        Another client may have queued that image since the last poll.
        """
        return not self.pending[0].force and now - self._last_seen > _MAX_AGE

    def poll_now(self) -> None:
        """Poll the node without a pause, if it needs polls."""
        self.next_poll = 0.0
        self.changed.set()

    def start_next(self) -> Fill:
        """Mark the next fill as requested, and return it."""
        fill = self.pending.popleft()
        fill.state = State.REQUESTED
        self.requested[fill] = None
        return fill

    def accepted(self, fill: Fill, now: float) -> None:
        """Record that the node accepted the queue request of a fill."""
        fill.accepted, fill.lost, fill.unconfirmed = True, False, None
        self._rejecting = False
        if len(self.requested) == 1:
            self._progressed = now
            self._schedule(now)

    def rejected(
        self, fill: Fill, error: errors.CacheError, now: float
    ) -> None:
        """Record that the queue request of a fill failed.

        The node may have received the request.
        """
        transient = self._rejecting = retries.is_transient(error)
        # A forced request whose response is lost is repeated only once,
        # because each request is a download.
        lost = isinstance(error, errors.Unreachable) and error.connected
        repeated = isinstance(fill.unconfirmed, errors.Unreachable)
        if fill.force and lost and repeated:
            self.accepted(fill, now)
        elif fill in self.requested:
            del self.requested[fill]
            if transient:
                if retries.may_have_succeeded(error) and not repeated:
                    fill.unconfirmed = error
                fill.state = State.PENDING
                self.sort()
            else:
                fill.fail(error)
        if transient:
            self.failed(error, now)

    def failed(self, error: errors.CacheError, now: float) -> None:
        """Record that a request had no valid response."""
        self.error = error
        if isinstance(error, errors.LoginRejected):
            for fill in (*self.pending, *self.requested):
                fill.fail(error)  # No later request can succeed.
            self.error = None
            self.sort()
        if isinstance(error, errors.Unreachable) and error.down:
            self.was_down = True
        self._check_stall(now)

    def listed(
        self, held: Iterable[entries.Entry], began: float, now: float
    ) -> list[Fill]:
        """Update the fills from the entries of the node.

        :param held: all entries of the node.
        :param began: when the poll began.
        :returns: the fills whose images are now cached.
        """
        by_id = plan.by_id(held)
        self.error, self._last_seen, self._poll_time = None, now, now - began
        for fill in self._fills:
            if fill.is_open:
                self._compare(fill, by_id.get(fill.image.image_id), now)
        self.was_down = False
        arrived = [one for one in self._fills if one.state is State.CACHED]
        if arrived:
            self._progressed = now
        self.sort()
        self._check_stall(now)
        return arrived

    def _compare(
        self, fill: Fill, entry: entries.Entry | None, now: float
    ) -> None:
        requested = fill.state is State.REQUESTED
        if not fill.force:
            fill.unconfirmed = None
        if entry and entry.state is entries.State.CACHED:
            # With force, an entry that was cached before is replaced.
            if not fill.force or fill.queued or fill.accepted:
                fill.state = State.CACHED
        elif self.was_down and (entry or requested):
            # The node has lost the request, even if it still lists the image
            # as queued.
            fill.state, fill.force, fill.lost = State.PENDING, True, True
            fill.unconfirmed = fill.absent_since = None
        elif entry:
            fill.absent_since = None
            if not fill.force:
                fill.state = State.REQUESTED
        elif requested:
            # An image that was never listed as queued may be cached at this
            # moment, because the node serves it to a client.
            fill.absent_since = fill.absent_since or now
            if fill.queued and now - fill.absent_since >= _MAX_ABSENCE:
                why = _('The image is no longer cached or queued there')
                remedy = _(
                    'The entry was deleted, or the fill failed: check the log '
                    'of the node.'
                )
                fill.fail(errors.NodeError(why, remedy))
        if entry and entry.state is entries.State.QUEUED:
            fill.queued = True

    def sort(self) -> None:
        """Sort the fills into `pending` and `requested` by their states."""
        self._fills = [fill for fill in self._fills if fill.is_open]
        self.pending.clear()
        self.requested.clear()
        for fill in self._fills:
            if fill.state is State.PENDING:
                self.pending.append(fill)
            else:
                self.requested[fill] = None
        self.stalled = self.stalled and self.needs_poll

    def _check_stall(self, now: float) -> None:
        """Update `stalled`, after a poll or a failed request."""
        self.stalled = (
            self.needs_poll and now >= self._progressed + self._stall_after
        )
        self._schedule(now)

    def _schedule(self, now: float) -> None:
        """Set the time of the next poll."""
        absent = any(one.queued and one.absent_since for one in self.requested)
        idle = 0 if absent else now - self._progressed
        self.next_poll = now + pauses.next_poll(
            idle, self._poll_time, _MIN_PAUSE
        )
        if now < (stall := self._progressed + self._stall_after):
            self.next_poll = min(self.next_poll, stall)
