# SPDX-License-Identifier: Apache-2.0

"""Tokens that nodes reject, and a Keystone with faults, with 100 nodes."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
import dataclasses
from pathlib import Path
import threading
import time
from urllib.parse import urlsplit

from tests import polling
from tests import shell
from tests.faults.crowd import Crowd
from tests.faults.crowd import crowd
from tests.faults.crowd import describe
from tests.faults.crowd import NODES
from tests.faults.crowd import QUEUE
from tests.faults.stage import PATIENCE
from tests.faults.table import Row
from tests.relay import Cut
from tests.relay import Relay
from tests.relay import Request
from tests.simulated import Fault
from tests.simulated import name_of
from tests.simulated import Settings

_BAD = 49
#: Seconds of a slow response, and of a restart.
_SLOW = 5.0
_AWAY = 3.0
#: Seconds of a fill: longer than the restart begins after the requests.
_FILL = 5.0
#: Maximum seconds of a command: start, --node-timeout, and some requests.
_SOON = 20.0
_IMPATIENT = ('--node-timeout', '4')
_LIST = ('list',)
_WAIT = (*QUEUE, '--wait')
_FEW = f'fewer than {NODES}'
_LOGINS = 'passwords sent: {}, tokens checked: {}'
#: One line for all nodes.
_FAILED = (
    f'exit 1; rows of 0 nodes; stderr: Cannot read the cache of {name_of(0)} '
    f'and other operations ({NODES - 1}): The token was rejected and cannot '
    'be renewed: …'
)
_DONE = f'exit 0; rows of {NODES} nodes'
_ONCE = f'changes received: 1 on {NODES} nodes'


def rows(home: Path) -> Iterator[Row]:
    """One bad node, and then a revoked token with a faulty Keystone."""
    with crowd(home, Settings(nodes=NODES, fill=_FILL)) as nodes:
        yield from _rejected(nodes)
        port = urlsplit(nodes.fleet.auth_url).port
        assert port
        with Relay(port) as relay:
            nodes.name_nodes(auth_url=f'{relay.url}/v3')
            for case in _CASES:
                yield _revoked(nodes, relay, case)


def _rejected(nodes: Crowd) -> Iterator[Row]:
    for command in (_LIST, QUEUE):
        nodes.set_up()
        nodes.fleet.set_fault([_BAD], Fault.UNAUTHORIZED)
        done = nodes.run(*command)
        received = f'1 on {NODES - 1} nodes' if command == QUEUE else 'none'
        yield Row(
            f'one of {NODES} nodes rejects the token',
            ' '.join(command),
            f'{describe(done)}; {nodes.logins()}; {nodes.received()}',
            f'exit 1; rows of {NODES - 1} nodes; stderr: Cannot read the '
            f'cache of {name_of(_BAD)}: The endpoint rejected the token…; '
            f'{_LOGINS.format(1, 1)}; changes received: {received}',
        )


@dataclasses.dataclass(frozen=True)
class _Case:
    """A command whose token is revoked, and a fault of Keystone.

    :ivar fault: the fault of Keystone in words
    :ivar delay: seconds of Keystone's responses; None for closed connections
    :ivar passwords: the number of requests with the password
    :ivar checks: the number of requests about the token
    :ivar until: seconds after the revocation at which Keystone is healthy
    """

    fault: str
    delay: float | None
    command: tuple[str, ...]
    expected: str
    passwords: int = 2
    checks: str = '1'
    until: float = PATIENCE

    @property
    def in_wait(self) -> bool:
        """Whether the token is revoked during the wait, not before it."""
        return '--wait' in self.command


_NEVER = 'Keystone does not respond'
_RESTARTS = f'Keystone restarts, which takes {_AWAY:.0f} seconds'
_LOOK_UP = '; stderr: Cannot look up images …: The token was rejected …'
_CASES = (
    *(
        _Case(fault, delay, command, _DONE)
        for fault, delay in (
            ('Keystone is healthy', 0.0),
            (f'Keystone takes {_SLOW:.0f} seconds for each request', _SLOW),
        )
        for command in (_LIST, QUEUE, _WAIT)
    ),
    *(
        _Case(_NEVER, PATIENCE, (*command, *_IMPATIENT), expected, 1)
        for command, expected in (
            (_LIST, _FAILED),
            (QUEUE, _FAILED + _LOOK_UP),
        )
    ),
    # Nodes whose responses arrive after a failed check start another one.
    _Case(_RESTARTS, None, _LIST, _FAILED, 1, _FEW),
    _Case(_RESTARTS, None, _WAIT, _DONE, 2, _FEW, _AWAY),
)


def _revoked(nodes: Crowd, relay: Relay, case: _Case) -> Row:
    nodes.set_up()
    relay.reset()
    revoked, ended = [0.0], threading.Event()

    def revoke() -> None:
        nodes.fleet.revoke()
        revoked[0] = time.monotonic()

    def fault(request: Request, forward: Callable[[], bytes]) -> bytes | Cut:
        if not revoked[0]:
            answer = forward()
            if request.method == 'POST' and not case.in_wait:
                revoke()
            return answer
        if time.monotonic() - revoked[0] < case.until and (
            case.delay is None or ended.wait(case.delay)
        ):
            return Cut()
        return forward()

    relay.fault = fault
    began = time.monotonic()
    with nodes.started(*case.command) as process:
        if case.in_wait:
            # A change that a node rejects is sent again, with a new token.
            polling.until(lambda: nodes.received() == _ONCE, PATIENCE)
            revoke()
        result = describe(shell.ended(process))
    seconds = time.monotonic() - began
    ended.set()
    methods = [
        one.method for one in relay.requests if one.path.endswith('/tokens')
    ]
    sent, checked = methods.count('POST'), str(methods.count('GET'))
    if case.checks == _FEW and int(checked) < NODES:
        checked = _FEW
    when = 'during the wait' if case.in_wait else 'after the login'
    late = f'; after {seconds:.0f} s' if seconds > _SOON else ''
    changes = QUEUE[0] in case.command and case.expected == _DONE
    return Row(
        f'the token of {NODES} nodes is revoked {when}; {case.fault}',
        ' '.join(case.command),
        f'{result}{late}; {_LOGINS.format(sent, checked)}; {nodes.received()}',
        f'{case.expected}; {_LOGINS.format(case.passwords, case.checks)}; '
        f'{_ONCE if changes else "changes received: none"}',
    )
