# SPDX-License-Identifier: Apache-2.0

"""The login that all nodes share: one token, renewed once.

Keystone is a plugin of keystoneauth's here, which counts its logins, and
answers with what a test says; requests to validate a token go to `web`.
"""

import asyncio
from collections.abc import Callable
from collections.abc import Iterator
import datetime
import gc
import re
import threading
import time
import types
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import http_basic
from keystoneauth1 import plugin
from keystoneauth1 import session as ksa_session
from keystoneauth1.identity import generic
from keystoneauth1.identity import v3
import pytest
import requests
import requests_mock

from glance_cache_osc import errors
from glance_cache_osc.drivers import http
from glance_cache_osc.transport import attempt
from glance_cache_osc.transport import login
from glance_cache_osc.transport import loop as loops
from glance_cache_osc.transport import settings
from tests.cli import payloads as p
from tests.unit import conftest

TOKENS = f'{p.KEYSTONE}/auth/tokens'
HOUR = datetime.timedelta(hours=1)
#: Seconds that Keystone may take.
TIMEOUT = 0.2
FOREVER = 20


class Keystone(plugin.BaseAuthPlugin):
    """Gives tokens: 'token-1', 'token-2' and so on.

    :ivar logins: how many it gave, or refused to give.
    :ivar lasts: how long each is valid.
    :ivar error: what it raises instead.
    :ivar hangs: if set, it answers only once this is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.auth_ref: Any = None
        self.logins = 0
        self.lasts = HOUR
        self.error: Exception | None = None
        self.hangs: threading.Event | None = None
        self._token: str | None = None
        self._expires = datetime.datetime.now(datetime.UTC)

    def get_token(self, session: Any) -> str | None:
        now = datetime.datetime.now(datetime.UTC)
        if self._token is None or self._expires - now < HOUR / 30:
            self.logins += 1
            number = self.logins
            if self.hangs:
                self.hangs.wait(FOREVER)
            if self.error:
                raise self.error
            self._token = f'token-{number}'
            self._expires = now + self.lasts
        return self._token

    def get_access(self, session: Any) -> Any:
        return types.SimpleNamespace(expires=self._expires)

    def get_endpoint(self, session: Any, **_: Any) -> str:
        return p.KEYSTONE

    def invalidate(self) -> bool:
        self._token = None
        return True


@pytest.fixture
def keystone() -> Iterator[Keystone]:
    made = Keystone()
    yield made
    if made.hangs:
        made.hangs.set()


@pytest.fixture
def shared(keystone: Keystone) -> login.Login:
    return login.Login(ksa_session.Session(auth=keystone), TIMEOUT)


@pytest.fixture
def validity(web: conftest.Web) -> Iterator[Callable[..., Any]]:
    """How Keystone answers when it is asked whether a token is valid."""
    with requests_mock.Mocker(adapter=web.adapter):

        def answer(*answers: dict[str, Any]) -> Any:
            web.answers('GET', TOKENS, *answers)

        yield answer


VALID: dict[str, Any] = {'json': p.TOKEN}
INVALID: dict[str, Any] = {'status_code': 404}


def clients(
    loop: loops.Loop, shared: login.Login, *hosts: str
) -> list[http.NodeClient]:
    return [
        http.NodeClient(
            engine=loop.engine,
            login=shared,
            settings=settings.Settings(verify=None),
            endpoint=f'http://{host}.example',
            timeout=10,
        )
        for host in hosts
    ]


def ask_all(
    loop: loops.Loop, shared: login.Login, *hosts: str
) -> dict[str, str]:
    """What each host's answer is to one request, all at once."""
    outcomes = loop.run(
        attempt.attempt(
            lambda client: client.request('GET', '/v2/cache'),
            clients(loop, shared, *hosts),
        )
    )
    return {
        host: type(one.error).__name__ if one.error else str(one.value)
        for host, one in zip(hosts, outcomes)
    }


def nodes(
    web: conftest.Web, *, accept: Callable[[str], bool] = lambda _token: True
) -> None:
    """Have 'good…' accept tokens, and 'bad…' accept none."""

    def good(request: Any, context: Any) -> str:
        if accept(request.headers['X-Auth-Token']):
            return '"fine"'
        context.status_code = 401
        return ''

    web.adapter.register_uri('GET', re.compile('http://good'), text=good)
    web.adapter.register_uri('GET', re.compile('http://bad'), status_code=401)


