# SPDX-License-Identifier: Apache-2.0

"""Nodes of two clouds: each with its own login, images and administrator."""

from collections.abc import Callable
import copy
import csv
import json
import pathlib
import re
from typing import Any

import pytest

from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack

KEYSTONE = 'http://keystone.bergen.example:5000/v3'
GLANCE = 'http://glance.bergen.example:9292'
TOKEN = 'gAAAAA-of-bergen'
OSLO = 'http://oslo.example:9292'
BERGEN_1 = 'http://bergen-1.example:9292'
BERGEN_2 = 'http://bergen-2.example:9292'
CACHE = ('--os-cloud', 'oslo', 'image', 'cache')

#: An image of the same name in both clouds.
IN_OSLO = p.image(p.UBUNTU, 'ubuntu')
IN_BERGEN = p.image(p.DEBIAN, 'ubuntu')

ENTRY = {
    'username': 'admin',
    'password': 'secret',
    'project_name': 'admin',
    'user_domain_id': 'default',
    'project_domain_id': 'default',
}
NODES = [
    {'name': 'oslo', 'endpoint': OSLO},
    {
        'name': 'bergen-[1-2]',
        'endpoint': 'http://bergen-[1-2].example:9292',
        'site': 'bergen',
        'cloud': 'bergen',
    },
]


@pytest.fixture
def write(clouds_yaml: Callable[[str], None]) -> Callable[..., None]:
    """Write a clouds.yaml with both clouds; the nodes are in the first."""

    def write(nodes: list[dict[str, Any]], **bergen: Any) -> None:
        entries = {
            'oslo': {
                'auth': {'auth_url': p.KEYSTONE, **ENTRY},
                'image_cache_nodes': nodes,
            },
            'bergen': bergen or {'auth': {'auth_url': KEYSTONE, **ENTRY}},
        }
        clouds_yaml(json.dumps({'clouds': entries}))

    return write


@pytest.fixture(autouse=True)
def both(write: Callable[..., None]) -> None:
    """One node in Oslo, and two in Bergen, which is another cloud."""
    write(NODES)


def login(cloud: Cloud, *roles: str, **how: Any) -> None:
    """Let Keystone of Bergen answer."""
    version: Any = copy.deepcopy(p.KEYSTONE_VERSION)
    version['version']['links'][0]['href'] = f'{KEYSTONE}/'
    token: Any = copy.deepcopy(p.TOKEN)
    token['token']['roles'] = [{'id': one, 'name': one} for one in roles]
    token['token']['catalog'][0]['endpoints'][0]['url'] = GLANCE
    cloud.adapter.register_uri('GET', KEYSTONE, json=version)
    answer = {
        'json': token,
        'headers': {'X-Subject-Token': TOKEN},
        'status_code': 201,
    }
    cloud.answers('POST', f'{KEYSTONE}/auth/tokens', **(how or answer))


def hold(cloud: Cloud, **held: Any) -> None:
    """Let nodes answer what they hold: Ubuntu of their cloud, or nothing."""
    oslo = held.get('oslo', [p.cached(p.UBUNTU)])
    bergen = held.get('bergen', [p.cached(p.DEBIAN)])
    cloud.answers('GET', f'{OSLO}/v2/cache', json=p.cache(*oslo))
    for url in (BERGEN_1, BERGEN_2):
        cloud.answers('GET', f'{url}/v2/cache', json=p.cache(*bergen))


def images(cloud: Cloud, root: str, query: str, *found: Any) -> None:
    url = f'{root}/v2/images?{query}&limit=1000'
    cloud.answers('GET', url, json=p.images(*found))


def hidden(cloud: Cloud, root: str, query: str, *found: Any) -> None:
    images(cloud, root, f'{query}&os_hidden=true', *found)


def versions(cloud: Cloud) -> None:
    """Let all nodes answer which versions they have."""
    for url in (OSLO, BERGEN_1, BERGEN_2):
        document = p.glance_versions(url, '2.18', '2.16')
        cloud.adapter.register_uri('GET', f'{url}/versions', json=document)


