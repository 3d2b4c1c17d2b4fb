# SPDX-License-Identifier: Apache-2.0

"""Many nodes: what holds for every command, argv in, output out."""

from typing import Any

import pytest

from tests import web
from tests.cli import fleets
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import HoldBack
from tests.cli.conftest import OpenStack
from tests.shell import Result

FAR = ('--os-cloud', 'far', 'image', 'cache')
OSLO = f'{p.GLANCE}/v2/cache'
BERGEN = f'{p.EDGE}/v2/cache'
IMAGES = f'{p.GLANCE}/v2/images'
UBUNTU_IMAGE = p.image(p.UBUNTU, 'ubuntu-24.04')
DEBIAN_IMAGE = p.image(p.DEBIAN, 'debian-13')

TABLE = """\
+--------------------------------------+--------------+--------+---------------------+---------------------+--------+------+-----------+
| ID                                   | Name         | State  | Last Accessed (UTC) | Last Modified (UTC) | Size   | Hits | Node      |
+--------------------------------------+--------------+--------+---------------------+---------------------+--------+------+-----------+
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | cached | 2026-11-21 03:46:57 | 2026-11-20 03:46:57 | 5.0 MB |    3 | edge-oslo |
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | queued |                     |                     |        |      | edge-oslo |
+--------------------------------------+--------------+--------+---------------------+---------------------+--------+------+-----------+
"""
JSON = """\
[
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "State": "cached",
    "Last Accessed (UTC)": "2026-11-21T03:46:57Z",
    "Last Modified (UTC)": "2026-11-20T03:46:57Z",
    "Size": 5000000,
    "Hits": 3,
    "Node": "edge-oslo"
  },
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "State": "queued",
    "Last Accessed (UTC)": null,
    "Last Modified (UTC)": null,
    "Size": null,
    "Hits": null,
    "Node": "edge-oslo"
  }
]
"""
YAML = """\
- Hits: 3
  ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Last Accessed (UTC): '2026-11-21T03:46:57Z'
  Last Modified (UTC): '2026-11-20T03:46:57Z'
  Name: ubuntu-24.04
  Node: edge-oslo
  Size: 5000000
  State: cached
- Hits: null
  ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Last Accessed (UTC): null
  Last Modified (UTC): null
  Name: debian-13
  Node: edge-oslo
  Size: null
  State: queued
"""
CSV = """\
"ID","Name","State","Last Accessed (UTC)","Last Modified (UTC)","Size","Hits","Node"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04","cached","2026-11-21T03:46:57Z","2026-11-20T03:46:57Z",5000000,3,"edge-oslo"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13","queued","","","","","edge-oslo"
"""
VALUE = """\
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 cached 2026-11-21T03:46:57Z 2026-11-20T03:46:57Z 5000000 3 edge-oslo
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 queued     edge-oslo
"""

FORMATS = [
    ('table', TABLE),
    ('json', JSON),
    ('yaml', YAML),
    ('csv', CSV),
    ('value', VALUE),
]