def test_all_nodes_share_one_login(
    loop: loops.Loop,
    shared: login.Login,
    keystone: Keystone,
    web: conftest.Web,
) -> None:
    nodes(web)
    hosts = [f'good{at}' for at in range(20)]

    assert ask_all(loop, shared, *hosts) == dict.fromkeys(hosts, 'fine')
    assert ask_all(loop, shared, *hosts) == dict.fromkeys(hosts, 'fine')

    assert keystone.logins == 1


def test_a_third_of_bad_nodes_costs_one_login(
    loop: loops.Loop,
    shared: login.Login,
    keystone: Keystone,
    web: conftest.Web,
    validity: Callable[..., Any],
) -> None:
    """Each of them once threw the login of all others away."""
    nodes(web)
    web.adapter.register_uri('GET', TOKENS, **VALID)
    hosts = [f'bad{at}' if at % 3 == 0 else f'good{at}' for at in range(300)]

    told = ask_all(loop, shared, *hosts)

    assert told == {
        host: 'Forbidden' if host.startswith('bad') else 'fine'
        for host in hosts
    }
    assert keystone.logins == 1
    # Keystone was asked once, or not at all if a good one came first.
    assert len([one for one in web.requests if TOKENS in one]) <= 1
    assert len([one for one in web.requests if 'http://bad' in one]) == 100


def test_a_password_that_is_good_once_is_used_once(
    loop: loops.Loop,
    shared: login.Login,
    keystone: Keystone,
    web: conftest.Web,
    validity: Callable[..., Any],
) -> None:
    """As with a TOTP: one bad node must not cost the others their login."""
    nodes(web)
    web.adapter.register_uri('GET', TOKENS, **VALID)
    hosts = ['bad', *(f'good{at}' for at in range(50))]
    loop.run(shared.headers())
    keystone.error = ksa_exceptions.Unauthorized('used already')

    told = ask_all(loop, shared, *hosts)

    assert told.pop('bad') == 'Forbidden'
    assert set(told.values()) == {'fine'}
    assert keystone.logins == 1


def test_where_the_password_is_good_once_no_second_one_is_tried(
    loop: loops.Loop, web: conftest.Web
) -> None:
    """With keystoneauth's own plugin, and one bad node alone."""
    with requests_mock.Mocker(adapter=web.adapter):
        web.answers(
            'POST',
            TOKENS,
            {
                'json': p.TOKEN,
                'headers': {'X-Subject-Token': 'the-first-token'},
                'status_code': 201,
            },
            {'status_code': 401},
        )
        web.answers('GET', TOKENS, **VALID)
        nodes(web)
        shared = login.Login(
            ksa_session.Session(
                auth=v3.Password(
                    p.KEYSTONE,
                    username='admin',
                    password='123456',
                    user_domain_id='default',
                )
            ),
            5,
        )

        assert ask_all(loop, shared, 'bad') == {'bad': 'Forbidden'}
        assert ask_all(loop, shared, 'good') == {'good': 'fine'}

    assert web.requests == [
        f'POST {TOKENS}',
        'GET http://bad.example/v2/cache',
        f'GET {TOKENS}',
        'GET http://good.example/v2/cache',
    ]
    asked = web.history[2].headers
    assert asked['X-Auth-Token'] == 'the-first-token'
    assert asked['X-Subject-Token'] == 'the-first-token'
    assert web.history[2].timeout == 5


def test_a_token_is_validated_although_the_auth_url_has_no_version(
    loop: loops.Loop, web: conftest.Web
) -> None:
    """Without /v3, Keystone responds with 404 as for an invalid token."""
    root = p.KEYSTONE.removesuffix('/v3')
    versions = {'versions': {'values': [p.KEYSTONE_VERSION['version']]}}
    issued = {'json': p.TOKEN, 'headers': {'X-Subject-Token': 'the-token'}}
    with requests_mock.Mocker(adapter=web.adapter):
        web.answers('GET', root, json=versions)
        web.answers('POST', TOKENS, status_code=201, **issued)
        web.answers('GET', TOKENS, **VALID)
        nodes(web)
        auth = generic.Password(
            root, username='admin', password='x', user_domain_id='default'
        )
        shared = login.Login(ksa_session.Session(auth=auth), 5)

        assert ask_all(loop, shared, 'bad') == {'bad': 'Forbidden'}

    assert web.requests.count(f'POST {TOKENS}') == 1


