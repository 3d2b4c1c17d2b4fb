# SPDX-License-Identifier: Apache-2.0

"""The procedures of the manual, run command by command."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import os
import pathlib
import re
import shlex

import pytest

from tests import cloud as clouds
from tests import shell
from tests.cloud import Cache
from tests.cloud import Images
from tests.polling import until
from tests.shell import Result

_PAGES = pathlib.Path(__file__).parents[2] / 'doc/source/operations'
#: Commands of other services, and those that run until Ctrl-C, are left out.
_COMMAND = re.compile(
    r'^ +(openstack image (?:cache (?!watch)|delete --store).*)$', re.MULTILINE
)
CACHE = 'openstack image cache'
POLICY = """\
version: 1
sets:
  base: {images: [ubuntu-24.04]}
sites:
  - match: ['*']
    sets: [base]
"""


def commands(page: str, *, after: str = '') -> Iterator[str]:
    """The commands of a page, or of a section of it, that can be run."""
    text = (_PAGES / page).read_text(encoding='utf-8')
    section = text.partition(f'\n{after}\n')[2] if after else text
    yield from _COMMAND.findall(section)


class Site:
    """Two sites of one node each; the node of Oslo can be restarted."""

    def __init__(
        self,
        cloud: clouds.Cloud,
        caches: list[Cache],
        environment: dict[str, str],
        folder: pathlib.Path,
    ) -> None:
        self.node = cloud.glance[1]
        self.bergen, self.oslo = caches
        self._cloud = cloud
        self._environment = {**environment, 'OS_CLOUD': 'demo-cloud'}
        self._folder = folder
        (folder / 'image-sites.yaml').write_text(POLICY)
        self.write()

    def write(self, *, maintenance: bool = False) -> None:
        """Write clouds.yaml, with Oslo in maintenance or not."""
        path = self._folder / 'clouds.yaml'
        self._cloud.clouds_yaml(
            path,
            {'edge-oslo': self.oslo.url, 'edge-bergen': self.bergen.url},
            sites={'edge-oslo': 'oslo', 'edge-bergen': 'bergen'},
        )
        if maintenance:
            site = '        site: "oslo"\n'
            text = path.read_text().replace(
                site, f'{site}        maintenance: true\n'
            )
            assert 'maintenance' in text
            path.write_text(text)

    def run(self, command: str) -> Result:
        """Run a command as a shell does, with `> file` at its end."""
        words = shlex.split(command)
        target = ''
        if '>' in words:
            target = words[-1]
            words = words[:-2]
        result = shell.run_here(
            *words[1:], environment=self._environment, folder=self._folder
        )
        if target:
            (self._folder / target).write_text(result.out)
        return result

    @contextlib.contextmanager
    def filling(self, image: str) -> Iterator[None]:
        """Let the node of Oslo begin a fill that ends with the block."""
        (stored,) = self._cloud.directory.glob(f'stores/*/{image}')
        data = stored.rename(stored.with_suffix('.data'))
        os.mkfifo(stored)
        # Opened for reading too, so that opening it does not wait.
        pipe = os.open(stored, os.O_RDWR)
        try:
            self.oslo.queue(image)
            until((self.node.cache_dir / 'incomplete' / image).exists)
            yield
        finally:
            content = data.read_bytes()
            data.rename(stored)
            os.write(pipe, content)
            os.close(pipe)


@pytest.fixture
def site(
    cloud: clouds.Cloud,
    caches: list[Cache],
    environment: Callable[[str], dict[str, str]],
    tmp_path: pathlib.Path,
) -> Site:
    """Two sites with empty caches, and a policy."""
    return Site(cloud, caches, environment('admin'), tmp_path)


def test_a_restart_forgets_queue_requests(site: Site, images: Images) -> None:
    """Only `queue --force` completes them. Cached images stay."""
    kept, first, second = map(images, ('cirros', 'ubuntu-24.04', 'debian-13'))
    site.oslo.fill(kept)
    with site.filling(first):
        site.oslo.queue(second)
        site.node.stop()
    site.node.start()

    names = 'ubuntu-24.04 debian-13 --node edge-oslo'
    again = site.run(f'{CACHE} queue {names} -f json')
    assert {row['Result'] for row in again.rows} == {'already queued'}
    waits = site.run(f'{CACHE} sync {names} --wait --stall-after 1')
    assert waits.code == 1
    listed = site.run(f'{CACHE} list --node edge-oslo -f json')
    assert {row['ID']: row['State'] for row in listed.rows} == {
        kept: 'cached',
        first: 'queued',
        second: 'queued',
    }

    forced = site.run(f'{CACHE} queue {names} --force --wait')
    assert forced.code == 0
    assert site.oslo.cached == {kept, first, second}
    assert site.oslo.queued == set()


def test_an_incomplete_file_keeps_an_image_out_of_the_queue(
    site: Site, images: Images
) -> None:
    """It is left by a fill that ended with its node."""
    image = images('ubuntu-24.04')
    with site.filling(image):
        site.node.kill()
        site.node.start()
        site.oslo.clear()
        assert (site.node.cache_dir / 'incomplete' / image).exists()

        site.oslo.queue(image)
        assert (site.oslo.cached, site.oslo.queued) == (set(), set())
    site.oslo.wait_for(image)


def test_the_procedure_of_an_upgrade(site: Site, images: Images) -> None:
    """The node is killed during a fill, and is in maintenance meanwhile."""
    image = images('ubuntu-24.04', tags=['golden'])
    site.write(maintenance=True)
    with site.filling(image):
        site.node.kill()
    site.node.start()

    ran = []
    for command in commands('upgrades.rst'):
        if ' sync ' in command:
            site.write()
        result = site.run(command)
        assert (result.code, command) == (0, command), result.err
        ran.append(command.split()[3])

    assert ran == [
        *('list', 'node', 'list', 'queue', 'sync', 'sync', 'verify'),
    ]
    assert site.oslo.cached == {image}
    assert site.bergen.cached == set()


def test_the_runbook_of_many_instances(site: Site, images: Images) -> None:
    """Without the commands of Nova."""
    image = images('ubuntu-24.04', tags=['golden'])
    cached = []
    for command in commands(
        'image-caches.rst',
        after='Runbook: prepare many instances to boot at the same time',
    ):
        result = site.run(command)
        assert (result.code, command) == (0, command), result.err
        cached.append((command.split()[3], site.oslo.cached))

    assert cached == [
        ('node', set()),
        ('coverage', set()),
        ('sync', set()),
        *[
            (one, {image})
            for one in ('sync', 'sync', 'verify', 'list', 'list')
        ],
        ('delete', set()),
    ]
    assert site.bergen.cached == set()


def test_the_pages_have_commands_of_other_services_too() -> None:
    """They are not run: nothing but the plugin's own commands is."""
    page = (_PAGES / 'image-caches.rst').read_text(encoding='utf-8')

    assert ' aggregate cache image oslo ' in page
    assert all(
        one.startswith((CACHE, 'openstack image delete --store'))
        for one in commands('image-caches.rst')
    )
