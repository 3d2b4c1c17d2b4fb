# SPDX-License-Identifier: Apache-2.0

"""Sites, node sets, discovery, nodes that are down: argv in, output out."""

from collections.abc import Callable
import json
import socket
from typing import Any

import pytest

from glance_cache_osc.transport import resolver
from tests import web
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

FAR = ('--os-cloud', 'far', 'image', 'cache')
LIST = (*FAR, 'list', '-f', 'value', '-c', 'ID', '-c', 'Node')
IMAGES = f'{p.GLANCE}/v2/images'
PODS = 'http://pods.example:9292'

SITES = [
    {
        'name': 'oslo-[1-3]',
        'endpoint': 'http://oslo-[1-3].example:9292',
        'site': 'oslo',
    },
    {'name': 'bergen', 'endpoint': 'http://bergen.example:9292'},
    {
        'name': 'tromso',
        'endpoint': 'http://tromso.example:9292',
        'maintenance': True,
    },
]
NAMES = ('oslo-1', 'oslo-2', 'oslo-3', 'bergen', 'tromso')
SKIPPED = 'Nodes in maintenance, skipped: 1 (tromso).\n'
DOWN = (
    'Cannot read the cache of {0} (http://{0}.example:9292): Cannot connect: '
    'Connection refused. Check that glance-api is running at this address.\n'
)


def allows(count: int, of: int, most: int) -> str:
    """The last line with ``--allow-unreachable``."""
    return f'Unreachable nodes: {count} of {of}. Allowed: {most}.\n'


@pytest.fixture
def far(clouds_yaml: Callable[[str], None]) -> Callable[..., None]:
    """Write a clouds.yaml whose cloud 'far' has these nodes."""

    def write(*items: dict[str, Any], **keys: Any) -> None:
        keys |= {
            'auth': {'auth_url': p.KEYSTONE},
            'image_cache_nodes': list(items),
        }
        clouds_yaml(json.dumps({'clouds': {'far': keys}}))

    return write


def root(name: str) -> str:
    return f'http://{name}.example:9292'


def answer(cloud: Cloud, *names: str, **how: Any) -> None:
    """Answer what these nodes hold: Ubuntu, unless told otherwise."""
    for name in names:
        how = how or {'json': p.cache(p.cached(p.UBUNTU))}
        cloud.answers('GET', f'{root(name)}/v2/cache', **how)


def rows(*names: str) -> str:
    return ''.join(f'{p.UBUNTU} {name}\n' for name in names)


@pytest.mark.parametrize(
    ('argv', 'asked', 'err'),
    [
        ('', ['oslo-1', 'oslo-2', 'oslo-3', 'bergen'], SKIPPED),
        ('--all-nodes', ['oslo-1', 'oslo-2', 'oslo-3', 'bergen'], SKIPPED),
        ('--site oslo', ['oslo-1', 'oslo-2', 'oslo-3'], ''),
        ('--site bergen', ['bergen'], ''),
        ('--site *o', ['oslo-1', 'oslo-2', 'oslo-3'], SKIPPED),
        ('--site oslo --exclude-node oslo-[1-2]', ['oslo-3'], ''),
        ('--exclude-node oslo-*', ['bergen'], SKIPPED),
        ('--exclude-node oslo-* --exclude-node tromso', ['bergen'], ''),
        ('--node oslo-[2-3]', ['oslo-2', 'oslo-3'], ''),
        ('--node tromso --site bergen', ['tromso', 'bergen'], ''),
    ],
)
def test_where_a_command_acts(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    argv: str,
    asked: list[str],
    err: str,
) -> None:
    far(*SITES)
    answer(cloud, *asked)

    result = openstack(*LIST, *argv.split())

    assert result == Result(0, rows(*asked), err)


