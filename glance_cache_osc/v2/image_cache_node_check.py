# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache node check``."""

import argparse

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import base
from glance_cache_osc.command import options
from glance_cache_osc.command import probing
from glance_cache_osc.drivers import http
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import attempt
from glance_cache_osc.verifying import checks

#: The exit code if a check found a warning or an error.
_FOUND = 3
_FINDINGS = (checks.Outcome.WARNING, checks.Outcome.ERROR)


class CheckImageCacheNodes(base.CacheLister):
    """Check the configuration of nodes and whether they serve images."""

    table = (
        base.NODE,
        columns.Column('Check'),
        base.RESULT,
        columns.Column('Details'),
    )
    _description = _(
        'Check that nodes are configured correctly and serve images from '
        'their caches. The checks are: responds, cache, list permission, '
        'change permission, cloud, serving (with --probe-size), own list, '
        'single node, clock, certificate.'
    )
    _epilog = _(
        'The exit code is 3 if a check found a warning or an error, and 1 '
        'if a node did not respond.'
    )
    _example_intro = _(
        'Check all nodes, and read one image of up to 100 MB from each:'
    )
    _example = 'openstack image cache node check --all-nodes --probe-size 100M'
    changes = False
    nothing_found = _('No warnings or errors.')

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            '--probe-size',
            metavar='<size>',
            type=options.size,
            help=_(
                'Read the smallest cached image of each node, if it has at '
                'most this many bytes, to check that the node serves it from '
                'its cache; requires --node, --site or --all-nodes where '
                'nodes are configured'
            ),
        )
        parser.add_argument(
            '--long',
            action='store_true',
            help=_(
                'List all checks (default: only warnings, errors, and checks '
                'that could not be completed)'
            ),
        )

    def run(self, parsed_args: argparse.Namespace) -> int:
        #: The ID of an image in each cloud that responded; None if the cloud
        #: has no image.
        self._examples: dict[clouds.Cloud, str | None] = {}
        self._sees_all: set[clouds.Cloud] = set()
        self._found = False
        code = super().run(parsed_args)
        return _FOUND if not code and self._found else code

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        self.check_sites()
        probes = parsed_args.probe_size is not None
        members = self.chosen_fleet(parsed_args, changes=probes)
        reports = self.loop.run(self._reports(members))
        if probes and not self.loop.interrupted:
            probed = {
                member: report
                for member, report in reports.items()
                if report.held is not None and member.cloud in self._examples
            }
            try:
                self.loop.run(
                    probing.probe(self, probed, parsed_args.probe_size)
                )
            except errors.CatalogueError as error:
                self.failures.add(_('Cannot read images to probe'), error)
            except KeyboardInterrupt:
                # The checks so far are listed.
                self.failures.interrupt()
        probing.add_own_list_checks(reports)
        rows: base.Rows = []
        for member, report in reports.items():
            self._complete(report, sees_all=member.cloud in self._sees_all)
            if report.failure:
                node = member.node
                what = _('Cannot check %s') % node.label
                self.failures.add(what, report.failure, node.name)
            for one in sorted(report.checks, key=_order):
                # A node that does not respond is a failure, and possibly one
                # that --allow-unreachable permits.
                if not (report.failure and one.name is checks.Name.RESPONDS):
                    self._found |= one.outcome in _FINDINGS
                shown = one.outcome is not checks.Outcome.OK
                if parsed_args.long or (shown and not one.long_only):
                    words = (one.name.value, one.outcome.value, one.details)
                    rows.append((member.node.name, *words))
        return rows

    async def _reports(self, members: list[base.Member]) -> probing.Reports:
        await attempt.attempt(self._query_cloud, fleet.by_cloud(members))

        async def check(member: base.Member) -> checks.Report:
            async def has_image(client: http.NodeClient) -> bool | None:
                if member.cloud not in self._examples:
                    raise errors.NodeError(
                        _('The cloud has no list of images')
                    )
                example = self._examples[member.cloud]
                if example is None:
                    return None
                return await self._has_image(member.cloud, client, example)

            return await checks.check(member, has_image)

        outcomes = await self.query(members, check)
        return {
            outcome.job: outcome.value or checks.Report()
            for outcome in outcomes
        }

    async def _query_cloud(self, cloud: clouds.Cloud) -> None:
        """Get an image of a cloud, and whether its login sees all images."""
        try:
            if await cloud.sees_all_images():
                self._sees_all.add(cloud)
            self._examples[cloud] = await cloud.catalogue().example()
        except (errors.CatalogueError, errors.LoginFailed) as error:
            self.failures.add(
                _(
                    'Cannot check whether nodes belong to their cloud and '
                    'serve its images%s'
                )
                % self.cloud_suffix(cloud),
                error,
            )

    @staticmethod
    async def _has_image(
        cloud: clouds.Cloud, client: http.NodeClient, image_id: str
    ) -> bool | None:
        """Whether a node finds an image of its cloud.

        :returns: None if the image was deleted from Glance in the meantime.
        :raises errors.CacheError: a request failed.
        """
        try:
            await client.request('GET', f'/v2/images/{http.segment(image_id)}')
        except errors.Refused as error:
            if error.status != 404:
                raise
            still = await cloud.catalogue().by_id([image_id])
            return False if still else None
        return True

    @staticmethod
    def _complete(report: checks.Report, *, sees_all: bool) -> None:
        """Add the checks that depend on the command line and the login."""
        if report.held is None:
            return
        if sees_all:
            report.add(checks.Name.CHANGE, checks.Outcome.OK)
        else:
            report.add(
                checks.Name.CHANGE,
                checks.Outcome.UNKNOWN,
                _("This login does not have the role 'admin'"),
            )
        if all(one.name is not checks.Name.SERVING for one in report.checks):
            report.checks.append(
                checks.Check(
                    checks.Name.SERVING,
                    checks.Outcome.UNKNOWN,
                    _('Use --probe-size to read an image'),
                    long_only=True,
                )
            )


def _order(one: checks.Check) -> int:
    return list(checks.Name).index(one.name)
