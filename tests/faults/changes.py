# SPDX-License-Identifier: Apache-2.0

"""Nodes that make a change, and close the connection without a response."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.faults.crowd import crowd
from tests.faults.crowd import describe
from tests.faults.crowd import HELD
from tests.faults.crowd import NODES
from tests.faults.crowd import QUEUE
from tests.faults.table import Row
from tests.simulated import Fault

_ONCE = f'changes received: 1 on {NODES} nodes'
_LOST = 'The connection broke: … may have succeeded…'
_COMMANDS = (
    (QUEUE, 'PUT', f'stderr: on {NODES} nodes: Cannot queue …{_LOST}'),
    ((*QUEUE, '--wait'), 'PUT', ''),
    (
        ('delete', HELD, '--all-nodes', '--auto-approve'),
        'DELETE',
        f'stderr: on {NODES} nodes: Cannot delete …{_LOST}',
    ),
)


def rows(home: Path) -> Iterator[Row]:
    """A repeated request would arrive twice.

    libcurl repeats a request without reporting it, if it was sent on a
    connection that earlier requests had used.
    """
    with crowd(home) as nodes:
        for command, method, message in _COMMANDS:
            nodes.set_up()
            nodes.fleet.set_fault(range(NODES), Fault.LOSES_ANSWERS)
            done = nodes.run(*command)
            yield Row(
                f'{NODES} nodes make each change, and close the connection '
                'without a response',
                ' '.join(command),
                f'{describe(done)}; {nodes.received(method)}',
                f'exit 1; rows of 0 nodes; {message}; {_ONCE}'
                if message
                else f'exit 0; rows of {NODES} nodes; {_ONCE}',
            )