def test_a_login_without_a_token_is_not_validated(
    loop: loops.Loop, web: conftest.Web, validity: Callable[..., Any]
) -> None:
    auth = http_basic.HTTPBasicAuth(
        endpoint=p.KEYSTONE, username='admin', password='x'
    )
    shared = login.Login(ksa_session.Session(auth=auth), 5)
    nodes(web)

    assert ask_all(loop, shared, 'bad') == {'bad': 'Forbidden'}

    assert web.requests == ['GET http://bad.example/v2/cache']


def test_a_node_that_accepts_a_token_does_not_prove_that_it_is_valid(
    loop: loops.Loop,
    shared: login.Login,
    web: conftest.Web,
    validity: Callable[..., Any],
) -> None:
    """A node remembers for minutes which tokens are valid."""
    nodes(web)
    validity(INVALID)
    (good,) = clients(loop, shared, 'good')

    async def refused_and_accepted() -> Any:
        headers = await shared.headers()
        sent = asyncio.get_running_loop().time()
        await good.request('GET', '/v2/cache')
        return await shared.refused(headers, sent)

    assert loop.run(refused_and_accepted()) == {'X-Auth-Token': 'token-2'}


def test_an_answer_of_keystone_is_for_all_requests_sent_before_it(
    loop: loops.Loop,
    shared: login.Login,
    web: conftest.Web,
    validity: Callable[..., Any],
) -> None:
    sent: list[float] = []

    def confirm(_request: Any, _context: Any) -> Any:
        sent.append(time.monotonic())
        return p.TOKEN

    validity({'json': confirm})

    async def refused() -> int:
        """How often Keystone was asked at the end."""
        headers = await shared.headers()
        clock = asyncio.get_running_loop().time
        assert await shared.refused(headers, clock()) is None
        assert await shared.refused(headers, sent[0]) is None
        assert len(sent) == 1
        assert await shared.refused(headers, clock()) is None
        return len(sent)

    assert loop.run(refused()) == 2


def test_a_token_that_keystone_does_not_know_is_renewed_once_for_all(
    loop: loops.Loop,
    shared: login.Login,
    keystone: Keystone,
    web: conftest.Web,
    validity: Callable[..., Any],
) -> None:
    """It was revoked, say: all nodes refuse it at the same time."""
    nodes(web, accept=lambda token: token == 'token-2')
    validity(INVALID)
    hosts = [f'good{at}' for at in range(40)]

    assert ask_all(loop, shared, *hosts) == dict.fromkeys(hosts, 'fine')

    assert keystone.logins == 2
    assert len([one for one in web.requests if TOKENS in one]) == 1
    assert len([one for one in web.requests if 'http://good' in one]) == 80


def test_a_node_that_refuses_the_new_token_too_is_asked_no_more(
    loop: loops.Loop,
    shared: login.Login,
    keystone: Keystone,
    web: conftest.Web,
    validity: Callable[..., Any],
) -> None:
    nodes(web)
    validity(INVALID)

    assert ask_all(loop, shared, 'bad') == {'bad': 'Forbidden'}

    assert keystone.logins == 2
    assert [one for one in web.requests if 'bad' in one] == [
        'GET http://bad.example/v2/cache'
    ] * 2


@pytest.mark.parametrize(
    'answer',
    [
        {'status_code': 403},
        {'status_code': 500},
    ],
)
def test_a_keystone_that_does_not_say_touches_no_login(
    loop: loops.Loop,
    shared: login.Login,
    keystone: Keystone,
    web: conftest.Web,
    validity: Callable[..., Any],
    answer: dict[str, Any],
) -> None:
    """Then the token is taken to be good, and the node to be bad."""
    nodes(web)
    validity(answer)

    assert ask_all(loop, shared, 'bad') == {'bad': 'Forbidden'}
    assert ask_all(loop, shared, 'good') == {'good': 'fine'}

    assert keystone.logins == 1


