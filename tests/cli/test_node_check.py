# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache node check`: argv in, output out."""

import email.utils
import itertools
import json
import os
import re
import signal
import time
import types
from typing import Any

from cryptography import x509
import pytest

from glance_cache_osc.verifying import checks
from tests import web
from tests.cli import fleets
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.faults import certificates as authorities
from tests.shell import Result

CHECK = ('image', 'cache', 'node', 'check')
FLEET = ('--os-cloud', 'far', *CHECK)
BRIEF = ('-f', 'value', '-c', 'Node', '-c', 'Check', '-c', 'Result')
ONE = ('-f', 'value', '-c', 'Check', '-c', 'Result')
IMAGES = f'{p.GLANCE}/v2/images'
CACHE = f'{p.GLANCE}/v2/cache'
VERSIONS = f'{p.GLANCE}/versions'
DATA = p.data_of('ubuntu')
HTTPS = 'https://edge.example'

#: This machine's clock, in tests.
NOW = 1795232820.0

TABLE = """\
+-------------+-------+---------+---------------------------------------------------------------+
| Node        | Check | Result  | Details                                                       |
+-------------+-------+---------+---------------------------------------------------------------+
| edge-bergen | clock | warning | -90 seconds off the clock of this machine. Check NTP on both. |
+-------------+-------+---------+---------------------------------------------------------------+
"""
DRIFT = '-90 seconds off the clock of this machine. Check NTP on both.'
JSON = f"""\
[
  {{
    "Node": "edge-bergen",
    "Check": "clock",
    "Result": "warning",
    "Details": "{DRIFT}"
  }}
]
"""
YAML = f"""\
- Check: clock
  Details: {DRIFT}
  Node: edge-bergen
  Result: warning
"""
CSV = f"""\
"Node","Check","Result","Details"
"edge-bergen","clock","warning","{DRIFT}"
"""
VALUE = f'edge-bergen clock warning {DRIFT}\n'
ALL = (
    ('responds', 'ok', 'Images API 2.18'),
    ('cache', 'ok', ''),
    ('list permission', 'ok', ''),
    ('change permission', 'ok', ''),
    ('cloud', 'ok', ''),
    ('serving', 'unknown', 'Use --probe-size to read an image'),
    ('own list', 'ok', ''),
    (
        *('single node', 'unknown'),
        'No sign of several nodes behind this endpoint',
    ),
    ('clock', 'ok', ''),
)
LONG_TABLE = """\
+----------------------------+-------------------+---------+-----------------------------------------------+
| Node                       | Check             | Result  | Details                                       |
+----------------------------+-------------------+---------+-----------------------------------------------+
| http://glance.example:9292 | responds          | ok      | Images API 2.18                               |
| http://glance.example:9292 | cache             | ok      |                                               |
| http://glance.example:9292 | list permission   | ok      |                                               |
| http://glance.example:9292 | change permission | ok      |                                               |
| http://glance.example:9292 | cloud             | ok      |                                               |
| http://glance.example:9292 | serving           | unknown | Use --probe-size to read an image             |
| http://glance.example:9292 | own list          | ok      |                                               |
| http://glance.example:9292 | single node       | unknown | No sign of several nodes behind this endpoint |
| http://glance.example:9292 | clock             | ok      |                                               |
+----------------------------+-------------------+---------+-----------------------------------------------+
"""
LONG_JSON = (
    json.dumps(
        [
            {
                'Node': p.GLANCE,
                'Check': name,
                'Result': result,
                'Details': details,
            }
            for name, result, details in ALL
        ],
        indent=2,
    )
    + '\n'
)
LONG_YAML = ''.join(
    f'- Check: {name}\n  Details: {details or repr("")}\n'
    f'  Node: {p.GLANCE}\n  Result: {result}\n'
    for name, result, details in ALL
)
LONG_CSV = '"Node","Check","Result","Details"\n' + ''.join(
    f'"{p.GLANCE}","{name}","{result}","{details}"\n'
    for name, result, details in ALL
)
LONG_VALUE = ''.join(
    f'{p.GLANCE} {name} {result} {details}\n' for name, result, details in ALL
)


