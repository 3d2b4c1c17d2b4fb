# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache queue`: argv in, output out."""

import json
import re
from typing import Any

import pytest

from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

CACHE = f'{p.GLANCE}/v2/cache'
IMAGES = f'{p.GLANCE}/v2/images'
UNKNOWN = 'deadbeef-0000-4000-8000-000000000000'

TABLE = """\
+--------------------------------------+--------------+----------------+----------------------------+
| ID                                   | Name         | Result         | Node                       |
+--------------------------------------+--------------+----------------+----------------------------+
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df | ubuntu-24.04 | already cached | http://glance.example:9292 |
| 884d4cbe-a2b4-4c09-a3d0-8ab2734603cb | debian-13    | already queued | http://glance.example:9292 |
| 0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 | fedora-42    | queued         | http://glance.example:9292 |
+--------------------------------------+--------------+----------------+----------------------------+
"""
JSON = """\
[
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
"9b73824a-c4e5-4822-be0d-10abcb0fe5df","ubuntu-24.04","already cached","http://glance.example:9292"
"884d4cbe-a2b4-4c09-a3d0-8ab2734603cb","debian-13","already queued","http://glance.example:9292"
"0f8f89be-fed2-44c4-91f8-b2a0c3b15f27","fedora-42","queued","http://glance.example:9292"
"""
VALUE = """\
9b73824a-c4e5-4822-be0d-10abcb0fe5df ubuntu-24.04 already cached http://glance.example:9292
884d4cbe-a2b4-4c09-a3d0-8ab2734603cb debian-13 already queued http://glance.example:9292
0f8f89be-fed2-44c4-91f8-b2a0c3b15f27 fedora-42 queued http://glance.example:9292
"""
DRY_RUN = f"""\
{p.DEBIAN} wait
{p.FEDORA} queue
"""
THREE = ('ubuntu-24.04', 'debian-13', 'fedora-42')


@pytest.fixture
def three_images(cloud: Cloud) -> None:
    """Ubuntu is cached, Debian is queued, Fedora is neither."""
    cloud.answers(
        'GET', CACHE, json=p.cache(p.cached(p.UBUNTU), queued=[p.DEBIAN])
    )
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:{",".join(THREE)}',
        json=p.images(
            p.image(p.FEDORA, 'fedora-42'),
            p.image(p.DEBIAN, 'debian-13'),
            p.image(p.UBUNTU, 'ubuntu-24.04'),
        ),
    )


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
@pytest.mark.usefixtures('three_images')
def test_asks_for_what_is_not_there(
    cloud: Cloud,
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    cloud.answers('PUT', f'{CACHE}/{p.FEDORA}', status_code=202)

    result = openstack(
        *('image', 'cache', 'queue', '-f', name, *THREE), terminal=terminal
    )

    downloads = 'Downloads: 1 (5.0 MB); nodes: 1; sites: 1.\n'
    assert result == Result(0, expected, downloads if terminal else '')
    # The first two go out together.
    assert sorted(cloud.requests) == [
        f'GET {CACHE}',
        f'GET {IMAGES}?name=in%3Aubuntu-24.04%2Cdebian-13%2Cfedora-42'
        '&limit=1000',
        f'PUT {CACHE}/{p.FEDORA}',
    ]


@pytest.mark.usefixtures('three_images')
def test_force_asks_again(cloud: Cloud, openstack: OpenStack) -> None:
    for image_id in (p.UBUNTU, p.DEBIAN, p.FEDORA):
        cloud.answers('PUT', f'{CACHE}/{image_id}', status_code=202)

    result = openstack(
        *('image', 'cache', 'queue', '--force', *THREE),
        *('-f', 'value', '-c', 'Result'),
    )

    assert result == Result(0, 'queued\nqueued\nqueued\n', '')


@pytest.mark.usefixtures('three_images')
def test_a_dry_run_sends_nothing(cloud: Cloud, openstack: OpenStack) -> None:
    result = openstack(
        *('image', 'cache', 'queue', '--dry-run', *THREE),
        *('-f', 'value', '-c', 'ID', '-c', 'Action'),
    )

    assert result == Result(
        0, DRY_RUN, 'Downloads: 1 (5.0 MB); nodes: 1; sites: 1.\n'
    )
    assert not [one for one in cloud.requests if one.startswith('PUT')]


@pytest.mark.usefixtures('three_images')
def test_a_long_plan_has_what_is_there_too(openstack: OpenStack) -> None:
    result = openstack(
        *('image', 'cache', 'queue', '--dry-run', '--long', *THREE),
        *('-f', 'value', '-c', 'ID', '-c', 'Size', '-c', 'Action'),
    )

    assert result.out == (
        f'{p.UBUNTU} 5000000 none\n'
        f'{p.DEBIAN} 5000000 wait\n'
        f'{p.FEDORA} 5000000 queue\n'
    )


def test_a_file_names_images(
    cloud: Cloud, openstack: OpenStack, tmp_path: Any
) -> None:
    (tmp_path / 'images.txt').write_text(
        f'\ufeff# the golden ones\n\n  {p.UBUNTU}  \r\ndebian-13\n{p.UBUNTU}\n'
    )
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers(
        'GET',
        f'{IMAGES}?id=in:{p.UBUNTU}',
        json=p.images(p.image(p.UBUNTU, 'ubuntu-24.04')),
    )
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:debian-13',
        json=p.images(p.image(p.DEBIAN, 'debian-13')),
    )

    result = openstack(
        *('image', 'cache', 'queue', '--from-file', 'images.txt'),
        *('--dry-run', '-f', 'value', '-c', 'Name', '-c', 'Action'),
    )

    assert result == Result(
        0,
        'ubuntu-24.04 queue\ndebian-13 queue\n',
        'Downloads: 2 (10.0 MB); nodes: 1; sites: 1.\n',
    )


