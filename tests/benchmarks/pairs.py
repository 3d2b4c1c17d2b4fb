# SPDX-License-Identifier: Apache-2.0

"""Two things timed in turn, and what the pairs say.

Pure: whatever is timed, and the clock with it, is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Sample:
    """One run.

    :ivar seconds: what it took
    :ivar requests: how many it sent to Glance
    """

    seconds: float
    requests: int


@dataclass(frozen=True)
class Pair:
    """A run of ours, and one of the peer's right after it.

    :ivar apart: seconds of ours that are not compared: a timeout
    """

    ours: Sample
    peer: Sample
    apart: float = 0.0

    @property
    def ratio(self) -> float:
        """Ours over the peer's: below 1 we are the faster."""
        return (self.ours.seconds - self.apart) / self.peer.seconds


@dataclass(frozen=True)
class Summary:
    """What pairs say.

    :ivar ours: median seconds
    :ivar peer: median seconds
    :ivar ratio: the median of the pairs' ratios, not the ratio of the
        medians: what slows the machine for a while slows both of a pair
    :ivar ours_requests: fewest and most of a run
    :ivar peer_requests: fewest and most of a run
    """

    ours: float
    peer: float
    ratio: float
    ours_requests: tuple[int, int]
    peer_requests: tuple[int, int]


def alternate(
    ours: Callable[[], Sample],
    peer: Callable[[], Sample],
    count: int,
    apart: float = 0.0,
) -> list[Pair]:
    """Run both in turn, ours first.

    :param count: of pairs, 1 or more
    :param apart: seconds of ours that are not compared
    """
    return [Pair(ours(), peer(), apart) for _ in range(count)]


def summarize(pairs: Sequence[Pair]) -> Summary:
    """What pairs say.

    :param pairs: one or more
    """
    ours = [pair.ours for pair in pairs]
    peer = [pair.peer for pair in pairs]
    return Summary(
        ours=median(run.seconds for run in ours),
        peer=median(run.seconds for run in peer),
        ratio=median(pair.ratio for pair in pairs),
        ours_requests=_range(ours),
        peer_requests=_range(peer),
    )


def _range(runs: Sequence[Sample]) -> tuple[int, int]:
    counts = [run.requests for run in runs]
    return (min(counts), max(counts))