@pytest.mark.parametrize(
    'error', [requests.exceptions.ConnectionError, requests.ConnectTimeout]
)
def test_a_token_that_keystone_cannot_check_is_one_failure_of_the_login(
    loop: loops.Loop,
    shared: login.Login,
    keystone: Keystone,
    web: conftest.Web,
    validity: Callable[..., Any],
    error: type[Exception],
) -> None:
    """Not one failure for each node, which did nothing wrong."""
    nodes(web)
    validity({'exc': error('no answer')})
    (client,) = clients(loop, shared, 'bad')

    with pytest.raises(errors.LoginFailed) as caught:
        loop.run(client.request('GET', '/v2/cache'))

    assert str(caught.value).startswith(
        'The token was rejected and cannot be renewed: Cannot get a token '
        'from Keystone: '
    )
    assert str(caught.value).endswith('. Check that Keystone is up.')
    assert ask_all(loop, shared, 'good') == {'good': 'fine'}
    assert keystone.logins == 1


def not_found(kind: str) -> ksa_exceptions.NotFound:
    """A response with status 404, of a content type, or without one."""
    response = requests.Response()
    if kind:
        response.headers['Content-Type'] = kind
    return ksa_exceptions.NotFound(
        'Failed to validate token', response=response, request_id='req-1'
    )


@pytest.mark.parametrize(
    ('error', 'kind', 'why'),
    [
        # As Keystone responds to a login with a revoked token.
        (
            not_found('application/json'),
            *(errors.LoginRejected, 'Failed to validate token (HTTP 404)'),
        ),
        # As a proxy responds while Keystone is not there.
        (
            not_found('text/html'),
            *(errors.LoginFailed, 'Failed to validate token (HTTP 404)'),
        ),
        (
            not_found(''),
            *(errors.LoginFailed, 'Failed to validate token (HTTP 404)'),
        ),
        (
            ksa_exceptions.NotFound('Nothing'),
            *(errors.LoginFailed, 'Nothing (HTTP 404)'),
        ),
        (
            ksa_exceptions.Unauthorized('The account is locked'),
            *(errors.LoginRejected, 'The account is locked (HTTP 401)'),
        ),
        (
            ksa_exceptions.ServiceUnavailable(),
            *(errors.LoginFailed, 'Service Unavailable (HTTP 503)'),
        ),
    ],
)
@pytest.mark.parametrize(
    ('cloud', 'option'), [('', ''), ('far', ' --os-cloud far')]
)
def test_a_revoked_token_that_keystone_does_not_renew(
    loop: loops.Loop,
    keystone: Keystone,
    web: conftest.Web,
    validity: Callable[..., Any],
    error: Exception,
    kind: type[Exception],
    why: str,
    cloud: str,
    option: str,
) -> None:
    """It is not the fault of the node."""
    session = ksa_session.Session(auth=keystone)
    shared = login.Login(session, TIMEOUT, cloud)
    nodes(web)
    validity(INVALID)
    loop.run(shared.headers())
    keystone.error = error

    for (client,) in [clients(loop, shared, 'bad')] * 2:
        with pytest.raises(errors.LoginFailed) as caught:
            loop.run(client.request('GET', '/v2/cache'))

        assert type(caught.value) is kind
        assert str(caught.value) == (
            'The token was rejected and cannot be renewed: Keystone did not '
            f"issue a token: {why}. Check the login with 'openstack{option} "
            "token issue'."
        )
        assert caught.value.cloud == cloud
    # A rejected password is not tried again: that could lock the account.
    tries = 1 if kind is errors.LoginRejected else 2
    assert keystone.logins == 1 + tries
    assert len([one for one in web.requests if TOKENS in one]) == tries


