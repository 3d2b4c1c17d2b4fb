# SPDX-License-Identifier: Apache-2.0

"""Keystone stops, and tokens expire, during a command."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import threading
import time

from tests.cloud import Cache
from tests.cloud import GlanceOptions
from tests.cloud import rest
from tests.cloud import RestError
from tests.faults.stage import BERGEN
from tests.faults.stage import Stage
from tests.faults.table import Row
from tests.relay import Request

#: A node that validates each token with Keystone, for each request.
FORGETFUL = GlanceOptions(
    extra='\n[keystone_authtoken]\ntoken_cache_time = -1\n'
)
_ON_BERGEN = ('--node', BERGEN)
_WAIT = ('queue', 'alpha', '--wait', *_ON_BERGEN)
_DONE = f'exit 0; alpha cached {BERGEN}'
#: Requests to a node before the fault.
_LOOKS = 3
#: Seconds until Keystone starts again.
_AWAY = 4.0
#: Number of retries, and seconds between them.
_TRIES = 20
_SHORTLY = 0.5


def rows(stage: Stage) -> Iterator[Row]:
    """Keystone stopped, Keystone stopped for a while, a token revoked."""
    stage.image('alpha')
    stage.set_up()
    yield Row(
        'Keystone is stopped after the login',
        'list',
        _keystone_down(stage, 'list'),
        f'exit 1; stderr: Cannot read the cache of {BERGEN}: …; Keystone is '
        'down',
    )
    stage.set_up()
    yield Row(
        'Keystone is stopped during a wait, and started again',
        'queue alpha --wait',
        _keystone_away(stage),
        _DONE,
    )
    stage.set_up()
    yield Row(
        'the token is revoked during a wait',
        'queue alpha --wait',
        _revoked(stage),
        f'{_DONE}; new token afterwards',
    )


def _keystone_down(stage: Stage, *command: str) -> str:
    lock = threading.Lock()
    stopped = threading.Event()

    def fault(_request: Request, forward: Callable[[], bytes]) -> bytes:
        with lock:
            if not stopped.is_set():
                stopped.set()
                stage.cloud.keystone.process.stop()
        return forward()

    stage.relay.fault = fault
    try:
        result = stage.describe(stage.cache(*command, *_ON_BERGEN))
        runs = stage.cloud.keystone.process.runs()
        return f'{result}; Keystone {"RUNS" if runs else "is down"}'
    finally:
        _start_keystone(stage)


def _start_keystone(stage: Stage) -> None:
    stage.cloud.keystone.process.start()
    stage.cloud.keystone.wait_ready()


class _Wait:
    """A wait for an image whose fill the test starts."""

    def __init__(self, stage: Stage) -> None:
        self.looks = 0
        self.tokens: list[str] = []
        self._lock = threading.Lock()
        self._stage = stage
        self._image_id = stage.image('alpha')
        self._cache().queue_only(self._image_id)

    def looked(self, request: Request) -> int:
        """Record a request; returns the number of requests."""
        with self._lock:
            self.looks += 1
            if request.token not in self.tokens:
                self.tokens.append(request.token)
            return self.looks

    def fill(self) -> None:
        """Start the fill, without the relay."""
        self._cache().fill(self._image_id)

    def _cache(self) -> Cache:
        return self._stage.cache_of(self._stage.bergen)


def _keystone_away(stage: Stage) -> str:
    wait = _Wait(stage)

    def come_back() -> None:
        _start_keystone(stage)
        # A node whose last request to Keystone failed may reject a valid token.
        for _ in range(_TRIES):
            with contextlib.suppress(RestError):
                wait.fill()
                return
            time.sleep(_SHORTLY)
        wait.fill()

    def fault(request: Request, forward: Callable[[], bytes]) -> bytes:
        # Without a token no request arrives here: a timer starts Keystone.
        if wait.looked(request) == _LOOKS:
            stage.cloud.keystone.process.stop()
            threading.Timer(_AWAY, come_back).start()
        return forward()

    stage.relay.fault = fault
    return stage.describe(stage.cache(*_WAIT))


def _revoked(stage: Stage) -> str:
    wait = _Wait(stage)

    def fault(request: Request, forward: Callable[[], bytes]) -> bytes:
        looks = wait.looked(request)
        if looks == _LOOKS:
            rest.call(
                'DELETE',
                f'{stage.cloud.auth_url}/auth/tokens',
                token=stage.cloud.token(),
                headers={'X-Subject-Token': request.token},
            )
        if looks == 2 * _LOOKS:
            wait.fill()
        return forward()

    stage.relay.fault = fault
    result = stage.describe(stage.cache(*_WAIT))
    another = len(wait.tokens) > 1
    return f'{result}; {"new" if another else "same"} token afterwards'


def short(stage: Stage, token_seconds: int) -> Iterator[Row]:
    """A wait that is longer than the lifetime of a token.

    keystoneauth renews a token that expires in less than 30 seconds.

    :param token_seconds: the lifetime of a token of this cloud
    """
    stage.image('alpha')
    stage.set_up()
    wait = _Wait(stage)
    ends = time.monotonic() + token_seconds + 2
    fetched = threading.Event()

    def fault(request: Request, forward: Callable[[], bytes]) -> bytes:
        wait.looked(request)
        if time.monotonic() > ends and not fetched.is_set():
            fetched.set()
            wait.fill()
        return forward()

    stage.relay.fault = fault
    result = stage.describe(stage.cache(*_WAIT))
    another = len(wait.tokens) > 1
    yield Row(
        'the token expires during a wait',
        'queue alpha --wait',
        f'{result}; {"new" if another else "same"} token afterwards',
        f'{_DONE}; new token afterwards',
    )
