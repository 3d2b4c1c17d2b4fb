# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache coverage`: argv in, output out."""

import functools
from typing import Any

import pytest

from tests.cli import fleets
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import HoldBack
from tests.cli.conftest import OpenStack
from tests.shell import Result

COVERAGE = ('--os-cloud', 'far', 'image', 'cache', 'coverage')
OSLO_CACHE = f'{p.GLANCE}/v2/cache'
BERGEN_CACHE = f'{p.EDGE}/v2/cache'
IMAGES = f'{p.GLANCE}/v2/images'

TABLE = """\
+--------------------------------------+--------------+--------+--------+--------+---------+------------+
| ID                                   | Name         | Size   | Cached | Queued | Missing | Missing On |
+--------------------------------------+--------------+--------+--------+--------+---------+------------+
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | 2.0 MB |      1 |      1 |       0 |            |
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | 5.0 MB |      2 |      0 |       0 |            |
| c0ffee00-1234-4abc-8def-0123456789ab |              | 7 B    |      1 |      0 |       1 | edge-oslo  |
+--------------------------------------+--------------+--------+--------+--------+---------+------------+
"""
ON_A_TERMINAL = """\
+--------------------------------------+--------------+--------+----------------+--------+---------+------------+
| ID                                   | Name         | Size   | Cached         | Queued | Missing | Missing On |
+--------------------------------------+--------------+--------+----------------+--------+---------+------------+
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | 2.0 MB | █████░░░░░ 1/2 |      1 |       0 |            |
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | 5.0 MB | ██████████ 2/2 |      0 |       0 |            |
| c0ffee00-1234-4abc-8def-0123456789ab |              | 7 B    | █████░░░░░ 1/2 |      0 |       1 | edge-oslo  |
+--------------------------------------+--------------+--------+----------------+--------+---------+------------+
"""
JSON = """\
[
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Size": 2000000,
    "Cached": 1,
    "Queued": 1,
    "Missing": 0,
    "Missing On": []
  },
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "Size": 5000000,
    "Cached": 2,
    "Queued": 0,
    "Missing": 0,
    "Missing On": []
  },
  {
    "ID": "c0ffee00-1234-4abc-8def-0123456789ab",
    "Name": null,
    "Size": 7,
    "Cached": 1,
    "Queued": 0,
    "Missing": 1,
    "Missing On": [
      "edge-oslo"
    ]
  }
]
"""
YAML = """\
- Cached: 1
  ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Missing: 0
  Missing On: []
  Name: debian-13
  Queued: 1
  Size: 2000000
- Cached: 2
  ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Missing: 0
  Missing On: []
  Name: ubuntu-24.04
  Queued: 0
  Size: 5000000
- Cached: 1
  ID: c0ffee00-1234-4abc-8def-0123456789ab
  Missing: 1
  Missing On:
  - edge-oslo
  Name: null
  Queued: 0
  Size: 7
"""
CSV = """\
"ID","Name","Size","Cached","Queued","Missing","Missing On"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13",2000000,1,1,0,""
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04",5000000,2,0,0,""
"c0ffee00-1234-4abc-8def-0123456789ab","",7,1,0,1,"edge-oslo"
"""
VALUE = (
    '884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 2000000 1 1 0 \n'
    '9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 5000000 2 0 0 \n'
    'c0ffee00-1234-4abc-8def-0123456789ab  7 1 0 1 edge-oslo\n'
)


@pytest.fixture
def two_nodes(cloud: Cloud, clouds_yaml: Any) -> None:
    """Ubuntu is on both, Debian on its way to one, an orphan on one."""
    clouds_yaml(p.FLEET)
    cloud.answers(
        'GET', OSLO_CACHE, json=p.cache(p.cached(p.UBUNTU), queued=[p.DEBIAN])
    )
    cloud.answers(
        'GET',
        BERGEN_CACHE,
        json=p.cache(
            p.cached(p.DEBIAN, size=2000000),
            p.cached(p.UBUNTU),
            p.cached(p.ORPHAN, size=7),
        ),
    )


@pytest.fixture
def names(cloud: Cloud) -> None:
    """The names of what the two nodes hold."""
    cloud.answers(
        'GET',
        f'{IMAGES}?id=in:{p.UBUNTU},{p.DEBIAN},{p.ORPHAN}',
        json=p.images(
            p.image(p.UBUNTU, 'ubuntu-24.04'),
            p.image(p.DEBIAN, 'debian-13', size=2000000),
        ),
    )
    cloud.answers(
        'GET', f'{IMAGES}?id=in:{p.ORPHAN}&os_hidden=true', json=p.images()
    )