@pytest.mark.parametrize(
    'verb',
    [
        ['list'],
        ['coverage'],
        ['node', 'list'],
        ['node', 'check'],
        ['clean'],
        ['prune', '--auto-approve'],
        ['clear', '--auto-approve'],
        ['queue', 'a'],
        ['sync', 'a'],
        ['delete', 'a', '--auto-approve'],
        ['verify'],
    ],
)
@pytest.mark.parametrize(
    ('argv', 'err'),
    [
        (
            '--site osl',
            "clouds.yaml has no site 'osl'. Similar names: oslo.\n",
        ),
        (
            '--node oslo-[1-4]',
            "clouds.yaml has no node 'oslo-4'. Similar names: oslo-3, oslo-2, "
            'oslo-1. Use a URL for other nodes.\n',
        ),
        (
            '--node oslo-[12]*',
            "The brackets in 'oslo-[12]*' must contain only a range of "
            'numbers. Use a range such as oslo-[1-12], or a glob on names, '
            "with '*' and '?', without brackets.\n",
        ),
        (
            '--site tromso',
            'All selected nodes are in maintenance: tromso. To include a '
            'node in maintenance, name it with --node.\n',
        ),
        (
            '--site oslo --all-nodes',
            (
                '--all-nodes cannot be combined with --node or --site. Use '
                'one of them.\n'
            ),
        ),
    ],
)
def test_nodes_that_are_none_are_told_before_anything_is_sent(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    verb: list[str],
    argv: str,
    err: str,
) -> None:
    far(*SITES)

    result = openstack(*FAR, *verb, *argv.split())

    assert result == Result(2, '', err)
    assert cloud.requests == []


def test_a_site_is_changed(
    cloud: Cloud, openstack: OpenStack, far: Callable[..., None]
) -> None:
    far(*SITES)
    for at in (1, 2):
        cloud.answers(
            'DELETE', f'{root(f"oslo-{at}")}/v2/cache', status_code=204
        )
        answer(cloud, f'oslo-{at}')

    result = openstack(
        *(*FAR, 'clear', '--site', 'oslo', '--exclude-node', 'oslo-3'),
        *('--auto-approve', '-f', 'value', '-c', 'Node'),
    )

    assert result == Result(0, 'oslo-1\noslo-2\n', '')


COVERAGE = """\
+--------------------------------------+------+--------+--------+--------+---------+--------------------+
| ID                                   | Name | Size   | Cached | Queued | Missing | Missing On         |
+--------------------------------------+------+--------+--------+--------+---------+--------------------+
| 9b73824a-c4e5-4822-be0d-10abcb0fe5df |      | 5.0 MB |      1 |      0 |       3 | oslo-[1,3], bergen |
+--------------------------------------+------+--------+--------+--------+---------+--------------------+
"""


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', COVERAGE),
        ('value', f'{p.UBUNTU}  5000000 1 0 3 oslo-1,oslo-3,bergen\n'),
    ],
)
def test_names_of_nodes_are_folded_in_tables_alone(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    name: str,
    expected: str,
) -> None:
    far(*SITES[:2])
    answer(cloud, 'oslo-2')
    answer(cloud, 'oslo-1', 'oslo-3', 'bergen', json=p.cache())
    cloud.answers('GET', IMAGES, json=p.images())

    result = openstack(*FAR, 'coverage', '-f', name)

    assert result == Result(0, expected, '')


def test_what_a_table_shows_names_nodes(
    cloud: Cloud, openstack: OpenStack, far: Callable[..., None]
) -> None:
    far(*SITES)
    answer(cloud, 'oslo-1', 'oslo-3')

    result = openstack(*LIST, '--node', 'oslo-[1,3]')

    assert result == Result(0, rows('oslo-1', 'oslo-3'), '')


@pytest.mark.parametrize(
    ('allowed', 'code', 'most'),
    [
        ((), 1, None),
        (('--allow-unreachable', '0'), 1, 0),
        (('--allow-unreachable', '1'), 1, 1),
        (('--allow-unreachable', '2'), 0, 2),
        (('--allow-unreachable', '0%'), 1, 0),
        # One of four is 25 %, two are 50 %.
        (('--allow-unreachable', '25%'), 1, 1),
        (('--allow-unreachable', '49%'), 1, 1),
        (('--allow-unreachable', '50%'), 0, 2),
        (('--allow-unreachable', '100%'), 0, 4),
    ],
)
def test_some_nodes_may_be_unreachable(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    allowed: tuple[str, ...],
    code: int,
    most: int | None,
) -> None:
    """They are reported all the same."""
    far(*SITES[:2])
    answer(cloud, 'oslo-1', 'bergen')
    answer(cloud, 'oslo-2', **web.REFUSED)
    cloud.nameless.add('oslo-3.example')

    result = openstack(*LIST, *allowed)

    assert result == Result(
        code,
        rows('oslo-1', 'bergen'),
        DOWN.format('oslo-2')
        + f'Cannot read the cache of oslo-3 ({root("oslo-3")}): Cannot '
        'resolve the host name: Name or service not known. Check the spelling '
        'of the host name, and the DNS servers.\n'
        + ('' if most is None else allows(2, 4, most)),
    )


