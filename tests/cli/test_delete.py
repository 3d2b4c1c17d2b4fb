# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache delete`: argv in, output out."""

from collections.abc import Callable
import copy
import os
import re
import signal
import time
from typing import Any

import pytest

from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

CACHE = f'{p.GLANCE}/v2/cache'
IMAGES = f'{p.GLANCE}/v2/images'

TABLE = """\
+--------------------------------------+--------------+--------+--------+--------------+----------------------------+
| ID                                   | Name         | State  | Size   | Result       | Node                       |
+--------------------------------------+--------------+--------+--------+--------------+----------------------------+
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | cached | 5.0 MB | deleted      | http://glance.example:9292 |
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | queued |        | deleted      | http://glance.example:9292 |
| c0ffee00-1234-4abc-8def-0123456789ab |              | cached | 5.0 MB | deleted      | http://glance.example:9292 |
| 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 | fedora-42    |        |        | not in cache | http://glance.example:9292 |
+--------------------------------------+--------------+--------+--------+--------------+----------------------------+
"""
JSON = """\
[
  {
    "ID": "9b73824a-c4e5-4822-be0d-10abcb0fe5df",
    "Name": "ubuntu-24.04",
    "State": "cached",
    "Size": 5000000,
    "Result": "deleted",
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "884d4cbe-a2b4-4c09-a3d0-8ab2734603cb",
    "Name": "debian-13",
    "State": "queued",
    "Size": null,
    "Result": "deleted",
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "c0ffee00-1234-4abc-8def-0123456789ab",
    "Name": null,
    "State": "cached",
    "Size": 5000000,
    "Result": "deleted",
    "Node": "http://glance.example:9292"
  },
  {
    "ID": "0f8f89be-fed2-44c4-91f8-b2a0c3b15f27",
    "Name": "fedora-42",
    "State": null,
    "Size": null,
    "Result": "not in cache",
    "Node": "http://glance.example:9292"
  }
]
"""
YAML = """\
- ID: 9b73824a-c4e5-4822-be0d-10abcb0fe5df
  Name: ubuntu-24.04
  Node: http://glance.example:9292
  Result: deleted
  Size: 5000000
  State: cached
- ID: 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb
  Name: debian-13
  Node: http://glance.example:9292
  Result: deleted
  Size: null
  State: queued
- ID: c0ffee00-1234-4abc-8def-0123456789ab
  Name: null
  Node: http://glance.example:9292
  Result: deleted
  Size: 5000000
  State: cached
- ID: 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27
  Name: fedora-42
  Node: http://glance.example:9292
  Result: not in cache
  Size: null
  State: null
"""
CSV = """\
"ID","Name","State","Size","Result","Node"
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04","cached",5000000,"deleted","http://glance.example:9292"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13","queued","","deleted","http://glance.example:9292"
"c0ffee00-1234-4abc-8def-0123456789ab","","cached",5000000,"deleted","http://glance.example:9292"
"0f8f89be-fed2-44c4-91f8-b2a0c3b15f27","fedora-42","","","not in cache","http://glance.example:9292"
"""
VALUE = """\
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 cached 5000000 deleted http://glance.example:9292
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 queued  deleted http://glance.example:9292
c0ffee00-1234-4abc-8def-0123456789ab  cached 5000000 deleted http://glance.example:9292
0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 fedora-42   not in cache http://glance.example:9292
"""


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
def test_drops_what_is_named(
    cloud: Cloud,
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    """Cached, queued, neither, and one that Glance no longer knows."""
    cloud.answers(
        'GET',
        CACHE,
        json=p.cache(
            p.cached(p.UBUNTU), p.cached(p.ORPHAN), queued=[p.DEBIAN]
        ),
    )
    cloud.answers('GET', f'{IMAGES}?id=in:{p.ORPHAN}', json=p.images())
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:ubuntu-24.04,debian-13,fedora-42,{p.ORPHAN}',
        json=p.images(
            p.image(p.UBUNTU, 'ubuntu-24.04'),
            p.image(p.DEBIAN, 'debian-13'),
            p.image(p.FEDORA, 'fedora-42'),
        ),
    )
    cloud.answers(
        'GET', f'{IMAGES}?name=in:{p.ORPHAN}&os_hidden=true', json=p.images()
    )
    for image_id in (p.UBUNTU, p.DEBIAN, p.ORPHAN):
        cloud.answers('DELETE', f'{CACHE}/{image_id}', status_code=204)

    result = openstack(
        *('image', 'cache', 'delete', '-f', name),
        *('ubuntu-24.04', 'debian-13', 'fedora-42', p.ORPHAN),
        terminal=terminal,
    )

    assert result == Result(0, expected, '')


