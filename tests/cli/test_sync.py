# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache sync`: argv in, output out."""

from collections.abc import Callable
import os
import pathlib
import signal
from typing import Any

import pytest

from glance_cache_osc.command import queueing
from glance_cache_osc.filling import fills
from tests.cli import fleets
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import HoldBack
from tests.cli.conftest import OpenStack
from tests.shell import Result

CACHE = f'{p.GLANCE}/v2/cache'
EDGE_CACHE = f'{p.EDGE}/v2/cache'
IMAGES = f'{p.GLANCE}/v2/images'

TABLE = """\
+--------------------------------------+--------------+----------------+----------------------------+
| ID                                   | Name         | Result         | Node                       |
+--------------------------------------+--------------+----------------+----------------------------+
| c0ffee00-1234-4abc-8def-0123456789ab |              | deleted        | http://glance.example:9292 |
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | already cached | http://glance.example:9292 |
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | already queued | http://glance.example:9292 |
| 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 | fedora-42    | queued         | http://glance.example:9292 |
+--------------------------------------+--------------+----------------+----------------------------+
"""
JSON = """\
[
  {
    "ID": "c0ffee00-1234-4abc-8def-0123456789ab",
    "Name": null,
    "Result": "deleted",
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "Result": "already cached",
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Result": "already queued",
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "0f8f89be-fed2-44c4-91f8-b2a0c3b15f27",
    "Name": "fedora-42",
    "Result": "queued",
    "Node": "http://glance.example:9292"
  }
]
"""
YAML = """\
- ID: c0ffee00-1234-4abc-8def-0123456789ab
  Name: null
  Node: http://glance.example:9292
  Result: deleted
- ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Name: ubuntu-24.04
  Node: http://glance.example:9292
  Result: already cached
- ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Name: debian-13
  Node: http://glance.example:9292
  Result: already queued
- ID: 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27
  Name: fedora-42
  Node: http://glance.example:9292
  Result: queued
"""
CSV = """\
"ID","Name","Result","Node"
"c0ffee00-1234-4abc-8def-0123456789ab","","deleted","http://glance.example:9292"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04","already cached","http://glance.example:9292"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13","already queued","http://glance.example:9292"
"0f8f89be-fed2-44c4-91f8-b2a0c3b15f27","fedora-42","queued","http://glance.example:9292"
"""
VALUE = """\
c0ffee00-1234-4abc-8def-0123456789ab  deleted http://glance.example:9292
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 already cached http://glance.example:9292
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 already queued http://glance.example:9292
0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 fedora-42 queued http://glance.example:9292
"""
CHECK_TABLE = """\
+--------------------------------------+-----------+--------+--------+----------------------------+
| ID                                   | Name      | Size   | Action | Node                       |
+--------------------------------------+-----------+--------+--------+----------------------------+
| c0ffee00-1234-4abc-8def-0123456789ab |           | 5.0 MB | delete | http://glance.example:9292 |
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13 | 5.0 MB | wait   | http://glance.example:9292 |
| 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 | fedora-42 | 5.0 MB | queue  | http://glance.example:9292 |
+--------------------------------------+-----------+--------+--------+----------------------------+
"""
CHECK_JSON = """\
[
  {
    "ID": "c0ffee00-1234-4abc-8def-0123456789ab",
    "Name": null,
    "Size": 5000000,
    "Action": "delete",
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Size": 5000000,
    "Action": "wait",
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "0f8f89be-fed2-44c4-91f8-b2a0c3b15f27",
    "Name": "fedora-42",
    "Size": 5000000,
    "Action": "queue",
    "Node": "http://glance.example:9292"
  }
]
"""
CHECK_YAML = """\
- Action: delete
  ID: c0ffee00-1234-4abc-8def-0123456789ab
  Name: null
  Node: http://glance.example:9292
  Size: 5000000
- Action: wait
  ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Name: debian-13
  Node: http://glance.example:9292
  Size: 5000000
- Action: queue
  ID: 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27
  Name: fedora-42
  Node: http://glance.example:9292
  Size: 5000000
"""
CHECK_CSV = """\
"ID","Name","Size","Action","Node"
"c0ffee00-1234-4abc-8def-0123456789ab","",5000000,"delete","http://glance.example:9292"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13",5000000,"wait","http://glance.example:9292"
"0f8f89be-fed2-44c4-91f8-b2a0c3b15f27","fedora-42",5000000,"queue","http://glance.example:9292"
"""
CHECK_VALUE = """\
c0ffee00-1234-4abc-8def-0123456789ab  5000000 delete http://glance.example:9292
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 5000000 wait http://glance.example:9292
0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 fedora-42 5000000 queue http://glance.example:9292
"""
NAMES = {
    p.UBUNTU: 'ubuntu-24.04',
    p.DEBIAN: 'debian-13',
    p.FEDORA: 'fedora-42',
}
THREE = tuple(NAMES.values())
SYNC = ('image', 'cache', 'sync')
SHORT = ('-f', 'value', '-c', 'Name', '-c', 'Result', '-c', 'Node')
SHORT_CHECK = ('-f', 'value', '-c', 'Name', '-c', 'Action', '-c', 'Node')