def date(seconds: float = 0) -> dict[str, str]:
    """The headers of a node whose clock is so many seconds fast."""
    return {'Date': email.utils.formatdate(NOW + seconds, usegmt=True)}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What time it is."""
    fake = types.SimpleNamespace(time=lambda: NOW)
    monkeypatch.setattr(checks, 'time', fake)


class Node:
    """A node that is as it should be, unless a test changes it.

    :param cached: the items of its list.
    """

    def __init__(
        self, cloud: Cloud, root: str = p.GLANCE, *cached: dict[str, Any]
    ) -> None:
        self.held = {one['image_id']: dict(one) for one in cached}
        self.queued: list[str] = []
        self.data = DATA
        #: Whether a read is counted, and where.
        self.counts: list[Node] = [self]
        self.headers = date()
        self._cloud, self._root = cloud, root
        self.answers('/versions', json=self._versions)
        self.answers('/v2/cache', json=self._list)
        self.answers(f'/v2/images/{p.UBUNTU}', json={'id': p.UBUNTU})
        self.answers(f'/v2/images/{p.UBUNTU}/file', content=self._read)

    def answers(self, path: str, *listed: dict[str, Any], **one: Any) -> None:
        """Answer something else."""
        self._cloud.adapter.register_uri(
            'GET', self._root + path, list(listed) or [one]
        )

    @property
    def reads(self) -> int:
        """How often the data of an image was read."""
        url = f'GET {self._root}/v2/images/{p.UBUNTU}/file'
        return self._cloud.requests.count(url)

    def _versions(self, _request: Any, context: Any) -> Any:
        context.headers.update(self.headers)
        return p.glance_versions(self._root, '2.18', '2.16', '2.14')

    def _list(self, _request: Any, _context: Any) -> Any:
        return p.cache(*self.held.values(), queued=self.queued)

    def _read(self, _request: Any, _context: Any) -> bytes:
        for node in self.counts:
            node.held[p.UBUNTU]['hits'] += 1
        return self.data


@pytest.fixture
def known(cloud: Cloud) -> list[dict[str, Any]]:
    """The images of Glance, which tests may change."""
    found = [p.hashed(p.UBUNTU, 'ubuntu-24.04', DATA)]

    def answer(_request: Any, _context: Any) -> Any:
        return p.images(*found)

    cloud.adapter.register_uri('GET', IMAGES, json=answer)
    return found


@pytest.fixture
def node(cloud: Cloud, known: list[dict[str, Any]]) -> Node:
    """The one node, with an image cached."""
    return Node(cloud, p.GLANCE, p.cached(p.UBUNTU, size=3000))


@pytest.fixture
def two(
    cloud: Cloud, known: list[dict[str, Any]], clouds_yaml: Any
) -> tuple[Node, Node]:
    """Two nodes whose lists differ in their hits."""
    clouds_yaml(p.FLEET)
    return (
        Node(cloud, p.GLANCE, p.cached(p.UBUNTU, size=3000)),
        Node(cloud, p.EDGE, p.cached(p.UBUNTU, size=3000, hits=9)),
    )


def cells(result: Result) -> dict[tuple[str, str], tuple[str, str]]:
    """Result and details, by node and check."""
    return {
        (row['Node'], row['Check']): (row['Result'], row['Details'])
        for row in json.loads(result.out)
    }


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', TABLE),
        ('json', JSON),
        ('yaml', YAML),
        ('csv', CSV),
        ('value', VALUE),
    ],
)
def test_what_is_not_ok_is_listed(
    two: tuple[Node, Node],
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    two[1].headers = date(-90)

    result = openstack(*FLEET, '-f', name, terminal=terminal)

    assert result == Result(3, expected, '')


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', LONG_TABLE),
        ('json', LONG_JSON),
        ('yaml', LONG_YAML),
        ('csv', LONG_CSV),
        ('value', LONG_VALUE),
    ],
)
def test_all_checks_are_listed(
    cloud: Cloud,
    node: Node,
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    result = openstack(*CHECK, '--long', '-f', name, terminal=terminal)

    assert result == Result(0, expected, '')
    assert not [one for one in cloud.requests if not one.startswith('GET ')]
    assert node.reads == 0


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', '\n'),
        ('json', '[]\n'),
        ('yaml', '[]\n'),
        ('csv', '"Node","Check","Result","Details"\n'),
        ('value', ''),
    ],
)
def test_nothing_is_found(
    node: Node, openstack: OpenStack, name: str, expected: str
) -> None:
    result = openstack(*CHECK, '-f', name)

    assert result == Result(0, expected, '')


def test_each_look_has_a_connection_of_its_own(
    cloud: Cloud, node: Node, openstack: OpenStack
) -> None:
    openstack(*CHECK)

    assert cloud.requests.count(f'GET {CACHE}') == 7
    assert not [
        one
        for one in cloud.history
        if one.url == VERSIONS and 'X-Auth-Token' in one.headers
    ]


@pytest.mark.parametrize(
    ('answer', 'why'),
    [
        (web.REFUSED, 'Cannot connect: Connection refused'),
        (web.SILENT, 'No response within 30 seconds'),
    ],
)
def test_a_node_that_can_not_be_asked(
    cloud: Cloud,
    two: tuple[Node, Node],
    openstack: OpenStack,
    answer: dict[str, Any],
    why: str,
) -> None:
    """The exit code is 1, whatever was found elsewhere."""
    two[0].headers = date(3600)
    cloud.answers('GET', f'{p.EDGE}/versions', **answer)

    result = openstack(*FLEET, '-f', 'json')

    assert result.code == 1
    found = cells(result)
    assert [(key, value[0]) for key, value in found.items()] == [
        (('edge-oslo', 'clock'), 'warning'),
        (('edge-bergen', 'responds'), 'error'),
    ]
    details = found['edge-bergen', 'responds'][1]
    assert details.startswith(why)
    assert result.err == (f'Cannot check edge-bergen ({p.EDGE}): {details}\n')


def test_a_node_that_stays_silent_later(
    cloud: Cloud, node: Node, openstack: OpenStack
) -> None:
    node.answers('/v2/cache', **web.CLOSED)

    result = openstack(*CHECK, *ONE)

    assert (result.code, result.out) == (1, 'list permission unknown\n')
    assert result.err.startswith(f'Cannot check {p.GLANCE}: ')


@pytest.mark.parametrize(
    'answer',
    [
        {'status_code': 404, 'text': 'nginx'},
        {'status_code': 500},
        {'status_code': 302, 'headers': {'Location': 'http://else.example'}},
        {'json': []},
        {'json': {'versions': []}},
        {'json': {'versions': [{'id': 'v1'}]}},
        {'text': 'Welcome'},
        web.sends(b'SSH-2.0-OpenSSH_9.6\r\n\r\n'),
    ],
)
def test_what_is_not_a_glance(
    node: Node, openstack: OpenStack, answer: dict[str, Any]
) -> None:
    node.answers('/versions', **answer)

    result = openstack(*CHECK, *ONE)

    # A failure of the server is not a finding: it may pass.
    code = 1 if answer.get('status_code') == 500 else 3
    assert (result.code, result.out) == (code, 'responds error\n')


def no_cache(node: Node, *versions: str) -> None:
    """Answer as a node without a cache does."""
    document = p.glance_versions(p.GLANCE, *versions)
    node.answers('/versions', json=document, headers=date())
    node.answers('/v2/cache', **fleets.CACHING_OFF)
    gone = {'status_code': 404, 'text': 'no', 'headers': fleets.HTML}
    for path in ('/v2/cached_images', '/v2/queued_images'):
        node.answers(path, **gone)


@pytest.mark.parametrize(
    ('versions', 'why'),
    [
        (('2.17', '2.15'), "The node's image cache is disabled"),
        (('2.13', '2.12'), 'The node supports Images API up to 2.13'),
        (('2.18', '2.14'), '/v2/cache is not found'),
    ],
)
def test_a_node_without_a_cache(
    node: Node, openstack: OpenStack, versions: tuple[str, ...], why: str
) -> None:
    no_cache(node, *versions)

    result = openstack(*CHECK, '-f', 'json')

    assert (result.code, result.err) == (3, '')
    ((key, (outcome, details)),) = cells(result).items()
    assert (key, outcome) == ((p.GLANCE, 'cache'), 'error')
    assert why in details


def test_a_login_that_may_not_list(node: Node, openstack: OpenStack) -> None:
    node.answers('/v2/cache', **fleets.FORBIDS)

    result = openstack(*CHECK, '--long', *ONE)

    assert result == Result(
        3, 'responds ok\ncache ok\nlist permission error\nclock ok\n', ''
    )


@pytest.mark.parametrize('listed', [[], {}, {'cached_images': 7}, 'text'])
def test_a_list_that_is_none(
    node: Node, openstack: OpenStack, listed: Any
) -> None:
    node.answers('/v2/cache', json=listed)

    result = openstack(*CHECK, *ONE)

    assert result == Result(3, 'cache error\n', '')


def test_a_list_that_fails_later(node: Node, openstack: OpenStack) -> None:
    """What was read of it is not compared."""
    good = {'json': p.cache(p.cached(p.UBUNTU))}
    node.answers('/v2/cache', good, good, {'status_code': 500})

    result = openstack(*CHECK, *ONE)

    assert result.code == 1
    assert result.out.startswith('list permission unknown\n')


@pytest.fixture
def no_admin(monkeypatch: pytest.MonkeyPatch) -> None:
    token = p.TOKEN['token']
    monkeypatch.setitem(token, 'roles', [{'id': 'a', 'name': 'reader'}])


@pytest.mark.usefixtures('no_admin')
def test_a_login_without_the_admin_role(
    node: Node, openstack: OpenStack
) -> None:
    result = openstack(*CHECK, '-f', 'json')

    assert (result.code, result.err) == (0, '')
    assert cells(result) == {
        (p.GLANCE, 'change permission'): (
            'unknown',
            "This login does not have the role 'admin'",
        )
    }


def test_a_node_of_another_cloud(
    cloud: Cloud, node: Node, openstack: OpenStack
) -> None:
    node.answers(f'/v2/images/{p.UBUNTU}', status_code=404)

    result = openstack(*CHECK, '-f', 'json')

    assert (result.code, result.err) == (3, '')
    assert cells(result) == {
        (p.GLANCE, 'cloud'): (
            'error',
            'The node cannot find an image of this cloud. Check that the '
            'endpoint belongs to this cloud and region.',
        )
    }
    (example,) = (
        one
        for one in cloud.requests
        if 'limit=1' in one and 'limit=1000' not in one
    )
    assert example == f'GET {IMAGES}?limit=1'


def test_an_image_that_is_deleted_meanwhile(
    known: list[dict[str, Any]], node: Node, openstack: OpenStack
) -> None:
    """Then it shows nothing about the node."""

    def gone(_request: Any, context: Any) -> None:
        known.clear()
        context.status_code = 404

    node.answers(f'/v2/images/{p.UBUNTU}', json=gone)

    result = openstack(*CHECK, *ONE)

    assert result == Result(0, 'cloud unknown\n', '')


def test_a_cloud_without_images(
    known: list[dict[str, Any]], node: Node, openstack: OpenStack
) -> None:
    known.clear()

    result = openstack(*CHECK, '-f', 'json')

    assert (result.code, result.err) == (0, '')
    assert cells(result)[p.GLANCE, 'cloud'] == (
        'unknown',
        'The cloud has no image for this check',
    )


@pytest.mark.parametrize('answer', [{'status_code': 500}, web.CLOSED])
def test_a_node_that_does_not_say_whether_it_knows_an_image(
    node: Node, openstack: OpenStack, answer: dict[str, Any]
) -> None:
    node.answers(f'/v2/images/{p.UBUNTU}', **answer)

    result = openstack(*CHECK, *ONE)

    assert result.out == 'cloud unknown\n'


def test_a_cloud_that_does_not_list_its_images(
    cloud: Cloud, node: Node, openstack: OpenStack
) -> None:
    cloud.adapter.register_uri('GET', IMAGES, status_code=500)

    result = openstack(*CHECK, *ONE)

    assert result.code == 1
    assert result.out == 'cloud unknown\n'
    assert 'The server failed with HTTP 500' in result.err
    assert result.err.count('\n') == 1


@pytest.mark.parametrize(
    ('headers', 'expected', 'code'),
    [
        (date(0), 'ok', 0),
        (date(60), 'ok', 0),
        (date(-60), 'ok', 0),
        (date(61), 'warning', 3),
        (date(-61), 'warning', 3),
        (date(10**9), 'warning', 3),
        ({}, 'unknown', 0),
        ({'Date': ''}, 'unknown', 0),
        ({'Date': 'yesterday'}, 'unknown', 0),
        ({'Date': 'Sat, 99 Nov 2026 03:47:00 GMT'}, 'unknown', 0),
        ({'Date': 'Sat, 21 Nov 99999999999 03:47:00 GMT'}, 'unknown', 0),
        ({'Date': 'Sat, 21 Nov 2026 03:47:00 +99999999'}, 'unknown', 0),
        ({'Date': '\xff\xfe'}, 'unknown', 0),
    ],
)
def test_the_clock_of_a_node(
    node: Node,
    openstack: OpenStack,
    headers: dict[str, str],
    expected: str,
    code: int,
) -> None:
    node.headers = headers

    result = openstack(*CHECK, '--long', *ONE)

    assert (result.code, result.err) == (code, '')
    assert f'clock {expected}\n' in result.out


@pytest.mark.parametrize(
    ('days', 'expected', 'code'),
    [(-40, 'ok', 0), (-28, 'warning', 3), (0, 'warning', 3), (3, 'error', 3)],
)
def test_a_certificate(
    cloud: Cloud,
    known: list[dict[str, Any]],
    openstack: OpenStack,
    certificates: web.Certificates,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    expected: str,
    code: int,
) -> None:
    """It expires a day from the real now; this machine has another time."""
    now = time.time() + days * 86400
    fake = types.SimpleNamespace(time=lambda: now)
    monkeypatch.setattr(checks, 'time', fake)
    node = Node(cloud, HTTPS, p.cached(p.UBUNTU, size=3000))
    node.headers = {'Date': email.utils.formatdate(now, usegmt=True)}

    result = openstack(
        *('--os-cacert', str(certificates.path), *CHECK, '--node', HTTPS),
        *('--long', '-f', 'json'),
    )

    assert (result.code, result.err) == (code, '')
    outcome, details = cells(result)[HTTPS, 'certificate']
    assert outcome == expected
    assert re.fullmatch(
        r'expires on [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4} GMT', details
    )


def test_a_certificate_with_bytes_that_are_not_utf_8(
    cloud: Cloud,
    known: list[dict[str, Any]],
    openstack: OpenStack,
    certificates: web.Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only when it expires is of interest."""
    real = authorities._builder
    comment = x509.UnrecognizedExtension(
        x509.ObjectIdentifier('2.16.840.1.113730.1.13'),
        b'\x16\x03\xff\xf8\xe2',
    )

    def builder(*names: Any, **more: Any) -> x509.CertificateBuilder:
        return real(*names, **more).add_extension(comment, critical=False)

    monkeypatch.setattr(authorities, '_builder', builder)
    monkeypatch.setattr(checks, 'time', time)
    root = 'https://comment.example'
    node = Node(cloud, root, p.cached(p.UBUNTU, size=3000))
    node.headers = {'Date': email.utils.formatdate(usegmt=True)}

    result = openstack(
        *('--os-cacert', str(certificates.path), *CHECK, '--node', root),
        *('-f', 'json'),
    )

    assert (result.code, result.err) == (3, '')
    outcome, details = cells(result)[root, 'certificate']
    assert (outcome, details[-4:]) == ('warning', ' GMT')


