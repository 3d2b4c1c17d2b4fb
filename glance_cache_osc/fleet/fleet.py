# SPDX-License-Identifier: Apache-2.0

"""One operation on all nodes of a fleet at once."""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
from typing import Generic
from typing import TypeVar

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.drivers import base
from glance_cache_osc.drivers import choosing
from glance_cache_osc.drivers import http
from glance_cache_osc.fleet import node as nodes
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import attempt

#: Requests to a single node at once: it serves not many more at a time.
_MAX_PER_NODE = 16

_Value = TypeVar('_Value')


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Member:
    """A chosen node.

    :param driver: its cache.
    :param client: any other request to it.
    """

    node: nodes.Node
    driver: base.CacheDriver
    client: http.NodeClient


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """One image on one node."""

    member: Member
    image_id: str


class Fleet:
    """The nodes that a command works on.

    :param cloud: the cloud they belong to.
    :param chosen: the nodes, in the order in which they are reported.
    :param timeout: seconds that a node may be silent.
    """

    def __init__(
        self,
        cloud: clouds.Cloud,
        chosen: Sequence[nodes.Node],
        timeout: float,
    ) -> None:
        cloud.warn_of_plain_http({one.endpoint: one.label for one in chosen})
        clients = [cloud.client(one.endpoint, timeout) for one in chosen]
        self._members = [
            Member(one, choosing.connect(client), client)
            for one, client in zip(chosen, clients)
        ]

    def __len__(self) -> int:
        """How many nodes there are."""
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        """The nodes, in their order."""
        return iter(self._members)


async def each(
    operation: Callable[[Job], Awaitable[_Value]],
    jobs: Iterable[Job],
    *,
    ended: Callable[[], None],
    settle: Callable[[list[Job]], None],
) -> list[attempt.Outcome[Job, _Value]]:
    """Change images on nodes; outcomes in the jobs' order.

    A node that is silent, and has done nothing of what it was asked for, is
    not asked for the rest. For `ended` and `settle` see `attempt.attempt`.
    """
    return await attempt.attempt(
        _Asking(operation).ask,
        jobs,
        lane=lambda job: job.member,
        width=_MAX_PER_NODE,
        ended=ended,
        settle=settle,
    )


class _Asking(Generic[_Value]):
    """Asks nodes one thing after the other, until one stays silent."""

    def __init__(self, operation: Callable[[Job], Awaitable[_Value]]) -> None:
        self._operation = operation
        self._answers: set[Member] = set()
        self._silent: dict[Member, errors.TimedOut] = {}

    async def ask(self, job: Job) -> _Value:
        """Do one thing.

        :raises errors.NodeError: as the operation; or it was not done.
        """
        member = job.member
        if silence := self._silent.get(member):
            raise errors.NodeError(
                _('It was not asked, since it stays silent'), silence.remedy
            )
        try:
            value = await self._operation(job)
        except errors.TimedOut as error:
            if member not in self._answers:
                self._silent[member] = error
            raise
        self._answers.add(member)
        self._silent.pop(member, None)
        return value
