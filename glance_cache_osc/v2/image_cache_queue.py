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

"""``openstack image cache queue``."""

import argparse
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from glance_cache_osc import catalogue
from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc import images
from glance_cache_osc import plan
from glance_cache_osc.i18n import _
from glance_cache_osc.v2 import base
from glance_cache_osc.v2 import options

_RESULTS = {
    plan.Action.QUEUE: 'queued',
    plan.Action.WAIT: 'already queued',
    plan.Action.NONE: 'already cached',
}
#: How many nodes a line names.
_FEW = 3


class QueueImageCache(base.CacheLister):
    """Ask for images to be cached."""

    _description = _(
        'Ask for images to be cached. Images that are cached or queued '
        'already are left as they are.'
    )
    _epilog = _(
        'A node fetches its images one after the other, in its own time. '
        'Example: openstack image cache queue --tag golden --node edge-oslo'
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'images',
            metavar='<image>',
            nargs='*',
            help=_('Image to cache: an ID, a name, or a glob on names'),
        )
        options.add_image_options(parser)
        parser.add_argument(
            '--force',
            action='store_true',
            help=_(
                'Ask again for images that are cached or queued already; '
                'a node that has one fetches all of its data again'
            ),
        )
        options.add_dry_run(parser)
        return parser

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        last = base.ACTION if parsed_args.dry_run else base.RESULT
        return (base.ID, base.NAME, last, base.NODE)

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        words = options.image_words(parsed_args)
        properties = catalogue.check_properties(dict(parsed_args.property))
        members = self.chosen_fleet(parsed_args)
        wanted, held = self.at_once(
            lambda: self._wanted(words, parsed_args.tag, properties),
            lambda: self.look(members),
        )
        steps = [
            (member, step)
            for member, group in held.items()
            for step in plan.to_queue(wanted, group, force=parsed_args.force)
        ]
        if parsed_args.dry_run:
            return [_row(*step, plan.NAMES) for step in steps]
        done = self.carry_out(
            members,
            steps,
            lambda job: job.member.driver.queue(job.image_id),
            _("Cannot queue image '%(image)s' on %(node)s"),
        )
        self._say_who_fills(done)
        return [_row(*step, _RESULTS) for step in done]

    def _say_who_fills(self, done: base.Steps) -> None:
        """Tell of nodes where queued images wait for somebody."""
        waiting: dict[str, dict[str, None]] = {}
        for member, step in done:
            program = member.driver.filled_by
            if program and step.action is not plan.Action.NONE:
                waiting.setdefault(program, {})[member.node.name] = None
        for program, names in waiting.items():
            line = _(
                "Queued images wait until '%(program)s' runs on %(where)s."
            )
            where = _few(list(names))
            self.log.warning(
                columns.safe_text(line % {'program': program, 'where': where})
            )

    def _wanted(
        self,
        words: Sequence[str],
        tags: Sequence[str],
        properties: Mapping[str, str],
    ) -> list[images.Image]:
        """The images that were named in any way, each once."""
        listed = self.cloud.catalogue()
        resolution = listed.resolve(words)
        for word, error in resolution.failures.items():
            self.failures.add(_("Cannot queue '%s'") % word, error)
        found = list(resolution.found)
        if tags or properties:
            matching = listed.matching(tags, properties)
            if not matching:
                self.failures.add(
                    _('Cannot queue by tag or property'),
                    errors.ImageError(_('No image has all of them')),
                )
            found += matching
        return list({image.image_id: image for image in found}.values())


def _few(names: Sequence[str]) -> str:
    """The first few of many names."""
    text = ', '.join(names[:_FEW])
    more = len(names) - _FEW
    if more > 0:
        return _('%(names)s and %(more)d more') % {'names': text, 'more': more}
    return text


def _row(
    member: base.Member, step: plan.Step, words: Mapping[plan.Action, str]
) -> tuple[Any, ...]:
    image = step.image
    return (image.image_id, image.name, words[step.action], member.node.name)