def test_a_node_that_does_not_respond_may_be_unreachable(
    cloud: Cloud, openstack: OpenStack, far: Callable[..., None]
) -> None:
    far(SITES[1])
    answer(cloud, 'bergen', **web.SILENT)

    result = openstack(*LIST, '--allow-unreachable', '1')

    assert (result.code, result.out) == (0, '')
    assert 'No response within 30 seconds' in result.err


@pytest.mark.parametrize('how', [{'status_code': 500, 'text': ''}, web.CLOSED])
def test_other_failures_are_never_allowed(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    how: dict[str, Any],
) -> None:
    far(SITES[1])
    answer(cloud, 'bergen', **how)

    assert openstack(*LIST, '--allow-unreachable', '100%').code == 1


def test_a_rejected_certificate_is_never_allowed(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    certificates: web.Certificates,
) -> None:
    far(
        {'name': 'bergen', 'endpoint': 'https://bergen.example'},
        cacert=str(certificates.path),
    )
    cloud.use_unknown_ca('bergen.example')

    result = openstack(*LIST, '--allow-unreachable', '100%')

    assert result.code == 1
    assert 'The TLS certificate is not from a trusted CA' in result.err


def test_coverage_of_a_fleet_with_a_node_that_may_be_down(
    cloud: Cloud, openstack: OpenStack, far: Callable[..., None]
) -> None:
    """Nobody knows what is missing there, and the exit code is 0."""
    far(*SITES[:2])
    answer(cloud, 'oslo-1', 'oslo-3', 'bergen')
    answer(cloud, 'oslo-2', **web.REFUSED)
    cloud.answers('GET', IMAGES, json=p.images())

    result = openstack(
        *(*FAR, 'coverage', '--allow-unreachable', '1', '-f', 'json'),
        *('-c', 'Cached', '-c', 'Missing', '-c', 'Missing On'),
        *('-c', 'Name'),
    )

    assert result.code == 0
    assert json.loads(result.out) == [
        {'Name': None, 'Cached': 3, 'Missing': 0, 'Missing On': None}
    ]
    assert result.err == DOWN.format('oslo-2') + (
        'Coverage is incomplete: 1 of 4 nodes could not be read.\n'
        + allows(1, 4, 1)
    )


@pytest.mark.parametrize(
    ('allowed', 'wanted', 'code'),
    [
        (('--allow-unreachable', '1'), 'debian-13', 3),
        (('--allow-unreachable', '1'), 'ubuntu-24.04', 0),
        ((), 'debian-13', 1),
        ((), 'ubuntu-24.04', 1),
    ],
)
def test_a_check_of_a_fleet_with_a_node_that_may_be_down(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    allowed: tuple[str, ...],
    wanted: str,
    code: int,
) -> None:
    far(*SITES[:2])
    answer(cloud, 'oslo-1', 'oslo-3', 'bergen')
    answer(cloud, 'oslo-2', **web.REFUSED)
    ids = {'debian-13': p.DEBIAN, 'ubuntu-24.04': p.UBUNTU}
    cloud.answers('GET', IMAGES, json=p.images(p.image(ids[wanted], wanted)))

    result = openstack(
        *(*FAR, 'sync', '--all-nodes', '--check', wanted, *allowed),
        *('-f', 'value', '-c', 'Node'),
    )

    pending = 'oslo-1\noslo-3\nbergen\n' if wanted == 'debian-13' else ''
    told = DOWN.format('oslo-2') + (allows(1, 4, 1) if allowed else '')
    assert result == Result(code, pending, told)


@pytest.mark.parametrize(
    ('allowed', 'code'), [((), 1), (('--allow-unreachable', '1'), 0)]
)
def test_a_wait_of_a_fleet_with_a_node_that_may_be_down(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    allowed: tuple[str, ...],
    code: int,
) -> None:
    far(*SITES[:2])
    answer(cloud, 'oslo-1', 'oslo-3', 'bergen')
    answer(cloud, 'oslo-2', **web.REFUSED)
    image = p.image(p.UBUNTU, 'ubuntu-24.04')
    cloud.answers('GET', IMAGES, json=p.images(image))

    result = openstack(
        *(*FAR, 'queue', '--all-nodes', '--wait', 'ubuntu-24.04', *allowed),
        *('-f', 'value', '-c', 'Result', '-c', 'Node'),
    )

    assert result == Result(
        code,
        'already cached oslo-1\nalready cached oslo-3\n'
        'already cached bergen\n',
        DOWN.format('oslo-2') + (allows(1, 4, 1) if allowed else ''),
    )


