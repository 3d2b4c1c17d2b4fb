# SPDX-License-Identifier: Apache-2.0

"""How growth is judged."""

from collections.abc import Callable

import pytest

from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_program import Measured
from tests.load import growth
from tests.load.table import Row

_SIZES = (1, 1000, 3000, 10_000)


def runs(
    cpu: Callable[[int], float], peak: Callable[[int], float]
) -> dict[int, list[Measured]]:
    """A quiet run and a disturbed one for each size."""
    return {
        size: [
            Measured(0, '', '', 2 * cpu(size), cpu(size), peak(size)),
            Measured(0, '', '', 9 * cpu(size), 5 * cpu(size), peak(size)),
        ]
        for size in _SIZES
    }


def test_the_start_of_the_program_does_not_hide_a_power() -> None:
    assert growth.exponent(
        {size: 10 + size**2 for size in _SIZES}
    ) == pytest.approx(2, abs=0.01)
    assert growth.exponent(
        {size: 100 + 0.01 * size for size in _SIZES}
    ) == pytest.approx(1, abs=0.01)


def test_a_row_has_the_least_of_each_size_and_its_exponent() -> None:
    linear = runs(lambda n: 1 + n / 1000, lambda n: 90 + n / 100)

    assert list(growth.rows('image cache list', linear)) == [
        Row(
            'image cache list on 1 / 1,000 / 3,000 / 10,000 nodes: seconds',
            '2.00 / 4.00 / 8.00 / 22.00',
        ),
        Row(
            'image cache list on 1 / 1,000 / 3,000 / 10,000 nodes: CPU'
            ' seconds',
            '1.00 / 2.00 / 4.00 / 11.00',
        ),
        Row(
            'the same: exponent of CPU seconds',
            '1.00',
            bound='at most 1.2',
            held=True,
        ),
        Row(
            'image cache list on 1 / 1,000 / 3,000 / 10,000 nodes: peak'
            ' memory, MiB',
            '90 / 100 / 120 / 190',
        ),
        Row(
            'the same: exponent of peak memory, MiB',
            '1.00',
            bound='at most 1.2',
            held=True,
        ),
    ]


@pytest.mark.parametrize(
    ('cpu', 'peak', 'held'),
    [
        # Half of the time for 10,000 nodes is quadratic.
        (lambda n: 1 + n / 1e3 + n**2 / 1e7, lambda n: 90 + n, [False, True]),
        (lambda n: 1 + n, lambda n: 90 + n / 1e2 + n**2 / 1e6, [True, False]),
        (lambda n: 1 + n**2, lambda n: 90 + n**2, [False, False]),
    ],
)
def test_a_quadratic_part_exceeds_the_bound(
    cpu: Callable[[int], float],
    peak: Callable[[int], float],
    held: list[bool],
) -> None:
    found = growth.rows('image cache list', runs(cpu, peak))

    assert [row.held for row in found if row.bound] == held


@pytest.mark.parametrize('sizes', [(1, 10), (1, 10, 100)])
def test_nothing_is_fitted_to_too_little(sizes: tuple[int, ...]) -> None:
    with pytest.raises(BenchmarkError):
        growth.exponent(dict.fromkeys(sizes, 7.0))
