# SPDX-License-Identifier: Apache-2.0

"""Verify cached images: selection, limits, and reported failures."""

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
from glance_cache_osc.command import resolving
from glance_cache_osc.command import verification_report
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

NO_FILTERS = selection.Filters()
#: How many nodes a message names.
_FEW = 3


@dataclasses.dataclass(frozen=True)
class Limits:
    """The limits of a verification.

    :param max_downloads: how many nodes are read from at a time.
    :param timeout: seconds for all stages together; 0 for no limit.
    :param remedy: what to do if the timeout passes.
    """

    max_downloads: int
    timeout: float
    remedy: str = _('To wait longer, use --timeout.')
    _began: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def left(self) -> float | None:
        """The remaining seconds, greater than 0; None for no limit."""
        if not self.timeout:
            return None
        return max(self._began + self.timeout - time.monotonic(), 0.001)

    def extended(self, seconds: float) -> 'Limits':
        """The same limits, with a timeout that ends later."""
        return dataclasses.replace(self, _began=self._began + seconds)

    def is_over(self) -> bool:
        """Whether the timeout has passed."""
        return self.left is not None and self.left <= 0.001


def only_cached(held: Iterable[entries.Entry]) -> list[entries.Entry]:
    """The cached entries among the entries of a node."""
    return [one for one in held if one.state is entries.State.CACHED]


async def candidates(  # noqa: PLR0913 - by name alone
    command: base.CacheLister,
    held: base.Held,
    words: Sequence[str] = (),
    filters: selection.Filters = NO_FILTERS,
    *,
    smallest: bool,
    max_size: float = math.inf,
) -> list[Candidate]:
    """The selected images of each node, sorted by name.

    An image that is selected by its ID or name is a candidate on each node,
    even if it is not cached on that node, except with filters or `smallest`.
    Unknown words are reported.

    :param held: the entries of each node.
    :param words: IDs, names and globs; all cached images if empty.
    :param smallest: only the smallest verifiable image of each node.
    :param max_size: with `smallest`, the largest accepted size in bytes.
    :raises errors.CatalogueError: the images could not be looked up.
    """
    cached = {member: only_cached(group) for member, group in held.items()}
    by_cloud = await _images(command, words, cached)
    named = {word for word in words if not images.is_glob(word)}
    # These are candidates on each node of a cloud.
    anywhere = {
        cloud: [
            one for one in known.values() if {one.image_id, one.name} & named
        ]
        for cloud, known in by_cloud.items()
        if not (filters or smallest)
    }
    now = datetime.datetime.now(datetime.UTC)
    chosen: list[Candidate] = []
    empty: list[str] = []
    groups: dict[frozenset[Any], int] = {}
    for member, cached_here in cached.items():
        if (known := by_cloud.get(member.cloud)) is None:
            continue
        group = groups.setdefault(checks.list_key(cached_here), len(groups))
        present = {
            one.image_id: _candidate(member, one, known, group)
            for one in cached_here
            if (one.image_id in known or not words)
            and filters.keeps(one, known, now)
        }
        states = {one.image_id: one.state for one in held[member]}
        absent = [
            Candidate(
                member,
                one,
                one.size or 0,
                state=states.get(one.image_id),
            )
            for one in anywhere.get(member.cloud, ())
            if one.image_id not in present
        ]
        found = sorted([*present.values(), *absent], key=_by_name)
        if smallest:
            found = _smallest(found, max_size)
        if not found:
            empty.append(member.node.name)
        chosen += found
    if empty and max_size == math.inf and not command.failures.others:
        command.log.warning(
            _('No cached image on %s was selected.'),
            columns.safe_text(columns.few(empty, _FEW)),
        )
    return chosen


async def _images(
    command: base.CacheLister, words: Sequence[str], held: base.Held
) -> dict[clouds.Cloud, dict[str, images.Image]]:
    """The selected images of each cloud, by ID.

    Without words, these are all known images. An orphan is included if its ID
    is one of the words.
    """
    distinct = list(dict.fromkeys(words))
    unknown = {}

    async def of_cloud(
        cloud: clouds.Cloud, group: list[base.Member]
    ) -> dict[str, images.Image]:
        catalogue = cloud.catalogue()
        held_ids = dict.fromkeys(entries.ids_of(held[one] for one in group))
        if not words:
            return await catalogue.by_id(held_ids)
        resolved = await resolving.resolve(cloud, distinct, held_ids.keys())
        unknown[cloud] = resolved.unknown
        known = resolved.known
        ids = [one for one in distinct if one in held_ids and one not in known]
        orphans = {one: images.Image(one) for one in ids}
        return known | orphans | await catalogue.by_id(ids)

    by_cloud = await command.in_each_cloud(held, of_cloud)
    command.report_unknown(_("Cannot verify '%s'"), unknown)
    return by_cloud


def _candidate(
    member: fleet.Member,
    entry: entries.Entry,
    known: Mapping[str, images.Image],
    group: int,
) -> Candidate:
    image = known.get(entry.image_id) or images.Image(entry.image_id)
    size = entry.size if image.size is None else image.size
    return Candidate(member, image, size or 0, group=group)


def _by_name(one: Candidate) -> tuple[bool, str, str]:
    image = one.image
    return (image.name is None, image.name or '', image.image_id)


def _smallest(found: Iterable[Candidate], max_size: float) -> list[Candidate]:
    readable = [
        one for one in found if not one.skip_reason and one.size <= max_size
    ]
    # An empty image comes last: reading it proves only that Hits increase.
    return sorted(readable, key=lambda one: (not one.size, one.size))[:1]


async def verify(
    command: base.CacheLister, chosen: Sequence[Candidate], limits: Limits
) -> Findings:
    """Verify images, and report those that the timeout prevented.

    :returns: the findings; after Ctrl-C, those so far.
    """
    findings = await read(command, chosen, limits)
    late = [one for one in chosen if one not in findings]
    if late and not command.loop.interrupted:
        command.failures.add(
            _('Cannot verify %s') % verification_report.few_of(late),
            errors.NodeError(
                _('Not verified within %g seconds') % limits.timeout,
                limits.remedy,
            ),
        )
    return findings


async def read(
    command: base.CacheLister, chosen: Sequence[Candidate], limits: Limits
) -> Findings:
    """Verify images.

    :returns: the findings; after Ctrl-C or the timeout, those so far.
    """
    with (
        progress.transferring(_('Verifying')) as watcher,
        verification.Verification(limits.max_downloads, watcher) as reading,
    ):
        try:
            async with asyncio.timeout(limits.left):
                await reading.verify(chosen)
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            command.failures.interrupt(len(chosen) - len(reading.findings))
    return reading.findings
