# SPDX-License-Identifier: Apache-2.0

"""What commands that print rows have in common."""

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

#: So many nodes are named in a line.
_FEW_NODES = 3


class CacheLister(common.CacheCommand, command.Lister):
    """A command that returns rows; they are printed before the failures."""

    # osc-lib declares it as None alone.
    _epilog: str | None = None  # type: ignore[assignment]
    #: The columns of the rows.
    table: ClassVar[Sequence[columns.Column]] = ()
    #: Logged after the rows, if it is not empty.
    closing = ''

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        """The columns of the rows: a plan has actions instead of results."""
        if common.plans_only(parsed_args):
            return [ACTION if one is RESULT else one for one in self.table]
        return self.table

    def rows(self, parsed_args: argparse.Namespace) -> Rows:
        """Do the work; return rows of values."""
        raise NotImplementedError

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Iterable[Any]]:
        """What cliff calls: headers and rows."""
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
        if self._is_empty and self.app.stdout.isatty():
            self.log.warning(self._nothing_found())
        if self.closing:
            self.log.warning(self.closing)
        return int(code)

    def _nothing_found(self) -> str:
        """What was looked at in vain."""
        if not self._clouds:
            return _('Nothing to list.')
        nodes = columns.few(node_sets.fold(list(self._clouds)), _FEW_NODES)
        line = _('Nothing to list. Nodes: %(count)d (%(nodes)s).')
        words = {'count': len(self._clouds), 'nodes': nodes}
        return columns.safe_text(line % words)

    def check(self, parsed_args: argparse.Namespace) -> None:
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
                _('Unknown column: %s') % ' or '.join(parsed_args.columns),
                _('Available: %s.') % ', '.join(headers),
            )
