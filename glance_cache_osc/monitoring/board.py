# SPDX-License-Identifier: Apache-2.0

"""What `watch` has seen so far, and the rows that it shows."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from glance_cache_osc import errors
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import plan
from glance_cache_osc.monitoring import snapshot as snapshots

CACHED = entries.State.CACHED
_NOTHING = entries.Totals(0, 0, 0)


@dataclasses.dataclass(slots=True)
class _Seen:
    """A node.

    :param held: what it held when it was last read; None before that.
    :param error: why the last read failed.
    :param freed: counts and bytes of that.
    :param missing: the sizes of images that belong there and are not cached.
    :param arrived: images that were cached since the start; ``size`` are
        their bytes.
    :param changed: when anything changed, by the clock; None for never.
    """

    held: Mapping[str, entries.Entry] | None = None
    freed: entries.Totals = _NOTHING
    missing: Sequence[int] = ()
    error: errors.NodeError | None = None
    read: bool = False
    arrived: int = 0
    size: int = 0
    changed: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A site or a node, as it is shown.

    :param up: nodes that could be read, of `nodes`.
    :param missing: entries that belong there and are not cached; None if
        that is not known.
    :param arrived: images that were cached since the start.
    :param rate: bytes of these, in a second.
    :param left: seconds until nothing is missing at this rate; None if that
        is not known.
    :param changed: seconds since anything changed; None for never.
    """

    name: str
    status: str
    up: int
    nodes: int
    cached: int
    queued: int
    missing: int | None
    size: int
    arrived: int
    rate: float
    left: float | None
    changed: float | None

    @property
    def urgency(self) -> tuple[bool, bool, bool]:
        """Rows that need attention come first."""
        return (self.up == self.nodes, not self.missing, not self.queued)


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """Something that happened on a node.

    :param image_id: the image that it happened to; empty for none.
    """

    member: fleet.Member
    what: str
    image_id: str = ''


class Board:
    """All nodes, as they were last seen.

    :param wanted: the sizes of the images that belong on a node, by ID; None
        if there is no policy.
    :param clock: the time in seconds.
    """

    def __init__(
        self,
        members: Iterable[fleet.Member],
        wanted: Callable[[fleet.Member], Mapping[str, int]] | None,
        clock: Callable[[], float],
    ) -> None:
        self._seen = {one: _Seen() for one in members}
        self._wanted = wanted
        self._clock = clock
        self.has_policy = wanted is not None
        self._began = clock()

    def update(
        self, member: fleet.Member, listed: Iterable[entries.Entry]
    ) -> list[Change]:
        """Take over what a node holds; returns what has changed."""
        node = self._seen[member]
        held, before = plan.by_id(listed), node.held
        node.freed = freed = entries.Totals.of(held.values())
        if self._wanted:
            sizes = self._wanted(member)
            missing = snapshots.missing_of(held, sizes)
            node.missing = [sizes[one] for one in missing]
        changes: list[Change] = []
        if node.error or not node.read:
            words = _('ok, cached: %(cached)d, queued: %(queued)d')
            counts = {'cached': freed.cached, 'queued': freed.queued}
            changes.append(Change(member, words % counts))
        if before is not None:
            for image_id, entry in held.items():
                old = before.get(image_id)
                if old is None or old.state is not entry.state:
                    changes.append(Change(member, entry.state, image_id))
                    if entry.state is CACHED:
                        node.arrived += 1
                        node.size += entry.size or 0
            changes += [
                Change(member, _('removed'), image_id)
                for image_id in before
                if image_id not in held
            ]
        self._note(node, changed=bool(changes) and node.read)
        node.held, node.error = held, None
        return changes

    def fail(
        self, member: fleet.Member, error: errors.NodeError
    ) -> list[Change]:
        """Take over that a node could not be read."""
        node = self._seen[member]
        is_new = node.error is None or str(node.error) != str(error)
        self._note(node, changed=is_new and node.read)
        node.error = error
        if not is_new:
            return []
        return [Change(member, f'{snapshots.status_of(error)}: {error}')]

    def _note(self, node: _Seen, *, changed: bool) -> None:
        node.read = True
        if changed:
            node.changed = self._clock()

    def rows(self, *, by_node: bool) -> list[Row]:
        """A row for each site, or each node; urgent ones first."""
        groups: dict[tuple[str, str], list[fleet.Member]] = {}
        for one in self._seen:
            name = one.node.name if by_node else one.node.site
            groups.setdefault((one.cloud.name, name), []).append(one)
        several = len({cloud for cloud, __ in groups}) > 1
        rows = [
            self._row(f'{name} ({cloud})' if several else name, group)
            for (cloud, name), group in groups.items()
        ]
        return sorted(rows, key=lambda one: one.urgency)

    def total(self) -> Row:
        """All nodes together."""
        return self._row(_('All'), list(self._seen))

    def _row(self, name: str, group: list[fleet.Member]) -> Row:
        seen = [self._seen[one] for one in group]
        now = self._clock()
        missing = None
        if self.has_policy and any(one.held is not None for one in seen):
            missing = sum(len(one.missing) for one in seen)
        size = sum(sum(one.missing) for one in seen)
        queued = sum(one.freed.queued for one in seen)
        rate = sum(one.size for one in seen) / max(now - self._began, 1)
        changed = [one.changed for one in seen if one.changed is not None]
        return Row(
            name=name,
            status=_status(seen, missing, queued),
            up=sum(one.held is not None and not one.error for one in seen),
            nodes=len(group),
            cached=sum(one.freed.cached for one in seen),
            queued=queued,
            missing=missing,
            size=sum(one.freed.size for one in seen),
            arrived=sum(one.arrived for one in seen),
            rate=rate,
            left=size / rate if missing and rate else None,
            changed=now - max(changed) if changed else None,
        )


def _status(seen: list[_Seen], missing: int | None, queued: int) -> str:
    """One word: the worst of it."""
    failed = [one for one in seen if one.error]
    if failed:
        word = snapshots.status_of(failed[0].error)
        if len(seen) == 1:
            return word
        return f'{len(failed)} {word}'
    if not all(one.read for one in seen):
        return _('waiting')
    if queued:
        return _('filling')
    return _('incomplete') if missing else 'ok'
