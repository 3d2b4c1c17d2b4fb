# SPDX-License-Identifier: Apache-2.0

"""Nodes of other releases, and nodes behind proxies: argv in, output out.

The answers are those of Glance 23.1.0 (Xena), 24.0.0 (Yoga) and 33.0.0.
"""

from typing import Any

import pytest

from tests.cli import fleets
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

CACHE = f'{p.GLANCE}/v2/cache'
CACHED = f'{p.GLANCE}/v2/cached_images'
QUEUED = f'{p.GLANCE}/v2/queued_images'
VERSIONS = f'{p.GLANCE}/versions'
IMAGES = f'{p.GLANCE}/v2/images'
NO_ROUTE = {
    'status_code': 404,
    'text': p.fault('404 Not Found', 'The resource could not be found.'),
    'headers': fleets.HTML,
}
#: What Glance answers with the status 200 where it has nothing to say.
NULL = {'text': 'null', 'headers': {'Content-Type': 'application/json'}}
XENA = ('2.12', '2.11', '2.10', '2.9', '2.0')
SETTING = (
    "Set 'image_cache_dir' and 'flavor = keystone+cachemanagement' in that "
    "node's glance-api.conf and restart it, or upgrade it."
)


@pytest.fixture
def xena(cloud: Cloud) -> None:
    """A node with Ubuntu cached and Debian queued, and no Cache API."""
    cloud.answers('GET', CACHE, **NO_ROUTE)
    cloud.answers('GET', VERSIONS, **fleets.versions(p.GLANCE, *XENA))
    cloud.answers('GET', QUEUED, json={'queued_images': [p.DEBIAN]})
    cloud.answers(
        'GET',
        CACHED,
        json={
            'cached_images': [
                {
                    'image_id': p.UBUNTU,
                    'hits': 1,
                    'last_accessed': 1795232817.616341,
                    'last_modified': 1795146417.44122,
                    'size': 1000,
                }
            ]
        },
    )


def names(cloud: Cloud, image_id: str, name: str, **more: Any) -> None:
    """An image that is looked for by its ID."""
    cloud.answers(
        'GET',
        f'{IMAGES}?id=in:{image_id}',
        json=p.images(p.image(image_id, name, **more)),
    )


