#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""How long an answer may take, and be: to the second and to the byte.

That the bounds hold over a real socket is shown in `tests.fuzz.test_bounds`.
"""

import pytest

from glance_cache_osc import errors
from glance_cache_osc.drivers import bounds

TIMEOUT = 10
REMEDY = "'--node-timeout' sets how long to wait."


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def exchange(clock: Clock) -> bounds.Exchange:
    """An exchange that awaits an answer of a thousand bytes at the most."""
    begun = bounds.Exchange(1000, clock=clock)
    begun.begin(None)
    return begun


@pytest.mark.parametrize(('elapsed', 'left'), [(0, 10), (4, 6), (9.5, 0.5)])
def test_all_headers_have_one_timeout(
    exchange: bounds.Exchange, clock: Clock, elapsed: float, left: float
) -> None:
    clock.now += elapsed

    assert exchange.patience(TIMEOUT) == left


@pytest.mark.parametrize('elapsed', [10, 11])
def test_headers_that_are_late(
    exchange: bounds.Exchange, clock: Clock, elapsed: float
) -> None:
    clock.now += elapsed

    with pytest.raises(TimeoutError):
        exchange.patience(TIMEOUT)


@pytest.mark.parametrize(
    ('elapsed', 'received', 'left'),
    [
        # Within the timeout there is no rate to be kept.
        (0, 0, 10),
        (10, 0, 10),
        # From then on it is 1 KiB a second.
        (11, 11 * 1024, 10),
        (89, 89 * 1024, 10),
        # Of ten timeouts, what is left.
        (95, 95 * 1024, 5),
    ],
)
def test_the_rest_may_take_longer_at_a_fair_rate(
    exchange: bounds.Exchange,
    clock: Clock,
    elapsed: float,
    received: int,
    left: float,
) -> None:
    exchange.end_of_head()
    exchange.took(received)
    clock.now += elapsed

    assert exchange.patience(TIMEOUT) == left


@pytest.mark.parametrize(
    ('elapsed', 'received', 'told'),
    [
        (
            11,
            11 * 1024 - 1,
            f'Its answer comes too slowly: 11263 bytes in 11 s. {REMEDY}',
        ),
        (
            100,
            100 * 1024,
            f'Its answer did not end within 100 seconds. {REMEDY}',
        ),
        (
            101,
            200 * 1024,
            f'Its answer did not end within 100 seconds. {REMEDY}',
        ),
    ],
)
def test_what_is_too_slow_or_too_late_is_told(
    exchange: bounds.Exchange,
    clock: Clock,
    elapsed: float,
    received: int,
    told: str,
) -> None:
    exchange.end_of_head()
    exchange.took(received)
    clock.now += elapsed

    with pytest.raises(errors.TimedOut) as caught:
        exchange.patience(TIMEOUT)

    assert str(caught.value) == told


def test_a_second_answer_begins_anew(
    exchange: bounds.Exchange, clock: Clock
) -> None:
    exchange.end_of_head()
    exchange.took(5000)
    clock.now += 60

    exchange.begin(None)

    assert exchange.patience(TIMEOUT) == TIMEOUT
    exchange.end_of_head()
    exchange.took(11 * 1024 - 1)
    clock.now += 11
    with pytest.raises(errors.TimedOut):
        exchange.patience(TIMEOUT)


@pytest.mark.parametrize(
    ('in_head', 'most', 'told'),
    [
        (True, 256 * 1024, '262.1 kB'),
        # Frames of chunks are counted, too: four bytes for one.
        (False, 256 * 1024 + 4000, '266.1 kB'),
    ],
)
def test_bytes_are_counted(
    exchange: bounds.Exchange, in_head: bool, most: int, told: str
) -> None:
    if not in_head:
        exchange.end_of_head()

    exchange.took(most)
    with pytest.raises(errors.BadReply) as caught:
        exchange.took(1)

    assert str(caught.value) == (
        f'Its answer is longer than {told}. Is this the endpoint of a Glance?'
    )


def test_waiting_for_others_is_not_held_against_a_node(
    exchange: bounds.Exchange,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Room:
        """Comes free after a minute."""

        def acquire(self) -> None:
            clock.now += 60

    monkeypatch.setattr(bounds, '_large', Room())
    clock.now += 3

    exchange._wait_for_room()

    assert exchange.patience(TIMEOUT) == 7


@pytest.mark.parametrize('text', [b'[NaN]', b'Infinity', b'{"a": -Infinity}'])
def test_a_number_that_is_none_is_no_json(text: bytes) -> None:
    with pytest.raises(errors.BadReply) as caught:
        bounds.decode(text, None)

    assert str(caught.value) == (
        'Its answer is not JSON. Is this the endpoint of a Glance?'
    )
