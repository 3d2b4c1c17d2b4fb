# SPDX-License-Identifier: Apache-2.0

"""The options of ``queue`` and ``sync`` for waits, and their meaning."""

import argparse

from glance_cache_osc import errors
from glance_cache_osc.command import base
from glance_cache_osc.command import options
from glance_cache_osc.filling import waiting
from glance_cache_osc.fleet import configuration
from glance_cache_osc.i18n import _
from glance_cache_osc.policy import policies

_TIMEOUT = 3600.0
_STALL_AFTER = 300.0
_DOWNLOADS_VARIABLE = 'OS_IMAGE_CACHE_MAX_DOWNLOADS'


def add(parser: argparse.ArgumentParser) -> None:
    """Add ``--wait`` and the options that require it."""
    group = parser.add_argument_group(
        _('waiting'),
        _('Queued images stay queued if the wait ends early.'),
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
            'Stop waiting after this many seconds, and after the response to '
            'a request in progress; 0 for no limit (default: %g)'
        )
        % _TIMEOUT,
    )
    group.add_argument(
        '--max-downloads',
        metavar='<number>',
        type=options.count,
        help=_(
            'Download at most this many images at a time on all nodes '
            'together; implies --wait (default: no limit. With --wait: the '
            'value of %s, if set)'
        )
        % _DOWNLOADS_VARIABLE,
    )
    group.add_argument(
        '--max-downloads-per-site',
        metavar='<number>',
        type=options.count,
        help=_(
            'Download at most this many images at a time on each site '
            '(default: with --wait, max_downloads of the policy, or of the '
            'site in clouds.yaml; implies --wait)'
        ),
    )
    group.add_argument(
        '--stall-after',
        metavar='<seconds>',
        type=options.seconds,
        help=_(
            'Report a node as stalled after this many seconds without a newly '
            'cached image, and wait for the others (default: %g)'
        )
        % _STALL_AFTER,
    )


def limits(
    command: base.CacheLister,
    parsed_args: argparse.Namespace,
    policy: policies.Policy | None = None,
) -> waiting.Limits | None:
    """The limits of the wait; None if the command does not wait.

    :raises errors.UsageError: an option requires ``--wait``, or the sites in
        clouds.yaml are not valid.
    """
    sites = configuration.sites(command.cloud)

    def of_site(site: str) -> int:
        rule = policy.rule_for(site) if policy else None
        known = sites.get(site)
        return (
            parsed_args.max_downloads_per_site
            or (rule and rule.max_downloads)
            or (known and known.max_downloads)
            or 0
        )

    if (
        parsed_args.wait
        or parsed_args.max_downloads
        or parsed_args.max_downloads_per_site
    ):
        timeout = parsed_args.timeout
        command.check_sites()
        return waiting.Limits(
            timeout=_TIMEOUT if timeout is None else timeout,
            stall_after=parsed_args.stall_after or _STALL_AFTER,
            downloads=parsed_args.max_downloads
            or options.from_environment(
                _DOWNLOADS_VARIABLE, options.count, default=0
            ),
            site_downloads=of_site,
        )
    for option in ('timeout', 'stall_after'):
        if getattr(parsed_args, option) is not None:
            raise errors.UsageError(
                _('--%s requires --wait') % option.replace('_', '-'),
                _('Add --wait.'),
            )
    return None
