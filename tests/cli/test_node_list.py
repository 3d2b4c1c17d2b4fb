# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache node list`: argv in, output out."""

from typing import Any

import pytest

from tests.cli import fleets
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import HoldBack
from tests.cli.conftest import OpenStack
from tests.shell import Result

NODES = ('--os-cloud', 'far', 'image', 'cache', 'node', 'list')
OSLO = f'{p.GLANCE}/v2/cache'
BERGEN = f'{p.EDGE}/v2/cache'
OSLO_VERSIONS = f'{p.GLANCE}/versions'
BERGEN_VERSIONS = f'{p.EDGE}/versions'
IMAGES = f'{p.GLANCE}/v2/images'

TABLE = """\
+-------------+-------------+----------------------------+--------+-------------+--------+--------+--------+------+
| Node        | Site        | Endpoint                   | Status | API Version | Cached | Queued | Size   | Hits |
+-------------+-------------+----------------------------+--------+-------------+--------+--------+--------+------+
| edge-oslo   | edge-oslo   | http://glance.example:9292 | ok     | 2.18        |      2 |      1 | 5.0 MB |    3 |
| edge-bergen | edge-bergen | http://edge.example:9292   | ok     | 2.16        |      0 |      0 | 0 B    |    0 |
+-------------+-------------+----------------------------+--------+-------------+--------+--------+--------+------+
"""
JSON = """\
[
  {
    "Node": "edge-oslo",
    "Site": "edge-oslo",
    "Endpoint": "http://glance.example:9292",
    "Status": "ok",
    "API Version": "2.18",
    "Cached": 2,
    "Queued": 1,
    "Size": 5000007,
    "Hits": 3
  },
  {
    "Node": "edge-bergen",
    "Site": "edge-bergen",
    "Endpoint": "http://edge.example:9292",
    "Status": "ok",
    "API Version": "2.16",
    "Cached": 0,
    "Queued": 0,
    "Size": 0,
    "Hits": 0
  }
]
"""
YAML = """\
- API Version: '2.18'
  Cached: 2
  Endpoint: http://glance.example:9292
  Hits: 3
  Node: edge-oslo
  Queued: 1
  Site: edge-oslo
  Size: 5000007
  Status: ok
- API Version: '2.16'
  Cached: 0
  Endpoint: http://edge.example:9292
  Hits: 0
  Node: edge-bergen
  Queued: 0
  Site: edge-bergen
  Size: 0
  Status: ok
"""
CSV_HEADERS = '"Node","Site","Endpoint","Status","API Version","Cached","Queued","Size","Hits"\n'
CSV = f"""\
{CSV_HEADERS}\
"edge-oslo","edge-oslo","http://glance.example:9292","ok","2.18",2,1,5000007,3
"edge-bergen","edge-bergen","http://edge.example:9292","ok","2.16",0,0,0,0
"""
VALUE = """\
edge-oslo edge-oslo http://glance.example:9292 ok 2.18 2 1 5000007 3
edge-bergen edge-bergen http://edge.example:9292 ok 2.16 0 0 0 0
"""


@pytest.fixture
def two_nodes(cloud: Cloud, clouds_yaml: Any) -> None:
    """Oslo holds Ubuntu and an orphan, and waits for Debian."""
    clouds_yaml(p.FLEET)
    cloud.answers(
        'GET',
        OSLO_VERSIONS,
        **fleets.versions(p.GLANCE, '2.18', '2.16', '2.14', '2.9'),
    )
    cloud.answers(
        'GET', BERGEN_VERSIONS, **fleets.versions(p.EDGE, '2.16', '2.14')
    )
    cloud.answers(
        'GET',
        OSLO,
        json=p.cache(
            p.cached(p.UBUNTU),
            p.cached(p.ORPHAN, size=7, hits=0),
            queued=[p.DEBIAN],
        ),
    )
    cloud.answers('GET', BERGEN, json=p.cache())


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
@pytest.mark.usefixtures('two_nodes')
def test_nodes_and_how_they_are(
    cloud: Cloud,
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    result = openstack(*NODES, '-f', name, terminal=terminal)

    assert result == Result(0, expected, '')
    assert sorted(cloud.requests) == [
        f'GET {BERGEN}',
        f'GET {BERGEN_VERSIONS}',
        f'GET {OSLO}',
        f'GET {OSLO_VERSIONS}',
    ]


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', '\n'),
        ('json', '[]\n'),
        ('yaml', '[]\n'),
        ('csv', CSV_HEADERS),
        ('value', ''),
    ],
)
@pytest.mark.usefixtures('two_nodes')
def test_no_node_holds_the_image(
    openstack: OpenStack, name: str, expected: str, terminal: bool
) -> None:
    """Debian is asked for, and not there yet."""
    result = openstack(
        *NODES, '--image', p.DEBIAN, '-f', name, terminal=terminal
    )

    looked = 'No nodes found. Nodes read: 2 of 2.\n'
    assert result == Result(0, expected, looked if terminal else '')


