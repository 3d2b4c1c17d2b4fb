# SPDX-License-Identifier: Apache-2.0

"""Addresses of hosts, looked up on threads that nobody waits for."""

import asyncio
from collections.abc import Callable
from collections.abc import Iterator
import socket
import threading
import time
from typing import Any

import pytest

from glance_cache_osc import errors
from glance_cache_osc.transport import loop as loops
from glance_cache_osc.transport import resolver
from glance_cache_osc.transport import threads


class Names:
    """Instead of the system's: names, and their addresses.

    :ivar asked: the names that were looked up, in order.
    :ivar goes_on: names that hang wait for it.
    """

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.goes_on = threading.Event()
        self.under_way = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, host: str, port: int, **_: Any) -> Any:
        with self._lock:
            self.asked.append(host)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        try:
            if host.startswith('hangs'):
                self.goes_on.wait(20)
            if host.startswith('slow'):
                time.sleep(0.01)
            if host not in self.known:
                raise socket.gaierror(-2, 'Name or service not known')
        finally:
            with self._lock:
                self.under_way -= 1
        return [
            (
                socket.AF_INET6 if ':' in one else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                '',
                (one, port, 0, 0) if ':' in one else (one, port),
            )
            for one in self.known[host]
        ]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    made = Names()
    monkeypatch.setattr(socket, 'getaddrinfo', made)
    yield made
    made.goes_on.set()


@pytest.fixture
def one() -> resolver.Resolver:
    return resolver.Resolver()


Resolve = Callable[..., Any]


@pytest.fixture
def resolve(loop: loops.Loop, one: resolver.Resolver) -> Resolve:
    """Addresses of URLs, looked up all at once; an error is in its place."""

    async def resolve_all(urls: tuple[str, ...], timeout: float) -> Any:
        return await asyncio.gather(
            *(one.resolve(url, timeout) for url in urls),
            return_exceptions=True,
        )

    def resolve(*urls: str, timeout: float = 5) -> Any:
        return loop.run(resolve_all(urls, timeout))

    return resolve


@pytest.mark.parametrize(
    ('url', 'addresses', 'expected'),
    [
        ('http://edge:9292/x', ['10.1.0.5'], 'edge:9292:10.1.0.5'),
        ('http://edge', ['10.1.0.5'], 'edge:80:10.1.0.5'),
        ('https://edge', ['10.1.0.5'], 'edge:443:10.1.0.5'),
        ('socks5://edge', ['10.1.0.5'], 'edge:1080:10.1.0.5'),
        (
            'http://edge:1',
            ['2001:db8::5', '10.1.0.5', '10.1.0.6', '10.1.0.5'],
            'edge:1:[2001:db8::5],10.1.0.5,10.1.0.6',
        ),
        ('http://EDGE:1', ['10.1.0.5'], 'edge:1:10.1.0.5'),
        ('http://user:pw@edge:1', ['10.1.0.5'], 'edge:1:10.1.0.5'),
    ],
)
def test_addresses_are_written_as_libcurl_reads_them(
    names: Names,
    resolve: Resolve,
    url: str,
    addresses: list[str],
    expected: str,
) -> None:
    names.known['edge'] = addresses

    assert resolve(url) == [expected]


@pytest.mark.parametrize(
    'url',
    [
        *('http://10.1.0.5:9292', 'https://[2001:db8::5]', 'http://[::1]:80'),
        *('http://[fe80::1%25eth0]:80', 'http://[fe80::1%eth0]:80'),
    ],
)
def test_an_address_is_not_looked_up(
    names: Names, resolve: Resolve, url: str
) -> None:
    assert resolve(url) == ['']
    assert names.asked == []


def test_a_name_is_looked_up_once(names: Names, resolve: Resolve) -> None:
    """Also where a thousand requests for it start at once."""
    names.known['edge'] = ['10.1.0.5']
    urls = [f'http://edge:9292/v2/{at}' for at in range(100)]

    assert set(resolve(*urls)) == {'edge:9292:10.1.0.5'}
    assert resolve(urls[0]) == ['edge:9292:10.1.0.5']

    assert names.asked == ['edge']


def test_a_name_may_be_forgotten(
    names: Names, resolve: Resolve, one: resolver.Resolver
) -> None:
    """Its addresses did not answer: they may be others by now."""
    names.known['edge'] = ['10.1.0.5']
    resolve('http://edge:1')
    names.known['edge'] = ['10.1.0.6']

    one.forget('http://edge:2')
    assert resolve('http://edge:1') == ['edge:1:10.1.0.5']
    one.forget('http://edge:1/v2')
    assert resolve('http://edge:1') == ['edge:1:10.1.0.6']


def test_the_addresses_of_a_discovered_node_are_looked_up_within_its_timeout(
    names: Names, loop: loops.Loop
) -> None:
    limited = asyncio.wait_for(
        loop.engine.addresses('http://hangs.example', 0.05), 5
    )

    with pytest.raises(errors.TimedOut, match=r'within 0\.05 seconds'):
        loop.run(limited)


def test_a_name_that_nobody_knows(names: Names, resolve: Resolve) -> None:
    (error,) = resolve('http://nosuch.example')

    assert type(error) is errors.Unreachable
    assert (error.down, error.connected) == (False, False)
    assert str(error) == (
        'Cannot resolve the host name: Name or service not known. Check the '
        'spelling of the host name, and the DNS servers.'
    )
    # Nor is one that has no address.
    names.known['nosuch.example'] = []
    (error,) = resolve('http://nosuch.example')
    assert (
        error.why == 'Cannot resolve the host name: Name or service not known'
    )
    # It may be known the next time.
    names.known['nosuch.example'] = ['10.1.0.5']
    assert resolve('http://nosuch.example') == ['nosuch.example:80:10.1.0.5']