@pytest.mark.parametrize(
    ('name', 'terminal', 'expected'),
    [
        ('table', False, TABLE),
        ('table', True, ON_A_TERMINAL),
        ('json', False, JSON),
        ('json', True, JSON),
        ('yaml', False, YAML),
        ('yaml', True, YAML),
        ('csv', False, CSV),
        ('csv', True, CSV),
        ('value', False, VALUE),
        ('value', True, VALUE),
    ],
)
@pytest.mark.usefixtures('two_nodes', 'names')
def test_a_row_per_image_by_name(
    cloud: Cloud,
    openstack: OpenStack,
    name: str,
    terminal: bool,
    expected: str,
) -> None:
    result = openstack(*COVERAGE, '-f', name, terminal=terminal)

    assert result == Result(0, expected, '')
    # The fleet as a whole is looked up: an image of two nodes once.
    assert sorted(cloud.requests[:2]) == [
        f'GET {BERGEN_CACHE}',
        f'GET {OSLO_CACHE}',
    ]
    assert cloud.requests[2:] == [
        f'GET {IMAGES}?id=in%3A{p.UBUNTU}%2C{p.DEBIAN}%2C{p.ORPHAN}&visibility=all&limit=1000',
        f'GET {IMAGES}?id=in%3A{p.ORPHAN}&visibility=all&os_hidden=true&limit=1000',
    ]


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', '\n'),
        ('json', '[]\n'),
        ('yaml', '[]\n'),
        (
            'csv',
            '"ID","Name","Size","Cached","Queued","Missing","Missing On"\n',
        ),
        ('value', ''),
    ],
)
def test_empty_caches(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    clouds_yaml(p.FLEET)
    cloud.answers('GET', OSLO_CACHE, json=p.cache())
    cloud.answers('GET', BERGEN_CACHE, json=p.cache())

    result = openstack(*COVERAGE, '-f', name, terminal=terminal)

    looked = 'No images found. Nodes read: 2 of 2.\n'
    assert result == Result(0, expected, looked if terminal else '')


PARTIAL_TABLE = """\
+--------------------------------------+--------------+--------+--------+--------+---------+------------+
| ID                                   | Name         | Size   | Cached | Queued | Missing | Missing On |
+--------------------------------------+--------------+--------+--------+--------+---------+------------+
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | 2.0 MB |      0 |      1 |       0 |            |
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | 5.0 MB |      1 |      0 |       0 |            |
+--------------------------------------+--------------+--------+--------+--------+---------+------------+
"""
PARTIAL_ON_A_TERMINAL = """\
+--------------------------------------+--------------+--------+----------------+--------+---------+------------+
| ID                                   | Name         | Size   | Cached         | Queued | Missing | Missing On |
+--------------------------------------+--------------+--------+----------------+--------+---------+------------+
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | 2.0 MB | ░░░░░░░░░░ 0/6 |      1 |       0 |            |
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | 5.0 MB | █░░░░░░░░░ 1/6 |      0 |       0 |            |
+--------------------------------------+--------------+--------+----------------+--------+---------+------------+
"""
PARTIAL_JSON = """\
[
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Size": 2000000,
    "Cached": 0,
    "Queued": 1,
    "Missing": 0,
    "Missing On": null
  },
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "Size": 5000000,
    "Cached": 1,
    "Queued": 0,
    "Missing": 0,
    "Missing On": null
  }
]
"""
PARTIAL_YAML = """\
- Cached: 0
  ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Missing: 0
  Missing On: null
  Name: debian-13
  Queued: 1
  Size: 2000000
- Cached: 1
  ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Missing: 0
  Missing On: null
  Name: ubuntu-24.04
  Queued: 0
  Size: 5000000
"""
PARTIAL_CSV = """\
"ID","Name","Size","Cached","Queued","Missing","Missing On"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13",2000000,0,1,0,""
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04",5000000,1,0,0,""
"""
PARTIAL_VALUE = (
    '884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 2000000 0 1 0 \n'
    '9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 5000000 1 0 0 \n'
)


@pytest.mark.parametrize(
    ('name', 'terminal', 'expected'),
    [
        ('table', False, PARTIAL_TABLE),
        ('table', True, PARTIAL_ON_A_TERMINAL),
        ('json', False, PARTIAL_JSON),
        ('json', True, PARTIAL_JSON),
        ('yaml', False, PARTIAL_YAML),
        ('yaml', True, PARTIAL_YAML),
        ('csv', False, PARTIAL_CSV),
        ('csv', True, PARTIAL_CSV),
        ('value', False, PARTIAL_VALUE),
        ('value', True, PARTIAL_VALUE),
    ],
)
def test_of_nodes_that_do_not_say_nothing_is_made_up(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    name: str,
    terminal: bool,
    expected: str,
) -> None:
    clouds_yaml(fleets.CLOUDS_YAML)
    fleets.answer_caches(
        cloud, json=p.cache(p.cached(p.UBUNTU), queued=[p.DEBIAN])
    )
    cloud.answers(
        'GET',
        f'{IMAGES}?id=in:{p.UBUNTU},{p.DEBIAN}',
        json=p.images(
            p.image(p.UBUNTU, 'ubuntu-24.04'),
            p.image(p.DEBIAN, 'debian-13', size=2000000),
        ),
    )

    result = openstack(*COVERAGE, '-f', name, terminal=terminal)

    assert result == Result(
        1,
        expected,
        fleets.FAILURES
        + 'Coverage is incomplete: 5 of 6 nodes could not be read.\n',
    )


def test_without_a_row_nothing_is_said_of_where_images_are_missing(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(fleets.CLOUDS_YAML)
    fleets.answer_caches(cloud, json=p.cache())

    result = openstack(*COVERAGE)

    assert result == Result(1, '\n', fleets.FAILURES)


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (['ubuntu-24.04'], 'ubuntu-24.04 2 0 0 \n'),
        ([p.UBUNTU], 'ubuntu-24.04 2 0 0 \n'),
        (['ubuntu-24.04', p.UBUNTU, 'ubuntu-24.04'], 'ubuntu-24.04 2 0 0 \n'),
        (['fedora-42'], 'fedora-42 0 0 2 edge-oslo,edge-bergen\n'),
        (
            ['ubuntu-24.04', 'debian-13'],
            'debian-13 1 1 0 \nubuntu-24.04 2 0 0 \n',
        ),
        (
            ['*a*', 'ubuntu-24.04'],
            'debian-13 1 1 0 \n'
            'fedora-42 0 0 2 edge-oslo,edge-bergen\n'
            'ubuntu-24.04 2 0 0 \n',
        ),
        ([p.ORPHAN], ' 1 0 1 edge-oslo\n'),
        (
            [p.ORPHAN, 'ubuntu-24.04'],
            'ubuntu-24.04 2 0 0 \n 1 0 1 edge-oslo\n',
        ),
    ],
)
@pytest.mark.usefixtures('two_nodes')
def test_images_are_named(
    cloud: Cloud, openstack: OpenStack, words: list[str], expected: str
) -> None:
    """By ID, by name, by a glob on names; an orphan by its ID alone."""
    ubuntu = p.image(p.UBUNTU, 'ubuntu-24.04')
    debian = p.image(p.DEBIAN, 'debian-13')
    fedora = p.image(p.FEDORA, 'fedora-42')
    may_answer = functools.partial(cloud.adapter.register_uri, 'GET')
    may_answer(IMAGES, json=p.images(ubuntu, debian, fedora))
    may_answer(f'{IMAGES}?id=in:{p.UBUNTU}', json=p.images(ubuntu))
    may_answer(f'{IMAGES}?id=in:{p.ORPHAN}', json=p.images())
    may_answer(f'{IMAGES}?name=in:ubuntu-24.04', json=p.images(ubuntu))
    may_answer(f'{IMAGES}?name=in:fedora-42', json=p.images(fedora))
    may_answer(
        f'{IMAGES}?name=in:ubuntu-24.04,debian-13',
        json=p.images(ubuntu, debian),
    )
    may_answer(f'{IMAGES}?name=in:{p.ORPHAN}', json=p.images())
    may_answer(
        f'{IMAGES}?name=in:{p.ORPHAN},ubuntu-24.04', json=p.images(ubuntu)
    )

    result = openstack(
        *(*COVERAGE, *words, '-f', 'value', '-c', 'Name', '-c', 'Cached'),
        *('-c', 'Queued', '-c', 'Missing', '-c', 'Missing On'),
    )

    assert result == Result(0, expected, '')