@pytest.mark.parametrize(
    ('error', 'expected'),
    [
        (
            ksa_exceptions.ConnectFailure('Unable to\n  connect'),
            'Cannot get a token from Keystone: Unable to connect. No request '
            'was sent to the node. Check that Keystone is up.',
        ),
        (
            ksa_exceptions.Unauthorized('The account is locked'),
            'Keystone did not issue a token: The account is locked (HTTP '
            '401). No request was sent to the node. Check the login with '
            "'openstack token issue'.",
        ),
        (
            ksa_exceptions.ServiceUnavailable(),
            'Keystone did not issue a token: Service Unavailable (HTTP 503). '
            'No request was sent to the node. Check the login with '
            "'openstack token issue'.",
        ),
        (
            OSError('Could not find a CA certificate bundle: /gone.pem'),
            'Keystone did not issue a token: Could not find a CA certificate '
            'bundle: /gone.pem. No request was sent to the node. Check the '
            "login with 'openstack token issue'.",
        ),
    ],
)
@pytest.mark.parametrize(
    ('cloud', 'option'), [('', ''), ('far', ' --os-cloud far')]
)
def test_a_keystone_that_gives_no_token_is_not_the_nodes_fault(
    loop: loops.Loop,
    keystone: Keystone,
    error: Exception,
    expected: str,
    cloud: str,
    option: str,
) -> None:
    keystone.error = error
    session = ksa_session.Session(auth=keystone)

    with pytest.raises(errors.LoginFailed) as caught:
        loop.run(login.Login(session, TIMEOUT, cloud).headers())

    assert str(caught.value) == expected.replace(
        ' token issue', f'{option} token issue'
    )
    assert caught.value.__cause__ is None or caught.value.__cause__ is error


def test_a_keystone_that_hangs_costs_all_nodes_one_timeout(
    loop: loops.Loop,
    shared: login.Login,
    keystone: Keystone,
    web: conftest.Web,
) -> None:
    keystone.hangs = threading.Event()
    hosts = [f'good{at}' for at in range(20)]

    began = time.monotonic()
    told = ask_all(loop, shared, *hosts)

    assert told == dict.fromkeys(hosts, 'KeystoneUnavailable')
    assert time.monotonic() - began < 3
    assert keystone.logins == 1
    assert web.requests == []


def test_a_keystone_that_hangs_says_so(
    loop: loops.Loop, shared: login.Login, keystone: Keystone
) -> None:
    keystone.hangs = threading.Event()

    for _ in range(2):
        with pytest.raises(errors.LoginFailed) as caught:
            loop.run(shared.headers())

        assert str(caught.value) == (
            'Keystone did not issue a token within 0.2 seconds. No request '
            'was sent to the node. Check that Keystone is up.'
        )
    # It is not asked again while it has not answered.
    assert keystone.logins == 1


def test_a_token_that_comes_late_is_used(
    loop: loops.Loop, shared: login.Login, keystone: Keystone
) -> None:
    keystone.hangs = threading.Event()
    with pytest.raises(errors.LoginFailed):
        loop.run(shared.headers())

    keystone.hangs.set()

    assert loop.run(shared.headers()) == {'X-Auth-Token': 'token-1'}
    assert keystone.logins == 1


def test_who_waits_for_a_login_may_stop_and_the_others_have_it(
    loop: loops.Loop, shared: login.Login, keystone: Keystone
) -> None:
    keystone.hangs = threading.Event()

    async def one_of_three_stops() -> list[Any]:
        waiting = [asyncio.ensure_future(shared.headers()) for _ in range(3)]
        await asyncio.sleep(0.01)
        waiting[0].cancel()
        await asyncio.sleep(0)
        assert keystone.hangs
        keystone.hangs.set()
        return await asyncio.gather(*waiting, return_exceptions=True)

    first, *others = loop.run(one_of_three_stops())

    assert isinstance(first, asyncio.CancelledError)
    assert others == [{'X-Auth-Token': 'token-1'}] * 2
    assert keystone.logins == 1