def found(*image_ids: str) -> dict[str, Any]:
    """Glance's answer with these images."""
    return p.images(*(p.image(one, NAMES[one]) for one in image_ids))


def changes(cloud: Cloud) -> list[str]:
    """The requests that changed something."""
    return [one for one in cloud.requests if not one.startswith('GET')]


@pytest.fixture
def three_images(cloud: Cloud) -> None:
    """Ubuntu is cached, Debian is queued, Fedora is neither.

    An orphan is cached as well.
    """
    cloud.answers(
        'GET',
        CACHE,
        json=p.cache(
            p.cached(p.UBUNTU), p.cached(p.ORPHAN), queued=[p.DEBIAN]
        ),
    )
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:{",".join(THREE)}',
        json=found(p.FEDORA, p.DEBIAN, p.UBUNTU),
    )


@pytest.fixture
def an_orphan(cloud: Cloud) -> None:
    """Glance does not know its name."""
    cloud.answers('GET', f'{IMAGES}?id=in:{p.ORPHAN}', json=p.images())


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
@pytest.mark.usefixtures('three_images', 'an_orphan')
def test_the_cache_becomes_what_is_named(
    cloud: Cloud, openstack: OpenStack, name: str, expected: str
) -> None:
    """What is dropped goes first: it makes room."""
    cloud.answers('DELETE', f'{CACHE}/{p.ORPHAN}', status_code=204)
    cloud.answers('PUT', f'{CACHE}/{p.FEDORA}', status_code=202)

    result = openstack(
        *SYNC, '-f', name, *THREE, '--delete-others', '--auto-approve'
    )

    assert result == Result(0, expected, '')
    assert changes(cloud) == [
        f'DELETE {CACHE}/{p.ORPHAN}',
        f'PUT {CACHE}/{p.FEDORA}',
    ]


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.usefixtures('three_images')
def test_others_stay_where_they_are_not_to_be_deleted(
    cloud: Cloud, openstack: OpenStack, terminal: bool
) -> None:
    """Nothing is taken away: nobody is asked, and no name is looked up."""
    cloud.answers('PUT', f'{CACHE}/{p.FEDORA}', status_code=202)

    result = openstack(*SYNC, *THREE, *SHORT, terminal=terminal)

    assert result == Result(
        0,
        f'ubuntu-24.04 already cached {p.GLANCE}\n'
        f'debian-13 already queued {p.GLANCE}\n'
        f'fedora-42 queued {p.GLANCE}\n',
        'Downloads: 1 (5.0 MB); nodes: 1; sites: 1.\n' if terminal else '',
    )
    assert changes(cloud) == [f'PUT {CACHE}/{p.FEDORA}']


@pytest.mark.parametrize('argv', [[], ['--delete-others', '--auto-approve']])
def test_doing_it_again_changes_nothing(
    cloud: Cloud, openstack: OpenStack, argv: list[str]
) -> None:
    """Not even a question is asked: there is nothing to be asked about."""
    debian, ubuntu = p.cached(p.DEBIAN), p.cached(p.UBUNTU)
    cloud.answers(
        'GET',
        CACHE,
        {'json': p.cache(ubuntu)},
        {'json': p.cache(ubuntu, queued=[p.DEBIAN])},
        {'json': p.cache(ubuntu, debian)},
    )
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:ubuntu-24.04,debian-13',
        json=found(p.DEBIAN, p.UBUNTU),
    )
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    results = [
        openstack(*SYNC, 'ubuntu-24.04', 'debian-13', *SHORT, *argv)
        for __ in range(3)
    ]

    assert results == [
        Result(
            0,
            f'ubuntu-24.04 already cached {p.GLANCE}\n'
            f'debian-13 {word} {p.GLANCE}\n',
            '',
        )
        for word in ('queued', 'already queued', 'already cached')
    ]
    assert changes(cloud) == [f'PUT {CACHE}/{p.DEBIAN}']


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', CHECK_TABLE),
        ('json', CHECK_JSON),
        ('yaml', CHECK_YAML),
        ('csv', CHECK_CSV),
        ('value', CHECK_VALUE),
    ],
)
@pytest.mark.usefixtures('three_images', 'an_orphan')
def test_a_check_shows_what_is_pending_and_exits_3(
    cloud: Cloud, openstack: OpenStack, name: str, expected: str
) -> None:
    result = openstack(*SYNC, '-f', name, *THREE, '--delete-others', '--check')

    assert result == Result(3, expected, '')
    assert changes(cloud) == []


@pytest.mark.parametrize(
    ('wanted', 'expected'),
    [
        ('debian-13', 'debian-13 wait'),
        ('fedora-42', 'fedora-42 queue'),
    ],
)
@pytest.mark.parametrize('terminal', [False, True])
def test_whatever_is_pending_a_check_exits_3(
    cloud: Cloud,
    openstack: OpenStack,
    wanted: str,
    expected: str,
    terminal: bool,
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(queued=[p.DEBIAN]))
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:{wanted}',
        json=found(*(one for one in NAMES if NAMES[one] == wanted)),
    )

    result = openstack(
        *SYNC, '--check', wanted, *SHORT_CHECK, terminal=terminal
    )

    assert result == Result(3, f'{expected} {p.GLANCE}\n', '')


