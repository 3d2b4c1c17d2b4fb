#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""``openstack image cache delete``."""

import argparse
from collections.abc import Mapping
from collections.abc import Sequence
import datetime
from typing import Any

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import catalogue
from glance_cache_osc.command import approval
from glance_cache_osc.command import base
from glance_cache_osc.command import deleting
from glance_cache_osc.command import options
from glance_cache_osc.i18n import _
from glance_cache_osc.model import images
from glance_cache_osc.model import plan
from glance_cache_osc.model import selection
from glance_cache_osc.transport import parallel

_RESULTS = {
    plan.Action.DELETE: 'deleted',
    plan.Action.NONE: 'not in cache',
}


class DeleteImageCache(base.CacheLister):
    """Drop entries from cache and queue."""

    _description = _(
        'Drop images from cache and queue. The images themselves stay in '
        'Glance.'
    )
    _epilog = _('An ID needs no image in Glance.')
    _example_of = _('Free the space of images that Glance no longer knows:')
    _example = 'openstack image cache delete --orphans --auto-approve'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'images',
            metavar='<image>',
            nargs='*',
            help=_('Image to drop: an ID, a name, or a glob on names'),
        )
        options.add_narrowing_options(parser)
        options.add_approval_options(parser)
        return parser

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        last = base.ACTION if parsed_args.dry_run else base.RESULT
        return (base.ID, base.NAME, base.STATE, base.SIZE, last, base.NODE)

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        words = list(dict.fromkeys(parsed_args.images))
        narrowing = options.narrowing(parsed_args)
        if not words and not narrowing:
            raise errors.UsageError(
                _('Nothing says what to delete'),
                _("Name images or narrow by an option; 'clear' drops all."),
            )
        members = self.chosen_fleet(parsed_args)
        if narrowing.orphans:
            self.cloud.warn_of_hidden_images()
        now = datetime.datetime.now(datetime.timezone.utc)
        # What a word means is known, also where it is narrowed away.
        early = selection.Narrowing() if words else narrowing
        resolution, held = parallel.both(
            lambda: self.cloud.catalogue().resolve(words, globs=False),
            # Where an image is queued as well, its data goes, too: it counts
            # as cached.
            lambda: self.read(
                members,
                lambda group: early.sift(plan.by_id(group).values(), now),
            ),
        )
        named, globs = self._named(words, resolution, held)
        steps = self._steps(parsed_args, globs, narrowing, held, named)
        if parsed_args.dry_run:
            return [_row(*step, plan.NAMES) for step in steps]
        nodes = {
            member
            for member, step in steps
            if step.action is plan.Action.DELETE
        }
        if narrowing or len(nodes) > 1 or globs:
            approval.deletion(parsed_args, steps)
        done = deleting.carry_out(self, members, steps)
        return [_row(*step, _RESULTS) for step in done]

    def _steps(
        self,
        parsed_args: argparse.Namespace,
        globs: Sequence[str],
        narrowing: selection.Narrowing,
        held: base.Held,
        named: list[images.Image],
    ) -> base.Steps:
        """What is to be deleted where."""
        words = parsed_args.images
        known: dict[str, images.Image] = {}
        if globs or narrowing.orphans:
            known = self.cloud.catalogue().by_id(base.held_ids(held))
        elif not words:
            known = self.names(parsed_args, base.held_ids(held))
        if globs or not words:
            meant = selection.meant(globs, base.held_ids(held), known)
            named = named + [
                known.get(one, images.Image(one)) for one in meant
            ]
        wanted = list({image.image_id: image for image in named}.values())
        now = datetime.datetime.now(datetime.timezone.utc)
        steps = [
            (member, step)
            for member, group in held.items()
            for step in plan.to_delete(wanted, group)
            if not narrowing
            or (step.entry and narrowing.keeps(step.entry, known, now))
        ]
        return _without_echoes(steps)

    def _named(
        self,
        words: Sequence[str],
        resolution: catalogue.Resolution,
        held: base.Held,
    ) -> tuple[list[images.Image], list[str]]:
        """The images that IDs and names mean, and the globs among the words.

        What means nothing is reported. An ID that a node holds means just
        that, even if some image has it for a name.
        """
        there = set(base.held_ids(held))
        ids = {word for word in words if images.is_id(word) and word in there}
        named = [
            image
            for image in resolution.found
            if image.name not in ids or image.image_id in words
        ]
        known = {image.image_id for image in named}
        globs = []
        for word, error in resolution.failures.items():
            if word in there:
                ids.add(word)
            elif images.is_glob(word) and isinstance(
                error, errors.ImageNotFound
            ):
                globs.append(word)
            else:
                self.failures.add(_("Cannot delete '%s'") % word, error)
        orphans = [word for word in words if word in ids - known]
        return named + list(map(images.Image, orphans)), globs


def _without_echoes(steps: base.Steps) -> base.Steps:
    """Steps without the nodes that lack an image which another has.

    An image that no node has stays, with the first of them.
    """
    somewhere = {
        step.image.image_id
        for __, step in steps
        if step.action is plan.Action.DELETE
    }
    kept: base.Steps = []
    for member, step in steps:
        if step.action is plan.Action.DELETE:
            kept.append((member, step))
        elif step.image.image_id not in somewhere:
            somewhere.add(step.image.image_id)
            kept.append((member, step))
    return kept


def _row(
    member: base.Member, step: plan.Step, words: Mapping[plan.Action, str]
) -> tuple[Any, ...]:
    entry = step.entry
    return (
        step.image.image_id,
        step.image.name,
        entry.state.value if entry else None,
        entry.size if entry else None,
        words[step.action],
        member.node.name,
    )
