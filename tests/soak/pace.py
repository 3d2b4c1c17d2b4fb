# SPDX-License-Identifier: Apache-2.0

"""The times of a soak."""

from __future__ import annotations

from dataclasses import dataclass

_SHORT = 120.0


@dataclass(frozen=True)
class Pace:
    """How often things happen. All times are in seconds.

    :ivar seconds: the duration of the run, from the first fault to the last
        comparison of sizes
    :ivar watch: the interval of `watch`
    :ivar metrics: from the start of one `metrics` to the next, at least
    :ivar node_timeout: of all commands
    :ivar fill: the duration of one download
    :ivar sync_timeout: of `sync --wait`
    :ivar stall: of `sync --wait`
    :ivar fault: the shortest and the longest fault
    :ivar faults: the most faults at a time
    :ivar storm: the shortest and the longest time with faults
    :ivar calm: the shortest and the longest time without faults
    :ivar sample: between two measurements of `watch`
    :ivar warm_up: the share of the run, at its start, before the sizes of
        processes are compared
    :ivar watch_growth: the most MiB that `watch` may grow by after that
    :ivar prompt_growth: the same for the prompt
    """

    seconds: float
    nodes: int
    watch: float = 5.0
    metrics: float = 10.0
    node_timeout: float = 5.0
    fill: float = 0.5
    sync_timeout: float = 60.0
    stall: float = 12.0
    fault: tuple[float, float] = (10.0, 60.0)
    faults: int = 12
    storm: tuple[float, float] = (60.0, 180.0)
    calm: tuple[float, float] = (20.0, 40.0)
    sample: float = 2.0
    warm_up: float = 0.1
    watch_growth: float = 4.0
    prompt_growth: float = 8.0

    @property
    def is_short(self) -> bool:
        """Whether there is too little time for many faults of each kind."""
        return self.seconds < _SHORT


def of(seconds: float, nodes: int) -> Pace:
    """The pace for a run: everything is faster in a short one."""
    if seconds >= _SHORT:
        return Pace(seconds, nodes)
    return Pace(
        seconds,
        nodes,
        watch=1.0,
        metrics=1.0,
        node_timeout=1.2,
        fill=0.05,
        sync_timeout=15.0,
        stall=3.0,
        fault=(2.0, 4.0),
        storm=(60.0, 60.0),
        calm=(0.1, 0.5),
        sample=0.25,
        warm_up=0.0,
    )