@pytest.mark.parametrize(('argv', 'code'), [(['--delete-others'], 3), ([], 0)])
def test_what_was_not_named_is_pending_if_it_is_to_go(
    cloud: Cloud, openstack: OpenStack, argv: list[str], code: int
) -> None:
    cloud.answers(
        'GET', CACHE, json=p.cache(p.cached(p.UBUNTU), p.cached(p.DEBIAN))
    )
    cloud.answers(
        'GET', f'{IMAGES}?name=in:ubuntu-24.04', json=found(p.UBUNTU)
    )
    if argv:
        cloud.answers(
            'GET', f'{IMAGES}?id=in:{p.DEBIAN}', json=found(p.DEBIAN)
        )

    result = openstack(*SYNC, 'ubuntu-24.04', '--check', *argv, *SHORT_CHECK)

    expected = f'debian-13 delete {p.GLANCE}\n' if argv else ''
    assert result == Result(code, expected, '')
    assert changes(cloud) == []


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', '\n'),
        ('json', '[]\n'),
        ('yaml', '[]\n'),
        ('csv', '"ID","Name","Size","Action","Node"\n'),
        ('value', ''),
    ],
)
def test_a_check_of_what_is_as_it_should_be_exits_0(
    cloud: Cloud, openstack: OpenStack, name: str, expected: str
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers(
        'GET', f'{IMAGES}?name=in:ubuntu-24.04', json=found(p.UBUNTU)
    )

    result = openstack(
        *SYNC, 'ubuntu-24.04', '--check', '--delete-others', '-f', name
    )

    assert result == Result(0, expected, '')


UNREACHABLE = (
    f'Cannot read the cache of edge-bergen ({p.EDGE}): Cannot connect: '
    'Connection refused. Check that glance-api is running at this address.\n'
)


@pytest.mark.parametrize(
    ('held', 'expected'),
    [
        (p.cache(p.cached(p.UBUNTU)), ''),
        (p.cache(), 'ubuntu-24.04 queue edge-oslo\n'),
    ],
)
def test_a_check_of_a_node_that_does_not_answer_exits_1(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    held: Any,
    expected: str,
) -> None:
    """Also if something is pending on those that answer, which is shown."""
    clouds_yaml(p.FLEET)
    cloud.answers('GET', CACHE, json=held)
    cloud.answers('GET', EDGE_CACHE, **fleets.REFUSES)
    cloud.answers(
        'GET', f'{IMAGES}?name=in:ubuntu-24.04', json=found(p.UBUNTU)
    )

    result = openstack(
        *('--os-cloud', 'far', *SYNC, 'ubuntu-24.04', '--check'), *SHORT_CHECK
    )

    assert result == Result(1, expected, UNREACHABLE)


NOT_FOUND = (
    "Cannot find 'nosuch': No image has the name or ID 'nosuch'. See "
    "'openstack image list'.\n"
)
NOT_DELETED = (
    'Other entries are not deleted: Some of the specified images were not '
    'found. Correct the images, and run the command again.\n'
)


@pytest.fixture
def one_that_is_not_found(cloud: Cloud) -> None:
    """Fedora is named, and what Glance has not; Ubuntu is cached."""
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers(
        'GET', f'{IMAGES}?name=in:fedora-42,nosuch', json=found(p.FEDORA)
    )
    cloud.answers(
        'GET', f'{IMAGES}?name=in:nosuch&os_hidden=true', json=p.images()
    )


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        ([], NOT_FOUND),
        (['--delete-others'], NOT_FOUND + NOT_DELETED),
    ],
)
@pytest.mark.usefixtures('one_that_is_not_found')
def test_a_check_of_what_is_not_found_exits_1(
    cloud: Cloud, openstack: OpenStack, argv: list[str], message: str
) -> None:
    """What is pending is shown, and nothing that would not be done."""
    result = openstack(
        *SYNC, 'fedora-42', 'nosuch', '--check', *argv, *SHORT_CHECK
    )

    assert result == Result(1, f'fedora-42 queue {p.GLANCE}\n', message)


