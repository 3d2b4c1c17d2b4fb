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

from collections.abc import Iterator
import datetime
from typing import Any

import pytest
import requests

from glance_cache_osc import errors
from glance_cache_osc.transport import bounds

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


class Page(requests.Response):
    """An answer that comes in blocks, and knows how many were taken."""

    def __init__(self, *blocks: bytes, status: int = 200) -> None:
        super().__init__()
        self.status_code = status
        self.taken = 0
        self._blocks = blocks

    def iter_content(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        for block in self._blocks:
            self.taken += 1
            yield block

    def close(self) -> None:
        """There is no connection to give back."""


def test_an_answer_is_handed_on_without_what_leads_elsewhere() -> None:
    # Which is guessed to be Japanese, if nobody says what it is.
    page = Page(b'\xe2\x82', b'\xac', status=302)
    page.reason = 'Found'
    page.url = 'http://edge.example/v2/cache'
    page.request = requests.Request('GET', page.url).prepare()
    page.elapsed = datetime.timedelta(seconds=2)
    page.headers['Location'] = 'http://evil.example'
    page.headers['X-Openstack-Request-Id'] = 'req-1'
    page.encoding = 'latin-1'

    whole = bounds.Exchange(1000).read(page)

    assert (whole.status_code, whole.reason) == (302, 'Found')
    assert whole.text == '€'
    assert (whole.url, whole.request) == (page.url, page.request)
    # For `openstack --timing`.
    assert whole.elapsed == datetime.timedelta(seconds=2)
    assert whole.headers == {'X-Openstack-Request-Id': 'req-1'}


@pytest.mark.parametrize('size', [999, 1000])
def test_an_answer_may_be_as_long_as_that(size: int) -> None:
    page = Page(b'x' * 500, b'x' * (size - 500))

    assert len(bounds.Exchange(1000).read(page).content) == size


def test_an_answer_may_not_be_longer() -> None:
    page = Page(b'x' * 500, b'x' * 501, b'x')

    with pytest.raises(errors.BadReply) as caught:
        bounds.Exchange(1000).read(page)

    assert str(caught.value) == (
        'Its answer is longer than 1.0 kB. Is this the endpoint of a Glance?'
    )
    assert page.taken == 2


@pytest.mark.parametrize('status', [300, 404, 500])
def test_of_what_is_no_success_the_beginning_is_read(status: int) -> None:
    page = Page(b'a' * 65535, b'b', b'c', status=status)

    whole = bounds.Exchange(1000_000).read(page)

    assert page.taken == 2
    assert whole.content == b'a' * 65535 + b'b'


class Room:
    """Where large answers find a place, one after the other."""

    def __init__(self) -> None:
        self.asked = self.left = 0

    def acquire(self) -> None:
        self.asked += 1

    def release(self) -> None:
        self.left += 1


@pytest.mark.parametrize(
    ('blocks', 'asked'),
    [
        ([512 * 1024], 0),
        ([512 * 1024, 1], 1),
        ([512 * 1024 + 1, 1024, 1024], 1),
    ],
)
def test_a_large_answer_takes_one_place_and_gives_it_back(
    monkeypatch: pytest.MonkeyPatch, blocks: list[int], asked: int
) -> None:
    room = Room()
    monkeypatch.setattr(bounds, '_large', room)
    page = Page(*(b'x' * size for size in blocks))

    with bounds.Exchange(1000_000).entered() as exchange:
        exchange.read(page)

    assert (room.asked, room.left) == (asked, asked)


def test_waiting_for_others_is_not_held_against_a_node(
    exchange: bounds.Exchange,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Late(Room):
        """Comes free after a minute."""

        def acquire(self) -> None:
            clock.now += 60

    monkeypatch.setattr(bounds, '_large', Late())
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
