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

"""Ctrl-C at random moments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import json
import random
import signal
import threading
import time

from tests.faults.relay import Relay
from tests.faults.relay import Request
from tests.faults.stage import Done
from tests.faults.stage import ended
from tests.faults.stage import Stage
from tests.faults.table import Row

_SEED = 7
_COMMANDS = (
    ('list',),
    ('queue', 'alpha', '--all-nodes'),
    ('queue', 'alpha', '--wait', '--all-nodes'),
    ('sync', 'alpha', '--delete-others', '--auto-approve', '--all-nodes'),
    ('delete', 'alpha', '--auto-approve', '--all-nodes'),
)
_INTERRUPTED = 'Interrupted. Not asked for: '


def rows(stage: Stage, runs: int) -> Iterator[Row]:
    """A row a command.

    Before the first request Python and OpenStackClient load; how they take
    an interrupt is not ours to say. So moments are from the first request,
    which is Keystone's, to somewhat after the end.

    :param runs: how many in all
    """
    # Not for secrets: the same moments every time.
    chance = random.Random(_SEED)  # noqa: S311
    with Relay(stage.cloud.keystone.port.number) as keystone:
        for command in _COMMANDS:
            stage.name_nodes({}, f'{keystone.url}/v3')
            yield _row(stage, keystone, command, chance, runs)
    stage.name_nodes({})


def _row(
    stage: Stage,
    keystone: Relay,
    command: tuple[str, ...],
    chance: random.Random,
    runs: int,
) -> Row:
    # A machine that was busy just then would put moments past the end.
    whole = min(_run(stage, keystone, command, None)[0] for _ in range(3))
    each = max(runs // len(_COMMANDS), 1)
    verdicts: Counter[str] = Counter()
    for _ in range(each):
        moment = chance.uniform(0, 1.1 * whole)
        _seconds, done = _run(stage, keystone, command, moment)
        verdicts[_verdict(done)] += 1
    return Row(
        f'SIGINT, {each} times, each at a random moment',
        ' '.join(command),
        _counted(verdicts, sorted(verdicts)),
        _counted(verdicts, _ALLOWED),
    )


def _counted(verdicts: Counter[str], kinds: Iterable[str]) -> str:
    return '; '.join(
        f'{verdicts[kind]} {kind}' for kind in kinds if verdicts[kind]
    )


def _run(
    stage: Stage,
    keystone: Relay,
    command: tuple[str, ...],
    moment: float | None,
) -> tuple[float, Done]:
    """Run a command; returns its seconds from the first request on.

    :param moment: when it is interrupted, in seconds from the first request
    """
    stage.set_up(cached=('alpha',) if 'delete' in command else ('beta',))
    asked = threading.Event()

    def fault(_request: Request, forward: Callable[[], bytes]) -> bytes:
        asked.set()
        return forward()

    keystone.fault = fault
    argv = ('image', 'cache', *command, '-f', 'json')
    with stage.started(*argv) as process:
        asked.wait()
        began = time.monotonic()
        if moment is not None:
            time.sleep(moment)
            process.send_signal(signal.SIGINT)
        done = ended(process)
    return time.monotonic() - began, done


_FINISHED = 'finished, exit 0'
_ENDING = 'finished, and ended by the signal (in a shell: 130)'
_STOPPED = 'interrupted, exit 130'
#: In the order in which they are sorted.
_ALLOWED = (_ENDING, _FINISHED, _STOPPED)


def _verdict(done: Done) -> str:
    """How a run ended; any other words than those allowed are a fault."""
    lines = done.err.splitlines()
    if 'Traceback' in done.err:
        return f'with a traceback: {lines[-1]}'
    if done.code == 130 and (
        not lines or (len(lines) == 1 and lines[0].startswith(_INTERRUPTED))
    ):
        return _STOPPED
    if done.code == 0 and not lines:
        return _FINISHED
    if done.code == -signal.SIGINT and not lines and _is_whole(done.out):
        # Python gives the signal back to the system before it has shut down.
        return _ENDING
    return f'exit {done.code}, {lines}, {len(done.out)} characters'


def _is_whole(out: str) -> bool:
    """Whether all rows were written."""
    try:
        return isinstance(json.loads(out), list)
    except ValueError:
        return False