@pytest.mark.usefixtures('xena')
def test_only_the_queue_of_an_old_node_is_changed(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """The image may be cached just before the request."""
    names(cloud, p.DEBIAN, 'debian-13')
    cloud.answers('DELETE', f'{QUEUED}/{p.DEBIAN}', **NULL)

    result = openstack(
        *('image', 'cache', 'delete', '--queued', '--auto-approve'),
        *('-f', 'value', '-c', 'Name', '-c', 'Result'),
    )

    assert result == Result(0, 'debian-13 deleted\n', '')
    deletions = [one for one in cloud.requests if one.startswith('DELETE')]
    assert deletions == [f'DELETE {QUEUED}/{p.DEBIAN}']


@pytest.mark.usefixtures('xena')
def test_an_old_node_is_listed(cloud: Cloud, openstack: OpenStack) -> None:
    result = openstack(
        *('image', 'cache', 'list', '-f', 'csv', '--quote', 'none'),
        *('-c', 'ID', '-c', 'State', '-c', 'Last Accessed (UTC)'),
        *('-c', 'Size', '-c', 'Hits'),
    )

    assert result == Result(
        0,
        'ID,State,Last Accessed (UTC),Size,Hits\n'
        f'{p.UBUNTU},cached,2026-11-21T03:46:57Z,1000,1\n'
        f'{p.DEBIAN},queued,,,\n',
        '',
    )
    assert cloud.requests == [
        f'GET {CACHE}',
        f'GET {VERSIONS}',
        f'GET {QUEUED}',
        f'GET {CACHED}',
    ]


def queue_fedora(cloud: Cloud, **answer: Any) -> None:
    """Glance has fedora-42; the node has this answer to its queue request."""
    names(cloud, p.FEDORA, 'fedora-42')
    cloud.answers(
        'GET', f'{IMAGES}/{p.FEDORA}', json=p.image(p.FEDORA, 'fedora-42')
    )
    cloud.answers('PUT', f'{QUEUED}/{p.FEDORA}', **answer)


@pytest.mark.usefixtures('xena')
def test_what_is_queued_on_an_old_node_waits_for_a_program(
    cloud: Cloud, openstack: OpenStack
) -> None:
    queue_fedora(cloud, **NULL)

    result = openstack(
        *('image', 'cache', 'queue', p.FEDORA),
        *('-f', 'value', '-c', 'Name', '-c', 'Result'),
    )

    assert result == Result(
        0,
        'fedora-42 queued\n',
        "Images stay queued until 'glance-cache-prefetcher' runs on "
        f'{p.GLANCE}.\n',
    )


@pytest.mark.usefixtures('xena')
def test_where_nothing_was_queued_nothing_waits(
    cloud: Cloud, openstack: OpenStack
) -> None:
    queue_fedora(cloud, status_code=404)

    result = openstack('image', 'cache', 'queue', p.FEDORA, '-f', 'value')

    assert result.code == 1
    (line,) = result.err.splitlines()
    assert line.startswith('Cannot queue image fedora-42 ')


@pytest.mark.usefixtures('xena')
@pytest.mark.parametrize(
    ('image_id', 'more', 'result', 'told'),
    [
        # Somebody else queued it, and it waits all the same.
        (p.DEBIAN, ('-f', 'value'), 'already queued', 1),
        (p.UBUNTU, ('-f', 'value'), 'already cached', 0),
        (p.DEBIAN, ('--dry-run', '-f', 'value'), '5000000 wait', 0),
    ],
)
def test_it_is_told_where_something_waits(
    cloud: Cloud,
    openstack: OpenStack,
    image_id: str,
    more: tuple[str, ...],
    result: str,
    told: int,
) -> None:
    names(cloud, image_id, 'it')

    seen = openstack('image', 'cache', 'queue', image_id, *more)

    assert seen.out == f'{image_id} it {result} {p.GLANCE}\n'
    assert (seen.code, seen.err.count('\n')) == (0, told)


@pytest.mark.usefixtures('xena')
def test_the_prefetcher_of_an_old_node_is_named_once(
    cloud: Cloud, openstack: OpenStack
) -> None:
    names(cloud, p.DEBIAN, 'debian-13')

    result = openstack(
        *('image', 'cache', 'queue', p.DEBIAN, '--wait', '--timeout', '1'),
        *('-f', 'value', '-c', 'Result'),
    )

    assert (result.code, result.out) == (1, 'queued\n')
    assert result.err.count('glance-cache-prefetcher') == 1


@pytest.mark.usefixtures('xena')
@pytest.mark.parametrize('more', [(), ('--wait',), ('--dry-run',)])
def test_an_old_node_does_not_replace_a_cached_image(
    cloud: Cloud, openstack: OpenStack, more: tuple[str, ...]
) -> None:
    """It would accept the request, and do nothing."""
    names(cloud, p.UBUNTU, 'ubuntu-24.04')

    result = openstack(
        *('image', 'cache', 'queue', p.UBUNTU, '--force', *more),
        *('-f', 'value'),
    )

    assert result == Result(
        1,
        '',
        f'Cannot queue ubuntu-24.04 ({p.UBUNTU}) on {p.GLANCE}: This Glance '
        'does not replace cached images. Delete the entries, and queue the '
        'images again.\n',
    )
    assert not any('PUT' in one for one in cloud.requests)


@pytest.mark.usefixtures('xena')
def test_quiet_is_quiet(cloud: Cloud, openstack: OpenStack) -> None:
    names(cloud, p.DEBIAN, 'debian-13')

    result = openstack('-q', 'image', 'cache', 'queue', p.DEBIAN)

    assert (result.code, result.err) == (0, '')


def test_many_nodes_are_told_in_one_line(
    cloud: Cloud, openstack: OpenStack, clouds_yaml: Any
) -> None:
    hosts = [f'http://edge-{number}.example:9292' for number in range(5)]
    clouds_yaml(
        f'clouds:\n  far:\n    auth:\n      auth_url: {p.KEYSTONE}\n'
        '    image_cache_nodes:\n'
        + ''.join(
            f'      - name: edge-{at}\n        endpoint: {host}\n'
            for at, host in enumerate(hosts)
        )
    )
    names(cloud, p.DEBIAN, 'debian-13')
    for host in hosts:
        cloud.answers('GET', f'{host}/v2/cache', **NO_ROUTE)
        cloud.answers(
            'GET', f'{host}/versions', **fleets.versions(host, *XENA)
        )
        cloud.answers(
            'GET',
            f'{host}/v2/queued_images',
            json={'queued_images': [p.DEBIAN]},
        )
        cloud.answers(
            'GET', f'{host}/v2/cached_images', json={'cached_images': []}
        )

    result = openstack(
        *('--os-cloud', 'far', 'image', 'cache', 'queue', p.DEBIAN),
        *('--all-nodes', '-f', 'value', '-c', 'Node'),
    )

    assert result == Result(
        0,
        'edge-0\nedge-1\nedge-2\nedge-3\nedge-4\n',
        "Images stay queued until 'glance-cache-prefetcher' runs on edge-0, "
        'edge-1, edge-2 and 2 more.\n',
    )


@pytest.mark.usefixtures('xena')
def test_an_old_node_is_asked_to_delete_and_clear(
    cloud: Cloud, openstack: OpenStack
) -> None:
    names(cloud, p.UBUNTU, 'ubuntu-24.04')
    cloud.answers('DELETE', f'{QUEUED}/{p.UBUNTU}', **NULL)
    cloud.answers('DELETE', f'{CACHED}/{p.UBUNTU}', **NULL)
    cloud.answers('DELETE', QUEUED, json={'num_deleted': 1})
    cloud.answers('DELETE', CACHED, json={'num_deleted': 0})

    deleted = openstack(
        'image', 'cache', 'delete', p.UBUNTU, '-f', 'value', '-c', 'Result'
    )
    cleared = openstack('image', 'cache', 'clear', '-f', 'value')

    assert deleted == Result(0, 'deleted\n', '')
    assert cleared == Result(0, f'1 1 1000 {p.GLANCE}\n', '')
    assert [one for one in cloud.requests if one.startswith('DELETE')] == [
        f'DELETE {QUEUED}/{p.UBUNTU}',
        f'DELETE {CACHED}/{p.UBUNTU}',
        f'DELETE {QUEUED}',
        f'DELETE {CACHED}',
    ]


@pytest.mark.usefixtures('xena')
def test_node_list_names_the_driver_in_use(
    cloud: Cloud, openstack: OpenStack
) -> None:
    result = openstack('image', 'cache', 'node', 'list', '-f', 'value')

    assert result == Result(
        0, f'{p.GLANCE} {p.GLANCE} {p.GLANCE} ok 2.12 1 1 1000 1\n', ''
    )


@pytest.mark.parametrize(
    ('command', 'out', 'what'),
    [
        (('list',), '', 'read'),
        (('clear',), '', 'read'),
        (
            ('node', 'list', '-c', 'Status', '-c', 'API Version'),
            'too old 2.12\n',
            'read',
        ),
    ],
)
def test_a_node_that_has_neither_is_told_what_to_set(
    cloud: Cloud,
    openstack: OpenStack,
    command: tuple[str, ...],
    out: str,
    what: str,
) -> None:
    cloud.answers('GET', CACHE, **NO_ROUTE)
    cloud.answers('GET', VERSIONS, **fleets.versions(p.GLANCE, *XENA))
    cloud.answers('GET', QUEUED, **NO_ROUTE)

    result = openstack('image', 'cache', *command, '-f', 'value')

    assert result == Result(
        1,
        out,
        f'Cannot {what} the cache of {p.GLANCE}: The node supports Images API '
        f'up to 2.12; the cache requires 2.14 (Yoga). {SETTING}\n',
    )


@pytest.mark.parametrize(
    ('newest', 'good'),
    [('2.14', 200), ('2.15', 200), ('2.16', 204), ('2.17', 204)],
)
def test_all_but_maintenance_works_before_2_18(
    cloud: Cloud, openstack: OpenStack, newest: str, good: int
) -> None:
    """Yoga says 200 and null, and 405 for clean; nothing else is asked."""
    reply = {'status_code': good, 'text': 'null' if good == 200 else ''}
    cloud.answers('GET', CACHE, json=p.cache(p.cached(p.UBUNTU)))
    names(cloud, p.UBUNTU, 'ubuntu-24.04')
    names(cloud, p.DEBIAN, 'debian-13')
    cloud.answers(
        'PUT',
        f'{CACHE}/{p.DEBIAN}',
        **{**reply, 'status_code': 200 if good == 200 else 202},
    )
    cloud.answers('DELETE', f'{CACHE}/{p.UBUNTU}', **reply)
    cloud.answers('DELETE', CACHE, **reply)
    cloud.answers(
        'POST',
        f'{CACHE}/clean',
        status_code=405,
        text=p.fault(
            '405 Method Not Allowed',
            'The method POST is not allowed for this resource.',
        ),
        headers=fleets.HTML,
    )
    cloud.answers(
        'GET', VERSIONS, **fleets.versions(p.GLANCE, newest, '2.14', '2.0')
    )
    value = ('-f', 'value', '-c', 'Result')

    hint = (
        "Images stay queued until 'glance-cache-prefetcher' runs on "
        f'{p.GLANCE}.\n'
    )

    assert openstack('image', 'cache', 'queue', p.DEBIAN, *value) == Result(
        0, 'queued\n', hint if good == 200 else ''
    )
    assert openstack('image', 'cache', 'delete', p.UBUNTU, *value) == Result(
        0, 'deleted\n', ''
    )
    assert openstack('image', 'cache', 'clear', '-f', 'value') == Result(
        0, f'1 0 5000000 {p.GLANCE}\n', ''
    )
    assert f'GET {VERSIONS}' not in cloud.requests
    assert openstack('image', 'cache', 'clean', *value) == Result(
        1,
        '',
        f'Cannot clean the cache of {p.GLANCE}: The node supports Images API '
        f'up to {newest}; clean and prune require 2.18. Run '
        "'glance-cache-cleaner' on that node instead.\n",
    )


@pytest.mark.parametrize(
    'given', ['http://edge.example/image', 'http://edge.example/image/v2/']
)
def test_a_node_behind_a_path(
    cloud: Cloud, openstack: OpenStack, given: str
) -> None:
    """Also the older driver asks below it, and so does its look at Glance."""
    root = 'http://edge.example/image'
    names(cloud, p.FEDORA, 'fedora-42')
    cloud.answers('GET', f'{root}/v2/cache', **NO_ROUTE)
    cloud.answers('GET', f'{root}/versions', **fleets.versions(root, *XENA))
    cloud.answers(
        'GET', f'{root}/v2/queued_images', json={'queued_images': []}
    )
    cloud.answers(
        'GET', f'{root}/v2/cached_images', json={'cached_images': []}
    )
    cloud.answers(
        'GET',
        f'{root}/v2/images/{p.FEDORA}',
        json=p.image(p.FEDORA, 'fedora-42'),
    )
    cloud.answers('PUT', f'{root}/v2/queued_images/{p.FEDORA}', **NULL)

    result = openstack(
        *('-q', 'image', 'cache', 'queue', p.FEDORA, '--node', given),
        *('-f', 'value', '-c', 'Result'),
    )

    assert result.code == 0
    assert cloud.requests[-1] == f'PUT {root}/v2/queued_images/{p.FEDORA}'


@pytest.mark.parametrize(
    ('numbers', 'driver'),
    [(('2.18', '2.14'), 'cache-api'), (XENA, 'cache-manage')],
)
def test_links_to_another_host_are_not_followed(
    cloud: Cloud,
    openstack: OpenStack,
    numbers: tuple[str, ...],
    driver: str,
) -> None:
    """A proxy is asked itself, whatever host the Glance behind it names."""
    cloud.answers(
        'GET',
        VERSIONS,
        **fleets.versions('http://10.9.8.7:29292', *numbers),
    )
    if driver == 'cache-api':
        cloud.answers('GET', CACHE, json=p.cache())
    else:
        cloud.answers('GET', CACHE, **NO_ROUTE)
        cloud.answers('GET', QUEUED, json={'queued_images': []})
        cloud.answers('GET', CACHED, json={'cached_images': []})

    result = openstack(
        *('image', 'cache', 'node', 'list', '--long', '-f', 'value'),
        *('-c', 'Endpoint', '-c', 'Status', '-c', 'Driver'),
    )

    assert result == Result(0, f'{p.GLANCE} ok {driver}\n', '')
    assert not [one for one in cloud.requests if p.GLANCE not in one]


def test_a_proxy_that_hides_both(cloud: Cloud, openstack: OpenStack) -> None:
    cloud.answers('GET', CACHE, **NO_ROUTE)
    cloud.answers('GET', QUEUED, **NO_ROUTE)
    cloud.answers('GET', VERSIONS, **fleets.versions(p.GLANCE, '2.18', '2.14'))

    result = openstack('image', 'cache', 'list')

    assert result == Result(
        1,
        '\n',
        f'Cannot read the cache of {p.GLANCE}: The node lists Images API '
        f'2.18, but /v2/cache is not found: a proxy may hide it. {SETTING}\n',
    )
