# SPDX-License-Identifier: Apache-2.0

"""Names of nodes that fail, that hang, and whose address changes."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
import json
from pathlib import Path
import sys
from urllib.parse import urlsplit

from tests.benchmarks import slow_names
from tests.faults.crowd import Crowd
from tests.faults.crowd import crowd
from tests.faults.crowd import describe
from tests.faults.crowd import NODES
from tests.faults.crowd import QUEUE
from tests.faults.stage import PATIENCE
from tests.faults.table import Row
from tests.shell import ended
from tests.simulated import Fault
from tests.simulated import host_of
from tests.simulated import name_of
from tests.simulated import Settings

_MANY = 1000
_HANGING = range(500, 510)
_FAILING = 49
_TIMEOUT = ('--node-timeout', '4')
_FILL = 2.0


def rows(home: Path) -> Iterator[Row]:
    """With look-ups that a program in place of `openstack` answers."""
    with crowd(home, Settings(nodes=_MANY)) as nodes:
        yield _failing(nodes)
        yield _hanging(nodes)
    with crowd(home, Settings(nodes=NODES + 1, fill=_FILL)) as nodes:
        yield _moving(nodes)


def _name_nodes(
    nodes: Crowd, count: int, others: Mapping[int, str | list[str] | None]
) -> None:
    """Name the first nodes, and set the look-ups that have a fault."""
    table = {
        f'{name_of(at)}.test': others.get(at, host_of(at))
        for at in range(count)
    }
    path = nodes.home / 'names.json'
    path.write_text(json.dumps(table))
    script = (str(slow_names.__file__), str(path), '0')
    nodes.program = (sys.executable, '-P', *script)
    urls = list(nodes.fleet.nodes.items())[:count]
    port = urlsplit(urls[0][1]).port
    nodes.name_nodes({name: f'http://{name}.test:{port}' for name, _ in urls})


def _failing(nodes: Crowd) -> Row:
    _name_nodes(nodes, NODES, {_FAILING: ''})
    return Row(
        f'the name of one of {NODES} nodes is unknown',
        'list',
        describe(nodes.run('list')),
        f'exit 1; rows of {NODES - 1} nodes; stderr: Cannot read the cache '
        f'of {name_of(_FAILING)}: Cannot resolve the host name…',
    )


def _hanging(nodes: Crowd) -> Row:
    _name_nodes(nodes, _MANY, dict.fromkeys(_HANGING))
    return Row(
        f'the look-ups of {len(_HANGING)} of {_MANY} names do not end',
        ' '.join(('list', *_TIMEOUT)),
        describe(nodes.run('list', *_TIMEOUT)),
        f'exit 1; rows of {_MANY - len(_HANGING)} nodes; stderr: on '
        f'{len(_HANGING)} nodes: Cannot read the cache of <node>: '
        "'<node>.test' was not resolved within 4 seconds…",
    )


def _moving(nodes: Crowd) -> Row:
    """The first node moves to the address of the last one, with no image."""
    old, new = 0, NODES
    _name_nodes(nodes, NODES, {old: [host_of(old), host_of(new)]})
    with nodes.started(*QUEUE, '--wait') as process:
        nodes.fleet.await_requests(2 * NODES, PATIENCE)
        nodes.fleet.set_fault([old], Fault.REFUSED)
        result = describe(ended(process))
    counts = nodes.fleet.requests()[name_of(new)]
    arrived = sum(n for what, n in counts.items() if what.startswith('PUT'))
    return Row(
        f'one of {NODES} nodes moves to another address during the wait: the '
        'old address refuses connections, the new one is in the DNS',
        ' '.join((*QUEUE, '--wait')),
        f'{result}; changes received at the new address: {arrived}',
        f'exit 0; rows of {NODES} nodes; changes received at the new address: '
        '1',
    )
