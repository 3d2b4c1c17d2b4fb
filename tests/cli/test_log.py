# SPDX-License-Identifier: Apache-2.0

"""What `--debug` and `--timing` show of our requests: argv in, output out."""

from collections.abc import Callable
import logging
import re
from typing import Any

import openstackclient.shell
import pytest

from tests import web
from tests.cli import fleets
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import Logged
from tests.cli.conftest import OpenStack
from tests.cli.conftest import PATIENCE
from tests.shell import Result

CACHE = f'{p.GLANCE}/v2/cache'
IMAGES = f'{p.GLANCE}/v2/images'
TOKEN = 'gAAAAA-the-token'
#: As `printf gAAAAA-the-token | sha256sum` has it.
HASHED = (
    '{SHA256}bd406b1a903d2aa329251df5b712bf46782f91d5db685341e2f025b6ff342fea'
)
LIST = ('image', 'cache', 'list', '-f', 'value', '-c', 'ID')


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what belongs to the program is logged, and timed."""
    for name in ('requests_mock', 'asyncio'):
        monkeypatch.setattr(logging.getLogger(name), 'disabled', True)
    monkeypatch.setattr(
        logging.getLogger('requests_mock.adapter'), 'disabled', True
    )
    monkeypatch.setattr(
        openstackclient.shell.OpenStackShell, 'timing_data', []
    )


def ours(result: Result) -> list[str]:
    """The lines on requests that the command itself sent.

    Without the ID that all of them share, which a line before them shows.
    """
    lines = result.err.splitlines()
    began = next(
        at for at, line in enumerate(lines) if line.startswith('run(Name')
    )
    ended = next(
        at for at, line in enumerate(lines) if line.startswith('clean_up')
    )
    found = lines[began + 1 : ended]
    words, __, request_id = lines[began - 1].rpartition(' ')
    assert words == 'Request ID of this command in the logs of Glance:'
    header = f' -H "X-OpenStack-Request-ID: {request_id}"'
    asked = [one for one in found if one.startswith('REQ: ')]
    assert all(header in one for one in asked)
    return [one.replace(header, '') for one in found]


def sent(method: str, url: str, *headers: str) -> str:
    """The line on a request."""
    shown = [
        *headers,
        'Accept: */*',
        'User-Agent: glance-cache-osc',
        f'X-Auth-Token: {HASHED}',
    ]
    words = ' '.join(f'-H "{one}"' for one in shown)
    return f'REQ: curl -g -i -X {method} "{url}" {words}'


def test_requests_and_responses_are_shown(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers(
        'GET',
        CACHE,
        text='{"cached_images": [], "queued_images": ["a"]}',
        headers={
            'Content-Type': 'application/json',
            'X-Openstack-Request-Id': 'req-1',
        },
    )

    result = openstack('--debug', *LIST)

    assert (result.code, result.out) == (0, 'a\n')
    assert ours(result) == [
        sent('GET', CACHE),
        'RESP: [200] content-type: application/json '
        'x-openstack-request-id: req-1 content-length: 45',
        'RESP BODY: {"cached_images": [], "queued_images": ["a"]}',
    ]
    assert TOKEN not in result.err


def test_changes_are_shown_with_their_headers(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, text='{"cached_images":[],"queued_images":[]}')
    cloud.answers('DELETE', CACHE, status_code=204)

    result = openstack('--debug', 'image', 'cache', 'clear', '--queue')

    assert result.code == 0
    assert ours(result) == [
        sent('GET', CACHE),
        'RESP: [200] content-length: 39',
        'RESP BODY: {"cached_images":[],"queued_images":[]}',
        sent('DELETE', CACHE) + ' -H "x-image-cache-clear-target: queue"',
        'RESP: [204]',
        'RESP BODY: ',
    ]


def test_what_is_not_sent_the_token_shows_none(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', f'{p.GLANCE}/versions', **fleets.WELCOME_PAGE)

    result = openstack('--debug', 'image', 'cache', 'node', 'list')

    assert result.code == 1
    assert ours(result)[:3] == [
        f'REQ: curl -g -i -X GET "{p.GLANCE}/versions" '
        '-H "Accept: */*" -H "User-Agent: glance-cache-osc"',
        'RESP: [404] content-type: text/html content-length: 31',
        'RESP BODY: <html><body>nginx</body></html>',
    ]


def test_insecure_is_shown(cloud: Cloud, openstack: OpenStack) -> None:
    cache = 'https://edge.example:9292/v2/cache'
    cloud.use_unknown_ca('edge.example')
    cloud.answers('GET', cache, json=p.cache())

    result = openstack(
        '--debug', '--insecure', *LIST, '--node', 'https://edge.example:9292'
    )

    assert result.code == 0
    assert ours(result)[0] == sent('GET', cache).replace(
        'curl -g -i -X', 'curl -g -i --insecure -X'
    )


def test_a_terminal_is_not_steered(cloud: Cloud, openstack: OpenStack) -> None:
    """By a header, by a body, or by bytes that are no text."""
    cloud.answers(
        'GET',
        CACHE,
        **web.sends(
            b'HTTP/1.1 200 OK\r\nX-Evil: \x1b[2J\xe2\x80\xae\r\n'
            b'Content-Length: 29\r\n\r\n'
            b'\x1b]0;owned\x07\n\x00RESP: [200]\xff\xe2\x80\xae\r\n'
        ),
    )

    result = openstack('--debug', *LIST)

    assert result.code == 1
    assert ours(result)[1:3] == [
        'RESP: [200] x-evil: \\x1b[2Jâ\\x80® content-length: 29',
        'RESP BODY: \\x1b]0;owned\\x07\\n\\x00RESP: [200]\ufffd\\u202e\\r\\n',
    ]
    assert not re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]', result.err)


def test_a_token_that_comes_back_is_hashed(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers(
        'GET', CACHE, text=f'<p>{TOKEN}</p>', headers={'X-Echo': TOKEN}
    )

    result = openstack('--debug', *LIST)

    assert ours(result)[1:] == [
        f'RESP: [200] x-echo: {HASHED} content-length: 23',
        f'RESP BODY: <p>{HASHED}</p>',
        f'Cannot read the cache of {p.GLANCE}: The response contains the '
        'token of this login. The response is not shown. Do not trust this '
        'endpoint.',
    ]
    assert TOKEN not in result.err


def test_the_beginning_of_a_long_body_is_shown(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, text='[' + 16_384 * '1')

    result = openstack('--debug', *LIST)

    assert ours(result)[1:3] == [
        'RESP: [200] content-length: 16385',
        'RESP BODY: [' + 16_383 * '1',
    ]


def test_a_request_without_a_response_is_shown(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, **web.REFUSED)

    result = openstack('--debug', *LIST)

    assert ours(result) == [
        sent('GET', CACHE),
        f'Cannot read the cache of {p.GLANCE}: Cannot connect: Connection '
        'refused. Check that glance-api is running at this address.',
    ]


@pytest.mark.parametrize('argv', [(), ('-v',), ('-q',)])
def test_nobody_who_did_not_ask_sees_requests(
    cloud: Cloud, openstack: OpenStack, argv: tuple[str, ...]
) -> None:
    cloud.answers('GET', CACHE, json=p.cache())

    result = openstack(*argv, *LIST)

    assert (result.code, result.out) == (0, '')
    assert not re.search('^(REQ|RESP)', result.err, re.MULTILINE)


KEYSTONE_TIMES = f'"GET {p.KEYSTONE}",0\n"POST {p.KEYSTONE}/auth/tokens",0\n'


def untimed(out: str) -> str:
    """What was printed, with 0 for all seconds."""
    return re.sub(r'",[0-9.e-]+$', '",0', out, flags=re.MULTILINE)


def test_timing_lists_our_requests(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
    logged: Logged,
) -> None:
    """Each that was answered, in the order of the answers."""
    clouds_yaml(p.FLEET)
    refused = logged('RESP: [403]')

    def answer(_request: Any, _context: Any) -> Any:
        assert refused.wait(PATIENCE)
        return p.cache(p.cached(p.UBUNTU))

    far = f'{p.EDGE}/v2/cache'
    cloud.answers('GET', CACHE, json=answer)
    cloud.answers('GET', far, status_code=403, text='')
    cloud.answers(
        'GET', IMAGES, json=p.images(p.image(p.UBUNTU, 'ubuntu-24.04'))
    )

    result = openstack(
        *('--timing', '--os-cloud', 'far', 'image', 'cache', 'list'),
        *('-f', 'value', '-c', 'Name'),
    )

    assert (result.code, untimed(result.out)) == (
        1,
        'ubuntu-24.04\n\n"URL","Seconds"\n'
        f'{KEYSTONE_TIMES}'
        f'"GET {far}",0\n'
        f'"GET {CACHE}",0\n'
        f'"GET {IMAGES}?id=in%3A{p.UBUNTU}&visibility=all&limit=1000",0\n'
        '"Total",0\n',
    )


def test_timing_leaves_out_what_was_not_answered(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, **web.SILENT)

    result = openstack('--timing', *LIST)

    assert (result.code, untimed(result.out)) == (
        1,
        f'\n"URL","Seconds"\n{KEYSTONE_TIMES}"Total",0\n',
    )


def test_timing_of_a_hook(cloud: Cloud, openstack: OpenStack) -> None:
    """OpenStackClient's own command sends nothing."""
    stores = f'{p.GLANCE}/v2/info/stores'
    store = f'{p.GLANCE}/v2/stores/fast/{p.UBUNTU}'
    cloud.answers('GET', stores, json={'stores': [{'id': 'fast'}]})
    cloud.answers('GET', IMAGES, json=p.images(p.image(p.UBUNTU, 'u')))
    cloud.answers('DELETE', store, status_code=204)

    result = openstack(
        '--timing', 'image', 'delete', '--store', 'fast', p.UBUNTU
    )

    urls = re.findall(r'^\| ([A-Z]+ http\S+) ', result.out, re.MULTILINE)
    assert (result.code, urls) == (
        0,
        [
            f'GET {p.KEYSTONE}',
            f'POST {p.KEYSTONE}/auth/tokens',
            f'GET {stores}',
            f'GET {IMAGES}?id=in%3A{p.UBUNTU}&visibility=all&limit=1000',
            f'DELETE {store}',
        ],
    )


def test_seconds_are_those_of_a_request(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache())

    result = openstack('--timing', *LIST)

    found = re.search(rf'"GET {CACHE}",([0-9.e-]+)', result.out)
    assert found
    assert 0 < float(found[1]) < 20