def test_a_certificate_that_is_not_trusted(
    cloud: Cloud,
    known: list[dict[str, Any]],
    openstack: OpenStack,
    certificates: web.Certificates,
) -> None:
    cloud.use_unknown_ca('edge.example')

    result = openstack(
        *('--os-cacert', str(certificates.path), *CHECK, '--node', HTTPS),
        *ONE,
    )

    assert (result.code, result.out) == (1, 'responds error\n')
    assert 'TLS certificate' in result.err


A, B, C = (
    {'json': p.cache(p.cached(p.UBUNTU, hits=hits))} for hits in (1, 2, 3)
)


@pytest.mark.parametrize(
    ('looks', 'expected'),
    [
        ([A] * 6, 'unknown'),
        # A list that changes once, or again and again, has changed.
        ([A, A, A, B, B, B], 'unknown'),
        ([A, B, B, C, C, C], 'unknown'),
        ([A, B, A, B, A, B], 'error'),
        ([A, A, A, A, B, A], 'error'),
        ([A, B, C, A, B, C], 'error'),
        ([B, A, A, A, A, B], 'error'),
    ],
)
def test_lists_that_alternate(
    node: Node,
    openstack: OpenStack,
    looks: list[dict[str, Any]],
    expected: str,
) -> None:
    node.answers('/v2/cache', A, *looks)

    result = openstack(*CHECK, '--long', *ONE)

    assert (result.code, result.err) == (3 if expected == 'error' else 0, '')
    assert f'single node {expected}\n' in result.out


