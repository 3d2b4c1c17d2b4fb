#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Fills, and what a node's list of entries shows about them.

Glance's API reports neither the progress nor the failure of a fill. All that
can be seen is whether an image is queued or cached.
"""

import asyncio
import collections
from collections.abc import Iterable
import dataclasses
import enum

from glance_cache_osc import errors
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan

#: Seconds between two looks at a node: this share of the time since the last
#: image arrived there, and this multiple of the time that the last look took,
#: within these limits.
_SHARE = 0.1
_COST = 10.0
_SOONEST = 0.2
_LATEST = 30.0
#: A node that was seen longer ago is looked at before an image is queued.
_FRESH = 30.0
#: At the end of a fill an image is in neither list for a moment.
_GONE_AFTER = 1.0
#: Errors that may be over in a minute. Keystone's are not the node's.
_PASSING = (
    errors.Unreachable,
    errors.ServerFault,
    errors.LoginFailed,
    errors.Interrupted,
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

    :param member: the node.
    :param image: the image.
    :param urgency: images are queued in ascending order of it.
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

    @property
    def is_old(self) -> bool:
        """Whether a cached entry is the one that must be replaced."""
        return self.force and not (self.queued or self.accepted)

    def fail(self, error: errors.CacheError) -> None:
        """Record that it will not arrive."""
        self.state = State.FAILED
        self.error = error

    def queue_again(self) -> None:
        """The node has forgotten it, even if it still lists it as queued."""
        self.state, self.force, self.absent_since = State.PENDING, True, None


class NodeFills:
    """A node and its fills. It receives one request at a time.

    All times are the event loop's, in seconds.

    :param stall_after: seconds without an arrival after which it has stalled.
    :ivar pending: fills to be queued, the most urgent first.
    :ivar requested: fills that the node works on, the first one first.
    :ivar granted: the fill for which a queue request may be sent now.
    :ivar ready: whether its task could send one.
    :ivar changed: set when there is something to do for its task.
    :ivar next_look: when it must be looked at, if it `waits`.
    :ivar error: why the last request failed; None once it is seen again.
    :ivar stalled: nothing arrives any more.
    """

    def __init__(self, member: fleet.Member, stall_after: float) -> None:
        self.member = member
        self.pending: collections.deque[Fill] = collections.deque()
        self.requested: dict[Fill, None] = {}
        self.granted: Fill | None = None
        self.ready = False
        self.changed = asyncio.Event()
        self.next_look = 0.0
        self.error: errors.CacheError | None = None
        self.stalled = False
        self._stall_after = stall_after
        #: In the order of urgency; closed ones are removed now and then.
        self._fills: list[Fill] = []
        #: When the last image arrived, or the first one was requested.
        self._since = 0.0
        self._seen = 0.0
        #: Before it is seen again, nothing more is queued.
        self._must_look = False
        #: It was down, and has forgotten the requests that it had accepted.
        self._was_down = False
        self._rejects = False

    @property
    def is_open(self) -> bool:
        """Whether anything may still arrive."""
        return bool(self.pending or self.requested)

    @property
    def waits(self) -> bool:
        """Whether there is something to look for."""
        return self._must_look or bool(self.requested)

    @property
    def can_queue(self) -> bool:
        """Whether a queue request may be sent now."""
        blocked = self._must_look or self.stalled or not self.ready
        return bool(self.pending) and not blocked

    def start(self, fills: Iterable[Fill], now: float) -> None:
        """Take over fills; the node's entries are known up to now."""
        self._fills = list(fills)
        self._since = self._seen = now
        self.drop_closed(now)
        self.schedule(now)

    def grant(self, now: float) -> None:
        """Allow the next queue request."""
        if not self.waits and not self._rejects:
            self._since = now
        self.granted = fill = self.pending.popleft()
        self.requested[fill] = None
        fill.state = State.REQUESTED

    def withdraw(self) -> None:
        """A queue request that was allowed will not be sent."""
        if self.granted and self.granted.is_open:
            self.granted.state = State.PENDING

    def is_needed(self, fill: Fill) -> bool:
        """Whether a fill's queue request must still be sent."""
        return fill.is_open and (fill.force or not fill.queued)

    def is_stale(self, fill: Fill, now: float) -> bool:
        """Whether to look whether somebody else has queued it meanwhile."""
        return not fill.force and now - self._seen > _FRESH

    def accepted(self, fill: Fill, now: float) -> None:
        """The node has accepted a fill's queue request."""
        fill.accepted = True
        self._rejects = False
        if len(self.requested) == 1:
            self._since = now
            self.schedule(now)

    def rejected(
        self, fill: Fill, error: errors.CacheError, now: float
    ) -> None:
        """A fill's queue request failed; the node may still have it."""
        if not fill.is_open:
            return
        if not isinstance(error, _PASSING):
            fill.fail(error)
            del self.requested[fill]
            self._rejects = False
            return
        self._must_look = self._rejects = True
        # For a forced request no look shows it: the image was listed before.
        # So it is repeated once, and no more: each one is a download.
        unclear = (
            fill.force
            and isinstance(error, errors.Unreachable)
            and error.connected
        )
        if unclear and fill.unconfirmed:
            self.accepted(fill, now)
        else:
            fill.unconfirmed = unclear
            fill.state = State.PENDING
            del self.requested[fill]
            self.pending.appendleft(fill)
        self.failed(error, now)

    def failed(self, error: errors.CacheError, now: float) -> None:
        """A request had no usable response."""
        self.error = error
        if isinstance(error, errors.Unreachable) and error.down:
            # A request that it accepts before it is seen again would be
            # taken for one of those that it has forgotten.
            self._was_down = self._must_look = True
        self._check_stall(now)
        self.schedule(now)

    def listed(self, held: Iterable[entries.Entry], now: float) -> list[Fill]:
        """Compare its fills with its entries; returns those that arrived."""
        there = plan.by_id(held)
        self.error, self._must_look, self._seen = None, False, now
        arrived = []
        for fill in self._fills:
            if fill.is_open:
                self._compare(fill, there.get(fill.image.image_id), now)
                if fill.state is State.CACHED:
                    arrived.append(fill)
        self._was_down = False
        if arrived:
            self._since = now
        self.drop_closed(now)
        return arrived

    def _compare(
        self, fill: Fill, entry: entries.Entry | None, now: float
    ) -> None:
        if entry is None:
            if fill.state is State.REQUESTED:
                self._not_listed(fill, now)
        elif entry.state is entries.State.CACHED:
            if not fill.is_old:
                fill.state = State.CACHED
        else:
            fill.queued, fill.absent_since = True, None
            if self._was_down:
                fill.queue_again()
            elif not fill.force:
                fill.state = State.REQUESTED

    def _not_listed(self, fill: Fill, now: float) -> None:
        if self._was_down:
            fill.queue_again()
        elif not fill.queued:
            # A node that is sending an image to a client caches it on the
            # way, and does not queue it.
            return
        elif fill.absent_since is None:
            fill.absent_since = now
        elif now - fill.absent_since >= _GONE_AFTER:
            fill.fail(
                errors.NodeError(
                    _('It is neither cached nor queued there any more'),
                    _(
                        'Somebody dropped it, or its fill failed, which the '
                        "node's log tells."
                    ),
                )
            )

    def drop_closed(self, now: float) -> None:
        """Sort the fills by their states, after some have changed."""
        self._fills = [fill for fill in self._fills if fill.is_open]
        self.pending = collections.deque(
            fill for fill in self._fills if fill.state is State.PENDING
        )
        self.requested = {
            fill: None for fill in self._fills if fill.state is State.REQUESTED
        }
        self._check_stall(now)

    def _check_stall(self, now: float) -> None:
        self.stalled = self.waits and now >= self._since + self._stall_after

    def schedule(self, now: float, cost: float = 0.0) -> None:
        """Set the time of the next look.

        :param cost: seconds that the last one took.
        """
        waited = now - self._since
        if any(fill.absent_since is not None for fill in self.requested):
            waited = 0
        pause = max(waited * _SHARE, cost * _COST, _SOONEST)
        self.next_look = now + min(pause, _LATEST)
        if now < self._since + self._stall_after:
            # A node is not reported as stalled without a look just then.
            self.next_look = min(
                self.next_look, self._since + self._stall_after
            )
