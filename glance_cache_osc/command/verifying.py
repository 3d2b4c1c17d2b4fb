# SPDX-License-Identifier: Apache-2.0

"""Verifying cached images: which, how long, and what is reported."""

import asyncio
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
import math
import time
from typing import Any

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import base
from glance_cache_osc.command import progress
from glance_cache_osc.command import verification_report
from glance_cache_osc.command import words as words_
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import selection
from glance_cache_osc.verifying import checks
from glance_cache_osc.verifying import verification

Result = verification.Result
Candidate = verification.Candidate
Findings = dict[Candidate, verification.Finding]

EVERYTHING = selection.Narrowing()
#: So many images, and nodes, are named in a line.
_FEW = 3


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much a verification may do.

    :param max_downloads: nodes that are read from at a time.
    :param timeout: seconds for all stages together; 0 for no limit.
    """

    max_downloads: int
    timeout: float
    _began: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def left(self) -> float | None:
        """Seconds that are left; None for no limit."""
        if not self.timeout:
            return None
        return max(self._began + self.timeout - time.monotonic(), 0.001)

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return self.left is not None and self.left <= 0.001


async def cached(
    command: base.CacheLister, members: list[base.Member]
) -> base.Held:
    """The entries that nodes list as cached."""
    return await command.read(members, only_cached)


def only_cached(group: Iterable[entries.Entry]) -> list[entries.Entry]:
    """Entries without those that are queued."""
    return [one for one in group if one.state is entries.State.CACHED]


async def candidates(  # noqa: PLR0913 - by name alone
    command: base.CacheLister,
    held: base.Held,
    words: Sequence[str] = (),
    narrowing: selection.Narrowing = EVERYTHING,
    *,
    smallest: bool = False,
    max_size: float = math.inf,
) -> list[Candidate]:
    """The cached images that are meant, node by node, by name.

    An image that is meant by its ID or name is a candidate on every node,
    unless the selection is narrowed. Unknown words are reported.

    :param held: cached entries.
    :param smallest: only the smallest one of each node that can be read.
    :param max_size: bytes that such an image may have.
    :raises errors.CatalogueError: Glance could not be asked for the hashes.
    """
    by_cloud = await _images(command, words, held)
    named = {word for word in words if not images.is_glob(word)}
    now = datetime.datetime.now(datetime.UTC)
    chosen: list[Candidate] = []
    empty: list[str] = []
    lanes: dict[frozenset[Any], int] = {}
    for member, group in held.items():
        if (known := by_cloud.get(member.cloud)) is None:
            continue
        lane = lanes.setdefault(checks.fills_of(group), len(lanes))
        there = {
            one.image_id: _candidate(member, one, known, lane)
            for one in group
            if (one.image_id in known or not words)
            and narrowing.keeps(one, known, now)
        }
        absent = [
            Candidate(member, one, one.size or 0, cached=False, lane=lane)
            for one in known.values()
            if {one.image_id, one.name} & named
            and not (narrowing or smallest)
            and one.image_id not in there
        ]
        found = sorted([*there.values(), *absent], key=_by_name)
        if smallest:
            found = _smallest(found, max_size)
        if not found:
            empty.append(member.node.name)
        chosen += found
    if empty and max_size == math.inf:
        command.log.warning(
            columns.safe_text(
                _('No cached image matches on %s.') % columns.few(empty, _FEW)
            )
        )
    return chosen


async def _images(
    command: base.CacheLister, wanted: Sequence[str], held: base.Held
) -> dict[clouds.Cloud, dict[str, images.Image]]:
    """The images of each cloud that are meant, by ID.

    Without words, all known ones. An orphan that is named by its ID is among
    them.
    """
    distinct = list(dict.fromkeys(wanted))
    unknown = {}

    async def of_cloud(
        cloud: clouds.Cloud, group: list[base.Member]
    ) -> dict[str, images.Image]:
        catalogue = cloud.catalogue()
        there = dict.fromkeys(entries.ids_of(held[one] for one in group))
        if not wanted:
            return await catalogue.by_id(there)
        named = await words_.named(cloud, distinct, there.keys())
        unknown[cloud] = named.unknown
        known = named.known
        ids = [one for one in distinct if one in there and one not in known]
        orphans = {one: images.Image(one) for one in ids}
        return known | orphans | await catalogue.by_id(ids)

    by_cloud = await command.in_each_cloud(held, of_cloud)
    command.report_unknown(_("Cannot verify '%s'"), unknown)
    return by_cloud


def _candidate(
    member: fleet.Member,
    entry: entries.Entry,
    known: Mapping[str, images.Image],
    lane: int,
) -> Candidate:
    image = known.get(entry.image_id) or images.Image(entry.image_id)
    size = entry.size if image.size is None else image.size
    return Candidate(member, image, size or 0, lane=lane)


def _by_name(one: Candidate) -> tuple[bool, str, str]:
    image = one.image
    return (image.name is None, image.name or '', image.image_id)


def _smallest(found: Iterable[Candidate], most: float) -> list[Candidate]:
    readable = [one for one in found if not one.unread and one.size <= most]
    # An image without data proves no more than that a read is counted.
    return sorted(readable, key=lambda one: (not one.size, one.size))[:1]


async def verify(
    command: base.CacheLister, chosen: Sequence[Candidate], limits: Limits
) -> Findings:
    """Verify images; after a Ctrl-C, what is known by then.

    What was not verified in time is reported.
    """
    with (
        progress.transferring(_('Verifying')) as watcher,
        verification.Verification(limits.max_downloads, watcher) as reading,
    ):
        try:
            async with asyncio.timeout(limits.left):
                await reading.verify(chosen)
        except TimeoutError:
            late = [one for one in chosen if one not in reading.findings]
            command.failures.add(
                _('Cannot verify %s') % verification_report.few_of(late),
                errors.NodeError(
                    _('Not verified within %g seconds') % limits.timeout,
                    _('To wait longer, use --timeout.'),
                ),
            )
        except asyncio.CancelledError:
            for __ in range(len(chosen) - len(reading.findings)):
                command.failures.add('', errors.Interrupted())
    return reading.findings
