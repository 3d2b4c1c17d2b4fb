# SPDX-License-Identifier: Apache-2.0

"""The progress reports of a wait."""

from collections.abc import Sequence
import dataclasses
from typing import Protocol

from glance_cache_osc.filling import fills


@dataclasses.dataclass(frozen=True)
class Status:
    """The progress of a wait.

    :param arrived: the number of fills that are cached, or that had failed
        before the wait.
    :param total: the number of all fills.
    :param size: bytes of the images cached during the wait.
    :param total_size: bytes of all images whose size is known.
    :param seconds: seconds since the wait began.
    :param filling: the fill in progress on each node that has one.
    :param nodes: the number of nodes in the wait.
    """

    arrived: int
    total: int
    size: int
    total_size: int
    seconds: float
    filling: Sequence[fills.Fill] = ()
    nodes: int = 0


class Watcher(Protocol):
    """Receives progress reports of a wait, on the event loop."""

    def update(self, status: Status) -> None:
        """Receive the current progress, at least once a second."""

    def arrived(self, fill: fills.Fill) -> None:
        """Receive a fill whose image is now cached."""

    def stalled(self, node: fills.NodeFills) -> None:
        """Receive a node that has stalled; once for each node."""

    def interrupted(self, count: int) -> None:
        """Receive an interruption of the wait by Ctrl-C.

        :param count: the number of queue requests in progress, whose
            responses the wait awaits.
        """
