# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache sync``."""

import argparse

from glance_cache_osc import errors
from glance_cache_osc.command import approval
from glance_cache_osc.command import base
from glance_cache_osc.command import options
from glance_cache_osc.command import queueing
from glance_cache_osc.command import wanted
from glance_cache_osc.i18n import _
from glance_cache_osc.model import images
from glance_cache_osc.model import plan
from glance_cache_osc.transport import attempt

#: The exit code of --check when something is to be done.
_PENDING = 3


class SyncImageCache(base.CacheLister):
    """Have the images that are named cached, or those alone."""

    table = (base.ID, base.NAME, base.RESULT, base.NODE)
    _description = _(
        'Have the images that are named in the cache: queue what is missing, '
        'and with --delete-others drop the rest.'
    )
    _epilog = _(
        'Doing it again changes nothing. With --check, the exit code '
        'is 3 when something is to be done, and 1 when a node could '
        'not be asked.'
    )
    _example_of = _('Is what a file names cached everywhere?')
    _example = (
        'openstack image cache sync --from-file images.txt --all-nodes --check'
    )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        options.add_images(
            parser,
            _('Image to have cached: an ID, a name, or a glob on names'),
        )
        options.add_image_options(parser)
        parser.add_argument(
            '--delete-others',
            action='store_true',
            help=_('Drop all entries of images that are not named'),
        )
        group = options.add_approval_options(parser)
        group.add_argument(
            '--check',
            action='store_true',
            help=_(
                'Show what is to be done, and do nothing; the exit code is 3 '
                'if there is something'
            ),
        )
        queueing.add_waiting_options(parser)

    def run(self, parsed_args: argparse.Namespace) -> int:
        self._pending = False
        code = super().run(parsed_args)
        return _PENDING if not code and self._pending else code

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        words = wanted.Wanted(parsed_args)
        limits = queueing.limits(parsed_args)
        if parsed_args.check and limits:
            raise errors.UsageError(
                _('--check does not wait'), _('Give --check or --wait.')
            )
        members = self.chosen_fleet(parsed_args)
        (found, complete), held = self.loop.run(
            attempt.both(words.find(self), self.look(members))
        )
        steps = self._steps(parsed_args, found, held, complete=complete)
        if base.plans_only(parsed_args):
            pending = [
                one for one in steps if one[1].action is not plan.Action.NONE
            ]
            self._pending = parsed_args.check and bool(pending)
            return queueing.planned(pending)
        deletions, fills = _apart(steps)
        approval.deletion(parsed_args, deletions)
        gone = self.loop.run(self.delete(deletions))
        rows: list[queueing.Result] = [(*one, 'deleted') for one in gone]
        if self.loop.interrupted:
            queueing.give_up(self, fills)
        else:
            rows += self.loop.run(queueing.carry_out(self, fills, limits))
        return queueing.rows(rows)

    def _steps(
        self,
        parsed_args: argparse.Namespace,
        found: list[images.Image],
        held: base.Held,
        *,
        complete: bool,
    ) -> base.Steps:
        """What is to be done where."""
        delete_others = parsed_args.delete_others
        if delete_others and not complete:
            # Who names what is not there may have meant what is.
            delete_others = False
            self.failures.add(
                _('Other images are not deleted'),
                errors.CacheError(
                    _('Not all that is named was found'),
                    _('Name what is there, and run it again.'),
                ),
            )
        steps = [
            (member, step)
            for member, group in held.items()
            for step in plan.to_sync(found, group, delete_others=delete_others)
        ]
        others, __ = _apart(steps)
        ids = {step.image.image_id for __, step in others}
        names = self.loop.run(self.names(parsed_args, ids))
        return [(member, step.named(names)) for member, step in steps]


def _apart(steps: base.Steps) -> tuple[base.Steps, base.Steps]:
    """Deletions, and the rest."""
    deletions = [one for one in steps if one[1].action is plan.Action.DELETE]
    rest = [one for one in steps if one[1].action is not plan.Action.DELETE]
    return deletions, rest
