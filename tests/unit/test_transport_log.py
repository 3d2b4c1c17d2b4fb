# SPDX-License-Identifier: Apache-2.0

"""What `openstack --debug` shows of requests and responses."""

import logging

import pytest

from glance_cache_osc import errors
from glance_cache_osc.drivers import http
from glance_cache_osc.transport import engine
from glance_cache_osc.transport import log
from glance_cache_osc.transport import loop as loops
from glance_cache_osc.transport import settings
from tests.cli import payloads as p
from tests.fuzz import clients
from tests.unit import conftest

CACHE = f'{p.EDGE}/v2/cache'
#: The SHA256 of the tests' token, as keystoneauth shows it.
HASHED = (
    '{SHA256}bd406b1a903d2aa329251df5b712bf46782f91d5db685341e2f025b6ff342fea'
)
#: And that of the word 'secret'.
SECRET = (
    '{SHA256}2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b'
)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is logged, which is shown from the beginning."""
    caplog.set_level('DEBUG', 'glance_cache_osc')
    return caplog


def test_requests_and_responses_are_logged_as_those_of_other_commands(
    logged: pytest.LogCaptureFixture,
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
) -> None:
    web.answers(
        'GET',
        CACHE,
        text='["fine"]',
        headers={'X-Openstack-Request-Id': 'req-1'},
    )

    run(client.request('GET', '/v2/cache'))

    assert logged.messages == [
        'REQ: curl -g -i -X GET "http://edge.example:9292/v2/cache" -H '
        '"Accept: */*" -H "User-Agent: glance-cache-osc" -H '
        f'"X-Auth-Token: {HASHED}" -H '
        f'"X-OpenStack-Request-ID: {client.engine.request_id}"',
        'RESP: [200] x-openstack-request-id: req-1 content-length: 8',
        'RESP BODY: ["fine"]',
    ]


def test_a_log_neither_tells_the_token_nor_steers_a_terminal(
    logged: pytest.LogCaptureFixture,
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
) -> None:
    web.answers(
        'GET',
        CACHE,
        content=f'["{conftest.TOKEN}\x1b[2J\u202e\0\x9b"]'.encode(),
        headers={'X-Echo': f'{conftest.TOKEN}\x1b[31m'},
    )

    with pytest.raises(errors.BadReply):
        run(client.request('GET', '/v2/cache'))

    assert f'RESP BODY: ["{HASHED}\\x1b[2J\\u202e\\x00\\x9b"]' in logged.text
    assert f'x-echo: {HASHED}\\x1b[31m' in logged.text
    assert conftest.TOKEN not in logged.text
    for character in '\x1b\u202e\0\x9b':
        assert character not in logged.text


def request(**headers: str) -> engine.Request:
    return engine.Request(
        method='GET',
        url='http://edge',
        headers=headers,
        connect_timeout=1,
        timeout=1,
        max_size=1,
        settings=settings.Settings(verify=None),
    )


@pytest.mark.parametrize(
    ('secrets', 'text', 'expected'),
    [
        ({'secret'}, 'a secret.', f'a {SECRET}.'),
        (['secret', 'other'], 'secret', SECRET),
        ([], 'a secret', 'a secret'),
    ],
)
def test_secrets_are_hashed(
    secrets: set[str], text: str, expected: str
) -> None:
    assert log.hide(text, secrets) == expected


@pytest.mark.parametrize(
    'name', ['X-Auth-Token', 'Authorization', 'x-auth-token']
)
def test_a_header_that_is_a_secret_is_hashed_however_short(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A Glance without Keystone takes any word, which others may be."""
    with caplog.at_level('DEBUG', 'glance_cache_osc'):
        log.sent(request(**{name: 'secret', 'X-Other': 'secret'}))

    (message,) = caplog.messages
    assert f'"{name}: {SECRET}"' in message
    assert '"X-Other: secret"' in message


