# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache metrics``."""

import argparse

from glance_cache_osc.command import collecting
from glance_cache_osc.command import common
from glance_cache_osc.command import files
from glance_cache_osc.command import options
from glance_cache_osc.command import policy_files
from glance_cache_osc.i18n import _


class ImageCacheMetrics(common.CacheCommand):
    """Print metrics of caches in the Prometheus text format."""

    _description = _(
        'Print metrics of the caches in the Prometheus text format. For '
        'each node: whether it responds, its entries, bytes, hits and '
        'orphans. With --policy, for each site and image: the number of '
        'nodes where it is missing.'
    )
    _example_intro = _("Write metrics for node_exporter's textfile collector:")
    _example = (
        'openstack image cache metrics --policy image-sites.yaml --output '
        '/var/lib/node_exporter/glance_cache.prom'
    )
    changes = False

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        policy_files.add_option(
            parser,
            _(
                'Policy file: add which images are missing on which sites; '
                "'-' is standard input"
            ),
        )
        parser.add_argument(
            '--output',
            metavar='<file>',
            action=options.Once,
            help=_(
                'Write to this file instead of standard output. The file is '
                'replaced only when the new content is complete, and stays as '
                'it is if no request could be sent'
            ),
        )

    def check(self, parsed_args: argparse.Namespace) -> None:
        if parsed_args.output is None:
            parsed_args.output = '-'
        files.check(parsed_args.output)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Read the nodes, and write the metrics."""
        from glance_cache_osc.monitoring import metrics

        policy = policy_files.from_args(parsed_args)
        members = self.chosen_fleet(parsed_args)
        text = metrics.render(
            self.loop.run(collecting.collect(self, members, policy))
        )
        files.write(parsed_args.output, text, self.app.stdout)
