# SPDX-License-Identifier: Apache-2.0

"""The state of ``watch``: the data of all nodes, and the rows to show."""

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
_ZERO = entries.Totals(0, 0, 0)


@dataclasses.dataclass(slots=True)
class _NodeData:
    """The data of a node.

    :param held: the entries at the last successful read, by image ID; None
        before the first one.
    :param totals: counts and bytes of the entries.
    :param missing: the sizes in bytes of images that belong on the node and
        are not cached; None if they are not known.
    :param error: why the last read failed.
    :param read: whether the node was read, successfully or not.
    :param arrived: the number of images cached since the start.
    :param size: bytes of the images cached since the start.
    :param changed: the time of the last change; None if there was none.
    """

    held: Mapping[str, entries.Entry] | None = None
    totals: entries.Totals = _ZERO
    missing: Sequence[int] | None = None
    error: errors.NodeError | None = None
    read: bool = False
    arrived: int = 0
    size: int = 0
    changed: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A row of the view: a site or a node.

    :param status: one word.
    :param up: the number of nodes that responded, out of `nodes`.
    :param cached: the number of cached entries; None if no node was read.
    :param queued: the number of queued entries; None if no node was read.
    :param missing: the number of entries that belong on the nodes and are not
        cached; None if it is not known.
    :param size: bytes of cached entries; None if no node was read.
    :param arrived: the number of images cached since the start; None if no
        node was read.
    :param rate: bytes per second of the images cached since the start.
    :param left: seconds until no image is missing, at this rate; None if it is
        not known.
    :param changed: seconds since the last change; None if there was none.
    """

    name: str
    status: str
    up: int
    nodes: int
    cached: int | None
    queued: int | None
    missing: int | None
    size: int | None
    arrived: int | None
    rate: float
    left: float | None
    changed: float | None

    @property
    def urgency(self) -> tuple[bool, bool, bool]:
        """A sort key: rows that need attention come first."""
        return (self.up == self.nodes, not self.missing, not self.queued)


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """A change on a node.

    :param what: a word or message about the change.
    :param image_id: the ID of the changed entry; empty if the change concerns
        the whole node.
    """

    member: fleet.Member
    what: str
    image_id: str = ''


class Board:
    """The last known state of all nodes.

    :param wanted: returns the sizes in bytes of the images that belong on a
        node, by ID, or None without a rule for its site; None without a
        policy.
    :param clock: returns the time in seconds.
    """

    def __init__(
        self,
        members: Iterable[fleet.Member],
        wanted: Callable[[fleet.Member], Mapping[str, int] | None] | None,
        clock: Callable[[], float],
    ) -> None:
        self._nodes = {one: _NodeData() for one in members}
        self._wanted = wanted
        self._clock = clock
        self.has_policy = wanted is not None
        self._began = clock()

    def update(
        self, member: fleet.Member, listed: Iterable[entries.Entry]
    ) -> list[Change]:
        """Update a node from its entries, and return the changes."""
        node = self._nodes[member]
        held, before = plan.by_id(listed), node.held
        node.totals = totals = entries.Totals.of(held.values())
        if self._wanted and (sizes := self._wanted(member)) is not None:
            missing = snapshots.missing_of(held, sizes)
            node.missing = [sizes[one] for one in missing]
        changes: list[Change] = []
        if node.error or not node.read:
            words = _('ok, cached: %(cached)d, queued: %(queued)d')
            counts = {'cached': totals.cached, 'queued': totals.queued}
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
        self._mark_read(node, changed=bool(changes) and node.read)
        node.held, node.error = held, None
        return changes

    def fail(
        self, member: fleet.Member, error: errors.NodeError
    ) -> list[Change]:
        """Record that reading a node failed, and return the changes."""
        node = self._nodes[member]
        is_new = node.error is None or str(node.error) != str(error)
        self._mark_read(node, changed=is_new and node.read)
        node.error = error
        if not is_new:
            return []
        return [Change(member, f'{snapshots.status_of(error)}: {error}')]

    def _mark_read(self, node: _NodeData, *, changed: bool) -> None:
        node.read = True
        if changed:
            node.changed = self._clock()

    def rows(self, *, by_node: bool) -> list[Row]:
        """A row for each site, or each node; urgent rows first."""
        groups: dict[tuple[str, str], list[fleet.Member]] = {}
        for one in self._nodes:
            name = one.node.name if by_node else one.node.site
            groups.setdefault((one.cloud.name, name), []).append(one)
        several = len({cloud for cloud, __ in groups}) > 1
        rows = [
            self._row(f'{name} ({cloud})' if several else name, group)
            for (cloud, name), group in groups.items()
        ]
        return sorted(rows, key=lambda one: one.urgency)

    def total(self) -> Row:
        """A row with the totals of all nodes."""
        return self._row(_('All'), list(self._nodes))

    def _row(self, name: str, group: list[fleet.Member]) -> Row:
        data = [self._nodes[one] for one in group]
        is_read = any(one.held is not None for one in data)
        now = self._clock()
        known = [one.missing for one in data if one.missing is not None]
        missing = sum(map(len, known)) if known else None
        size = sum(map(sum, known))
        queued = sum(one.totals.queued for one in data)
        rate = sum(one.size for one in data) / max(now - self._began, 1)
        changed = [one.changed for one in data if one.changed is not None]
        return Row(
            name=name,
            status=_status(data, missing, queued),
            up=sum(one.held is not None and not one.error for one in data),
            nodes=len(group),
            cached=sum(one.totals.cached for one in data) if is_read else None,
            queued=queued if is_read else None,
            missing=missing,
            size=sum(one.totals.size for one in data) if is_read else None,
            arrived=sum(one.arrived for one in data) if is_read else None,
            rate=rate,
            left=size / rate if missing and rate else None,
            changed=now - max(changed) if changed else None,
        )


def _status(data: list[_NodeData], missing: int | None, queued: int) -> str:
    """The status of a row in one word; failures take precedence."""
    failed = [snapshots.status_of(one.error) for one in data if one.error]
    if failed:
        word = failed[0] if len(set(failed)) == 1 else _('failed')
        return word if len(data) == 1 else f'{len(failed)} {word}'
    if not all(one.read for one in data):
        return _('waiting')
    if queued:
        return _('filling')
    return _('incomplete') if missing else 'ok'