def test_standard_input_names_images(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:debian-13',
        json=p.images(p.image(p.DEBIAN, 'debian-13')),
    )

    result = openstack(
        *('image', 'cache', 'queue', '--from-file', '-', '--dry-run'),
        *('-f', 'value', '-c', 'Name'),
        stdin='debian-13\n',
    )

    assert result == Result(
        0, 'debian-13\n', 'Downloads: 1 (5.0 MB); nodes: 1; sites: 1.\n'
    )


def test_tags_and_properties_name_images(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Glance is asked once; what lacks a property or tag is not used."""
    tags = ['edge', 'golden', 'new']
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers(
        'GET',
        f'{IMAGES}?tag=golden&tag=edge&os_distro=ubuntu&disk_format=eq:raw',
        json=p.images(
            p.image(p.UBUNTU, 'ubuntu-24.04', os_distro='ubuntu', tags=tags),
            p.image(p.DEBIAN, 'debian-13', os_distro='debian', tags=tags),
            p.image(p.FEDORA, 'fedora', os_distro='ubuntu', tags=['golden']),
        ),
    )

    result = openstack(
        *('image', 'cache', 'queue', '--tag', 'golden', '--tag', 'edge'),
        *('--property', 'os_distro=ubuntu', '--property', 'disk_format=raw'),
        *('--dry-run', '-f', 'value', '-c', 'Name'),
    )

    assert result == Result(
        0, 'ubuntu-24.04\n', 'Downloads: 1 (5.0 MB); nodes: 1; sites: 1.\n'
    )


def test_names_and_tags_name_images_together(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:debian-13',
        json=p.images(p.image(p.DEBIAN, 'debian-13')),
    )
    cloud.answers(
        'GET',
        f'{IMAGES}?tag=golden',
        json=p.images(p.image(p.UBUNTU, 'ubuntu-24.04', tags=['golden'])),
    )

    result = openstack(
        *('image', 'cache', 'queue', 'debian-13', '--tag', 'golden'),
        *('--dry-run', '-f', 'value', '-c', 'Name'),
    )

    assert (result.code, result.out) == (0, 'debian-13\nubuntu-24.04\n')


def test_no_image_has_the_tag(cloud: Cloud, openstack: OpenStack) -> None:
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers('GET', f'{IMAGES}?tag=gloden', json=p.images())

    result = openstack('image', 'cache', 'queue', '--tag', 'gloden')

    assert result == Result(
        1,
        '\n',
        'Cannot find images by tag or property: No image has all of these '
        "tags and properties: gloden. See 'openstack image list --tag "
        "gloden'.\n",
    )


def test_a_glob_names_images_on_every_page(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers(
        'GET',
        f'{IMAGES}?limit=1000',
        json={
            **p.images(p.image(p.UBUNTU, 'ubuntu-24.04')),
            'next': '/v2/images?limit=1000&marker=…',
        },
    )
    cloud.answers(
        'GET',
        f'{IMAGES}?marker={p.UBUNTU}',
        json=p.images(
            p.image(p.DEBIAN, 'debian-13'),
            p.image(p.FEDORA, 'ubuntu-25.10'),
        ),
    )

    result = openstack(
        *('image', 'cache', 'queue', 'ubuntu-*', '--dry-run'),
        *('-f', 'value', '-c', 'Name'),
    )

    assert result == Result(
        0,
        'ubuntu-24.04\nubuntu-25.10\n',
        'Downloads: 2 (10.0 MB); nodes: 1; sites: 1.\n',
    )


def test_every_failure_is_told_and_the_rest_is_done(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Two of a name, one unknown, two changed meanwhile."""
    cloud.answers('GET', CACHE, json=p.cache())
    cloud.answers('GET', f'{IMAGES}?id=in:{UNKNOWN}', {'json': p.images()})
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:{UNKNOWN},twin,new,gone,debian-13',
        json=p.images(
            p.image(p.UBUNTU, 'twin'),
            p.image(p.ORPHAN, 'twin'),
            p.image(p.FEDORA, 'new'),
            p.image('11111111-2222-4333-8444-555555555555', 'gone'),
            p.image(p.DEBIAN, 'debian-13'),
        ),
    )
    cloud.answers(
        'GET', f'{IMAGES}?name=in:{UNKNOWN}&os_hidden=true', json=p.images()
    )
    cloud.answers(
        'PUT',
        f'{CACHE}/{p.FEDORA}',
        status_code=400,
        text=p.fault(
            '400 Bad Request',
            'Only images with status active can be targeted for queueing',
        ),
        headers={'Content-Type': 'text/html; charset=UTF-8'},
    )
    cloud.answers(
        'PUT',
        f'{CACHE}/11111111-2222-4333-8444-555555555555',
        status_code=404,
        text=p.fault(
            '404 Not Found',
            'Image 11111111-2222-4333-8444-555555555555 not found.',
        ),
        headers={'Content-Type': 'text/html; charset=UTF-8'},
    )
    cloud.answers('PUT', f'{CACHE}/{p.DEBIAN}', status_code=202)

    result = openstack(
        *('image', 'cache', 'queue', '-f', 'value', '-c', 'Name'),
        *(UNKNOWN, 'twin', 'new', 'gone', 'debian-13'),
    )

    assert result == Result(
        1,
        'debian-13\n',
        f"Cannot find '{UNKNOWN}': No image has the name or ID '{UNKNOWN}'. "
        "See 'openstack image list'.\n"
        f"Cannot find 'twin': 2 images have the name 'twin': {p.UBUNTU}, "
        f'{p.ORPHAN}. Specify the ID of one of them.\n'
        f'Cannot queue image new ({p.FEDORA}) on {p.GLANCE}: Only images with '
        'status active can be targeted for queueing. Wait until the image is '
        'active, or reactivate it.\n'
        'Cannot queue image gone (11111111-2222-4333-8444-555555555555) on '
        f'{p.GLANCE}: Image 11111111-2222-4333-8444-555555555555 not found.\n',
    )


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (
            [],
            'No images specified. Specify images by ID, name, --tag, '
            '--property or --from-file.\n',
        ),
        (
            ['--from-file', 'nosuch'],
            "Cannot read 'nosuch': No such file or directory.\n",
        ),
        (
            ['--from-file', 'binary'],
            "Cannot read 'binary': not UTF-8 text.\n",
        ),
        (
            ['--property', 'limit=5'],
            "'limit' is not an image property. Specify images by ID, name, "
            '--tag or --property.\n',
        ),
    ],
)
def test_bad_input_is_told_in_a_line(
    cloud: Cloud,
    openstack: OpenStack,
    tmp_path: Any,
    argv: list[str],
    message: str,
) -> None:
    (tmp_path / 'binary').write_bytes(b'\xff\xfe\x00')

    result = openstack('image', 'cache', 'queue', *argv)

    assert result == Result(2, '', message)
    assert cloud.requests == []


