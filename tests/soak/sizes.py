# SPDX-License-Identifier: Apache-2.0

"""Whether what a process uses stays the same."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import statistics

from tests.processes import Size
from tests.soak.table import Row

#: A process that keeps connections has more or fewer of them when a node
#: fails; this is a share of the nodes.
_CONNECTIONS = 0.05
#: Open files that are not such connections, at most.
_OTHER_FILES = 40
#: So many measurements are compared, at least.
_FEWEST = 3


def rows(
    name: str, sizes: Sequence[Size], growth: float, connections: int
) -> Iterator[Row]:
    """Compare the first quarter of the measurements with the last.

    :param name: of the process
    :param sizes: without those of the time in which it warms up
    :param growth: the most MiB that it may grow by
    :param connections: that it keeps open, at most: one to each node, and
        one for each image that it looks up at the same time
    """
    files = int(connections * _CONNECTIONS)
    measures: tuple[tuple[str, Callable[[Size], float], float], ...] = (
        ('memory, MiB', lambda one: one.memory, growth),
        ('open files', lambda one: one.files, files),
        ('threads', lambda one: one.threads, 0),
    )
    for what, measure, most in measures:
        bound = f'at most {most:g} more'
        if len(sizes) < _FEWEST:
            found = f'{len(sizes)} measurements'
            yield Row(f'{name}: {what}', found, bound, held=False)
            continue
        quarter = max(len(sizes) // 4, 1)
        first, last = (
            statistics.median(map(measure, part))
            for part in (sizes[:quarter], sizes[-quarter:])
        )
        yield Row(
            f'{name}: {what}',
            f'{first:.5g} in the first quarter, {last:.5g} in the last',
            bound,
            held=last - first <= most,
        )
    files = max((one.files for one in sizes), default=0)
    most = connections + _OTHER_FILES
    yield Row(
        f'{name}: open files at most',
        str(files),
        f'at most {most}',
        held=files <= most,
    )
    children = max((one.children for one in sizes), default=0)
    yield Row(
        f'{name}: child processes',
        f'{children} at most',
        'none',
        held=not children,
    )
