# SPDX-License-Identifier: Apache-2.0

"""Collect the data of ``metrics`` and ``report`` from nodes and clouds."""

import asyncio
import contextlib
import datetime
import ssl

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import common
from glance_cache_osc.command import policy_files
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan
from glance_cache_osc.monitoring import snapshot as snapshots
from glance_cache_osc.policy import policies
from glance_cache_osc.transport import attempt


async def collect(
    command: common.CacheCommand,
    members: list[fleet.Member],
    policy: policies.Policy | None,
) -> snapshots.Snapshot:
    """Read all nodes and look up the images; failures are reported.

    :raises errors.LoginFailed: no request was sent, because all logins failed.
    """
    taken = datetime.datetime.now(datetime.UTC)
    wanted: policy_files.Wanted = {}
    complete = None
    if policy:
        try:
            wanted = await policy_files.find(command, policy, members)
        except errors.CatalogueError as error:
            command.failures.add(_('Cannot resolve the policy'), error)
            command.failed_clouds = set(fleet.by_cloud(members))
            complete = False
        else:
            found = all(one.complete for one in wanted.values())
            complete = bool(wanted) and found and not command.failed_clouds
    outcomes = await command.query(members, _read_node)
    states = [one.value for one in outcomes if one.value]
    failed = [one.error for one in states if one.error]
    if len(failed) == len(states) and all(
        isinstance(one, errors.LoginFailed) for one in failed
    ):
        raise failed[0]
    for one in states:
        if one.error:
            what = _('Cannot read the cache of %s') % one.node.label
            command.failures.add(what, one.error, one.node.name)
    known, orphans = await _known(command, members, states)
    return snapshots.Snapshot(
        taken,
        states,
        {(own.name, site): want for (own, site), want in wanted.items()},
        known,
        orphans,
        complete,
        command.failures.lines,
    )


async def _read_node(member: fleet.Member) -> snapshots.NodeState:
    clock = asyncio.get_running_loop().time
    own = (member.node, member.cloud.name)
    began = clock()
    try:
        held = plan.by_id(await member.driver.list_entries())
    except errors.NodeError as error:
        attempt.drop_frames(error)
        return snapshots.NodeState(*own, None, error)
    seconds = clock() - began
    return snapshots.NodeState(
        *own, held, seconds=seconds, expires=await _expires(member)
    )


async def _expires(member: fleet.Member) -> float | None:
    """When the TLS certificate of a node expires, in seconds since 1970.

    libcurl reports this only for a new connection. None without TLS, or if it
    is not known.
    """
    if not member.node.endpoint.startswith('https:'):
        return None
    fresh = member.client.reconnecting()
    with contextlib.suppress(errors.NodeError, ValueError):
        response = await fresh.send('GET', '/versions', authenticated=False)
        return float(ssl.cert_time_to_seconds(response.expires))
    return None


async def _known(
    command: common.CacheCommand,
    members: list[fleet.Member],
    states: list[snapshots.NodeState],
) -> tuple[dict[snapshots.Key, images.Image], dict[str, frozenset[str]]]:
    """The images in Glance, and the IDs of the orphans of each cloud.

    Clouds that have failed are left out.
    """
    members = [
        one for one in members if one.cloud not in command.failed_clouds
    ]
    held = {
        cloud.name: entries.ids_of(
            (one.held or {}).values()
            for one in states
            if one.cloud == cloud.name
        )
        for cloud in fleet.by_cloud(members)
    }
    orphans: dict[str, frozenset[str]] = {}

    async def of_cloud(
        cloud: clouds.Cloud, _group: object
    ) -> dict[str, images.Image]:
        found = await cloud.catalogue().by_id(held[cloud.name])
        if await cloud.sees_all_images():
            orphans[cloud.name] = frozenset(
                one
                for one in held[cloud.name]
                if one not in found and images.may_be_id(one)
            )
        else:
            command.log.warning(
                _(
                    "This login does not have the role 'admin'%s: orphans "
                    'are not counted.'
                ),
                command.cloud_suffix(cloud),
            )
        return found

    try:
        by_cloud = await command.in_each_cloud(members, of_cloud)
    except errors.CatalogueError as error:
        command.failures.add(_('Cannot look up the images'), error)
        by_cloud = {}
    return {
        (cloud.name, image_id): image
        for cloud, found in by_cloud.items()
        for image_id, image in found.items()
    }, orphans
