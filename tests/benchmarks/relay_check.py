# SPDX-License-Identifier: Apache-2.0

"""Checks the delay of the relay before all measurements."""

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
from tests.relay import Relay

_REPEATS = 11
_CROWD = 16
_EACH = 4
_ROUND_TRIP = 0.05
_NEAR_ENOUGH = 1.2
"""Tolerance of the time of a request."""

_CROWD_NEAR_ENOUGH = 2.0
"""Tolerance of the time of concurrent requests, which compete for processors.
If connections waited for each other, they would take more than ten times as
long.
"""

_MOST_AT_ZERO = 0.005
"""Maximum seconds that a relay without a delay adds to a request."""


class _Echo(BaseHTTPRequestHandler):
    """Answers with the Host header and the body of the request.

    It sends the headers and the body as two pieces, and keeps the connection.
    A relay that also sends two pieces, with Nagle's algorithm, adds 40 ms: the
    algorithm waits for the acknowledgement of the first piece.
    """

    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        length = int(self.headers['Content-Length'] or 0)
        answer = self.headers['Host'].encode() + b' ' + self.rfile.read(length)
        self.send_response(200)
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_PUT = do_GET  # noqa: N815

    def log_message(self, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    request_queue_size = 4 * _CROWD


@contextmanager
def relayed() -> Iterator[tuple[int, Relay]]:
    """A relay in front of an HTTP server; yields the server's port, and it."""
    with _Server(('127.0.0.1', 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            with Relay(server.server_port) as relay:
                yield server.server_port, relay
        finally:
            server.shutdown()
            thread.join()


def check() -> str:
    """Measure the relay at 50 ms and at 0 ms.

    :returns: the measured times, on one line
    :raises BenchmarkError: a time is not within its tolerance
    """
    with relayed() as (port, relay):
        at_zero = _kept(relay.port) - _kept(port)
        relay.reset()
        relay.round_trip = _ROUND_TRIP
        kept = _kept(relay.port)
        new = _timed(lambda: _requests(relay.port, 1))
        crowd = _timed(lambda: _crowd(relay.port), repeats=3)
        counted = len(relay.requests)
    _near('a request', kept, _ROUND_TRIP)
    _near('a request on a new connection', new, 2 * _ROUND_TRIP)
    _near(
        'concurrent requests',
        crowd,
        (1 + _EACH) * _ROUND_TRIP,
        _CROWD_NEAR_ENOUGH,
    )
    if at_zero > _MOST_AT_ZERO:
        raise BenchmarkError(
            f'the relay adds {_ms(at_zero)} to a request at 0 ms'
        )
    sent = 1 + _REPEATS + _REPEATS + 3 * _CROWD * _EACH
    if counted != sent:
        raise BenchmarkError(f'the relay counted {counted} of {sent} requests')
    return (
        f'relay at {_ms(_ROUND_TRIP)}: a request {_ms(kept)}, on a new'
        f' connection {_ms(new)}, {_EACH} each on {_CROWD} concurrent new'
        f' connections {_ms(crowd)}; at 0 ms it adds {_ms(at_zero)}'
    )


def _kept(port: int) -> float:
    """Median seconds of a request on an open connection."""
    with closing(HTTPConnection('127.0.0.1', port, timeout=10)) as connection:
        _request(connection)
        return _timed(lambda: _request(connection))


def _crowd(port: int) -> None:
    with ThreadPoolExecutor(_CROWD) as pool:
        list(pool.map(lambda _: _requests(port, _EACH), range(_CROWD)))


def _requests(port: int, count: int) -> None:
    """Send requests one after another on a new connection."""
    with closing(HTTPConnection('127.0.0.1', port, timeout=10)) as connection:
        for _ in range(count):
            _request(connection)


def _request(connection: HTTPConnection) -> None:
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
            f'with the relay, {what} took {_ms(measured)} instead of'
            f' {_ms(meant)}. Check that this machine is idle.'
        )


def _ms(seconds: float) -> str:
    return f'{1000 * seconds:.1f} ms'