PARTIAL_TABLE = """\
+-------------+-------------+----------------------------+-------------+-------------+--------+--------+--------+------+
| Node        | Site        | Endpoint                   | Status      | API Version | Cached | Queued | Size   | Hits |
+-------------+-------------+----------------------------+-------------+-------------+--------+--------+--------+------+
| edge-bergen | edge-bergen | http://bergen.example:9292 | unreachable |             |        |        |        |      |
| edge-tromso | edge-tromso | http://tromso.example:9292 | unreachable |             |        |        |        |      |
| edge-oslo   | edge-oslo   | http://oslo.example:9292   | ok          | 2.18        | 1      | 0      | 5.0 MB | 3    |
| edge-molde  | edge-molde  | http://molde.example:9292  | not glance  |             |        |        |        |      |
| edge-bodo   | edge-bodo   | http://bodo.example:9292   | caching off | 2.17        |        |        |        |      |
| edge-alta   | edge-alta   | http://alta.example:9292   | forbidden   | 2.16        |        |        |        |      |
+-------------+-------------+----------------------------+-------------+-------------+--------+--------+--------+------+
"""
PARTIAL_JSON = """\
[
  {
    "Node": "edge-bergen",
    "Site": "edge-bergen",
    "Endpoint": "http://bergen.example:9292",
    "Status": "unreachable",
    "API Version": null,
    "Cached": null,
    "Queued": null,
    "Size": null,
    "Hits": null
  },
  {
    "Node": "edge-tromso",
    "Site": "edge-tromso",
    "Endpoint": "http://tromso.example:9292",
    "Status": "unreachable",
    "API Version": null,
    "Cached": null,
    "Queued": null,
    "Size": null,
    "Hits": null
  },
  {
    "Node": "edge-oslo",
    "Site": "edge-oslo",
    "Endpoint": "http://oslo.example:9292",
    "Status": "ok",
    "API Version": "2.18",
    "Cached": 1,
    "Queued": 0,
    "Size": 5000000,
    "Hits": 3
  },
  {
    "Node": "edge-molde",
    "Site": "edge-molde",
    "Endpoint": "http://molde.example:9292",
    "Status": "not glance",
    "API Version": null,
    "Cached": null,
    "Queued": null,
    "Size": null,
    "Hits": null
  },
  {
    "Node": "edge-bodo",
    "Site": "edge-bodo",
    "Endpoint": "http://bodo.example:9292",
    "Status": "caching off",
    "API Version": "2.17",
    "Cached": null,
    "Queued": null,
    "Size": null,
    "Hits": null
  },
  {
    "Node": "edge-alta",
    "Site": "edge-alta",
    "Endpoint": "http://alta.example:9292",
    "Status": "forbidden",
    "API Version": "2.16",
    "Cached": null,
    "Queued": null,
    "Size": null,
    "Hits": null
  }
]
"""
PARTIAL_YAML = """\
- API Version: null
  Cached: null
  Endpoint: http://bergen.example:9292
  Hits: null
  Node: edge-bergen
  Queued: null
  Site: edge-bergen
  Size: null
  Status: unreachable
- API Version: null
  Cached: null
  Endpoint: http://tromso.example:9292
  Hits: null
  Node: edge-tromso
  Queued: null
  Site: edge-tromso
  Size: null
  Status: unreachable
- API Version: '2.18'
  Cached: 1
  Endpoint: http://oslo.example:9292
  Hits: 3
  Node: edge-oslo
  Queued: 0
  Site: edge-oslo
  Size: 5000000
  Status: ok
- API Version: null
  Cached: null
  Endpoint: http://molde.example:9292
  Hits: null
  Node: edge-molde
  Queued: null
  Site: edge-molde
  Size: null
  Status: not glance
- API Version: '2.17'
  Cached: null
  Endpoint: http://bodo.example:9292
  Hits: null
  Node: edge-bodo
  Queued: null
  Site: edge-bodo
  Size: null
  Status: caching off
- API Version: '2.16'
  Cached: null
  Endpoint: http://alta.example:9292
  Hits: null
  Node: edge-alta
  Queued: null
  Site: edge-alta
  Size: null
  Status: forbidden
"""
PARTIAL_CSV = f"""\
{CSV_HEADERS}\
"edge-bergen","edge-bergen","http://bergen.example:9292","unreachable","","","","",""
"edge-tromso","edge-tromso","http://tromso.example:9292","unreachable","","","","",""
"edge-oslo","edge-oslo","http://oslo.example:9292","ok","2.18",1,0,5000000,3
"edge-molde","edge-molde","http://molde.example:9292","not glance","","","","",""
"edge-bodo","edge-bodo","http://bodo.example:9292","caching off","2.17","","","",""
"edge-alta","edge-alta","http://alta.example:9292","forbidden","2.16","","","",""
"""
PARTIAL_VALUE = (
    'edge-bergen edge-bergen http://bergen.example:9292 unreachable     \n'
    'edge-tromso edge-tromso http://tromso.example:9292 unreachable     \n'
    'edge-oslo edge-oslo http://oslo.example:9292 ok 2.18 1 0 5000000 3\n'
    'edge-molde edge-molde http://molde.example:9292 not glance     \n'
    'edge-bodo edge-bodo http://bodo.example:9292 caching off 2.17    \n'
    'edge-alta edge-alta http://alta.example:9292 forbidden 2.16    \n'
)


