# SPDX-License-Identifier: Apache-2.0

"""Every `openstack image cache` line in the manual and in help works.

The lines run against a real cloud whose `clouds.yaml` names nodes.
"""

from collections.abc import Iterator
import dataclasses
import itertools
import json
import os
import pathlib
import re
import shlex
import signal
import socket
from typing import Any
import urllib.parse

import pytest

from tests import cloud as clouds
from tests import shell
from tests.cloud import Cache
from tests.functional import lines
from tests.functional.lines import Found
from tests.functional.lines import Kind

#: The cloud that the manual logs in to.
CLOUD = 'mycloud'
#: Names and tags; the first images are on most nodes.
IMAGES: tuple[tuple[str, list[str]], ...] = (
    ('ubuntu-24.04', []),
    ('debian-13', ['golden']),
    ('cirros-0.6', ['golden']),
    ('old-image', []),
    ('fedora-42', []),
)
#: How many of the images each node holds. They differ because `node check`
#: warns of nodes with equal lists.
HELD = (5, 4, 3)
#: Names of nodes, and their sites.
NODES = (
    ('edge-oslo', 'oslo'),
    ('edge-bergen', 'bergen'),
    ('edge-narvik', 'north-1'),
)
#: Names of node sets, and their sites. All their endpoints lead to the third
#: node. They are in maintenance, so that `--all-nodes` skips them: if a node is
#: sent two requests to queue the same image, its cache thread can end.
NODE_SETS = (('oslo-[1-3]', 'oslo'), ('edge-[001-020]', 'north-2'))
POLICY = """\
version: 1
sets:
  base: {tags: [golden]}
  all: {images: [ubuntu-24.04, 'deb*', cirros-0.6]}
sites:
  - match: ['*']
    sets: [base]
  - match: [oslo]
    sets: [all]
    delete_others: true
"""
LIST = 'cirros-0.6\ndebian-13\n'
#: Files that the lines read.
FILES = {
    'golden.txt': LIST,
    'images.txt': LIST,
    'queued.txt': LIST,
    'policy.yaml': POLICY,
    'image-sites.yaml': POLICY,
    'etc/golden.txt': LIST,
    'etc/glance-cache/image-sites.yaml': POLICY,
}
#: Folders that the lines write to.
FOLDERS = ('var/lib/node_exporter/textfile', 'var/log')
#: Absolute paths, which become paths in the working directory.
_PATH = re.compile(r'(^|=)/((?:etc|var)/)')
#: The store of this cloud that stands for all stores in the lines.
STORE = 'cheap'
#: Endpoints of the manual, which become that of the first node.
_ADDRESS = re.compile(r'http://10\.\d+\.\d+\.\d+:9292$')

#: Commands that start with empty caches; all others start with full ones.
FILLS = ('image cache queue', 'image cache sync')
#: Commands that only Ctrl-C ends.
ENDLESS = ('image cache watch',)
#: Exit codes other than 0, by command and option.
CODES = {
    # The caches are empty, so images are missing.
    ('image cache sync', '--check'): 3,
}
#: Examples that other tests run.
ELSEWHERE = {'warm-edges.yaml': 'test_ansible.py'}


