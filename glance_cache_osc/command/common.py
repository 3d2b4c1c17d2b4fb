# SPDX-License-Identifier: Apache-2.0

"""What all commands have in common: nodes, login, failures, help."""

import argparse
from collections.abc import Mapping
import functools
import types
from typing import Any
from typing import ClassVar

from osc_lib.command import command

from glance_cache_osc import columns
from glance_cache_osc import report
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import frame
from glance_cache_osc.command import node_options
from glance_cache_osc.command import operations
from glance_cache_osc.fleet import choice
from glance_cache_osc.fleet import configuration
from glance_cache_osc.fleet import fleet
from glance_cache_osc.fleet import nodes
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import loop as loops

Member = operations.Member

#: So many nodes are named in a line.
_FEW_NODES = 3


class CacheCommand(operations.Operations, command.Command):
    """A command that may fail in parts.

    What failed goes to `failures`, which are reported at the end, each on a
    line; the exit code says whether there were any.
    """

    #: The name of each chosen node's cloud, by that of the node.
    _clouds: Mapping[str, str] = types.MappingProxyType({})
    _has_chosen_clouds = False
    #: Whether the command changes caches.
    changes: ClassVar[bool] = True

    # cliff declares it as None alone.
    _epilog: str | None = None  # type: ignore[assignment]
    #: A command line, and what it is for.
    _example: ClassVar[str] = ''
    _example_of: ClassVar[str] = ''

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The options that every command has."""
        parser = super().get_parser(prog_name)
        # An option must never mean another one once that is added.
        parser.allow_abbrev = False
        parser.formatter_class = _paragraphs(parser.formatter_class)
        node_options.add(parser)
        self.add_options(parser)
        return parser

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's own options; there may be none."""

    def get_epilog(self) -> str:
        """What stands below the help.

        cliff's own looks through all packages that are installed to say
        which one a command is from: a quarter of a second, every time.
        """
        parts = [
            self._epilog,
            self._example_of or _('Example:'),
            f'    {self._example}',
            _('This command is provided by the glance-cache-osc plugin.'),
        ]
        return '\n\n'.join(filter(None, parts))

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        self.failures = report.Failures()
        timeout = parsed_args.node_timeout

        def work(loop: loops.Loop, cloud: clouds.Cloud) -> None:
            self.loop, self.cloud = loop, cloud
            self.check(parsed_args)
            super(CacheCommand, self).run(parsed_args)

        return frame.run(self.app, self.log, self.failures, timeout, work)

    def check(self, parsed_args: argparse.Namespace) -> None:
        """Refuse a command line before anything is done."""

    def chosen_fleet(
        self, parsed_args: argparse.Namespace, *, changes: bool | None = None
    ) -> list[Member]:
        """The nodes that were named.

        :param changes: whether nodes must be named where some are
            configured; None if the command changes caches.
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
        number, is_share = parsed_args.allow_unreachable
        if is_share:
            number = len(chosen.nodes) * number // 100
        self.failures.allowed = number
        members = fleet.members(self.cloud, chosen.nodes, timeout)
        self._clouds = {one.node.name: one.cloud.name for one in members}
        self._has_chosen_clouds = len(set(self._clouds.values())) > 1
        return members

    @functools.cached_property
    def _configured(self) -> list[nodes.Node]:
        return configuration.configured(self.cloud)

    @functools.cached_property
    def _has_configured_clouds(self) -> bool:
        own = self.cloud.name
        return len({one.cloud or own for one in self._configured}) > 1

    @property
    def has_clouds(self) -> bool:
        return self._has_configured_clouds or self._has_chosen_clouds

    @property
    def configured_sites(self) -> set[str]:
        """The sites of all configured nodes."""
        return {one.site for one in self._configured}


def plans_only(parsed_args: argparse.Namespace) -> bool:
    """Whether a command is to show what it would do, and not to do it."""
    return any(
        getattr(parsed_args, option, False) for option in ('dry_run', 'check')
    )


def _paragraphs(formatter: Any) -> type[argparse.HelpFormatter]:
    """A formatter of help that keeps paragraphs, and indented lines."""

    class Paragraphs(formatter):  # type: ignore[misc]
        def _fill_text(self, text: str, width: int, indent: str) -> str:
            return '\n\n'.join(
                part
                if part.startswith(' ')
                else super(Paragraphs, self)._fill_text(part, width, indent)
                for part in text.split('\n\n')
            )

    return Paragraphs