def rows(out: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(out)
    return found


def test_each_node_is_asked_with_the_login_of_its_cloud(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """One login for both nodes, and the names of images from its Glance."""
    login(cloud, 'admin')
    hold(cloud)
    images(cloud, p.GLANCE, f'id=in:{p.UBUNTU}', IN_OSLO)
    images(cloud, GLANCE, f'id=in:{p.DEBIAN}', IN_BERGEN)

    result = openstack(*CACHE, 'list', '-f', 'csv', '--quote', 'none')

    found = list(csv.DictReader(result.out.splitlines()))
    assert list(found[0])[-3:] == ['Hits', 'Cloud', 'Node']
    assert [
        (one['ID'], one['Name'], one['Cloud'], one['Node']) for one in found
    ] == [
        (p.UBUNTU, 'ubuntu', 'oslo', 'oslo'),
        (p.DEBIAN, 'ubuntu', 'bergen', 'bergen-1'),
        (p.DEBIAN, 'ubuntu', 'bergen', 'bergen-2'),
    ]
    assert (result.code, result.err) == (0, '')
    sent = [(one.method, one.url) for one in cloud.history]
    assert sent.count(('POST', f'{KEYSTONE}/auth/tokens')) == 1
    tokens = {
        one.url.partition('/v2')[0]: one.headers['X-Auth-Token']
        for one in cloud.history
        if '/v2/' in one.url
    }
    mine = 'gAAAAA-the-token'
    assert tokens == {
        OSLO: mine,
        p.GLANCE: mine,
        BERGEN_1: TOKEN,
        BERGEN_2: TOKEN,
        GLANCE: TOKEN,
    }


def test_without_the_other_cloud_there_is_no_login_there(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """The column is there all the same: it is of what is configured."""
    cloud.answers('GET', f'{OSLO}/v2/cache', json=p.cache(p.cached(p.UBUNTU)))

    result = openstack(
        *(*CACHE, 'list', '--node', 'oslo', '-f', 'value'),
        *('-c', 'ID', '-c', 'cloud', '-c', 'Node'),
    )

    assert (result.code, result.out) == (0, f'{p.UBUNTU} oslo oslo\n')


def test_nodes_of_the_users_cloud_by_its_name_are_of_one_cloud(
    cloud: Cloud, openstack: OpenStack, write: Callable[..., None]
) -> None:
    write([{**NODES[0], 'cloud': 'oslo'}])

    result = openstack(*CACHE, 'list', '-f', 'value', '-c', 'Cloud')

    assert result.code == 2
    assert 'Unknown column: Cloud' in result.err


def test_an_orphan_is_one_of_its_own_cloud(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Oslo knows the image that Bergen does not."""
    login(cloud, 'admin')
    hold(cloud, bergen=[p.cached(p.UBUNTU)])
    images(cloud, p.GLANCE, f'id=in:{p.UBUNTU}', IN_OSLO)
    images(cloud, GLANCE, f'id=in:{p.UBUNTU}')
    hidden(cloud, GLANCE, f'id=in:{p.UBUNTU}')

    result = openstack(
        *(*CACHE, 'list', '--orphans', '-f', 'value', '-c', 'ID'),
        *('-c', 'Node'),
    )

    assert result.out == f'{p.UBUNTU} bergen-1\n{p.UBUNTU} bergen-2\n'
    assert (result.code, result.err) == (0, '')


def test_orphans_are_deleted_only_if_each_login_sees_all_images(
    cloud: Cloud, openstack: OpenStack
) -> None:
    login(cloud, 'member')

    result = openstack(
        *(*CACHE, 'delete', '--orphans', '--all-nodes', '--auto-approve')
    )

    assert (result.code, result.out) == (2, '')
    assert result.err == (
        "--orphans requires a login with the role 'admin' in cloud 'bergen': "
        'images that this login cannot see look like orphans. Log in as an '
        'administrator, or specify IDs.\n'
    )
    assert cloud.requests == []


def test_listed_orphans_are_doubted_only_of_the_login_that_sees_less(
    cloud: Cloud, openstack: OpenStack
) -> None:
    login(cloud, 'member')
    hold(cloud)
    images(cloud, p.GLANCE, f'id=in:{p.UBUNTU}', IN_OSLO)
    images(cloud, GLANCE, f'id=in:{p.DEBIAN}', IN_BERGEN)

    result = openstack(*CACHE, 'list', '--orphans', '-f', 'json')

    assert (result.code, rows(result.out)) == (0, [])
    assert result.err == (
        "This login does not have the role 'admin' in cloud 'bergen': images "
        'that it cannot see are listed as orphans.\n'
    )


def test_a_name_means_another_image_in_each_cloud(
    cloud: Cloud, openstack: OpenStack
) -> None:
    login(cloud, 'admin')
    hold(cloud, oslo=[], bergen=[])
    images(cloud, p.GLANCE, 'name=in:ubuntu', IN_OSLO)
    images(cloud, GLANCE, 'name=in:ubuntu', IN_BERGEN)
    cloud.answers('PUT', f'{OSLO}/v2/cache/{p.UBUNTU}', status_code=202)
    for url in (BERGEN_1, BERGEN_2):
        cloud.answers('PUT', f'{url}/v2/cache/{p.DEBIAN}', status_code=202)

    result = openstack(
        *(*CACHE, 'queue', 'ubuntu', '--all-nodes', '-f', 'value')
    )

    assert result.out == (
        f'{p.UBUNTU} ubuntu queued oslo oslo\n'
        f'{p.DEBIAN} ubuntu queued bergen bergen-1\n'
        f'{p.DEBIAN} ubuntu queued bergen bergen-2\n'
    )
    assert (result.code, result.err) == (0, '')


def test_what_one_cloud_lacks_is_told_and_the_other_is_queued(
    cloud: Cloud, openstack: OpenStack
) -> None:
    login(cloud, 'admin')
    hold(cloud, oslo=[], bergen=[])
    images(cloud, p.GLANCE, 'name=in:ubuntu', IN_OSLO)
    images(cloud, GLANCE, 'name=in:ubuntu')
    hidden(cloud, GLANCE, 'name=in:ubuntu')
    cloud.answers('PUT', f'{OSLO}/v2/cache/{p.UBUNTU}', status_code=202)

    result = openstack(
        *(*CACHE, 'queue', 'ubuntu', '--all-nodes', '--summary', '-f'),
        'value',
    )

    assert (
        result.out == 'oslo 1 0 0 1 0 5000000 oslo\nbergen 2 0 0 0  0 bergen\n'
    )
    assert (result.code, result.err) == (
        1,
        "Cannot find 'ubuntu' in cloud 'bergen': No image has the name or ID "
        "'ubuntu'. See 'openstack image list'.\n",
    )


@pytest.mark.parametrize(
    ('word', 'lacks'), [('ubuntu', ['bergen']), ('typo', [])]
)
def test_coverage_of_what_one_cloud_lacks_is_incomplete(
    cloud: Cloud, openstack: OpenStack, word: str, lacks: list[str]
) -> None:
    login(cloud, 'admin')
    hold(cloud, oslo=[p.cached(p.UBUNTU)], bergen=[])
    for root, found in ((p.GLANCE, [IN_OSLO] if lacks else []), (GLANCE, [])):
        images(cloud, root, f'name=in:{word}', *found)
        if not found:
            hidden(cloud, root, f'name=in:{word}')

    result = openstack(
        *(*CACHE, 'coverage', word, '-f', 'value'),
        *('-c', 'Missing', '-c', 'Cloud'),
    )

    assert (result.code, result.out) == (1, '0 oslo\n' if lacks else '')
    where = f"Cannot find '{word}'" + ''.join(
        f" in cloud '{one}'" for one in lacks
    )
    assert result.err == (
        f"{where}: No image has the name or ID '{word}'. See 'openstack image "
        "list'.\n"
    )


def test_coverage_of_an_id_needs_one_cloud(
    cloud: Cloud, openstack: OpenStack
) -> None:
    login(cloud, 'admin')
    hold(cloud, oslo=[p.cached(p.UBUNTU)], bergen=[])
    query = f'id=in:{p.UBUNTU}&visibility=all'
    images(cloud, p.GLANCE, query, IN_OSLO)
    for one in (query, f'name=in:{p.UBUNTU}'):
        images(cloud, GLANCE, one)
        hidden(cloud, GLANCE, one)

    result = openstack(
        *(*CACHE, 'coverage', p.UBUNTU, '-f', 'value'),
        *('-c', 'Missing', '-c', 'Cloud'),
    )

    assert (result.code, result.out, result.err) == (0, '0 oslo\n', '')


@pytest.mark.parametrize('command', ['list', 'delete', 'verify'])
def test_a_word_is_unknown_if_no_cloud_knows_it(
    cloud: Cloud, openstack: OpenStack, command: str
) -> None:
    """And told once."""
    login(cloud, 'admin')
    hold(cloud, oslo=[], bergen=[])
    for root, found in ((p.GLANCE, [IN_OSLO]), (GLANCE, [])):
        images(cloud, root, 'name=in:ubuntu,typo', *found)
    hidden(cloud, p.GLANCE, 'name=in:typo')
    hidden(cloud, GLANCE, 'name=in:ubuntu,typo')

    options = {
        'list': [],
        'delete': ['--all-nodes', '--dry-run'],
        'verify': ['--all-nodes', '--dry-run'],
    }
    result = openstack(
        *(*CACHE, command, 'ubuntu', 'typo', *options[command], '-f', 'csv')
    )

    assert result.code == 1
    assert result.err.splitlines()[-1] == (
        f"Cannot {command} 'typo': No image has the name or ID 'typo'. See "
        "'openstack image list'."
    )
    assert result.err.count('typo') == 2


def test_others_are_deleted_only_where_all_that_is_named_was_found(
    cloud: Cloud, openstack: OpenStack
) -> None:
    login(cloud, 'admin')
    hold(
        cloud,
        oslo=[p.cached(p.UBUNTU), p.cached(p.FEDORA)],
        bergen=[p.cached(p.FEDORA)],
    )
    images(cloud, p.GLANCE, 'name=in:ubuntu', IN_OSLO)
    images(cloud, GLANCE, 'name=in:ubuntu')
    hidden(cloud, GLANCE, 'name=in:ubuntu')
    images(cloud, p.GLANCE, f'id=in:{p.FEDORA}', p.image(p.FEDORA, 'fedora'))
    cloud.answers('DELETE', f'{OSLO}/v2/cache/{p.FEDORA}', status_code=204)

    result = openstack(
        *(*CACHE, 'sync', 'ubuntu', '--all-nodes', '--delete-others'),
        *('--auto-approve', '-f', 'value'),
    )

    assert result.out == (
        f'{p.FEDORA} fedora deleted oslo oslo\n'
        f'{p.UBUNTU} ubuntu already cached oslo oslo\n'
    )
    assert result.code == 1
    assert "Other entries are not deleted in cloud 'bergen': " in result.err


def test_a_policy_means_the_images_of_each_cloud(
    cloud: Cloud, openstack: OpenStack, tmp_path: pathlib.Path
) -> None:
    (tmp_path / 'policy.yaml').write_text(
        json.dumps(
            {
                'version': 1,
                'sets': {'base': {'images': ['ubuntu']}},
                'sites': [{'match': ['*'], 'sets': ['base']}],
            }
        )
    )
    login(cloud, 'admin')
    hold(cloud, oslo=[p.cached(p.DEBIAN)])
    images(cloud, p.GLANCE, 'name=in:ubuntu', IN_OSLO)
    images(cloud, GLANCE, 'name=in:ubuntu', IN_BERGEN)

    check = openstack(
        *(*CACHE, 'sync', '--policy', 'policy.yaml', '--check', '-f', 'value')
    )
    sites = openstack(
        *(*CACHE, 'site', 'list', '--policy', 'policy.yaml', '-f', 'value')
    )
    coverage = openstack(
        *(*CACHE, 'coverage', '--policy', 'policy.yaml', '-f', 'json')
    )

    named = openstack(*(*CACHE, 'site', 'list', '-f', 'value', '-c', 'cloud'))

    assert (named.code, named.out) == (0, 'oslo\nbergen\n')
    assert check.code == 3
    assert check.out == f'{p.UBUNTU} ubuntu 5000000 queue oslo oslo\n'
    assert sites.out == (
        'oslo 1 1 1 5000000 1 1 1 incomplete oslo\n'
        'bergen 2 2 2 10000000 2 0 0 in sync bergen\n'
    )
    assert [
        (one['ID'], one['Cached'], one['Missing On'], one['Cloud'])
        for one in rows(coverage.out)
    ] == [
        (p.UBUNTU, 0, ['oslo'], 'oslo'),
        (p.DEBIAN, 2, [], 'bergen'),
    ]
    assert (sites.code, coverage.code) == (0, 0)


def test_nodes_that_hold_an_image_of_their_cloud(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """What Oslo calls so is another image in Bergen."""
    login(cloud, 'admin')
    hold(cloud, bergen=[p.cached(p.UBUNTU)])
    images(cloud, p.GLANCE, 'name=in:ubuntu', IN_OSLO)
    images(cloud, GLANCE, 'name=in:ubuntu', IN_BERGEN)
    for url in (OSLO, BERGEN_1, BERGEN_2):
        cloud.answers(
            'GET',
            f'{url}/versions',
            json=p.glance_versions(url, '2.18'),
        )

    result = openstack(
        *(*CACHE, 'node', 'list', '--image', 'ubuntu', '-f', 'value'),
        *('-c', 'Cloud', '-c', 'Node'),
    )

    assert (result.code, result.out) == (0, 'oslo oslo\n')


def test_a_name_that_is_unknown_here_and_ambiguous_there(
    cloud: Cloud, openstack: OpenStack
) -> None:
    login(cloud, 'admin')
    for url in (OSLO, BERGEN_1, BERGEN_2):
        cloud.answers('GET', f'{url}/v2/cache', json=p.cache())
    versions(cloud)
    images(cloud, p.GLANCE, 'name=in:ubuntu')
    hidden(cloud, p.GLANCE, 'name=in:ubuntu')
    two = (IN_BERGEN, p.image(p.FEDORA, 'ubuntu'))
    images(cloud, GLANCE, 'name=in:ubuntu', *two)

    result = openstack(
        *(*CACHE, 'node', 'list', '--image', 'ubuntu', '-f', 'value')
    )

    assert (result.code, result.out) == (1, '')
    assert result.err.startswith(
        "Cannot find 'ubuntu' in cloud 'bergen': 2 images have the name"
    )


def test_a_cloud_whose_images_cannot_be_looked_up_is_named(
    cloud: Cloud, openstack: OpenStack
) -> None:
    login(cloud, 'admin')
    for url in (OSLO, BERGEN_2):
        cloud.answers('GET', f'{url}/v2/cache', json=p.cache())
    held = p.cache(p.cached(p.DEBIAN))
    cloud.answers('GET', f'{BERGEN_1}/v2/cache', json=held)
    cloud.adapter.register_uri(
        'GET', re.compile(f'{GLANCE}/v2/images'), status_code=404
    )

    result = openstack(*CACHE, 'list', '--all-nodes', '-f', 'value')

    assert result.code == 1
    (line,) = result.err.splitlines()
    assert line.startswith("Cannot look up image names in cloud 'bergen': ")


def test_a_keystone_that_is_away_costs_only_its_own_nodes(
    cloud: Cloud, openstack: OpenStack
) -> None:
    login(cloud, status_code=503, text='')
    cloud.answers('GET', f'{OSLO}/v2/cache', json=p.cache())
    images(cloud, p.GLANCE, 'name=in:ubuntu', IN_OSLO)
    cloud.answers('PUT', f'{OSLO}/v2/cache/{p.UBUNTU}', status_code=202)

    result = openstack(
        *(*CACHE, 'queue', 'ubuntu', '--all-nodes', '-f', 'value')
    )

    assert result.out == f'{p.UBUNTU} ubuntu queued oslo oslo\n'
    assert result.code == 1
    # Keystone's one failure is one line, whatever it costs.
    (line,) = result.err.splitlines()
    assert " and other operations (2) in cloud 'bergen': Keystone did" in line
    assert 'Keystone did not issue a token' in result.err


@pytest.mark.parametrize(
    ('nodes', 'bergen', 'told'),
    [
        (
            [{**NODES[0], 'cloud': 'nowhere'}],
            {},
            "'image_cache_nodes' in clouds.yaml is not valid: item 'oslo', key "
            "'cloud': clouds.yaml has no cloud 'nowhere'. See the page "
            'clouds.yaml in the manual.\n',
        ),
        (
            NODES,
            {'auth_type': 'no-such-type', 'auth': {}},
            "Cannot use cloud 'bergen' of clouds.yaml: The plugin no-such-type "
            'could not be found',
        ),
        (
            NODES,
            {
                'auth_type': 'v3totp',
                'auth': {'auth_url': KEYSTONE, 'password': 'x'},
            },
            "Cannot use cloud 'bergen' of clouds.yaml: TOTP.__init__() got an "
            "unexpected keyword argument 'password'",
        ),
        (
            [{'name': 'n', 'endpoint': 'edge', 'cloud': 'bergen'}],
            {},
            "'image_cache_nodes' in clouds.yaml is not valid: item 'n', key "
            "'endpoint': a node with 'cloud' requires a URL. See the page "
            'clouds.yaml in the manual.\n',
        ),
        (
            [{**NODES[0], 'cloud': 7}],
            {},
            "'image_cache_nodes' in clouds.yaml is not valid: item 'oslo', key "
            "'cloud': not a string. See the page clouds.yaml in the manual.\n",
        ),
    ],
)
def test_a_cloud_that_is_none_is_told_before_anything_is_sent(
    cloud: Cloud,
    openstack: OpenStack,
    write: Callable[..., None],
    nodes: list[dict[str, Any]],
    bergen: dict[str, Any],
    told: str,
) -> None:
    write(nodes, **bergen)

    result = openstack(*CACHE, 'list')

    assert (result.code, result.out) == (2, '')
    assert result.err.startswith(told)
    assert result.err.count('\n') == 1
    assert cloud.requests == []


@pytest.mark.parametrize(
    'argv',
    [
        ('delete', 'ubuntu', '--all-nodes', '--dry-run', '-f', 'value'),
        ('node', 'list', '--image', 'ubuntu', '-f', 'value'),
    ],
)
def test_a_name_that_is_ambiguous_in_one_cloud_is_reported(
    cloud: Cloud, openstack: OpenStack, argv: tuple[str, ...]
) -> None:
    """Although the other one has one image of that name."""
    login(cloud, 'admin')
    hold(cloud)
    for url in (OSLO, BERGEN_1, BERGEN_2):
        cloud.adapter.register_uri(
            'GET', f'{url}/versions', json=p.glance_versions(url, '2.18')
        )
    images(cloud, p.GLANCE, 'name=in:ubuntu', IN_OSLO)
    two = (IN_BERGEN, p.image(p.FEDORA, 'ubuntu'))
    images(cloud, GLANCE, 'name=in:ubuntu', *two)

    result = openstack(*CACHE, *argv)

    assert result.code == 1
    assert ' oslo' in result.out
    assert 'bergen' not in result.out
    assert " 'ubuntu' in cloud 'bergen': 2 images have the name" in result.err
    assert result.err.count('\n') == 1


def test_of_a_cloud_that_is_away_a_summary_does_not_know_failures(
    cloud: Cloud, openstack: OpenStack
) -> None:
    login(cloud, status_code=503, text='')
    cloud.answers('GET', f'{OSLO}/v2/cache', json=p.cache(p.cached(p.UBUNTU)))
    images(cloud, p.GLANCE, 'name=in:ubuntu', IN_OSLO)

    result = openstack(
        *(*CACHE, 'queue', 'ubuntu', '--all-nodes', '--summary', '-f'),
        'json',
    )

    assert [(one['Site'], one['Failed']) for one in rows(result.out)] == [
        ('oslo', 0),
        ('bergen', None),
    ]
    assert result.code == 1


@pytest.mark.parametrize('command', ['metrics', 'report'])
def test_a_glance_that_is_away_is_reported_once(
    cloud: Cloud, openstack: OpenStack, tmp_path: pathlib.Path, command: str
) -> None:
    (tmp_path / 'policy.yaml').write_text(
        'version: 1\nsets: {base: {images: [ubuntu]}}\n'
        "sites: [{match: ['*'], sets: [base]}]\n"
    )
    login(cloud, 'admin')
    hold(cloud, oslo=[p.cached(p.UBUNTU)])
    images(cloud, p.GLANCE, f'id=in:{p.UBUNTU}', IN_OSLO)
    images(cloud, p.GLANCE, 'name=in:ubuntu', IN_OSLO)
    cloud.answers(
        'GET', f'{GLANCE}/v2/images?name=in:ubuntu&limit=1000', status_code=500
    )

    result = openstack(
        *(*CACHE, command, '--policy', 'policy.yaml', '--output', 'out')
    )

    assert (result.code, result.out) == (1, '')
    assert result.err.count("Cannot use cloud 'bergen': ") == 1
    assert result.err.count('\n') == 1


def test_a_password_that_is_wrong_is_sent_once(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """Keystone may lock who sends it again."""
    login(cloud, status_code=401, json={'error': {'message': 'no'}})
    cloud.answers('GET', f'{OSLO}/v2/cache', json=p.cache())
    images(cloud, p.GLANCE, 'name=in:ubuntu', IN_OSLO)

    result = openstack(*CACHE, 'coverage', 'ubuntu', '-f', 'json')

    assert result.code == 1
    asked = [one.url for one in cloud.history if one.method == 'POST']
    assert asked.count(f'{KEYSTONE}/auth/tokens') == 1


def test_a_node_by_its_url_is_of_the_users_cloud(
    cloud: Cloud, openstack: OpenStack, write: Callable[..., None]
) -> None:
    """Then there are two, although all that are configured are of one."""
    write(NODES[1:])
    login(cloud, 'admin')
    hold(cloud)
    images(cloud, p.GLANCE, f'id=in:{p.UBUNTU}', IN_OSLO)
    images(cloud, GLANCE, f'id=in:{p.DEBIAN}', IN_BERGEN)

    result = openstack(
        *(*CACHE, 'list', '--node', OSLO, '--node', 'bergen-*'),
        *('-f', 'json'),
    )

    assert result.code == 0
    assert [(one['Cloud'], one['Node']) for one in rows(result.out)] == [
        ('oslo', OSLO),
        ('bergen', 'bergen-1'),
        ('bergen', 'bergen-2'),
    ]


def write_one_site(write: Callable[..., None], folder: pathlib.Path) -> None:
    """A site of the same name in both clouds, and a policy for it."""
    write([{**one, 'site': 'north'} for one in NODES])
    rule = {'match': ['*'], 'sets': ['base'], 'delete_others': True}
    policy = {
        'version': 1,
        'sets': {'base': {'images': ['ubuntu']}},
        'sites': [rule],
    }
    (folder / 'policy.yaml').write_text(json.dumps(policy))


def test_sites_on_which_nothing_is_deleted_are_of_their_cloud(
    cloud: Cloud,
    openstack: OpenStack,
    write: Callable[..., None],
    tmp_path: pathlib.Path,
) -> None:
    """Both have a site of the same name."""
    write_one_site(write, tmp_path)
    login(cloud, 'admin')
    hold(cloud, oslo=[p.cached(p.FEDORA)])
    images(cloud, p.GLANCE, 'name=in:ubuntu', IN_OSLO)
    images(cloud, GLANCE, 'name=in:ubuntu')
    hidden(cloud, GLANCE, 'name=in:ubuntu')

    result = openstack(
        *(*CACHE, 'sync', '--policy', 'policy.yaml', '--all-nodes'),
        *('--delete-others', '--dry-run', '-f', 'value', '-c', 'Action'),
    )

    assert result.out == 'delete\nqueue\n'
    assert result.err.splitlines()[1:] == [
        "Cannot find 'ubuntu' of set base in cloud 'bergen': No image has the "
        "name or ID 'ubuntu'. See 'openstack image list'.",
        "Extra entries on north in cloud 'bergen' are not deleted: Some "
        "images of the policy's sets were not found. Correct the sets, and "
        'run the command again.',
    ]


def test_extra_entries_are_those_of_a_site_of_a_cloud(
    cloud: Cloud,
    openstack: OpenStack,
    write: Callable[..., None],
    tmp_path: pathlib.Path,
) -> None:
    """Two clouds may have sites with the same name."""
    write_one_site(write, tmp_path)
    login(cloud, 'admin')
    hold(cloud, oslo=[p.cached(p.FEDORA)])
    images(cloud, p.GLANCE, 'name=in:ubuntu', IN_OSLO)
    images(cloud, GLANCE, 'name=in:ubuntu', IN_OSLO)

    result = openstack(
        *(*CACHE, 'sync', '--policy', 'policy.yaml', '--all-nodes'),
        *('--check', '-f', 'value', '-c', 'Action'),
    )

    assert result.err.splitlines()[-1] == (
        "Extra entries on north in cloud 'oslo', north in cloud 'bergen': 3. "
        'Use --delete-others to delete them.'
    )


def test_a_glance_that_is_away_hides_no_other_cloud(
    cloud: Cloud, openstack: OpenStack
) -> None:
    login(cloud, 'admin')
    hold(cloud)
    cloud.answers(
        *('GET', f'{p.GLANCE}/v2/images?id=in:{p.UBUNTU}&limit=1000'),
        status_code=500,
    )
    images(cloud, GLANCE, f'id=in:{p.DEBIAN}', p.image(p.DEBIAN, 'debian'))

    result = openstack(
        *(*CACHE, 'verify', '--dry-run', '-f', 'value', '-c', 'Node')
    )

    assert (result.code, result.out) == (1, 'bergen-1\nbergen-2\n')


def test_a_glance_that_is_away_is_no_cloud_without_images(
    cloud: Cloud, openstack: OpenStack, write: Callable[..., None]
) -> None:
    write(NODES[1:])
    login(cloud, 'admin')
    for url in (BERGEN_1, BERGEN_2):
        cloud.answers('GET', f'{url}/v2/cache', json=p.cache())
    cloud.answers('GET', f'{GLANCE}/v2/images?limit=1', status_code=500)
    for url in (BERGEN_1, BERGEN_2):
        cloud.answers(
            'GET', f'{url}/versions', json=p.glance_versions(url, '2.18')
        )

    result = openstack(
        *(*CACHE, 'node', 'check', '--node', 'bergen-*', '-f', 'csv'),
    )

    assert 'The cloud has no list of images' in result.out
    assert 'has no image to ask for' not in result.out
    assert result.err.startswith(
        'Cannot check whether nodes belong to their cloud and serve its '
        'images: '
    )


@pytest.mark.parametrize('mark', [',', '!', '&', '^', '@', '://'])
def test_a_name_that_would_be_other_nodes_is_refused(
    cloud: Cloud, openstack: OpenStack, write: Callable[..., None], mark: str
) -> None:
    write([{'name': f'a{mark}b', 'endpoint': OSLO}])

    result = openstack(*CACHE, 'list')

    assert (result.code, result.out) == (2, '')
    assert "key 'name': , ! & ^ @ and :// are not allowed" in (result.err)
    assert cloud.requests == []


def test_an_id_that_no_cloud_knows_is_listed_once(
    cloud: Cloud, openstack: OpenStack
) -> None:
    login(cloud, 'admin')
    hold(cloud, oslo=[], bergen=[p.cached(p.DEBIAN)])
    for root in (p.GLANCE, GLANCE):
        cloud.adapter.register_uri('GET', f'{root}/v2/images', json=p.images())

    result = openstack(
        *(*CACHE, 'delete', p.ORPHAN, p.DEBIAN, '--all-nodes', '--dry-run'),
        *('-f', 'value', '-c', 'ID', '-c', 'Action', '-c', 'Node'),
    )

    assert (result.code, result.err) == (0, '')
    assert result.out == (
        f'{p.DEBIAN} delete bergen-1\n{p.DEBIAN} delete bergen-2\n'
        f'{p.ORPHAN} none oslo\n'
    )


@pytest.mark.parametrize('held', [[p.cached(p.ORPHAN)], []])
def test_of_a_cloud_that_is_away_nobody_knows_that_an_id_is_not_in_a_cache(
    cloud: Cloud, openstack: OpenStack, held: list[Any]
) -> None:
    login(cloud, 'admin')
    hold(cloud, oslo=[], bergen=held)
    cloud.adapter.register_uri('GET', f'{p.GLANCE}/v2/images', json=p.images())
    cloud.adapter.register_uri('GET', f'{GLANCE}/v2/images', status_code=500)

    result = openstack(
        *(*CACHE, 'delete', p.ORPHAN, '--all-nodes', '--dry-run'),
        *('-f', 'value'),
    )

    assert (result.code, result.out) == (1, '')
    assert f"Cannot delete '{p.ORPHAN}'" in result.err


def test_an_entry_without_a_password_costs_only_its_own_nodes(
    cloud: Cloud, openstack: OpenStack, write: Callable[..., None]
) -> None:
    """The plugin raises a bare Exception, after it has read the versions."""
    entry = {key: ENTRY[key] for key in ENTRY if key != 'password'}
    write(NODES, auth={'auth_url': KEYSTONE, **entry})
    version: Any = copy.deepcopy(p.KEYSTONE_VERSION)
    version['version']['links'][0]['href'] = f'{KEYSTONE}/'
    cloud.adapter.register_uri('GET', KEYSTONE, json=version)
    cloud.answers('GET', f'{OSLO}/v2/cache', json=p.cache())
    versions(cloud)

    result = openstack(
        *(*CACHE, 'node', 'list', '-f', 'value', '-c', 'Node', '-c', 'Status')
    )

    assert (result.code, result.out) == (
        1,
        'oslo ok\nbergen-1 no login\nbergen-2 no login\n',
    )
    assert "in cloud 'bergen': Keystone did not issue a token: " in result.err
    assert result.err.endswith(
        "Check the login with 'openstack --os-cloud bergen token issue'.\n"
    )


def test_a_failed_cloud_is_named_even_if_no_other_is_selected(
    cloud: Cloud, openstack: OpenStack
) -> None:
    login(cloud, 'admin')
    for url in (BERGEN_1, BERGEN_2):
        cloud.answers('GET', f'{url}/v2/cache', json=p.cache())
    cloud.adapter.register_uri('GET', f'{GLANCE}/v2/images', status_code=404)

    result = openstack(*CACHE, 'sync', 'ubuntu', '--site', 'bergen', '--check')

    assert (result.code, result.out) == (1, '\n')
    assert result.err.startswith("Cannot use cloud 'bergen': ")


@pytest.mark.parametrize(
    'argv',
    [('coverage', 'only-bergen'), ('node', 'list', '--image', 'only-bergen')],
)
def test_an_image_that_a_failed_cloud_may_have_is_missing_in_the_others(
    cloud: Cloud, openstack: OpenStack, argv: tuple[str, ...]
) -> None:
    login(cloud, status_code=503, text='')
    cloud.answers('GET', f'{OSLO}/v2/cache', json=p.cache())
    versions(cloud)
    images(cloud, p.GLANCE, 'name=in:only-bergen')
    hidden(cloud, p.GLANCE, 'name=in:only-bergen')

    result = openstack(*CACHE, *argv, '-f', 'value')

    assert result.code == 1
    assert "Cannot find 'only-bergen' in cloud 'oslo': No" in result.err
    assert "cloud 'bergen' in cloud" not in result.err
