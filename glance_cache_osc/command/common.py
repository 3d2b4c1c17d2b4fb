# SPDX-License-Identifier: Apache-2.0

"""The base class of all commands: nodes, login, failures, help."""

import argparse
from collections.abc import Mapping
import functools
import types
from typing import Any
from typing import ClassVar

from osc_lib.command import command

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import node_options
from glance_cache_osc.command import operations
from glance_cache_osc.command import runner
from glance_cache_osc.fleet import choice
from glance_cache_osc.fleet import configuration
from glance_cache_osc.fleet import fleet
from glance_cache_osc.fleet import nodes
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import loop as loops

Member = operations.Member

#: How many nodes a message names.
_FEW_NODES = 3


class CacheCommand(operations.Operations, command.Command):
    """A command of which some operations may fail.

    The failures are collected in `failures`, and reported at the end, one line
    each. They determine the exit code.
    """

    #: The name of the cloud of each chosen node, by the name of the node.
    _clouds: Mapping[str, str] = types.MappingProxyType({})
    _chose_several_clouds = False
    #: Whether the command changes caches.
    changes: ClassVar[bool] = True
    #: Whether the command line selects nodes.
    selects_nodes: ClassVar[bool] = True

    # cliff annotates this attribute as None.
    _epilog: str | None = None  # type: ignore[assignment]
    #: A command line for the help text, and the sentence before it.
    _example: ClassVar[str] = ''
    _example_intro: ClassVar[str] = ''

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options that all commands have."""
        parser = super().get_parser(prog_name)
        # An abbreviation could select another option in a later release.
        parser.allow_abbrev = False
        parser.formatter_class = _paragraphs(parser.formatter_class)
        node_options.add(parser, selects_nodes=self.selects_nodes)
        self.add_options(parser)
        return parser

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of this command; by default, there are none."""

    def get_epilog(self) -> str:
        """The text below the options in the help.

        This replaces the method of cliff. To name the package of a command,
        that method searches all installed packages, which takes a quarter of a
        second.
        """
        parts = [
            self._epilog,
            self._example_intro,
            f'    {self._example}',
            _('This command is provided by the glance-cache-osc plugin.'),
        ]
        return '\n\n'.join(filter(None, parts))

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command, and return its exit code."""
        self.failures = report.Failures()
        try:
            timeout = node_options.timeout(parsed_args)
            # As by '>&-'.
            if not self.app.stdout and getattr(parsed_args, 'output', '-') in (
                None,
                '-',
            ):
                raise errors.UsageError(
                    _('Standard output is closed'),
                    _("To print nothing, use '>/dev/null'."),
                )
        except errors.UsageError as error:
            self.log.error(report.line_of(error))
            return runner.USAGE_EXIT
        parsed_args.node_timeout = timeout

        def work(loop: loops.Loop, cloud: clouds.Cloud) -> None:
            self.loop, self.cloud = loop, cloud
            self.check(parsed_args)
            super(CacheCommand, self).run(parsed_args)

        return runner.run(self.app, self.log, self.failures, timeout, work)

    def check(self, parsed_args: argparse.Namespace) -> None:
        """Reject an invalid command line before any request is sent."""

    def chosen_fleet(
        self, parsed_args: argparse.Namespace, *, changes: bool | None = None
    ) -> list[Member]:
        """The nodes that the command line selects.

        :param changes: whether the command line must select nodes if nodes are
            configured; None to derive this from the attribute `changes`.
        :raises errors.UsageError: the selection or the configuration is not
            valid.
        """
        if changes is None:
            changes = self.changes and not plans_only(parsed_args)
        words = choice.NodeOptions(
            nodes=parsed_args.node,
            sites=parsed_args.site,
            excluded=parsed_args.exclude_node,
            all_nodes=parsed_args.all_nodes,
            required=changes,
        )
        timeout = parsed_args.node_timeout
        chosen = self.loop.run(
            choice.choose(
                self.cloud,
                self._configured,
                words,
                lambda url: self.loop.engine.addresses(url, timeout),
            )
        )
        if chosen.maintenance:
            self.log.warning(
                _('Nodes in maintenance, skipped: %(count)d (%(names)s).'),
                {
                    'count': len(chosen.maintenance),
                    'names': columns.safe_text(
                        columns.few(chosen.maintenance, _FEW_NODES)
                    ),
                },
            )
        if parsed_args.allow_unreachable:
            number, is_share = parsed_args.allow_unreachable
            if is_share:
                number = len(chosen.nodes) * number // 100
            self.failures.allowed = number
            self.failures.limited = len(chosen.nodes)
        members = fleet.members(self.cloud, chosen.nodes, timeout)
        self._clouds = {one.node.name: one.cloud.name for one in members}
        self._chose_several_clouds = len(set(self._clouds.values())) > 1
        return members

    @functools.cached_property
    def _configured(self) -> list[nodes.Node]:
        return configuration.configured(self.cloud)

    @functools.cached_property
    def _configured_several_clouds(self) -> bool:
        own = self.cloud.name
        return len({one.cloud or own for one in self._configured}) > 1

    @property
    def has_several_clouds(self) -> bool:
        """Whether configured or chosen nodes belong to several clouds."""
        return self._configured_several_clouds or self._chose_several_clouds

    @property
    def configured_sites(self) -> set[str]:
        """The sites of all configured nodes."""
        return {one.site for one in self._configured}

    def check_sites(self) -> None:
        """Check the sites in clouds.yaml, and log those without nodes.

        :raises errors.UsageError: the configuration is not valid.
        """
        configured = configuration.sites(self.cloud).keys()
        if unused := sorted(configured - self.configured_sites):
            self.log.warning(
                _("Sites in 'image_cache_sites' without nodes: %s."),
                columns.safe_text(columns.few(unused, _FEW_NODES)),
            )


def plans_only(parsed_args: argparse.Namespace) -> bool:
    """Whether a command shows a plan and changes nothing."""
    return any(
        getattr(parsed_args, option, False) for option in ('dry_run', 'check')
    )


def _paragraphs(formatter: Any) -> type[argparse.HelpFormatter]:
    """A help formatter that keeps paragraphs and indented lines."""

    class Paragraphs(formatter):  # type: ignore[misc]
        def _fill_text(self, text: str, width: int, indent: str) -> str:
            return '\n\n'.join(
                part
                if part.startswith(' ')
                else super(Paragraphs, self)._fill_text(part, width, indent)
                for part in text.split('\n\n')
            )

    return Paragraphs
