# SPDX-License-Identifier: Apache-2.0

"""What every group of rows has, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from dataclasses import dataclass
import sys

from tests.benchmarks.table import Row


@dataclass(frozen=True)
class Options:
    """What the command line says.

    :ivar pairs: runs of each command a row; None takes the row's own number
    """

    pairs: int | None = None


@dataclass(frozen=True)
class Group:
    """Rows that share what they are measured on.

    :ivar names: what its rows are called on the command line, in order
    :ivar rows: measures those of them that are wanted, and yields each when
        it is done
    """

    names: tuple[str, ...]
    rows: Callable[[Collection[str], Options], Iterator[Row]]


def say(text: str) -> None:
    """Tell of progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
