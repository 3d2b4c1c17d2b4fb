# SPDX-License-Identifier: Apache-2.0

"""The clock of this machine is set during a wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import sys
import time

from tests.faults import shifted_clock
from tests.faults.crowd import Crowd
from tests.faults.crowd import crowd
from tests.faults.crowd import describe
from tests.faults.crowd import NODES
from tests.faults.crowd import QUEUE
from tests.faults.stage import PATIENCE
from tests.faults.table import Row
from tests.shell import ended
from tests.simulated import Settings

_DAY = 86400
#: Seconds of a fill, and of the limits of a wait for a fill that never ends.
_FILL = 3.0
_LIMIT = 5
#: Maximum seconds after the limit.
_LATE = 4.0
_LINE = f'stderr: on {NODES} nodes: '
#: The options of a wait, and the messages if no fill ends.
_WAITS = {
    (): '',
    ('--timeout', str(_LIMIT)): f'{_LINE}Not cached on <node>: …',
    ('--stall-after', str(_LIMIT)): (
        f'{_LINE}Stalled: …; {_LINE}Not cached on <node>: …'
    ),
}


def rows(home: Path) -> Iterator[Row]:
    """One day back and forth; limits must follow the monotonic clock."""
    with crowd(home, Settings(nodes=NODES)) as nodes:
        for shift, words in ((-_DAY, 'back'), (_DAY, 'forward')):
            for options, messages in _WAITS.items():
                nodes.fleet.set_fill(None if options else _FILL)
                yield _row(nodes, shift, words, options, messages)


def _row(
    nodes: Crowd,
    shift: int,
    words: str,
    options: tuple[str, ...],
    messages: str,
) -> Row:
    nodes.set_up()
    file = nodes.home / 'shifted'
    file.unlink(missing_ok=True)
    script = (str(shifted_clock.__file__), str(file), str(shift))
    nodes.program = (sys.executable, '-P', *script)
    command = (*QUEUE, '--wait', *options)
    with nodes.started(*command) as process:
        nodes.fleet.await_requests(2 * NODES, PATIENCE)
        began = time.monotonic()
        file.touch()
        result = describe(ended(process))
    seconds = time.monotonic() - began
    # The wait began shortly before the clock was set.
    length = _LIMIT if options else _FILL
    late = not length - 1 < seconds < length + _LATE
    noticed = int(file.read_text() or 0) > 0
    return Row(
        f'the clock of this machine is set one day {words} during the wait',
        ' '.join(command),
        f'{result}; {"ended late or early" if late else "ended in time"}; the '
        f'clock was {"" if noticed else "NOT "}read afterwards',
        (
            f'exit 1; rows of {NODES} nodes; {messages}'
            if messages
            else f'exit 0; rows of {NODES} nodes'
        )
        + '; ended in time; the clock was read afterwards',
    )
