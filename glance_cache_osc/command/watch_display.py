# SPDX-License-Identifier: Apache-2.0

"""The live view of ``watch`` on a terminal."""

import datetime
from typing import Any
from typing import Self
from typing import TextIO

import rich.box
import rich.console
import rich.live
import rich.table
import rich.text

from glance_cache_osc import columns
from glance_cache_osc.command import progress
from glance_cache_osc.i18n import _
from glance_cache_osc.monitoring import board as boards

#: Lines of the view that are not rows: title, headers, rule, totals.
_OTHER_LINES = 4
_MIN_ROWS = 1
#: The number of text columns, which come first; spaces between columns.
_LEFT = 2
_GAP = 3
#: Durations of these seconds and longer are shown as "days".
_LONG = 2 * 86400
#: Columns that are left out on a narrow terminal, in this order.
_OPTIONAL = ('Changed', 'Rate', 'Arrived', 'Size', 'Left', 'Queued', 'Cached')
_STYLES = {'ok': 'green', 'filling': 'yellow', 'incomplete': 'yellow'}


class Screen:
    """Shows the live view on the whole screen.

    The last view remains in the output after the end.

    :param by_node: show a row for each node instead of each site.
    """

    def __init__(self, stdout: TextIO, *, by_node: bool) -> None:
        self._console = rich.console.Console(file=stdout, highlight=False)
        self._live = rich.live.Live(
            console=self._console, screen=True, auto_refresh=False
        )
        self._by_node = by_node
        self._last: Any = ''

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
        self._console.print(self._last)

    def start(self) -> None:
        """Show the view in place of the other contents of the terminal."""
        self._live.start()

    def stop(self) -> None:
        """Show the other contents of the terminal again."""
        self._live.stop()

    def show(self, board: boards.Board, now: datetime.datetime) -> None:
        """Show the current state, in the current size of the terminal."""
        self._last = self._render(board, now)
        self._live.update(self._last, refresh=True)

    def _render(self, board: boards.Board, now: datetime.datetime) -> Any:
        rows = board.rows(by_node=self._by_node)
        space = max(self._console.height - _OTHER_LINES, _MIN_ROWS)
        shown = rows if len(rows) <= space else rows[: max(space - 1, 0)]
        total = board.total()
        title = _('Nodes reachable: %(up)d of %(nodes)d  %(time)s UTC') % {
            'time': now.strftime('%Y-%m-%d %H:%M:%S'),
            'up': total.up,
            'nodes': total.nodes,
        }
        hint = _('  Ctrl-C to end')
        if len(title + hint) <= self._console.width:
            title += hint
        name = _('Node') if self._by_node else _('Site')
        cells = [_cells(row, name) for row in (*shown, total)]
        if not board.has_policy:
            for one in cells:
                del one['Missing'], one['Left']
        table = rich.table.Table(
            box=rich.box.SIMPLE_HEAD,
            pad_edge=False,
            show_edge=False,
        )
        headers = _fitting(cells, self._console.width)
        for at, header in enumerate(headers):
            table.add_column(
                header,
                justify='left' if at < _LEFT else 'right',
                no_wrap=True,
                overflow=progress.overflow(self._console),
            )
        for one in cells:
            style = _STYLES.get(one['Status'], 'red')
            table.add_row(
                *(
                    rich.text.Text(
                        one[header], style if header == 'Status' else ''
                    )
                    for header in headers
                )
            )
        if len(shown) < len(rows):
            table.caption = _('%d more') % (len(rows) - len(shown))
        line = rich.text.Text(title, overflow='crop', no_wrap=True)
        return rich.console.Group(line, table)


def _cells(row: boards.Row, name: str) -> dict[str, str]:
    """The texts of a row, by column."""
    rate = f'{columns.human_size(round(row.rate))}/s' if row.rate else ''
    return {
        name: columns.safe_text(row.name),
        'Status': row.status,
        'Cached': _count(row.cached),
        'Queued': _count(row.queued),
        'Missing': _count(row.missing),
        'Size': '' if row.size is None else columns.human_size(row.size),
        'Arrived': _count(row.arrived),
        'Rate': rate,
        'Left': _time(row.left),
        'Changed': _time(row.changed),
    }


def _count(number: int | None) -> str:
    """A number; empty if it is not known."""
    return '' if number is None else str(number)


def _fitting(cells: list[dict[str, str]], width: int) -> list[str]:
    """The columns that fit in the width of the terminal."""
    headers = list(cells[0])
    for optional in _OPTIONAL:
        needed = sum(
            _GAP + max(len(header), *(len(one[header]) for one in cells))
            for header in headers
        )
        if needed - _GAP <= width:
            break
        if optional in headers:
            headers.remove(optional)
    return headers


def _time(seconds: float | None) -> str:
    """A duration; empty for None."""
    if seconds is None:
        return ''
    if seconds >= _LONG:
        return _('days')
    return str(datetime.timedelta(seconds=round(seconds)))