@pytest.mark.parametrize('host', ['a..b', 'x' * 64 + '.example'])
def test_a_name_that_can_be_none_is_known_to_nobody(
    resolve: Resolve, host: str
) -> None:
    """Python raises something else for these than for others."""
    (error,) = resolve(f'http://{host}')

    assert type(error) is errors.Unreachable
    assert (
        error.why == 'Cannot resolve the host name: Name or service not known'
    )


def test_a_name_that_hangs_has_one_timeout(
    names: Names, resolve: Resolve
) -> None:
    began = time.monotonic()

    (error,) = resolve('http://hangs.example', timeout=0.1)

    assert 0.09 < time.monotonic() - began < 2
    assert isinstance(error, errors.TimedOut)
    assert error.connected is False
    assert str(error) == (
        "'hangs.example' was not resolved within 0.1 seconds. Check the name, "
        'and the DNS servers of this machine.'
    )


def test_a_name_that_hangs_is_not_asked_for_again(
    names: Names, resolve: Resolve
) -> None:
    """Nor has it a further thread."""
    for _ in range(3):
        (error,) = resolve('http://hangs.example', timeout=0.01)
        assert isinstance(error, errors.TimedOut)

    assert names.asked == ['hangs.example']


def test_names_that_hang_do_not_make_healthy_ones_fail(
    names: Names, resolve: Resolve
) -> None:
    """Libcurl's own resolver has twenty threads, and no more."""
    healthy = [f'edge-{at}' for at in range(90)]
    names.known = {one: ['10.1.0.5'] for one in healthy}
    hosts = [f'hangs-{at}' for at in range(100)] + healthy

    began = time.monotonic()
    found = resolve(*(f'http://{one}' for one in hosts), timeout=1)

    assert {type(one) for one in found[:100]} == {errors.TimedOut}
    assert found[100:] == [f'{one}:80:10.1.0.5' for one in healthy]
    assert time.monotonic() - began < 5


def test_more_names_that_hang_than_threads_keep_nobody_for_ever(
    names: Names, resolve: Resolve
) -> None:
    """As where the DNS server is down; a thread that hangs is given up."""
    names.known = {'edge': ['10.1.0.5']}
    hosts = [f'hangs-{at}' for at in range(300)]

    began = time.monotonic()
    *hung, found = resolve(
        *(f'http://{one}' for one in [*hosts, 'edge']), timeout=0.1
    )

    assert {type(one) for one in hung} == {errors.TimedOut}
    assert found == 'edge:80:10.1.0.5'
    assert time.monotonic() - began < 5


def test_no_more_than_256_names_are_looked_up_at_once(
    names: Names, resolve: Resolve
) -> None:
    """And waiting for a thread does not use up the timeout."""
    hosts = [f'slow-{at}' for at in range(600)]
    names.known = {one: ['10.1.0.5'] for one in hosts}

    found = resolve(*(f'http://{one}' for one in hosts), timeout=1)

    assert found == [f'{one}:80:10.1.0.5' for one in hosts]
    assert names.most <= 256


def test_the_end_of_a_command_does_not_wait_for_a_name(names: Names) -> None:
    began = time.monotonic()

    with loops.Loop() as loop, pytest.raises(errors.TimedOut):
        loop.run(resolver.Resolver().resolve('http://hangs.example', 0.05))

    assert time.monotonic() - began < 5
    hanging = [
        one
        for one in threading.enumerate()
        if one is not threading.main_thread()
    ]
    # Nor does the end of the program.
    assert hanging
    assert all(one.daemon for one in hanging)


def test_who_stops_waiting_stops_nobody_else(
    names: Names, loop: loops.Loop, one: resolver.Resolver
) -> None:
    names.known['hangs.example'] = ['10.1.0.5']

    async def one_of_two_stops() -> str:
        first, second = (
            asyncio.ensure_future(one.resolve('http://hangs.example', 5))
            for _ in range(2)
        )
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0)
        names.goes_on.set()
        return await second

    assert loop.run(one_of_two_stops()) == 'hangs.example:80:10.1.0.5'


def test_without_a_thread_there_is_an_error(
    names: Names, resolve: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system allows a user so many, and no more."""

    def start(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, 'start', start)

    (error,) = resolve('http://edge')

    assert type(error) is errors.Unreachable
    assert error.why == (
        "Cannot resolve the host name: can't start new thread"
    )


def test_a_call_on_a_thread_has_a_value_or_an_error(loop: loops.Loop) -> None:
    def fail() -> None:
        raise LookupError('no')

    async def call() -> tuple[int, bool]:
        with pytest.raises(LookupError, match='no'):
            await threads.start(fail)
        here = threading.get_ident()
        return (
            await threads.start(lambda: 7),
            await threads.start(threading.get_ident) == here,
        )

    assert loop.run(call()) == (7, False)


def test_a_call_that_nobody_waits_for_says_nothing(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Its thread ends when the loop is closed, or after that."""
    goes_on = threading.Event()

    def fail_late() -> None:
        goes_on.wait(20)
        raise LookupError

    async def begin() -> None:
        threads.start(fail_late)
        threads.start(lambda: 1 / 0)

    others = set(threading.enumerate())
    with loops.Loop() as loop:
        loop.run(begin())
    goes_on.set()
    for thread in set(threading.enumerate()) - others:
        thread.join(5)

    assert capfd.readouterr() == ('', '')
    assert caplog.messages == []
