# SPDX-License-Identifier: Apache-2.0

"""The table that is printed."""

from __future__ import annotations

from collections.abc import Iterable
import dataclasses
from dataclasses import dataclass

from tests import tables
from tests.benchmarks.pairs import Summary

_HEADERS = (
    'What',
    'Ours (s)',
    'Peer (s)',
    'Ours / peer',
    'Bound',
    'Requests to Glance: ours / peer',
    'Held',
)


@dataclass(frozen=True)
class Bound:
    """What the ratio of ours to the peer's must not exceed.

    :ivar text: the same in words
    """

    most: float
    text: str


@dataclass(frozen=True)
class Row:
    """One line of the table, as text.

    :ivar held: whether the bound held; None where there is none
    """

    what: str
    ours: str
    peer: str
    ratio: str
    bound: str
    requests: str
    held: bool | None


def row(what: str, summary: Summary, bound: Bound | None) -> Row:
    """The line for pairs of commands."""
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
    """A bound in the usual words, or in others with `{}` for the ratio."""
    return Bound(ratio, text.format(ratio))


def single(
    what: str,
    *,
    ours: str = '',
    peer: str = '',
    bound: str = '',
    held: bool | None = None,
) -> Row:
    """A line that compares nothing: one number, or why there is none."""
    return Row(what, ours, peer, '', bound, '', held)


def failed(what: str, error: Exception) -> Row:
    """The line for what could not be measured."""
    why = str(error).partition('\n')[0]
    return single(what, bound=f'not measured: {why}', held=False)


def markdown(rows: Iterable[Row]) -> str:
    """The whole table, without a newline at its end."""
    headers, *lines = [_HEADERS, *map(_cells, rows)]
    lines = [headers, tuple('---' for _ in headers), *lines]
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)


def as_csv(rows: Iterable[Row]) -> str:
    """The whole table, as the manual includes it."""
    return tables.as_csv(_HEADERS, map(_cells, rows))


def _cells(one: Row) -> tuple[str, ...]:
    return (*dataclasses.astuple(one)[:-1], tables.held(one.held))


def _ratio(ratio: float) -> str:
    text = f'{ratio:.2f}'
    return text if ratio > 0.5 else f'{text} ({1 / ratio:.1f} times faster)'


def _count(extent: tuple[int, int]) -> str:
    fewest, most = extent
    return str(fewest) if fewest == most else f'{fewest} to {most}'