@pytest.fixture
def six_nodes(cloud: Cloud, clouds_yaml: Any) -> None:
    """The only one that answers holds Ubuntu."""
    clouds_yaml(fleets.CLOUDS_YAML)
    fleets.answer_versions_and_caches(cloud, json=p.cache(p.cached(p.UBUNTU)))


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', PARTIAL_TABLE),
        ('json', PARTIAL_JSON),
        ('yaml', PARTIAL_YAML),
        ('csv', PARTIAL_CSV),
        ('value', PARTIAL_VALUE),
    ],
)
@pytest.mark.usefixtures('six_nodes')
def test_nodes_that_fail_are_listed_too(
    openstack: OpenStack, name: str, expected: str, terminal: bool
) -> None:
    result = openstack(*NODES, '-f', name, terminal=terminal)

    assert result == Result(1, expected, fleets.FAILURES)


@pytest.mark.usefixtures('six_nodes')
def test_nodes_that_do_not_say_what_they_hold_are_told_of(
    openstack: OpenStack,
) -> None:
    result = openstack(
        *(*NODES, '--image', p.UBUNTU, '-f', 'value'),
        *('-c', 'Node', '-c', 'Status'),
    )

    assert result == Result(1, 'edge-oslo ok\n', fleets.FAILURES)