UBUNTUS = p.images(
    p.image(p.UBUNTU, 'ubuntu-24.04'), p.image(p.DEBIAN, 'debian-13')
)


@pytest.fixture
def two_entries(cloud: Cloud) -> None:
    """Ubuntu is cached and never used, Debian is cached and used."""
    cloud.answers(
        'GET',
        CACHE,
        json=p.cache(p.cached(p.UBUNTU, hits=0), p.cached(p.DEBIAN)),
    )
    cloud.answers('GET', IMAGES, json=UBUNTUS)


def test_what_is_queued_alone_is_not_what_is_cached_as_well(
    cloud: Cloud, openstack: OpenStack
) -> None:
    both = p.cache(p.cached(p.UBUNTU), queued=[p.UBUNTU, p.DEBIAN])
    cloud.answers('GET', CACHE, json=both)
    cloud.answers(
        'GET',
        f'{IMAGES}?id=in:{p.DEBIAN}',
        json=p.images(p.image(p.DEBIAN, 'debian-13')),
    )
    cloud.answers('DELETE', f'{CACHE}/{p.DEBIAN}', status_code=204)

    result = openstack(
        *('image', 'cache', 'delete', '--queued', '--auto-approve'),
        *('-f', 'value', '-c', 'Name', '-c', 'State'),
    )

    assert result == Result(0, 'debian-13 queued\n', '')


@pytest.mark.parametrize('what', ['--unused', 'ubuntu*'])
def test_much_is_only_dropped_with_approval(
    cloud: Cloud, openstack: OpenStack, what: str
) -> None:
    result = openstack('image', 'cache', 'delete', what)

    assert result == Result(
        2,
        '',
        'Confirmation required. Use --auto-approve to proceed, or --dry-run '
        'to show the plan.\n',
    )
    assert not [one for one in cloud.requests if one.startswith('DELETE')]