@pytest.mark.usefixtures('one_that_is_not_found')
def test_nothing_is_deleted_where_something_was_not_found(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Who misspells an image does not lose it."""
    cloud.answers('PUT', f'{CACHE}/{p.FEDORA}', status_code=202)

    result = openstack(
        *(*SYNC, 'fedora-42', 'nosuch', '--delete-others', '--auto-approve'),
        *SHORT,
    )

    assert result == Result(
        1, f'fedora-42 queued {p.GLANCE}\n', NOT_FOUND + NOT_DELETED
    )
    assert changes(cloud) == [f'PUT {CACHE}/{p.FEDORA}']


def test_nothing_is_deleted_where_no_image_has_the_tag(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers('GET', f'{IMAGES}?tag=gloden', json=p.images())

    result = openstack(
        *SYNC, '--tag', 'gloden', '--delete-others', '--auto-approve'
    )

    assert result == Result(
        1,
        '\n',
        'Cannot find images by tag or property: No image has all of these '
        "tags and properties: gloden. See 'openstack image list --tag "
        f"gloden'.\n{NOT_DELETED}",
    )
    assert changes(cloud) == []


def test_nothing_is_deleted_where_glance_does_not_answer(
    cloud: Cloud, openstack: OpenStack, hold_back: HoldBack
) -> None:
    hold_back(IMAGES, CACHE)
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers('GET', IMAGES, status_code=500, text='down')

    result = openstack(
        *SYNC, 'ubuntu-24.04', '--delete-others', '--auto-approve'
    )

    assert result == Result(
        1,
        '',
        "Cannot look up images in the cloud's Glance: The server failed with "
        "HTTP 500. See 'openstack image list'.\n",
    )
    assert changes(cloud) == []


@pytest.fixture
def debian_for_ubuntu(cloud: Cloud) -> None:
    """Ubuntu is cached, and Debian is to be."""
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers('GET', f'{IMAGES}?name=in:debian-13', json=found(p.DEBIAN))
    cloud.answers('GET', f'{IMAGES}?id=in:{p.UBUNTU}', json=found(p.UBUNTU))


ABOUT = 'About to delete 1 cached and 0 queued entries (5.0 MB)'
DEBIAN_ALONE = (*SYNC, 'debian-13', '--delete-others')


def test_others_are_only_deleted_with_approval(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Nothing is even asked: the command line decides."""
    result = openstack(*DEBIAN_ALONE)

    assert result == Result(
        2,
        '',
        'Confirmation required. Use --auto-approve to proceed, or --dry-run '
        'to show the plan.\n',
    )
    assert changes(cloud) == []


@pytest.mark.parametrize('answer', ['\n', 'n\n', ''])
@pytest.mark.usefixtures('debian_for_ubuntu')
def test_any_answer_but_yes_changes_nothing(
    cloud: Cloud, openstack: OpenStack, answer: str
) -> None:
    result = openstack(*DEBIAN_ALONE, stdin=answer, terminal=True)

    end = '' if answer else '\n'
    assert result == Result(
        1,
        '',
        f'  ubuntu-24.04 ({p.UBUNTU})  5.0 MB  {p.GLANCE}\n'
        'Downloads: 1 (5.0 MB); nodes: 1; sites: 1.\n'
        f'{ABOUT}. Continue? [y/N] {end}Nothing was changed.\n',
    )
    assert changes(cloud) == []


@pytest.mark.parametrize(
    ('argv', 'stdin', 'terminal'),
    [([], 'y\n', True), (['--auto-approve'], '', False)],
)
@pytest.mark.usefixtures('debian_for_ubuntu')
def test_with_approval_others_are_deleted(
    cloud: Cloud,
    openstack: OpenStack,
    argv: list[str],
    stdin: str,
    terminal: bool,
) -> None:
    cloud.answers('DELETE', f'{CACHE}/{p.UBUNTU}', status_code=204)
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(
        *DEBIAN_ALONE, *argv, *SHORT, stdin=stdin, terminal=terminal
    )

    assert (result.code, result.out) == (
        0,
        f'ubuntu-24.04 deleted {p.GLANCE}\ndebian-13 queued {p.GLANCE}\n',
    )
    assert changes(cloud) == [
        f'DELETE {CACHE}/{p.UBUNTU}',
        f'PUT {CACHE}/{p.DEBIAN}',
    ]


def test_what_is_cached_after_the_question_is_not_queued(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """It would be downloaded twice."""
    cloud.answers(
        'GET',
        CACHE,
        {'json': p.cache(p.cached(p.UBUNTU))},
        {'json': p.cache(p.cached(p.UBUNTU), p.cached(p.DEBIAN))},
    )
    cloud.answers('GET', f'{IMAGES}?name=in:debian-13', json=found(p.DEBIAN))
    cloud.answers('GET', f'{IMAGES}?id=in:{p.UBUNTU}', json=found(p.UBUNTU))
    cloud.answers('DELETE', f'{CACHE}/{p.UBUNTU}', status_code=204)

    result = openstack(*DEBIAN_ALONE, *SHORT, stdin='y\n', terminal=True)

    assert (result.code, result.out) == (
        0,
        f'ubuntu-24.04 deleted {p.GLANCE}\n'
        f'debian-13 already cached {p.GLANCE}\n',
    )
    assert changes(cloud) == [f'DELETE {CACHE}/{p.UBUNTU}']


def test_what_left_the_cache_while_the_plan_waited_is_queued(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Callable[[str], None]
) -> None:
    """One list has the image; a silent node, or the question, takes long."""
    clouds_yaml(p.FLEET)
    full, empty = {'json': p.cache(p.cached(p.DEBIAN))}, {'json': p.cache()}
    old = {'json': p.cache(p.cached(p.UBUNTU))}
    cloud.answers('GET', CACHE, full, empty)
    cloud.answers('GET', f'{p.EDGE}/v2/cache', old, empty)
    cloud.answers('GET', f'{IMAGES}?name=in:debian-13', json=found(p.DEBIAN))
    cloud.answers('GET', f'{IMAGES}?id=in:{p.UBUNTU}', json=found(p.UBUNTU))
    cloud.answers('DELETE', f'{p.EDGE}/v2/cache/{p.UBUNTU}', status_code=204)
    for node in (p.GLANCE, p.EDGE):
        cloud.answers('PUT', f'{node}/v2/cache/{p.DEBIAN}', status_code=202)

    result = openstack(
        *('--os-cloud', 'far', *DEBIAN_ALONE, '--all-nodes', *SHORT),
        stdin='y\n',
        terminal=True,
    )

    assert (result.code, result.out) == (
        0,
        'ubuntu-24.04 deleted edge-bergen\n'
        'debian-13 queued edge-oslo\n'
        'debian-13 queued edge-bergen\n',
    )


@pytest.fixture
def old_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every plan is old, as if a silent node had delayed it."""
    monkeypatch.setattr(queueing, 'MAX_AGE', 0.0)


@pytest.mark.parametrize(
    ('argv', 'then', 'code', 'out'),
    [
        ([], p.cache(p.cached(p.DEBIAN)), 0, f'already cached {p.GLANCE}'),
        ([], p.cache(queued=[p.DEBIAN]), 0, f'already queued {p.GLANCE}'),
        (['--wait'], p.cache(p.cached(p.DEBIAN)), 0, 'already cached'),
        ([], None, 1, ''),
    ],
)
@pytest.mark.parametrize('command', ['sync', 'queue'])
@pytest.mark.usefixtures('old_plans')
def test_an_old_plan_is_made_again(
    cloud: Cloud,
    openstack: OpenStack,
    command: str,
    argv: list[str],
    then: Any,
    code: int,
    out: str,
) -> None:
    answer = {'json': then} if then else {'status_code': 500}
    cloud.answers('GET', CACHE, {'json': p.cache()}, answer)
    cloud.answers('GET', f'{IMAGES}?name=in:debian-13', json=found(p.DEBIAN))

    result = openstack('image', 'cache', command, 'debian-13', *argv, *SHORT)

    assert (result.code, out in result.out) == (code, True)
    assert ('Cannot read the cache' in result.err) == (then is None)
    assert changes(cloud) == []


@pytest.mark.parametrize('command', ['sync', 'queue'])
@pytest.mark.usefixtures('old_plans')
def test_an_old_plan_without_changes_is_not_made_again(
    cloud: Cloud, openstack: OpenStack, command: str
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.DEBIAN)))
    cloud.answers('GET', f'{IMAGES}?name=in:debian-13', json=found(p.DEBIAN))

    result = openstack('image', 'cache', command, 'debian-13', *SHORT)

    assert result == Result(0, f'debian-13 already cached {p.GLANCE}\n', '')
    assert cloud.requests.count(f'GET {CACHE}') == 1


@pytest.mark.parametrize('command', ['sync', 'queue'])
@pytest.mark.usefixtures('old_plans')
def test_an_image_whose_fill_just_ends_is_not_queued_again(
    cloud: Cloud, openstack: OpenStack, command: str
) -> None:
    """For a moment, Glance lists it neither as queued nor as cached."""
    first = p.cache(queued=[p.DEBIAN])
    cloud.answers('GET', CACHE, {'json': first}, {'json': p.cache()})
    names = f'{IMAGES}?name=in:debian-13,fedora-42'
    cloud.answers('GET', names, json=found(p.DEBIAN, p.FEDORA))
    cloud.answers('PUT', f'{CACHE}/{p.FEDORA}', status_code=202)

    result = openstack(
        *('image', 'cache', command, 'debian-13', 'fedora-42', *SHORT)
    )

    assert result == Result(
        0,
        f'debian-13 already queued {p.GLANCE}\nfedora-42 queued {p.GLANCE}\n',
        '',
    )


@pytest.mark.parametrize('ends', ['by Ctrl-C', 'by an error'])
def test_if_the_second_plan_fails_the_rows_of_the_first_remain(
    cloud: Cloud, openstack: OpenStack, ends: str
) -> None:
    """Nothing is queued."""

    def second(request: Any, context: Any) -> Any:
        if ends == 'by Ctrl-C':
            os.kill(os.getpid(), signal.SIGINT)
        context.status_code = 500
        return {}

    first = p.cache(p.cached(p.UBUNTU), p.cached(p.FEDORA))
    cloud.answers('GET', CACHE, {'json': first}, {'json': second})
    names = f'{IMAGES}?name=in:debian-13,fedora-42'
    cloud.answers('GET', names, json=found(p.DEBIAN, p.FEDORA))
    cloud.answers('GET', f'{IMAGES}?id=in:{p.UBUNTU}', json=found(p.UBUNTU))
    cloud.answers('DELETE', f'{CACHE}/{p.UBUNTU}', status_code=204)

    result = openstack(
        *(*SYNC, 'debian-13', 'fedora-42', '--delete-others', *SHORT),
        stdin='y\n',
        terminal=True,
    )

    assert (result.code, result.out) == (
        130 if ends == 'by Ctrl-C' else 1,
        f'ubuntu-24.04 deleted {p.GLANCE}\n'
        f'fedora-42 already cached {p.GLANCE}\n',
    )
    assert 'Cannot read' in result.err or 'not done: 1.' in result.err


def test_an_image_named_like_a_glob_replaces_no_other(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Anybody may give an image this name."""
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.DEBIAN)))
    glob = p.image(p.FEDORA, 'debian-*')
    known = p.images(p.image(p.DEBIAN, 'debian-13'), glob)
    cloud.answers('GET', f'{IMAGES}?limit=1000', json=known)
    cloud.answers('PUT', f'{CACHE}/{p.FEDORA}', status_code=202)

    result = openstack(
        *(*SYNC, 'debian-*', '--delete-others', '--auto-approve', *SHORT)
    )

    assert (result.code, changes(cloud)) == (0, [f'PUT {CACHE}/{p.FEDORA}'])


