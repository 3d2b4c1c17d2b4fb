# SPDX-License-Identifier: Apache-2.0

"""What a wait reports while it lasts."""

from collections.abc import Sequence
import dataclasses
from typing import Protocol

from glance_cache_osc.filling import fills


@dataclasses.dataclass(frozen=True)
class Status:
    """The progress of a wait.

    :param arrived: fills that are cached or have failed before the wait.
    :param total: all fills.
    :param size: bytes that have arrived.
    :param total_size: bytes of all images, as far as they are known.
    :param seconds: since the wait began.
    :param filling: the fill in progress on each node that has one.
    :param nodes: how many nodes take part.
    """

    arrived: int
    total: int
    size: int
    total_size: int
    seconds: float
    filling: Sequence[fills.Fill] = ()
    nodes: int = 0


class Watcher(Protocol):
    """Receives what a wait reports, on the event loop."""

    def update(self, status: Status) -> None:
        """Receive the progress, at least once a second."""

    def arrived(self, fill: fills.Fill) -> None:
        """An image is cached."""

    def stalled(self, node: fills.NodeFills) -> None:
        """Nothing arrives on a node any more; once for each node."""

    def interrupted(self, count: int) -> None:
        """The wait was interrupted.

        :param count: queue requests in progress that are waited for.
        """
