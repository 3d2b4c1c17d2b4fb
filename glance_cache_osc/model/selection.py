# SPDX-License-Identifier: Apache-2.0

"""Selects entries by the filters of a command line. Pure."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import datetime

from glance_cache_osc.model import entries
from glance_cache_osc.model import images


@dataclasses.dataclass(frozen=True)
class Filters:
    """Filters for entries; an entry must meet all conditions that are set.

    :param states: the entry is in one of these states; empty for any state.
    :param orphans: the entry is an orphan.
    :param unused: the entry is cached, and its data was never served.
    :param older_than: the data was last served or, if never, written longer
        ago than this.
    :param larger_than: the data is larger than this number of bytes.
    """

    states: frozenset[entries.State] = frozenset()
    orphans: bool = False
    unused: bool = False
    older_than: datetime.timedelta | None = None
    larger_than: int | None = None

    def __bool__(self) -> bool:
        """Whether any condition is set."""
        return self != Filters()

    def keeps(
        self,
        entry: entries.Entry,
        known: Mapping[str, images.Image],
        now: datetime.datetime,
    ) -> bool:
        """Whether an entry meets all conditions.

        :param known: images of Glance by their IDs; must contain the image
            of the entry if it exists.
        :param now: the current time, with a time zone.
        """
        if self.orphans and (
            entry.image_id in known or not images.may_be_id(entry.image_id)
        ):
            # Glance cannot look up such an ID, so it may not be an orphan.
            return False
        return self._matches(entry, now)

    def candidates(
        self, held: Iterable[entries.Entry], now: datetime.datetime
    ) -> list[entries.Entry]:
        """The entries that meet all conditions except `orphans`.

        These can be checked without Glance.

        :param now: the current time, with a time zone.
        """
        return [entry for entry in held if self._matches(entry, now)]

    def _matches(self, entry: entries.Entry, now: datetime.datetime) -> bool:
        """Whether an entry meets the conditions on its own values."""
        if self.states and entry.state not in self.states:
            return False
        if self.unused and entry.hits != 0:
            return False
        if self.older_than is not None and not (
            entry.last_used and now - entry.last_used > self.older_than
        ):
            return False
        return self.larger_than is None or (entry.size or 0) > self.larger_than
