# SPDX-License-Identifier: Apache-2.0

"""Tests of the timing of pairs, and of their summary."""

from collections.abc import Callable

from tests.benchmarks.pairs import alternate
from tests.benchmarks.pairs import Pair
from tests.benchmarks.pairs import Sample
from tests.benchmarks.pairs import summarize
from tests.benchmarks.pairs import Summary


def test_ours_goes_first_and_the_peer_right_after_it() -> None:
    order: list[str] = []

    def runs(who: str, seconds: float) -> Callable[[], Sample]:
        def run() -> Sample:
            order.append(who)
            return Sample(seconds, 1)

        return run

    timed = alternate(runs('ours', 1.0), runs('peer', 2.0), 2)

    assert order == ['ours', 'peer', 'ours', 'peer']
    assert timed == [Pair(Sample(1.0, 1), Sample(2.0, 1))] * 2


def test_the_ratio_is_the_median_of_the_pairs_and_not_of_the_medians() -> None:
    slow_moment = Pair(Sample(40.0, 3), Sample(80.0, 4))
    timed = [
        Pair(Sample(1.0, 3), Sample(4.0, 4)),
        slow_moment,
        Pair(Sample(2.0, 5), Sample(2.0, 4)),
    ]

    assert summarize(timed) == Summary(
        ours=2.0,
        peer=4.0,
        ratio=0.5,
        ours_requests=(3, 5),
        peer_requests=(4, 4),
    )


def test_a_timeout_is_not_compared() -> None:
    assert Pair(Sample(7.0, 1), Sample(1.0, 0), 5.0).ratio == 2.0
