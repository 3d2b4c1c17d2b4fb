# SPDX-License-Identifier: Apache-2.0

"""Runs operations on many nodes at once."""

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

#: The number of concurrent requests to one node. A node does not process many
#: more at a time.
_MAX_PER_NODE = 16

_Value = TypeVar('_Value')
#: The key of a site: its cloud and its name.
Place = tuple[clouds.Cloud, str]


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Member:
    """A node that a command works on.

    :param node: the node.
    :param driver: sends requests to the node's cache.
    :param client: sends all other requests to the node.
    :param cloud: the cloud whose images the node caches.
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
    """The nodes that a command works on, in the order of the chosen nodes.

    Warn if a token is sent to some of them over plain http.

    :param cloud: the cloud that the user is logged in to.
    :param timeout: the timeout of requests to a node, in seconds.
    :raises errors.UsageError: a node's cloud is not in clouds.yaml.
    """
    found = []
    for one in chosen:
        own = cloud.named(one.cloud)
        client = own.client(
            one.endpoint, timeout, address=one.address, failure=one.failure
        )
        found.append(Member(one, choosing.connect(client), client, own))
    for own, group in by_cloud(found).items():
        own.warn_of_plain_http(
            {one.node.endpoint: one.node.label for one in group}
        )
    return found


def place(member: Member) -> Place:
    """The key of a node's site: its cloud and the site's name."""
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
    """Run an operation for images on nodes.

    After a timeout, the remaining jobs of the node are skipped, unless a job
    on this node has succeeded before. For `ended` and `settle` see
    `attempt.attempt`.

    :returns: the outcomes, in the order of the jobs.
    """
    responsive: set[Member] = set()
    timed_out: set[Member] = set()

    async def run(job: Job) -> _Value:
        member = job.member
        if member in timed_out:
            raise errors.TimedOut(
                _('Skipped: an earlier request to this node timed out'),
                errors.WAIT_LONGER,
                connected=False,
            )
        try:
            value = await operation(job)
        except errors.TimedOut:
            if member not in responsive:
                timed_out.add(member)
            raise
        responsive.add(member)
        return value

    return await attempt.attempt(
        run,
        jobs,
        group=lambda job: job.member,
        group_limit=_MAX_PER_NODE,
        ended=ended,
        settle=settle,
    )
