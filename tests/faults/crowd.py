# SPDX-License-Identifier: Apache-2.0

"""Commands on hundreds of simulated nodes, and a short form of the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import json
from pathlib import Path
import re

from tests import shell
from tests.faults.stage import PATIENCE
from tests.shell import Result
from tests.simulated import Settings
from tests.simulated import SimulatedFleet

NODES = 100
#: An image that all nodes have cached, and one that no node has.
HELD, NEW = 'image-0001', 'image-0002'
QUEUE = ('queue', NEW, '--all-nodes')
_NAME = re.compile(r'\bedge-\d{4}\b')
_URL = re.compile(r' \(https?://[^ )]+\)')
_PORT = re.compile(r'(?<=\d:)\d{4,5}\b')
_REQUEST_ID = re.compile(r'req-[0-9a-f-]{36}')
#: Maximum number of different messages in a row.
_MESSAGES = 5


class Crowd:
    """Simulated nodes that hold one image each, and commands on them.

    :param home: an empty directory
    """

    def __init__(self, fleet: SimulatedFleet, home: Path) -> None:
        self.fleet = fleet
        self.home = home
        self.environment = fleet.shell(home)
        self.program: Sequence[str] = (str(shell.OPENSTACK),)
        self.set_up()

    def set_up(self) -> None:
        """Remove all faults; each node has one cached image."""
        nodes = range(len(self.fleet.nodes))
        held = [one for one, name in self.fleet.images.items() if name == HELD]
        self.fleet.set_fault(nodes, None)
        self.fleet.set_cache(nodes, cached=held)
        self.fleet.reset_requests()

    def name_nodes(
        self,
        nodes: Mapping[str, str] | int | None = None,
        auth_url: str | None = None,
    ) -> None:
        """Write clouds.yaml with other nodes, or another Keystone."""
        path = self.home / 'clouds.yaml'
        self.fleet.clouds_yaml(path, nodes)
        if auth_url:
            text = path.read_text().replace(self.fleet.auth_url, auth_url)
            path.write_text(text)

    def started(
        self, *argv: str
    ) -> contextlib.AbstractContextManager[shell.Program]:
        """A running `openstack image cache …`, with rows as JSON."""
        command = (*self.program, 'image', 'cache', *argv)
        if argv[0] not in ('metrics', 'report'):
            command += ('-f', 'json')
        return shell.started(
            *command,
            environment=self.environment,
            folder=self.home,
            timeout=PATIENCE,
        )

    def run(self, *argv: str) -> Result:
        """Run `openstack image cache …` to its end."""
        with self.started(*argv) as process:
            return shell.ended(process)

    def received(self, change: str = 'PUT') -> str:
        """How often nodes received a change: `100 nodes received it once`.

        :param change: the method
        """
        times = Counter(
            sum(n for what, n in counts.items() if what.startswith(change))
            for name, counts in self.fleet.requests().items()
            if name not in ('central', 'keystone')
        )
        del times[0]
        return 'changes received: ' + (
            ', '.join(
                f'{count} on {nodes} nodes'
                for count, nodes in sorted(times.items())
            )
            or 'none'
        )

    def logins(self) -> str:
        """The requests to Keystone."""
        counts = self.fleet.requests()['keystone']
        sent, checked = (
            counts.get(f'{method} /v3/auth/tokens', 0)
            for method in ('POST', 'GET')
        )
        return f'passwords sent: {sent}, tokens checked: {checked}'


@contextlib.contextmanager
def crowd(home: Path, settings: Settings | None = None) -> Iterator[Crowd]:
    """A running fleet of 100 nodes, or of other settings."""
    with SimulatedFleet(settings or Settings(nodes=NODES)) as fleet:
        yield Crowd(fleet, home)


def describe(done: Result) -> str:
    """The result of a command, without URLs and request IDs.

    `exit 1; rows of 99 nodes; stderr: Cannot …`. Messages that differ only in
    the name of a node are one: `stderr: on 99 nodes: Cannot …`.
    """
    parts = [f'exit {done.code}']
    try:
        rows = json.loads(done.out or '[]')
    except ValueError:
        parts.append(f'output: {done.out[:200]!r}')
    else:
        parts.append(f'rows of {len({row["Node"] for row in rows})} nodes')
    by_text: dict[str, list[str]] = {}
    for line in filter(str.strip, done.err.splitlines()):
        text = _REQUEST_ID.sub('req-…', _PORT.sub('PORT', _URL.sub('', line)))
        by_text.setdefault(_NAME.sub('<node>', text), []).append(text)
    for text, lines in [*by_text.items()][:_MESSAGES]:
        many = len(lines) > 1
        parts.append(
            f'stderr: on {len(lines)} nodes: {text}'
            if many
            else f'stderr: {lines[0]}'
        )
    if len(by_text) > _MESSAGES:
        parts.append(f'{len(by_text) - _MESSAGES} more messages')
    return '; '.join(parts)
