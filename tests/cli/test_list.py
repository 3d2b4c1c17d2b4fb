# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache list`: argv in, output out."""

import copy
from typing import Any

import pytest

from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

CACHE = f'{p.GLANCE}/v2/cache'
IMAGES = f'{p.GLANCE}/v2/images'
NAMES_OF_BOTH = (
    f'{IMAGES}?id=in%3A{p.UBUNTU}%2C{p.DEBIAN}&visibility=all&limit=1000'
)

PLAIN = {'Content-Type': 'text/plain'}
UBUNTU_ENTRY = p.cached(p.UBUNTU)
NEVER_USED_ENTRY = p.cached(
    p.FEDORA, hits=0, last_accessed=0, size=21474836480
)

TABLE = """\
+--------------------------------------+--------------+--------+---------------------+---------------------+--------+------+----------------------------+
| ID                                   | Name         | State  | Last Accessed (UTC) | Last Modified (UTC) | Size   | Hits | Node                       |
+--------------------------------------+--------------+--------+---------------------+---------------------+--------+------+----------------------------+
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | cached | 2026-11-21 03:46:57 | 2026-11-20 03:46:57 | 5.0 MB |    3 | http://glance.example:9292 |
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | queued |                     |                     |        |      | http://glance.example:9292 |
+--------------------------------------+--------------+--------+---------------------+---------------------+--------+------+----------------------------+
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
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "State": "queued",
    "Last Accessed (UTC)": null,
    "Last Modified (UTC)": null,
    "Size": null,
    "Hits": null,
    "Node": "http://glance.example:9292"
  }
]
"""
YAML = """\
- Hits: 3
  ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Last Accessed (UTC): '2026-11-21T03:46:57Z'
  Last Modified (UTC): '2026-11-20T03:46:57Z'
  Name: ubuntu-24.04
  Node: http://glance.example:9292
  Size: 5000000
  State: cached
- Hits: null
  ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Last Accessed (UTC): null
  Last Modified (UTC): null
  Name: debian-13
  Node: http://glance.example:9292
  Size: null
  State: queued
"""
CSV = """\
"ID","Name","State","Last Accessed (UTC)","Last Modified (UTC)","Size","Hits","Node"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04","cached","2026-11-21T03:46:57Z","2026-11-20T03:46:57Z",5000000,3,"http://glance.example:9292"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13","queued","","","","","http://glance.example:9292"
"""
VALUE = """\
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 cached 2026-11-21T03:46:57Z 2026-11-20T03:46:57Z 5000000 3 http://glance.example:9292
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 queued     http://glance.example:9292
"""
CSV_HEADERS = CSV.splitlines(keepends=True)[0]


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
def test_a_cached_and_a_queued_image(
    cloud: Cloud,
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(UBUNTU_ENTRY, queued=[p.DEBIAN]))
    cloud.answers(
        'GET',
        IMAGES,
        json=p.images(
            p.image(p.DEBIAN, 'debian-13'), p.image(p.UBUNTU, 'ubuntu-24.04')
        ),
    )

    result = openstack('image', 'cache', 'list', '-f', name, terminal=terminal)

    assert result == Result(0, expected, '')
    assert cloud.requests == [
        f'GET {CACHE}',
        f'GET {NAMES_OF_BOTH}',
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
def test_an_empty_cache(
    cloud: Cloud,
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    cloud.answers('GET', CACHE, json=p.cache())

    result = openstack('image', 'cache', 'list', '-f', name, terminal=terminal)

    looked = 'No entries found. Nodes read: 1 of 1.\n'
    assert result == Result(0, expected, looked if terminal else '')
    assert cloud.requests == [f'GET {CACHE}']


def test_without_names_nobody_is_asked_for_names(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(UBUNTU_ENTRY))

    result = openstack(
        *('image', 'cache', 'list', '-f', 'value', '-c', 'ID', '-c', 'Hits')
    )

    assert result == Result(0, f'{p.UBUNTU} 3\n', '')
    assert cloud.requests == [f'GET {CACHE}']


def test_an_orphan_has_no_name(cloud: Cloud, openstack: OpenStack) -> None:
    cloud.answers('GET', CACHE, json=p.cache(UBUNTU_ENTRY, p.cached(p.ORPHAN)))
    cloud.answers(
        'GET',
        IMAGES,
        {'json': p.images(p.image(p.UBUNTU, 'ubuntu-24.04'))},
        {'json': p.images()},
    )

    result = openstack(
        *('image', 'cache', 'list', '-f', 'json', '--noindent'),
        *('-c', 'ID', '-c', 'Name'),
    )

    assert result.out == (
        f'[{{"ID": "{p.UBUNTU}", "Name": "ubuntu-24.04"}}, '
        f'{{"ID": "{p.ORPHAN}", "Name": null}}]\n'
    )
    # Only the one that was not found is looked for among hidden images.
    assert cloud.requests[-1] == (
        f'GET {IMAGES}?id=in%3A{p.ORPHAN}&visibility=all&os_hidden=true&limit=1000'
    )


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ('--cached', [p.FEDORA, p.UBUNTU, p.ORPHAN]),
        ('--queued', [p.DEBIAN]),
        ('--cached --queued', [p.FEDORA, p.UBUNTU, p.ORPHAN, p.DEBIAN]),
        ('--orphans', [p.ORPHAN]),
        ('--unused', [p.FEDORA]),
        ('--larger-than 10G', [p.FEDORA]),
        ('--older-than 2w', [p.ORPHAN]),
        ('--unused --larger-than 4999999', [p.FEDORA]),
        ('--cached ubuntu*', [p.UBUNTU]),
        (p.ORPHAN, [p.ORPHAN]),
        ('debian-13 fedora-42', [p.FEDORA, p.DEBIAN]),
    ],
)
def test_narrowing(
    cloud: Cloud, openstack: OpenStack, options: str, expected: list[str]
) -> None:
    never = {'last_accessed': 4102444800.0, 'last_modified': 4102444800.0}
    cloud.answers(
        'GET',
        CACHE,
        json=p.cache(
            {**UBUNTU_ENTRY, **never},
            {**NEVER_USED_ENTRY, **never, 'last_accessed': 0},
            p.cached(p.ORPHAN, last_accessed=1577836800.0),
            queued=[p.DEBIAN],
        ),
    )
    cloud.answers(
        'GET',
        IMAGES,
        {
            'json': p.images(
                p.image(p.UBUNTU, 'ubuntu-24.04'),
                p.image(p.DEBIAN, 'debian-13'),
                p.image(p.FEDORA, 'fedora-42'),
            )
        },
        {'json': p.images()},
    )

    result = openstack(
        *('image', 'cache', 'list', '-f', 'value', '-c', 'ID', '-c', 'Name'),
        *options.split(),
    )

    ids = [line.partition(' ')[0] for line in result.out.splitlines()]
    assert (result.code, ids, result.err) == (0, expected, '')


