# SPDX-License-Identifier: Apache-2.0

"""A web of canned answers, and the real way to it.

Requests go through libcurl to a server on this machine (see `tests.web`). A
request that nobody answers fails, and so does an answer that nobody asks for.
"""

from collections.abc import Coroutine
from collections.abc import Iterator
from typing import Any
from typing import Protocol
from typing import TypeVar

import hypothesis
from keystoneauth1 import session as ksa_session
import pytest

from glance_cache_osc.drivers import http
from glance_cache_osc.transport import engine as engines
from glance_cache_osc.transport import loop as loops
from tests import web as webs
from tests.cli import payloads
from tests.fuzz import clients
from tests.fuzz import servers

hypothesis.settings.register_profile(
    'same-every-time', deadline=None, derandomize=True
)
hypothesis.settings.load_profile('same-every-time')

TOKEN = servers.TOKEN
Web = webs.Web
_Value = TypeVar('_Value')


class Run(Protocol):
    """Runs a coroutine to its end, as a command does."""

    def __call__(self, coroutine: Coroutine[Any, Any, _Value]) -> _Value: ...


@pytest.fixture(scope='session')
def certificates(
    tmp_path_factory: pytest.TempPathFactory,
) -> webs.Certificates:
    """A CA, and certificates of the nodes."""
    return webs.Certificates(tmp_path_factory.mktemp('certificates'))


@pytest.fixture
def web(certificates: webs.Certificates) -> Iterator[Web]:
    """A web that holds what a test adds."""
    with Web(certificates) as made:
        yield made
    made.check()


@pytest.fixture
def loop() -> Iterator[loops.Loop]:
    """What a command runs in."""
    with loops.Loop() as made:
        yield made


@pytest.fixture
def run(loop: loops.Loop) -> Run:
    """Run a coroutine to its end."""
    return loop.run


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> ksa_session.Session:
    """A session that is logged in, and asks nobody for that."""
    for name in ('REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'):
        monkeypatch.delenv(name, raising=False)
    for name in ('http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return clients.session()


@pytest.fixture
def client(loop: loops.Loop, session: ksa_session.Session) -> http.NodeClient:
    """A client of the node at `payloads.EDGE`."""
    return clients.client(loop.engine, payloads.EDGE, 2.5, logged_in=session)


@pytest.fixture
def hasty(loop: loops.Loop, session: ksa_session.Session) -> http.NodeClient:
    """The same, and it waits for a twentieth of a second."""
    return clients.client(loop.engine, payloads.EDGE, 0.05, logged_in=session)


@pytest.fixture
def sent(loop: loops.Loop) -> list[engines.Request]:
    """The requests that had a response, with their time limits."""
    requests: list[engines.Request] = []
    loop.engine.observer = lambda request, _response: requests.append(request)
    return requests
