# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache verify`: argv in, output out."""

from collections.abc import Callable
import functools
import hashlib
import itertools
import json
import os
import re
import signal
import threading
import time
import types
from typing import Any
from unittest import mock

import pytest

from glance_cache_osc.command import progress
from glance_cache_osc.command import verifying
from glance_cache_osc.filling import fills
from glance_cache_osc.filling import waiting
from glance_cache_osc.verifying import verification
from tests import shell
from tests import web
from tests.cli import payloads as p
from tests.cli.cached import cut
from tests.cli.cached import Node
from tests.cli.cached import Read
from tests.cli.conftest import Cloud
from tests.cli.conftest import Logged
from tests.cli.conftest import OpenStack
from tests.cli.conftest import PATIENCE
from tests.shell import Result

CACHE = f'{p.GLANCE}/v2/cache'
IMAGES = f'{p.GLANCE}/v2/images'
VERIFY = ('image', 'cache', 'verify')
BRIEF = ('-f', 'value', '-c', 'Name', '-c', 'Result')
HTML = {'Content-Type': 'text/html; charset=UTF-8'}

DATA = {
    p.UBUNTU: p.data_of('ubuntu'),
    p.DEBIAN: p.data_of('debian', 2000),
    p.FEDORA: p.data_of('fedora', 4000),
}
NAMES = {
    p.UBUNTU: 'ubuntu-24.04',
    p.DEBIAN: 'debian-13',
    p.FEDORA: 'fedora-42',
}
GOOD = {one: [Read(DATA[one])] for one in DATA}
WRONG = b'x' * 3000

LABEL = f'image ubuntu-24.04 ({p.UBUNTU}) on {p.GLANCE}'
REPORTED = f'Image ubuntu-24.04 ({p.UBUNTU}) on {p.GLANCE}'
REPLACE = (
    "Use 'openstack image cache verify --repair', which replaces the file if "
    'the data in the store is intact.\n'
)
CORRUPT = f': the data does not match the hash in Glance. {REPLACE}'
TRUNCATED = f': the node sends only the first part of the data. {REPLACE}'
MISSING = (
    ': the node listed the image as cached, but its file was missing; reading '
    'the image cached it again. Check that the cache directory is on a '
    'persistent disk and that each node has a unique '
    'worker_self_reference_url.\n'
)
NOT_SERVED = (
    ': the data is correct, but the node does not serve it from the cache: '
    'two reads did not increase Hits. Set a flavor with caching (such as '
    "keystone+cachemanagement) in that node's glance-api.conf, and a unique "
    'worker_self_reference_url on each node. --repair cannot correct this.\n'
)
NOT_CACHED = (
    ": the image is not in the cache. Queue the image with 'openstack image "
    "cache queue'.\n"
)

TABLE = """\
+--------------------------------------+--------------+--------+----------------+---------+----------------------------+
| ID                                   | Name         | Size   | Result         | Seconds | Node                       |
+--------------------------------------+--------------+--------+----------------+---------+----------------------------+
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | 2.0 kB | corrupt        |     1.2 | http://glance.example:9292 |
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | 3.0 kB | ok             |     1.2 | http://glance.example:9292 |
| c0ffee00-1234-4abc-8def-0123456789ab |              | 3.0 kB | not verifiable |         | http://glance.example:9292 |
+--------------------------------------+--------------+--------+----------------+---------+----------------------------+
"""
JSON = """\
[
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Size": 2000,
    "Result": "corrupt",
    "Seconds": 1.25,
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "Size": 3000,
    "Result": "ok",
    "Seconds": 1.25,
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "c0ffee00-1234-4abc-8def-0123456789ab",
    "Name": null,
    "Size": 3000,
    "Result": "not verifiable",
    "Seconds": null,
    "Node": "http://glance.example:9292"
  }
]
"""
YAML = """\
- ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Name: debian-13
  Node: http://glance.example:9292
  Result: corrupt
  Seconds: 1.25
  Size: 2000
- ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Name: ubuntu-24.04
  Node: http://glance.example:9292
  Result: ok
  Seconds: 1.25
  Size: 3000
- ID: c0ffee00-1234-4abc-8def-0123456789ab
  Name: null
  Node: http://glance.example:9292
  Result: not verifiable
  Seconds: null
  Size: 3000
"""
CSV = """\
"ID","Name","Size","Result","Seconds","Node"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13",2000,"corrupt",1.25,"http://glance.example:9292"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04",3000,"ok",1.25,"http://glance.example:9292"
"c0ffee00-1234-4abc-8def-0123456789ab","",3000,"not verifiable","","http://glance.example:9292"
"""
VALUE = """\
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 2000 corrupt 1.25 http://glance.example:9292
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 3000 ok 1.25 http://glance.example:9292
c0ffee00-1234-4abc-8def-0123456789ab  3000 not verifiable  http://glance.example:9292
"""
DRY_TABLE = """\
+--------------------------------------+--------------+--------+----------------+----------------------------+
| ID                                   | Name         | Size   | Action         | Node                       |
+--------------------------------------+--------------+--------+----------------+----------------------------+
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | 2.0 kB | verify         | http://glance.example:9292 |
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | 3.0 kB | verify         | http://glance.example:9292 |
| c0ffee00-1234-4abc-8def-0123456789ab |              | 3.0 kB | not verifiable | http://glance.example:9292 |
+--------------------------------------+--------------+--------+----------------+----------------------------+
"""
DRY_JSON = """\
[
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "Size": 2000,
    "Action": "verify",
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "Size": 3000,
    "Action": "verify",
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "c0ffee00-1234-4abc-8def-0123456789ab",
    "Name": null,
    "Size": 3000,
    "Action": "not verifiable",
    "Node": "http://glance.example:9292"
  }
]
"""
DRY_YAML = """\
- Action: verify
  ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Name: debian-13
  Node: http://glance.example:9292
  Size: 2000
- Action: verify
  ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Name: ubuntu-24.04
  Node: http://glance.example:9292
  Size: 3000
- Action: not verifiable
  ID: c0ffee00-1234-4abc-8def-0123456789ab
  Name: null
  Node: http://glance.example:9292
  Size: 3000
"""
DRY_CSV = """\
"ID","Name","Size","Action","Node"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13",2000,"verify","http://glance.example:9292"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04",3000,"verify","http://glance.example:9292"
"c0ffee00-1234-4abc-8def-0123456789ab","",3000,"not verifiable","http://glance.example:9292"
"""
DRY_VALUE = """\
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 2000 verify http://glance.example:9292
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 3000 verify http://glance.example:9292
c0ffee00-1234-4abc-8def-0123456789ab  3000 not verifiable http://glance.example:9292
"""


def ctrl_c() -> None:
    """Press it."""
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repairs look at the list every hundredth of a second."""
    monkeypatch.setattr(fills, '_MIN_PAUSE', 0.01)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each image takes 1.25 seconds."""
    ticks = itertools.count(100.0, 1.25)
    loop = types.SimpleNamespace(time=lambda: next(ticks))
    fake = types.SimpleNamespace(get_running_loop=lambda: loop)
    monkeypatch.setattr(verification, 'asyncio', fake)


@pytest.fixture
def known(cloud: Cloud) -> dict[str, dict[str, Any]]:
    """The images of Glance by ID, which tests may change."""
    found = {one: p.hashed(one, NAMES[one], DATA[one]) for one in DATA}

    def answer(request: Any, _context: Any) -> Any:
        return p.images(*found.values())

    cloud.adapter.register_uri('GET', IMAGES, json=answer)
    return found


def node_of(
    cloud: Cloud, *reads: Read, image_id: str = p.UBUNTU, **more: Any
) -> Node:
    """A node with one cached image."""
    return Node(cloud, {image_id: list(reads)}, DATA, **more)