def test_what_is_narrowed_away_is_not_looked_up(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers(
        'GET',
        CACHE,
        json=p.cache(p.cached(p.UBUNTU), p.cached(p.FEDORA, size=9)),
    )
    cloud.answers(
        'GET',
        f'{IMAGES}?id=in:{p.UBUNTU}',
        json=p.images(p.image(p.UBUNTU, 'ubuntu-24.04')),
    )

    result = openstack(
        *('image', 'cache', 'list', '--larger-than', '9'),
        *('-f', 'value', '-c', 'Name'),
    )

    assert result == Result(0, 'ubuntu-24.04\n', '')


def test_where_nothing_is_left_glance_is_not_asked(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))

    result = openstack(
        *('image', 'cache', 'list', '--larger-than', '20Gi', '-f', 'csv'),
        *('-c', 'ID', '-c', 'Name'),
    )

    assert result == Result(0, '"ID","Name"\n', '')
    assert not any(IMAGES in one for one in cloud.requests)


def test_what_is_named_and_in_no_cache(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """An image without an entry is no failure, a name without image is."""
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:debian-13,nosuch',
        json=p.images(p.image(p.DEBIAN, 'debian-13')),
    )
    cloud.answers(
        'GET', f'{IMAGES}?name=in:nosuch&os_hidden=true', json=p.images()
    )

    result = openstack('image', 'cache', 'list', 'debian-13', 'nosuch')

    assert result == Result(
        1,
        '\n',
        "Cannot list 'nosuch': No image has the name or ID 'nosuch'. "
        "See 'openstack image list'.\n",
    )


