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


"""The login behind requests: renewed, told apart from nodes, kept secret."""

import json
import logging
from typing import Any

from keystoneauth1 import plugin
from keystoneauth1 import session as ksa_session
from keystoneauth1.identity import v3
import pytest
import requests

from glance_cache_osc import errors
from glance_cache_osc.drivers import http
from glance_cache_osc.transport import bounds
from glance_cache_osc.transport import login
from tests.cli import payloads as p
from tests.unit import conftest

CACHE = f'{p.EDGE}/v2/cache'
TOKENS = f'{p.KEYSTONE}/auth/tokens'
NODE_DOWN = 'Is glance-api running there, and is this its address?'


@pytest.fixture
def client() -> http.NodeClient:
    """Logs in with a password."""
    auth = v3.Password(
        p.KEYSTONE,
        username='admin',
        password='secret',
        user_domain_id='default',
        project_name='admin',
        project_domain_id='default',
    )
    return http.NodeClient(ksa_session.Session(auth=auth), p.EDGE, 2.5)


def token(text: str) -> dict[str, Any]:
    return {
        'json': p.TOKEN,
        'headers': {'X-Subject-Token': text},
        'status_code': 201,
    }


def test_a_token_that_expires_meanwhile_is_renewed(
    client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('POST', TOKENS, token('first-token'), token('second-token'))
    web.answers('GET', CACHE, {'status_code': 401}, {'text': '[]'})

    assert client.request('GET', '/v2/cache') == []

    assert web.requests == [
        f'POST {TOKENS}',
        f'GET {CACHE}',
        f'POST {TOKENS}',
        f'GET {CACHE}',
    ]
    assert web.history[1].headers['X-Auth-Token'] == 'first-token'
    assert web.history[3].headers['X-Auth-Token'] == 'second-token'


DOWN = {'exc': requests.exceptions.ConnectionError('refused')}
SILENT = {'exc': requests.exceptions.ConnectTimeout('silent')}
BROKEN = {'status_code': 503, 'text': ''}
LOCKED_OUT = {
    'status_code': 401,
    'headers': {'Content-Type': 'application/json'},
    'json': {
        'error': {
            'code': 401,
            'message': 'The request you have made requires authentication.',
            'title': 'Unauthorized',
        }
    },
}


@pytest.mark.parametrize(
    ('keystone', 'expected'),
    [
        (
            DOWN,
            'Keystone could not be asked for a token: Unable to establish '
            f'connection to {TOKENS}: refused. The node was not asked. Is '
            'Keystone up?',
        ),
        (
            SILENT,
            'Keystone could not be asked for a token: Request to '
            f'{TOKENS} timed out. The node was not asked. Is Keystone up?',
        ),
        (
            BROKEN,
            'Keystone gave no token: Service Unavailable (HTTP 503). The '
            'node was not asked.',
        ),
        (
            LOCKED_OUT,
            'Keystone gave no token: The request you have made requires '
            'authentication. (HTTP 401). The node was not asked.',
        ),
    ],
)
@pytest.mark.parametrize('renewed', [False, True])
def test_a_keystone_that_is_down_is_not_the_nodes_fault(
    client: http.NodeClient,
    web: conftest.Web,
    keystone: dict[str, Any],
    expected: str,
    renewed: bool,
) -> None:
    """At the first login, or when a node no longer takes the token."""
    if renewed:
        web.answers('POST', TOKENS, token('first-token'), keystone)
        web.answers('GET', CACHE, status_code=401)
    else:
        web.answers('POST', TOKENS, keystone)

    with pytest.raises(errors.LoginFailed) as caught:
        client.request('GET', '/v2/cache')

    assert str(caught.value) == expected


def test_a_node_that_is_down_is_not_keystones_fault(
    client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('POST', TOKENS, **token('first-token'))
    web.answers('GET', CACHE, **DOWN)

    with pytest.raises(errors.Unreachable) as caught:
        client.request('GET', '/v2/cache')

    assert str(caught.value) == f'Cannot connect: refused. {NODE_DOWN}'


def test_without_a_login_nothing_is_sent(web: conftest.Web) -> None:
    client = http.NodeClient(ksa_session.Session(), p.EDGE, 2.5)

    with pytest.raises(errors.LoginFailed, match='There is no login'):
        client.request('GET', '/v2/cache')

    assert web.requests == []


def test_what_needs_no_token_needs_no_login(web: conftest.Web) -> None:
    web.answers('GET', f'{p.EDGE}/versions', text='{}')
    client = http.NodeClient(ksa_session.Session(), p.EDGE, 2.5)

    assert client.request('GET', '/versions', authenticated=False) == {}


def test_keystone_is_not_held_to_the_bounds_of_a_node(
    client: http.NodeClient, web: conftest.Web
) -> None:
    """It is asked within a request to a node."""
    within = []

    def answer(request: Any, context: Any) -> str:
        within.append(bounds.current())
        context.headers['X-Subject-Token'] = 'first-token'
        return json.dumps(p.TOKEN)

    web.answers('POST', TOKENS, text=answer, status_code=201)
    web.answers('GET', CACHE, text='[]')

    client.request('GET', '/v2/cache')

    assert within == [None]
    assert bounds.current() is None


def test_no_token_is_left_in_a_text(
    client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('POST', TOKENS, token('first-token'), token('second-token'))
    web.answers('GET', CACHE, {'status_code': 401}, {'text': '[]'})
    client.request('GET', '/v2/cache')

    hide = client._login.hide

    assert hide('a first-token, a second-token.') == 'a ***, a ***.'
    assert hide('plain') == 'plain'


class Plugin(plugin.BaseAuthPlugin):
    """A login whose token comes as a library likes it."""

    def __init__(self, token: Any) -> None:
        super().__init__()
        self._token = token

    def get_headers(self, session: Any) -> Any:
        return {'X-Auth-Token': self._token}


@pytest.mark.parametrize(
    ('sent', 'hidden'),
    [
        ('a-token!', True),
        (b'a-token!', True),
        # One that short would be found in everything.
        ('a-token', False),
        ('', False),
    ],
)
def test_a_token_is_hidden_that_can_be_told_from_text(
    sent: str | bytes, hidden: bool
) -> None:
    session = ksa_session.Session(auth=Plugin(sent))
    made = login.Login(session)
    said = 'It is a-token!'

    made.plugin.get_headers(session)
    made.plugin.get_headers(session)

    assert made.hide(said) == ('It is ***' if hidden else said)
    assert made.is_in(said.encode()) is hidden
    assert len(made._tokens) == hidden


def test_without_a_token_nothing_is_hidden() -> None:
    session = ksa_session.Session(auth=Plugin('secret-token'))
    made = login.Login(session)

    assert made.hide('secret-token') == 'secret-token'
    assert not made.is_in(b'secret-token')


@pytest.mark.parametrize(
    ('logger', 'level', 'told'),
    [
        ('urllib3.connectionpool', logging.DEBUG, True),
        ('urllib3.connectionpool', logging.INFO, True),
        # Over headers that make no sense, with a traceback.
        ('urllib3.connectionpool', logging.WARNING, False),
        ('urllib3.response', logging.ERROR, False),
        ('keystoneauth.session', logging.WARNING, True),
    ],
)
def test_only_urllib3_is_not_to_warn(
    caplog: pytest.LogCaptureFixture, logger: str, level: int, told: bool
) -> None:
    login.guard_logs()

    with caplog.at_level('DEBUG'), bounds.Exchange(1).entered():
        logging.getLogger(logger).log(level, 'words')

    assert caplog.messages == (['words'] if told else [])


def test_no_traceback_is_logged_of_a_node(
    caplog: pytest.LogCaptureFixture,
) -> None:
    login.guard_logs()
    trouble = ValueError('\x1b[2J')

    with caplog.at_level('DEBUG'), bounds.Exchange(1).entered():
        logging.getLogger('keystoneauth.session').info('x', exc_info=trouble)

    (record,) = caplog.records
    assert record.exc_info is None


def test_a_log_says_what_was_sent_and_steers_nothing(
    client: http.NodeClient,
    web: conftest.Web,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Keystoneauth logs headers and bodies as they came."""
    web.answers('POST', TOKENS, **token('first-token'))
    web.answers(
        'GET',
        CACHE,
        text='["\x1b[2J\u202e"]',
        headers={
            'Content-Type': 'application/json',
            'X-Echo': 'it was first-token\x1b[31m',
        },
    )

    with caplog.at_level('DEBUG'), pytest.raises(errors.BadReply):
        client.request('GET', '/v2/cache')

    told = '\n'.join(caplog.messages)
    assert f'curl -g -i -X GET {CACHE}' in told
    assert 'X-Echo: it was ***\\x1b[31m' in told
    assert 'RESP BODY: ["\\x1b[2J\\u202e"]' in told
    assert 'first-token' not in told
    assert '\x1b' not in told


def test_other_peoples_logs_are_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    login.guard_logs()

    with caplog.at_level('DEBUG'):
        logging.getLogger('keystoneauth.session').info('%s\n', 'x')

    assert caplog.messages == ['x\n']