@pytest.mark.parametrize(
    ('which', 'name', 'expected', 'terminal'),
    [
        *(([], *form, False) for form in FORMATS),
        *(([], *form, True) for form in FORMATS),
        (['--all-nodes'], 'json', JSON, False),
        (['--node', 'edge-*'], 'json', JSON, False),
    ],
)
def test_five_of_six_nodes_fail_and_hide_nothing(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    which: list[str],
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    clouds_yaml(fleets.CLOUDS_YAML)
    fleets.answer_caches(
        cloud, json=p.cache(p.cached(p.UBUNTU), queued=[p.DEBIAN])
    )
    cloud.answers('GET', IMAGES, json=p.images(UBUNTU_IMAGE, DEBIAN_IMAGE))

    result = openstack(*FAR, 'list', *which, '-f', name, terminal=terminal)

    assert result == Result(1, expected, fleets.FAILURES)


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', '\n'),
        ('json', '[]\n'),
        ('yaml', '[]\n'),
        (
            'csv',
            '"ID","Name","State","Last Accessed (UTC)","Last Modified (UTC)",'
            '"Size","Hits","Node"\n',
        ),
        ('value', ''),
    ],
)
def test_five_of_six_nodes_fail_and_the_sixth_is_empty(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    clouds_yaml(fleets.CLOUDS_YAML)
    fleets.answer_caches(cloud, json=p.cache())

    result = openstack(*FAR, 'list', '-f', name, terminal=terminal)

    looked = 'No entries found. Nodes read: 1 of 6.\n'
    told = fleets.FAILURES
    assert result == Result(1, expected, looked + told if terminal else told)


@pytest.fixture
def two_nodes(cloud: Cloud, clouds_yaml: Any) -> None:
    """Ubuntu is on both nodes, Debian on one."""
    clouds_yaml(p.FLEET)
    cloud.answers('GET', OSLO, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers(
        'GET',
        BERGEN,
        json=p.cache(p.cached(p.UBUNTU), p.cached(p.DEBIAN)),
    )


@pytest.mark.usefixtures('two_nodes')
def test_rows_come_in_the_order_of_the_nodes_and_names_are_asked_once(
    cloud: Cloud, openstack: OpenStack, hold_back: HoldBack
) -> None:
    """The first node answers last."""
    hold_back(OSLO, BERGEN)
    cloud.answers('GET', IMAGES, json=p.images(UBUNTU_IMAGE, DEBIAN_IMAGE))

    result = openstack(
        *(*FAR, 'list', '-f', 'value', '-c', 'Name', '-c', 'Node')
    )

    assert result == Result(
        0,
        'ubuntu-24.04 edge-oslo\n'
        'debian-13 edge-bergen\n'
        'ubuntu-24.04 edge-bergen\n',
        '',
    )
    assert cloud.requests == [
        f'GET {BERGEN}',
        f'GET {OSLO}',
        f'GET {IMAGES}?id=in%3A{p.UBUNTU}%2C{p.DEBIAN}&visibility=all&limit=1000',
    ]


@pytest.mark.usefixtures('two_nodes')
def test_the_order_of_the_nodes_is_the_one_in_which_they_were_named(
    openstack: OpenStack,
) -> None:
    result = openstack(
        *(*FAR, 'list', '--node', 'edge-b*', '--node', 'edge-*'),
        *('-f', 'value', '-c', 'ID', '-c', 'Node'),
    )

    assert result == Result(
        0,
        f'{p.DEBIAN} edge-bergen\n'
        f'{p.UBUNTU} edge-bergen\n'
        f'{p.UBUNTU} edge-oslo\n',
        '',
    )


@pytest.mark.parametrize(
    'again',
    ['edge-oslo', 'edge-o*', p.GLANCE, f'{p.GLANCE}/v2/'],
)
def test_a_node_that_is_named_twice_is_asked_once(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any, again: str
) -> None:
    clouds_yaml(p.FLEET)
    cloud.answers('GET', OSLO, json=p.cache(p.cached(p.UBUNTU)))

    result = openstack(
        *(*FAR, 'list', '--node', 'edge-oslo', '--node', again),
        *('-f', 'value', '-c', 'ID', '-c', 'Node'),
    )

    assert result == Result(0, f'{p.UBUNTU} edge-oslo\n', '')
    assert cloud.requests == [f'GET {OSLO}']


@pytest.mark.parametrize(
    ('configured', 'named', 'asked'),
    [
        (
            'http://edge.example:80',
            'http://edge.example',
            'http://edge.example',
        ),
        (
            'http://edge.example',
            'http://EDGE.example:80/',
            'http://edge.example',
        ),
        (
            'https://edge.example:443/v2',
            'https://edge.example',
            'https://edge.example',
        ),
        (
            'http://edge.example:443',
            'http://edge.example:443',
            'http://edge.example:443',
        ),
    ],
)
def test_the_port_of_a_scheme_goes_without_saying(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    certificates: web.Certificates,
    configured: str,
    named: str,
    asked: str,
) -> None:
    clouds_yaml(
        f'{{clouds: {{far: {{auth: {{auth_url: "{p.KEYSTONE}"}}, '
        f'cacert: {certificates.path}, image_cache_nodes: '
        f'[{{name: edge, endpoint: "{configured}"}}]}}}}}}'
    )
    cloud.answers('GET', f'{asked}/v2/cache', json=p.cache(p.cached('a')))

    result = openstack(
        *(*FAR, 'list', '--node', named, '--node', 'edge'),
        *('-f', 'value', '-c', 'ID', '-c', 'Node'),
    )

    assert result == Result(0, 'a edge\n', '')
    assert cloud.requests == [f'GET {asked}/v2/cache']


def test_two_nodes_that_differ_by_the_port_of_their_scheme_are_one(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(
        f'{{clouds: {{far: {{auth: {{auth_url: "{p.KEYSTONE}"}}, '
        'image_cache_nodes: [{name: edge, endpoint: "http://edge.example"}, '
        '{name: far, endpoint: "http://edge.example:80"}]}}}'
    )

    result = openstack(*FAR, 'list')

    assert result == Result(
        2,
        '',
        "'edge' and 'far' are the same node: http://edge.example. Use only "
        'one name.\n',
    )
    assert cloud.requests == []


TWICE = f"""\
{p.FLEET}\
      - name: oslo-again
        endpoint: {p.GLANCE}/v2
"""
TWICE_TOLD = (
    f"'edge-oslo' and 'oslo-again' are the same node: {p.GLANCE}. Use only "
    'one name.\n'
)


@pytest.mark.parametrize(
    'argv',
    [
        ['list'],
        ['list', '--all-nodes'],
        ['list', '--node', '*oslo*'],
        ['list', '--node', 'edge-oslo', '--node', 'oslo-again'],
        ['coverage'],
        ['node', 'list'],
        ['clean', '--all-nodes'],
        ['prune', '--all-nodes', '--auto-approve'],
        ['clear', '--all-nodes', '--auto-approve'],
        ['queue', '--all-nodes', 'ubuntu-24.04'],
        ['delete', '--all-nodes', 'ubuntu-24.04', '--auto-approve'],
        ['clear', '--all-nodes', '--dry-run'],
    ],
)
def test_one_node_under_two_names_is_told_before_anything_is_sent(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any, argv: list[str]
) -> None:
    clouds_yaml(TWICE)

    result = openstack(*FAR, *argv)

    assert result == Result(2, '', TWICE_TOLD)
    assert cloud.requests == []


@pytest.mark.parametrize(
    'argv',
    [
        ['list'],
        ['coverage'],
        ['node', 'list'],
        ['clean'],
        ['prune'],
        ['clear'],
        ['queue', 'ubuntu-24.04'],
        ['delete', 'ubuntu-24.04'],
    ],
)
@pytest.mark.parametrize(
    ('node', 'told'),
    [
        (
            'south-*',
            "clouds.yaml has no node 'south-*'. Available: edge-oslo, "
            'edge-bergen. Use a URL for other nodes.\n',
        ),
        (
            'edge-olso',
            "clouds.yaml has no node 'edge-olso'. Similar names: edge-oslo. "
            'Use a URL for other nodes.\n',
        ),
    ],
)
def test_a_node_that_is_none_is_told_before_anything_is_sent(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    argv: list[str],
    node: str,
    told: str,
) -> None:
    """Even if another one is there."""
    clouds_yaml(p.FLEET)

    result = openstack(*FAR, *argv, '--node', 'edge-oslo', '--node', node)

    assert result == Result(2, '', told)
    assert cloud.requests == []


@pytest.mark.parametrize(
    'argv',
    [
        ['clean'],
        ['prune', '--auto-approve'],
        ['clear', '--auto-approve'],
        ['queue', 'ubuntu-24.04'],
        ['delete', 'ubuntu-24.04', '--auto-approve'],
    ],
)
def test_a_change_wants_to_be_told_where(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any, argv: list[str]
) -> None:
    clouds_yaml(p.FLEET)

    result = openstack(*FAR, *argv)

    assert result == Result(
        2,
        '',
        '2 nodes are configured: this command requires --node, --site or '
        '--all-nodes.\n',
    )
    assert cloud.requests == []


@pytest.mark.usefixtures('two_nodes')
def test_an_image_is_queued_once_on_each_node_that_lacks_it(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:ubuntu-24.04,debian-13',
        json=p.images(UBUNTU_IMAGE, DEBIAN_IMAGE),
    )
    cloud.answers('PUT', f'{OSLO}/{p.DEBIAN}', status_code=202)

    result = openstack(
        *(*FAR, 'queue', '--all-nodes', 'ubuntu-24.04', 'debian-13'),
        *('-f', 'value', '-c', 'Name', '-c', 'Result', '-c', 'Node'),
    )

    assert result == Result(
        0,
        'ubuntu-24.04 already cached edge-oslo\n'
        'debian-13 queued edge-oslo\n'
        'ubuntu-24.04 already cached edge-bergen\n'
        'debian-13 already cached edge-bergen\n',
        '',
    )
    assert cloud.requests[-1] == f'PUT {OSLO}/{p.DEBIAN}'
    assert [one[:3] for one in cloud.requests].count('PUT') == 1


@pytest.mark.parametrize('verb', ['queue', 'delete'])
@pytest.mark.usefixtures('two_nodes')
def test_nothing_is_changed_while_names_can_not_be_had(
    cloud: Cloud, openstack: OpenStack, hold_back: HoldBack, verb: str
) -> None:
    hold_back(BERGEN, OSLO)
    hold_back(IMAGES, BERGEN)
    cloud.answers('GET', IMAGES, status_code=503, text='')

    result = openstack(
        *FAR, verb, '--all-nodes', 'ubuntu-24.04', '--auto-approve'
    )

    assert result == Result(
        1,
        '',
        "Cannot look up images in the cloud's Glance: The server failed with "
        "HTTP 503. See 'openstack image list'.\n",
    )
    assert not [one for one in cloud.requests if not one.startswith('GET')]


MANY = [f'site-{at:02}' for at in range(12)]


def many_nodes(cloud: Cloud, count: int, down: str = '') -> str:
    """A clouds.yaml of so many nodes; all hold Ubuntu, but the one down."""
    lines = [
        'clouds:',
        '  far:',
        f'    auth: {{auth_url: {p.KEYSTONE}}}',
        '    image_cache_nodes:',
    ]
    for name in MANY[:count]:
        url = f'http://{name}.example:9292'
        lines.append(f'      - {{name: {name}, endpoint: {url}}}')
        if name == down:
            cloud.answers('GET', f'{url}/v2/cache', **fleets.REFUSES)
        else:
            held = p.cache(p.cached(p.UBUNTU))
            cloud.answers('GET', f'{url}/v2/cache', json=held)
    return '\n'.join(lines)


@pytest.fixture
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that can move its cursor, and no wishes about it."""
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setenv('COLUMNS', '80')
    for name in ('NO_COLOR', 'FORCE_COLOR', 'TTY_COMPATIBLE', 'CI'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv('TTY_INTERACTIVE', raising=False)


LIST_OF_NODES = (*FAR, 'list', '-f', 'value', '-c', 'State', '-c', 'Node')


@pytest.mark.usefixtures('plain_terminal')
def test_many_nodes_are_counted_on_a_terminal(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(many_nodes(cloud, 10))

    result = openstack(*LIST_OF_NODES, terminal=True)

    assert (result.code, result.out) == (
        0,
        ''.join(f'cached {name}\n' for name in MANY[:10]),
    )
    assert 'Reading nodes' in result.err
    assert '10/10' in result.err
    # The line goes again: to its start, up by one, and erased.
    assert result.err.endswith('\r\x1b[1A\x1b[2K')


@pytest.mark.parametrize(('count', 'terminal'), [(9, True), (12, False)])
def test_few_nodes_and_pipes_see_nothing_of_it(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    count: int,
    terminal: bool,
) -> None:
    clouds_yaml(many_nodes(cloud, count))

    result = openstack(*LIST_OF_NODES, terminal=terminal)

    assert result == Result(
        0, ''.join(f'cached {name}\n' for name in MANY[:count]), ''
    )


@pytest.mark.usefixtures('plain_terminal')
def test_failures_stand_below_where_the_count_was(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(many_nodes(cloud, 10, down='site-03'))
    url = 'http://site-03.example:9292'

    result = openstack(*LIST_OF_NODES, terminal=True)

    assert (result.code, result.out) == (
        1,
        ''.join(f'cached {one}\n' for one in MANY[:10] if one != 'site-03'),
    )
    assert result.err.endswith(
        f'\x1b[2KCannot read the cache of site-03 ({url}): Cannot connect: '
        'Connection refused. Check that glance-api is running at this '
        'address.\n'
    )


@pytest.mark.usefixtures('plain_terminal')
def test_a_change_of_many_is_counted_too(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(many_nodes(cloud, 10))
    for name in MANY[:10]:
        url = f'http://{name}.example:9292/v2/cache'
        cloud.answers('DELETE', url, status_code=204)

    result = openstack(
        *(*FAR, 'clear', '--all-nodes', '--auto-approve'),
        *('-f', 'value', '-c', 'Cached', '-c', 'Node'),
        terminal=True,
    )

    assert (result.code, result.out) == (
        0,
        ''.join(f'1 {name}\n' for name in MANY[:10]),
    )
    assert 'Changing nodes' in result.err


@pytest.mark.usefixtures('plain_terminal')
def test_the_size_of_a_fleet_does_not_matter_to_the_plan(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    """An image on all nodes goes from all of them; each is told."""
    clouds_yaml(many_nodes(cloud, 10))
    cloud.answers('GET', IMAGES, json=p.images(UBUNTU_IMAGE))
    for name in MANY[:10]:
        url = f'http://{name}.example:9292/v2/cache/{p.UBUNTU}'
        cloud.answers('DELETE', url, status_code=204)

    result = openstack(
        *(*FAR, 'delete', '--all-nodes', '--auto-approve', 'ubuntu-24.04'),
        *('-f', 'value', '-c', 'Result', '-c', 'Node'),
        terminal=True,
    )

    assert (result.code, result.out) == (
        0,
        ''.join(f'deleted {name}\n' for name in MANY[:10]),
    )
    assert 'Changing entries' in result.err


def test_a_failure_has_the_request_id_that_glance_gave(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """What is no ID of a request is left out."""
    request_id = 'req-0f8f89be-fed2-44c4-91f8-b2a0c3b15f27'
    answers = [
        {'status_code': 500, 'headers': {'X-Openstack-Request-Id': one}}
        for one in (request_id, 'req-\x1b[1m')
    ]
    cloud.answers('GET', f'{p.GLANCE}/v2/cache', *answers)

    first, second = (openstack('image', 'cache', 'list') for __ in range(2))

    told = (
        f'Cannot read the cache of {p.GLANCE}: The server failed with HTTP '
        '500. Try again later, and check the log of the server.'
    )
    assert first.err == f'{told} (Request-ID: {request_id})\n'
    assert second.err == f'{told}\n'


def test_all_requests_of_a_command_have_one_id(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Another one each time; -v shows it first."""
    cloud.answers(
        'GET', f'{p.GLANCE}/v2/cache', json=p.cache(p.cached(p.UBUNTU))
    )
    cloud.answers('GET', f'{IMAGES}?id=in:{p.UBUNTU}', json=p.images())
    cloud.answers(
        'GET', f'{IMAGES}?id=in:{p.UBUNTU}&os_hidden=true', json=p.images()
    )

    shown = [openstack('-v', 'image', 'cache', 'list') for __ in range(2)]

    ids = [
        one.headers['X-OpenStack-Request-ID']
        for one in cloud.history
        if '/v2/' in one.url
    ]
    assert len(ids) == 6
    assert len(set(ids[:3])) == len(set(ids[3:])) == 1
    assert ids[0] != ids[3]
    for result, one in zip(shown, (ids[0], ids[3])):
        assert f'Request ID of this command in the logs of Glance: {one}' in (
            result.err.splitlines()
        )


def test_the_environment_has_the_time_of_a_node(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clouds_yaml(p.FLEET)
    monkeypatch.setenv('OS_IMAGE_CACHE_NODE_TIMEOUT', '0.3')
    cloud.answers('GET', OSLO, **fleets.IS_SILENT)

    result = openstack(*FAR, 'list', '--node', 'edge-oslo')
    monkeypatch.setenv('OS_IMAGE_CACHE_NODE_TIMEOUT', 'long')
    wrong = openstack(*FAR, 'list')

    assert result.code == 1
    assert 'within 0.3 seconds' in result.err
    assert wrong == Result(
        2,
        '',
        "OS_IMAGE_CACHE_NODE_TIMEOUT: 'long' is not a number of seconds "
        'greater than 0.\n',
    )


def test_the_environment_limits_downloads_of_those_who_wait(
    cloud: Cloud, openstack: OpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not make a command wait."""
    monkeypatch.setenv('OS_IMAGE_CACHE_MAX_DOWNLOADS', 'many')
    cloud.answers('GET', f'{p.GLANCE}/v2/cache', json=p.cache())
    images = p.images(p.image(p.UBUNTU, 'ubuntu'))
    cloud.answers('GET', f'{IMAGES}?name=in:ubuntu', json=images)
    cloud.answers('PUT', f'{p.GLANCE}/v2/cache/{p.UBUNTU}', status_code=202)
    queue = ('image', 'cache', 'queue', 'ubuntu', '-f', 'value')

    plain = openstack(*queue)
    waits = openstack(*queue, '--wait')

    assert plain.code == 0
    assert (waits.code, waits.out) == (2, '')
    assert waits.err.startswith('OS_IMAGE_CACHE_MAX_DOWNLOADS: ')
