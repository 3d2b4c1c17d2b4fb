# SPDX-License-Identifier: Apache-2.0

"""What all commands have in common: nodes, rows, failures, approval."""

import argparse
from collections.abc import Iterable
from collections.abc import Sequence
import functools
from typing import Any
from typing import ClassVar

from osc_lib.command import command

from glance_cache_osc import columns
from glance_cache_osc import errors
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
from glance_cache_osc.model import entries
from glance_cache_osc.transport import loop as loops

Rows = list[tuple[Any, ...]]
Member = operations.Member
Held = operations.Held
Steps = operations.Steps
#: A site of a cloud.
Place = tuple[clouds.Cloud, str]

ID = columns.Column('ID')
NAME = operations.NAME
STATE = columns.Column('State')
SIZE = columns.Column('Size', columns.Kind.SIZE)
NODE = columns.Column('Node')
CLOUD = columns.Column('Cloud')
ACTION = columns.Column('Action')
RESULT = columns.Column('Result')

#: So many nodes are named in a line.
_FEW_NODES = 3


class CacheLister(operations.Operations, command.Lister):
    """A command that returns rows, and may fail in parts.

    A command is parsed, calls what does its work, and returns rows of
    values; what failed goes to `failures`. Rows are printed first, then
    each failure on a line; the exit code says whether there were any.
    """

    #: The columns of the rows.
    table: ClassVar[Sequence[columns.Column]] = ()
    #: Logged after the rows, if it is not empty.
    closing = ''
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

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        """The columns of the rows: a plan has actions instead of results."""
        if plans_only(parsed_args):
            return [ACTION if one is RESULT else one for one in self.table]
        return self.table

    def rows(self, parsed_args: argparse.Namespace) -> Rows:
        """Do the work; return rows of values."""
        raise NotImplementedError

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        self.failures = report.Failures()
        timeout = parsed_args.node_timeout

        def work(loop: loops.Loop, cloud: clouds.Cloud) -> None:
            self.loop, self.cloud = loop, cloud
            self._check_columns(parsed_args)
            super(CacheLister, self).run(parsed_args)

        return frame.run(self.app, self.log, self.failures, timeout, work)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Any]]:
        """What cliff calls: headers and rows."""
        rows = self.rows(parsed_args)
        table = self._table(parsed_args)
        if CLOUD in table and table.index(CLOUD) + 1 < len(table):
            at = table.index(CLOUD)
            rows = [
                (*row[:at], self._clouds[row[at]], *row[at:]) for row in rows
            ]
        return [one.header for one in table], rows

    def _table(self, parsed_args: argparse.Namespace) -> list[columns.Column]:
        """The columns, with Cloud before Node if nodes have several."""
        table = [*self.columns_for(parsed_args)]
        if NODE in table and self.has_clouds:
            table.insert(table.index(NODE), CLOUD)
        return table

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
    ) -> int:
        """Write the rows in the format that was asked for."""
        self.formatter = columns.Rendering(
            self.formatter,
            parsed_args.formatter,
            self._table(parsed_args),
        )
        code = super().produce_output(parsed_args, column_names, data)
        # Before the failures, also where both go to one file.
        self.app.stdout.flush()
        if self.closing:
            self.log.warning(self.closing)
        return int(code)

    def chosen_fleet(
        self, parsed_args: argparse.Namespace, *, changes: bool | None = None
    ) -> list[Member]:
        """The nodes that were named.

        :param changes: whether nodes must be named where some are
            configured; None if the command changes caches.
        """
        if changes is None:
            changes = self.changes and not plans_only(parsed_args)
        words = choice.Words(
            nodes=parsed_args.node,
            sites=parsed_args.site,
            excluded=parsed_args.exclude_node,
            everything=parsed_args.all_nodes,
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
        return members

    @functools.cached_property
    def _configured(self) -> list[nodes.Node]:
        return configuration.configured(self.cloud)

    @property
    def configured_sites(self) -> set[str]:
        """The sites of all configured nodes."""
        return {one.site for one in self._configured}

    @property
    def has_clouds(self) -> bool:
        own = self.cloud.name
        return len({one.cloud or own for one in self._configured}) > 1

    def _check_columns(self, parsed_args: argparse.Namespace) -> None:
        """Refuse unknown columns before anything is done.

        Others are put as they are written: cliff before 4.13 knows them by
        that alone.
        """
        headers = [one.header for one in self._table(parsed_args)]
        known = {columns.normal(header): header for header in headers}
        for asked in (parsed_args.columns, parsed_args.sort_columns):
            asked[:] = [known.get(columns.normal(one), one) for one in asked]
        if parsed_args.columns and not set(headers) & {*parsed_args.columns}:
            raise errors.UsageError(
                _('No column is called %s') % ' or '.join(parsed_args.columns),
                _('There are: %s.') % ', '.join(headers),
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


def place(member: Member) -> Place:
    """Where a node is: its cloud and its site."""
    return member.cloud, member.node.site


def held_ids(held: Iterable[Iterable[entries.Entry]]) -> list[str]:
    """The IDs of all images that nodes hold, each once."""
    ids = (one.image_id for group in held for one in group)
    return list(dict.fromkeys(ids))


def plans_only(parsed_args: argparse.Namespace) -> bool:
    """Whether a command is to show what it would do, and not to do it."""
    return any(
        getattr(parsed_args, option, False) for option in ('dry_run', 'check')
    )
