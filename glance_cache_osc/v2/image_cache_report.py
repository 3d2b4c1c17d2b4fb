# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache report``."""

import argparse
import shlex

from glance_cache_osc.command import collecting
from glance_cache_osc.command import common
from glance_cache_osc.command import files
from glance_cache_osc.command import options
from glance_cache_osc.command import policy_files
from glance_cache_osc.i18n import _


class ImageCacheReport(common.CacheCommand):
    """Write an HTML page about caches."""

    _description = _(
        'Write an HTML page about the caches: sites, images on sites, nodes '
        'with their findings, and orphans. The page needs no network.'
    )
    _example_intro = _('Write a page about all sites:')
    _example = (
        'openstack image cache report --policy image-sites.yaml --output '
        'report.html'
    )
    changes = False

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        policy_files.add_option(
            parser,
            _(
                'Policy file: show which images belong on which sites; '
                "'-' is standard input"
            ),
        )
        parser.add_argument(
            '--output',
            metavar='<file>',
            action=options.Once,
            required=True,
            help=_(
                'Write to this file. The file is replaced only when the new '
                'content is complete, and stays as it is if no request could '
                "be sent; '-' is standard output"
            ),
        )

    def check(self, parsed_args: argparse.Namespace) -> None:
        files.check(parsed_args.output)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Read the nodes, and write the page."""
        from glance_cache_osc.monitoring import page

        policy = policy_files.from_args(parsed_args)
        members = self.chosen_fleet(parsed_args)
        snapshot = self.loop.run(collecting.collect(self, members, policy))
        text = page.render(snapshot, _command_line(parsed_args))
        files.write(parsed_args.output, text, self.app.stdout)


def _command_line(parsed_args: argparse.Namespace) -> str:
    """A command line that makes the same page, without login options."""
    words = ['openstack', 'image', 'cache', 'report']
    for option in ('node', 'site', 'exclude_node'):
        for value in getattr(parsed_args, option):
            words += [f'--{option.replace("_", "-")}', value]
    if parsed_args.all_nodes:
        words.append('--all-nodes')
    if parsed_args.policy:
        words += ['--policy', parsed_args.policy]
    return shlex.join([*words, '--output', parsed_args.output])
