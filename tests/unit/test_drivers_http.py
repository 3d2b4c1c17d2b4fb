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

"""Requests to one node, and the words that its faults get.

The bytes are those of Glance 33, HAProxy and nginx; glanceclient and
keystoneauth1 read them.
"""

from http import client as http_client
import io
import ssl
import threading
from typing import Any
from typing import NoReturn

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import plugin
from keystoneauth1 import session as ksa_session
import pytest
import requests
import urllib3

from glance_cache_osc import errors
from glance_cache_osc.drivers import http
from tests.cli import payloads as p
from tests.unit import conftest

CACHE = f'{p.EDGE}/v2/cache'
JSON = {'Content-Type': 'application/json'}
HTML = {'Content-Type': 'text/html; charset=UTF-8'}
PERMISSION = (
    'Log in as an administrator, or have the policies of that Glance '
    '(cache_list, cache_image, cache_delete) allow it.'
)
NO_SENSE = 'Its answer makes no sense'
LATER = 'Try again later; its log says more.'

HAPROXY_503 = """\
<html><body><h1>503 Service Unavailable</h1>
No server is available to handle this request.
</body></html>

"""
HAPROXY_504 = """\
<html><body><h1>504 Gateway Time-out</h1>
The server didn't respond in time.
</body></html>

"""
NGINX_502 = (
    '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n'
    '<center><h1>502 Bad Gateway</h1></center>\r\n'
    '<hr><center>nginx/1.24.0</center>\r\n</body>\r\n</html>\r\n'
)


def failure(client: http.NodeClient, method: str = 'GET') -> errors.NodeError:
    """The error that a request to the cache ends with."""
    with pytest.raises(errors.NodeError) as caught:
        client.request(method, '/v2/cache')
    return caught.value


def pool() -> urllib3.HTTPConnectionPool:
    return urllib3.HTTPConnectionPool('edge.example', 9292)


def refuse(request: Any, context: Any) -> NoReturn:
    """Raise what requests raises where nothing listens."""
    try:
        try:
            try:
                raise ConnectionRefusedError(111, 'Connection refused')
            except OSError as error:
                raise urllib3.exceptions.NewConnectionError(
                    urllib3.connection.HTTPConnection('edge.example', 9292),
                    f'Failed to establish a new connection: {error}',
                ) from error
        except urllib3.exceptions.NewConnectionError as reason:
            raise urllib3.exceptions.MaxRetryError(
                pool(), '/v2/cache', reason
            ) from reason
    except urllib3.exceptions.MaxRetryError as error:
        # requests has no "from" here either.
        raise requests.exceptions.ConnectionError(  # noqa: B904
            error, request=request
        )


def distrust(request: Any, context: Any) -> NoReturn:
    """Raise what requests raises where the CA is unknown."""
    _fail_tls(request, conftest.rejection(18, 'self-signed certificate'))


def speak_plainly(request: Any, context: Any) -> NoReturn:
    """Raise what requests raises where https meets an http server."""
    _fail_tls(
        request,
        ssl.SSLError(
            1, '[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)'
        ),
    )


def _fail_tls(request: Any, root: ssl.SSLError) -> NoReturn:
    try:
        try:
            try:
                raise root
            except ssl.SSLError as error:
                raise urllib3.exceptions.SSLError(error) from error
        except urllib3.exceptions.SSLError as reason:
            raise urllib3.exceptions.MaxRetryError(
                pool(), '/v2/cache', reason
            ) from reason
    except urllib3.exceptions.MaxRetryError as error:
        # requests has no "from" here either.
        raise requests.exceptions.SSLError(  # noqa: B904
            error, request=request
        )


def test_json_is_decoded(client: http.NodeClient, web: conftest.Web) -> None:
    web.answers('GET', CACHE, text='{"a": [1, null]}', headers=JSON)

    assert client.request('GET', '/v2/cache') == {'a': [1, None]}