@pytest.mark.parametrize(
    ('column', 'direction', 'expected'),
    [
        ('Size', '--sort-ascending', [p.UBUNTU, p.FEDORA, p.DEBIAN]),
        ('Size', '--sort-descending', [p.DEBIAN, p.FEDORA, p.UBUNTU]),
        (
            'Last Accessed (UTC)',
            '--sort-ascending',
            [p.UBUNTU, p.DEBIAN, p.FEDORA],
        ),
    ],
)
def test_sorting_sorts_values(
    cloud: Cloud,
    openstack: OpenStack,
    column: str,
    direction: str,
    expected: list[str],
) -> None:
    cloud.answers(
        'GET',
        CACHE,
        json=p.cache(UBUNTU_ENTRY, NEVER_USED_ENTRY, queued=[p.DEBIAN]),
    )

    result = openstack(
        *('image', 'cache', 'list', '-f', 'value', '-c', 'ID'),
        *('--sort-column', column, direction),
    )

    got = result.out.split()
    if column == 'Last Accessed (UTC)':
        # Two have no value: they come last, in any order.
        got[1:], expected[1:] = sorted(got[1:]), sorted(expected[1:])
    assert (got, result.err) == (expected, '')


TRICK = 'x\x1b]0;owned\x07\u202e\r\ny'


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('value', 'x\\x1b]0;owned\\x07\\u202e\\r\\ny\n'),
        ('csv', '"Name"\n"x\\\\x1b]0;owned\\\\x07\\\\u202e\\\\r\\\\ny"\n'),
        ('json', '[{"Name": "x\\u001b]0;owned\\u0007\\u202e\\r\\ny"}]\n'),
        ('yaml', '- Name: "x\\e]0;owned\\a\\u202E\\r\\ny"\n'),
        (
            'table',
            '+------------------------------+\n'
            '| Name                         |\n'
            '+------------------------------+\n'
            '| x\\x1b]0;owned\\x07\\u202e\\r\\ny |\n'
            '+------------------------------+\n',
        ),
    ],
)
def test_a_name_never_steers_a_terminal(
    cloud: Cloud, openstack: OpenStack, name: str, expected: str
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(UBUNTU_ENTRY))
    cloud.answers('GET', IMAGES, json=p.images(p.image(p.UBUNTU, TRICK)))

    result = openstack(
        *('image', 'cache', 'list', '-f', name, '-c', 'Name'),
        *(['--noindent'] if name == 'json' else []),
        terminal=True,
    )

    assert result == Result(0, expected, '')


def test_without_names_the_rest_is_printed(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(UBUNTU_ENTRY))
    cloud.answers('GET', IMAGES, status_code=500, text='down', headers=PLAIN)

    result = openstack(
        *('image', 'cache', 'list', '-f', 'value', '-c', 'ID', '-c', 'Name')
    )

    assert result == Result(
        1,
        f'{p.UBUNTU} \n',
        "Cannot look up image names: Cannot look up images in the cloud's "
        "Glance: The server failed with HTTP 500: down. See 'openstack image "
        "list'.\n",
    )


def test_nothing_is_an_orphan_when_names_are_unknown(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(UBUNTU_ENTRY))
    cloud.answers('GET', IMAGES, status_code=500, text='down', headers=PLAIN)

    result = openstack('image', 'cache', 'list', '--orphans')

    assert result == Result(
        1,
        '',
        "Cannot look up images in the cloud's Glance: "
        "The server failed with HTTP 500: down. See 'openstack image list'.\n",
    )


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (
            ['-c', 'Nmae'],
            'Unknown column: Nmae. Available: ID, Name, State, Last Accessed '
            '(UTC), Last Modified (UTC), Size, Hits, Node.\n',
        ),
        (
            ['--node', 'ftp://host'],
            "'ftp://host' is not a node endpoint: the URL must start with "
            'http:// or https://. Use http://host:port, host:port or host.\n',
        ),
        (
            ['--node', 'edge*'],
            "clouds.yaml has no node 'edge*'. Add 'image_cache_nodes' to "
            'clouds.yaml. Use a URL for other nodes.\n',
        ),
        (
            ['--node', 'a', '--all-nodes'],
            (
                '--all-nodes cannot be combined with --node or --site. Use '
                'one of them.\n'
            ),
        ),
    ],
)
def test_bad_input_is_told_in_a_line(
    cloud: Cloud, openstack: OpenStack, argv: list[str], message: str
) -> None:
    result = openstack('image', 'cache', 'list', *argv)

    assert result == Result(2, '', message)
    assert cloud.requests == []


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (
            ['--older-than', '30'],
            "argument --older-than: '30' is not a duration such as 45s, 90m, "
            '12h, 30d or 2w\n',
        ),
        (
            ['--larger-than', 'big'],
            "argument --larger-than: 'big' is not a size such as 500M, 10G "
            'or 2Gi\n',
        ),
        (
            ['--node-timeout', '0'],
            "argument --node-timeout: '0' is not a number of seconds greater "
            'than 0\n',
        ),
    ],
)
def test_bad_values_are_told_as_usage(
    cloud: Cloud, openstack: OpenStack, argv: list[str], message: str
) -> None:
    result = openstack('image', 'cache', 'list', *argv)

    assert (result.code, result.out) == (2, '')
    assert result.err.endswith(message)


