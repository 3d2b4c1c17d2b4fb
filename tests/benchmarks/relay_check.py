# SPDX-License-Identifier: Apache-2.0

"""Does the relay cost what it says? Measured before anything else is."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from statistics import median
import threading
import time
from typing import Any

from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.relay import Relay

_REPEATS = 11
_CROWD = 16
_EACH = 4
_ROUND_TRIP = 0.05
_NEAR_ENOUGH = 1.2
"""How much longer than it should an exchange may take."""

_CROWD_NEAR_ENOUGH = 2.0
"""The same of a crowd, whose threads and answers need a processor each. If
connections waited for each other, it would take more than ten times as long.
"""

_MOST_AT_ZERO = 0.005
"""Seconds that a relay without a delay may add to an exchange."""


class _Halting(BaseHTTPRequestHandler):
    """Answers each GET in two pieces, and keeps the connection.

    Two, since a relay that waits for the first to be acknowledged (Nagle's
    algorithm) would add 40 ms.
    """

    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header('Content-Length', '1')
        self.end_headers()
        self.wfile.write(b'.')

    def log_message(self, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    request_queue_size = 4 * _CROWD


@contextmanager
def _server() -> Iterator[int]:
    """An HTTP server on loopback; yields its port."""
    with _Server(('127.0.0.1', 0), _Halting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def check() -> str:
    """Measure the relay at 50 ms and at 0 ms.

    :returns: what was measured, in a line
    :raises BenchmarkError: it is not what was asked for
    """
    with _server() as port, Relay(port) as relay:
        relayed = int(relay.url.rpartition(':')[2])
        at_zero = _kept(relayed) - _kept(port)
        relay.take_requests()
        relay.round_trip = _ROUND_TRIP
        kept = _kept(relayed)
        new = _timed(lambda: _exchanges(relayed, 1))
        crowd = _timed(lambda: _crowd(relayed), repeats=3)
        counted = len(relay.take_requests())
    _near('an exchange', kept, _ROUND_TRIP)
    _near('an exchange on a new connection', new, 2 * _ROUND_TRIP)
    _near('a crowd', crowd, (1 + _EACH) * _ROUND_TRIP, _CROWD_NEAR_ENOUGH)
    if at_zero > _MOST_AT_ZERO:
        raise BenchmarkError(
            f'the relay adds {_ms(at_zero)} to an exchange at 0 ms'
        )
    sent = 1 + _REPEATS + _REPEATS + 3 * _CROWD * _EACH
    if counted != sent:
        raise BenchmarkError(f'the relay counted {counted} of {sent} requests')
    return (
        f'relay at {_ms(_ROUND_TRIP)}: an exchange {_ms(kept)}, on a new'
        f' connection {_ms(new)}, {_EACH} each on {_CROWD} new connections'
        f' at once {_ms(crowd)}; at 0 ms it adds {_ms(at_zero)}'
    )


def _kept(port: int) -> float:
    """Median seconds of an exchange on a connection that is open."""
    with closing(HTTPConnection('127.0.0.1', port, timeout=10)) as connection:
        _exchange(connection)
        return _timed(lambda: _exchange(connection))


def _crowd(port: int) -> None:
    with ThreadPoolExecutor(_CROWD) as pool:
        list(pool.map(lambda _: _exchanges(port, _EACH), range(_CROWD)))


def _exchanges(port: int, count: int) -> None:
    """Some exchanges, one after the other, on a new connection."""
    with closing(HTTPConnection('127.0.0.1', port, timeout=10)) as connection:
        for _ in range(count):
            _exchange(connection)


def _exchange(connection: HTTPConnection) -> None:
    connection.request('GET', '/')
    connection.getresponse().read()


def _timed(what: Callable[[], None], repeats: int = _REPEATS) -> float:
    """Median seconds."""
    took = []
    for _ in range(repeats):
        begun = time.perf_counter()
        what()
        took.append(time.perf_counter() - begun)
    return median(took)


def _near(
    what: str, measured: float, meant: float, most: float = _NEAR_ENOUGH
) -> None:
    if not meant <= measured <= most * meant:
        raise BenchmarkError(
            f'the relay makes {what} take {_ms(measured)} instead of'
            f' {_ms(meant)}; is this machine busy?'
        )


def _ms(seconds: float) -> str:
    return f'{1000 * seconds:.1f} ms'