@pytest.mark.parametrize('status', [200, 202, 204])
def test_an_answer_without_a_body_is_nothing(
    client: http.NodeClient, web: conftest.Web, status: int
) -> None:
    web.answers('PUT', CACHE, status_code=status, headers=HTML)

    assert client.request('PUT', '/v2/cache') is None


def test_a_request_is_sent_with_the_token_and_the_timeout(
    client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('DELETE', CACHE, status_code=204)

    client.request(
        'DELETE',
        '/v2/cache',
        headers={'x-image-cache-clear-target': 'queue'},
    )

    sent = web.history[0]
    assert sent.headers['X-Auth-Token'] == 'gAAAAA-the-token'
    assert sent.headers['x-image-cache-clear-target'] == 'queue'
    assert sent.headers['User-Agent'].startswith('glance-cache-osc')
    assert sent.timeout == 2.5
    assert sent.verify is True


def test_an_unauthenticated_request_carries_no_token(
    client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('GET', f'{p.EDGE}/versions', text='{}', headers=JSON)

    client.request('GET', '/versions', authenticated=False)

    assert 'X-Auth-Token' not in web.history[0].headers
    assert web.history[0].timeout == 2.5


@pytest.mark.parametrize(
    ('endpoint', 'sent'),
    [
        ('http://edge.example:9292', 'http://edge.example:9292'),
        ('https://edge.example/image', 'https://edge.example/image'),
        ('http://edge.example/100%25', 'http://edge.example/100%25'),
        ('http://edge.example/%(tenant)s', 'http://edge.example/%25(tenant)s'),
        ('http://[::1]:9292', 'http://[::1]:9292'),
    ],
)
def test_the_endpoint_is_meant_as_it_stands(
    session: ksa_session.Session, web: conftest.Web, endpoint: str, sent: str
) -> None:
    web.answers('GET', f'{sent}/v2/cache', text='[]', headers=JSON)

    http.NodeClient(session, endpoint, 1).request('GET', '/v2/cache')

    assert web.requests == [f'GET {sent}/v2/cache']


@pytest.mark.parametrize(
    ('status', 'headers', 'text', 'expected'),
    [
        (
            '400 Bad Request',
            HTML,
            p.fault(
                '400 Bad Request',
                'Only images with status active can be targeted for queueing',
            ),
            'Only images with status active can be targeted for queueing.',
        ),
        (
            '403 Forbidden',
            HTML,
            p.fault(
                '403 Forbidden',
                'You are not authorized to complete cache_list action.',
            ),
            'You are not authorized to complete cache_list action. '
            f'{PERMISSION}',
        ),
        (
            '403 Forbidden',
            HTML,
            p.fault(
                '403 Forbidden', 'Forbidden image: 404 Not Found, they say'
            ),
            'Forbidden image: 404 Not Found, they say. ' + PERMISSION,
        ),
        (
            '404 Not Found',
            HTML,
            p.fault('404 Not Found', f'Image {p.UBUNTU} not found.'),
            f'Image {p.UBUNTU} not found.',
        ),
        (
            '404 Not Found',
            HTML,
            p.fault('404 Not Found', 'The resource could not be found.'),
            'The resource could not be found.',
        ),
        (
            '405 Method Not Allowed',
            HTML,
            p.fault(
                '405 Method Not Allowed',
                'The method POST is not allowed for this resource.',
            ),
            'The method POST is not allowed for this resource.',
        ),
        (
            '409 Conflict',
            HTML,
            p.fault('409 Conflict', 'Centralized caching is not enabled'),
            'Centralized caching is not enabled.',
        ),
        (
            '409 Conflict',
            HTML,
            p.fault(
                '409 Conflict',
                'Image &quot;a &amp; b&quot; is &lt;in use&gt;, isn&#x27;t it',
            ),
            'Image "a & b" is <in use>, isn\'t it.',
        ),
        (
            '409 Conflict',
            {'Content-Type': 'application/json'},
            '{"conflict": {"code": 409, "message": "It is in use"}}',
            'It is in use.',
        ),
        (
            '500 Internal Server Error',
            HTML,
            p.fault('500 Internal Server Error', 'Disk on fire.'),
            f'The server failed with HTTP 500: Disk on fire. {LATER}',
        ),
        (
            '502 Bad Gateway',
            HTML,
            NGINX_502,
            f'The server failed with HTTP 502: nginx/1.24.0. {LATER}',
        ),
        (
            '503 Service Unavailable',
            {'Content-Type': 'text/html'},
            HAPROXY_503,
            'The server failed with HTTP 503: No server is available to '
            f'handle this request. {LATER}',
        ),
        (
            '503 Service Unavailable',
            {'Content-Type': 'text/plain'},
            'Down for\n\n\tmaintenance',
            f'The server failed with HTTP 503: Down for maintenance. {LATER}',
        ),
    ],
)
def test_a_fault_keeps_glances_own_words(
    client: http.NodeClient,
    web: conftest.Web,
    status: str,
    headers: dict[str, str],
    text: str,
    expected: str,
) -> None:
    web.answers(
        'GET', CACHE, status_code=int(status[:3]), headers=headers, text=text
    )

    assert str(failure(client)) == expected


@pytest.mark.parametrize(
    ('status', 'kind'),
    [
        (400, errors.Refused),
        (401, errors.Forbidden),
        (403, errors.Forbidden),
        (404, errors.Refused),
        (405, errors.Refused),
        (409, errors.Refused),
        (410, errors.Refused),
        (413, errors.Refused),
        (429, errors.Refused),
        (500, errors.ServerFault),
        (501, errors.ServerFault),
        (502, errors.ServerFault),
        (503, errors.ServerFault),
        (504, errors.ServerFault),
        (507, errors.ServerFault),
    ],
)
def test_every_status_has_its_error(
    client: http.NodeClient,
    web: conftest.Web,
    status: int,
    kind: type[errors.NodeError],
) -> None:
    web.answers(
        'GET',
        CACHE,
        status_code=status,
        headers=HTML,
        text=p.fault(f'{status} Trouble', 'Words.'),
    )

    error = failure(client)

    assert type(error) is kind
    if isinstance(error, errors.Refused):
        assert error.status == status


@pytest.mark.parametrize(
    ('status', 'expected'),
    [
        (
            300,
            'It answers with a redirect (HTTP 300). Give the endpoint that '
            'it redirects to.',
        ),
        (400, 'HTTP 400 Bad Request.'),
        (403, f'HTTP 403 Forbidden. {PERMISSION}'),
        (404, 'HTTP 404 Not Found.'),
        (409, 'HTTP 409 Conflict.'),
        (429, 'HTTP 429 Too Many Requests.'),
        (499, 'HTTP 499.'),
        (500, f'The server failed with HTTP 500. {LATER}'),
        (503, f'The server failed with HTTP 503. {LATER}'),
        (504, f'The server failed with HTTP 504. {LATER}'),
    ],
)
def test_a_fault_without_words_is_told_by_its_number(
    client: http.NodeClient,
    web: conftest.Web,
    status: int,
    expected: str,
) -> None:
    """No name of a class of glanceclient's is a person's word."""
    web.answers('GET', CACHE, status_code=status)

    assert str(failure(client)) == expected


@pytest.mark.parametrize(
    ('status', 'expected'),
    [
        ('404 Not Found', 'HTTP 404 Not Found.'),
        (
            '500 Internal Server Error',
            f'The server failed with HTTP 500. {LATER}',
        ),
    ],
)
def test_a_page_without_words_is_told_by_its_number(
    client: http.NodeClient,
    web: conftest.Web,
    status: str,
    expected: str,
) -> None:
    web.answers(
        'GET',
        CACHE,
        status_code=int(status[:3]),
        headers=HTML,
        text=p.fault(status, ''),
    )

    assert str(failure(client)) == expected


def test_a_gateway_that_gave_up_is_a_fault_of_the_server(
    client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        CACHE,
        status_code=504,
        headers={'Content-Type': 'text/html'},
        text=HAPROXY_504,
    )

    assert str(failure(client)) == (
        "The server failed with HTTP 504: The server didn't respond in time. "
        f'{LATER}'
    )


def test_a_token_that_is_not_accepted(
    client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        CACHE,
        status_code=401,
        headers={
            'Content-Type': 'text/html; charset=UTF-8',
            'WWW-Authenticate': 'Keystone uri="http://keystone.other:5000"',
        },
        text=p.fault('401 Unauthorized', 'This server could not verify.'),
    )

    assert str(failure(client)) == (
        'It does not accept the token of this login. '
        'Does it belong to the cloud that you logged in to?'
    )


def test_long_words_are_cut(
    client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        CACHE,
        status_code=409,
        headers=HTML,
        text=p.fault('409 Conflict', 'x' * 400),
    )

    # The line that is cut begins with '409 Conflict: '.
    assert str(failure(client)) == 'x' * 286 + '….'


@pytest.mark.parametrize('status', [301, 302, 303, 304, 305, 307, 308])
def test_a_redirect_is_not_followed_and_gets_no_token(
    client: http.NodeClient,
    web: conftest.Web,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    web.answers(
        'GET',
        CACHE,
        status_code=status,
        headers={'Location': 'http://evil.example/v2/cache'},
    )

    with caplog.at_level('WARNING'):
        error = failure(client)

    assert isinstance(error, errors.NotGlance)
    assert str(error) == (
        f'It answers with a redirect (HTTP {status}). '
        'Give the endpoint that it redirects to.'
    )
    # Nobody tried to, even without the place to go to.
    assert caplog.messages == []
    assert web.requests == [f'GET {CACHE}']


@pytest.mark.parametrize(
    ('exception', 'kind', 'expected'),
    [
        (
            requests.exceptions.ConnectTimeout,
            errors.TimedOut,
            "No answer within 2.5 seconds. Is the node up? '--node-timeout' "
            'sets how long to wait.',
        ),
        (
            requests.exceptions.ReadTimeout,
            errors.TimedOut,
            "No answer within 2.5 seconds. Is the node up? '--node-timeout' "
            'sets how long to wait.',
        ),
        (
            requests.exceptions.InvalidURL('Failed to parse: http://a b'),
            errors.Unreachable,
            'Cannot connect: Failed to parse: http://a b. Is glance-api '
            'running there, and is this its address?',
        ),
        (
            requests.exceptions.ConnectionError(),
            errors.Unreachable,
            'Cannot connect: ConnectionError. Is glance-api running there, '
            'and is this its address?',
        ),
    ],
)
def test_no_connection(
    client: http.NodeClient,
    web: conftest.Web,
    exception: Any,
    kind: type[errors.NodeError],
    expected: str,
) -> None:
    web.answers('GET', CACHE, exc=exception)

    error = failure(client)

    assert type(error) is kind
    assert str(error) == expected
    assert error.__cause__ is not None


@pytest.mark.parametrize(
    ('exception', 'connected'),
    [
        (requests.exceptions.ConnectTimeout, False),
        (requests.exceptions.ReadTimeout, True),
    ],
)
def test_a_timeout_tells_whether_there_was_a_connection(
    client: http.NodeClient,
    web: conftest.Web,
    exception: Any,
    connected: bool,
) -> None:
    web.answers('GET', CACHE, exc=exception)

    error = failure(client)

    assert isinstance(error, errors.TimedOut)
    assert error.connected is connected


def test_a_refused_connection_is_told_in_two_words(
    client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('GET', CACHE, text=refuse)

    error = failure(client)

    assert type(error) is errors.Unreachable
    assert error.down is True
    assert str(error) == (
        'Cannot connect: Connection refused. Is glance-api running there, '
        'and is this its address?'
    )


def test_what_was_being_handled_before_is_not_the_cause(
    client: http.NodeClient, web: conftest.Web
) -> None:
    """A request that is made while an error is handled, as `versions` does.

    Python hangs that error below everything that is raised meanwhile.
    """
    web.answers('GET', CACHE, text=refuse)

    try:
        raise errors.Refused('The resource could not be found')
    except errors.Refused:
        error = failure(client)

    assert str(error) == (
        'Cannot connect: Connection refused. Is glance-api running there, '
        'and is this its address?'
    )


def test_a_certificate_that_does_not_verify(
    session: ksa_session.Session, web: conftest.Web
) -> None:
    web.answers('GET', 'https://edge.example/v2/cache', text=distrust)

    error = failure(http.NodeClient(session, 'https://edge.example', 2.5))

    assert type(error) is errors.CertificateRejected
    assert str(error) == (
        'Its TLS certificate is not from a CA that is trusted here: '
        "self-signed certificate. Name its CA with '--os-cacert' or "
        "'cacert' in clouds.yaml."
    )


def test_http_behind_https_is_no_matter_of_certificates(
    session: ksa_session.Session, web: conftest.Web
) -> None:
    """No CA helps there."""
    web.answers('GET', 'https://edge.example/v2/cache', text=speak_plainly)

    error = failure(http.NodeClient(session, 'https://edge.example', 2.5))

    assert type(error) is errors.Unreachable
    assert str(error) == (
        'TLS failed: [SSL: WRONG_VERSION_NUMBER] wrong version number '
        '(_ssl.c:1006). Does it speak https there?'
    )


@pytest.mark.parametrize('headers', [JSON, HTML, {}])
@pytest.mark.parametrize('content', [b'<html>', b'\xff\xfe', b'{'])
def test_an_answer_that_is_no_json(
    client: http.NodeClient,
    web: conftest.Web,
    headers: dict[str, str],
    content: bytes,
) -> None:
    web.answers('GET', CACHE, headers=headers, content=content)

    error = failure(client)

    assert type(error) is errors.BadReply
    assert str(error) == (
        'Its answer is not JSON. Is this the endpoint of a Glance?'
    )


@pytest.mark.parametrize(
    ('status', 'kind'),
    [(418, errors.Refused), (404, errors.Refused), (503, errors.ServerFault)],
)
@pytest.mark.parametrize(
    ('headers', 'content'),
    [
        ({}, b'Down'),
        (JSON, b'{"error": "down"}'),
        (JSON, b'["down"]'),
        (JSON, b'Down'),
        ({'Content-Type': 'text/plain'}, b'\xff'),
    ],
)
def test_a_status_counts_whatever_the_page_looks_like(
    client: http.NodeClient,
    web: conftest.Web,
    status: int,
    kind: type[errors.NodeError],
    headers: dict[str, str],
    content: bytes,
) -> None:
    """A 503 of a proxy means "later", not "this is no Glance"."""
    web.answers(
        'GET', CACHE, status_code=status, headers=headers, content=content
    )

    error = failure(client)

    assert type(error) is kind
    assert 'has no' not in str(error)
    assert 'codec' not in str(error)


class Broken(io.RawIOBase):
    """A body that fails while it is read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        raise self._error


@pytest.mark.parametrize('status', [200, 500])
@pytest.mark.parametrize(
    ('broken', 'kind'),
    [
        (
            urllib3.exceptions.ProtocolError(
                'Connection broken',
                ConnectionResetError(104, 'Connection reset by peer'),
            ),
            errors.Unreachable,
        ),
        (
            urllib3.exceptions.IncompleteRead(3, 4),
            errors.Unreachable,
        ),
        (
            urllib3.exceptions.ReadTimeoutError(
                pool(), '/v2/cache', 'Read timed out.'
            ),
            errors.TimedOut,
        ),
    ],
)
def test_a_connection_that_breaks_while_the_answer_is_read(
    client: http.NodeClient,
    web: conftest.Web,
    status: int,
    broken: Exception,
    kind: type[errors.NodeError],
) -> None:
    """The headers came, and then no more: a node that dies or hangs."""
    web.answers(
        'GET', CACHE, status_code=status, headers=JSON, body=Broken(broken)
    )

    error = failure(client)

    assert isinstance(error, kind)
    assert error.why.startswith(
        'The connection broke: '
        if kind is errors.Unreachable
        else 'No answer within 2.5 seconds'
    )


class NoLogin(plugin.BaseAuthPlugin):
    """A login that Keystone refuses."""

    def get_token(self, session: ksa_session.Session) -> str | None:
        raise ksa_exceptions.AuthorizationFailure(
            'Authorization failed:\n  the account is locked'
        )


def test_a_login_that_fails_meanwhile(web: conftest.Web) -> None:
    client = http.NodeClient(ksa_session.Session(auth=NoLogin()), p.EDGE, 1)

    error = failure(client)

    assert type(error) is errors.LoginFailed
    assert str(error) == (
        'Keystone gave no token: Authorization failed: the account is '
        'locked. The node was not asked.'
    )
    assert web.requests == []


def test_what_else_keystoneauth_raises_is_told_on_a_line(
    client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers(
        'GET', CACHE, exc=ksa_exceptions.ClientException('Not\n  today')
    )

    assert str(failure(client)) == 'Not today.'


def test_an_error_that_repeats_the_token_is_not_shown(
    client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers(
        'GET', CACHE, exc=requests.ConnectionError(f'no {conftest.TOKEN} here')
    )

    assert str(failure(client)) == (
        'Its answer repeats the token of this login. It is not shown. Do not '
        'trust what answers there.'
    )


def test_a_file_that_is_missing_is_no_bug(
    client: http.NodeClient, web: conftest.Web
) -> None:
    """Requests raises what comes, and other nodes may need no such file."""
    web.answers(
        'GET',
        CACHE,
        exc=OSError(
            'Could not find a suitable TLS CA certificate bundle, invalid '
            'path: /gone.pem'
        ),
    )

    assert str(failure(client)) == (
        'It was not asked: Could not find a suitable TLS CA certificate '
        'bundle, invalid path: /gone.pem. See --os-cacert and --os-cert, and '
        'clouds.yaml.'
    )


def test_headers_that_make_no_sense_are_no_http(
    client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('GET', CACHE, exc=UnicodeError)

    assert str(failure(client)) == (
        'Its answer is not HTTP. Is this the endpoint of a Glance?'
    )


def test_several_threads_share_one_transport(
    client: http.NodeClient, web: conftest.Web
) -> None:
    """It is made with the first request, which may be several at once."""
    web.answers('GET', CACHE, text='[]', headers=JSON)
    start = threading.Barrier(8, timeout=20)
    answers = []

    def ask() -> None:
        start.wait()
        answers.append(client.request('GET', '/v2/cache'))

    threads = [threading.Thread(target=ask) for __ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [[]] * 8
    assert len(web.requests) == 8


def abort(reason: http_client.HTTPException) -> Any:
    """Raise what requests raises over an answer that is none."""

    def answer(request: Any, context: Any) -> NoReturn:
        try:
            try:
                raise reason
            except http_client.HTTPException as error:
                raise urllib3.exceptions.ProtocolError(
                    'Connection aborted.', error
                ) from error
        except urllib3.exceptions.ProtocolError as error:
            raise requests.exceptions.ConnectionError(  # noqa: B904
                error, request=request
            )

    return answer


def test_what_speaks_no_http_is_no_glance(
    client: http.NodeClient, web: conftest.Web
) -> None:
    """None of its bytes are passed on."""
    web.answers(
        'GET', CACHE, text=abort(http_client.BadStatusLine('\x1b[31m'))
    )

    error = failure(client)

    assert type(error) is errors.NotGlance
    assert str(error) == (
        'Its answer is not HTTP. Is this the endpoint of a Glance?'
    )


def test_a_node_that_hangs_up_is_unreachable(
    client: http.NodeClient, web: conftest.Web
) -> None:
    hung_up = http_client.RemoteDisconnected(
        'Remote end closed connection without response'
    )
    web.answers('GET', CACHE, text=abort(hung_up))

    error = failure(client)

    assert type(error) is errors.Unreachable
    assert error.connected is True
    assert str(error) == (
        'The connection broke: Remote end closed connection without response. '
        'It may have done what it was asked: look, and ask again.'
    )
