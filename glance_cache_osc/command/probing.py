# SPDX-License-Identifier: Apache-2.0

"""Checks that read a small image of each node (``node check --probe-size``).

They show whether the node serves the image from its cache.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from glance_cache_osc import columns
from glance_cache_osc.command import base
from glance_cache_osc.command import verification_report
from glance_cache_osc.command import verifying
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import attempt
from glance_cache_osc.verifying import checks
from glance_cache_osc.verifying import verification

Reports = dict[fleet.Member, checks.Report]

#: How many nodes a message names.
_FEW = 3
_MAX_DOWNLOADS = 4
#: The timeout of a verification in seconds, and that of all together.
_TIMEOUT = 600.0
_TOTAL_TIMEOUT = 3600.0
_REMEDY = _('Select fewer nodes, or use a smaller --probe-size.')


async def probe(
    command: base.CacheLister, reports: Reports, max_size: int
) -> None:
    """Add the checks that require reading an image.

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
    similar = [member for group in groups for member in group]
    before = await _hits(similar)
    await _probe(command, reports, list(chosen.values()))
    if not command.loop.interrupted:
        counts = _increase(before, await _hits(similar))
        for group in groups:
            of_group = {one: counts[one] for one in group}
            await _check_own_lists(command, reports, chosen, of_group)
    for member in reports.keys() - chosen.keys():
        reports[member].add(
            checks.Name.SERVING,
            checks.Outcome.UNKNOWN,
            _('No cached image that can be verified is small enough'),
        )


async def _probe(
    command: base.CacheLister,
    reports: Reports,
    chosen: Sequence[verification.Candidate],
) -> None:
    """Read these images, and add the check ``serving`` to the reports."""
    if command.loop.interrupted:
        return
    seconds = min(_TIMEOUT * len(chosen), _TOTAL_TIMEOUT)
    limits = verifying.Limits(_MAX_DOWNLOADS, seconds, _REMEDY)
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


async def _check_own_lists(
    command: base.CacheLister,
    reports: Reports,
    chosen: Mapping[fleet.Member, verification.Candidate],
    counts: Mapping[fleet.Member, int | None],
) -> None:
    """Add the check ``own list`` to nodes with the same list, if it is proven.

    One image was read on each node. A node whose list counted only this read
    shares it with no other node that was read.

    :param counts: by how much the Hits of each node increased; None if that
        is not known.
    """
    served = [one for one in counts if _served(reports[one])]
    suspects = [
        one
        for one, count in counts.items()
        if count not in {None, int(one in served)}
    ]
    own = set(served)
    for one in suspects if own.issuperset(suspects) else served:
        if one in own and not command.loop.interrupted:
            shared = await _sharing(command, chosen[one], suspects)
            own -= shared
            _report_shared(reports, shared)
    if None not in counts.values() and not command.loop.interrupted:
        for one in own:
            reports[one].add(checks.Name.OWN_LIST, checks.Outcome.OK)


async def _sharing(
    command: base.CacheLister,
    one: verification.Candidate,
    suspects: Sequence[fleet.Member],
) -> set[fleet.Member]:
    """Read an image again: the nodes that may share the list of its node.

    :param suspects: the other nodes to test.
    :returns: these nodes and the image's node: one node if it is not known
        whether others share its list; none if no others do.
    """
    members = list(dict.fromkeys([one.member, *suspects]))
    before = await _hits(members, one.image.image_id)
    await verifying.read(command, [one], verifying.Limits(1, _TIMEOUT))
    counts = _increase(before, await _hits(members, one.image.image_id))
    grown = {member for member, count in counts.items() if (count or 0) > 0}
    if grown == {one.member} and None not in counts.values():
        return set()
    return {one.member, *grown}


def _report_shared(
    reports: Reports, shared: AbstractSet[fleet.Member]
) -> None:
    names = {one: one.node.name for one in reports if one in shared}
    for one, report in reports.items():
        others = [name for other, name in names.items() if other is not one]
        known = any(one.name is checks.Name.OWN_LIST for one in report.checks)
        if one not in shared or not others or known:
            continue
        report.add(
            checks.Name.OWN_LIST,
            checks.Outcome.ERROR,
            _(
                'Reading an image increased Hits here and on %s: the nodes '
                'have the same worker_self_reference_url, or their endpoints '
                'lead to one node. Set a unique worker_self_reference_url on '
                'each node.'
            )
            % columns.few(others, _FEW),
        )


def _served(report: checks.Report) -> bool:
    return any(
        one.name is checks.Name.SERVING and one.outcome is checks.Outcome.OK
        for one in report.checks
    )


async def _hits(
    members: Sequence[fleet.Member], image_id: str = ''
) -> dict[fleet.Member, int | None]:
    """The Hits of an image, or else of all images; None for a failed node."""

    async def of_node(member: fleet.Member) -> int:
        return sum(
            one.hits or 0
            for one in await member.driver.list_entries()
            if image_id in {'', one.image_id}
        )

    outcomes = await attempt.attempt(of_node, members)
    return {one.job: one.value for one in outcomes}


def _increase(
    before: Mapping[fleet.Member, int | None],
    after: Mapping[fleet.Member, int | None],
) -> dict[fleet.Member, int | None]:
    """By how much Hits increased; None if that is not known."""
    return {
        one: None if first is None or then is None else then - first
        for (one, first), then in zip(before.items(), after.values())
    }


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
