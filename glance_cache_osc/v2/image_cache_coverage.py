# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache coverage``."""

import argparse

from glance_cache_osc import columns
from glance_cache_osc.command import base
from glance_cache_osc.command import options
from glance_cache_osc.command import policy_files
from glance_cache_osc.i18n import _
from glance_cache_osc.model import coverage
from glance_cache_osc.model import images
from glance_cache_osc.transport import attempt


class CoverImageCache(base.CacheLister):
    """On how many nodes images are."""

    table = (
        base.ID,
        base.NAME,
        base.SIZE,
        columns.Column('Cached', columns.Kind.SHARE),
        columns.Column('Queued', columns.Kind.COUNT),
        columns.Column('Missing', columns.Kind.COUNT),
        columns.Column('Missing On', columns.Kind.NODES),
    )
    _description = _(
        'Show on how many nodes images are cached, queued or missing, and '
        'where they are missing.'
    )
    _example_of = _('Is the image everywhere?')
    _example = (
        'openstack image cache coverage ubuntu-24.04 -f value -c Missing'
    )
    changes = False

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        options.add_images(
            parser,
            _(
                'Image to look for: an ID, a name, or a glob on names '
                '(default: all that any of the nodes has)'
            ),
        )
        parser.add_argument(
            '--by-site',
            action='store_true',
            help=_(
                'Count sites instead of nodes: a site has an image if all of '
                'its nodes do'
            ),
        )
        policy_files.add_option(
            parser,
            _(
                'Policy file: count only nodes on which an image belongs, in '
                "place of <image>; '-' is standard input"
            ),
        )

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        policy = policy_files.of(parsed_args)
        members = self.chosen_fleet(parsed_args)
        by_site: policy_files.Wanted = {}
        if policy:
            find = policy_files.find(self, policy, members)
            by_site, held = self.loop.run(
                attempt.both(find, self.look(members))
            )
            wanted = policy_files.all_images(by_site)
        else:
            held = self.loop.run(self.look(members))
            wanted = self._wanted(parsed_args, held)
        silent = len(members) - len(held)
        if silent and wanted:
            self.failures.remark(
                _(
                    'Where images are missing is not known in full: '
                    '%(silent)d of %(all)d nodes did not say.'
                )
                % {'silent': silent, 'all': len(members)}
            )
        sites = {one.node.name: one.node.site for one in members}
        ids = {
            site: {one.image_id for one in want.images}
            for site, want in by_site.items()
        }

        def belongs(image_id: str, node: str) -> bool:
            return not policy or image_id in ids.get(sites[node], ())

        def place(node: str) -> str:
            return sites[node] if parsed_args.by_site else node

        everywhere = len(set(map(place, sites)))

        def total(image_id: str) -> int:
            if not policy:
                return everywhere
            return len({place(one) for one in sites if belongs(image_id, one)})

        covered = coverage.cover(
            wanted,
            {member.node.name: held[member] for member in held},
            belongs=belongs,
            site_of=place,
            silent=[one.node.name for one in members if one not in held],
        )
        return [
            (
                one.image.image_id,
                one.image.name,
                one.size,
                columns.Share(one.cached, total(one.image.image_id)),
                one.queued,
                len(one.missing_on),
                None if silent else list(one.missing_on),
            )
            for one in covered
        ]

    def _wanted(
        self, parsed_args: argparse.Namespace, held: base.Held
    ) -> list[images.Image]:
        """The images to look for, by name."""
        ids = base.held_ids(held)
        if not parsed_args.images:
            known = self.loop.run(self.names(parsed_args, ids))
            found = [known.get(one, images.Image(one)) for one in ids]
        else:
            words = list(dict.fromkeys(parsed_args.images))
            resolution = self.loop.run(self.cloud.catalogue().resolve(words))
            found, there = resolution.found, set(ids)
            for word, error in resolution.failures.items():
                if word in there:
                    found.append(images.Image(word))
                else:
                    self.failures.add(_("Cannot look for '%s'") % word, error)
        return sorted(
            found, key=lambda one: (one.name is None, one.name or '')
        )
