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

"""A web of canned answers, and the real way to it.

keystoneauth1 and python-glanceclient are the real ones; requests-mock
stands where the socket is. A request that nobody answers fails, and so
does an answer that nobody asks for.
"""

from collections.abc import Iterator
import ssl
from typing import Any

import hypothesis
from keystoneauth1 import session as ksa_session
from keystoneauth1 import token_endpoint
import pytest
import requests_mock

from glance_cache_osc.drivers import http
from tests.cli import payloads

hypothesis.settings.register_profile(
    'same-every-time', deadline=None, derandomize=True
)
hypothesis.settings.load_profile('same-every-time')

TOKEN = 'gAAAAA-the-token'


class Web:
    """Answers to requests, and a record of the requests."""

    def __init__(self, mocker: requests_mock.Mocker) -> None:
        #: For answers that need not be asked for.
        self.mocker = mocker
        self._stubs: list[tuple[str, Any]] = []

    def answers(
        self, method: str, url: str, *responses: dict[str, Any], **one: Any
    ) -> None:
        """Answer a request; several answers are given one after another."""
        stub = self.mocker.register_uri(method, url, list(responses) or [one])
        self._stubs.append((f'{method} {url}', stub))

    @property
    def requests(self) -> list[str]:
        """The requests, in order: 'GET http://…'."""
        return [f'{one.method} {one.url}' for one in self.history]

    @property
    def history(self) -> list[Any]:
        """The requests, in order, with all that was sent."""
        return list(self.mocker.request_history)

    def unused(self) -> list[str]:
        """Answers that nobody asked for."""
        return [name for name, stub in self._stubs if not stub.called]


@pytest.fixture
def web() -> Iterator[Web]:
    """A web that holds what a test adds."""
    with requests_mock.Mocker() as mocker:
        web = Web(mocker)
        yield web
        assert web.unused() == []


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> ksa_session.Session:
    """A session that is logged in, and asks nobody for that."""
    for name in ('REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'):
        monkeypatch.delenv(name, raising=False)
    return ksa_session.Session(auth=token_endpoint.Token(None, TOKEN))


@pytest.fixture
def client(session: ksa_session.Session) -> http.NodeClient:
    """A client of the node at `payloads.EDGE`."""
    return http.NodeClient(session, payloads.EDGE, timeout=2.5)


def rejection(code: int, words: str) -> ssl.SSLCertVerificationError:
    """What Python raises for a certificate, by OpenSSL's code and words."""
    error = ssl.SSLCertVerificationError(
        1,
        '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: '
        f'{words} (_ssl.c:1006)',
    )
    error.verify_code, error.verify_message = code, words
    return error