def pods(cloud: Cloud, *addresses: str) -> dict[str, Any]:
    """A node that is discovered: two pods that hold different images."""
    cloud.addresses['pods.example'] = list(addresses)
    held = {'127.0.0.2': p.UBUNTU, '127.0.0.3': p.DEBIAN}

    def cache(request: Any, _context: Any) -> Any:
        address = request.headers[web.CONNECTED_TO]
        return p.cache(p.cached(held[address]))

    cloud.answers('GET', f'{PODS}/v2/cache', json=cache)
    return {'name': 'pods', 'endpoint': PODS, 'discover': 'dns'}


UBUNTU_POD = f'{p.UBUNTU} pods-127.0.0.2\n'
DEBIAN_POD = f'{p.DEBIAN} pods-127.0.0.3\n'


@pytest.mark.parametrize(
    ('argv', 'out'),
    [
        ('', UBUNTU_POD + DEBIAN_POD),
        ('--node pods', UBUNTU_POD + DEBIAN_POD),
        ('--site pods', UBUNTU_POD + DEBIAN_POD),
        ('--node pods-127.0.0.3', DEBIAN_POD),
        ('--node pods-127.0.0.[2-3]', UBUNTU_POD + DEBIAN_POD),
        ('--exclude-node pods-127.0.0.3', UBUNTU_POD),
    ],
)
def test_each_address_of_a_name_is_a_node(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    argv: str,
    out: str,
) -> None:
    """IPv6 is left alone where there is IPv4."""
    far(pods(cloud, '::1', '127.0.0.3', '127.0.0.2'))

    result = openstack(*LIST, *argv.split())

    assert result == Result(0, out, '')
    # Host is the name.
    assert set(cloud.requests) == {f'GET {PODS}/v2/cache'}


def test_tls_is_by_name_and_the_connection_by_address(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    certificates: web.Certificates,
) -> None:
    cloud.addresses['pods.example'] = ['127.0.0.2', '127.0.0.3']
    cloud.answers('GET', 'https://pods.example/v2/cache', json=p.cache())
    far(
        {
            'name': 'pods',
            'endpoint': 'https://pods.example',
            'discover': 'dns',
        },
        cacert=str(certificates.path),
    )

    result = openstack(*LIST)

    assert result == Result(0, '', '')
    assert sorted(
        one.headers[web.CONNECTED_TO] for one in cloud.history[-2:]
    ) == ['127.0.0.2', '127.0.0.3']


def test_a_certificate_for_another_name_is_rejected_at_each_address(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    certificates: web.Certificates,
) -> None:
    cloud.addresses['pods.example'] = ['127.0.0.2', '127.0.0.3']
    cloud.use_unknown_ca('pods.example')
    far(
        {
            'name': 'pods',
            'endpoint': 'https://pods.example',
            'discover': 'dns',
        },
        cacert=str(certificates.path),
    )

    result = openstack(*LIST, '--allow-unreachable', '2')

    assert result.code == 1
    assert (
        result.err.count('The TLS certificate is not from a trusted CA') == 2
    )


@pytest.mark.parametrize(
    ('allowed', 'code'), [((), 1), (('--allow-unreachable', '1'), 0)]
)
def test_an_address_that_went_away_fails_alone(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    allowed: tuple[str, ...],
    code: int,
) -> None:
    far(pods(cloud, '127.0.0.2', '127.0.0.3'))
    cloud.gone.add('127.0.0.2')

    result = openstack(*LIST, *allowed)

    assert result == Result(
        code,
        DEBIAN_POD,
        f'Cannot read the cache of pods-127.0.0.2 ({PODS}): Cannot connect: '
        'Connection refused. Check that glance-api is running at this '
        'address.\n' + (allows(1, 2, 1) if allowed else ''),
    )


