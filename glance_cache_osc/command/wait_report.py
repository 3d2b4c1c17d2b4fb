# SPDX-License-Identifier: Apache-2.0

"""Reports of the images that are not cached at the end of a wait."""

from collections.abc import Iterable

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.filling import fills
from glance_cache_osc.filling import waiting
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _

#: How many images a message names.
_FEW_IMAGES = 5


def add(
    failures: report.Failures,
    wanted: Iterable[fills.Fill],
    wait: waiting.Wait,
    ending: waiting.Ending,
) -> None:
    """Report the images that are not cached, with the reasons."""

    def fail(fill: fills.Fill, error: errors.CacheError) -> None:
        node = fill.member.node
        words = {'image': fill.image.label, 'node': node.label}
        what = _('Cannot cache image %(image)s on %(node)s') % words
        failures.add(what, error, node.name)

    interrupted = ending is waiting.Ending.INTERRUPTED
    late: dict[fleet.Member, list[fills.Fill]] = {}
    for fill in wanted:
        if fill.error:
            fail(fill, fill.error)
        elif fill.is_open and interrupted:
            if error := _uncertain(fill):
                fail(fill, error)
            elif fill.state is fills.State.PENDING:
                failures.interrupt(1)
        elif fill.is_open:
            late.setdefault(fill.member, []).append(fill)
    for missing in late.values():
        _add_late(failures, missing, wait, ending)


def _add_late(
    failures: report.Failures,
    missing: list[fills.Fill],
    wait: waiting.Wait,
    ending: waiting.Ending,
) -> None:
    """Report images of one node; those that it does not list are failed."""
    member = missing[0].member
    absent = [one for one in missing if _is_absent(one)]
    if absent and not wait.last_error(member):
        error = _never_listed()
        for fill in absent:
            fill.fail(error)
        _add_images(failures, absent, error)
    if left := [one for one in missing if one.is_open]:
        _add_images(failures, left, _late_error(wait, left, ending))


def _add_images(
    failures: report.Failures, missing: list[fills.Fill], why: errors.NodeError
) -> None:
    node = missing[0].member.node
    labels = [fill.image.label for fill in missing]
    words = {'node': node.label, 'images': columns.few(labels, _FEW_IMAGES)}
    what = _('Not cached on %(node)s: %(images)s') % words
    failures.add(what, why, node.name)


def is_queued(fill: fills.Fill) -> bool:
    """Whether the node has listed the image, or accepted the request."""
    return (fill.queued or fill.accepted) and not fill.lost


def _is_absent(fill: fills.Fill) -> bool:
    """Whether a node has accepted a request and never listed its image."""
    was_listed = fill.queued or fill.absent_since is None
    return fill.accepted and not was_listed


def _uncertain(fill: fills.Fill) -> errors.CacheError | None:
    """Why the node may have received a queue request; None if it is known."""
    if fill.unconfirmed or fill.state is fills.State.PENDING:
        return fill.unconfirmed
    return None if is_queued(fill) else errors.Unconfirmed()


def _never_listed() -> errors.NodeError:
    return errors.NodeError(
        _('The node accepted the request, but lists no such entry'),
        _(
            'A client may be downloading it. Check again with '
            "'openstack image cache list', and check the log of the node."
        ),
    )


def _late_error(
    wait: waiting.Wait, missing: list[fills.Fill], ending: waiting.Ending
) -> errors.NodeError:
    """The reason for images of a node that are not cached at the end."""
    if ending is waiting.Ending.TIMED_OUT:
        why = _('Not cached within %g seconds') % wait.limits.timeout
        idle = [
            fill.image.label
            for fill in missing
            if fill.state is fills.State.PENDING
            and not (fill.unconfirmed or is_queued(fill))
        ]
        remedy = _(
            'Queued images stay queued. To wait longer, use --timeout. If '
            'glance-api was restarted after the request, use '
            "'openstack image cache queue --force'."
        )
        if len(idle) == len(missing):
            remedy = _('No image is queued. To wait longer, use --timeout.')
        elif idle:
            few = columns.few(idle, _FEW_IMAGES)
            remedy = _('Not queued: %s.') % few + f' {remedy}'
    else:
        why = _('Stalled: no newly cached image for %g seconds')
        why %= wait.limits.stall_after
        remedy = ''
    if last_error := wait.last_error(missing[0].member):
        # The node may not have received the queue request.
        remedy = _('Last response: %s') % last_error
        if errors.is_unreachable(last_error):
            return errors.TimedOut(why, remedy)
    return errors.NodeError(why, remedy)