@pytest.mark.parametrize('seconds', ['0', '0.09', '1e-300', 'nan'])
def test_watch_reads_nodes_at_most_ten_times_a_second(
    cloud: Cloud, openstack: OpenStack, seconds: str
) -> None:
    result = openstack('image', 'cache', 'watch', '--interval', seconds)

    assert (result.code, result.out) == (2, '')
    assert f"argument --interval: '{seconds}' is " in result.err
    assert cloud.requests == []


def test_no_listing_prints_a_thing_when_help_is_asked(
    openstack: OpenStack,
) -> None:
    result = openstack('image', 'cache', 'list', '--help')

    assert (result.code, result.err) == (0, '')
    assert result.out.startswith('usage: openstack image cache list [-h]')


def stub_of(status: str, words: str) -> dict[str, Any]:
    """Glance's answer for an error."""
    return {
        'status_code': int(status.split(maxsplit=1)[0]),
        'text': p.fault(status, words),
        'headers': {'Content-Type': 'text/html; charset=UTF-8'},
    }


NO_ROUTE = stub_of('404 Not Found', 'The resource could not be found.')
NOT_GLANCE = (
    f'Cannot read the cache of {p.GLANCE}: Not a Glance endpoint. Use an '
    "endpoint of 'openstack endpoint list'.\n"
)


@pytest.mark.parametrize(
    ('cache', 'versions', 'message'),
    [
        (
            stub_of(
                '404 Not Found',
                'Caching via API is not supported at this site.',
            ),
            {'json': p.glance_versions(p.GLANCE, '2.17', '2.15', '2.0')},
            "The node's image cache is disabled. Set 'image_cache_dir' and a "
            "flavor with caching in that node's glance-api.conf, and restart "
            'it.\n',
        ),
        (
            {'status_code': 404, 'text': 'no', 'headers': PLAIN},
            {'status_code': 404, 'text': 'no', 'headers': PLAIN},
            "Not a Glance endpoint. Use an endpoint of 'openstack endpoint "
            "list'.\n",
        ),
        (
            {'status_code': 404, 'text': 'no', 'headers': {}},
            {'status_code': 200, 'text': 'Welcome', 'headers': {}},
            "Not a Glance endpoint. Use an endpoint of 'openstack endpoint "
            "list'.\n",
        ),
        (
            stub_of('403 Forbidden', 'You are not authorized.'),
            None,
            'You are not authorized. Log in as an administrator, or permit '
            'cache_list, cache_image and cache_delete in the API policies of '
            'the node.\n',
        ),
        (
            stub_of('503 Service Unavailable', ''),
            None,
            'The server failed with HTTP 503. Try again later, and check the '
            'log of the server.\n',
        ),
        (
            {'status_code': 200, 'text': '<html>Welcome</html>'},
            None,
            (
                'The response is not valid JSON. Check that this is a Glance '
                'endpoint.\n'
            ),
        ),
        (
            {
                'status_code': 302,
                'headers': {'Location': 'http://evil.example/'},
            },
            None,
            'The endpoint redirects to another one (HTTP 302). Use the '
            'endpoint that it redirects to.\n',
        ),
    ],
)
def test_a_node_that_does_not_do_it(
    cloud: Cloud,
    openstack: OpenStack,
    cache: dict[str, Any],
    versions: dict[str, Any] | None,
    message: str,
) -> None:
    cloud.answers('GET', CACHE, **cache)
    if versions:
        cloud.answers('GET', f'{p.GLANCE}/versions', **versions)

    result = openstack('image', 'cache', 'list')

    assert result == Result(
        1, '\n', f'Cannot read the cache of {p.GLANCE}: {message}'
    )