def test_what_no_longer_matches_after_the_question_is_not_deleted(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Deleting an entry that was queued would delete its data."""
    now = time.time()
    old, orphan, debian = (
        p.cached(one, last_accessed=now - 8 * 86400)
        for one in (p.UBUNTU, p.ORPHAN, p.DEBIAN)
    )
    used = p.cached(p.UBUNTU, last_accessed=now - 6 * 86400)
    cloud.answers(
        'GET',
        CACHE,
        {'json': p.cache(old, orphan, debian)},
        {'json': p.cache(used, orphan, debian)},
    )
    for one in (p.ORPHAN, p.DEBIAN):
        cloud.answers('DELETE', f'{CACHE}/{one}', status_code=204)

    result = openstack(
        *('image', 'cache', 'delete', '--older-than', '7d', '-f', 'value'),
        *('-c', 'ID', '-c', 'Result'),
        stdin='y\n',
        terminal=True,
    )

    assert result.code == 1
    assert sorted(result.out.splitlines()) == sorted(
        [f'{p.ORPHAN} deleted', f'{p.DEBIAN} deleted']
    )
    assert result.err.endswith(
        f'Cannot delete image {p.UBUNTU} from the cache of {p.GLANCE}: The '
        'entry has changed and does not match the filters. Run the command '
        'again.\n'
    )


@pytest.mark.parametrize(
    ('argv', 'stdin', 'terminal'),
    [([], 'y\n', True), (['--auto-approve'], '', False)],
)
def test_what_is_cached_meanwhile_is_no_longer_what_was_queued(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Callable[[str], None],
    argv: list[str],
    stdin: str,
    terminal: bool,
) -> None:
    """A silent node, or the question, delays the deletions of all nodes.

    A node that fails then is not changed. One list is enough for the entries
    of a node.
    """
    clouds_yaml(p.FLEET)
    queued = {'json': p.cache(queued=[p.DEBIAN, p.UBUNTU])}
    then = {'json': p.cache(p.cached(p.DEBIAN), queued=[p.UBUNTU])}
    cloud.answers('GET', CACHE, queued, {'status_code': 500})
    cloud.answers('GET', f'{p.EDGE}/v2/cache', queued, then)
    cloud.answers('DELETE', f'{p.EDGE}/v2/cache/{p.UBUNTU}', status_code=204)

    result = openstack(
        *('--os-cloud', 'far', 'image', 'cache', 'delete', '--queued'),
        *('--all-nodes', '-f', 'value', '-c', 'ID', '-c', 'Result', *argv),
        stdin=stdin,
        terminal=terminal,
    )

    assert (result.code, result.out) == (1, f'{p.UBUNTU} deleted\n')
    read = f'Cannot read the cache of edge-oslo ({p.GLANCE}): '
    assert result.err.count(read) == 1
    assert cloud.requests.count(f'GET {p.EDGE}/v2/cache') == 2
    assert cloud.requests.count(f'GET {CACHE}') == 2
    assert (
        f'Cannot delete image {p.DEBIAN} from the cache of edge-bergen '
        f'({p.EDGE}): The entry has changed'
    ) in result.err


def test_an_interrupt_while_an_entry_is_checked_deletes_nothing(
    cloud: Cloud, openstack: OpenStack
) -> None:
    held = p.cache(queued=[p.UBUNTU, p.DEBIAN])

    def interrupted(request: Any, context: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return held

    cloud.answers('GET', CACHE, {'json': held}, {'json': interrupted})

    result = openstack(
        *('image', 'cache', 'delete', '--queued', '--auto-approve'),
        *('-f', 'value', '-c', 'Result'),
    )

    assert (result.code, result.out) == (130, '')
    assert 'Interrupted. Operations not done: 2.\n' in result.err
    assert cloud.requests == [f'GET {CACHE}', f'GET {CACHE}']


@pytest.mark.parametrize('answer', ['\n', 'n\n', 'maybe\n', ''])
@pytest.mark.usefixtures('two_entries')
def test_any_answer_but_yes_changes_nothing(
    cloud: Cloud, openstack: OpenStack, answer: str
) -> None:
    result = openstack(
        *('image', 'cache', 'delete', '--unused'), stdin=answer, terminal=True
    )

    # Ctrl-D ends no line.
    end = '' if answer else '\n'
    assert result == Result(
        1,
        '',
        f'  ubuntu-24.04 ({p.UBUNTU})  5.0 MB  {p.GLANCE}\n'
        'About to delete 1 cached and 0 queued entries (5.0 MB). Continue? '
        f'[y/N] {end}Nothing was changed.\n',
    )
    assert not [one for one in cloud.requests if one.startswith('DELETE')]


@pytest.mark.parametrize(
    ('argv', 'stdin', 'terminal'),
    [
        (['--unused'], 'y\n', True),
        (['ubuntu*'], 'Yes\n', True),
        (['--unused', '--auto-approve'], '', False),
        (['u*', '--unused', '--auto-approve'], '', True),
    ],
)
@pytest.mark.usefixtures('two_entries')
def test_with_approval_what_is_meant_goes_and_nothing_else(
    cloud: Cloud,
    openstack: OpenStack,
    argv: list[str],
    stdin: str,
    terminal: bool,
) -> None:
    cloud.answers('DELETE', f'{CACHE}/{p.UBUNTU}', status_code=204)

    result = openstack(
        *('image', 'cache', 'delete', '-f', 'value'),
        *('-c', 'Name', '-c', 'Result', *argv),
        stdin=stdin,
        terminal=terminal,
    )

    assert (result.code, result.out) == (0, 'ubuntu-24.04 deleted\n')


@pytest.mark.usefixtures('two_entries')
def test_a_dry_run_sends_nothing(cloud: Cloud, openstack: OpenStack) -> None:
    result = openstack(
        *('image', 'cache', 'delete', '--unused', '--dry-run', '-f', 'value'),
        *('-c', 'Name', '-c', 'Action'),
    )

    assert result == Result(0, 'ubuntu-24.04 delete\n', '')
    assert not [one for one in cloud.requests if one.startswith('DELETE')]


def test_nothing_that_matches_is_not_asked_about(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """On a terminal; elsewhere approval is needed all the same."""
    cloud.answers('GET', CACHE, json=p.cache())

    result = openstack('image', 'cache', 'delete', '--unused', terminal=True)

    looked = 'No entries found. Nodes read: 1 of 1.\n'
    assert result == Result(0, '\n', looked)


def test_nothing_is_an_orphan_when_names_are_unknown(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers('GET', IMAGES, status_code=500, text='down')

    result = openstack(
        *('image', 'cache', 'delete', '--orphans', '--auto-approve')
    )

    assert result == Result(
        1,
        '',
        "Cannot look up images in the cloud's Glance: The server failed with "
        "HTTP 500. See 'openstack image list'.\n",
    )


def test_every_failure_is_told_and_the_rest_is_done(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers(
        'GET', CACHE, json=p.cache(p.cached(p.UBUNTU), p.cached(p.DEBIAN))
    )
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:twin,nosuch,ubuntu-24.04,debian-13',
        json=p.images(
            p.image(p.FEDORA, 'twin'),
            p.image(p.ORPHAN, 'twin'),
            p.image(p.UBUNTU, 'ubuntu-24.04'),
            p.image(p.DEBIAN, 'debian-13'),
        ),
    )
    cloud.answers(
        'GET', f'{IMAGES}?name=in:nosuch&os_hidden=true', json=p.images()
    )
    cloud.answers('DELETE', f'{CACHE}/{p.DEBIAN}', status_code=204)
    cloud.answers(
        'DELETE',
        f'{CACHE}/{p.UBUNTU}',
        status_code=403,
        text=p.fault('403 Forbidden', 'Not you.'),
        headers={'Content-Type': 'text/html; charset=UTF-8'},
    )

    result = openstack(
        *('image', 'cache', 'delete', '-f', 'value', '-c', 'Name'),
        *('twin', 'nosuch', 'ubuntu-24.04', 'debian-13'),
    )

    assert result == Result(
        1,
        'debian-13\n',
        f"Cannot delete 'twin': 2 images have the name 'twin': {p.FEDORA}, "
        f'{p.ORPHAN}. Specify the ID of one of them.\n'
        "Cannot delete 'nosuch': No image has the name or ID 'nosuch'. See "
        "'openstack image list'.\n"
        f'Cannot delete image ubuntu-24.04 ({p.UBUNTU}) from the cache of '
        f'{p.GLANCE}: Not you. Log in as an administrator, or permit '
        'cache_list, cache_image and cache_delete in the API policies of the '
        'node.\n',
    )


def test_one_that_vanished_meanwhile_is_gone(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.ORPHAN)))
    cloud.answers('GET', IMAGES, json=p.images())
    cloud.answers(
        'DELETE',
        f'{CACHE}/{p.ORPHAN}',
        status_code=404,
        text=p.fault('404 Not Found', f'Image {p.ORPHAN} not found.'),
        headers={'Content-Type': 'text/html; charset=UTF-8'},
    )

    result = openstack(
        *('image', 'cache', 'delete', p.ORPHAN, '-f', 'value', '-c', 'Result')
    )

    assert result == Result(0, 'deleted\n', '')


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (
            [],
            'No images or filters specified. Specify images or filters. To '
            "delete all entries, use 'openstack image cache clear'.\n",
        ),
        (
            ['x', '-c', 'Nmae'],
            'Unknown column: Nmae. Available: ID, Name, State, Size, Result, '
            'Node.\n',
        ),
    ],
)
def test_bad_input_is_told_in_a_line(
    cloud: Cloud, openstack: OpenStack, argv: list[str], message: str
) -> None:
    result = openstack('image', 'cache', 'delete', *argv)

    assert result == Result(2, '', message)
    assert cloud.requests == []


def test_only_nodes_that_hold_an_image_are_asked(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(p.FLEET)
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers(
        'GET', f'{p.EDGE}/v2/cache', json=p.cache(p.cached(p.DEBIAN))
    )
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:debian-13,ubuntu-24.04',
        json=UBUNTUS,
    )
    cloud.answers('DELETE', f'{p.EDGE}/v2/cache/{p.DEBIAN}', status_code=204)

    result = openstack(
        *('--os-cloud', 'far', 'image', 'cache', 'delete', '--all-nodes'),
        *('debian-13', 'ubuntu-24.04', '-f', 'value', '--auto-approve'),
        *('-c', 'Name', '-c', 'Result', '-c', 'Node'),
    )

    assert result == Result(
        0,
        'debian-13 deleted edge-bergen\nubuntu-24.04 not in cache edge-oslo\n',
        '',
    )


@pytest.fixture
def two_nodes(cloud: Cloud, clouds_yaml: Any) -> None:
    """Ubuntu is cached on both, Debian is asked for on one."""
    clouds_yaml(p.FLEET)
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.answers(
        'GET',
        f'{p.EDGE}/v2/cache',
        json=p.cache(p.cached(p.UBUNTU), queued=[p.DEBIAN]),
    )
    cloud.answers('GET', IMAGES, json=UBUNTUS)


FLEET_DELETE = (
    *('--os-cloud', 'far', 'image', 'cache', 'delete', '--all-nodes'),
    *('-f', 'value', '-c', 'Name', '-c', 'Node'),
)


def test_a_change_of_several_nodes_needs_approval(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(p.FLEET)

    result = openstack(*FLEET_DELETE, 'ubuntu-24.04')

    assert result == Result(
        2,
        '',
        'Confirmation required. Use --auto-approve to proceed, or --dry-run '
        'to show the plan.\n',
    )
    assert not [one for one in cloud.requests if one.startswith('DELETE')]


@pytest.mark.usefixtures('two_nodes')
def test_a_change_of_several_nodes_is_shown_before_the_question(
    cloud: Cloud, openstack: OpenStack
) -> None:
    result = openstack(
        *FLEET_DELETE, 'ubuntu-24.04', stdin='n\n', terminal=True
    )

    assert result == Result(
        1,
        '',
        f'  ubuntu-24.04 ({p.UBUNTU})  5.0 MB  edge-oslo\n'
        f'  ubuntu-24.04 ({p.UBUNTU})  5.0 MB  edge-bergen\n'
        'About to delete 2 cached and 0 queued entries (10.0 MB). Continue? '
        '[y/N] Nothing was changed.\n',
    )
    assert not [one for one in cloud.requests if one.startswith('DELETE')]


@pytest.mark.parametrize(
    ('argv', 'stdin', 'terminal'),
    [([], 'y\n', True), (['--auto-approve'], '', False)],
)
@pytest.mark.usefixtures('two_nodes')
def test_with_approval_several_nodes_are_changed(
    cloud: Cloud,
    openstack: OpenStack,
    argv: list[str],
    stdin: str,
    terminal: bool,
) -> None:
    for url in (CACHE, f'{p.EDGE}/v2/cache'):
        cloud.answers('DELETE', f'{url}/{p.UBUNTU}', status_code=204)

    result = openstack(
        *FLEET_DELETE, 'ubuntu-24.04', *argv, stdin=stdin, terminal=terminal
    )

    assert (result.code, result.out) == (
        0,
        'ubuntu-24.04 edge-oslo\nubuntu-24.04 edge-bergen\n',
    )


@pytest.mark.usefixtures('two_nodes')
def test_several_nodes_are_asked_for_although_one_would_be_changed(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """What the caches hold does not decide."""
    cloud.answers('DELETE', f'{p.EDGE}/v2/cache/{p.DEBIAN}', status_code=204)

    result = openstack(*FLEET_DELETE, 'debian-13', stdin='y\n', terminal=True)

    assert (result.code, result.out) == (0, 'debian-13 edge-bergen\n')
    assert result.err == (
        f'  debian-13 ({p.DEBIAN})  0 B  edge-bergen\n'
        'About to delete 0 cached and 1 queued entries (0 B). Continue? '
        '[y/N] '
    )


def test_a_name_that_is_the_glob_itself_wins(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Nothing else is dropped; but it is a glob, and wants approval."""
    held = p.cache(p.cached(p.UBUNTU), p.cached(p.DEBIAN))
    cloud.answers('GET', CACHE, json=held)
    cloud.answers(
        'GET',
        IMAGES,
        json=p.images(p.image(p.UBUNTU, 'app[1]'), p.image(p.DEBIAN, 'app1')),
    )
    cloud.answers('GET', f'{IMAGES}?os_hidden=true', json=p.images())
    cloud.answers('DELETE', f'{CACHE}/{p.UBUNTU}', status_code=204)

    command = (
        *('image', 'cache', 'delete', 'app[1]', '-f', 'value'),
        *('-c', 'Name', '-c', 'Result'),
    )
    refused = openstack(*command)
    result = openstack(*command, '--auto-approve')

    assert refused == Result(
        2,
        '',
        'Confirmation required. Use --auto-approve to proceed, or --dry-run '
        'to show the plan.\n',
    )
    assert result == Result(0, 'app[1] deleted\n', '')


def answer_name_like_an_id(cloud: Cloud) -> None:
    """Let an image have the ID of another for a name."""
    cloud.answers('GET', f'{IMAGES}?id=in:{p.ORPHAN}', json=p.images())
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:{p.ORPHAN}',
        json=p.images(p.image(p.UBUNTU, p.ORPHAN)),
    )