def test_a_secret_of_an_earlier_request_is_hidden(
    logged: pytest.LogCaptureFixture,
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
) -> None:
    """A node may keep it for an answer to a request without it."""
    web.answers('GET', CACHE, text='[]')
    web.answers(
        'GET',
        f'{p.EDGE}/versions',
        text=f'["{conftest.TOKEN}"]',
        headers={'X-Echo': conftest.TOKEN},
    )
    run(client.request('GET', '/v2/cache'))

    with pytest.raises(errors.BadReply, match='contains the token'):
        run(client.request('GET', '/versions', authenticated=False))

    assert conftest.TOKEN not in logged.text
    assert f'x-echo: {HASHED}' in logged.text


def test_a_certificate_that_is_not_looked_at_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level('DEBUG', 'glance_cache_osc'):
        log.sent(request())

    assert caplog.messages == [
        'REQ: curl -g -i --insecure -X GET "http://edge"'
    ]


def test_of_a_long_body_the_beginning_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = engine.Response(200, {}, b'x' * 10**6, 0.1)

    with caplog.at_level('DEBUG', 'glance_cache_osc'):
        log.received(request(), response)

    assert caplog.messages[-1] == 'RESP BODY: ' + 'x' * 16384


def test_what_is_no_text_is_logged_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = engine.Response(200, {}, b'a\xff\xfe', 0.1)

    with caplog.at_level('DEBUG', 'glance_cache_osc'):
        log.received(request(), response)

    assert caplog.messages[-1] == 'RESP BODY: a\ufffd\ufffd'


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    """The only logger, which pytest does not listen to."""
    made = logging.Logger('alone')  # noqa: LOG001 - pytest finds others
    monkeypatch.setattr(log, '_LOG', made)
    return made


@pytest.mark.parametrize(
    ('level', 'handlers', 'expected'),
    [
        (logging.DEBUG, [logging.DEBUG], True),
        (logging.DEBUG, [logging.NOTSET], True),
        # OpenStackClient's loggers take all, and its handlers decide.
        (logging.DEBUG, [logging.WARNING], False),
        (logging.DEBUG, [logging.WARNING, logging.DEBUG], True),
        (logging.DEBUG, [], False),
        (logging.INFO, [logging.DEBUG], False),
    ],
)
def test_what_nobody_reads_is_not_made(
    logger: logging.Logger,
    monkeypatch: pytest.MonkeyPatch,
    web: conftest.Web,
    level: int,
    handlers: list[int],
    expected: bool,
) -> None:
    """Ten thousand requests, and the text of none."""
    made: list[str] = []
    monkeypatch.setattr(log, 'sent', lambda *_: made.append('sent'))
    monkeypatch.setattr(log, 'received', lambda *_: made.append('received'))
    web.answers('GET', CACHE, text='[]')
    logger.setLevel(level)
    for one in handlers:
        handler = logging.NullHandler()
        handler.setLevel(one)
        logger.addHandler(handler)

    with loops.Loop() as loop:
        client = clients.client(loop.engine, p.EDGE, 1)
        loop.run(client.request('GET', '/v2/cache'))

    assert log.is_shown() is expected
    assert made == (['sent', 'received'] if expected else [])


def test_a_logger_may_keep_its_messages(logger: logging.Logger) -> None:
    logger.setLevel(logging.DEBUG)
    logger.parent = logging.Logger('above')  # noqa: LOG001 - pytest finds others
    logger.parent.addHandler(logging.NullHandler())
    assert log.is_shown()

    logger.propagate = False
    assert not log.is_shown()


def test_a_logger_further_up_hides_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of those, only the handlers are asked."""
    caplog.set_level('WARNING')
    assert not log.is_shown()

    with caplog.at_level('DEBUG', 'glance_cache_osc.transport'):
        assert log.is_shown()
        log.sent(request())

    assert len(caplog.messages) == 1


def test_requests_are_shown_to_who_times_them(
    loop: loops.Loop, client: http.NodeClient, web: conftest.Web
) -> None:
    """`openstack --timing` lists them, failed ones included."""
    web.answers('GET', CACHE, status_code=404)
    seen: list[tuple[str, str, int]] = []

    def observe(request: engine.Request, response: engine.Response) -> None:
        assert 0 < response.elapsed < 5
        seen.append((request.method, request.url, response.status))

    loop.engine.observer = observe
    with pytest.raises(errors.Refused):
        loop.run(client.request('GET', '/v2/cache'))

    assert seen == [('GET', CACHE, 404)]
