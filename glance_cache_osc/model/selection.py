# SPDX-License-Identifier: Apache-2.0

"""Which of a cache's entries are meant: the narrowing options. Pure."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import datetime

from glance_cache_osc.model import entries
from glance_cache_osc.model import images


@dataclasses.dataclass(frozen=True)
class Narrowing:
    """What an entry must be; every condition that is set has to hold.

    :param states: the entry is in one of these states; empty for any.
    :param orphans: Glance was asked for its image, and does not know it.
    :param unused: its data is there and was never served.
    :param older_than: its data was last served, or else written, longer
        ago than this.
    :param larger_than: its data is more bytes than this.
    """

    states: frozenset[entries.State] = frozenset()
    orphans: bool = False
    unused: bool = False
    older_than: datetime.timedelta | None = None
    larger_than: int | None = None

    def __bool__(self) -> bool:
        """Whether any condition is set."""
        return self != Narrowing()

    def keeps(
        self,
        entry: entries.Entry,
        known: Mapping[str, images.Image],
        now: datetime.datetime,
    ) -> bool:
        """Whether an entry meets the conditions.

        :param known: the images that Glance knows, by ID; those of the
            entry at least.
        :param now: the present, with a time zone.
        """
        if self.orphans and (
            entry.image_id in known or not images.may_be_id(entry.image_id)
        ):
            # What Glance can't be asked about is not known to be an orphan.
            return False
        return self._fits(entry, now)

    def sift(
        self, held: Iterable[entries.Entry], now: datetime.datetime
    ) -> list[entries.Entry]:
        """Entries that may be kept, as far as is known without Glance.

        :param now: the present, with a time zone.
        """
        return [entry for entry in held if self._fits(entry, now)]

    def _fits(self, entry: entries.Entry, now: datetime.datetime) -> bool:
        """Whether an entry meets the conditions that it tells of itself."""
        if self.states and entry.state not in self.states:
            return False
        if self.unused and entry.hits != 0:
            return False
        if self.older_than is not None and not (
            entry.last_used and now - entry.last_used > self.older_than
        ):
            return False
        return self.larger_than is None or (entry.size or 0) > self.larger_than