def test_an_id_that_is_there_is_no_name(
    cloud: Cloud, openstack: OpenStack
) -> None:
    held = p.cache(p.cached(p.ORPHAN), p.cached(p.UBUNTU))
    cloud.answers('GET', CACHE, json=held)
    answer_name_like_an_id(cloud)
    cloud.answers('DELETE', f'{CACHE}/{p.ORPHAN}', status_code=204)

    result = openstack(
        *('image', 'cache', 'delete', p.ORPHAN, '-f', 'value'),
        *('-c', 'ID', '-c', 'Name', '-c', 'Result'),
    )

    assert result == Result(0, f'{p.ORPHAN}  deleted\n', '')


def test_an_id_whose_entry_is_filtered_out_is_no_name(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers(
        'GET', CACHE, json=p.cache(p.cached(p.ORPHAN), queued=[p.UBUNTU])
    )
    answer_name_like_an_id(cloud)

    result = openstack(
        *('image', 'cache', 'delete', p.ORPHAN, '--queued'),
        *('--auto-approve', '-f', 'value'),
    )

    assert result == Result(0, '', '')


def test_an_id_without_an_image_or_entry_may_be_a_name(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    answer_name_like_an_id(cloud)
    cloud.answers('DELETE', f'{CACHE}/{p.UBUNTU}', status_code=204)

    result = openstack(
        *('image', 'cache', 'delete', p.ORPHAN, '-f', 'value'),
        *('-c', 'ID', '-c', 'Name', '-c', 'Result'),
    )

    assert result == Result(0, f'{p.UBUNTU} {p.ORPHAN} deleted\n', '')


@pytest.mark.parametrize(
    ('named', 'deleted'),
    [
        ([], 'strange  deleted\n'),
        (
            [p.image(p.UBUNTU, 'strange')],
            f'{p.UBUNTU} strange deleted\n',
        ),
    ],
)
def test_an_id_that_is_no_uuid_is_an_entry_unless_an_image_has_that_name(
    cloud: Cloud, openstack: OpenStack, named: list[Any], deleted: str
) -> None:
    """A node may list anything."""
    held = p.cache(p.cached('strange'), p.cached(p.UBUNTU))
    cloud.answers('GET', CACHE, json=held)
    cloud.answers('GET', f'{IMAGES}?name=in:strange', json=p.images(*named))
    entry = deleted.partition(' ')[0]
    cloud.answers('DELETE', f'{CACHE}/{entry}', status_code=204)

    result = openstack(
        *('image', 'cache', 'delete', 'strange', '-f', 'value'),
        *('-c', 'ID', '-c', 'Name', '-c', 'Result'),
    )

    assert result == Result(0, deleted, '')


def test_entries_that_were_not_used_for_a_week(
    cloud: Cloud, openstack: OpenStack
) -> None:
    now = time.time()
    held = [
        p.cached(p.UBUNTU, last_accessed=now - 8 * 86400),
        p.cached(p.DEBIAN, last_accessed=now - 6 * 86400),
    ]
    cloud.answers('GET', CACHE, json=p.cache(*held))
    cloud.answers('DELETE', f'{CACHE}/{p.UBUNTU}', status_code=204)

    result = openstack(
        *('image', 'cache', 'delete', '--older-than', '7d'),
        *('--auto-approve', '-f', 'value', '-c', 'ID', '-c', 'Result'),
    )

    assert result == Result(0, f'{p.UBUNTU} deleted\n', '')


@pytest.mark.parametrize(
    ('duration', 'warning'),
    [
        ('15h', ''),
        (
            '899m',
            '--older-than is less than 15 hours: a node with a time zone east '
            'of UTC may report times that are too early.\n',
        ),
    ],
)
def test_a_short_time_may_be_less_than_the_offset_of_a_time_zone(
    cloud: Cloud, openstack: OpenStack, duration: str, warning: str
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))

    result = openstack(
        *('image', 'cache', 'delete', '--older-than', duration, '--dry-run'),
        *('-f', 'value', '-c', 'Action'),
    )

    assert result == Result(0, 'delete\n', warning)


def test_no_warning_about_times_without_a_deletion(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache())

    result = openstack(
        *('image', 'cache', 'delete', '--older-than', '1h'),
        *('--auto-approve', '-f', 'value'),
    )

    assert result == Result(0, '', '')


def test_both_are_dropped_if_both_are_named(
    cloud: Cloud, openstack: OpenStack
) -> None:
    held = p.cache(p.cached(p.ORPHAN), p.cached(p.UBUNTU))
    cloud.answers('GET', CACHE, json=held)
    cloud.answers('GET', IMAGES, json=p.images(p.image(p.UBUNTU, p.ORPHAN)))
    cloud.answers('DELETE', f'{CACHE}/{p.ORPHAN}', status_code=204)
    cloud.answers('DELETE', f'{CACHE}/{p.UBUNTU}', status_code=204)

    result = openstack(
        *('image', 'cache', 'delete', p.ORPHAN, p.UBUNTU, '-f', 'value'),
        *('-c', 'ID', '-c', 'Result'),
    )

    assert result == Result(0, f'{p.ORPHAN} deleted\n{p.UBUNTU} deleted\n', '')


@pytest.mark.parametrize('how', [[], ['--auto-approve'], ['--dry-run']])
@pytest.mark.parametrize('words', [[], ['ubuntu*'], [p.UBUNTU]])
def test_orphans_are_for_those_who_see_all_images(
    cloud: Cloud, openstack: OpenStack, how: list[str], words: list[str]
) -> None:
    """To others, images that they may not see look like orphans."""
    member = copy.deepcopy(p.TOKEN)
    member['token']['roles'] = [{'id': 'a', 'name': 'member'}]
    cloud.answers(
        'POST',
        f'{p.KEYSTONE}/auth/tokens',
        json=member,
        headers={'X-Subject-Token': 'gAAAAA-the-token'},
        status_code=201,
    )

    result = openstack('image', 'cache', 'delete', '--orphans', *words, *how)

    assert result == Result(
        2,
        '',
        "--orphans requires a login with the role 'admin': images that this "
        'login cannot see look like orphans. Log in as an administrator, or '
        'specify IDs.\n',
    )
    assert cloud.requests == []


def test_what_can_not_be_an_id_is_no_orphan(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Glance can't be asked about it; what it does not know is one."""
    cloud.answers(
        'GET',
        CACHE,
        json=p.cache(
            *map(p.cached, ('../images', 'x' * 37, 'ü', 'a,b')),
            queued=[p.ORPHAN, 'b' * 37],
        ),
    )
    cloud.answers('GET', f'{IMAGES}?id=in:{p.ORPHAN}', json=p.images())
    cloud.answers('DELETE', f'{CACHE}/{p.ORPHAN}', status_code=204)

    result = openstack(
        *('image', 'cache', 'delete', '--orphans', '--auto-approve'),
        *('-f', 'value', '-c', 'ID', '-c', 'Result'),
    )

    assert result == Result(0, f'{p.ORPHAN} deleted\n', '')


def test_rows_come_by_node_and_in_the_order_of_the_words(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    """What no node has comes last, with the first node."""
    clouds_yaml(p.FLEET)
    names = ['fedora-42', 'debian-13', 'ubuntu-24.04', 'nowhere']
    ids = [p.FEDORA, p.DEBIAN, p.UBUNTU, p.ORPHAN]
    far = f'{p.EDGE}/v2/cache'
    cloud.answers('GET', CACHE, json=p.cache(queued=[p.UBUNTU, p.DEBIAN]))
    cloud.answers('GET', far, json=p.cache(queued=[p.DEBIAN, p.FEDORA]))
    cloud.answers('GET', IMAGES, json=p.images(*map(p.image, ids, names)))
    for url in (
        f'{CACHE}/{p.UBUNTU}',
        f'{CACHE}/{p.DEBIAN}',
        f'{far}/{p.DEBIAN}',
        f'{far}/{p.FEDORA}',
    ):
        cloud.answers('DELETE', url, status_code=204)

    result = openstack(
        *('--os-cloud', 'far', 'image', 'cache', 'delete', '--all-nodes'),
        *(*names, '--auto-approve', '-f', 'value'),
        *('-c', 'Name', '-c', 'Result', '-c', 'Node'),
    )

    assert result == Result(
        0,
        'debian-13 deleted edge-oslo\n'
        'ubuntu-24.04 deleted edge-oslo\n'
        'fedora-42 deleted edge-bergen\n'
        'debian-13 deleted edge-bergen\n'
        'nowhere not in cache edge-oslo\n',
        '',
    )


def test_a_glob_means_hidden_images_as_well(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """And no image that no node has: that is not told."""
    cloud.answers('GET', CACHE, json=p.cache(queued=[p.UBUNTU, p.DEBIAN]))
    cloud.answers(
        'GET',
        IMAGES,
        json=p.images(
            p.image(p.DEBIAN, 'debian-13'), p.image(p.FEDORA, 'ubuntu-26.04')
        ),
    )
    cloud.answers(
        'GET',
        f'{IMAGES}?os_hidden=true',
        json=p.images(p.image(p.UBUNTU, 'ubuntu-20.04')),
    )
    cloud.answers('DELETE', f'{CACHE}/{p.UBUNTU}', status_code=204)

    result = openstack(
        *('image', 'cache', 'delete', 'ubuntu*', '--auto-approve'),
        *('-f', 'value', '-c', 'Name', '-c', 'Result'),
    )

    assert result == Result(0, 'ubuntu-20.04 deleted\n', '')
    assert sorted(cloud.requests) == [
        f'DELETE {CACHE}/{p.UBUNTU}',
        f'GET {CACHE}',
        f'GET {IMAGES}?limit=1000',
        f'GET {IMAGES}?os_hidden=true&limit=1000',
    ]


def test_an_id_of_any_form_stays_one_part_of_the_path(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """It is quoted once; a node may list anything."""
    strange = 'a%2Fb c/ü?x#y'
    cloud.answers('GET', CACHE, json=p.cache(queued=[strange, '..']))
    quoted = f'{CACHE}/a%252Fb%20c%2F%C3%BC%3Fx%23y'
    cloud.answers('DELETE', quoted, status_code=204)

    result = openstack(
        *('image', 'cache', 'delete', '--queued', '--auto-approve'),
        *('-f', 'value', '-c', 'ID', '-c', 'Result'),
    )

    assert result == Result(
        1,
        f'{strange} deleted\n',
        f"Cannot delete image .. from the cache of {p.GLANCE}: '..' is not an "
        'image ID.\n',
    )
    assert cloud.requests == [
        *(f'GET {CACHE}', f'GET {CACHE}'),
        f'DELETE {quoted}',
    ]


@pytest.mark.parametrize(
    ('words', 'deleted'),
    [
        (['*'], ''),
        (['ubuntu-24.04'], ''),
        ([p.UBUNTU], ''),
        ([p.ORPHAN], f'{p.ORPHAN} deleted\n'),
        ([p.ORPHAN, 'ubuntu-24.04', '*'], f'{p.ORPHAN} deleted\n'),
        ([], f'{p.ORPHAN} deleted\n'),
    ],
)
def test_an_image_that_glance_knows_is_no_orphan_however_it_is_named(
    cloud: Cloud, openstack: OpenStack, words: list[str], deleted: str
) -> None:
    cloud.answers(
        'GET', CACHE, json=p.cache(p.cached(p.UBUNTU), p.cached(p.ORPHAN))
    )

    def listed(request: Any, _context: Any) -> Any:
        hidden = 'os_hidden' in request.query
        ubuntu = p.image(p.UBUNTU, 'ubuntu-24.04')
        return p.images(*([] if hidden else [ubuntu]))

    cloud.adapter.register_uri('GET', IMAGES, json=listed)
    if deleted:
        cloud.answers('DELETE', f'{CACHE}/{p.ORPHAN}', status_code=204)

    result = openstack(
        *('image', 'cache', 'delete', *words, '--orphans', '--auto-approve'),
        *('-f', 'value', '-c', 'ID', '-c', 'Result'),
    )

    assert result == Result(0, deleted, '')


@pytest.mark.parametrize('filters', [(), ('--cached',)])
def test_an_id_that_nobody_knows_is_not_in_the_cache(
    cloud: Cloud, openstack: OpenStack, filters: tuple[str, ...]
) -> None:
    """An orphan can be deleted twice."""
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.adapter.register_uri('GET', IMAGES, json=p.images())

    result = openstack(
        *('image', 'cache', 'delete', p.ORPHAN, '--auto-approve', *filters),
        *('-f', 'value', '-c', 'ID', '-c', 'Result', '-c', 'Node'),
    )

    row = f'{p.ORPHAN} not in cache {p.GLANCE}\n'
    assert result == Result(0, '' if filters else row, '')


def test_an_id_in_other_letters_is_not_what_is_not_in_the_cache(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """The entry is there: the word is wrong."""
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.adapter.register_uri('GET', IMAGES, json=p.images())

    result = openstack('image', 'cache', 'delete', p.UBUNTU.upper())

    assert (result.code, result.out.strip()) == (1, '')
    assert result.err.startswith(f"Cannot delete '{p.UBUNTU.upper()}': ")


def test_an_ambiguous_name_that_looks_like_a_glob_is_reported(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    twins = [p.image(one, 'win[2022]') for one in (p.UBUNTU, p.DEBIAN)]
    known = p.images(*twins, p.image(p.FEDORA, 'win2'))
    cloud.adapter.register_uri(
        'GET', re.compile(re.escape(IMAGES)), json=known
    )

    result = openstack(
        *('image', 'cache', 'delete', 'win[2022]', '--auto-approve'),
        *('-f', 'value'),
    )

    assert (result.code, result.out) == (1, '')
    assert "Cannot delete 'win[2022]': " in result.err
    assert " images have the name 'win[2022]': " in result.err
    assert not any('DELETE' in one for one in cloud.requests)