@pytest.mark.usefixtures('debian_for_ubuntu')
def test_an_interrupt_while_deleting_queues_nothing(
    cloud: Cloud, openstack: OpenStack
) -> None:
    def delete(request: Any, context: Any) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        context.status_code = 204
        return ''

    cloud.answers('DELETE', f'{CACHE}/{p.UBUNTU}', text=delete)

    result = openstack(*DEBIAN_ALONE, '--auto-approve', '--wait', *SHORT)

    assert result == Result(
        130,
        f'ubuntu-24.04 deleted {p.GLANCE}\n',
        f'Interrupted. Waiting for requests in progress (1) on {p.GLANCE}; '
        'press Ctrl-C again to stop at once.\n'
        'Interrupted. Operations not done: 1.\n',
    )
    assert changes(cloud) == [f'DELETE {CACHE}/{p.UBUNTU}']


@pytest.mark.usefixtures('debian_for_ubuntu')
def test_what_cannot_be_deleted_is_told_and_the_rest_is_done(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers(
        'DELETE',
        f'{CACHE}/{p.UBUNTU}',
        status_code=403,
        text=p.fault('403 Forbidden', 'Not you.'),
        headers={'Content-Type': 'text/html; charset=UTF-8'},
    )
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(*DEBIAN_ALONE, '--auto-approve', *SHORT)

    assert result == Result(
        1,
        f'debian-13 queued {p.GLANCE}\n',
        f'Cannot delete image ubuntu-24.04 ({p.UBUNTU}) from the cache of '
        f'{p.GLANCE}: Not you. Log in as an administrator, or permit '
        'cache_list, cache_image and cache_delete in the API policies of the '
        'node.\n',
    )


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.usefixtures('debian_for_ubuntu')
def test_a_dry_run_shows_what_a_check_shows_and_exits_0(
    cloud: Cloud, openstack: OpenStack, terminal: bool
) -> None:
    result = openstack(
        *DEBIAN_ALONE, '--dry-run', *SHORT_CHECK, terminal=terminal
    )

    assert result == Result(
        0,
        f'ubuntu-24.04 delete {p.GLANCE}\ndebian-13 queue {p.GLANCE}\n',
        'Downloads: 1 (5.0 MB); nodes: 1; sites: 1.\n',
    )
    assert changes(cloud) == []


@pytest.mark.parametrize(
    ('argv', 'option'),
    [
        (['sync', '--policy', 'a', '--policy', 'b'], '--policy'),
        (
            ['delete', '--older-than', '1d', '--older-than', '2d'],
            '--older-than',
        ),
        (
            ['delete', '--larger-than', '1', '--larger-than', '2'],
            '--larger-than',
        ),
        (['metrics', '--output', '-', '--output', 'b'], '--output'),
        (['report', '--output', 'a', '--output', 'b'], '--output'),
        (['node', 'list', '--image', 'a', '--image', 'b'], '--image'),
    ],
)
def test_of_two_values_none_is_silently_ignored(
    cloud: Cloud, openstack: OpenStack, argv: list[str], option: str
) -> None:
    result = openstack('image', 'cache', *argv)

    assert (result.code, result.out, cloud.requests) == (2, '', [])
    assert result.err.endswith(
        f'error: argument {option}: given more than once\n'
    )


@pytest.mark.parametrize(
    'argv', [['--from-file', 'images.txt'], ['--from-file', '-']]
)
def test_a_file_names_images(
    cloud: Cloud,
    openstack: OpenStack,
    tmp_path: pathlib.Path,
    argv: list[str],
) -> None:
    text = f'# the golden ones\n\n{p.UBUNTU}\ndebian-13\n'
    (tmp_path / 'images.txt').write_text(text)
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers('GET', f'{IMAGES}?id=in:{p.UBUNTU}', json=found(p.UBUNTU))
    cloud.answers('GET', f'{IMAGES}?name=in:debian-13', json=found(p.DEBIAN))
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(*SYNC, *argv, *SHORT, stdin=text)

    assert result == Result(
        0,
        f'ubuntu-24.04 already cached {p.GLANCE}\n'
        f'debian-13 queued {p.GLANCE}\n',
        '',
    )


def test_tags_and_properties_name_images(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers(
        'GET',
        f'{IMAGES}?tag=golden&os_distro=ubuntu',
        json=p.images(
            p.image(
                *(p.UBUNTU, 'ubuntu-24.04'),
                os_distro='ubuntu',
                tags=['golden'],
            )
        ),
    )

    result = openstack(
        *(*SYNC, '--tag', 'golden', '--property', 'os_distro=ubuntu'),
        *('--check', *SHORT_CHECK),
    )

    assert result == Result(3, f'ubuntu-24.04 queue {p.GLANCE}\n', '')


@pytest.mark.parametrize('how', [['--wait'], ['--max-downloads', '1']])
def test_after_a_wait_a_check_exits_0(
    cloud: Cloud,
    openstack: OpenStack,
    monkeypatch: pytest.MonkeyPatch,
    how: list[str],
) -> None:
    monkeypatch.setattr(fills, '_MIN_PAUSE', 0.01)
    cloud.answers(
        'GET',
        CACHE,
        {'json': p.cache(p.cached(p.UBUNTU))},
        {'json': p.cache(queued=[p.DEBIAN])},
        {'json': p.cache(p.cached(p.DEBIAN))},
    )
    cloud.answers('GET', f'{IMAGES}?name=in:debian-13', json=found(p.DEBIAN))
    cloud.answers('GET', f'{IMAGES}?id=in:{p.UBUNTU}', json=found(p.UBUNTU))
    cloud.answers('DELETE', f'{CACHE}/{p.UBUNTU}', status_code=204)
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    first = openstack(*DEBIAN_ALONE, '--auto-approve', *how, *SHORT)
    second = openstack(*DEBIAN_ALONE, '--check', *SHORT_CHECK)

    assert first == Result(
        0,
        f'ubuntu-24.04 deleted {p.GLANCE}\ndebian-13 cached {p.GLANCE}\n',
        '',
    )
    assert second == Result(0, '', '')


def test_each_node_is_brought_to_what_is_named(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(p.FLEET)
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers('GET', EDGE_CACHE, json=p.cache(p.cached(p.DEBIAN)))
    cloud.answers('GET', f'{IMAGES}?name=in:debian-13', json=found(p.DEBIAN))
    cloud.answers('GET', f'{IMAGES}?id=in:{p.UBUNTU}', json=found(p.UBUNTU))
    cloud.answers('DELETE', f'{CACHE}/{p.UBUNTU}', status_code=204)
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(
        *('--os-cloud', 'far', *DEBIAN_ALONE, '--all-nodes'),
        *('--auto-approve', *SHORT),
    )

    assert result == Result(
        0,
        'ubuntu-24.04 deleted edge-oslo\ndebian-13 queued edge-oslo\n'
        'debian-13 already cached edge-bergen\n',
        '',
    )


@pytest.fixture
def inactive(cloud: Cloud, clouds_yaml: Any) -> None:
    """A deactivated image, which one node has cached."""
    clouds_yaml(p.FLEET)
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.DEBIAN)))
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:debian-13',
        json=p.images(p.image(p.DEBIAN, 'debian-13', status='deactivated')),
    )