@pytest.fixture
def three(cloud: Cloud, known: dict[str, Any]) -> Node:
    """One image is corrupt, one is intact, and one is an orphan."""
    del known[p.FEDORA]
    reads = {
        p.UBUNTU: [Read(DATA[p.UBUNTU])],
        p.ORPHAN: [Read(b'')],
        p.DEBIAN: [Read(WRONG[:2000])],
    }
    return Node(cloud, reads, DATA)


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
@pytest.mark.usefixtures('clock')
def test_what_is_cached_is_read(
    three: Node,
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    result = openstack(*VERIFY, '-f', name, terminal=terminal)

    assert (result.code, result.out) == (1, expected)
    line = f'Image debian-13 ({p.DEBIAN}) on {p.GLANCE}{CORRUPT}'
    assert result.err.endswith(line)
    if not terminal:
        assert result.err == line
    assert three.files == [p.DEBIAN, p.UBUNTU]
    assert three.changes == []


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', DRY_TABLE),
        ('json', DRY_JSON),
        ('yaml', DRY_YAML),
        ('csv', DRY_CSV),
        ('value', DRY_VALUE),
    ],
)
def test_a_dry_run_reads_nothing(
    cloud: Cloud,
    three: Node,
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    result = openstack(*VERIFY, '--dry-run', '-f', name, terminal=terminal)

    assert result == Result(
        0, expected, 'To read: 5.0 kB. Entries: 2. Nodes: 1.\n'
    )
    assert three.files == []
    assert cloud.requests.count(f'GET {CACHE}') == 1


def test_a_dry_run_of_a_repair_needs_no_approval(
    three: Node, openstack: OpenStack
) -> None:
    result = openstack(*VERIFY, '--dry-run', '--repair', *('-f', 'value'))

    assert (result.code, result.out) == (0, DRY_VALUE)
    assert three.changes == []


def test_nothing_is_cached(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    Node(cloud, {}, {}, queued=(p.UBUNTU,))

    result = openstack(*VERIFY, '-f', 'json')

    assert result == Result(
        0, '[]\n', f'No cached image on {p.GLANCE} was selected.\n'
    )


def test_seconds_are_how_long_it_took(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = node_of(cloud, Read(DATA[p.UBUNTU]))
    slow = threading.Event()

    def looks(listed: Any) -> Any:
        if node.files:
            slow.wait(0.05)
        return listed

    node.looks = looks

    result = openstack(*VERIFY, '-f', 'json')

    (row,) = json.loads(result.out)
    assert 0.05 <= row['Seconds'] < PATIENCE


DATA_OF = DATA[p.UBUNTU]


@pytest.mark.parametrize(
    ('reads', 'expected', 'line', 'count'),
    [
        ([Read(DATA_OF)], 'ok', '', 1),
        # sqlite loses a count while it is locked; the next read is counted.
        (
            [Read(DATA_OF, hit=False), Read(DATA_OF)],
            *('file was missing', MISSING),
            2,
        ),
        ([Read(DATA_OF, hit=False)], 'not served from cache', NOT_SERVED, 2),
        ([Read(WRONG)], 'corrupt', CORRUPT, 1),
        # A complete response that is too short is one that was cut.
        ([Read(DATA_OF[:-1])], 'truncated', TRUNCATED, 2),
        ([cut(DATA_OF, 1000)], 'truncated', TRUNCATED, 2),
        # One connection that breaks shows nothing.
        ([cut(DATA_OF, 1000), Read(DATA_OF)], 'ok', '', 2),
        (
            [cut(DATA_OF, 1000), cut(DATA_OF, 1001), cut(DATA_OF, 1000)],
            *('truncated', TRUNCATED, 3),
        ),
    ],
)
def test_what_reads_show(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    reads: list[Read],
    expected: str,
    line: str,
    count: int,
) -> None:
    node = node_of(cloud, *reads)

    result = openstack(*VERIFY, *BRIEF)

    assert result == Result(
        1 if line else 0,
        f'ubuntu-24.04 {expected}\n',
        f'{REPORTED}{line}' if line else '',
    )
    assert node.files == [p.UBUNTU] * count


def test_a_connection_that_breaks_at_different_bytes(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = node_of(cloud, *(cut(DATA_OF, size) for size in (7, 1000, 9)))

    result = openstack(*VERIFY, *BRIEF)

    assert result == Result(
        1,
        '',
        f'Cannot verify {LABEL}: The connection broke after 7, 1000, 9 '
        'bytes. Check the network and any proxy between here and the node.\n',
    )
    assert node.files == [p.UBUNTU] * 3


@pytest.mark.parametrize(
    'changes',
    [
        {'os_hash_value': None, 'checksum': None},
        {'os_hash_algo': 'md6', 'checksum': ''},
        {'os_hash_algo': 'shake_256', 'checksum': 7},
        {'status': 'deactivated'},
        {'status': None},
    ],
)
def test_what_can_not_be_verified(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    changes: dict[str, Any],
) -> None:
    known[p.UBUNTU] |= changes
    node = node_of(cloud, Read(DATA_OF))

    result = openstack(*VERIFY, *BRIEF)

    assert result == Result(0, 'ubuntu-24.04 not verifiable\n', '')
    assert node.files == []


def test_an_orphan_can_not_be_verified(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = node_of(cloud, Read(b''), image_id=p.ORPHAN)

    for argv in ([], [p.ORPHAN], ['--orphans']):
        result = openstack(
            *VERIFY, *argv, *('-f', 'value', '-c', 'ID', '-c', 'Result')
        )

        assert result == Result(0, f'{p.ORPHAN} not verifiable\n', '')
    assert node.files == []


@pytest.mark.parametrize(
    ('algorithm', 'checksum'),
    [('sha256', None), ('SHA512', 'right'), ('md6', 'right'), (None, 'RIGHT')],
)
def test_the_hash_that_glance_has(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    algorithm: str | None,
    checksum: str | None,
) -> None:
    value = hashlib.sha256(DATA_OF).hexdigest()
    md5 = hashlib.md5(DATA_OF, usedforsecurity=False).hexdigest()
    known[p.UBUNTU] |= {
        'os_hash_algo': algorithm,
        'os_hash_value': value if algorithm == 'sha256' else None,
        'checksum': {None: 'wrong', 'right': md5, 'RIGHT': md5.upper()}[
            checksum
        ],
    }
    node_of(cloud, Read(DATA_OF))

    result = openstack(*VERIFY, *BRIEF)

    assert result == Result(0, 'ubuntu-24.04 ok\n', '')


def test_an_image_that_is_queued_is_not_to_be_queued_again(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    Node(cloud, {}, {}, queued=(p.UBUNTU,))

    result = openstack(*VERIFY, 'ubuntu-24.04', *BRIEF)

    assert result == Result(
        1,
        'ubuntu-24.04 not in cache\n',
        f'{REPORTED}: the image is queued and not cached yet. Verify it when '
        'it is cached. If glance-api was restarted after the request, use '
        "'openstack image cache queue --force'.\n",
    )


def test_an_image_that_leaves_the_cache_is_not_read(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """A read would cache it again."""
    node = node_of(cloud, Read(DATA_OF))
    looks = itertools.count()
    node.looks = lambda listed: listed if not next(looks) else p.cache()

    result = openstack(*VERIFY, *BRIEF)

    assert result == Result(
        1, 'ubuntu-24.04 not in cache\n', f'{REPORTED}{NOT_CACHED}'
    )
    assert node.files == []


def test_an_image_that_leaves_the_cache_is_not_read_again(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = node_of(cloud, Read(DATA_OF, hit=False, leaves=True))

    result = openstack(*VERIFY, *BRIEF)

    assert (result.code, result.out) == (1, 'ubuntu-24.04 not in cache\n')
    assert node.files == [p.UBUNTU]


def test_an_image_that_leaves_after_another_one_was_read(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """The list after one read is the list before the next one."""
    reads = {p.DEBIAN: [Read(DATA[p.DEBIAN])], p.UBUNTU: [Read(DATA_OF)]}
    node = Node(cloud, reads, DATA)

    def looks(listed: Any) -> Any:
        if node.files:
            node.hits.pop(p.UBUNTU, None)
            del listed['cached_images'][1:]
        return listed

    node.looks = looks

    result = openstack(*VERIFY, *BRIEF)

    assert result.out == 'debian-13 ok\nubuntu-24.04 not in cache\n'
    assert node.files == [p.DEBIAN]


@pytest.mark.parametrize(
    ('argv', 'read'),
    [
        ([], [p.DEBIAN, p.FEDORA, p.UBUNTU]),
        ([p.UBUNTU], [p.UBUNTU]),
        (['ubuntu-24.04'], [p.UBUNTU]),
        (['ubuntu-24.04', p.UBUNTU, 'u*'], [p.UBUNTU]),
        (['*-*4*'], [p.FEDORA, p.UBUNTU]),
        (['nosuch*'], []),
        (['--larger-than', '2500'], [p.FEDORA, p.UBUNTU]),
        (['--unused'], [p.DEBIAN]),
        (['--older-than', '30000d'], []),
        (['--older-than', '1s'], [p.DEBIAN, p.FEDORA, p.UBUNTU]),
        (['--orphans'], []),
        (['--cached'], [p.DEBIAN, p.FEDORA, p.UBUNTU]),
        (['--smallest'], [p.DEBIAN]),
        (['--smallest', 'fedora-42', 'ubuntu-24.04'], [p.UBUNTU]),
        (['--smallest', '--larger-than', '2999'], [p.UBUNTU]),
    ],
)
def test_which_images_are_read(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    argv: list[str],
    read: list[str],
) -> None:
    node = Node(cloud, GOOD, DATA, queued=(p.ORPHAN,))
    node.sizes |= {p.DEBIAN: 2000, p.FEDORA: 4000}
    node.hits[p.DEBIAN] = 0

    result = openstack(*VERIFY, *argv, *BRIEF)

    assert result == Result(
        0,
        ''.join(f'{NAMES[one]} ok\n' for one in read),
        '' if read else f'No cached image on {p.GLANCE} was selected.\n',
    )
    assert node.files == read


def test_the_smallest_image_that_can_be_verified(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    known[p.DEBIAN] |= {'status': 'deactivated'}
    node = Node(cloud, GOOD | {p.ORPHAN: [Read(b'')]}, DATA)
    node.sizes[p.ORPHAN] = 1

    result = openstack(*VERIFY, '--smallest', *BRIEF)

    assert result == Result(0, 'ubuntu-24.04 ok\n', '')


def test_an_image_without_data_is_the_smallest_if_there_is_no_other(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    known[p.DEBIAN] = p.hashed(p.DEBIAN, 'debian-13', b'')
    reads = {p.DEBIAN: [Read(b'')], p.UBUNTU: [Read(DATA_OF)]}
    node = Node(cloud, reads, DATA)

    for expected in ('ubuntu-24.04', 'debian-13'):
        result = openstack(*VERIFY, '--smallest', *BRIEF)

        assert result == Result(0, f'{expected} ok\n', '')
        node.hits.pop(p.UBUNTU, None)


@pytest.mark.parametrize('word', ['debian-13', p.DEBIAN])
def test_images_that_are_named_and_not_cached(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack, word: str
) -> None:
    node = node_of(cloud, Read(DATA_OF))

    result = openstack(*VERIFY, word, 'ubuntu-24.04', *BRIEF)

    assert result == Result(
        1,
        'debian-13 not in cache\nubuntu-24.04 ok\n',
        f'Image debian-13 ({p.DEBIAN}) on {p.GLANCE}{NOT_CACHED}',
    )
    assert node.files == [p.UBUNTU]


PLAN = ('--dry-run', '-f', 'value', '-c', 'Name', '-c', 'Size', '-c', 'Action')


@pytest.mark.parametrize(
    ('argv', 'rows'),
    [
        (
            ['debian-13', 'ubuntu-24.04'],
            'debian-13 2000 not in cache\nubuntu-24.04 3000 verify\n',
        ),
        # Those that a glob matches, or a filter selects, are cached.
        (['*-*'], 'ubuntu-24.04 3000 verify\n'),
        (['debian-13', 'ubuntu-24.04', '--unused'], ''),
        (
            ['debian-13', 'ubuntu-24.04', '--smallest'],
            'ubuntu-24.04 3000 verify\n',
        ),
    ],
)
def test_a_plan_has_images_that_are_named_and_not_cached(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    argv: list[str],
    rows: str,
) -> None:
    node = node_of(cloud, Read(DATA_OF))
    node.hits[p.UBUNTU] = 1

    result = openstack(*VERIFY, *argv, *PLAN)

    assert (result.code, result.out) == (0, rows)


def test_an_image_of_unknown_size_that_is_not_cached(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    known[p.DEBIAN] |= {'size': None}
    node_of(cloud, Read(DATA_OF))

    result = openstack(*VERIFY, 'debian-13', *PLAN)

    assert (result.code, result.out) == (0, 'debian-13 0 not in cache\n')


def test_words_that_name_no_image(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node_of(cloud, Read(DATA_OF))

    result = openstack(*VERIFY, 'nosuch', 'ubuntu-24.04', *BRIEF)

    assert result == Result(
        1,
        'ubuntu-24.04 ok\n',
        "Cannot verify 'nosuch': No image has the name or ID 'nosuch'. See "
        "'openstack image list'.\n",
    )


def test_a_name_with_control_characters(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    known[p.UBUNTU] |= {'name': 'a\x1b[2J\n\u202eb'}
    node_of(cloud, Read(WRONG))

    result = openstack(*VERIFY, *BRIEF)

    safe = r'a\x1b[2J\n\u202eb'
    assert result == Result(
        1,
        f'{safe} corrupt\n',
        f'Image {safe} ({p.UBUNTU}) on {p.GLANCE}{CORRUPT}',
    )


def test_an_id_with_control_characters(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = node_of(cloud, Read(DATA_OF))
    node.looks = lambda _listed: p.cache(p.cached('\x1b[2J/../..'))

    result = openstack(*VERIFY, *('-f', 'value', '-c', 'ID', '-c', 'Result'))

    assert result == Result(0, '\\x1b[2J/../.. not verifiable\n', '')
    assert node.files == []


@pytest.mark.parametrize(
    ('data', 'expected'), [(b'', 'ok'), (b'x', 'corrupt'), (b'xy', 'corrupt')]
)
def test_an_image_of_no_bytes(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    data: bytes,
    expected: str,
) -> None:
    known[p.UBUNTU] = p.hashed(p.UBUNTU, 'ubuntu-24.04', b'')
    node_of(cloud, Read(data))

    result = openstack(*VERIFY, *BRIEF)

    assert result.out == f'ubuntu-24.04 {expected}\n'


def test_an_image_whose_size_glance_does_not_have(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """Then it is that of the cached file."""
    known[p.UBUNTU] |= {'size': None}
    node_of(cloud, Read(DATA_OF))

    result = openstack(*VERIFY, *BRIEF, '-c', 'Size')

    assert result == Result(0, 'ubuntu-24.04 3000 ok\n', '')


@pytest.mark.parametrize('length', ['Content-Length: 900000\r\n', ''])
def test_a_node_that_sends_more_than_the_image_has(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack, length: str
) -> None:
    sent: list[int] = []

    def then(write: Callable[[bytes], None]) -> None:
        for __ in range(100_000):
            write(b'x' * 10_000)
            sent.append(10_000)

    endless = web.begins(f'HTTP/1.1 200 OK\r\n{length}\r\n'.encode(), then)
    node = node_of(cloud, Read(instead=endless))

    result = openstack(*VERIFY, *BRIEF)

    assert result == Result(
        1, 'ubuntu-24.04 corrupt\n', f'{REPORTED}{CORRUPT}'
    )
    assert node.files == [p.UBUNTU]
    # A socket holds some; the rest is never sent.
    assert sum(sent) < 50_000_000


SLOW = ('--node-timeout', '1')


def test_a_node_that_sends_nothing(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """Nor is it asked for its other images."""
    reads = {p.UBUNTU: [Read(DATA_OF)], p.DEBIAN: [Read(instead=web.HELD)]}
    node = Node(cloud, reads, DATA)

    result = openstack(*VERIFY, '--node-timeout', '0.2', *BRIEF)

    assert result == Result(
        1,
        '',
        f'Cannot verify image debian-13 ({p.DEBIAN}), ubuntu-24.04 '
        f'({p.UBUNTU}) on {p.GLANCE}: No response within 0.2 seconds. Check '
        'that the service is up. To wait longer, use --node-timeout.\n',
    )
    assert node.files == [p.DEBIAN]


@pytest.mark.parametrize('step', [0, 20])
def test_a_node_that_trickles(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack, step: int
) -> None:
    def then(write: Callable[[bytes], None]) -> None:
        for __ in range(60):
            write(b'x' * step)
            time.sleep(0.05)

    begun = b'HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\nx'
    node = node_of(cloud, Read(instead=web.begins(begun, then)))

    result = openstack(*VERIFY, *SLOW, *BRIEF)

    assert (result.code, result.out) == (1, '')
    assert re.fullmatch(
        re.escape(f'Cannot verify {LABEL}: The response is too slow: ')
        + r'\d+ bytes in \d s\. To wait longer, use --node-timeout\.\n',
        result.err,
    )
    assert node.files == [p.UBUNTU]


def test_a_slow_node_that_keeps_its_rate_may_take_its_time(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """All of a list must arrive within ten timeouts; an image need not."""

    def then(write: Callable[[bytes], None]) -> None:
        for at in range(0, 3000, 125):
            write(DATA_OF[at : at + 125])
            time.sleep(0.05)

    begun = (
        b'HTTP/1.1 200 OK\r\nContent-Length: 3000\r\nConnection: close\r\n\r\n'
    )
    node_of(cloud, Read(instead=web.begins(begun, then)))

    result = openstack(*VERIFY, '--node-timeout', '0.1', *BRIEF)

    assert result == Result(0, 'ubuntu-24.04 ok\n', '')


@pytest.mark.parametrize(
    ('read', 'why'),
    [
        (
            Read(
                p.fault('404 Not Found', 'No image found.').encode(),
                status=404,
            ),
            'No image found.',
        ),
        (
            Read(
                p.fault('403 Forbidden', 'You may not.').encode(), status=403
            ),
            'You may not. Log in as an administrator, or permit cache_list, '
            'cache_image and cache_delete in the API policies of the node.',
        ),
        (
            Read(status=500),
            'The server failed with HTTP 500. Try again later, and check the '
            'log of the server.',
        ),
        (
            Read(status=204),
            'The data of the image is not in its store. Upload the image '
            'again. Do not queue it before.',
        ),
        (
            Read(status=302, headers={'Location': 'http://evil.example/'}),
            'The endpoint redirects to another one (HTTP 302). Use the '
            'endpoint that it redirects to.',
        ),
        (
            Read(instead=web.CLOSED),
            'The connection broke: … Check the network between here and the '
            'node.',
        ),
        (
            Read(DATA_OF, headers={'Content-Encoding': 'gzip'}),
            (
                'The response is compressed, although compression was not '
                'requested.'
            ),
        ),
        (
            Read(instead=web.sends(b'\x00\x01\x02\r\n\r\n')),
            'The response is not HTTP. Check that this is a Glance endpoint.',
        ),
    ],
)
def test_a_node_that_does_not_send_the_data(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    read: Read,
    why: str,
) -> None:
    """The next image is verified all the same."""
    reads = {p.DEBIAN: [read], p.UBUNTU: [Read(DATA_OF)]}
    known[p.DEBIAN] = p.hashed(p.DEBIAN, 'debian-13', DATA_OF)
    node = Node(cloud, reads, DATA)
    node.store[p.DEBIAN] = read

    result = openstack(*VERIFY, *BRIEF)

    assert (result.code, result.out) == (1, 'ubuntu-24.04 ok\n')
    # libcurl's words, which are of its version.
    told = re.sub(r'(broke:) .*? (Check)', r'\1 … \2', result.err)
    assert told == (
        f'Cannot verify image debian-13 ({p.DEBIAN}) on {p.GLANCE}: {why}\n'
    )
    assert node.files[-1] == p.UBUNTU


def test_an_empty_file_is_truncated(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """The headers are right, and no byte follows them."""
    node_of(cloud, cut(DATA_OF, 0))

    result = openstack(*VERIFY, *BRIEF)

    assert (result.code, result.out) == (1, 'ubuntu-24.04 truncated\n')


def test_a_file_that_the_node_cannot_read_is_replaced(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """Glance sends status 500 for a cached file of 0 bytes."""
    node = node_of(cloud, Read(status=500))

    result = openstack(*VERIFY, *BRIEF, '--repair', '--auto-approve')

    assert (result.code, result.err) == (0, '')
    assert result.out == 'ubuntu-24.04 repaired\n'
    assert node.changes == [f'DELETE {p.UBUNTU}', f'PUT {p.UBUNTU}']


@pytest.mark.parametrize(
    'store',
    [
        Read(status=500),
        # Ranges are not supported.
        Read(DATA_OF),
        Read(DATA_OF[:1]),
        Read(instead=web.CLOSED),
    ],
)
def test_a_server_that_fails_without_its_cache_as_well(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack, store: Read
) -> None:
    """Then, the failure proves nothing about the cached file."""
    node = node_of(cloud, Read(status=500))
    node.store[p.UBUNTU] = store

    result = openstack(*VERIFY, *BRIEF, '--repair', '--auto-approve')

    assert (result.code, result.out) == (1, '')
    assert result.err == (
        f'Cannot verify {LABEL}: The server failed with HTTP 500. Try again '
        'later, and check the log of the server.\n'
    )
    assert node.changes == []


@pytest.mark.parametrize(
    ('listed', 'why'),
    [
        ([], 'not a JSON object'),
        ({'cached_images': {}, 'queued_images': []}, 'cached_images is not a'),
        (
            {'cached_images': [7], 'queued_images': []},
            'an item of cached_images',
        ),
        (p.cache(p.cached(p.UBUNTU, hits='4')), 'hits is not a count'),
    ],
)
def test_a_list_after_the_read_that_is_none(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    listed: Any,
    why: str,
) -> None:
    node = node_of(cloud, Read(DATA_OF))
    node.looks = lambda good: listed if node.files else good

    result = openstack(*VERIFY, *BRIEF)

    assert (result.code, result.out) == (1, '')
    assert result.err.startswith(f'Cannot verify {LABEL}: ')
    assert why in result.err
    assert result.err.count('\n') == 1


def test_a_node_whose_list_can_not_be_read(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
) -> None:
    """The others are verified."""
    clouds_yaml(p.FLEET)
    node = node_of(cloud, Read(DATA_OF), root=p.EDGE)
    cloud.answers('GET', CACHE, **web.REFUSED)

    result = openstack(
        *('--os-cloud', 'far', *VERIFY, '--all-nodes', *BRIEF, '-c', 'Node')
    )

    assert (result.code, result.out) == (1, 'ubuntu-24.04 ok edge-bergen\n')
    assert result.err.startswith(
        f'Cannot read the cache of edge-oslo ({p.GLANCE}): Cannot connect'
    )
    assert node.files == [p.UBUNTU]


@pytest.mark.parametrize(
    ('allowed', 'code'), [((), 1), (('--allow-unreachable', '1'), 0)]
)
def test_a_node_that_goes_down_before_it_is_read(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    allowed: tuple[str, ...],
    code: int,
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers(
        'GET', f'{p.GLANCE}/v2/images/{p.UBUNTU}/file', **web.REFUSED
    )

    result = openstack(*VERIFY, *BRIEF, *allowed)

    assert result.code == code
    assert result.err.startswith('Cannot verify image ubuntu-24.04')
    assert 'Connection refused' in result.err


def test_glance_that_does_not_have_its_list(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Without hashes there is nothing to verify."""
    node = node_of(cloud, Read(DATA_OF))
    cloud.answers('GET', IMAGES, status_code=500, text='no')

    result = openstack(*VERIFY, *BRIEF)

    assert result == Result(
        1,
        '',
        "Cannot look up images in the cloud's Glance: The server failed with "
        "HTTP 500. See 'openstack image list'.\n",
    )
    assert node.files == []


@pytest.mark.parametrize('argv', [[], ['--smallest'], [p.UBUNTU]])
def test_nodes_that_are_configured_must_be_named(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
    argv: list[str],
) -> None:
    clouds_yaml(p.FLEET)

    result = openstack('--os-cloud', 'far', *VERIFY, *argv)

    assert result == Result(
        2,
        '',
        '2 nodes are configured: this command requires --node, --site or '
        '--all-nodes.\n',
    )
    assert cloud.requests == []


@pytest.mark.parametrize(
    ('argv', 'expected'),
    [
        (['--all-nodes'], ['edge-oslo', 'edge-bergen']),
        (['--node', 'edge-bergen'], ['edge-bergen']),
        (['--node', 'edge-*', '--smallest'], ['edge-oslo', 'edge-bergen']),
    ],
)
def test_each_node_is_read_from(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
    argv: list[str],
    expected: list[str],
) -> None:
    clouds_yaml(p.FLEET)
    node_of(cloud, Read(DATA_OF))
    node_of(cloud, Read(DATA_OF), root=p.EDGE)

    result = openstack(
        *('--os-cloud', 'far', *VERIFY, *argv),
        *('-f', 'value', '-c', 'Result', '-c', 'Node'),
    )

    assert result == Result(0, ''.join(f'ok {one}\n' for one in expected), '')


def test_a_dry_run_needs_no_nodes_to_be_named(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
) -> None:
    clouds_yaml(p.FLEET)
    node_of(cloud, Read(DATA_OF))
    node_of(cloud, Read(DATA_OF), root=p.EDGE)

    result = openstack(
        *('--os-cloud', 'far', *VERIFY, '--dry-run', '-f', 'value'),
        *('-c', 'Action', '-c', 'Node'),
    )

    assert result == Result(
        0,
        'verify edge-oslo\nverify edge-bergen\n',
        'To read: 6.0 kB. Entries: 2. Nodes: 2.\n',
    )


def test_a_node_of_xena(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """With the middleware alone: /v2/cached_images."""
    reads = {p.DEBIAN: [Read(WRONG[:2000])], p.UBUNTU: [Read(DATA_OF)]}
    node = Node(cloud, reads, DATA, has_api=False)

    result = openstack(*VERIFY, *BRIEF)

    assert result == Result(
        1,
        'debian-13 corrupt\nubuntu-24.04 ok\n',
        f'Image debian-13 ({p.DEBIAN}) on {p.GLANCE}{CORRUPT}',
    )
    assert node.files == [p.DEBIAN, p.UBUNTU]
    assert f'GET {p.GLANCE}/v2/cached_images' in cloud.requests


MANY = [f'http://n{at}.example:9292' for at in range(5)]


def modified(seconds: float, listed: Any) -> Any:
    """The list of a node that cached everything so much later."""
    for one in listed['cached_images']:
        one['last_modified'] += seconds
    return listed


@pytest.mark.parametrize(
    ('argv', 'most'), [([], 4), (['2'], 2), (['1'], 1), (['9' * 12], 5)]
)
def test_so_many_nodes_are_read_from_at_a_time(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    monkeypatch: pytest.MonkeyPatch,
    argv: list[str],
    most: int,
) -> None:
    """And from each of them one image."""
    busy: set[Node] = set()
    counts = [0]
    changed = threading.Condition()
    real = Node.read

    def read(node: Node, request: Any, context: Any) -> bytes:
        with changed:
            assert node not in busy
            busy.add(node)
            counts.append(len(busy))
            changed.notify_all()
            changed.wait_for(lambda: max(counts) >= most, 3)
        # If more are read from at a time, they come now.
        time.sleep(0.05)
        with changed:
            busy.discard(node)
        return real(node, request, context)

    monkeypatch.setattr(Node, 'read', read)
    nodes = [Node(cloud, GOOD, DATA, root=root) for root in MANY]
    # Nodes that cached the same images at the same times are read from in
    # turn.
    for at, node in enumerate(nodes):
        node.looks = functools.partial(modified, at)
    named = [part for root in MANY for part in ('--node', root)]
    limit = [part for one in argv for part in ('--max-downloads', one)]

    result = openstack(*VERIFY, *named, *limit, *BRIEF)

    assert (result.code, result.err) == (0, '')
    assert result.out.count(' ok\n') == len(MANY) * len(GOOD)
    assert [len(node.files) for node in nodes] == [len(GOOD)] * len(MANY)
    assert max(counts) == most


@pytest.mark.usefixtures('cloud')
@pytest.mark.parametrize('number', ['0', '-1', 'x', '1.5'])
def test_max_downloads_is_a_number_above_zero(
    openstack: OpenStack, number: str
) -> None:
    result = openstack(*VERIFY, f'--max-downloads={number}')

    assert result.code == 2
    assert 'is not a whole number greater than 0' in result.err


def test_a_timeout_that_passes(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """What was verified by then is reported."""
    reads = {
        p.DEBIAN: [Read(DATA[p.DEBIAN])],
        p.FEDORA: [Read(instead=web.HELD)],
        p.UBUNTU: [Read(DATA_OF)],
    }
    node = Node(cloud, reads, DATA)

    result = openstack(*VERIFY, '--timeout', '1.5', *BRIEF)

    assert result == Result(
        1,
        'debian-13 ok\n',
        f'Cannot verify image fedora-42 ({p.FEDORA}), ubuntu-24.04 '
        f'({p.UBUNTU}) on {p.GLANCE}: Not verified within 1.5 seconds. To '
        'wait longer, use --timeout.\n',
    )
    assert node.files == [p.DEBIAN, p.FEDORA]


def test_a_timeout_of_zero_is_none(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node_of(cloud, Read(DATA_OF))

    result = openstack(*VERIFY, '--timeout', '0', *BRIEF)

    assert result == Result(0, 'ubuntu-24.04 ok\n', '')


def test_ctrl_c_while_an_image_is_read(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The transfer ends at once, and what was verified is reported."""
    begun = b'HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\nxxx'
    ended = threading.Event()

    def then(write: Callable[[bytes], None]) -> None:
        try:
            for __ in range(10_000):
                write(b'x')
                time.sleep(0.01)
        finally:
            ended.set()

    reads = {
        p.DEBIAN: [Read(WRONG[:2000])],
        p.FEDORA: [Read(instead=web.begins(begun, then))],
        p.UBUNTU: [Read(DATA_OF)],
    }
    node = Node(cloud, reads, DATA)
    arrived: list[int] = []

    def advance(_bytes: progress.Bytes, size: int) -> None:
        arrived.append(size)
        if len(arrived) == 2:
            ctrl_c()

    monkeypatch.setattr(progress.Bytes, 'advance', advance)
    before = time.monotonic()

    result = openstack(*VERIFY, *BRIEF)

    assert result == Result(
        130,
        'debian-13 corrupt\n',
        f'Image debian-13 ({p.DEBIAN}) on {p.GLANCE}{CORRUPT}Interrupted. '
        'Operations not done: 2.\n',
    )
    assert time.monotonic() - before < 5
    assert ended.wait(PATIENCE)
    assert node.files == [p.DEBIAN, p.FEDORA]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


REPAIR = (*VERIFY, '--repair')
ABOUT = (
    f'  ubuntu-24.04 ({p.UBUNTU})  3.0 kB  {p.GLANCE}\n'
    'About to delete 1 cached and 0 queued entries (3.0 kB)'
)
CONTROL = re.compile(r'\x1b\[\??[0-9;]*[A-Za-z]')


@pytest.mark.parametrize('reads', [[Read(WRONG)], [cut(DATA_OF, 9)]])
def test_a_repair(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    monkeypatch: pytest.MonkeyPatch,
    reads: list[Read],
) -> None:
    node = Node(cloud, {p.UBUNTU: reads, p.DEBIAN: GOOD[p.DEBIAN]}, DATA)
    shown = mock.Mock(wraps=progress.transferring)
    monkeypatch.setattr(progress, 'transferring', shown)

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert result == Result(0, 'debian-13 ok\nubuntu-24.04 repaired\n', '')
    assert [one.args for one in shown.call_args_list] == [
        ('Verifying',),
        ('Reading from the stores',),
        ('Verifying',),
    ]
    # Nothing but the bad entry is touched.
    assert node.changes == [f'DELETE {p.UBUNTU}', f'PUT {p.UBUNTU}']
    reads_of = [one for one in node.files if one == p.UBUNTU]
    # From the cache, from the store, and from the cache.
    assert len(reads_of) == (3 if len(reads[0].data) == 3000 else 4)


def test_nothing_to_repair(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = Node(cloud, GOOD, DATA)

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert (result.code, result.err) == (0, '')
    assert node.changes == []
    assert sorted(node.files) == sorted(GOOD)


@pytest.mark.parametrize(
    ('reads', 'expected', 'line'),
    [
        ([Read(DATA_OF, hit=False)], 'not served from cache', NOT_SERVED),
        (
            [Read(DATA_OF, hit=False), Read(DATA_OF)],
            *('file was missing', MISSING),
        ),
    ],
)
def test_what_a_repair_can_not_mend(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    reads: list[Read],
    expected: str,
    line: str,
) -> None:
    node = node_of(cloud, *reads)

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert result == Result(
        1, f'ubuntu-24.04 {expected}\n', f'{REPORTED}{line}'
    )
    assert node.changes == []


def test_a_repair_that_nobody_can_approve(
    cloud: Cloud, openstack: OpenStack
) -> None:
    result = openstack(*REPAIR)

    assert result == Result(
        2,
        '',
        'Confirmation required. Use --auto-approve to proceed, or --dry-run '
        'to show the plan.\n',
    )
    assert cloud.requests == []


@pytest.mark.parametrize(
    ('store', 'why'),
    [
        (
            Read(WRONG, status=206),
            'The data in the store is damaged as well. Upload the image '
            'again.',
        ),
        (
            Read(DATA_OF[:9], status=206),
            'The connection broke after 9 bytes. Check the network and any '
            'proxy between here and the node.',
        ),
        (
            Read(DATA_OF * 2, status=206),
            'The node does not read the image from its store if the cache has '
            'it. If the data in the store is intact, delete the entry and '
            'queue the image again.',
        ),
        (
            Read(DATA_OF),
            'The node does not read the image from its store if the cache has '
            'it. If the data in the store is intact, delete the entry and '
            'queue the image again.',
        ),
        (
            Read(status=204),
            'The data of the image is not in its store. Upload the image '
            'again. Do not queue it before.',
        ),
        (
            Read(status=500),
            'The server failed with HTTP 500. Try again later, and check the '
            'log of the server.',
        ),
        (
            Read(p.fault('404 Not Found', 'Gone.').encode(), status=404),
            'Gone.',
        ),
    ],
)
def test_a_store_whose_data_is_not_intact(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    store: Read,
    why: str,
) -> None:
    """A fill from it would end the cache thread of the node."""
    node = node_of(cloud, Read(WRONG))
    node.store[p.UBUNTU] = store

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert result == Result(
        1,
        'ubuntu-24.04 corrupt\n',
        f'{REPORTED}: the data does not match the hash in Glance. Repair: '
        f'{why}\n',
    )
    assert node.changes == []


def test_a_store_from_which_the_connection_breaks(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = node_of(cloud, Read(WRONG))
    broken = cut(DATA_OF, 9)
    node.store[p.UBUNTU] = Read(
        broken.data, status=206, headers=broken.headers
    )

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert (result.code, result.out) == (1, 'ubuntu-24.04 corrupt\n')
    assert 'Repair: ' in result.err
    assert node.changes == []
    assert 'damaged' not in result.err


@pytest.mark.parametrize('answer', ['n\n', '\n', ''])
def test_a_repair_that_is_not_approved(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack, answer: str
) -> None:
    node = node_of(cloud, Read(WRONG))

    result = openstack(*REPAIR, *BRIEF, stdin=answer, terminal=True)

    assert (result.code, result.out) == (1, 'ubuntu-24.04 corrupt\n')
    end = '' if answer else '\n'
    assert CONTROL.sub('', result.err).endswith(
        f'{ABOUT}. Continue? [y/N] {end}Cannot repair: Nothing was changed.\n'
        f'{REPORTED}{CORRUPT}'
    )
    assert node.changes == []


def test_a_repair_that_is_approved(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = node_of(cloud, Read(WRONG))

    result = openstack(*REPAIR, *BRIEF, stdin='y\n', terminal=True)

    assert (result.code, result.out) == (0, 'ubuntu-24.04 repaired\n')
    assert f'{ABOUT}. Continue? [y/N] ' in result.err
    assert node.changes == [f'DELETE {p.UBUNTU}', f'PUT {p.UBUNTU}']


def test_the_progress_of_a_repair(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, '_MANY', 2)
    reads = {one: [Read(b'x' * len(DATA[one]))] for one in DATA}
    Node(cloud, reads, DATA)

    result = openstack(*REPAIR, '--auto-approve', *BRIEF, terminal=True)

    assert result.code == 0
    lines = CONTROL.sub('', result.err).replace('\r', '\n').split('\n')
    shown = [' '.join(line.split()) for line in lines]
    reading = [one for one in shown if one.startswith('Reading from the ')]
    assert reading[0].startswith('Reading from the stores ')
    assert '9.0/9.0 kB' in reading[-1]
    changing = [one for one in shown if one.startswith('Changing entries ')]
    assert changing[0].endswith(' 0/3')
    assert changing[-1].endswith(' 3/3')


def test_an_entry_that_can_not_be_deleted(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = node_of(cloud, Read(WRONG))
    node.deletion = 500

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert result == Result(
        1,
        'ubuntu-24.04 corrupt\n',
        f'{REPORTED}: the data does not match the hash in Glance. Repair: The '
        'server failed with HTTP 500. Try again later, and check the log of '
        'the server.\n',
    )
    assert node.changes == [f'DELETE {p.UBUNTU}']


def test_an_entry_that_is_deleted_and_not_queued(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """It is reported as deleted; the other ones are repaired."""
    reads = {p.UBUNTU: [Read(WRONG)], p.DEBIAN: [Read(WRONG[:2000])]}
    node = Node(cloud, reads, DATA)
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=400)

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert result == Result(
        1,
        'debian-13 not in cache\nubuntu-24.04 repaired\n',
        f'Image debian-13 ({p.DEBIAN}) on {p.GLANCE}: the image is not in the '
        'cache. Repair: The entry was deleted, but the image was not queued '
        'again: HTTP 400 Bad Request. Queue the image with '
        "'openstack image cache queue'.\n",
    )
    assert node.changes == [
        *(f'DELETE {p.DEBIAN}', f'PUT {p.DEBIAN}'),
        *(f'DELETE {p.UBUNTU}', f'PUT {p.UBUNTU}'),
    ]


CUT_OFF = b'HTTP/1.1 204 No Content\r\nContent-'
COMPRESSED = b'HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n'


def lost(
    cloud: Cloud, node: Node, change: str, ending: Any, *, done: bool = True
) -> None:
    """The node makes a change of the image, and its response is lost.

    :param change: the method.
    :param ending: what is instead of the response: bytes, an exception, or a
        status.
    """

    def answer(_request: Any, context: Any) -> Any:
        if done and change == 'DELETE':
            del node.hits[p.UBUNTU]
        elif done:
            node.queued.append(p.UBUNTU)
        if isinstance(ending, int):
            context.status_code = ending
            return None
        raise ending

    url = f'{CACHE}/{p.UBUNTU}'
    cloud.adapter.register_uri(change, url, json=answer)


#: What may follow a change that the node has made.
LOSSES = {
    'closed': web.CLOSED['exc'],
    'held': web.HELD['exc'],
    'cut off': web.sends(CUT_OFF)['exc'],
    'compressed': web.sends(COMPRESSED)['exc'],
    '500': 500,
    '502': 502,
}


@pytest.mark.parametrize('ending', LOSSES.values(), ids=LOSSES)
def test_an_entry_that_is_deleted_although_the_response_is_lost(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack, ending: Any
) -> None:
    """Its image is queued: nobody else would do it."""
    node = node_of(cloud, Read(WRONG))
    lost(cloud, node, 'DELETE', ending)

    result = openstack(
        *(*REPAIR, '--auto-approve', '--node-timeout', '0.5', *BRIEF)
    )

    assert result == Result(0, 'ubuntu-24.04 repaired\n', '')
    assert node.changes == [f'DELETE {p.UBUNTU}', f'PUT {p.UBUNTU}']


def test_an_entry_that_a_node_has_not_deleted_yet(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = node_of(cloud, Read(WRONG))
    lost(cloud, node, 'DELETE', web.HELD['exc'], done=False)

    result = openstack(
        *(*REPAIR, '--auto-approve', '--node-timeout', '0.5', *BRIEF)
    )

    assert (result.code, result.out) == (1, 'ubuntu-24.04 corrupt\n')
    assert result.err.startswith(
        f'{REPORTED}: the data does not match the hash in Glance. Repair: No '
        'response within 0.5 seconds. '
    )
    assert node.changes == [f'DELETE {p.UBUNTU}']


def test_an_entry_that_may_be_deleted(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = node_of(cloud, Read(WRONG))
    lost(cloud, node, 'DELETE', 502)

    def looks(listed: Any) -> Any:
        return None if node.changes else listed

    node.looks = looks

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert result == Result(
        1,
        'ubuntu-24.04 corrupt\n',
        f'{REPORTED}: the data does not match the hash in Glance. Repair: The '
        'entry may be deleted, and the image is not queued: The server failed '
        "with HTTP 502. Check with 'openstack image cache list', and queue "
        'the image if it is not listed.\n',
    )
    assert node.changes == [f'DELETE {p.UBUNTU}']


@pytest.mark.parametrize(
    ('status', 'why'),
    [
        (403, 'HTTP 403 Forbidden. Log in as an administrator'),
        (400, 'HTTP 400 Bad Request'),
    ],
)
def test_an_entry_that_a_node_refuses_to_delete(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    status: int,
    why: str,
) -> None:
    """Its list is not read again."""
    node = node_of(cloud, Read(WRONG))
    lost(cloud, node, 'DELETE', status, done=False)

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert (result.code, result.out) == (1, 'ubuntu-24.04 corrupt\n')
    assert f'Repair: {why}' in result.err
    assert cloud.requests[-1] == f'DELETE {CACHE}/{p.UBUNTU}'


@pytest.mark.parametrize('ending', LOSSES.values(), ids=LOSSES)
def test_an_image_that_may_be_queued(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack, ending: Any
) -> None:
    node = node_of(cloud, Read(WRONG))
    lost(cloud, node, 'PUT', ending)

    result = openstack(
        *(*REPAIR, '--auto-approve', '--node-timeout', '0.5', *BRIEF)
    )

    assert (result.code, result.out) == (1, 'ubuntu-24.04 not in cache\n')
    assert result.err.startswith(
        f'{REPORTED}: the image is not in the cache. Repair: The '
        'entry was deleted, but the image may not be queued: '
    )
    assert result.err.endswith(
        " Check with 'openstack image cache list', and queue the image if it "
        'is not listed.\n'
    )


CHANGED = (
    f'{REPORTED}: the data does not match the hash in Glance. Repair: The '
    'entry has changed since it was verified. Verify the image again.\n'
)


def test_an_entry_that_leaves_the_cache_before_its_repair(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """Another user deleted it, and does not want it back."""
    node = node_of(cloud, Read(WRONG))
    node.store[p.UBUNTU] = Read(DATA_OF, status=206, leaves=True)

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert result == Result(1, 'ubuntu-24.04 corrupt\n', CHANGED)
    assert node.changes == []


@pytest.mark.parametrize('seconds', [1, -3600])
@pytest.mark.parametrize('reads', [1, 2])
def test_an_entry_that_is_replaced_before_its_repair(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    reads: int,
    seconds: int,
) -> None:
    """Another user repaired it after the read from the cache or the store."""
    node = node_of(cloud, Read(WRONG))
    node.looks = lambda listed: modified(
        seconds if len(node.files) >= reads else 0, listed
    )

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert result == Result(1, 'ubuntu-24.04 corrupt\n', CHANGED)
    assert node.changes == []


def test_an_entry_that_is_replaced_before_it_is_verified(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """Only the file that was read counts."""
    reads = {p.DEBIAN: GOOD[p.DEBIAN], p.UBUNTU: [Read(WRONG)]}
    node = Node(cloud, reads, DATA)
    node.looks = lambda listed: modified(60 if node.files else 0, listed)

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert result == Result(0, 'debian-13 ok\nubuntu-24.04 repaired\n', '')


def test_an_entry_that_other_clients_read_before_its_repair(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = node_of(cloud, Read(WRONG))

    def looks(listed: Any) -> Any:
        for one in listed['cached_images']:
            one['last_accessed'] += len(node.files)
            one['hits'] += 10 * len(node.files)
        return listed

    node.looks = looks

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert result == Result(0, 'ubuntu-24.04 repaired\n', '')


@pytest.mark.parametrize(
    ('lists', 'alternate'),
    [('abab', True), ('aaba', True), ('abca', True), ('abcd', False)],
)
def test_lists_that_alternate_before_a_repair(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    lists: str,
    alternate: bool,
) -> None:
    """The entry that is deleted might be that of another node."""
    node = node_of(cloud, Read(WRONG))
    left = list(lists)

    def looks(listed: Any) -> Any:
        # The store was read as well.
        if len(node.files) == 2 and left:
            listed['queued_images'] = [left.pop(0)]
        return listed

    node.looks = looks

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert left == []
    if not alternate:
        assert result == Result(0, 'ubuntu-24.04 repaired\n', '')
        return
    assert result == Result(
        1,
        'ubuntu-24.04 corrupt\n',
        f'{REPORTED}: the data does not match the hash in Glance. Repair: '
        'Several nodes are behind this endpoint. Configure an endpoint for '
        'each node.\n',
    )
    assert node.changes == []


def test_a_repair_after_which_the_entry_is_bad_again(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = node_of(cloud, Read(WRONG))
    node._intact = {p.UBUNTU: WRONG}

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert result == Result(
        1, 'ubuntu-24.04 corrupt\n', f'{REPORTED}{CORRUPT}'
    )
    assert node.changes == [f'DELETE {p.UBUNTU}', f'PUT {p.UBUNTU}']


def test_ctrl_c_while_a_store_is_read(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """What the reads from the cache showed is reported."""
    node = node_of(cloud, Read(WRONG))
    begun = b'HTTP/1.1 206 Partial Content\r\nContent-Length: 3000\r\n\r\nx'

    def then(_write: Callable[[bytes], None]) -> None:
        ctrl_c()

    node.store[p.UBUNTU] = Read(instead=web.begins(begun, then))

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert (result.code, node.changes) == (130, [])
    assert 'Traceback' not in result.err
    assert result.out == 'ubuntu-24.04 corrupt\n'


def test_ctrl_c_at_the_question(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def readline(_stream: Any, _size: int = -1) -> str:
        ctrl_c()
        return 'y\n'

    monkeypatch.setattr(shell.Input, 'readline', readline)
    node = node_of(cloud, Read(WRONG))

    result = openstack(*REPAIR, *BRIEF, terminal=True)

    assert (result.code, node.changes) == (130, [])
    assert result.out == 'ubuntu-24.04 corrupt\n'


def test_ctrl_c_while_an_entry_is_deleted(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """It is queued as well; the other entries stay, and are counted."""
    reads = {one: [Read(b'x' * len(DATA[one]))] for one in DATA}
    node = Node(cloud, reads, DATA)

    def answer(_request: Any, context: Any) -> None:
        ctrl_c()
        context.status_code = 204
        del node.hits[p.DEBIAN]

    cloud.adapter.register_uri('DELETE', f'{CACHE}/{p.DEBIAN}', json=answer)

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert node.changes == [f'DELETE {p.DEBIAN}', f'PUT {p.DEBIAN}']
    assert (result.code, result.out) == (
        130,
        'fedora-42 corrupt\nubuntu-24.04 corrupt\n',
    )
    assert (
        f'Cannot verify image debian-13 ({p.DEBIAN}) on {p.GLANCE}: The entry '
        'was replaced but not verified again. Verify the image again.\n'
    ) in result.err
    assert f'{REPORTED}{CORRUPT}' in result.err
    assert 'Interrupted. Operations not done: 2.\n' in result.err
    assert 'The repair may be incomplete: verify again.' in result.err
    assert (
        f'Interrupted. Waiting for requests in progress (1) on {p.GLANCE}; press '
        'Ctrl-C again to stop at once.\n'
    ) in result.err


@pytest.mark.parametrize(
    ('change', 'changes', 'shown', 'told'),
    [
        (
            *('DELETE', ['DELETE'], 'corrupt'),
            'The entry may be deleted, and the image is not queued',
        ),
        (
            *('PUT', ['DELETE', 'PUT'], 'not in cache'),
            'The entry was deleted, but the image may not be queued',
        ),
    ],
)
def test_another_ctrl_c_while_an_entry_is_replaced(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    logged: Logged,
    change: str,
    changes: list[str],
    shown: str,
    told: str,
) -> None:
    """The line says how far it was, and not only that it was interrupted."""
    node = node_of(cloud, Read(WRONG))
    warned = logged('press Ctrl-C again')

    def answer(_request: Any, _context: Any) -> Any:
        ctrl_c()
        assert warned.wait(PATIENCE)
        ctrl_c()
        raise web.HELD['exc']

    url = f'{CACHE}/{p.UBUNTU}'
    cloud.adapter.register_uri(change, url, json=answer)

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert node.changes == [f'{one} {p.UBUNTU}' for one in changes]
    assert (result.code, result.out) == (130, f'ubuntu-24.04 {shown}\n')
    assert (
        f'{told}: Interrupted before the response arrived. Check with '
        "'openstack image cache list', and queue the image if it is not "
        'listed.\n'
    ) in result.err


def test_ctrl_c_while_a_repair_waits(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = node_of(cloud, Read(WRONG))

    def looks(listed: Any) -> Any:
        if len(node.changes) == 2:
            ctrl_c()
        return listed

    node.looks = looks

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert result == Result(
        130,
        '',
        f'Cannot verify {LABEL}: The entry was replaced but not verified '
        'again. Verify the image again.\n'
        'The repair may be incomplete: verify again.\nInterrupted.\n',
    )


@pytest.fixture
def held_after_repair(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Callable[[], object]], None]:
    """A repaired image that is read gets no answer; calls back before that."""
    real = Node.read

    def hold(before: Callable[[], object]) -> None:
        def read(node: Node, request: Any, context: Any) -> bytes:
            if len(node.changes) == 2:
                before()
                raise web.HELD['exc']
            return real(node, request, context)

        monkeypatch.setattr(Node, 'read', read)

    return hold


def test_ctrl_c_while_a_repaired_image_is_read(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    held_after_repair: Callable[[Callable[[], object]], None],
) -> None:
    held_after_repair(ctrl_c)
    node = node_of(cloud, Read(WRONG))

    result = openstack(*REPAIR, '--auto-approve', *BRIEF)

    assert (result.code, result.out) == (130, '')
    assert result.err.endswith('Interrupted. Operations not done: 1.\n')
    assert node.files[-1] == p.UBUNTU


def test_a_timeout_that_passes_while_a_repaired_image_is_read(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    held_after_repair: Callable[[Callable[[], object]], None],
) -> None:
    """The result of the deleted entry is not that of the new one."""
    held_after_repair(lambda: None)
    node = node_of(cloud, Read(WRONG))

    result = openstack(*REPAIR, '--auto-approve', '--timeout', '2', *BRIEF)

    assert result == Result(
        1,
        '',
        f'Cannot verify {LABEL}: The entry was replaced but not verified '
        'again. Verify the image again.\n',
    )
    assert node.files[-1] == p.UBUNTU


def test_a_timeout_that_passes_while_a_store_is_read(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    """One store was damaged and one intact; the last one is being read."""
    reads = {one: [Read(b'x' * len(DATA[one]))] for one in DATA}
    node = Node(cloud, reads, DATA)
    node.store[p.DEBIAN] = Read(WRONG[:2000], status=206)
    node.store[p.UBUNTU] = Read(instead=web.HELD)

    result = openstack(
        *(*REPAIR, '--timeout', '1.5', '--node-timeout', '3', *BRIEF),
        terminal=True,
    )

    why = 'the data does not match the hash in Glance. Repair: '
    late = (
        f'{why}The entry was not repaired within 1.5 seconds. To wait longer, '
        'use --timeout.\n'
    )
    assert (result.code, result.out) == (
        1,
        'debian-13 corrupt\nfedora-42 corrupt\nubuntu-24.04 corrupt\n',
    )
    assert result.err.endswith(
        f'Image debian-13 ({p.DEBIAN}) on {p.GLANCE}: {why}The data in the '
        'store is damaged as well. Upload the image again.\n'
        f'Image fedora-42 ({p.FEDORA}) on {p.GLANCE}: {late}{REPORTED}: '
        f'{late}'
    )
    assert 'Continue?' not in result.err
    assert node.changes == []


def test_a_timeout_that_passes_before_an_entry_is_replaced(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The question was answered an hour later."""

    def readline(_stream: Any, _size: int = -1) -> str:
        later = types.SimpleNamespace(monotonic=lambda: real() + 3600)
        monkeypatch.setattr(verifying, 'time', later)
        return 'y\n'

    real = time.monotonic
    monkeypatch.setattr(shell.Input, 'readline', readline)
    node = node_of(cloud, Read(WRONG))

    result = openstack(*REPAIR, *BRIEF, terminal=True)

    assert (result.code, result.out) == (1, 'ubuntu-24.04 corrupt\n')
    assert result.err.endswith(
        f'{REPORTED}: the data does not match the hash in Glance. Repair: The '
        'entry was not repaired within 3600 seconds. To wait longer, use '
        '--timeout.\n'
    )
    assert node.changes == []


def test_a_repair_whose_fill_does_not_arrive(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bad entry is gone, and there is nothing to delete."""

    class Limits(waiting.Limits):
        def __init__(self, *values: Any, **more: Any) -> None:
            super().__init__(*values, **more | {'left': 0.5})

    node = node_of(cloud, Read(WRONG))
    node._intact = {}
    monkeypatch.setattr(waiting, 'Limits', Limits)

    result = openstack(*REPAIR, '--auto-approve', '--timeout', '60', *BRIEF)

    assert result == Result(
        1,
        'ubuntu-24.04 not in cache\n',
        f'Not cached on {p.GLANCE}: ubuntu-24.04 ({p.UBUNTU}): Not '
        'cached within 60 seconds. Queued images stay queued. To wait longer, '
        'use --timeout. If glance-api was restarted after the request, use '
        "'openstack image cache queue --force'.\n",
    )
    assert node.changes == [f'DELETE {p.UBUNTU}', f'PUT {p.UBUNTU}']


def test_the_fills_have_the_rest_of_the_timeout(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left: list[float | None] = []

    class Limits(waiting.Limits):
        def __init__(self, *values: Any, **more: Any) -> None:
            super().__init__(*values, **more)
            left.append(self.left)

    node_of(cloud, Read(WRONG))
    monkeypatch.setattr(waiting, 'Limits', Limits)

    result = openstack(*REPAIR, '--auto-approve', '--timeout', '60', *BRIEF)

    assert result == Result(0, 'ubuntu-24.04 repaired\n', '')
    # The list is read four times before the deletion.
    at = cloud.requests.index(f'DELETE {CACHE}/{p.UBUNTU}')
    lists = [one == f'GET {CACHE}' for one in cloud.requests[at - 5 : at]]
    assert lists == [False, True, True, True, True]
    (seconds,) = left
    assert seconds is not None
    assert 0 < seconds < 60


def test_nodes_are_repaired_at_the_same_time(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
) -> None:
    clouds_yaml(p.FLEET)
    nodes = [
        Node(cloud, {p.UBUNTU: [Read(WRONG)]}, DATA, root=root)
        for root in (p.GLANCE, p.EDGE)
    ]
    cloud.hold_back(f'{CACHE}/{p.UBUNTU}', f'{p.EDGE}/v2/cache/{p.UBUNTU}')

    result = openstack(
        *('--os-cloud', 'far', *REPAIR, '--all-nodes', '--auto-approve'),
        *BRIEF,
    )

    assert result == Result(0, 'ubuntu-24.04 repaired\n' * 2, '')
    assert [len(one.changes) for one in nodes] == [4, 4]


def test_a_repair_without_a_timeout_waits_for_the_fill(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    node = node_of(cloud, Read(WRONG))
    node._intact = {}
    began = time.monotonic()

    def looks(listed: Any) -> Any:
        if time.monotonic() - began > 1.5:
            node._intact = DATA
        return listed

    node.looks = looks

    result = openstack(*REPAIR, '--auto-approve', '--timeout', '0', *BRIEF)

    assert result == Result(0, 'ubuntu-24.04 repaired\n', '')
    assert time.monotonic() - began > 1.5


@pytest.mark.parametrize('status', [404, 403, 500])
@pytest.mark.parametrize('size', [0, 50])
def test_an_error_of_more_bytes_than_the_image(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    size: int,
    status: int,
) -> None:
    """It does not show that the data is corrupt."""
    known[p.UBUNTU] = p.hashed(p.UBUNTU, 'ubuntu-24.04', b'x' * size)
    page = p.fault(f'{status} Error', 'x' * 300).encode()
    node = node_of(cloud, Read(page, status=status))
    node.store[p.UBUNTU] = Read(page, status=status)

    result = openstack(*VERIFY, *BRIEF)

    assert (result.code, result.out) == (1, '')
    assert result.err.startswith(f'Cannot verify {LABEL}: ')


def test_a_summary_has_a_row_for_each_site(
    cloud: Cloud, known: dict[str, Any], openstack: OpenStack
) -> None:
    known[p.DEBIAN] = p.hashed(p.DEBIAN, 'debian-13', DATA_OF)
    Node(cloud, {p.DEBIAN: [Read(WRONG)], p.UBUNTU: [Read(DATA_OF)]}, DATA)

    result = openstack(*VERIFY, '--summary', '-f', 'json')

    assert result.code == 1
    assert json.loads(result.out) == [
        {
            'Site': p.GLANCE,
            'Nodes': 1,
            'Already Cached': 1,
            'Cached': 0,
            'Queued': 0,
            'Failed': 1,
            'Size': len(DATA_OF),
        }
    ]


def test_a_summary_does_not_know_the_entries_of_an_unread_node(
    cloud: Cloud,
    known: dict[str, Any],
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
) -> None:
    clouds_yaml(p.FLEET)
    node_of(cloud, Read(DATA_OF))
    cloud.answers('GET', f'{p.EDGE}/v2/cache', status_code=403, text='')

    result = openstack(
        *('--os-cloud', 'far', *VERIFY, '--all-nodes', '--summary'),
        *('-f', 'json', '-c', 'Site', '-c', 'Already Cached', '-c', 'Failed'),
    )

    assert result.code == 1
    assert json.loads(result.out) == [
        {'Site': 'edge-oslo', 'Already Cached': 1, 'Failed': 0},
        {'Site': 'edge-bergen', 'Already Cached': 0, 'Failed': None},
    ]


def test_a_summary_is_not_of_a_plan(
    cloud: Cloud, openstack: OpenStack
) -> None:
    result = openstack(*VERIFY, '--summary', '--dry-run')

    assert result == Result(
        2,
        '',
        '--summary cannot be combined with --dry-run. Use one of them.\n',
    )
    assert cloud.requests == []


def test_a_name_that_is_not_found_is_reported_alone(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.adapter.register_uri('GET', IMAGES, json=p.images())

    result = openstack(*VERIFY, 'nosuch')

    assert result == Result(
        1,
        '\n',
        "Cannot verify 'nosuch': No image has the name or ID 'nosuch'. See "
        "'openstack image list'.\n",
    )
