# SPDX-License-Identifier: Apache-2.0

"""Keystone goes away, and tokens end, in the middle of a command."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import threading
import time

from tests.cloud import GlanceOptions
from tests.cloud import rest
from tests.cloud import RestError
from tests.faults.relay import Request
from tests.faults.stage import BERGEN
from tests.faults.stage import Stage
from tests.faults.table import Row

#: A node that asks Keystone about each token, each time.
FORGETFUL = GlanceOptions(
    extra='\n[keystone_authtoken]\ntoken_cache_time = -1\n'
)
_ON_BERGEN = ('--node', BERGEN)
_WAIT = ('queue', 'alpha', '--wait', *_ON_BERGEN)
_DONE = f'exit 0; alpha cached {BERGEN}'
#: Looks at a node before something happens.
_LOOKS = 3
#: Seconds that Keystone is away.
_AWAY = 4.0
#: How often, and after how many seconds, something is tried again.
_TRIES = 20
_SHORTLY = 0.5


def rows(stage: Stage) -> Iterator[Row]:
    """Keystone down for good, Keystone down for a while, a token revoked."""
    stage.image('alpha')
    stage.set_up()
    yield Row(
        'Keystone is stopped after the login',
        'list',
        _keystone_down(stage, 'list'),
        f'exit 1; told: Cannot read the cache of {BERGEN}: …',
    )
    stage.set_up()
    yield Row(
        'Keystone is stopped in the middle of a wait, and started again',
        'queue alpha --wait',
        _keystone_away(stage),
        _DONE,
    )
    stage.set_up()
    yield Row(
        'the token is revoked in the middle of a wait',
        'queue alpha --wait',
        _revoked(stage),
        f'{_DONE}; another token since',
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
        return stage.came_of(stage.cache(*command, *_ON_BERGEN))
    finally:
        _start_keystone(stage)


def _start_keystone(stage: Stage) -> None:
    stage.cloud.keystone.process.start()
    stage.cloud.keystone.wait_ready()


class _Wait:
    """A wait for what is queued, and fetched only when the test says so."""

    def __init__(self, stage: Stage) -> None:
        self.looks = 0
        self.tokens: list[str] = []
        self._lock = threading.Lock()
        self._stage = stage
        stage.queue_only(stage.bergen, 'alpha')

    def looked(self, request: Request) -> int:
        """Note a look; returns how many there were."""
        with self._lock:
            self.looks += 1
            if request.token not in self.tokens:
                self.tokens.append(request.token)
            return self.looks

    def fetch(self) -> None:
        """Have it fetched, past the relay."""
        self._stage.fill(self._stage.bergen, 'alpha')


def _keystone_away(stage: Stage) -> str:
    wait = _Wait(stage)

    def come_back() -> None:
        _start_keystone(stage)
        # A node that has just asked Keystone in vain may refuse a good token.
        for _ in range(_TRIES):
            with contextlib.suppress(RestError):
                wait.fetch()
                return
            time.sleep(_SHORTLY)
        wait.fetch()

    def fault(request: Request, forward: Callable[[], bytes]) -> bytes:
        # Without a token nothing comes here: so time is what brings it back.
        if wait.looked(request) == _LOOKS:
            stage.cloud.keystone.process.stop()
            threading.Timer(_AWAY, come_back).start()
        return forward()

    stage.relay.fault = fault
    return stage.came_of(stage.cache(*_WAIT))


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
            wait.fetch()
        return forward()

    stage.relay.fault = fault
    came = stage.came_of(stage.cache(*_WAIT))
    another = len(wait.tokens) > 1
    return f'{came}; {"another" if another else "the same"} token since'


def short(stage: Stage, token_seconds: int) -> Iterator[Row]:
    """A wait that is longer than a token is good for.

    keystoneauth takes a token that is good for less than 30 seconds as one
    that has expired.

    :param token_seconds: how long a token of this cloud is good for
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
            wait.fetch()
        return forward()

    stage.relay.fault = fault
    came = stage.came_of(stage.cache(*_WAIT))
    another = len(wait.tokens) > 1
    yield Row(
        'the token expires in the middle of a wait',
        'queue alpha --wait',
        f'{came}; {"another" if another else "the same"} token since',
        f'{_DONE}; another token since',
    )