KEPT = 'debian-13 already cached edge-oslo\n'


@pytest.mark.usefixtures('inactive')
@pytest.mark.parametrize(
    ('argv', 'out'),
    [
        (('sync', '--delete-others', '--auto-approve'), KEPT),
        (('sync', '--check'), ''),
        (('sync', '--wait'), KEPT),
        (('queue', '--dry-run'), ''),
        (('queue', '--force', '--wait'), ''),
    ],
)
def test_an_inactive_image_fails_once_and_its_entry_remains(
    cloud: Cloud, openstack: OpenStack, argv: tuple[str, ...], out: str
) -> None:
    """No node is asked to cache it; a cached one is left alone."""
    cloud.answers('GET', EDGE_CACHE, json=p.cache())

    result = openstack(
        *('--os-cloud', 'far', 'image', 'cache', *argv, 'debian-13'),
        *('--all-nodes', *SHORT),
    )

    assert result == Result(
        1,
        out,
        f'Cannot queue image debian-13 ({p.DEBIAN}): The image is not active. '
        'Wait until the image is active, or reactivate it.\n',
    )
    assert changes(cloud) == []


@pytest.mark.usefixtures('inactive')
@pytest.mark.parametrize('command', ['sync', 'queue'])
def test_an_inactive_image_that_is_cached_has_a_row(
    openstack: OpenStack, command: str
) -> None:
    """It fails all the same: nobody can boot from it."""
    result = openstack(
        *('--os-cloud', 'far', 'image', 'cache', command, 'debian-13'),
        *('--node', 'edge-oslo', *SHORT),
    )

    assert (result.code, result.out) == (1, KEPT)
    assert result.err.startswith('Cannot queue image debian-13 ')


