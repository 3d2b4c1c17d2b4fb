# SPDX-License-Identifier: Apache-2.0

"""The cloud of the transcripts, and the actions on it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
import functools
import os
from pathlib import Path
import re
import shlex
import shutil
import sys

from tests import cloud as clouds
from tests import shell
from tests.cloud.cache import damage
from tests.shell import Result

_PROGRAMS = Path(sys.executable).parent
_NODES = ('edge-oslo', 'edge-bergen', 'edge-tromso')
#: Name, bytes, tags.
_IMAGES: tuple[tuple[str, int, list[str]], ...] = (
    ('cirros-0.6', 21_000_000, ['golden']),
    ('debian-13', 150_000_000, ['golden']),
    ('ubuntu-24.04', 300_000_000, []),
)
_PATIENCE = 120.0
#: Characters with which a line is more than one plain command.
_FOR_A_SHELL = re.compile('[|&;<>$`]')


class Scene:
    """Three nodes, three images; two of them are tagged golden.

    The actions: `kill NODE`, `start NODE`, `cached NODE IMAGE…`,
    `queued NODE IMAGE`, `settled` (no image is queued), `orphan NODE NAME` (an
    image that is cached and then deleted), `copied IMAGE STORE`, `file NAME
    LINE…`. `corrupted`, `truncated` and `removed NODE IMAGE` change the cached
    file of the node. A command with `needs PROGRAM` runs only if the program is
    installed.

    :param nodes: three nodes with caches; the first is the image endpoint in
        the catalogue
    """

    def __init__(
        self,
        cloud: clouds.Cloud,
        folder: Path,
        nodes: Sequence[clouds.GlanceNode],
    ) -> None:
        self._folder = folder
        self._cloud = cloud
        self._nodes = dict(zip(_NODES, nodes, strict=True))
        self._url = nodes[0].url
        self._down: set[str] = set()
        self._make = clouds.Images(self._url, cloud.token())
        self._images = {
            name: self._make(name, size, tags=tags)
            for name, size, tags in _IMAGES
        }
        settings = folder / 'clouds.yaml'
        cloud.clouds_yaml(
            settings, {name: one.url for name, one in self._nodes.items()}
        )
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(('OS_', 'PYTHON'))
        } | {
            'HOME': str(folder),
            'LANG': 'C.UTF-8',
            'OS_CLIENT_CONFIG_FILE': str(settings),
            'OS_CLOUD': 'demo-cloud',
            'PATH': f'{_PROGRAMS}{os.pathsep}{os.environ["PATH"]}',
        }

    def reset(self) -> None:
        """Start all nodes, and clear all caches."""
        self.missing = set[str]()
        for name in list(self._down):
            self.act(f'start {name}')
        for name in self._nodes:
            self._cache(name).clear()

    def close(self) -> None:
        """Start all nodes, and delete all images."""
        self.reset()
        self._make.delete_all()

    def run(self, command: str) -> list[str]:
        """Run a command; returns both output streams, and the exit code.

        A plain `openstack` command runs in this process, because loading
        OpenStackClient takes a second. A shell runs all other commands.
        """
        program, *arguments = shlex.split(command)
        if program == 'openstack' and not _FOR_A_SHELL.search(command):
            run: Callable[..., Result] = functools.partial(
                shell.run_here, merged=True
            )
        else:
            run = shell.run_program
            arguments = ['/bin/sh', '-c', f'exec 2>&1; {command}']
        done = run(
            *arguments,
            environment=self._environment,
            folder=self._folder,
            timeout=_PATIENCE,
        )
        lines = done.out.splitlines()
        if done.code:
            lines.append(f'(exit code {done.code})')
        while lines and not lines[-1].strip():
            lines.pop()
        return lines

    def act(self, action: str) -> bool:
        """Perform an action; returns whether the command can run."""
        verb, *words = action.split()
        if verb == 'needs':
            missing = shutil.which(words[0]) is None
            self.missing |= set(words) if missing else set()
            return not missing
        getattr(self, f'_{verb}')(*words)
        return True

    def _kill(self, name: str) -> None:
        self._nodes[name].kill()
        self._down.add(name)

    def _start(self, name: str) -> None:
        self._nodes[name].start()
        self._down.discard(name)

    def _cached(self, name: str, *images: str) -> None:
        self._cache(name).fill(*(self._images[image] for image in images))

    def _queued(self, name: str, image: str) -> None:
        # No process fills the images that the middleware queues.
        self._cache(name).queue_only(self._images[image])

    def _settled(self, *names: str) -> None:
        for name in names or set(self._nodes) - self._down:
            self._cache(name).settle()

    def _orphan(self, name: str, image: str) -> None:
        token = self._cloud.token()
        image_id = clouds.create_image(
            self._url, token, image, size=30_000_000
        )
        self._cache(name).fill(image_id)
        # Through another node: a node that deletes an image deletes its entry.
        other = next(one for one in self._nodes if one != name)
        clouds.delete_image(self._nodes[other].url, token, image_id)

    def _copied(self, image: str, store: str) -> None:
        clouds.copy_image(
            self._url, self._cloud.token(), self._images[image], store
        )

    def _corrupted(self, name: str, image: str) -> None:
        damage(self._cached_file(name, image))

    def _truncated(self, name: str, image: str) -> None:
        path = self._cached_file(name, image)
        os.truncate(path, path.stat().st_size // 2)

    def _removed(self, name: str, image: str) -> None:
        self._cached_file(name, image).unlink()

    def _cached_file(self, name: str, image: str) -> Path:
        return self._nodes[name].cache_dir / self._images[image]

    def _file(self, name: str, *lines: str) -> None:
        text = ''.join(f'{line}\n' for line in lines)
        (self._folder / name).write_text(text, encoding='utf-8')

    def _cache(self, name: str) -> clouds.Cache:
        return clouds.Cache(self._nodes[name], self._cloud.token())
