# SPDX-License-Identifier: Apache-2.0

"""``--wait``, and how to wait."""

import argparse

from glance_cache_osc import errors
from glance_cache_osc.command import options
from glance_cache_osc.filling import waiting
from glance_cache_osc.i18n import _

_TIMEOUT = 3600.0
_STALL_AFTER = 300.0


def add(parser: argparse.ArgumentParser) -> None:
    """``--wait``, and how."""
    group = parser.add_argument_group(
        _('waiting'),
        _('What was asked for stays asked for, however the wait ends.'),
    )
    group.add_argument(
        '--wait',
        action='store_true',
        help=_('Wait until the images are cached'),
    )
    group.add_argument(
        '--timeout',
        metavar='<seconds>',
        type=options.seconds_or_none,
        help=_(
            'How long to wait in all, in seconds; 0 for no limit (default: %g)'
        )
        % _TIMEOUT,
    )
    group.add_argument(
        '--max-downloads',
        metavar='<number>',
        type=options.count,
        help=_(
            'Have at most so many images fetched at a time, over all nodes, '
            'and ask for the next as one arrives (default: no limit; '
            'implies --wait)'
        ),
    )
    group.add_argument(
        '--stall-after',
        metavar='<seconds>',
        type=options.seconds,
        help=_(
            'Tell of a node on which nothing has arrived for so long, in '
            'seconds, and wait for the others (default: %g)'
        )
        % _STALL_AFTER,
    )


def limits(parsed_args: argparse.Namespace) -> waiting.Limits | None:
    """How to wait; None for not at all.

    :raises errors.UsageError: it is said how to wait, and not to wait.
    """
    if parsed_args.wait or parsed_args.max_downloads:
        timeout = parsed_args.timeout
        return waiting.Limits(
            timeout=_TIMEOUT if timeout is None else timeout,
            stall_after=parsed_args.stall_after or _STALL_AFTER,
            downloads=parsed_args.max_downloads or 0,
        )
    for option in ('timeout', 'stall_after'):
        if getattr(parsed_args, option) is not None:
            raise errors.UsageError(
                _("'--%s' is for those who wait") % option.replace('_', '-'),
                _('Give --wait as well.'),
            )
    return None