#: Of a token that is to be renewed, and one that has ended.
SOON = datetime.timedelta(seconds=20)
PAST = datetime.timedelta(seconds=-1)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the clock forward by so many seconds from now."""

    def later(seconds: float) -> None:
        at = time.time() + seconds
        monkeypatch.setattr(login, '_now', lambda: at)

    return later


def renewed(loop: loops.Loop, shared: login.Login) -> str:
    """The token once what is under way has ended."""

    async def wait() -> str:
        await asyncio.sleep(0.05)
        return (await shared.headers())['X-Auth-Token']

    return loop.run(wait())


@pytest.mark.parametrize(
    ('lasts', 'kept', 'seconds'),
    [(HOUR / 36, 69, 71), (HOUR / 60, 29, 31), (HOUR / 180, 9, 11)],
)
def test_a_token_is_renewed_before_its_end_beside_the_requests(
    loop: loops.Loop,
    shared: login.Login,
    keystone: Keystone,
    later: Callable[[float], None],
    lasts: datetime.timedelta,
    kept: float,
    seconds: float,
) -> None:
    """30 seconds before, or after half of its life."""
    keystone.lasts = lasts
    assert loop.run(shared.headers()) == {'X-Auth-Token': 'token-1'}
    keystone.lasts = HOUR
    later(kept)
    assert renewed(loop, shared) == 'token-1'
    assert keystone.logins == 1
    later(seconds)

    async def ask_often() -> list[str]:
        found = [await shared.headers() for _ in range(50)]
        return [one['X-Auth-Token'] for one in found]

    assert loop.run(ask_often()) == ['token-1'] * 50
    assert renewed(loop, shared) == 'token-2'
    assert keystone.logins == 2


@pytest.mark.parametrize('hangs', [False, True])
def test_a_keystone_that_is_down_stops_nobody_who_has_a_token(
    loop: loops.Loop,
    shared: login.Login,
    keystone: Keystone,
    web: conftest.Web,
    later: Callable[[float], None],
    hangs: bool,
) -> None:
    """Down or hanging, shortly before the token ends."""
    nodes(web)
    keystone.lasts = SOON
    loop.run(shared.headers())
    later(11)
    keystone.error = ksa_exceptions.ConnectFailure('down')
    if hangs:
        keystone.hangs = threading.Event()
    hosts = [f'good{at}' for at in range(20)]

    began = time.monotonic()
    for _ in range(3):
        assert ask_all(loop, shared, *hosts) == dict.fromkeys(hosts, 'fine')

    assert time.monotonic() - began < 5


def test_a_renewal_that_failed_is_tried_again(
    loop: loops.Loop,
    shared: login.Login,
    keystone: Keystone,
    later: Callable[[float], None],
) -> None:
    """After half of the time that is left, and not with each request."""
    keystone.lasts = SOON
    loop.run(shared.headers())
    keystone.error = ksa_exceptions.ConnectFailure('down')
    later(11)
    assert [renewed(loop, shared) for _ in range(3)] == ['token-1'] * 3
    assert keystone.logins == 2

    keystone.error, keystone.lasts = None, HOUR
    later(16)

    assert [renewed(loop, shared) for _ in range(2)][-1] == 'token-3'


def test_a_renewal_that_was_rejected_names_its_cloud_each_time(
    loop: loops.Loop, keystone: Keystone, later: Callable[[float], None]
) -> None:
    """Also if nobody waited for the renewal."""
    session = ksa_session.Session(auth=keystone)
    shared = login.Login(session, TIMEOUT, 'far')
    keystone.lasts = SOON
    loop.run(shared.headers())
    keystone.error = ksa_exceptions.Unauthorized('The account is locked')
    later(11)
    # The first call starts the renewal, which ends before the second.
    assert [renewed(loop, shared) for _ in range(2)] == ['token-1'] * 2
    assert keystone.logins == 2
    later(21)

    with pytest.raises(errors.LoginRejected) as caught:
        loop.run(shared.headers())

    assert caught.value.cloud == 'far'
    assert keystone.logins == 2


def test_a_password_that_was_rejected_is_not_sent_again(
    loop: loops.Loop,
    shared: login.Login,
    keystone: Keystone,
    later: Callable[[float], None],
) -> None:
    """Not even while the token is valid: it could lock the account."""
    keystone.lasts = SOON
    loop.run(shared.headers())
    keystone.error = ksa_exceptions.Unauthorized('Wrong password')

    for seconds in (11, 16, 18, 19):
        later(seconds)
        assert renewed(loop, shared) == 'token-1'

    assert keystone.logins == 2


def test_a_token_that_has_ended_is_not_sent(
    loop: loops.Loop, shared: login.Login, keystone: Keystone
) -> None:
    keystone.lasts = PAST
    loop.run(shared.headers())
    keystone.lasts = HOUR

    assert loop.run(shared.headers()) == {'X-Auth-Token': 'token-2'}

    keystone.lasts = PAST
    assert loop.run(shared.headers()) == {'X-Auth-Token': 'token-2'}


def test_a_token_that_has_ended_and_no_keystone_is_a_failed_login(
    loop: loops.Loop, shared: login.Login, keystone: Keystone
) -> None:
    keystone.lasts = PAST
    loop.run(shared.headers())
    keystone.error = ksa_exceptions.ConnectFailure('down')

    with pytest.raises(errors.LoginFailed, match='down'):
        loop.run(shared.headers())


class NoToken(plugin.BaseAuthPlugin):
    """A login without a token."""

    def get_token(self, session: Any) -> str | None:
        return None


@pytest.mark.parametrize(
    ('auth', 'expected'),
    [
        (NoToken(), 'Not logged in'),
        (None, 'Keystone did not issue a token: An auth plugin is required'),
    ],
)
def test_without_a_login_nothing_is_sent(
    loop: loops.Loop, web: conftest.Web, auth: Any, expected: str
) -> None:
    shared = login.Login(ksa_session.Session(auth=auth), 5)

    with pytest.raises(errors.LoginFailed) as caught:
        loop.run(clients(loop, shared, 'edge')[0].request('GET', '/'))

    assert str(caught.value).startswith(expected)
    assert web.requests == []


def test_what_needs_no_token_needs_no_login(
    loop: loops.Loop,
    web: conftest.Web,
    keystone: Keystone,
    shared: login.Login,
) -> None:
    web.answers('GET', 'http://edge.example/versions', text='{}')
    (client,) = clients(loop, shared, 'edge')

    answer = loop.run(client.request('GET', '/versions', authenticated=False))

    assert (answer, keystone.logins) == ({}, 0)
    assert 'X-Auth-Token' not in web.history[0].headers


def test_the_login_of_openstackclient_is_used(
    loop: loops.Loop, keystone: Keystone
) -> None:
    """Nothing may show that token either."""
    now = datetime.datetime.now(datetime.UTC)
    keystone.auth_ref = types.SimpleNamespace(
        auth_token='the-token-of-openstackclient', expires=now + HOUR
    )
    shared = login.Login(ksa_session.Session(auth=keystone), TIMEOUT)

    assert loop.run(shared.headers()) == {
        'X-Auth-Token': 'the-token-of-openstackclient'
    }
    assert shared.secrets == {'the-token-of-openstackclient'}
    assert keystone.logins == 0


def test_the_last_two_tokens_are_secrets_that_can_be_told_from_words(
    loop: loops.Loop, shared: login.Login, keystone: Keystone
) -> None:
    keystone.lasts = PAST
    loop.run(shared.headers())
    # 'token-1' might be anything.
    assert shared.secrets == set()

    keystone.logins = 9
    loop.run(shared.headers())
    loop.run(shared.headers())

    assert shared.secrets == {'token-10', 'token-11'}

    loop.run(shared.headers())

    assert shared.secrets == {'token-11', 'token-12'}


def test_a_node_that_is_down_is_not_keystones_fault(
    loop: loops.Loop, web: conftest.Web, shared: login.Login
) -> None:
    web.nameless.add('down.example')

    assert ask_all(loop, shared, 'down') == {'down': 'Unreachable'}


def test_any_exception_of_a_plugin_is_a_failed_login(
    loop: loops.Loop,
    shared: login.Login,
    keystone: Keystone,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A bare Exception is what a missing password raises."""
    keystone.error = Exception('password is a required attribute')

    with pytest.raises(errors.LoginFailed) as failed:
        loop.run(shared.headers())

    assert str(failed.value) == (
        'Keystone did not issue a token: password is a required attribute. No '
        "request was sent to the node. Check the login with 'openstack token "
        "issue'."
    )

    gc.collect()
    assert caplog.messages == []
