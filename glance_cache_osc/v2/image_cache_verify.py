# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache verify``."""

import argparse
from collections.abc import Sequence

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.command import approval
from glance_cache_osc.command import base
from glance_cache_osc.command import options
from glance_cache_osc.command import repairing
from glance_cache_osc.command import summaries
from glance_cache_osc.command import verification_report
from glance_cache_osc.command import verifying
from glance_cache_osc.i18n import _

_TIMEOUT = 3600.0
_MAX_DOWNLOADS = 4
_SECONDS = columns.Column('Seconds', columns.Kind.SECONDS)


class VerifyImageCache(base.CacheLister):
    """Read cached images and compare them with their hashes."""

    table = (
        *(base.ID, base.NAME, base.SIZE, base.RESULT),
        *(_SECONDS, base.NODE),
    )
    # `verifying.candidates` reports nodes without a selected image.
    nothing_found = ''
    _description = _(
        'Verify that cached images are intact and served from the cache. '
        'Each image is read completely through its node and compared with '
        'its hash in Glance; nothing is kept on disk.'
    )
    _epilog = _(
        'Reading an image counts as use: Hits and Last Accessed change, which '
        "affects --unused, --older-than and 'image cache prune'. Use "
        '--smallest in scheduled jobs.'
    )
    _example_intro = _('Verify the smallest cached image of each node:')
    _example = 'openstack image cache verify --smallest --all-nodes'

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        options.add_images(
            parser,
            _(
                'Image to verify: an ID, a name, or a glob on names '
                '(default: all cached images)'
            ),
        )
        parser.add_argument(
            '--smallest',
            action='store_true',
            help=_('Verify only the smallest of these images on each node'),
        )
        parser.add_argument(
            '--max-downloads',
            metavar='<number>',
            type=options.count,
            default=_MAX_DOWNLOADS,
            help=_(
                'Read from at most this many nodes at a time, one image each '
                '(default: %d)'
            )
            % _MAX_DOWNLOADS,
        )
        parser.add_argument(
            '--timeout',
            metavar='<seconds>',
            type=options.seconds_or_none,
            default=_TIMEOUT,
            help=_(
                'Stop after this many seconds; 0 for no limit (default: %g)'
            )
            % _TIMEOUT,
        )
        parser.add_argument(
            '--repair',
            action='store_true',
            help=_(
                'Delete corrupt and truncated entries, queue their images '
                'again if the data in the store is intact, wait, and verify '
                'them again'
            ),
        )
        summaries.add_option(parser)
        options.add_filter_options(parser, queued=False)
        options.add_approval_options(parser)

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        if parsed_args.summary:
            return summaries.table(self)
        found = super().columns_for(parsed_args)
        if parsed_args.dry_run:
            return [one for one in found if one is not _SECONDS]
        return found

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        if parsed_args.summary and parsed_args.dry_run:
            raise errors.UsageError(
                _('--summary cannot be combined with --dry-run'),
                _('Use one of them.'),
            )
        members = self.chosen_fleet(parsed_args)
        confirm = parsed_args.repair and approval.is_required(
            parsed_args, members, always=True
        )
        held = self.loop.run(self.list_entries(members))
        chosen = self.loop.run(
            verifying.candidates(
                self,
                held,
                parsed_args.images,
                options.filters(parsed_args),
                smallest=parsed_args.smallest,
            )
        )
        if parsed_args.dry_run:
            return verification_report.plan_rows(self, chosen)
        limits = verifying.Limits(
            parsed_args.max_downloads, parsed_args.timeout
        )
        findings = self.loop.run(verifying.verify(self, chosen, limits))
        if parsed_args.repair and not self.loop.interrupted:
            try:
                repairing.repair(self, findings, limits, confirm=confirm)
            except KeyboardInterrupt:
                if self.loop.has_changes:
                    self.failures.remark(
                        _('The repair may be incomplete: verify again.')
                    )
        verification_report.report(self, findings.values())
        if parsed_args.summary:
            return verification_report.summary(
                self, members, held, chosen, findings
            )
        return [
            (
                one.image.image_id,
                one.image.name,
                one.size,
                result.value,
                findings[one].seconds,
                one.member.node.name,
            )
            for one in chosen
            if one in findings and (result := findings[one].result)
        ]