@pytest.mark.usefixtures('two_nodes')
def test_every_word_that_names_nothing_is_told_of(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', IMAGES, json=p.images())
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:twin,nosuch,ubuntu-24.04',
        json=p.images(
            p.image(p.FEDORA, 'twin'),
            p.image(p.DEBIAN, 'twin'),
            p.image(p.UBUNTU, 'ubuntu-24.04'),
        ),
    )
    cloud.answers(
        'GET', f'{IMAGES}?name=in:nosuch&os_hidden=true', json=p.images()
    )

    result = openstack(
        *(*COVERAGE, 'twin', 'nosuch', 'x*', 'ubuntu-24.04'),
        *('-f', 'value', '-c', 'Name', '-c', 'Missing'),
    )

    assert result == Result(
        1,
        'ubuntu-24.04 0\n',
        f"Cannot find 'twin': 2 images have the name 'twin': {p.FEDORA}, "
        f'{p.DEBIAN}. Specify the ID of one of them.\n'
        "Cannot find 'nosuch': No image has the name or ID 'nosuch'. See "
        "'openstack image list'.\n"
        "Cannot find 'x*': No image name matches 'x*'. See 'openstack image "
        "list'.\n",
    )


@pytest.mark.usefixtures('two_nodes')
def test_without_names_nobody_is_asked_for_names(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Rows come in the order of the nodes, and of what each holds."""
    result = openstack(
        *(*COVERAGE, '-f', 'value', '-c', 'ID', '-c', 'Size', '-c', 'Missing')
    )

    assert result == Result(
        0,
        f'{p.UBUNTU} 5000000 0\n{p.DEBIAN} 2000000 0\n{p.ORPHAN} 7 1\n',
        '',
    )
    assert sorted(cloud.requests) == [
        f'GET {BERGEN_CACHE}',
        f'GET {OSLO_CACHE}',
    ]


@pytest.mark.usefixtures('two_nodes')
def test_names_that_can_not_be_had_hide_nothing(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', IMAGES, status_code=500, text='down')

    result = openstack(
        *(*COVERAGE, '-f', 'value', '-c', 'ID', '-c', 'Name', '-c', 'Cached')
    )

    assert (result.code, result.out) == (
        1,
        f'{p.UBUNTU}  2\n{p.DEBIAN}  1\n{p.ORPHAN}  1\n',
    )
    assert result.err.startswith('Cannot look up image names: ')
    assert result.err.count('\n') == 1


@pytest.mark.parametrize(
    ('column', 'direction', 'expected'),
    [
        ('Cached', '--sort-ascending', [p.DEBIAN, p.ORPHAN, p.UBUNTU]),
        ('Cached', '--sort-descending', [p.UBUNTU, p.DEBIAN, p.ORPHAN]),
        ('Missing', '--sort-descending', [p.ORPHAN, p.UBUNTU, p.DEBIAN]),
        ('Size', '--sort-ascending', [p.ORPHAN, p.DEBIAN, p.UBUNTU]),
        ('Missing On', '--sort-descending', [p.ORPHAN, p.UBUNTU, p.DEBIAN]),
    ],
)
@pytest.mark.usefixtures('two_nodes')
def test_sorting_sorts_values(
    openstack: OpenStack, column: str, direction: str, expected: list[str]
) -> None:
    result = openstack(
        *(*COVERAGE, '-f', 'value', '-c', 'ID'),
        *('--sort-column', column, direction),
    )

    assert result == Result(0, '\n'.join([*expected, '']), '')


def test_one_node_is_a_fleet_of_one(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', OSLO_CACHE, json=p.cache(p.cached(p.UBUNTU)))

    result = openstack(
        *('image', 'cache', 'coverage', '-c', 'ID', '-c', 'Cached'),
        terminal=True,
    )

    assert result == Result(
        0,
        """\
+--------------------------------------+----------------+
| ID                                   | Cached         |
+--------------------------------------+----------------+
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ██████████ 1/1 |
+--------------------------------------+----------------+
""",
        '',
    )


def test_where_it_is_missing_comes_in_the_order_of_the_nodes(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any, hold_back: HoldBack
) -> None:
    """The second node answers first."""
    clouds_yaml(p.FLEET)
    hold_back(OSLO_CACHE, BERGEN_CACHE)
    cloud.answers('GET', OSLO_CACHE, json=p.cache())
    cloud.answers('GET', BERGEN_CACHE, json=p.cache())
    cloud.answers(
        'GET', IMAGES, json=p.images(p.image(p.UBUNTU, 'ubuntu-24.04'))
    )

    result = openstack(
        *(*COVERAGE, 'ubuntu-24.04', '-f', 'value', '-c', 'Missing On')
    )

    assert result == Result(0, 'edge-oslo,edge-bergen\n', '')
    assert cloud.requests[:2] == [f'GET {BERGEN_CACHE}', f'GET {OSLO_CACHE}']


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (
            ['-c', 'Nmae'],
            'Unknown column: Nmae. Available: ID, Name, Size, Cached, Queued, '
            'Missing, Missing On.\n',
        ),
        (
            ['--node', 'edge-olso'],
            "clouds.yaml has no node 'edge-olso'. Similar names: edge-oslo. "
            'Use a '
            'URL for other nodes.\n',
        ),
        (
            ['--node', 'edge-oslo', '--all-nodes'],
            (
                '--all-nodes cannot be combined with --node or --site. Use '
                'one of them.\n'
            ),
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

    result = openstack(*COVERAGE, *argv)

    assert result == Result(2, '', message)
    assert cloud.requests == []
