# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache node discover`: argv in, output out."""

import copy
from typing import Any
from unittest import mock

import pytest
import yaml

from glance_cache_osc.fleet import configuration
from glance_cache_osc.fleet import nodes
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

DISCOVER = ('image', 'cache', 'node', 'discover')
DNS = (*DISCOVER, '--dns')
CATALOGUE = (*DISCOVER, '--catalogue')
HOST = 'edge.example'
NAMES = {
    HOST: ['127.0.0.12', '127.0.0.3'],
    'six.example': ['::1'],
    'both.example': ['::1', '127.0.0.4'],
    'one.example': ['127.0.0.9'],
}


@pytest.fixture(autouse=True)
def addresses(cloud: Cloud) -> None:
    """Names that have some addresses."""
    cloud.addresses.update(NAMES)


def configured(text: str) -> list[nodes.Node]:
    """The nodes of a clouds.yaml with this list."""
    settings = {'image_cache_nodes': yaml.safe_load(text)}
    cloud = mock.Mock()
    cloud.setting.side_effect = settings.get
    return configuration.configured(cloud)


TABLE = """\
+-------------------------+------------------------+--------------+----------+
| name                    | endpoint               | site         | discover |
+-------------------------+------------------------+--------------+----------+
| edge.example-127.0.0.12 | http://127.0.0.12:9292 | edge.example |          |
| edge.example-127.0.0.3  | http://127.0.0.3:9292  | edge.example |          |
+-------------------------+------------------------+--------------+----------+
"""
JSON = """\
[
  {
    "name": "edge.example-127.0.0.12",
    "endpoint": "http://127.0.0.12:9292",
    "site": "edge.example",
    "discover": null
  },
  {
    "name": "edge.example-127.0.0.3",
    "endpoint": "http://127.0.0.3:9292",
    "site": "edge.example",
    "discover": null
  }
]
"""
YAML = """\
- discover: null
  endpoint: http://127.0.0.12:9292
  name: edge.example-127.0.0.12
  site: edge.example
- discover: null
  endpoint: http://127.0.0.3:9292
  name: edge.example-127.0.0.3
  site: edge.example
"""
CSV = """\
"name","endpoint","site","discover"
"edge.example-127.0.0.12","http://127.0.0.12:9292","edge.example",""
"edge.example-127.0.0.3","http://127.0.0.3:9292","edge.example",""
"""
#: Nothing stands for what is absent: lines end in a space.
VALUE = (
    'edge.example-127.0.0.12 http://127.0.0.12:9292 edge.example \n'
    'edge.example-127.0.0.3 http://127.0.0.3:9292 edge.example \n'
)


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
@pytest.mark.parametrize('terminal', [False, True])
def test_a_node_for_each_address(
    cloud: Cloud,
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    """No request is sent to them."""
    result = openstack(*DNS, HOST, '-f', name, terminal=terminal)

    assert result == Result(0, expected, '')
    assert cloud.requests == []


def test_the_nodes_can_be_pasted(openstack: OpenStack) -> None:
    result = openstack(*DNS, HOST, 'six.example', '-f', 'yaml')

    assert result.code == 0
    assert configured(result.out) == [
        nodes.Node(
            name='edge.example-127.0.0.12',
            endpoint='http://127.0.0.12:9292',
            site='edge.example',
        ),
        nodes.Node(
            name='edge.example-127.0.0.3',
            endpoint='http://127.0.0.3:9292',
            site='edge.example',
        ),
        nodes.Node(
            name='six.example-::1',
            endpoint='http://[::1]:9292',
            site='six.example',
        ),
    ]


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (['one.example'], 'http://127.0.0.9:9292'),
        (['one.example:8080'], 'http://127.0.0.9:8080'),
        (['https://one.example'], 'https://one.example'),
        (['http://one.example:9292/v2'], 'http://127.0.0.9:9292'),
        (['http://one.example/image/'], 'http://127.0.0.9/image'),
        (['one.example', 'http://one.example:9292'], 'http://127.0.0.9:9292'),
        (['both.example'], 'http://127.0.0.4:9292'),
    ],
)
def test_hosts_and_urls(
    openstack: OpenStack, words: list[str], expected: str
) -> None:
    """What a host lacks comes from the image endpoint; IPv4 comes first."""
    result = openstack(*DNS, *words, '-f', 'value', '-c', 'endpoint')

    assert result == Result(0, f'{expected}\n', '')


