# SPDX-License-Identifier: Apache-2.0

"""Requests to one node, and the words that its faults get.

The bytes are those of Glance 33, HAProxy and nginx; glanceclient reads them.
What a socket may do besides is in `tests.fuzz`.
"""

import dataclasses

import pytest

from glance_cache_osc import errors
from glance_cache_osc.drivers import http
from glance_cache_osc.transport import engine
from glance_cache_osc.transport import loop as loops
from tests import web as webs
from tests.cli import payloads as p
from tests.fuzz import clients
from tests.unit import conftest

CACHE = f'{p.EDGE}/v2/cache'
JSON = {'Content-Type': 'application/json'}
HTML = {'Content-Type': 'text/html; charset=UTF-8'}
PERMISSION = (
    'Log in as an administrator, or permit cache_list, cache_image and '
    'cache_delete in the API policies of the node.'
)
LATER = 'Try again later, and check the log of the server.'

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


def failure(
    run: conftest.Run, client: http.NodeClient, method: str = 'GET'
) -> errors.NodeError:
    """The error that a request to the cache ends with."""
    with pytest.raises(errors.NodeError) as caught:
        run(client.request(method, '/v2/cache'))
    return caught.value


def test_json_is_decoded(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('GET', CACHE, text='{"a": [1, null]}', headers=JSON)

    assert run(client.request('GET', '/v2/cache')) == {'a': [1, None]}


@pytest.mark.parametrize('status', [200, 202, 204])
def test_an_answer_without_a_body_is_nothing(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web, status: int
) -> None:
    web.answers('PUT', CACHE, status_code=status, headers=HTML)

    assert run(client.request('PUT', '/v2/cache')) is None


def test_a_request_is_sent_with_the_token_and_the_timeout(
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
    sent: list[engine.Request],
) -> None:
    web.answers('DELETE', CACHE, status_code=204)

    run(
        client.request(
            'DELETE',
            '/v2/cache',
            headers={'x-image-cache-clear-target': 'queue'},
        )
    )

    headers = web.history[0].headers
    assert headers['X-Auth-Token'] == 'gAAAAA-the-token'
    assert headers['x-image-cache-clear-target'] == 'queue'
    assert headers['User-Agent'] == 'glance-cache-osc'
    assert headers['Accept'] == '*/*'
    (request,) = sent
    assert (request.connect_timeout, request.timeout) == (2.5, 2.5)


def test_a_request_is_sent_to_the_address_of_its_client(
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
    sent: list[engine.Request],
) -> None:
    web.answers('GET', CACHE, text='[]')
    other = dataclasses.replace(client, address='127.0.0.2')

    run(other.reconnecting().send('GET', '/v2/cache'))

    headers = web.history[0].headers
    assert headers[webs.CONNECTED_TO] == '127.0.0.2'
    assert headers['X-Auth-Token'] == conftest.TOKEN
    assert [one.fresh for one in sent] == [True]


def test_a_client_with_a_failure_sends_no_request(
    loop: loops.Loop, web: conftest.Web
) -> None:
    client = clients.client(loop.engine, p.EDGE, 1)
    client = dataclasses.replace(
        client, failure=errors.Unreachable('Cannot resolve the host name')
    )
    depths = []
    for __ in range(3):
        with pytest.raises(errors.Unreachable) as caught:
            loop.run(client.send('GET', '/v2/cache'))
        assert caught.value is client.failure
        depths.append(len(caught.traceback))

    assert len(set(depths)) == 1
    assert web.requests == []


def test_a_path_that_the_node_does_not_know(
    loop: loops.Loop, web: conftest.Web
) -> None:
    web.answers('GET', f'{p.EDGE}/image/v2/cache', status_code=300)
    client = clients.client(loop.engine, f'{p.EDGE}/image', 1)

    with pytest.raises(errors.NotGlance, match='has a wrong path'):
        loop.run(client.request('GET', '/v2/cache'))


def test_a_request_may_have_a_timeout_of_its_own(
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
    sent: list[engine.Request],
) -> None:
    web.answers('POST', f'{CACHE}/prune', status_code=204)

    run(client.request('POST', '/v2/cache/prune', timeout=600))

    (request,) = sent
    assert (request.connect_timeout, request.timeout) == (2.5, 600)


def test_an_unauthenticated_request_carries_no_token(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('GET', f'{p.EDGE}/versions', text='{}', headers=JSON)

    run(client.request('GET', '/versions', authenticated=False))

    assert 'X-Auth-Token' not in web.history[0].headers


@pytest.mark.parametrize(
    'endpoint',
    [
        'http://edge.example:9292',
        'https://edge.example/image',
        'http://edge.example/100%25',
        'http://edge.example/%25(tenant)s/../x/./y',
        'http://[::1]:9292',
    ],
)
def test_the_endpoint_is_meant_as_it_stands(
    web: conftest.Web,
    certificates: webs.Certificates,
    loop: loops.Loop,
    endpoint: str,
) -> None:
    session = clients.session()
    session.verify = str(certificates.path)
    client = clients.client(loop.engine, endpoint, 1, logged_in=session)
    web.answers('GET', f'{endpoint}/v2/cache', text='[]', headers=JSON)

    loop.run(client.request('GET', '/v2/cache'))

    assert web.requests == [f'GET {endpoint}/v2/cache']


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
    run: conftest.Run,
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

    assert str(failure(run, client)) == expected


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
    run: conftest.Run,
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

    error = failure(run, client)

    assert type(error) is kind
    if isinstance(error, errors.Refused):
        assert error.status == status


@pytest.mark.parametrize(
    ('status', 'expected'),
    [
        (
            300,
            'The endpoint redirects to another one (HTTP 300). Use the '
            'endpoint that it redirects to.',
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
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
    status: int,
    expected: str,
) -> None:
    """No name of a class of glanceclient's is a person's word."""
    web.answers('GET', CACHE, status_code=status)

    assert str(failure(run, client)) == expected


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
    run: conftest.Run,
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

    assert str(failure(run, client)) == expected


def test_a_gateway_that_gave_up_is_a_fault_of_the_server(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        CACHE,
        status_code=504,
        headers={'Content-Type': 'text/html'},
        text=HAPROXY_504,
    )

    assert str(failure(run, client)) == (
        "The server failed with HTTP 504: The server didn't respond in time. "
        f'{LATER}'
    )


def test_a_token_that_is_not_accepted(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web
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

    assert str(failure(run, client)) == (
        'The endpoint rejected the token of this login. Check that it belongs '
        'to the cloud that you logged in to.'
    )


def test_a_login_that_is_required_of_a_request_without_a_token(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web
) -> None:
    """As by Glance, if the endpoint ends with /v2/images."""
    web.answers('GET', CACHE, status_code=401)

    with pytest.raises(errors.Forbidden) as caught:
        run(client.request('GET', '/v2/cache', authenticated=False))

    assert str(caught.value) == (
        'The endpoint requires a login for a request without a token. Check '
        'the path of the endpoint, and proxies in front of it.'
    )


def test_long_words_are_cut(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers(
        'GET',
        CACHE,
        status_code=409,
        headers=HTML,
        text=p.fault('409 Conflict', 'x' * 400),
    )

    # The line that is cut begins with '409 Conflict: '.
    assert str(failure(run, client)) == 'x' * 286 + ' [...].'


@pytest.mark.parametrize('status', [301, 302, 303, 304, 305, 307, 308])
def test_a_redirect_is_not_followed_and_gets_no_token(
    run: conftest.Run,
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
        error = failure(run, client)

    assert isinstance(error, errors.NotGlance)
    assert str(error) == (
        f'The endpoint redirects to another one (HTTP {status}). Use the '
        'endpoint that it redirects to.'
    )
    # Nobody tried to, even without the place to go to.
    assert caplog.messages == []
    assert web.requests == [f'GET {CACHE}']


def test_a_node_that_is_silent(
    run: conftest.Run, hasty: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('GET', CACHE, **webs.SILENT)

    error = failure(run, hasty)

    assert isinstance(error, errors.TimedOut)
    assert error.connected is True
    assert str(error) == (
        'No response within 0.05 seconds. Check that the service is up. To '
        'wait longer, use --node-timeout.'
    )
    assert error.__cause__ is not None


def test_a_connection_that_is_refused(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('GET', CACHE, **webs.REFUSED)

    error = failure(run, client)

    assert type(error) is errors.Unreachable
    assert error.down is True
    assert str(error) == (
        'Cannot connect: Connection refused. Check that glance-api is running '
        'at this address.'
    )


def test_a_name_that_nobody_knows(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web
) -> None:
    web.nameless.add('edge.example')

    error = failure(run, client)

    assert type(error) is errors.Unreachable
    assert (error.down, error.connected) == (False, False)
    assert str(error) == (
        'Cannot resolve the host name: Name or service not known. Check the '
        'spelling of the host name, and the DNS servers.'
    )


def test_a_node_that_hangs_up_is_unreachable(
    run: conftest.Run, client: http.NodeClient, web: conftest.Web
) -> None:
    web.answers('GET', CACHE, **webs.CLOSED)

    error = failure(run, client)

    assert type(error) is errors.Unreachable
    assert error.connected is True
    assert str(error) == (
        'The connection broke: Empty reply from server. Check the network '
        'between here and the node.'
    )


@pytest.mark.parametrize('headers', [JSON, HTML, {}])
@pytest.mark.parametrize(
    'content',
    [
        *(b'<html>', b'\xff\xfe', b'{', b'[NaN]', b'Infinity', b'-Infinity'),
        *(b'[' * 100_000, b'9' * 5000, b'1 2'),
    ],
    ids=range(9),
)
def test_an_answer_that_is_no_json(
    run: conftest.Run,
    client: http.NodeClient,
    web: conftest.Web,
    headers: dict[str, str],
    content: bytes,
) -> None:
    web.answers('GET', CACHE, headers=headers, content=content)

    error = failure(run, client)

    assert type(error) is errors.BadReply
    assert str(error) == (
        'The response is not valid JSON. Check that this is a Glance endpoint.'
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
    run: conftest.Run,
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

    error = failure(run, client)

    assert type(error) is kind
    assert 'has no' not in str(error)
    assert 'codec' not in str(error)