@pytest.mark.parametrize(
    ('versions', 'cache', 'expected', 'told'),
    [
        (
            fleets.versions(p.GLANCE, '2.18', '2.14'),
            {'status_code': 503, 'text': ''},
            'error 2.18 \n',
            'The server failed with HTTP 503. Try again later, and check the '
            'log of the server.',
        ),
        (
            fleets.versions(p.GLANCE, '2.18', '2.14'),
            {'json': {'cached_images': 7}},
            'not glance 2.18 \n',
            'The response is not a list of cached images (cached_images is '
            'not a list). Check that this is a Glance endpoint.',
        ),
        (
            fleets.versions(p.GLANCE, '2.18', '2.14'),
            fleets.REFUSES,
            'unreachable 2.18 \n',
            'Cannot connect: Connection refused. Check that glance-api is '
            'running at this address.',
        ),
        (
            {'status_code': 503, 'text': ''},
            None,
            'error  \n',
            'The server failed with HTTP 503. Try again later, and check the '
            'log of the server.',
        ),
        (
            {'text': '<html>Welcome</html>'},
            None,
            'not glance  \n',
            "Not a Glance endpoint. Use an endpoint of 'openstack endpoint "
            "list'.",
        ),
        (
            {
                'status_code': 302,
                'headers': {'Location': 'http://evil.example/'},
            },
            None,
            'not glance  \n',
            'The endpoint redirects to another one (HTTP 302). Use the '
            'endpoint that it redirects to.',
        ),
    ],
)
def test_the_status_of_a_node_that_fails(
    cloud: Cloud,
    openstack: OpenStack,
    versions: dict[str, Any],
    cache: dict[str, Any] | None,
    expected: str,
    told: str,
) -> None:
    cloud.answers('GET', OSLO_VERSIONS, **versions)
    if cache is not None:
        cloud.answers('GET', OSLO, **cache)

    result = openstack(
        *('image', 'cache', 'node', 'list', '-f', 'value', '-c', 'Status'),
        *('-c', 'API Version', '-c', 'Cached'),
    )

    assert result == Result(
        1, expected, f'Cannot read the cache of {p.GLANCE}: {told}\n'
    )


def test_the_status_of_a_node_that_does_not_accept_a_good_token(
    cloud: Cloud, openstack: OpenStack
) -> None:
    versions = fleets.versions(p.GLANCE, '2.18', '2.14')
    cloud.answers('GET', OSLO_VERSIONS, **versions)
    cloud.answers('GET', OSLO, status_code=401, text='')
    cloud.answers('GET', f'{p.KEYSTONE}/auth/tokens', json=p.TOKEN)

    result = openstack(
        *('image', 'cache', 'node', 'list', '-f', 'value', '-c', 'Status'),
        *('-c', 'API Version', '-c', 'Cached'),
    )

    assert result == Result(
        1,
        'forbidden 2.18 \n',
        f'Cannot read the cache of {p.GLANCE}: The endpoint rejected the '
        'token of this login. Check that it belongs to the cloud that you '
        'logged in to.\n',
    )


