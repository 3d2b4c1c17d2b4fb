# SPDX-License-Identifier: Apache-2.0

"""Groups of rows, and their options."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from dataclasses import dataclass
import sys

from tests.benchmarks.table import Row


@dataclass(frozen=True)
class Options:
    """Options of the command line.

    :ivar pairs: pairs for each row; None for the default of the row
    """

    pairs: int | None = None


@dataclass(frozen=True)
class Group:
    """Rows that share a set-up.

    :ivar names: names of the rows on the command line, in order
    :ivar rows: measures the selected rows; yields each when it is complete
    """

    names: tuple[str, ...]
    rows: Callable[[Collection[str], Options], Iterator[Row]]


def log(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)
