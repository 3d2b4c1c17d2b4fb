# SPDX-License-Identifier: Apache-2.0

"""The real `openstack` in this process, and a cloud of canned answers.

Everything between the command line and the network is real:
OpenStackClient, cliff, osc-lib, openstacksdk, keystoneauth1,
python-glanceclient, libcurl and its sockets. What answers is not: requests
of OpenStackClient's own end at requests-mock, ours at a server on loopback
(see `tests.web`). An unexpected request fails, and so does an answer that
nobody asked for.
"""

from collections.abc import Callable
from collections.abc import Iterator
import logging
import os
import pathlib
import threading
from typing import Any

import pytest
import requests_mock

from tests import shell
from tests import web
from tests.cli import payloads
from tests.cli import schema
from tests.shell import Result

#: Ends of variables that say how to connect.
_NETWORK = ('_proxy', '_ca_bundle')


class Cloud(web.Web):
    """Answers to requests, and a record of the requests."""

    @property
    def requests(self) -> list[str]:
        """The requests after login, in order: 'GET http://…'."""
        return [one for one in super().requests if '://keystone.' not in one]

    @property
    def last_headers(self) -> Any:
        """The headers of the last request."""
        return self.history[-1].headers


OpenStack = Callable[..., Result]
Logged = Callable[[str], threading.Event]
#: Seconds; longer than any of this takes: a broken test ends, and fails.
PATIENCE = 20
#: Has a request wait until another one has been answered.
HoldBack = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def login(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """An environment that has a cloud to log in to, and nothing else."""
    for name in list(os.environ):
        if name.startswith('OS_') or name.lower().endswith(_NETWORK):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path / 'config'))
    for name, value in {
        'AUTH_URL': payloads.KEYSTONE,
        'USERNAME': 'admin',
        'PASSWORD': 'secret',
        'PROJECT_NAME': 'admin',
        'USER_DOMAIN_ID': 'default',
        'PROJECT_DOMAIN_ID': 'default',
        'REGION_NAME': 'RegionOne',
    }.items():
        monkeypatch.setenv(f'OS_{name}', value)


@pytest.fixture(scope='session')
def certificates(
    tmp_path_factory: pytest.TempPathFactory,
) -> web.Certificates:
    """A CA, and certificates of the nodes."""
    return web.Certificates(tmp_path_factory.mktemp('certificates'))


@pytest.fixture
def cloud(certificates: web.Certificates) -> Iterator[Cloud]:
    """A cloud that answers to a login, and to what a test adds."""
    with (
        Cloud(certificates) as cloud,
        requests_mock.Mocker(adapter=cloud.adapter) as mocker,
    ):
        mocker.get(payloads.KEYSTONE, json=payloads.KEYSTONE_VERSION)
        mocker.post(
            f'{payloads.KEYSTONE}/auth/tokens',
            json=payloads.TOKEN,
            headers={'X-Subject-Token': 'gAAAAA-the-token'},
            status_code=201,
        )
        mocker.get(
            payloads.GLANCE,
            json=payloads.glance_versions(
                payloads.GLANCE, '2.18', '2.16', '2.14', '2.12', '2.0'
            ),
            status_code=300,
        )
        yield cloud
        cloud.check()


@pytest.fixture
def hold_back(cloud: Cloud) -> HoldBack:
    """Have requests answered in an order: one URL, and the one before it."""
    return cloud.hold_back


@pytest.fixture
def logged() -> Iterator[Logged]:
    """Is told a text: what it returns is set when that is logged.

    A response is logged when it has been received.
    """
    events: dict[str, threading.Event] = {}

    class Watcher(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            for text, event in events.items():
                if text in record.getMessage():
                    event.set()

    log, watcher = logging.getLogger('glance_cache_osc'), Watcher()
    log.addHandler(watcher)
    log.setLevel(logging.DEBUG)
    yield lambda text: events.setdefault(text, threading.Event())
    log.removeHandler(watcher)
    log.setLevel(logging.NOTSET)


@pytest.fixture
def clouds_yaml(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> Callable[[str], None]:
    """Write a clouds.yaml, and have it used."""

    def write(text: str) -> None:
        path = tmp_path / 'clouds.yaml'
        path.write_text(text)
        monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(path))

    return write


@pytest.fixture
def openstack(tmp_path: pathlib.Path) -> OpenStack:
    """Run `openstack` with arguments, and what stands on standard input."""

    def run(*argv: str, stdin: str = '', terminal: bool = False) -> Result:
        result = shell.run_here(
            *argv,
            environment=dict(os.environ),
            folder=tmp_path,
            stdin=stdin,
            terminal=terminal,
        )
        schema.check(argv, result.out)
        return result

    return run
