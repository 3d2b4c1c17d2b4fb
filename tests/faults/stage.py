# SPDX-License-Identifier: Apache-2.0

"""The cloud with faults, and the `openstack` commands that use it."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
import re
from typing import TYPE_CHECKING

from tests import cloud as clouds
from tests import shell
from tests.relay import Relay
from tests.shell import Result

if TYPE_CHECKING:
    from typing import Self

OSLO = 'edge-oslo'
BERGEN = 'edge-bergen'
#: Maximum seconds for any step.
PATIENCE = 120.0
_ID = re.compile(r'\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b')
_URL = re.compile(r' \(https?://[^ )]+\)')


class Stage:
    """Two nodes with caches, and a relay in front of edge-bergen.

    :param cloud: a running cloud; the first two nodes are used
    :param home: an empty directory, for clouds.yaml
    :ivar relay: the relay in front of edge-bergen
    :ivar images: IDs by name, of the images that `image` has created
    """

    def __init__(self, cloud: clouds.Cloud, home: Path) -> None:
        self.cloud = cloud
        self.oslo, self.bergen = cloud.glance[:2]
        self.relay = Relay(self.bergen.port.number)
        self.images: dict[str, str] = {}
        self._home = home
        self.name_nodes({})

    def __enter__(self) -> Self:
        self.relay.__enter__()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.set_up()
            for made in self.images.values():
                clouds.delete_image(self.oslo.url, self.cloud.token(), made)
        self.relay.__exit__(None, None, None)

    def name_nodes(self, others: dict[str, str]) -> None:
        """Write clouds.yaml with other endpoints.

        :param others: endpoints by name; empty for the two nodes
        """
        path = self._home / 'clouds.yaml'
        nodes = others or {OSLO: self.oslo.url, BERGEN: self.relay.url}
        self.cloud.clouds_yaml(path, nodes)

    def set_up(self, *, cached: tuple[str, ...] = ()) -> None:
        """Start both nodes, remove the fault, and set the caches."""
        self.relay.reset()
        for node in (self.oslo, self.bergen):
            if not node.process.runs():
                node.start()
            cache = self.cache_of(node)
            cache.clear()
            cache.fill(*map(self.image, cached))

    def image(self, name: str, size: int = 1000) -> str:
        """Create the image with this name if necessary; returns its ID."""
        if name not in self.images:
            self.images[name] = clouds.create_image(
                self.oslo.url, self.cloud.token(), name, size=size
            )
        return self.images[name]

    def cache_of(self, node: clouds.GlanceNode) -> clouds.Cache:
        """The cache of a node, with a new token."""
        return clouds.Cache(node, self.cloud.token())

    def holds(self, node: clouds.GlanceNode) -> list[str]:
        """The actual entries of a node, sorted: `alpha cached`."""
        cached, queued = self.cache_of(node).listed()
        return sorted(
            [f'{self.nameless(one)} cached' for one in cached]
            + [f'{self.nameless(one)} queued' for one in queued]
        )

    def environment(self) -> dict[str, str]:
        """A minimal environment, without PYTHON…, OS_… and …_proxy."""
        return {
            'PATH': os.defpath,
            'HOME': str(self._home),
            'LANG': 'C.UTF-8',
            'COLUMNS': '300',
            'OS_CLOUD': 'demo-cloud',
            'OS_CLIENT_CONFIG_FILE': str(self._home / 'clouds.yaml'),
        }

    def started(
        self, *argv: str
    ) -> contextlib.AbstractContextManager[shell.Program]:
        """A running `openstack …`, killed at the end of the block."""
        return shell.started(
            shell.OPENSTACK,
            *argv,
            environment=self.environment(),
            folder=self._home,
            timeout=PATIENCE,
        )

    def run(self, *argv: str) -> Result:
        """Run `openstack` to its end."""
        with self.started(*argv) as process:
            return shell.ended(process)

    def cache(self, *argv: str) -> Result:
        """Run `openstack image cache …`, with rows as JSON."""
        return self.run('image', 'cache', *argv, '-f', 'json')

    def describe(self, done: Result) -> str:
        """The result of a command, with names for IDs and without URLs.

        `exit 1; alpha queued edge-oslo; stderr: Cannot …`
        """
        parts = [f'exit {done.code}', *_rows(done.out)]
        parts += [
            f'stderr: {self.nameless(line)}' for line in _lines(done.err)
        ]
        return '; '.join(parts)

    def nameless(self, text: str) -> str:
        """A text with names in place of IDs, and without URLs."""
        names = {made: name for name, made in self.images.items()}
        text = _URL.sub('', text)
        for made, name in names.items():
            text = text.replace(f'{name} ({made})', name)
        return _ID.sub(lambda found: names.get(found[0], '<id>'), text)


def _rows(out: str) -> list[str]:
    """The rows as `alpha queued edge-oslo`, in their order."""
    try:
        rows = json.loads(out or '[]')
    except ValueError:
        return [f'output: {out[:200]!r}']
    words = []
    for row in rows:
        what = row.get('Result') or row.get('Action') or row.get('State')
        if what is None and 'Cached' in row:
            what = f'{row["Cached"]} cached'
        fields = filter(None, [row.get('Name'), what, row.get('Node')])
        words.append(' '.join(fields))
    return words


def _lines(err: str) -> list[str]:
    return [line for line in err.splitlines() if line.strip()]
