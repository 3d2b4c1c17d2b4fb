# SPDX-License-Identifier: Apache-2.0

"""The cloud: Keystone and the Glance nodes."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import json
import os
from pathlib import Path
import shutil
import tempfile
from types import TracebackType
from typing import Self

from tests.cloud.glance import GlanceNode
from tests.cloud.glance import GlanceOptions
from tests.cloud.keystone import Keystone
from tests.cloud.keystone import KeystoneOptions
from tests.cloud.keystone import REGION
from tests.cloud.ledger import Ledger
from tests.cloud.process import CloudError
from tests.cloud.signals import end_on_sigterm
from tests.cloud.signals import held
from tests.cloud.signals import interrupt_on_sigterm

PYTHON_VARIABLE = 'GLANCE_CACHE_OSC_CLOUD_PYTHON'
CLOUD_NAME = 'demo-cloud'


def without_login() -> dict[str, str]:
    """The environment of this process, without the OS_… variables."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('OS_')
    }


def services_python() -> Path:
    """The default Python of the services' venv.

    The environment variable GLANCE_CACHE_OSC_CLOUD_PYTHON, or the venv that
    `tox -e cloud --notest` creates in this checkout.
    """
    checkout = Path(__file__).parents[2]
    return Path(
        os.environ.get(PYTHON_VARIABLE) or checkout / '.tox/cloud/bin/python'
    )


