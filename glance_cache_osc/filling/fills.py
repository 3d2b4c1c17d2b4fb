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


"""Images on their way to nodes, and what a look at a node says of them.

Glance's API tells neither how far a fill is nor that it failed: all there
is to see is whether an image is queued or cached.
"""

from collections.abc import Iterable
import dataclasses
import enum

from glance_cache_osc import errors
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan

#: Seconds from one look at a node to the next: this share of the time in
#: which nothing has arrived there, within these bounds.
_SHARE = 0.1
_SOONEST = 0.2
_LATEST = 30.0
#: For a moment at the end of a fill an image is in neither list.
_GONE_AFTER = 1.0
#: Trouble that may be over in a minute; Keystone's is not the node's.
_PASSING = (errors.Unreachable, errors.ServerFault, errors.LoginFailed)


class State(enum.Enum):
    """How far one image on one node is."""

    #: The node was not asked yet, or has to be asked again.
    LACKING = enum.auto()
    ASKED = enum.auto()
    CACHED = enum.auto()
    FAILED = enum.auto()


@dataclasses.dataclass(eq=False)
class Fill:
    """One image that is to be cached on one node.

    :param member: the node.
    :param image: the image.
    :param urgency: the lower, the sooner it is asked for.
    :param state: `ASKED` if it is queued there already.
    :param error: why it failed.
    :param force: ask for it even if it is queued or cached there.
    :param queued: whether the node has listed it as queued.
    :param accepted: when the node took a request for it; 0 if none.
    :param doubtful: a request by force had no answer; it may be heard.
    :param missing: since when it is in neither list.
    :param silence: what its node answered last, if that was an error.
    """

    member: fleet.Member
    image: images.Image
    urgency: int = 0
    state: State = State.LACKING
    error: errors.CacheError | None = None
    force: bool = False
    queued: bool = False
    accepted: float = 0.0
    doubtful: bool = False
    missing: float | None = None
    silence: errors.CacheError | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still arrive."""
        return self.state in (State.LACKING, State.ASKED)

    @property
    def was_there(self) -> bool:
        """Whether it is cached from before, and to be fetched anew."""
        return self.force and not (self.queued or self.accepted)

    def fail(self, error: errors.CacheError) -> None:
        """It will not arrive."""
        self.state = State.FAILED
        self.error = error


class Place:
    """A node, and what is to arrive there.

    All times are those of one clock, in seconds.

    :param member: the node.
    :param now: the present.
    :param stall_after: after so long without an arrival it has stalled.
    :ivar open: what may still arrive, in the order of wanting.
    :ivar since: when something last arrived, or was first waited for.
    :ivar seen: when it was last looked at.
    :ivar next_look: when it is to be looked at again.
    :ivar looking: whether a look is under way.
    :ivar asking: whether a request to fetch something is under way.
    :ivar error: what its last answer was, if that was no list.
    :ivar unsure: it failed to take a request; before it is seen again,
        nothing more is asked of it.
    :ivar down: it was down, and has forgotten what it had accepted.
    :ivar stalled: nothing arrives any more.
    """

    def __init__(
        self, member: fleet.Member, now: float, stall_after: float
    ) -> None:
        self.member = member
        self.open: list[Fill] = []
        self.since = now
        self.seen = now
        self.next_look = now + _SOONEST
        self.looking = False
        self.asking = False
        self.error: errors.CacheError | None = None
        self.unsure = False
        self.down = False
        self.stalled = False
        self._stall_after = stall_after
        self._told = False
        self._refusing = False

    @property
    def asked(self) -> list[Fill]:
        """What it is to fetch."""
        return [fill for fill in self.open if fill.state is State.ASKED]

    @property
    def lacking(self) -> list[Fill]:
        """What it is still to be asked for."""
        return [fill for fill in self.open if fill.state is State.LACKING]

    @property
    def waits(self) -> bool:
        """Whether there is something to look for."""
        return self.unsure or any(
            fill.state is State.ASKED for fill in self.open
        )

    @property
    def may_be_looked_at(self) -> bool:
        """Whether there is, and nothing is under way."""
        return not self.looking and not self.asking and self.waits

    @property
    def takes(self) -> bool:
        """Whether it can be asked for something.

        One thing at a time: it fetches in the order in which it was asked.
        """
        return not (self.asking or self.unsure or self.stalled)

    def begin_asking(self, fill: Fill, now: float) -> None:
        """A fill is being asked for."""
        if not self.waits and not self._refusing:
            self.since = now
        self.asking = True
        fill.state = State.ASKED

    def answered(
        self, fill: Fill, error: errors.CacheError | None, now: float
    ) -> None:
        """It has taken the request for a fill, or not."""
        self.asking = False
        if error is None:
            self._took(fill, now)
        elif not fill.is_open:
            return
        elif isinstance(error, _PASSING):
            self._lost(fill, error, now)
        else:
            self._refusing = False
            fill.fail(error)

    def _took(self, fill: Fill, now: float) -> None:
        fill.accepted = now
        if self._refusing and self.asked == [fill]:
            # Until now it was waited for to take a request.
            self.since = now
        self._refusing = False

    def _lost(self, fill: Fill, error: errors.CacheError, now: float) -> None:
        """It may have heard all the same, which a look at it tells."""
        fill.state = State.LACKING
        self.unsure = self._refusing = True
        self.silent(error)
        if (
            fill.force
            and isinstance(error, errors.Unreachable)
            and error.connected
        ):
            # No look tells: it was listed before. It is asked once more,
            # and no more, since it fetches as often as it has heard.
            if fill.doubtful:
                fill.state = State.ASKED
                self._took(fill, now)
            fill.doubtful = True

    def silent(self, error: errors.CacheError) -> None:
        """It answered with an error, or not at all."""
        self.error = error
        for fill in self.open:
            fill.silence = error
        if isinstance(error, errors.Unreachable) and error.down:
            # What it takes before it is seen again would be asked for twice.
            self.down = self.unsure = True

    def saw(
        self, held: Iterable[entries.Entry], began: float, now: float
    ) -> list[Fill]:
        """Take in what it holds; returns what has arrived.

        :param began: when it was asked what it holds.
        """
        there = plan.by_id(held)
        self.error, self.unsure, self.seen = None, False, now
        arrived = []
        for fill in self.open:
            fill.silence = None
            entry = there.get(fill.image.image_id)
            if entry is None:
                self._in_neither_list(fill, began, now)
            elif entry.state is entries.State.CACHED:
                if not fill.was_there:
                    fill.state = State.CACHED
                    arrived.append(fill)
            else:
                fill.queued, fill.missing = True, None
                if self.down:
                    self._forgotten(fill)
                elif not fill.force:
                    # By force, it is asked for although it is queued.
                    fill.state = State.ASKED
        if arrived:
            self.since, self.stalled = now, False
        self.down = False
        self.open = [fill for fill in self.open if fill.is_open]
        return arrived

    def _in_neither_list(self, fill: Fill, began: float, now: float) -> None:
        if fill.state is not State.ASKED or began < fill.accepted:
            return
        if self.down:
            self._forgotten(fill)
        elif not fill.queued:
            # A node that is sending an image to somebody keeps it from
            # there, and does not queue it.
            return
        elif fill.missing is None:
            fill.missing = now
        elif now - fill.missing >= _GONE_AFTER:
            fill.fail(
                errors.NodeError(
                    _('It is neither cached nor queued there any more'),
                    _(
                        'Somebody dropped it, or its fill failed, which the '
                        "node's log tells."
                    ),
                )
            )

    @staticmethod
    def _forgotten(fill: Fill) -> None:
        """The node was started anew: it fetches nothing of itself."""
        fill.state, fill.force = State.LACKING, True

    def stalls(self, now: float) -> bool:
        """Whether it has stalled now, for the first time."""
        self.stalled = self.waits and now >= self.since + self._stall_after
        first, self._told = not self._told, self._told or self.stalled
        return self.stalled and first

    def schedule(self, now: float) -> None:
        """Set when it is to be looked at next."""
        waited = now - self.since
        if any(fill.missing is not None for fill in self.open):
            waited = 0
        self.next_look = now + min(max(waited * _SHARE, _SOONEST), _LATEST)
        if now < self.since + self._stall_after:
            # No node is told as stalled that was not looked at just then.
            self.next_look = min(
                self.next_look, self.since + self._stall_after
            )
