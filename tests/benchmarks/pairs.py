# SPDX-License-Identifier: Apache-2.0

"""Times two commands in turn, and summarizes the pairs.

Pure: the arguments run the commands and measure the time.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Sample:
    """One run.

    :ivar seconds: elapsed seconds
    :ivar requests: number of requests to Glance
    """

    seconds: float
    requests: int


@dataclass(frozen=True)
class Pair:
    """A run of our command, followed by a run of the peer.

    :ivar apart: seconds of our command that are not compared: a timeout
    """

    ours: Sample
    peer: Sample
    apart: float = 0.0

    @property
    def ratio(self) -> float:
        """Our time divided by that of the peer; below 1, ours is faster."""
        return (self.ours.seconds - self.apart) / self.peer.seconds


@dataclass(frozen=True)
class Summary:
    """The summary of pairs.

    :ivar ours: median seconds
    :ivar peer: median seconds
    :ivar ratio: the median of the ratios of the pairs, not the ratio of the
        medians: a busy machine affects both runs of a pair
    :ivar ours_requests: minimum and maximum requests of a run
    :ivar peer_requests: minimum and maximum requests of a run
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

    :param count: number of pairs, 1 or more
    :param apart: seconds of our command that are not compared
    """
    return [Pair(ours(), peer(), apart) for _ in range(count)]


def summarize(pairs: Sequence[Pair]) -> Summary:
    """Summarize pairs.

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
