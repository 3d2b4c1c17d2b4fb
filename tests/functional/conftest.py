# SPDX-License-Identifier: Apache-2.0

"""One real cloud for all tests, and the real `openstack`.

It runs in this process, unless what a test is of needs a program: a
terminal, a signal, other programs.
"""

from collections.abc import Callable
from collections.abc import Iterator
import hashlib
import pathlib
from typing import Protocol
import urllib.request

import pytest

from tests import cloud as clouds
from tests import shell
from tests.cli import schema
from tests.cloud import Cache
from tests.cloud import Images
from tests.functional.terminal import Terminal
from tests.shell import OPENSTACK
from tests.shell import Result

#: The most that anything here may take, in seconds.
PATIENCE = 60.0
_POLL = 0.05


class OpenStack(Protocol):
    """Runs `openstack`; its streams are not a terminal."""

    def __call__(
        self, *argv: str, user: str = 'admin', stdin: str = ''
    ) -> Result:
        """Run it with these arguments."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process, and those of all releases.

    Thus the nodes of the older releases start once. It is first because xdist
    reads the marks in the same hook.
    """
    for item in items:
        folder = item.path.parent
        together = folder if folder.name == 'releases' else item.path
        item.add_marker(pytest.mark.xdist_group(together.name))


@pytest.fixture(autouse=True)
def paused() -> None:
    """Nothing here is paused but what pauses for a user, too."""


@pytest.fixture(scope='session')
def cloud() -> Iterator[clouds.Cloud]:
    """Two nodes with a cache, and a third without; tests may add more."""
    nodes = [
        clouds.GlanceOptions(),
        clouds.GlanceOptions(),
        clouds.GlanceOptions(cache=False),
    ]
    with clouds.Cloud(nodes=nodes) as cloud:
        yield cloud


@pytest.fixture(scope='session')
def token(cloud: clouds.Cloud) -> str:
    """An administrator's token."""
    return cloud.token()


@pytest.fixture
def environment(
    cloud: clouds.Cloud,
    tmp_path: pathlib.Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], dict[str, str]]:
    """A user's environment with a login, and nothing of this machine."""

    def of(user: str) -> dict[str, str]:
        return {
            **clouds.without_login(),
            **cloud.environment(user),
            'HOME': str(tmp_path),
            'XDG_CONFIG_HOME': str(tmp_path),
            # stevedore's cache of entry points, for all programs.
            'XDG_CACHE_HOME': str(tmp_path_factory.getbasetemp()),
            'COLUMNS': '300',
        }

    return of


@pytest.fixture
def openstack(
    environment: Callable[[str], dict[str, str]], tmp_path: pathlib.Path
) -> OpenStack:
    """The real `openstack` in this process, logging in to the cloud."""

    def run(*argv: str, user: str = 'admin', stdin: str = '') -> Result:
        result = shell.run_here(
            *argv, environment=environment(user), folder=tmp_path, stdin=stdin
        )
        schema.check(argv, result.out)
        return result.without_ids()

    return run


@pytest.fixture
def program(
    environment: Callable[[str], dict[str, str]], tmp_path: pathlib.Path
) -> OpenStack:
    """The same as a program, with pipes for its streams."""

    def run(*argv: str, user: str = 'admin', stdin: str = '') -> Result:
        return shell.run_program(
            OPENSTACK,
            *argv,
            environment=environment(user),
            folder=tmp_path,
            stdin=stdin,
        ).without_ids()

    return run


@pytest.fixture
def on_a_terminal(
    environment: Callable[[str], dict[str, str]], tmp_path: pathlib.Path
) -> Callable[..., Result]:
    """The real `openstack` on a terminal; answers are typed ahead."""

    def run(*argv: str, typed: str = '') -> Result:
        with Terminal(
            [OPENSTACK, *argv], environment('admin'), tmp_path
        ) as terminal:
            terminal.type(typed)
            code = terminal.await_end()
            seen = Result(code, '', terminal.written.decode()).without_ids()
        return Result(code, seen.err, '')

    return run


@pytest.fixture
def images(cloud: clouds.Cloud, token: str) -> Iterator[Images]:
    """Makes images that go when the test ends."""
    images = Images(cloud.glance[0].url, token)
    yield images
    images.delete_all()


@pytest.fixture
def caches(cloud: clouds.Cloud, token: str) -> list[Cache]:
    """The caches of the two nodes that have one, empty."""
    caches = [Cache(node, token) for node in cloud.glance[:2]]
    for cache in caches:
        cache.clear()
    return caches


@pytest.fixture
def cache(caches: list[Cache]) -> Cache:
    """The cache of the node that the catalogue names, empty."""
    return caches[0]


class Glance:
    """What Glance really has, asked without the code under test."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._token = token

    def stores(self, image_id: str) -> set[str]:
        """The stores that hold an image's data."""
        return clouds.stores_of(self.url, self._token, image_id)

    def copy(self, image_id: str, store: str) -> None:
        """Copy an image's data to a store, and wait until it is there."""
        clouds.copy_image(self.url, self._token, image_id, store)

    def checksum(self, image_id: str) -> str:
        """The checksum of the data as Glance serves it."""
        request = urllib.request.Request(
            f'{self.url}/v2/images/{image_id}/file',
            headers={'X-Auth-Token': self._token},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return hashlib.sha256(answer.read()).hexdigest()


@pytest.fixture
def glance(cloud: clouds.Cloud, token: str) -> Glance:
    """The cloud's Glance."""
    return Glance(cloud.glance[0].url, token)