def test_an_https_name_stays_a_name(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """The certificate is for it; it stands for all of its addresses."""
    cloud.nameless.add('gone.example')
    words = ('https://edge.example/image', 'https://gone.example')

    result = openstack(*DNS, *words, '-f', 'yaml')

    assert result.code == 1
    assert configured(result.out) == [
        nodes.Node(
            name='edge.example',
            endpoint='https://edge.example/image',
            site='edge.example',
            discover=True,
        )
    ]
    assert result.err.count('\n') == 1


def test_an_https_address_is_a_node(openstack: OpenStack) -> None:
    result = openstack(*DNS, 'https://127.0.0.9', '-f', 'yaml')

    assert [
        (one.endpoint, one.discover) for one in configured(result.out)
    ] == [('https://127.0.0.9', False)]


def test_no_name_is_there_twice(openstack: OpenStack) -> None:
    result = openstack(
        *DNS, 'one.example:8080', 'one.example:8081', '-f', 'yaml'
    )

    assert [one.name for one in configured(result.out)] == [
        'one.example-127.0.0.9-127.0.0.9:8080',
        'one.example-127.0.0.9-127.0.0.9:8081',
    ]


def test_names_of_one_host_are_numbered(openstack: OpenStack) -> None:
    paths = [f'http://one.example/{one}' for one in 'abc']

    result = openstack(*DNS, *paths, '-f', 'yaml')

    assert [one.name for one in configured(result.out)] == [
        'one.example-127.0.0.9-127.0.0.9',
        'one.example-127.0.0.9-127.0.0.9-2',
        'one.example-127.0.0.9-127.0.0.9-3',
    ]


@pytest.mark.parametrize(
    'more',
    [
        ['--node', 'a'],
        ['--site', 'a'],
        ['--exclude-node', 'a'],
        ['--all-nodes'],
        ['--allow-unreachable', '1'],
        ['--region', ''],
    ],
)
def test_options_without_an_effect_are_refused(
    cloud: Cloud, openstack: OpenStack, more: list[str]
) -> None:
    result = openstack(*DISCOVER, '--catalogue', *more)

    assert (result.code, result.out, cloud.requests) == (2, '', [])


def test_a_name_without_an_address_is_a_failure_of_its_own(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.nameless.add('gone.example')

    result = openstack(*DNS, 'gone.example', 'one.example', '-f', 'value')

    assert (result.code, result.out) == (
        1,
        'one.example-127.0.0.9 http://127.0.0.9:9292 one.example \n',
    )
    assert result.err.startswith("Cannot look up 'gone.example': ")
    assert result.err.count('\n') == 1


def endpoint(url: str, region: str | None, **more: Any) -> dict[str, Any]:
    """An endpoint of the service catalogue."""
    found = {'id': 'x', 'interface': 'public', 'url': url}
    return {**found, 'region_id': region, 'region': region, **more}


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The image endpoints of the service catalogue."""
    token: Any = copy.deepcopy(p.TOKEN)
    monkeypatch.setattr(p, 'TOKEN', token)
    found: list[dict[str, Any]] = token['token']['catalog'][0]['endpoints']
    found += [
        endpoint('http://oslo.example:9292/v2', 'oslo'),
        endpoint('http://inside.example:9292', 'oslo', interface='internal'),
        endpoint('https://bergen.example/image', 'bergen'),
    ]
    return found


@pytest.fixture
def login_again(cloud: Cloud, catalogue: Any) -> None:
    """The login has that service catalogue."""
    import requests_mock

    url = f'{p.KEYSTONE}/auth/tokens'
    headers = {'X-Subject-Token': 'gAAAAA-the-token'}
    with requests_mock.Mocker(adapter=cloud.adapter) as mocker:
        mocker.post(url, json=p.TOKEN, headers=headers, status_code=201)


IN_CATALOGUE = """\
+-----------+------------------------------+-----------+
| name      | endpoint                     | site      |
+-----------+------------------------------+-----------+
| RegionOne | http://glance.example:9292   | RegionOne |
| oslo      | http://oslo.example:9292     | oslo      |
| bergen    | https://bergen.example/image | bergen    |
+-----------+------------------------------+-----------+
"""


@pytest.mark.usefixtures('login_again')
def test_the_public_endpoints_of_the_catalogue(
    cloud: Cloud, openstack: OpenStack
) -> None:
    result = openstack(*CATALOGUE)
    pasted = openstack(*CATALOGUE, '-f', 'yaml')

    assert result == Result(0, IN_CATALOGUE, '')
    assert [
        (one.name, one.endpoint, one.site) for one in configured(pasted.out)
    ] == [
        ('RegionOne', 'http://glance.example:9292', 'RegionOne'),
        ('oslo', 'http://oslo.example:9292', 'oslo'),
        ('bergen', 'https://bergen.example/image', 'bergen'),
    ]
    assert cloud.requests == []


def test_a_bad_endpoint_of_the_catalogue_hides_no_other(
    openstack: OpenStack, catalogue: Any, request: Any
) -> None:
    """And the names of all others can be pasted."""
    catalogue += [
        endpoint('http://bad.example/v2?x=1', 'bad'),
        endpoint('http://west.example', 'edge, west [1-2]'),
    ]
    request.getfixturevalue('login_again')

    result = openstack(*CATALOGUE, '-f', 'yaml')

    assert [(one.name, one.site) for one in configured(result.out)] == [
        ('RegionOne', 'RegionOne'),
        ('oslo', 'oslo'),
        ('bergen', 'bergen'),
        ('edge-west-1-2-', 'edge, west [1-2]'),
    ]
    assert (result.code, result.err) == (
        1,
        "Cannot use an endpoint of region 'bad': 'http://bad.example/v2?x=1' "
        'is not a node endpoint: a query or fragment is not allowed. Correct '
        "it with 'openstack endpoint set --url'.\n",
    )


def test_a_catalogue_of_one_bad_endpoint_is_not_empty(
    openstack: OpenStack, catalogue: Any, request: Any
) -> None:
    catalogue[:] = [endpoint('ftp://bad.example', 'RegionOne')]
    request.getfixturevalue('login_again')

    result = openstack(*CATALOGUE, '-f', 'value')

    assert (result.code, result.err) == (
        1,
        "Cannot use an endpoint of region 'RegionOne': 'ftp://bad.example' is "
        'not a node endpoint: the URL must start with http:// or https://. '
        "Correct it with 'openstack endpoint set --url'.\n",
    )


@pytest.mark.usefixtures('login_again')
def test_the_endpoints_of_a_region(openstack: OpenStack) -> None:
    found = openstack(*CATALOGUE, '--region', 'oslo', '-f', 'value')
    none = openstack(*CATALOGUE, '--region', 'nosuch', '-f', 'json')

    assert found == Result(0, 'oslo http://oslo.example:9292 oslo\n', '')
    assert none == Result(
        0,
        '[]\n',
        "The service catalogue has no image endpoint in region 'nosuch'. See "
        "'openstack endpoint list --service image'.\n",
    )


def test_endpoints_of_one_region_and_of_none(
    cloud: Cloud, openstack: OpenStack, catalogue: Any, request: Any
) -> None:
    """Names are distinct, and no site is empty: it can be pasted."""
    catalogue += [
        endpoint('http://oslo-2.example:9292', 'oslo'),
        endpoint('http://oslo.example:9292/', 'oslo'),
        endpoint('http://nowhere.example', None),
    ]
    request.getfixturevalue('login_again')

    result = openstack(*CATALOGUE, '-f', 'yaml')

    assert [(one.name, one.site) for one in configured(result.out)] == [
        ('RegionOne', 'RegionOne'),
        ('oslo-oslo.example:9292', 'oslo'),
        ('bergen', 'bergen'),
        ('oslo-oslo-2.example:9292', 'oslo'),
        ('nowhere.example', 'nowhere.example'),
    ]


@pytest.mark.parametrize(
    ('argv', 'expected'),
    [
        ([], 'one of the arguments --dns --catalogue is required'),
        (['--dns'], 'argument --dns: expected at least one argument'),
        (
            ['--catalogue', '--dns', HOST],
            'argument --dns: not allowed with argument --catalogue',
        ),
        (['--dns', HOST, '--region', 'oslo'], '--region requires --catalogue'),
        (['--dns', 'http://'], "'http://'"),
    ],
)
def test_bad_input_is_told(
    cloud: Cloud, openstack: OpenStack, argv: list[str], expected: str
) -> None:
    result = openstack(*DISCOVER, *argv)

    assert (result.code, result.out) == (2, '')
    assert expected in result.err
    assert cloud.requests == []