def test_part_of_a_fleet_that_fails_hides_nothing(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(p.FLEET)
    cloud.answers('GET', CACHE, **stub_of('500 Internal Server Error', 'Oops'))
    cloud.answers(
        'GET',
        f'{p.EDGE}/v2/cache',
        json=p.cache(UBUNTU_ENTRY),
    )

    result = openstack(
        *('--os-cloud', 'far', 'image', 'cache', 'list', '-f', 'value'),
        *('-c', 'ID', '-c', 'Node'),
    )

    assert result == Result(
        1,
        f'{p.UBUNTU} edge-bergen\n',
        f'Cannot read the cache of edge-oslo ({p.GLANCE}): The server failed '
        'with HTTP 500: Oops. Try again later, and check the log of the '
        'server.\n',
    )


@pytest.mark.parametrize(
    'node',
    [
        'edge-bergen',
        'edge-b*',
        p.EDGE,
        f'{p.EDGE}/',
        f'{p.EDGE}/v2',
        f'{p.EDGE}/v2/',
    ],
)
def test_a_node_is_named(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any, node: str
) -> None:
    clouds_yaml(p.FLEET)
    cloud.answers('GET', f'{p.EDGE}/v2/cache', json=p.cache(UBUNTU_ENTRY))

    result = openstack(
        *('--os-cloud', 'far', 'image', 'cache', 'list', '-f', 'value'),
        *('-c', 'ID', '-c', 'Node', '--node', node),
    )

    assert result == Result(0, f'{p.UBUNTU} edge-bergen\n', '')


def test_a_node_that_is_not_there(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(p.FLEET)

    result = openstack(
        *('--os-cloud', 'far', 'image', 'cache', 'list', '--node', 'edg-oslo')
    )

    assert result == Result(
        2,
        '',
        "clouds.yaml has no node 'edg-oslo'. Similar names: edge-oslo. Use a "
        'URL '
        'for other nodes.\n',
    )


def test_orphans_of_one_who_does_not_see_all(
    cloud: Cloud, openstack: OpenStack
) -> None:
    member = copy.deepcopy(p.TOKEN)
    member['token']['roles'] = [{'id': 'a', 'name': 'member'}]
    cloud.answers(
        'POST',
        f'{p.KEYSTONE}/auth/tokens',
        json=member,
        headers={'X-Subject-Token': 'gAAAAA-the-token'},
        status_code=201,
    )
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers('GET', IMAGES, json=p.images())

    result = openstack(
        *('image', 'cache', 'list', '--orphans', '-f', 'value', '-c', 'ID')
    )

    assert result == Result(
        0,
        f'{p.UBUNTU}\n',
        "This login does not have the role 'admin': images that it cannot "
        'see are listed as orphans.\n',
    )


def test_what_can_not_be_an_id_is_no_orphan(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Glance can't be asked about it; what it does not know is one."""
    strange = ['../images', 'x' * 37, 'ü', 'a,b']
    cloud.answers(
        'GET',
        CACHE,
        json=p.cache(*map(p.cached, strange), queued=[p.ORPHAN]),
    )
    cloud.answers('GET', f'{IMAGES}?id=in:{p.ORPHAN}', json=p.images())

    result = openstack(
        *('image', 'cache', 'list', '--orphans', '-f', 'value', '-c', 'ID')
    )

    assert result == Result(0, f'{p.ORPHAN}\n', '')


def test_a_name_is_looked_up_and_not_what_the_nodes_hold(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers(
        'GET', CACHE, json=p.cache(UBUNTU_ENTRY, queued=[p.DEBIAN, p.ORPHAN])
    )
    cloud.answers(
        'GET', IMAGES, json=p.images(p.image(p.UBUNTU, 'ubuntu-24.04'))
    )

    result = openstack(
        *('image', 'cache', 'list', 'ubuntu-24.04', '-f', 'value'),
        *('-c', 'ID', '-c', 'Name'),
    )

    assert result == Result(0, f'{p.UBUNTU} ubuntu-24.04\n', '')
    assert cloud.requests == [
        f'GET {CACHE}',
        f'GET {IMAGES}?name=in%3Aubuntu-24.04&limit=1000',
    ]


def test_a_name_of_several_images_means_all_of_them(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers(
        'GET', CACHE, json=p.cache(queued=[p.UBUNTU, p.DEBIAN, p.FEDORA])
    )
    cloud.answers(
        'GET',
        IMAGES,
        json=p.images(p.image(p.UBUNTU, 'app'), p.image(p.DEBIAN, 'app')),
    )

    result = openstack(
        *('image', 'cache', 'list', 'app', '-f', 'value', '-c', 'ID')
    )

    assert result == Result(0, f'{p.DEBIAN}\n{p.UBUNTU}\n', '')


def test_an_id_that_a_node_holds_is_asked_for_its_name_alone(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(queued=[p.UBUNTU, p.DEBIAN]))
    cloud.answers(
        'GET', IMAGES, json=p.images(p.image(p.UBUNTU, 'ubuntu-24.04'))
    )

    result = openstack(
        *('image', 'cache', 'list', p.UBUNTU, '-f', 'value', '-c', 'Name')
    )

    assert result == Result(0, 'ubuntu-24.04\n', '')
    assert cloud.requests == [
        f'GET {CACHE}',
        f'GET {IMAGES}?id=in%3A{p.UBUNTU}&visibility=all&limit=1000',
    ]


def test_a_glob_means_hidden_images_as_well(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """All images are listed, in two requests."""
    cloud.answers(
        'GET', CACHE, json=p.cache(queued=[p.UBUNTU, p.DEBIAN, p.FEDORA])
    )
    cloud.answers(
        'GET',
        IMAGES,
        json=p.images(
            p.image(p.UBUNTU, 'ubuntu-24.04'), p.image(p.FEDORA, 'fedora-42')
        ),
    )
    cloud.answers(
        'GET',
        f'{IMAGES}?os_hidden=true',
        json=p.images(p.image(p.DEBIAN, 'ubuntu-20.04')),
    )

    result = openstack(
        *('image', 'cache', 'list', 'ubuntu*', '-f', 'value', '-c', 'Name')
    )

    assert result == Result(0, 'ubuntu-20.04\nubuntu-24.04\n', '')
    assert cloud.requests == [
        f'GET {CACHE}',
        f'GET {IMAGES}?limit=1000',
        f'GET {IMAGES}?os_hidden=true&limit=1000',
    ]


@pytest.mark.parametrize('glob', ['nosuch*', '*'])
def test_a_glob_that_means_nothing_there_is_no_failure(
    cloud: Cloud, openstack: OpenStack, glob: str
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(queued=[p.ORPHAN]))
    cloud.answers('GET', IMAGES, json=p.images(p.image(p.UBUNTU, 'ubuntu')))

    result = openstack(
        *('image', 'cache', 'list', glob, '-f', 'value', '-c', 'ID')
    )

    assert result == Result(0, '', '')


@pytest.mark.parametrize(
    ('argv', 'word'),
    [
        (['list', '--all'], '--all'),
        (['list', '--orphan'], '--orphan'),
        (['list', '--older', '30d'], '--older'),
        (['queue', '--all', 'ubuntu-24.04'], '--all'),
        (['delete', '--auto', 'ubuntu-24.04'], '--auto'),
        (['clear', '--dry'], '--dry'),
        (['clean', '--node-t', '3'], '--node-t'),
        (['prune', '--auto', '--all-nodes'], '--auto'),
        (['sync', 'ubuntu-24.04', '--delete-other'], '--delete-other'),
        (['coverage', '--all'], '--all'),
        (['node', 'list', '--im', 'ubuntu-24.04'], '--im'),
    ],
)
def test_options_can_not_be_abbreviated(
    cloud: Cloud, openstack: OpenStack, argv: list[str], word: str
) -> None:
    result = openstack('image', 'cache', *argv)

    assert (result.code, result.out) == (2, '')
    assert f'unrecognized arguments: {word}' in result.err


def test_a_wrong_path_is_reported_with_its_url_once(
    cloud: Cloud, openstack: OpenStack
) -> None:
    url = f'{p.GLANCE}/identity'
    cloud.answers('GET', f'{url}/v2/cache', status_code=300, json={})

    result = openstack('image', 'cache', 'list', '--node', f'{url}/v3')

    assert result == Result(
        1,
        '\n',
        f'Cannot read the cache of {url}: The endpoint has a wrong path (HTTP '
        '300). Remove the path from the endpoint.\n',
    )


def test_an_empty_table_is_not_explained_after_other_failures(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.adapter.register_uri('GET', IMAGES, json=p.images())

    result = openstack('image', 'cache', 'list', 'nosuch', terminal=True)

    assert result == Result(
        1,
        '\n',
        "Cannot list 'nosuch': No image has the name or ID 'nosuch'. See "
        "'openstack image list'.\n",
    )


def test_an_empty_name_is_refused(cloud: Cloud, openstack: OpenStack) -> None:
    result = openstack('image', 'cache', 'list', '')

    assert (result.code, result.out) == (2, '')
    assert 'argument <image>: The value is empty' in result.err