def test_a_list_in_another_order_is_the_same(
    node: Node, openstack: OpenStack
) -> None:
    one, other = p.cached(p.UBUNTU), p.cached(p.DEBIAN)
    looks = [{'json': p.cache(one, other)}, {'json': p.cache(other, one)}]
    node.answers('/v2/cache', *looks * 4)

    result = openstack(*CHECK, *ONE)

    assert result == Result(0, '', '')


def same(two: tuple[Node, Node]) -> None:
    """Give both nodes the same list."""
    two[1].held = two[0].held


def test_nodes_with_the_same_list(
    two: tuple[Node, Node], openstack: OpenStack
) -> None:
    same(two)

    result = openstack(*FLEET, '-f', 'json')

    assert (result.code, result.err) == (3, '')
    advice = (
        'Check that each node has a unique worker_self_reference_url, or use '
        '--probe-size with a size that some cached image has.'
    )
    assert cells(result) == {
        (name, 'own list'): (
            'warning',
            f'The list is identical to the list of {other}. {advice}',
        )
        for name, other in itertools.permutations(['edge-oslo', 'edge-bergen'])
    }


@pytest.mark.parametrize(
    'change',
    [
        {'hits': 4},
        {'size': 2999},
        {'last_accessed': 1795232999.0},
        {'last_modified': 1795232999.0},
    ],
)
def test_lists_that_differ(
    two: tuple[Node, Node], openstack: OpenStack, change: dict[str, Any]
) -> None:
    two[1].held = {p.UBUNTU: {**two[0].held[p.UBUNTU], **change}}

    result = openstack(*FLEET, *BRIEF)

    assert result == Result(0, '', '')


