#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""The real `openstack` in this process, and a cloud of canned answers.

Everything between the command line and the socket is real:
OpenStackClient, cliff, osc-lib, openstacksdk, keystoneauth1 and
python-glanceclient. Only the network is not: requests-mock answers, an
unexpected request fails the command, and an answer that nobody asked for
fails the test.
"""

from collections.abc import Callable
from collections.abc import Iterator
import dataclasses
import io
import logging
import os
import pathlib
import sys
import threading
from typing import Any

from openstackclient.common import clientmanager
import openstackclient.shell
import pytest
import requests
import requests_mock

from tests.cli import payloads
from tests.cli import schema

#: Longer than any of this takes; a broken test ends, and fails.
_PATIENCE = 20


@dataclasses.dataclass(frozen=True)
class Result:
    """What a person or a script gets from a command."""

    code: int
    out: str
    err: str


class Cloud:
    """Answers to requests, and a record of the requests."""

    def __init__(self, mocker: requests_mock.Mocker) -> None:
        self._mocker = mocker
        self._stubs: list[tuple[str, Any]] = []

    def answers(
        self, method: str, url: str, *responses: dict[str, Any], **one: Any
    ) -> None:
        """Answer a request; several answers are given one after another.

        A query in the URL has to be in the request, too.
        """
        stub = self._mocker.register_uri(method, url, list(responses) or [one])
        self._stubs.append((f'{method} {url}', stub))

    @property
    def requests(self) -> list[str]:
        """The requests after login, in order: 'GET http://…'."""
        return [
            f'{one.method} {one.url}'
            for one in self._mocker.request_history
            if not one.url.startswith(payloads.KEYSTONE)
        ]

    @property
    def last_headers(self) -> Any:
        """The headers of the last request."""
        return self._mocker.request_history[-1].headers

    @property
    def last_verify(self) -> Any:
        """Whether the last request wanted a certificate that verifies."""
        return self._mocker.request_history[-1].verify

    def unused(self) -> list[str]:
        """Answers that nobody asked for."""
        return [name for name, stub in self._stubs if not stub.called]


OpenStack = Callable[..., Result]
#: Has a request wait until another one has been answered.
HoldBack = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def login(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """An environment that has a cloud to log in to, and nothing else."""
    for name in [one for one in os.environ if one.startswith('OS_')]:
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


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A cloud that answers to a login, and to what a test adds."""
    with requests_mock.Mocker() as mocker:
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
        cloud = Cloud(mocker)
        yield cloud
        assert cloud.unused() == []


@pytest.fixture
def hold_back(cloud: Cloud) -> Iterator[HoldBack]:
    """Have requests answered in an order: one URL, and the one before it.

    requests-mock answers one request at a time; the wait comes before it.
    """
    before: dict[str, str] = {}
    answered: dict[str, threading.Event] = {}
    mocked = requests.Session.send

    def send(
        session: requests.Session,
        request: requests.PreparedRequest,
        **kwargs: Any,
    ) -> requests.Response:
        url = str(request.url)
        if url in before:
            assert answered[before[url]].wait(_PATIENCE)
        try:
            return mocked(session, request, **kwargs)
        finally:
            if url in answered:
                answered[url].set()

    def hold(url: str, until: str) -> None:
        before[url] = until
        answered[until] = threading.Event()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, 'send', send)
        yield hold


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
def openstack(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[OpenStack]:
    """Run `openstack` with arguments, and what stands on standard input."""
    # cliff reads it from sys.argv when it is imported.
    monkeypatch.setattr(
        openstackclient.shell.OpenStackShell, 'NAME', 'openstack'
    )

    def run(*argv: str, stdin: str = '', terminal: bool = False) -> Result:
        streams = [
            _Stream(text, terminal=terminal) for text in (stdin, '', '')
        ]
        for stream, name in zip(streams, ('stdin', 'stdout', 'stderr')):
            monkeypatch.setattr(sys, name, stream)
        _forget_clients()
        try:
            code = openstackclient.shell.OpenStackShell().run(list(argv))
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        out, err = streams[1].getvalue(), streams[2].getvalue()
        schema.check(argv, out)
        return Result(code, out, err)

    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield run
    root.handlers[:] = before
    root.setLevel(level)


def _forget_clients() -> None:
    """Make each run log in anew: OSC keeps its clients on a class."""
    for owner in clientmanager.ClientManager.__mro__:
        for cached in vars(owner).values():
            if hasattr(cached, '_handle'):
                cached._handle = None


class _Stream(io.StringIO):
    """A stream that is a terminal, or is not."""

    def __init__(self, text: str, *, terminal: bool) -> None:
        super().__init__(text)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal
