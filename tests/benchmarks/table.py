# SPDX-License-Identifier: Apache-2.0

"""The printed table."""

from __future__ import annotations

from collections.abc import Iterable
import dataclasses
from dataclasses import dataclass

from tests import tables
from tests.benchmarks.pairs import Summary

_HEADERS = (
    'Measurement',
    'Ours (s)',
    'Peer (s)',
    'Ours / peer',
    'Bound',
    'Requests to Glance: ours / peer',
    'Held',
)


@dataclass(frozen=True)
class Bound:
    """The maximum ratio of our time to that of the peer.

    :ivar text: the bound in words
    """

    most: float
    text: str


@dataclass(frozen=True)
class Row:
    """One line of the table, as text.

    :ivar held: whether the bound held; None without a bound
    """

    what: str
    ours: str
    peer: str
    ratio: str
    bound: str
    requests: str
    held: bool | None


def row(what: str, summary: Summary, bound: Bound | None) -> Row:
    """The row for pairs of commands."""
    return Row(
        what=what,
        ours=f'{summary.ours:.2f}',
        peer=f'{summary.peer:.2f}',
        ratio=_ratio(summary.ratio),
        bound='' if bound is None else bound.text,
        requests=' / '.join(
            (_count(summary.ours_requests), _count(summary.peer_requests))
        ),
        held=None if bound is None else summary.ratio <= bound.most,
    )


def at_most(ratio: float, text: str = 'at most {} times') -> Bound:
    """A bound with a text; `{}` stands for the ratio."""
    return Bound(ratio, text.format(ratio))


def single(
    what: str,
    *,
    ours: str = '',
    peer: str = '',
    bound: str = '',
    held: bool | None = None,
) -> Row:
    """A row without a comparison: one number, or the reason for none."""
    return Row(what, ours, peer, '', bound, '', held)


def failed(what: str, error: Exception) -> Row:
    """The row for a failed measurement."""
    why = str(error).partition('\n')[0]
    return single(what, bound=f'not measured: {why}', held=False)


def markdown(rows: Iterable[Row]) -> str:
    """The complete table as Markdown, without a trailing newline."""
    headers, *lines = [_HEADERS, *map(_cells, rows)]
    lines = [headers, tuple('---' for _ in headers), *lines]
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)


def as_csv(rows: Iterable[Row]) -> str:
    """The complete table as CSV, for the manual."""
    return tables.as_csv(_HEADERS, map(_cells, rows))


def _cells(one: Row) -> tuple[str, ...]:
    return (*dataclasses.astuple(one)[:-1], tables.held(one.held))


def _ratio(ratio: float) -> str:
    text = f'{ratio:.2f}'
    return text if ratio > 0.5 else f'{text} ({1 / ratio:.1f} times faster)'


def _count(extent: tuple[int, int]) -> str:
    fewest, most = extent
    return str(fewest) if fewest == most else f'{fewest} to {most}'