@pytest.mark.parametrize('option', ['--check', '--dry-run'])
def test_what_changes_nothing_needs_no_nodes(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any, option: str
) -> None:
    """It asks all of them, as all that only reads does."""
    clouds_yaml(p.FLEET)
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.DEBIAN)))
    cloud.answers('GET', EDGE_CACHE, json=p.cache())
    cloud.answers('GET', f'{IMAGES}?name=in:debian-13', json=found(p.DEBIAN))

    result = openstack(
        *('--os-cloud', 'far', *SYNC, 'debian-13', option, *SHORT_CHECK)
    )

    assert result.out == 'debian-13 queue edge-bergen\n'


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (
            [],
            'No images specified. Specify images by ID, name, --tag, '
            '--property, '
            '--from-file or --policy.\n',
        ),
        (
            ['--delete-others', '--auto-approve'],
            'No images specified. Specify images by ID, name, --tag, '
            '--property, '
            '--from-file or --policy.\n',
        ),
        (
            ['--from-file', 'empty', '--delete-others', '--auto-approve'],
            "'empty' contains no images.\n",
        ),
        *(
            (
                [*more, '--delete-others', '--auto-approve'],
                "'empty' contains no images.\n",
            )
            for more in (
                ['--tag', 'golden', '--from-file', 'empty'],
                ['--property', 'a=b', '--from-file', 'empty'],
                ['a', '--from-file', 'empty'],
            )
        ),
        (
            ['--tag', 'golden', '--from-file', '', '--delete-others'],
            'The path of the file is empty. Specify a file.\n',
        ),
        (['a', '--long'], '--long requires --check or --dry-run.\n'),
        (
            ['--from-file', 'nosuch'],
            "Cannot read 'nosuch': No such file or directory.\n",
        ),
        (
            ['x', '--check', '--wait'],
            '--check cannot be combined with --wait or an option that implies '
            'it. Use --check or --wait.\n',
        ),
        (
            ['x', '--check', '--max-downloads', '4'],
            '--check cannot be combined with --wait or an option that implies '
            'it. Use --check or --wait.\n',
        ),
        (
            ['x', '--timeout', '5'],
            '--timeout requires --wait. Add --wait.\n',
        ),
        (
            ['x', '--stall-after', '5'],
            '--stall-after requires --wait. Add --wait.\n',
        ),
        (
            ['x', '--check', '-c', 'Result'],
            'Unknown column: Result. Available: ID, Name, Size, Action, Node.\n',
        ),
        (
            ['x', '-c', 'Action'],
            'Unknown column: Action. Available: ID, Name, Result, Node.\n',
        ),
    ],
)
def test_bad_input_is_told_in_a_line(
    cloud: Cloud,
    openstack: OpenStack,
    tmp_path: pathlib.Path,
    argv: list[str],
    message: str,
) -> None:
    (tmp_path / 'empty').write_text('# none yet\n')

    result = openstack(*SYNC, *argv)

    assert result == Result(2, '', message)
    assert cloud.requests == []


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (
            ['--check', '--auto-approve'],
            'argument --auto-approve: not allowed with argument --check',
        ),
        (
            ['--dry-run', '--check'],
            'argument --check: not allowed with argument --dry-run',
        ),
        (
            ['--max-downloads', '0'],
            "argument --max-downloads: '0' is not a whole number greater than 0",
        ),
        (
            ['--timeout', '-1'],
            "argument --timeout: '-1' is not a number of seconds. Use 0 or a "
            'greater number.',
        ),
    ],
)
def test_what_the_parser_refuses(
    cloud: Cloud, openstack: OpenStack, argv: list[str], message: str
) -> None:
    result = openstack(*SYNC, 'x', *argv)

    assert (result.code, result.out) == (2, '')
    assert result.err.endswith(f'error: {message}\n')
    assert cloud.requests == []


