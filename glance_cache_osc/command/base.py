# SPDX-License-Identifier: Apache-2.0

"""The base class of commands that print rows."""

import argparse
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any
from typing import ClassVar

from osc_lib.command import command

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.command import common
from glance_cache_osc.command import operations
from glance_cache_osc.i18n import _
from glance_cache_osc.model import node_sets

Rows = list[tuple[Any, ...]]
Member = operations.Member
Held = operations.Held
Steps = operations.Steps

ID = columns.Column('ID')
NAME = operations.NAME
STATE = columns.Column('State')
SIZE = columns.Column('Size', columns.Kind.SIZE)
NODE = columns.Column('Node')
CLOUD = columns.Column('Cloud')
ACTION = columns.Column('Action')
RESULT = columns.Column('Result')

#: How many nodes a message names.
_FEW_NODES = 3


class CacheLister(common.CacheCommand, command.Lister):
    """A command that prints rows, and then its failures."""

    # osc-lib annotates this attribute as None.
    _epilog: str | None = None  # type: ignore[assignment]
    #: The columns of the rows.
    table: ClassVar[Sequence[columns.Column]] = ()
    #: A message that is logged after the rows; may be empty.
    closing = ''

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        """The columns of the rows.

        A plan has the column Action instead of Result.
        """
        if common.plans_only(parsed_args):
            return [ACTION if one is RESULT else one for one in self.table]
        return self.table

    def rows(self, parsed_args: argparse.Namespace) -> Rows:
        """Run the command, and return its rows."""
        raise NotImplementedError

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Any]]:
        """Return headers and rows; called by cliff."""
        rows = self.rows(parsed_args)
        self._is_empty = not rows
        table = self._table(parsed_args)
        if CLOUD in table and table.index(CLOUD) + 1 < len(table):
            at = table.index(CLOUD)
            rows = [
                (*row[:at], self._clouds[row[at]], *row[at:]) for row in rows
            ]
        return [one.header for one in table], rows

    def _table(self, parsed_args: argparse.Namespace) -> list[columns.Column]:
        """The columns; with several clouds, Cloud precedes Node."""
        table = [*self.columns_for(parsed_args)]
        if NODE in table and self.has_several_clouds:
            table.insert(table.index(NODE), CLOUD)
        return table

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
    ) -> int:
        """Print the rows in the selected format."""
        self.formatter = columns.Rendering(
            self.formatter,
            parsed_args.formatter,
            self._table(parsed_args),
        )
        code = super().produce_output(parsed_args, column_names, data)
        # Rows must precede failures, also if both go to one file.
        self.app.stdout.flush()
        if self._is_empty and self.app.stdout.isatty():
            self.log.warning(self._empty_message())
        if self.closing:
            self.log.warning(self.closing)
        return int(code)

    def _empty_message(self) -> str:
        """A message for an empty table, with the nodes that were read."""
        if not self._clouds:
            return _('Nothing to list.')
        nodes = columns.few(node_sets.fold(list(self._clouds)), _FEW_NODES)
        line = _('Nothing to list. Nodes: %(count)d (%(nodes)s).')
        words = {'count': len(self._clouds), 'nodes': nodes}
        return columns.safe_text(line % words)

    def check(self, parsed_args: argparse.Namespace) -> None:
        """Reject unknown columns before any request is sent.

        Other columns are replaced by the exact headers, because cliff before
        4.13 accepts only those.
        """
        headers = [one.header for one in self._table(parsed_args)]
        known = {columns.normal(header): header for header in headers}
        for given in (parsed_args.columns, parsed_args.sort_columns):
            given[:] = [known.get(columns.normal(one), one) for one in given]
        if parsed_args.columns and not set(headers) & {*parsed_args.columns}:
            raise errors.UsageError(
                _('Unknown column: %s') % ' or '.join(parsed_args.columns),
                _('Available: %s.') % ', '.join(headers),
            )