def test_two_empty_lists_are_not_compared(
    two: tuple[Node, Node], openstack: OpenStack
) -> None:
    two[0].held = {}
    same(two)

    result = openstack(*FLEET, *BRIEF)

    assert result == Result(0, '', '')


def test_a_probe_finds_nodes_that_share_a_list(
    two: tuple[Node, Node], openstack: OpenStack
) -> None:
    same(two)

    result = openstack(*FLEET, '--all-nodes', '--probe-size', '1M', *BRIEF)

    assert result == Result(
        3, 'edge-oslo own list error\nedge-bergen own list error\n', ''
    )


def test_a_probe_finds_nodes_that_share_an_image_that_is_queued_again(
    two: tuple[Node, Node], openstack: OpenStack
) -> None:
    """It is listed twice."""
    same(two)
    for node in two:
        node.queued = [p.UBUNTU]

    result = openstack(*FLEET, '--all-nodes', '--probe-size', '1M', *BRIEF)

    assert result == Result(
        3, 'edge-oslo own list error\nedge-bergen own list error\n', ''
    )


def others_read(node: Node, hits: dict[int, int]) -> None:
    """Change the Hits before some answers to requests for the list.

    :param hits: what is added to Hits, by the number of the request.
    """
    numbers = itertools.count()

    def answer(request: Any, context: Any) -> Any:
        node.held[p.UBUNTU]['hits'] += hits.get(next(numbers), 0)
        return node._list(request, context)

    node.answers('/v2/cache', json=answer)