class Cloud:
    """Keystone and Glance nodes on 127.0.0.1, as a context manager.

    :param directory: an empty or new directory, which is kept; None for a
        temporary one, which is deleted
    :param nodes: the number of Glance nodes, or the options of each node
    :param driver: default image_cache_driver of the nodes:
        `centralized_db` or `sqlite`
    :param python: Python of the services' venv; None for
        :func:`services_python`
    :param detached: whether the services continue when this process ends;
        otherwise they end with it

    :ivar glance: the nodes; the first is the image endpoint in the catalogue
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        nodes: int | Sequence[GlanceOptions] = 2,
        driver: str = 'centralized_db',
        python: Path | None = None,
        keystone_options: KeystoneOptions | None = None,
        detached: bool = False,
    ) -> None:
        # Not resolved: the Python of a venv is a link, and the path of the
        # link determines the venv.
        self._python = (python or services_python()).absolute()
        self._driver = driver
        self._lifeline = not detached
        self._sigterm = False
        self.directory = _folder(directory)
        self._ledger = Ledger(self.directory, temporary=directory is None)
        self.keystone = Keystone(
            keystone_options or KeystoneOptions(),
            python=self._python,
            ledger=self._ledger,
            lifeline=self._lifeline,
        )
        if isinstance(nodes, int):
            nodes = [GlanceOptions()] * nodes
        self.glance: list[GlanceNode] = []
        self._databases: set[Path] = set()
        for options in nodes:
            self._plan(options)

    @property
    def auth_url(self) -> str:
        """The value of OS_AUTH_URL."""
        return self.keystone.auth_url

    def start(self) -> None:
        """Start all services, and wait until they respond.

        :raises CloudError: a service did not start; all processes are stopped
            then, as after an interrupt (here SIGTERM raises
            KeyboardInterrupt, unless it has a handler)
        """
        self._sigterm = interrupt_on_sigterm()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        # This order uses two cores: Glance requires only its tables to
        # start, and contacts Keystone at the first request.
        _require(self._python)
        self.keystone.start_setup()
        self._make_databases(self.glance)
        self.keystone.setup.wait()
        self.keystone.process.start()
        for node in self.glance:
            node.process.start()
        self.keystone.wait_ready()
        self.keystone.populate(self.glance[0].url)
        for node in self.glance:
            node.wait_ready()

    def add(self, *options: GlanceOptions) -> list[GlanceNode]:
        """Start more nodes, and wait until they respond.

        :returns: the new nodes, in order; `glance` has all nodes
        :raises CloudError: a node did not start
        """
        nodes = [self._plan(one) for one in options]
        self._make_databases(nodes)
        for node in nodes:
            node.process.start()
        for node in nodes:
            node.wait_ready()
        return nodes

    def _plan(self, options: GlanceOptions) -> GlanceNode:
        """Create a node without starting it."""
        node = GlanceNode(
            f'glance-{len(self.glance) + 1}',
            options,
            driver=self._driver,
            python=self._python,
            keystone=self.keystone,
            ledger=self._ledger,
            lifeline=self._lifeline,
        )
        self.glance.append(node)
        return node

    def _make_databases(self, nodes: Iterable[GlanceNode]) -> None:
        """Configure nodes, and create missing databases."""
        syncs = []
        for node in nodes:
            node.configure()
            if node.database not in self._databases:
                self._databases.add(node.database)
                node.db_sync.start()
                syncs.append(node.db_sync)
        for sync in syncs:
            sync.wait()

    def stop(self) -> None:
        """Stop all processes; may be called twice."""
        with held():
            self._ledger.end_all()
            self.keystone.port.release()
            for node in self.glance:
                node.port.release()
            for process in (
                self.keystone.setup,
                self.keystone.process,
                *(node.db_sync for node in self.glance),
                *(node.process for node in self.glance),
            ):
                process.reap()
            if self._ledger.temporary:
                shutil.rmtree(self.directory, ignore_errors=True)
        if self._sigterm:
            self._sigterm = False
            end_on_sigterm()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def token(self, user: str = 'admin') -> str:
        """A new token for `admin` or `demo`."""
        return self.keystone.token(user)

    def environment(self, user: str = 'admin') -> dict[str, str]:
        """The OS_… variables for the login of a user."""
        return {
            'OS_AUTH_URL': self.auth_url,
            'OS_USERNAME': user,
            'OS_PASSWORD': self.keystone.password,
            'OS_PROJECT_NAME': user,
            'OS_USER_DOMAIN_ID': 'default',
            'OS_PROJECT_DOMAIN_ID': 'default',
            'OS_IDENTITY_API_VERSION': '3',
            'OS_REGION_NAME': REGION,
        }

    def clouds_yaml(
        self,
        path: Path,
        nodes: Mapping[str, str] | None = None,
        *,
        user: str = 'admin',
        sites: Mapping[str, str] | None = None,
    ) -> None:
        """Write a clouds.yaml with one cloud, `demo-cloud`.

        :param nodes: endpoints by name, for image_cache_nodes; None omits
            this key
        :param sites: sites by name of the node
        """
        lines = [
            'clouds:',
            f'  {CLOUD_NAME}:',
            '    auth:',
            f'      auth_url: {self.auth_url}',
            f'      username: {user}',
            f'      password: {json.dumps(self.keystone.password)}',
            f'      project_name: {user}',
            '      user_domain_id: default',
            '      project_domain_id: default',
            '    identity_api_version: 3',
            f'    region_name: {REGION}',
        ]
        if nodes is not None:
            lines.append('    image_cache_nodes:')
            for name, endpoint in nodes.items():
                lines.append(f'      - name: {json.dumps(name)}')
                lines.append(f'        endpoint: {endpoint}')
                if site := (sites or {}).get(name):
                    lines.append(f'        site: {json.dumps(site)}')
        path.write_text('\n'.join(lines) + '\n')
        path.chmod(0o600)


def _folder(directory: Path | None) -> Path:
    if directory is None:
        return Path(tempfile.mkdtemp(prefix='glance-cache-osc-'))
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise CloudError(f'{directory} is not empty')
    return directory.resolve()


def _require(python: Path) -> None:
    if not python.exists():
        raise CloudError(
            f'{python} is not a Python with Keystone and Glance: run'
            f' `tox -e cloud --notest`, or set {PYTHON_VARIABLE}'
        )