class World:
    """A cloud whose clouds.yaml names three real nodes, and node sets.

    :ivar folder: the working directory of all lines
    """

    def __init__(
        self,
        cloud: clouds.Cloud,
        nodes: list[clouds.GlanceNode],
        folder: pathlib.Path,
    ) -> None:
        self.folder = folder
        self._cloud = cloud
        self._token = cloud.token()
        self._caches = [Cache(one, self._token) for one in nodes]
        self._url = nodes[0].url
        self._make = clouds.Images(self._url, self._token)
        self._images = {
            name: self._make(name, tags=tags) for name, tags in IMAGES
        }
        for name, text in FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for one in FOLDERS:
            (folder / one).mkdir(parents=True)
        self._write_clouds_yaml()
        programs = shell.OPENSTACK.parent
        self.environment = {
            **clouds.without_login(),
            'HOME': str(folder),
            'XDG_CONFIG_HOME': str(folder),
            'OS_CLOUD': CLOUD,
            'PATH': f'{programs}{os.pathsep}{os.environ["PATH"]}',
        }

    def _write_clouds_yaml(self) -> None:
        path = self.folder / 'clouds.yaml'
        self._cloud.clouds_yaml(path)
        port = urllib.parse.urlsplit(self._caches[-1].url).port
        items: list[dict[str, Any]] = [
            {'name': name, 'site': site, 'endpoint': cache.url}
            for (name, site), cache in zip(NODES, self._caches, strict=True)
        ] + [
            {
                'name': name,
                'site': site,
                'endpoint': f'http://{name}.example.net:{port}',
                'maintenance': True,
            }
            for name, site in NODE_SETS
        ]
        text = path.read_text().replace('demo-cloud', CLOUD)
        path.write_text(f'{text}    image_cache_nodes: {json.dumps(items)}\n')

    def close(self) -> None:
        """Delete all entries and images."""
        for cache in self._caches:
            cache.clear()
        self._make.delete_all()

    def prepare(self, found: Found) -> None:
        """Fill or empty the caches; copy images to the store of --store."""
        is_empty = found.kind is Kind.SCRIPT or found.command in FILLS
        ids = list(self._images.values())
        for at, cache in enumerate(self._caches):
            # The third node stands for the node sets, too.
            if is_empty and at < 2:
                cache.clear()
            elif missing := [
                one for one in ids[: HELD[at]] if one not in cache.cached
            ]:
                cache.fill(*missing)
        if '--store' in found.words:
            for name in self._images.keys() & set(found.words):
                image_id = self._images[name]
                clouds.copy_image(self._url, self._token, image_id, STORE)

    def settle(self) -> None:
        """Wait until nothing is queued: a fill cannot be cancelled."""
        for cache in self._caches:
            cache.settle()

    def here(self, words: tuple[str, ...]) -> list[str]:
        """The words with paths, endpoints and stores that exist."""
        return [
            STORE
            if before == '--store'
            else _ADDRESS.sub(
                self._url, _PATH.sub(rf'\1{self.folder}/\2', word)
            )
            for before, word in itertools.pairwise(('', *words))
        ]

    def run(self, found: Found) -> shell.Result:
        """Run a line in this process; scripts and endless commands outside."""
        words = self.here(found.words)
        if found.kind is Kind.SCRIPT:
            return shell.run_program(
                *('/bin/sh', '-c', found.words[0]),
                environment=self.environment,
                folder=self.folder,
            )
        if found.command in ENDLESS:
            return self._interrupt(words)
        return shell.run_here(
            *words, environment=self.environment, folder=self.folder
        )

    def _interrupt(self, words: list[str]) -> shell.Result:
        """Run a program, and interrupt it after its first line of output."""
        with shell.started(
            *(str(shell.OPENSTACK), *words),
            environment=self.environment,
            folder=self.folder,
        ) as process:
            assert process.stdout
            first = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            result = shell.ended(process)
        assert first or result.code, 'It printed nothing.'
        return dataclasses.replace(result, out=first + result.out)


@pytest.fixture(scope='module')
def world(
    cloud: clouds.Cloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        """Resolve all hosts of the examples to this machine."""
        if str(host).endswith('.example.net'):
            host = '127.0.0.1'
        return real(host, *args, **kwargs)

    nodes = [*cloud.glance[:2], *cloud.add(clouds.GlanceOptions())]
    world = World(cloud, nodes, tmp_path_factory.mktemp('lines'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, 'getaddrinfo', getaddrinfo)
        yield world
    world.close()


@pytest.mark.parametrize(
    'found', lines.to_run().values(), ids=lambda one: one.where
)
def test_a_shown_line_works(world: World, found: Found) -> None:
    world.prepare(found)

    result = world.run(found)

    world.settle()
    code = next(
        (
            code
            for (command, option), code in CODES.items()
            if command == found.command and option in found.words
        ),
        0,
    )
    shown = f'{found.where}: openstack {shlex.join(found.words)}\n{result.err}'
    assert result.code == code, shown
    assert 'Traceback' not in result.out + result.err
