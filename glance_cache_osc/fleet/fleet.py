# SPDX-License-Identifier: Apache-2.0

"""One operation on all nodes of a fleet at once."""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
from typing import TypeVar

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.drivers import base
from glance_cache_osc.drivers import choosing
from glance_cache_osc.drivers import http
from glance_cache_osc.fleet import nodes
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import attempt

#: Requests to a single node at once: it serves not many more at a time.
_MAX_PER_NODE = 16

_Value = TypeVar('_Value')
#: A site of a cloud.
Place = tuple[clouds.Cloud, str]


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Member:
    """A chosen node.

    :param driver: its cache.
    :param client: any other request to it.
    :param cloud: whose images it caches.
    """

    node: nodes.Node
    driver: base.CacheDriver
    client: http.NodeClient
    cloud: clouds.Cloud


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """One image on one node."""

    member: Member
    image_id: str


def members(
    cloud: clouds.Cloud, chosen: Sequence[nodes.Node], timeout: float
) -> list[Member]:
    """The nodes that a command works on, in the order of those chosen.

    :param cloud: the one that the user is logged in to.
    :param timeout: seconds that a node may be silent.
    :raises errors.UsageError: a node's cloud is not in clouds.yaml.
    """
    found = []
    for one in chosen:
        own = cloud.named(one.cloud)
        client = own.client(one.endpoint, timeout, address=one.address)
        found.append(Member(one, choosing.connect(client), client, own))
    for own, group in by_cloud(found).items():
        own.warn_of_plain_http(
            {one.node.endpoint: one.node.label for one in group}
        )
    return found


def place(member: Member) -> Place:
    """Where a node is: its cloud and its site."""
    return member.cloud, member.node.site


def by_cloud(
    members: Iterable[Member],
) -> dict[clouds.Cloud, list[Member]]:
    """The nodes of each cloud."""
    found: dict[clouds.Cloud, list[Member]] = {}
    for one in members:
        found.setdefault(one.cloud, []).append(one)
    return found


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
    answered: set[Member] = set()
    silent: dict[Member, errors.TimedOut] = {}

    async def ask(job: Job) -> _Value:
        member = job.member
        if silence := silent.get(member):
            raise errors.TimedOut(
                _('Skipped: an earlier request to this node timed out'),
                silence.remedy,
                connected=False,
            )
        try:
            value = await operation(job)
        except errors.TimedOut as error:
            if member not in answered:
                silent[member] = error
            raise
        answered.add(member)
        silent.pop(member, None)
        return value

    return await attempt.attempt(
        ask,
        jobs,
        group=lambda job: job.member,
        group_limit=_MAX_PER_NODE,
        ended=ended,
        settle=settle,
    )
