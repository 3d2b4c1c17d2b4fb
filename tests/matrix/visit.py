# SPDX-License-Identifier: Apache-2.0

"""Runs each command on one node."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import os
import pathlib
import sys
import threading
from typing import Any

from tests import cloud as clouds
from tests import shell
from tests.cloud import process
from tests.cloud import rest
from tests.cloud.cache import damage

COMMANDS = (
    'list',
    'queue',
    'delete',
    'clear',
    'coverage',
    'queue --wait',
    'sync --wait',
    'sync --check',
    'verify',
    'verify --repair',
    'node list',
    'node check',
    'clean',
    'prune',
)
_PROGRAMS = pathlib.Path(sys.executable).parent
_PATIENCE = 60.0
_POLL = 0.05
#: Bytes of an image.
SIZE = 1000
#: Parts of error messages, and their texts in the table.
_REPORTS = (
    ("The node's image cache is disabled. Set ", 'reports: cache is off'),
    ("Set 'image_cache_dir' and 'flavor = ", 'reports: middleware is off'),
    ("Run 'glance-cache-cleaner' on", 'reports: glance-cache-cleaner'),
    ("Run 'glance-cache-pruner' on", 'reports: glance-cache-pruner'),
)
_BY_HAND = "Images stay queued until 'glance-cache-prefetcher' runs on "


class Visitor:
    """An administrator who runs commands on one node.

    :param home: an empty directory for this administrator
    """

    def __init__(
        self, cloud: clouds.Cloud, node: clouds.GlanceNode, home: pathlib.Path
    ) -> None:
        self.node = node
        self.token = cloud.token()
        self.cache = clouds.Cache(node, self.token)
        self._home = home
        self.image = clouds.Images(node.url, self.token)
        self._environment = {
            'PATH': os.defpath,
            'LANG': 'C.UTF-8',
            'HOME': str(home),
            'XDG_CONFIG_HOME': str(home),
            'COLUMNS': '300',
            'PYTHONWARNINGS': 'ignore',
            **cloud.environment(),
            # All nodes of the cloud have the release of this node.
            'OS_IMAGE_ENDPOINT_OVERRIDE': node.url,
            'OS_IMAGE_URL': node.url,
        }

    def run(self, program: pathlib.Path | str, *argv: str) -> shell.Result:
        """Run a program; a name without a path is in the directory of Python."""
        return shell.run_program(
            _PROGRAMS / program,
            *argv,
            environment=self._environment,
            folder=self._home,
        )

    def openstack(self, *argv: str) -> shell.Result:
        """Run `openstack` in this process."""
        return shell.run_here(
            *argv, environment=self._environment, folder=self._home
        ).without_ids()

    def ours(self, *argv: str) -> shell.Result:
        """Run `openstack image cache …` with JSON output."""
        return self.openstack('image', 'cache', *argv, '-f', 'json')

    def rows(self, *argv: str) -> list[dict[str, Any]]:
        """The rows of `openstack image cache …`, without any message."""
        printed = self.ours(*argv)
        assert (printed.code, printed.err) == (0, '')
        return list(printed.rows)

    def ours_and_the_prefetcher(self, *argv: str) -> shell.Result:
        """The same, with an operator who runs the prefetcher on the node.

        The operator does so when an image is queued.
        """
        with self._operator_on_the_node():
            return self.ours(*argv)

    @contextlib.contextmanager
    def _operator_on_the_node(self) -> Iterator[None]:
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_POLL):
                if self.cache.queued:
                    self.prefetch()

        somebody = threading.Thread(target=watch)
        somebody.start()
        try:
            yield
        finally:
            over.set()
            somebody.join(_PATIENCE)

    def prefetch(self) -> None:
        """Run glance-cache-prefetcher, with a fix so that it starts."""
        printed = self.run(
            self.node.python,
            *process.script('prefetch.py'),
            *('--config-file', str(self.node.directory / 'glance-api.conf')),
        )
        assert printed.code == 0, printed

    def leave(self) -> None:
        """Delete the created images, and clear the cache."""
        self.empty()
        self.image.delete_all()

    def download(self, image_id: str) -> None:
        """Download an image, so that the node caches it."""
        self.cache.call('GET', f'/v2/images/{image_id}/file')

    def empty(self) -> None:
        """Clear the cache and its queue, if they exist."""
        try:
            self.cache.clear()
        except rest.RestError as error:
            # Without the middleware, there are no entries.
            if error.status != 404:
                raise


def visit(visitor: Visitor) -> dict[str, str]:
    """Run all commands on a node; returns the outcomes, by command.

    The images and the entries are deleted at the end.
    """
    cache = visitor.cache
    visitor.empty()
    # All nodes of a release share their images.
    names = f'one of {visitor.node.name}', f'other of {visitor.node.name}'
    one, other = map(visitor.image, names)
    visitor.download(one)
    found: dict[str, str] = {}

    def try_(
        command: str,
        argv: tuple[str, ...],
        good: Callable[[list[dict[str, Any]]], bool],
    ) -> None:
        ask = visitor.ours
        waits = command.endswith((' --wait', ' --repair'))
        if waits and 'prefetcher' in found['queue']:
            ask = visitor.ours_and_the_prefetcher
        printed = ask(*command.split(), *argv)
        found[command] = _words(printed, good)

    try_('list', (), lambda rows: _states(rows) == [(one, 'cached', SIZE)])
    try_(
        'coverage',
        names[:1],
        lambda rows: (
            [(row['ID'], row['Cached']) for row in rows] == [(one, 1)]
        ),
    )
    try_('node list', (), lambda rows: rows[0]['Cached'] == 1)
    try_(
        'queue',
        names,
        lambda rows: (
            [row['Result'] for row in rows] == ['already cached', 'queued']
            and (other in cache.queued or _arrives(cache, other))
        ),
    )
    if found['queue'] == 'works':
        # A download in progress would end after `clear`.
        cache.wait_for(other)
    try_('delete', names[:1], lambda _: one not in cache.cached)
    visitor.download(one)
    try_('clear', (), lambda _: not cache.cached and not cache.queued)
    try_(
        'queue --wait',
        names[:1],
        lambda rows: (
            [row['Result'] for row in rows] == ['cached']
            and cache.cached == {one}
        ),
    )
    try_(
        'sync --wait',
        names,
        lambda rows: (
            [row['Result'] for row in rows] == ['already cached', 'cached']
            and cache.cached == {one, other}
        ),
    )
    try_('sync --check', names, lambda rows: not rows)
    try_(
        'verify',
        names,
        lambda rows: [row['Result'] for row in rows] == ['ok', 'ok'],
    )
    if one in cache.cached:
        damage(cache.folder / one)
    try_(
        'verify --repair',
        ('--auto-approve', names[0]),
        lambda rows: [row['Result'] for row in rows] == ['repaired'],
    )
    try_(
        'node check',
        ('--probe-size', '1M', '--long'),
        lambda rows: (
            {'ok', 'unknown'} == {row['Result'] for row in rows}
            and ('serving', 'ok')
            in {(row['Check'], row['Result']) for row in rows}
        ),
    )
    try_('clean', (), lambda rows: rows[0]['Result'] == 'cleaned')
    try_('prune', (), lambda rows: rows[0]['Files'] == 0)
    visitor.leave()
    return found


def _arrives(cache: clouds.Cache, image_id: str) -> bool:
    """Wait for an image; returns whether it was cached in time."""
    try:
        cache.wait_for(image_id)
    except TimeoutError:
        return False
    return True


def _states(rows: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [(row['ID'], row['State'], row['Size']) for row in rows]


def _words(
    printed: shell.Result, good: Callable[[list[dict[str, Any]]], bool]
) -> str:
    if printed.code == 0 and good(printed.rows):
        if not printed.err:
            return 'works'
        if printed.err.startswith(_BY_HAND):
            return 'works, reports: glance-cache-prefetcher'
    for sentence, words in _REPORTS:
        if printed.code in (1, 3) and sentence in printed.err + printed.out:
            return words
    return f'NOT AS EXPECTED: {printed}'