#: The lists of a node before and after the first probe, and the next one.
BEFORE, AFTER, NEXT = 7, 10, 11


def test_a_client_does_not_hide_that_nodes_share_a_list(
    two: tuple[Node, Node], openstack: OpenStack
) -> None:
    """It reads between the two lists, which are read one after the other."""
    same(two)
    for node in two:
        others_read(node, {AFTER: 1})

    result = openstack(*FLEET, '--all-nodes', '--probe-size', '1M', *BRIEF)

    assert result == Result(
        3, 'edge-oslo own list error\nedge-bergen own list error\n', ''
    )


def test_a_shared_list_is_not_cleared_if_the_second_read_fails(
    two: tuple[Node, Node], openstack: OpenStack
) -> None:
    same(two)
    for node in two:
        node.answers(
            f'/v2/images/{p.UBUNTU}/file',
            {'content': node._read},
            {'status_code': 503, 'text': ''},
        )

    result = openstack(
        *(*FLEET, '--all-nodes', '--probe-size', '1M', '--long', *BRIEF)
    )

    assert 'own list ok' not in result.out
    assert result.out.count('own list warning') == 2


def test_hits_that_decrease_do_not_prove_that_nodes_share_a_list(
    two: tuple[Node, Node], openstack: OpenStack
) -> None:
    """The other node caches the image again."""
    two[1].held = {p.UBUNTU: dict(two[0].held[p.UBUNTU])}
    others_read(two[0], {BEFORE + 1: 5})
    others_read(two[1], {BEFORE + 1: 5, NEXT + 1: -9})

    result = openstack(
        *(*FLEET, '--all-nodes', '--probe-size', '1M', '--long', *BRIEF)
    )

    assert 'own list error' not in result.out
    assert [node.reads for node in two] == [2, 2]


def test_a_probe_clears_nodes_of_the_same_list(
    two: tuple[Node, Node], openstack: OpenStack
) -> None:
    """They were filled at one time."""
    two[1].held = {p.UBUNTU: dict(two[0].held[p.UBUNTU])}

    result = openstack(
        *(*FLEET, '--all-nodes', '--probe-size', '1M', '--long', *BRIEF)
    )

    assert (result.code, result.err) == (0, '')
    for name in ('edge-oslo', 'edge-bergen'):
        assert f'{name} own list ok\n' in result.out
        assert f'{name} serving ok\n' in result.out
    assert [node.reads for node in two] == [1, 1]


def test_a_probe_of_a_node_that_serves_from_its_cache(
    node: Node, openstack: OpenStack
) -> None:
    result = openstack(*CHECK, '--probe-size', '3000', '--long', *ONE)

    assert (result.code, result.err) == (0, '')
    assert 'serving ok\n' in result.out
    assert node.reads == 1


@pytest.mark.parametrize('size', ['2999', '0'])
def test_a_probe_without_an_image_of_that_size(
    node: Node, openstack: OpenStack, size: str
) -> None:
    result = openstack(*CHECK, '--probe-size', size, '-f', 'json')

    assert result.code == 0
    assert cells(result) == {
        (p.GLANCE, 'serving'): (
            'unknown',
            'No cached image that can be verified is small enough',
        )
    }
    assert node.reads == 0


def test_a_probe_of_a_node_that_does_not_serve_from_its_cache(
    node: Node, openstack: OpenStack
) -> None:
    node.counts = []

    result = openstack(*CHECK, '--probe-size', '1M', '-f', 'json')

    assert (result.code, result.err) == (3, '')
    outcome, details = cells(result)[p.GLANCE, 'serving']
    assert outcome == 'error'
    assert details.startswith(
        f'ubuntu-24.04 ({p.UBUNTU}): the data is correct, but the node does '
        'not serve it from the cache: two reads did not increase Hits. Set a'
    )
    assert node.reads == 2