def test_several_nodes_are_only_changed_when_asked_for(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(p.FLEET)

    result = openstack('--os-cloud', 'far', *SYNC, 'debian-13')

    assert result == Result(
        2,
        '',
        '2 nodes are configured: this command requires --node, --site or '
        '--all-nodes.\n',
    )
    assert cloud.requests == []


@pytest.mark.parametrize('failed', [False, True])
@pytest.mark.parametrize('option', ['--check', '--dry-run'])
def test_a_terminal_shows_that_no_changes_are_pending(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    option: str,
    failed: bool,
) -> None:
    """Unless a node could not be read."""
    clouds_yaml(p.FLEET)
    held = {'json': p.cache(p.cached(p.UBUNTU))}
    cloud.answers('GET', CACHE, **held)
    cloud.answers('GET', EDGE_CACHE, **(fleets.REFUSES if failed else held))
    cloud.answers(
        'GET', f'{IMAGES}?name=in:ubuntu-24.04', json=found(p.UBUNTU)
    )

    result = openstack(
        *('--os-cloud', 'far', *SYNC, 'ubuntu-24.04', '--all-nodes', option),
        terminal=True,
    )

    told = (
        UNREACHABLE
        if failed
        else ('No changes are pending. Nodes read: 2 of 2.\n')
    )
    assert (result.code, result.err) == (int(failed), told)
