#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

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
    """

    arrived: int
    total: int
    size: int
    total_size: int
    seconds: float
    filling: Sequence[fills.Fill] = ()


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
