# SPDX-License-Identifier: Apache-2.0

"""The rows and messages of a verification."""

import collections
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.command import base
from glance_cache_osc.command import summaries
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import plan
from glance_cache_osc.verifying import verification

Result = verification.Result
Candidate = verification.Candidate

#: How many images, and nodes, a message names.
_FEW = 3
#: A fill from a damaged store would end all fills of the node. Thus the remedy
#: is not to delete the entry and queue the image.
_REPLACE = _(
    "Use 'openstack image cache verify --repair', which replaces the file if "
    'the data in the store is intact.'
)
#: The reason and the remedy of each result that is a failure.
MESSAGES = {
    Result.CORRUPT: (
        _('the data does not match the hash in Glance'),
        _REPLACE,
    ),
    Result.TRUNCATED: (
        _('the node sends only the first part of the data'),
        _REPLACE,
    ),
    Result.FILE_MISSING: (
        _(
            'the node listed the image as cached, but its file was missing; '
            'reading the image cached it again'
        ),
        _(
            'Check that the cache directory is on a persistent disk and that '
            'each node has a unique worker_self_reference_url.'
        ),
    ),
    Result.NOT_SERVED: (
        _(
            'the data is correct, but the node does not serve it from the '
            'cache: two reads did not increase Hits'
        ),
        _(
            'Set a flavor with caching (such as keystone+cachemanagement) in '
            "that node's glance-api.conf, and a unique "
            'worker_self_reference_url on each node. --repair cannot correct '
            'this.'
        ),
    ),
    Result.NOT_CACHED: (
        _('the image is not in the cache'),
        _("Queue the image with 'openstack image cache queue'."),
    ),
}
_QUEUED = (
    _('the image is queued and not cached yet'),
    _(
        'Verify it when it is cached. If glance-api was restarted after the '
        "request, use 'openstack image cache queue --force'."
    ),
)


def plan_rows(
    command: base.CacheLister, chosen: Sequence[Candidate]
) -> base.Rows:
    """Rows of ID, Name, Size, Action and Node; logs the total size."""
    read = [one for one in chosen if not one.skip_reason]
    line = _('To read: %(size)s. Entries: %(entries)d. Nodes: %(nodes)d.')
    command.log.warning(
        line,
        {
            'entries': len(read),
            'size': columns.human_size(sum(one.size for one in read)),
            'nodes': len({one.member for one in read}),
        },
    )
    return [
        (
            one.image.image_id,
            one.image.name,
            one.size,
            one.skip_reason.value if one.skip_reason else 'verify',
            one.member.node.name,
        )
        for one in chosen
    ]


def report(
    command: base.CacheLister, findings: Iterable[verification.Finding]
) -> None:
    """Report entries that are not intact or not served, and failed nodes.

    If an error prevented the verification of several images of a node, it is
    reported once.
    """
    failed: dict[tuple[fleet.Member, int], list[verification.Finding]] = {}
    for one in findings:
        if one.reported:
            continue
        if one.error and not one.result:
            key = (one.candidate.member, id(one.error))
            failed.setdefault(key, []).append(one)
        elif one.result in MESSAGES:
            why, remedy = MESSAGES[one.result]
            if one.candidate.state is entries.State.QUEUED:
                why, remedy = _QUEUED
            if one.error:
                remedy = _('Repair: %s') % one.error
            what = _('Image %(image)s on %(node)s') % {
                'image': one.candidate.image.label,
                'node': one.candidate.member.node.label,
            }
            command.failures.add(what, errors.NodeError(why, remedy))
    for group in failed.values():
        chosen = [one.candidate for one in group]
        error = group[0].error
        if error:
            what = _('Cannot verify %s') % few_of(chosen)
            node = chosen[0].member.node
            command.failures.add(what, error, node.name)


def summary(
    command: base.CacheLister,
    members: Iterable[base.Member],
    held: base.Held,
    chosen: Sequence[Candidate],
    findings: Mapping[Candidate, verification.Finding],
) -> base.Rows:
    """The rows of `summaries.rows`: intact images count as cached."""
    counts = collections.Counter(
        one.member
        for one in chosen
        if one.skip_reason is not Result.NOT_VERIFIABLE
    )
    words = {Result.OK: 'already cached', Result.REPAIRED: 'cached'}
    results = [
        (one.member, plan.Step(one.image, plan.Action.NONE), words[result])
        for one in chosen
        if one in findings and (result := findings[one].result) in words
    ]
    return summaries.rows(
        command,
        members,
        lambda one: counts[one] if one in held else None,
        results,
    )


def few_of(chosen: Sequence[Candidate]) -> str:
    """The labels of the first few images and nodes, for a message."""
    nodes = {one.member: one.member.node.label for one in chosen}
    return _('image %(images)s on %(nodes)s') % {
        'images': columns.few(
            list(dict.fromkeys(one.image.label for one in chosen)), _FEW
        ),
        'nodes': columns.few(list(nodes.values()), _FEW),
    }