def test_the_status_of_a_node_whose_certificate_is_not_trusted(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.use_unknown_ca('edge.example')

    result = openstack(
        *('image', 'cache', 'node', 'list', '-f', 'value', '-c', 'Status'),
        *('-c', 'API Version', '-c', 'Cached'),
        *('--node', 'https://edge.example:9292'),
    )

    assert result == Result(
        1,
        'unreachable  \n',
        'Cannot read the cache of https://edge.example:9292: The TLS '
        'certificate is not from a trusted CA: SSL certificate OpenSSL verify '
        'result: unable to get local issuer certificate (20). Set its CA with '
        "--os-cacert or 'cacert' in clouds.yaml.\n",
    )


@pytest.mark.usefixtures('two_nodes')
def test_the_nodes_that_hold_an_orphan(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Glance, which does not know it, is not asked."""
    result = openstack(
        *(*NODES, '--image', p.ORPHAN, '-f', 'value', '-c', 'Node')
    )

    assert result == Result(0, 'edge-oslo\n', '')
    assert not [one for one in cloud.requests if 'images' in one]


def test_an_id_in_capital_letters_is_looked_up(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    """It is not the ID of an image that nodes have cached."""
    clouds_yaml(p.FLEET)
    word = p.UBUNTU.upper()
    for query in (f'id=in:{word}&visibility=all', f'name=in:{word}'):
        for hidden in ('', '&os_hidden=true'):
            cloud.answers('GET', f'{IMAGES}?{query}{hidden}', json=p.images())

    result = openstack(*NODES, '--image', word)

    assert result == Result(
        1,
        '',
        f"No image has the name or ID '{word}'. See 'openstack image list'.\n",
    )


def test_an_image_that_is_queued_again_counts_once(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(p.FLEET)
    cloud.answers('GET', OSLO_VERSIONS, **fleets.versions(p.GLANCE, '2.16'))
    cloud.answers(
        'GET',
        OSLO,
        json=p.cache(
            p.cached(p.UBUNTU), p.cached(p.DEBIAN), queued=[p.UBUNTU, p.FEDORA]
        ),
    )

    result = openstack(
        *(*NODES, '--node', 'edge-oslo', '-f', 'value'),
        *('-c', 'Cached', '-c', 'Queued'),
    )

    assert result == Result(0, '2 1\n', '')


@pytest.mark.usefixtures('two_nodes')
def test_the_nodes_that_hold_an_image_of_a_name(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:ubuntu-24.04',
        json=p.images(p.image(p.UBUNTU, 'ubuntu-24.04')),
    )

    result = openstack(
        *(*NODES, '--image', 'ubuntu-24.04', '-f', 'value', '-c', 'Node')
    )

    assert result == Result(0, 'edge-oslo\n', '')


@pytest.mark.parametrize(
    ('word', 'found', 'told'),
    [
        (
            'nosuch',
            [],
            "No image has the name or ID 'nosuch'. See 'openstack image "
            "list'.\n",
        ),
        (
            'ubuntu*',
            [],
            '--image does not accept a glob. Specify an ID or a name.\n',
        ),
        (
            'twin',
            [p.image(p.FEDORA, 'twin'), p.image(p.DEBIAN, 'twin')],
            f"2 images have the name 'twin': {p.FEDORA}, {p.DEBIAN}. Specify "
            'the ID of one of them.\n',
        ),
    ],
)
def test_a_name_that_means_no_image_asks_no_node(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    word: str,
    found: list[dict[str, Any]],
    told: str,
) -> None:
    clouds_yaml(p.FLEET)
    # By its very name alone: a glob would look through all images.
    cloud.answers('GET', f'{IMAGES}?name=in:{word}', json=p.images(*found))

    result = openstack(*NODES, '--image', word)

    assert result == Result(2 if word == 'ubuntu*' else 1, '', told)
    assert not [one for one in cloud.requests if 'cache' in one]


def test_nodes_come_in_their_order_whichever_answers_first(
    cloud: Cloud, openstack: OpenStack, two_nodes: None, hold_back: HoldBack
) -> None:
    hold_back(OSLO_VERSIONS, BERGEN)

    result = openstack(*NODES, '-f', 'value')

    assert result == Result(0, VALUE, '')
    assert cloud.requests == [
        f'GET {BERGEN_VERSIONS}',
        f'GET {BERGEN}',
        f'GET {OSLO_VERSIONS}',
        f'GET {OSLO}',
    ]


@pytest.mark.parametrize(
    ('column', 'direction', 'expected'),
    [
        ('Hits', '--sort-ascending', 'edge-bergen\nedge-oslo\n'),
        ('Size', '--sort-descending', 'edge-oslo\nedge-bergen\n'),
        ('Node', '--sort-ascending', 'edge-bergen\nedge-oslo\n'),
    ],
)
@pytest.mark.usefixtures('two_nodes')
def test_sorting_sorts_values(
    openstack: OpenStack, column: str, direction: str, expected: str
) -> None:
    result = openstack(
        *(*NODES, '-f', 'value', '-c', 'Node'),
        *('--sort-column', column, direction),
    )

    assert result == Result(0, expected, '')


def test_no_token_is_shown_to_what_may_be_no_glance(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', OSLO_VERSIONS, **fleets.WELCOME_PAGE)

    openstack('image', 'cache', 'node', 'list')

    assert 'X-Auth-Token' not in cloud.last_headers


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (
            ['-c', 'Nmae'],
            'Unknown column: Nmae. Available: Node, Site, Endpoint, Status, '
            'API Version, Cached, Queued, Size, Hits.\n',
        ),
        (
            ['--node', 'x*'],
            "clouds.yaml has no node 'x*'. Available: edge-oslo, edge-bergen. "
            'Use a URL for other nodes.\n',
        ),
    ],
)
def test_bad_input_is_told_in_a_line(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    argv: list[str],
    message: str,
) -> None:
    clouds_yaml(p.FLEET)

    result = openstack(*NODES, *argv)

    assert result == Result(2, '', message)
    assert cloud.requests == []
