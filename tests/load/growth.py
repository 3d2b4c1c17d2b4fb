# SPDX-License-Identifier: Apache-2.0

"""How time and memory grow with the number of nodes. Pure.

A command needs some time and memory for any number of nodes: the start of
the program, the login, the libraries. That constant is measured, on one node,
and subtracted. The rest is fitted to a power of the number of nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import math
import statistics

from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_program import Measured
from tests.load.table import Row

#: Of the power of the number of nodes: 1 is linear, 2 is quadratic.
_MAX_EXPONENT = 1.2


@dataclasses.dataclass(frozen=True)
class _Measure:
    """One property of a run.

    :ivar of: reads it from a run
    :ivar form: a number as text
    :ivar bounded: whether its growth has a bound
    """

    name: str
    of: Callable[[Measured], float]
    form: str
    bounded: bool


_MEASURES = (
    _Measure('seconds', lambda run: run.seconds, '{:.2f}', bounded=False),
    _Measure('CPU seconds', lambda run: run.cpu, '{:.2f}', bounded=True),
    _Measure('peak memory, MiB', lambda run: run.peak, '{:.0f}', bounded=True),
)


def exponent(values: Mapping[int, float]) -> float:
    """The exponent k that fits value = constant + factor * nodes ** k best.

    The constant is the value at the smallest number of nodes. The fit is
    linear regression of the logarithms, which weighs all sizes equally.

    :param values: number of nodes → seconds, or MiB
    :raises BenchmarkError: there are fewer than three sizes, or a value is
        not above the constant, so that nothing can be fitted
    """
    smallest, *sizes = sorted(values)
    if len(sizes) < 2:
        raise BenchmarkError('an exponent requires three sizes or more')
    grown = [values[size] - values[smallest] for size in sizes]
    if min(grown) <= 0:
        raise BenchmarkError(
            f'no growth from {smallest:,} nodes to more: measure more nodes'
        )
    return statistics.linear_regression(
        [math.log(size) for size in sizes], [math.log(one) for one in grown]
    ).slope


def rows(what: str, runs: Mapping[int, Sequence[Measured]]) -> Iterator[Row]:
    """The rows for one command: its measures, and how these grow.

    The smallest of several values counts: other programs on the machine can
    only add to it.

    :param runs: number of nodes → its runs, one or more
    :raises BenchmarkError: nothing can be fitted
    """
    sizes = sorted(runs)
    numbers = ' / '.join(f'{size:,}' for size in sizes)
    for measure in _MEASURES:
        values = {
            size: min(map(measure.of, group)) for size, group in runs.items()
        }
        yield Row(
            f'{what} on {numbers} nodes: {measure.name}',
            ' / '.join(measure.form.format(values[size]) for size in sizes),
        )
        if measure.bounded:
            found = exponent(values)
            yield Row(
                f'the same: exponent of {measure.name}',
                f'{found:.2f}',
                bound=f'at most {_MAX_EXPONENT}',
                held=found <= _MAX_EXPONENT,
            )