def test_a_name_that_does_not_resolve_fails_alone(
    cloud: Cloud, openstack: OpenStack, far: Callable[..., None]
) -> None:
    cloud.nameless.add('pods.example')
    far(
        {'name': 'pods', 'endpoint': PODS, 'discover': 'dns'},
        SITES[1],
    )
    answer(cloud, 'bergen')

    result = openstack(*LIST)

    assert result == Result(
        1,
        rows('bergen'),
        f'Cannot read the cache of pods ({PODS}): Cannot resolve the host '
        'name: Name or service not known. Check the spelling of the host '
        'name, and the DNS servers.\n',
    )


@pytest.mark.parametrize(
    'options', ['--all-nodes --auto-approve', '--node pods']
)
def test_a_name_that_resolves_too_late_is_not_any_one_of_its_nodes(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    options: str,
) -> None:
    """Only the first look-up fails; then a request would reach one node."""
    lookups = []

    def addresses(host: str, port: int) -> Any:
        lookups.append(host)
        if len(lookups) == 1:
            raise socket.gaierror(socket.EAI_AGAIN, 'Try again')
        return real(host, port)

    real = resolver._addresses
    monkeypatch.setattr(resolver, '_addresses', addresses)
    cloud.addresses['pods.example'] = ['127.0.0.2', '127.0.0.3']
    far({'name': 'pods', 'endpoint': PODS, 'discover': 'dns'})

    result = openstack(*FAR, 'clear', *options.split())

    assert result == Result(
        1,
        '\n',
        f'Cannot read the cache of pods ({PODS}): Cannot resolve the host '
        'name: Try again. Check the spelling of the host name, and the DNS '
        'servers.\n',
    )
    assert cloud.requests == []


def test_an_address_that_a_name_does_not_have(
    cloud: Cloud, openstack: OpenStack, far: Callable[..., None]
) -> None:
    cloud.addresses['pods.example'] = ['127.0.0.2']
    far({'name': 'pods', 'endpoint': PODS, 'discover': 'dns'})

    result = openstack(*LIST, '--node', 'pods-127.0.0.9')

    assert result == Result(
        2,
        '',
        "clouds.yaml has no node 'pods-127.0.0.9'. Similar names: "
        'pods-127.0.0.2. Use a URL for other nodes.\n',
    )
    assert cloud.requests == []


@pytest.mark.parametrize(
    ('allowed', 'code'), [((), 1), (('--allow-unreachable', '1'), 0)]
)
def test_checks_and_lists_of_nodes_of_which_one_may_be_down(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    allowed: tuple[str, ...],
    code: int,
) -> None:
    far(SITES[1])
    cloud.answers('GET', f'{root("bergen")}/versions', **web.REFUSED)
    cloud.answers('GET', IMAGES, json=p.images())

    listed = openstack(
        *(*FAR, 'node', 'list', '-f', 'value', '-c', 'Node', '-c', 'Status'),
        *allowed,
    )
    checked = openstack(*FAR, 'node', 'check', '-f', 'value', *allowed)

    told = DOWN.format('bergen') + (allows(1, 1, 1) if allowed else '')
    assert listed == Result(code, 'bergen unreachable\n', told)
    assert (checked.code, checked.err) == (
        code,
        told.replace('read the cache of', 'check'),
    )


@pytest.mark.parametrize('verb', ['queue', 'clear', 'delete'])
@pytest.mark.parametrize(
    ('allowed', 'code'), [((), 1), (('--allow-unreachable', '1'), 0)]
)
def test_a_node_may_go_down_while_it_is_changed(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    verb: str,
    allowed: tuple[str, ...],
    code: int,
) -> None:
    far(SITES[1])
    cache = f'{root("bergen")}/v2/cache'
    image = p.image(p.UBUNTU, 'ubuntu-24.04')
    held = [] if verb == 'queue' else [p.cached(p.UBUNTU)]
    cloud.answers('GET', cache, json=p.cache(*held))
    argv = ['--auto-approve']
    if verb == 'queue':
        cloud.answers('PUT', f'{cache}/{p.UBUNTU}', **web.REFUSED)
        argv = [p.UBUNTU]
    elif verb == 'delete':
        cloud.answers('DELETE', f'{cache}/{p.UBUNTU}', **web.REFUSED)
        argv = [p.UBUNTU, '--auto-approve']
    else:
        cloud.answers('DELETE', cache, **web.REFUSED)
    if verb != 'clear':
        cloud.adapter.register_uri('GET', IMAGES, json=p.images(image))

    result = openstack(*FAR, verb, '--node', 'bergen', *argv, *allowed)

    assert result.code == code
    assert 'Connection refused' in result.err
