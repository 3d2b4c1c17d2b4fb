# SPDX-License-Identifier: Apache-2.0

"""Checks that read a small image of each node (``node check --probe-size``).

They show whether the node serves the image from its cache.
"""

from collections.abc import Sequence

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.command import base
from glance_cache_osc.command import verification_report
from glance_cache_osc.command import verifying
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import plan
from glance_cache_osc.verifying import checks
from glance_cache_osc.verifying import verification

Reports = dict[fleet.Member, checks.Report]

#: How many nodes a message names.
_FEW = 3
_MAX_DOWNLOADS = 4
#: The timeout of each verification, in seconds.
_TIMEOUT = 600.0


async def probe(
    command: base.CacheLister, reports: Reports, max_size: int
) -> None:
    """Add the checks that require reading an image.

    Nodes with the same list are read from one after the other, to find out
    whether the Hits of other nodes increase.

    :param reports: the reports of nodes whose list is known.
    :param max_size: the size limit of an image, in bytes.
    :raises errors.CatalogueError: the images could not be looked up.
    """
    held = {member: report.held or [] for member, report in reports.items()}
    chosen = {
        one.member: one
        for one in await verifying.candidates(
            command, held, smallest=True, max_size=max_size
        )
    }
    groups = checks.nodes_with_same_list(reports)
    for group in groups:
        for member in group:
            if member in chosen and not command.loop.interrupted:
                await _probe_in_group(command, reports, chosen[member], group)
    in_groups = {member for group in groups for member in group}
    alone = [one for one in chosen.values() if one.member not in in_groups]
    await _probe(command, reports, alone)
    for member in reports.keys() - chosen.keys():
        reports[member].add(
            checks.Name.SERVING,
            checks.Outcome.UNKNOWN,
            _('No cached image is small enough'),
        )


async def _probe(
    command: base.CacheLister,
    reports: Reports,
    chosen: Sequence[verification.Candidate],
) -> None:
    """Read these images, and add the check ``serving`` to the reports."""
    if command.loop.interrupted:
        return
    limits = verifying.Limits(_MAX_DOWNLOADS, _TIMEOUT)
    for one in (await verifying.verify(command, chosen, limits)).values():
        report = reports[one.candidate.member]
        outcome, details = checks.Outcome.OK, ''
        if one.error:
            outcome, details = checks.Outcome.UNKNOWN, str(one.error)
            report.failure = one.error
        elif one.result in verification_report.MESSAGES:
            outcome = checks.Outcome.ERROR
            why, remedy = verification_report.MESSAGES[one.result]
            details = f'{one.candidate.image.label}: {why}. {remedy}'
        report.add(checks.Name.SERVING, outcome, details)


async def _probe_in_group(
    command: base.CacheLister,
    reports: Reports,
    one: verification.Candidate,
    group: Sequence[fleet.Member],
) -> None:
    """Probe one of several nodes with the same list.

    Adds the check ``own list`` if Hits show whether the node shares its list.
    """
    others = [member for member in group if member is not one.member]
    before = [await _hits(member, one) for member in others]
    await _probe(command, reports, [one])
    if command.loop.interrupted:
        return
    after = [await _hits(member, one) for member in others]
    shared = [
        member
        for member, first, then in zip(others, before, after)
        if first is not None and then is not None and then > first
    ]
    if shared:
        reports[one.member].add(
            checks.Name.OWN_LIST,
            checks.Outcome.ERROR,
            _(
                'Reading an image here increased Hits on %s: the nodes have '
                'the same worker_self_reference_url, or their endpoints lead '
                'to one node. Set a unique worker_self_reference_url on each '
                'node.'
            )
            % columns.few([node.node.name for node in shared], _FEW),
        )
    elif _served(reports[one.member]) and None not in (*before, *after):
        # Hits increased on this node only.
        reports[one.member].add(checks.Name.OWN_LIST, checks.Outcome.OK)


def _served(report: checks.Report) -> bool:
    return any(
        one.name is checks.Name.SERVING and one.outcome is checks.Outcome.OK
        for one in report.checks
    )


async def _hits(
    member: fleet.Member, one: verification.Candidate
) -> int | None:
    try:
        held = await member.driver.list_entries()
    except errors.NodeError:
        return None
    entry = plan.by_id(held).get(one.image.image_id)
    return entry.hits if entry else None


def add_own_list_checks(reports: Reports) -> None:
    """Add the check ``own list`` to reports without it, from lists alone."""
    identical: dict[fleet.Member, list[str]] = {}
    similar = {
        one for group in checks.nodes_with_same_list(reports) for one in group
    }
    for group in checks.nodes_with_same_list(reports, strict=True):
        names = [member.node.name for member in group]
        for member in group:
            identical[member] = [
                one for one in names if one != member.node.name
            ]
    for member, report in reports.items():
        if any(one.name is checks.Name.OWN_LIST for one in report.checks):
            continue
        if member in identical:
            report.add(
                checks.Name.OWN_LIST,
                checks.Outcome.WARNING,
                _(
                    'The list is identical to the list of %s. Check that each '
                    'node has a unique worker_self_reference_url, or use '
                    '--probe-size with a size that some cached image has.'
                )
                % columns.few(identical[member], _FEW),
            )
        elif member in similar:
            report.checks.append(
                checks.Check(
                    checks.Name.OWN_LIST,
                    checks.Outcome.UNKNOWN,
                    _(
                        'The list differs from the list of another node only '
                        'in Hits'
                    ),
                    long_only=True,
                )
            )
        elif report.held is not None:
            report.add(checks.Name.OWN_LIST, checks.Outcome.OK)