def test_a_probe_of_a_corrupt_image(node: Node, openstack: OpenStack) -> None:
    node.data = b'x' * 3000

    result = openstack(*CHECK, '--probe-size', '1M', *ONE)

    assert result == Result(3, 'serving error\n', '')


def test_a_probe_that_fails(node: Node, openstack: OpenStack) -> None:
    node.answers(f'/v2/images/{p.UBUNTU}/file', status_code=500)

    result = openstack(*CHECK, '--probe-size', '1M', '-f', 'json')

    failed = (
        'The server failed with HTTP 500. Try again later, and check the log '
        'of the server.'
    )
    assert (result.code, result.err) == (
        1,
        f'Cannot check {p.GLANCE}: {failed}\n',
    )
    assert cells(result) == {(p.GLANCE, 'serving'): ('unknown', failed)}


def test_a_probe_without_the_list_of_images(
    cloud: Cloud, node: Node, openstack: OpenStack
) -> None:
    """The other checks are reported."""
    node.headers = date(3600)
    cloud.adapter.register_uri('GET', IMAGES, status_code=500)

    result = openstack(*CHECK, '--probe-size', '1M', *ONE)

    assert result.code == 1
    assert 'clock warning\n' in result.out


def test_a_probe_whose_list_of_images_fails(
    cloud: Cloud, node: Node, openstack: OpenStack
) -> None:
    """An example was found before; the other checks are reported."""
    node.headers = date(3600)
    listed = p.images(p.hashed(p.UBUNTU, 'ubuntu-24.04', DATA))
    cloud.answers('GET', IMAGES, {'json': listed}, {'status_code': 500})

    result = openstack(*CHECK, '--probe-size', '1M', *ONE)

    assert (result.code, node.reads) == (1, 0)
    assert 'clock warning\n' in result.out
    assert result.err.startswith('Cannot read images to probe: ')


def test_the_help_of_a_probe_names_the_options_that_select_nodes(
    openstack: OpenStack,
) -> None:
    result = openstack('help', 'image', 'cache', 'node', 'check')

    # A terminal may break lines after hyphens.
    words = ''.join(result.out.split())
    assert (
        'requires --node, --site or --all-nodes where nodes are configured'
    ).replace(' ', '') in words


def test_a_probe_of_configured_nodes_names_them(
    two: tuple[Node, Node], cloud: Cloud, openstack: OpenStack
) -> None:
    result = openstack(*FLEET, '--probe-size', '1M')

    assert result == Result(
        2,
        '',
        '2 nodes are configured: this command requires --node, --site or '
        '--all-nodes.\n',
    )
    assert cloud.requests == []


@pytest.mark.parametrize('size', ['', '-1', 'much', '1X'])
@pytest.mark.usefixtures('cloud')
def test_a_size_that_is_none(openstack: OpenStack, size: str) -> None:
    result = openstack(*CHECK, f'--probe-size={size}')

    assert result.code == 2
    assert 'is not a size' in result.err


def test_control_characters_do_not_reach_the_terminal(
    known: list[dict[str, Any]], node: Node, openstack: OpenStack
) -> None:
    known[0]['name'] = 'a\x1b[2J\nb'
    node.counts = []

    result = openstack(*CHECK, '--probe-size', '1M', '-f', 'table')

    assert '\x1b' not in result.out
    assert r'a\x1b[2J\nb' in result.out


def test_a_node_of_xena(
    cloud: Cloud, node: Node, openstack: OpenStack
) -> None:
    document = p.glance_versions(p.GLANCE, '2.13', '2.12')
    node.answers('/versions', json=document, headers=date())
    node.answers('/v2/cache', status_code=404)
    node.answers('/v2/cached_images', json=node._list)
    node.answers('/v2/queued_images', json=node._list)

    result = openstack(*CHECK, '--probe-size', '1M', '--long', *ONE)

    assert (result.code, result.err) == (0, '')
    assert result.out.splitlines()[:7] == [
        'responds ok',
        'cache ok',
        'list permission ok',
        'change permission ok',
        'cloud ok',
        'serving ok',
        'own list ok',
    ]


def ctrl_c() -> None:
    """Press it."""
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_while_nodes_are_checked(
    two: tuple[Node, Node], openstack: OpenStack
) -> None:
    def answer(_request: Any, _context: Any) -> None:
        ctrl_c()
        raise web.HELD['exc']

    two[1].answers('/v2/cache', json=answer)

    result = openstack(*FLEET, *BRIEF)

    assert result == Result(130, '', 'Interrupted.\n')