def test_several_nodes_are_only_changed_when_asked_for(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(p.FLEET)

    result = openstack(
        '--os-cloud', 'far', 'image', 'cache', 'queue', 'debian-13'
    )

    assert result == Result(
        2,
        '',
        '2 nodes are configured: this command requires --node, --site or '
        '--all-nodes.\n',
    )
    assert cloud.requests == []


def test_all_nodes_are_asked_for_what_they_lack(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    clouds_yaml(p.FLEET)
    cloud.answers('GET', CACHE, json=p.cache(queued=[p.DEBIAN]))
    cloud.answers('GET', f'{p.EDGE}/v2/cache', json=p.cache())
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:debian-13',
        json=p.images(p.image(p.DEBIAN, 'debian-13')),
    )
    cloud.answers('PUT', f'{p.EDGE}/v2/cache/{p.DEBIAN}', status_code=202)

    result = openstack(
        *('--os-cloud', 'far', 'image', 'cache', 'queue', 'debian-13'),
        *('--all-nodes', '-f', 'value', '-c', 'Result', '-c', 'Node'),
    )

    assert result == Result(
        0, 'already queued edge-oslo\nqueued edge-bergen\n', ''
    )


def test_a_property_can_not_have_two_values(
    cloud: Cloud, openstack: OpenStack
) -> None:
    result = openstack(
        *('image', 'cache', 'queue', '--property', 'os_distro=ubuntu'),
        *('--property', 'os_distro=debian'),
    )

    assert result == Result(
        2,
        '',
        (
            "An image has only one value of 'os_distro'. Specify each "
            'property once.\n'
        ),
    )


def test_long_requires_a_plan(cloud: Cloud, openstack: OpenStack) -> None:
    result = openstack('image', 'cache', 'queue', 'a', '--long')

    assert result == Result(2, '', '--long requires --dry-run.\n')


@pytest.mark.parametrize('command', ['queue', 'sync'])
def test_a_summary_does_not_count_what_an_unknown_name_may_mean(
    cloud: Cloud, openstack: OpenStack, command: str
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    cloud.adapter.register_uri(
        'GET',
        re.compile(re.escape(IMAGES)),
        json=p.images(p.image(p.UBUNTU, 'ubuntu-24.04')),
    )

    result = openstack(
        *('image', 'cache', command, 'ubuntu-24.04', 'nosuch', '--summary'),
        *('--node', p.GLANCE, '-f', 'json', '-c', 'Failed'),
    )

    assert (result.code, json.loads(result.out)) == (1, [{'Failed': None}])
    assert "'nosuch'" in result.err
