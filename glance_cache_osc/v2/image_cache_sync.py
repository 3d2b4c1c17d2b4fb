# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache sync``."""

import argparse
import collections
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import time

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import approval
from glance_cache_osc.command import base
from glance_cache_osc.command import common
from glance_cache_osc.command import deleting
from glance_cache_osc.command import options
from glance_cache_osc.command import policy_files
from glance_cache_osc.command import queueing
from glance_cache_osc.command import summaries
from glance_cache_osc.command import waiting_options
from glance_cache_osc.command import wanted
from glance_cache_osc.filling import waiting
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import plan
from glance_cache_osc.policy import policies
from glance_cache_osc.transport import attempt

_LONG_REQUIRES = '--check or --dry-run'
#: The exit code of --check if a change is pending.
_PENDING = 3


class SyncImageCache(base.CacheLister):
    """Queue missing images, and optionally delete all other entries."""

    table = (base.ID, base.NAME, base.RESULT, base.NODE)
    nothing_found = _('No changes are pending.')
    _description = _(
        'Queue missing images and, with --delete-others, delete all other '
        'entries.'
    )
    _epilog = _(
        'If no image is missing and no entry must be deleted, the command '
        'changes nothing. With --check, the exit code is 3 if changes are '
        'pending, and 1 if a node did not respond or an image was not found.'
    )
    _example_intro = _(
        'Check that all images in a file are cached on all nodes:'
    )
    _example = (
        'openstack image cache sync --from-file images.txt --all-nodes --check'
    )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        options.add_images(
            parser,
            _('Image to keep cached: an ID, a name, or a glob on names'),
        )
        options.add_image_options(parser)
        policy_files.add_option(
            parser,
            _(
                'Policy file that defines which images belong on which sites; '
                "replaces <image>, --tag, --property and --from-file; '-' is "
                'standard input'
            ),
        )
        parser.add_argument(
            '--delete-others',
            action='store_true',
            help=_(
                'Delete all entries of other images (tags, properties and '
                'globs do not match hidden images)'
            ),
        )
        group = options.add_approval_options(parser)
        group.add_argument(
            '--check',
            action='store_true',
            help=_(
                'Show pending changes and change nothing; the exit code is 3 '
                'if there are any'
            ),
        )
        summaries.add_option(parser)
        parser.add_argument(
            '--long',
            action='store_true',
            help=_('With %s, also list images that need no action')
            % _LONG_REQUIRES,
        )
        waiting_options.add(parser)

    def run(self, parsed_args: argparse.Namespace) -> int:
        self._pending = False
        code = super().run(parsed_args)
        return _PENDING if not code and self._pending else code

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        queueing.check_long(parsed_args, _LONG_REQUIRES)
        policy = policy_files.from_args(parsed_args)
        words = None if policy else wanted.Wanted(parsed_args)
        limits = waiting_options.limits(self, parsed_args, policy)
        if parsed_args.check and limits:
            raise errors.UsageError(
                _(
                    '--check cannot be combined with --wait or an option that '
                    'implies it'
                ),
                _('Use --check or --wait.'),
            )
        members = self.chosen_fleet(parsed_args)
        self._planned_at = time.monotonic()
        delete = parsed_args.delete_others
        confirm = delete and approval.is_required(
            parsed_args, members, always=True
        )
        if policy:
            find = policy_files.find(self, policy, members, delete=delete)
        elif words:
            find = self._on_all_sites(words, members, delete=delete)
        by_place, held = self.loop.run(
            attempt.both(find, self.list_entries(members))
        )
        if policy and not delete:
            policy_files.report_extras(self, held, by_place)
        steps = self._steps(parsed_args, held, by_place)
        deletions = collections.Counter(one for one, __ in _apart(steps)[0])

        def summary(results: list[queueing.Result]) -> base.Rows:
            return summaries.rows(
                self,
                members,
                lambda one: _count(by_place, one, deletions),
                results,
                deletes=delete,
            )

        if common.plans_only(parsed_args):
            return self._planned(parsed_args, steps, summary)
        rows = self._carry_out(parsed_args, steps, limits, confirm=confirm)
        return summary(rows) if parsed_args.summary else queueing.rows(rows)

    def _planned(
        self,
        parsed_args: argparse.Namespace,
        steps: base.Steps,
        summary: Callable[[list[queueing.Result]], base.Rows],
    ) -> base.Rows:
        """The rows of ``--dry-run`` and ``--check``."""
        __, fills = _apart(steps)
        if parsed_args.dry_run:
            line = summaries.download_summary(self, fills)
            summaries.announce(self, parsed_args, line)
        pending = any(one.action is not plan.Action.NONE for __, one in steps)
        self._pending = parsed_args.check and pending
        if parsed_args.summary:
            return summary([(*one, one[1].action.value) for one in steps])
        return queueing.plan_rows(steps, long=parsed_args.long)

    def _carry_out(
        self,
        parsed_args: argparse.Namespace,
        steps: base.Steps,
        limits: waiting.Limits | None,
        *,
        confirm: bool,
    ) -> list[queueing.Result]:
        """Delete entries first, to free space, and then queue images."""
        deletions, fills = _apart(steps)
        line = summaries.download_summary(self, fills)
        asked = confirm and bool(deletions)
        if asked:
            approval.confirm_deletion(deletions, line)
        else:
            summaries.announce(self, parsed_args, line)
        deleted = self.loop.run(deleting.delete(self, deletions))
        rows: list[queueing.Result] = [(*one, 'deleted') for one in deleted]
        if self.loop.interrupted:
            queueing.count_interrupted(self, fills)
        else:
            is_old = asked or queueing.is_old(fills, self._planned_at)
            rows += self.loop.run(
                queueing.carry_out(self, fills, limits, is_old=is_old)
            )
        return rows

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        if parsed_args.summary:
            return summaries.table(self, deletes=parsed_args.delete_others)
        if common.plans_only(parsed_args):
            return queueing.PLAN
        return super().columns_for(parsed_args)

    async def _on_all_sites(
        self,
        words: wanted.Wanted,
        members: list[base.Member],
        *,
        delete: bool,
    ) -> policy_files.Wanted:
        """The images of the command line, as wanted on all sites."""
        by_cloud = await self.in_each_cloud(
            members,
            lambda cloud, _group: self._in_cloud(words, cloud, delete=delete),
        )
        return {
            fleet.place(one): by_cloud[one.cloud]
            for one in members
            if one.cloud in by_cloud
        }

    async def _in_cloud(
        self, words: wanted.Wanted, cloud: clouds.Cloud, *, delete: bool
    ) -> policies.Wanted:
        found, complete = await words.find(self, cloud)
        if delete and not complete:
            # A misspelt name may mean an image whose entry would be deleted.
            self.failures.add(
                _('Other entries are not deleted%s')
                % self.cloud_suffix(cloud),
                errors.CacheError(
                    _('Some of the specified images were not found'),
                    _('Correct the images, and run the command again.'),
                ),
            )
        return policies.Wanted(found, only=complete, complete=complete)

    def _steps(
        self,
        parsed_args: argparse.Namespace,
        held: base.Held,
        by_place: policy_files.Wanted,
    ) -> base.Steps:
        """The plan: what to queue and delete on which nodes."""
        delete = parsed_args.delete_others
        steps = [
            (member, step)
            for member, group in held.items()
            if (want := by_place.get(fleet.place(member)))
            for step in plan.to_sync(
                want.images, group, delete_others=delete and want.only
            )
        ]
        others, __ = _apart(steps)
        ids: dict[clouds.Cloud, dict[str, None]] = {}
        for member, step in others:
            ids.setdefault(member.cloud, {})[step.image.image_id] = None
        names = self.loop.run(
            self.in_each_cloud(
                [member for member, __ in others],
                lambda cloud, _group: self.names(
                    parsed_args, cloud, ids[cloud]
                ),
            )
        )
        return queueing.only_possible(
            self,
            [
                (member, step.named(names.get(member.cloud, {})))
                for member, step in steps
            ],
        )


def _count(
    by_place: policy_files.Wanted,
    member: base.Member,
    deletions: Mapping[base.Member, int],
) -> int | None:
    """How many results a node has; None if that is not known."""
    want = by_place.get(fleet.place(member))
    if want and not want.complete:
        return None
    return deletions[member] + (len(want.images) if want else 0)


def _apart(steps: base.Steps) -> tuple[base.Steps, base.Steps]:
    """The steps that delete, and the other steps."""
    deletions = [one for one in steps if one[1].action is plan.Action.DELETE]
    rest = [one for one in steps if one[1].action is not plan.Action.DELETE]
    return deletions, rest