@pytest.mark.parametrize('twins', [False, True])
def test_ctrl_c_while_an_image_is_read(
    two: tuple[Node, Node], openstack: OpenStack, twins: bool
) -> None:
    """What was found by then is reported."""
    two[0].headers = date(3600)
    if twins:
        two[1].held = {p.UBUNTU: dict(two[0].held[p.UBUNTU])}

    def answer(_request: Any, _context: Any) -> bytes:
        ctrl_c()
        raise web.HELD['exc']

    for node in two:
        node.answers(f'/v2/images/{p.UBUNTU}/file', content=answer)

    result = openstack(*FLEET, '--all-nodes', '--probe-size', '1M', *BRIEF)

    assert result.code == 130
    assert 'edge-oslo clock warning\n' in result.out
    assert result.err.startswith('Interrupted. Operations not done: ')
    assert result.err.count('\n') == 1


@pytest.mark.parametrize(
    ('looks', 'not_done', 'reads'),
    [
        (7, '', [0, 0]),
        (8, ' Operations not done: 1.', [1, 0]),
        (10, '', [1, 1]),
    ],
)
def test_ctrl_c_while_hits_of_twins_are_compared(
    two: tuple[Node, Node],
    openstack: OpenStack,
    looks: int,
    not_done: str,
    reads: list[int],
) -> None:
    """Before both are read, between the two, and after both."""
    two[0].headers = date(3600)
    two[1].held = {p.UBUNTU: dict(two[0].held[p.UBUNTU])}

    def answer(_request: Any, _context: Any) -> None:
        ctrl_c()
        raise web.HELD['exc']

    listed = {'json': two[1]._list}
    two[1].answers('/v2/cache', *[listed] * looks, {'json': answer})

    result = openstack(*FLEET, '--all-nodes', '--probe-size', '1M', *BRIEF)

    assert result.code == 130
    assert 'edge-oslo clock warning\n' in result.out
    assert result.err == f'Interrupted.{not_done}\n'
    assert [node.reads for node in two] == reads


def test_ctrl_c_in_a_probe_of_several_groups_of_twins(
    cloud: Cloud, known: list[dict[str, Any]], openstack: OpenStack
) -> None:
    """No node whose turn has not come is read from."""
    presses = iter([ctrl_c])

    def answer(_request: Any, _context: Any) -> bytes:
        # A later press could come after the end of the command.
        next(presses, lambda: None)()
        raise web.HELD['exc']

    roots = [f'http://n{at}.example:9292' for at in range(5)]
    nodes = [
        Node(cloud, root, p.cached(p.UBUNTU, size=3000)) for root in roots
    ]
    # Two groups, and one node for itself.
    for at, node in enumerate(nodes):
        node.held[p.UBUNTU]['last_modified'] += at // 2
        node.answers(f'/v2/images/{p.UBUNTU}/file', content=answer)
    named = [part for root in roots for part in ('--node', root)]
    before = time.monotonic()

    result = openstack(*CHECK, *named, '--probe-size', '1M', *BRIEF)

    assert result.code == 130
    assert result.err.startswith('Interrupted. Operations not done: ')
    assert 1 <= sum(node.reads for node in nodes) <= 3
    assert [nodes[at].reads for at in (1, 3)] == [0, 0]
    assert time.monotonic() - before < 10


def test_a_probe_of_many_nodes_with_the_same_list_takes_few_requests(
    cloud: Cloud,
    known: list[dict[str, Any]],
    clouds_yaml: Any,
    openstack: OpenStack,
) -> None:
    """The first two share a list, and the next two another one."""
    assert known
    urls = [f'http://edge-{at}.example:9292' for at in range(20)]
    fleet = ''.join(
        f'      - name: edge-{at}\n        endpoint: {url}\n'
        for at, url in enumerate(urls)
    )
    clouds_yaml(p.FLEET.partition('      - name')[0] + fleet)
    nodes = [Node(cloud, url, p.cached(p.UBUNTU, size=3000)) for url in urls]
    for first, second in (nodes[:2], nodes[2:4]):
        same((first, second))

    result = openstack(
        *(*FLEET, '--all-nodes', '--probe-size', '1M', '-f', 'json', '--long')
    )

    found = {
        node: (word, details)
        for (node, check), (word, details) in cells(result).items()
        if check == 'own list'
    }
    assert [word for word, __ in found.values()] == ['error'] * 4 + ['ok'] * 16
    assert 'here and on edge-1: ' in found['edge-0'][1]
    assert 'here and on edge-2: ' in found['edge-3'][1]
    lists = [one for one in cloud.requests if one.endswith('/v2/cache')]
    assert len(lists) < 20 * len(nodes)
    assert [node.reads for node in nodes[4:]] == [1] * 16
