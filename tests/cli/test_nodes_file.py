# SPDX-License-Identifier: Apache-2.0

"""Nodes in a file of their own: argv in, output out."""

from collections.abc import Callable
import json
import pathlib

import pytest

from tests.cli import fleets
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

LIST = ('--os-cloud', 'far', 'image', 'cache', 'list')
NODES = (*LIST, '-f', 'value', '-c', 'ID', '-c', 'Node')

BLOCKS = f"""\
# The sites of the north.
- name: edge-oslo
  endpoint: {fleets.OSLO}
- name: edge-bergen
  endpoint: {fleets.BERGEN}/v2/
"""
FLOW = (
    f'[{{name: edge-oslo, endpoint: "{fleets.OSLO}"}},\n'
    f' {{name: edge-bergen, endpoint: "{fleets.BERGEN}"}}]\n'
)
JSON = f"""\
[
    {{"name": "edge-oslo", "endpoint": "{fleets.OSLO}"}},
    {{"name": "edge-bergen", "endpoint": "{fleets.BERGEN}"}}
]
"""
WHAT_IT_IS = 'See the page clouds.yaml in the manual.'


@pytest.fixture
def far(clouds_yaml: Callable[[str], None]) -> Callable[..., None]:
    """Write a clouds.yaml whose cloud 'far' has these keys, besides."""

    def write(**keys: object) -> None:
        keys = {'auth': {'auth_url': p.KEYSTONE}, **keys}
        clouds_yaml(json.dumps({'clouds': {'far': keys}}))

    return write


@pytest.fixture
def nodes_file(
    far: Callable[..., None], tmp_path: pathlib.Path
) -> pathlib.Path:
    """A file that the cloud's nodes are to be in."""
    path = tmp_path / 'nodes'
    far(image_cache_nodes_file=str(path))
    return path


def two_caches(cloud: Cloud) -> None:
    """Ubuntu is in one of the two, and Debian in the other."""
    for url, image_id in ((fleets.OSLO, p.UBUNTU), (fleets.BERGEN, p.DEBIAN)):
        cache = p.cache(p.cached(image_id))
        cloud.answers('GET', f'{url}/v2/cache', json=cache)


@pytest.mark.parametrize('text', [BLOCKS, FLOW, JSON])
def test_yaml_and_json(
    cloud: Cloud, openstack: OpenStack, nodes_file: pathlib.Path, text: str
) -> None:
    nodes_file.write_text(text)
    two_caches(cloud)

    result = openstack(*NODES)

    assert result == Result(
        0, f'{p.UBUNTU} edge-oslo\n{p.DEBIAN} edge-bergen\n', ''
    )


def test_names_of_all_scripts(
    cloud: Cloud, openstack: OpenStack, nodes_file: pathlib.Path
) -> None:
    nodes_file.write_bytes(
        f'- {{name: Tromsø-ørnes, endpoint: "{fleets.TROMSO}"}}'.encode()
    )
    cache = p.cache(p.cached(p.UBUNTU))
    cloud.answers('GET', f'{fleets.TROMSO}/v2/cache', json=cache)

    result = openstack(*NODES, '--node', 'Tromsø*')

    assert result == Result(0, f'{p.UBUNTU} Tromsø-ørnes\n', '')


def test_a_file_in_the_home_of_the_user(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    nodes_file: pathlib.Path,
) -> None:
    far(image_cache_nodes_file='~/nodes')
    nodes_file.write_text(BLOCKS)
    two_caches(cloud)

    result = openstack(*NODES)

    assert result == Result(
        0, f'{p.UBUNTU} edge-oslo\n{p.DEBIAN} edge-bergen\n', ''
    )


def test_both_lists_are_nodes_of_the_cloud(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    nodes_file: pathlib.Path,
) -> None:
    """Those of clouds.yaml come first."""
    far(
        image_cache_nodes=[{'name': 'edge-alta', 'endpoint': fleets.ALTA}],
        image_cache_nodes_file=str(nodes_file),
    )
    nodes_file.write_text(BLOCKS)
    two_caches(cloud)
    cache = p.cache(p.cached(p.FEDORA))
    cloud.answers('GET', f'{fleets.ALTA}/v2/cache', json=cache)

    result = openstack(*NODES)

    assert result == Result(
        0,
        f'{p.FEDORA} edge-alta\n'
        f'{p.UBUNTU} edge-oslo\n'
        f'{p.DEBIAN} edge-bergen\n',
        '',
    )


def test_one_of_the_file_is_named(
    cloud: Cloud, openstack: OpenStack, nodes_file: pathlib.Path
) -> None:
    nodes_file.write_text(BLOCKS)
    cache = p.cache(p.cached(p.DEBIAN))
    cloud.answers('GET', f'{fleets.BERGEN}/v2/cache', json=cache)

    result = openstack(*NODES, '--node', 'edge-bergen')

    assert result == Result(0, f'{p.DEBIAN} edge-bergen\n', '')


def test_a_change_wants_to_be_told_where(
    cloud: Cloud, openstack: OpenStack, nodes_file: pathlib.Path
) -> None:
    nodes_file.write_text(BLOCKS)

    result = openstack(
        *('--os-cloud', 'far', 'image', 'cache', 'clear', '--auto-approve')
    )

    assert result == Result(
        2,
        '',
        '2 nodes are configured: this command requires --node, --site or '
        '--all-nodes.\n',
    )
    assert cloud.requests == []


@pytest.mark.parametrize(
    ('path', 'told'),
    [
        (
            '/nosuch/nodes.yaml',
            "Cannot read '/nosuch/nodes.yaml': No such file or directory. "
            "See 'image_cache_nodes_file' in clouds.yaml.\n",
        ),
        (
            '/',
            "Cannot read '/': Is a directory. See 'image_cache_nodes_file' "
            'in clouds.yaml.\n',
        ),
        (
            'nodes',
            "'image_cache_nodes_file' in clouds.yaml is not an absolute path: "
            "'nodes'. Use an absolute path.\n",
        ),
        (
            './nodes',
            "'image_cache_nodes_file' in clouds.yaml is not an absolute path: "
            "'./nodes'. Use an absolute path.\n",
        ),
        (
            '~nosuchuser/nodes',
            "'image_cache_nodes_file' in clouds.yaml is not an absolute path: "
            "'~nosuchuser/nodes'. Use an absolute path.\n",
        ),
        *(
            (
                path,
                "'image_cache_nodes_file' in clouds.yaml is not a file path. "
                'Use an absolute path.\n',
            )
            for path in ('', ['/etc/nodes'], {'a': 'b'}, '/etc/a\0b')
        ),
    ],
)
def test_a_file_that_is_not_there(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    nodes_file: pathlib.Path,
    path: object,
    told: str,
) -> None:
    """What stands in the folder of the user is not meant."""
    far(image_cache_nodes_file=path)
    nodes_file.write_text(BLOCKS)

    assert openstack(*LIST) == Result(2, '', told)
    assert cloud.requests == []


@pytest.mark.parametrize(
    ('content', 'told'),
    [
        (b'\xff\xfe[\0]\0', "Cannot read '{}': not UTF-8 text.\n"),
        (b'', f"'{{}}' is not valid: not a list. {WHAT_IT_IS}\n"),
        (b'# None.\n', f"'{{}}' is not valid: not a list. {WHAT_IT_IS}\n"),
        (b'edge-oslo', f"'{{}}' is not valid: not a list. {WHAT_IT_IS}\n"),
        (
            b'edge-oslo: {endpoint: "http://oslo.example"}',
            f"'{{}}' is not valid: not a list. {WHAT_IT_IS}\n",
        ),
        (
            b'{"edge-oslo": "http://oslo.example"}',
            f"'{{}}' is not valid: not a list. {WHAT_IT_IS}\n",
        ),
        (
            b'- http://oslo.example:9292',
            f"'{{}}' is not valid: item 1 is not a mapping. {WHAT_IT_IS}\n",
        ),
        (
            b'- name: edge-oslo',
            "'{}' is not valid: item 'edge-oslo', key 'endpoint': missing. "
            f'{WHAT_IT_IS}\n',
        ),
        (
            b'[{"name": "edge-oslo", "endpoint": 9292}]',
            "'{}' is not valid: item 'edge-oslo', key 'endpoint': not a string"
            f'. {WHAT_IT_IS}\n',
        ),
        (
            b'- endpoint: http://oslo.example:9292',
            "'{}' is not valid: item 1, key 'name': missing. "
            f'{WHAT_IT_IS}\n',
        ),
        (
            b'- {name: "", endpoint: "http://oslo.example:9292"}',
            "'{}' is not valid: item 1, key 'name': not a string. "
            f'{WHAT_IT_IS}\n',
        ),
        (
            b'- {name: edge-oslo, endpoint: "http://oslo.example", rack: 1}',
            "'{}' is not valid: item 'edge-oslo', key 'rack': unknown key. "
            'Use cloud, discover, endpoint, maintenance, name, site.\n',
        ),
        (
            b'- {name: edge-oslo, endpoint: "ftp://oslo.example"}',
            "'{}' is not valid: item 'edge-oslo', key 'endpoint': "
            "'ftp://oslo.example' is not a node endpoint: the URL must start "
            'with http:// or https://. Use http://host:port, host:port or '
            'host.\n',
        ),
        (
            BLOCKS.encode() + BLOCKS.encode(),
            "'{}' is not valid: two nodes have the name 'edge-oslo'. "
            f'{WHAT_IT_IS}\n',
        ),
    ],
)
def test_a_file_that_is_wrong(
    cloud: Cloud,
    openstack: OpenStack,
    nodes_file: pathlib.Path,
    content: bytes,
    told: str,
) -> None:
    nodes_file.write_bytes(content)

    result = openstack(*LIST)

    assert result == Result(2, '', told.format(nodes_file))
    assert cloud.requests == []


@pytest.mark.parametrize('command', ['list', 'clear'])
@pytest.mark.parametrize('in_clouds_yaml', [True, False])
def test_a_list_without_nodes(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    nodes_file: pathlib.Path,
    command: str,
    in_clouds_yaml: bool,
) -> None:
    """No command uses the image endpoint instead."""
    nodes_file.write_text('[]')
    where = f"'{nodes_file}'"
    if in_clouds_yaml:
        far(image_cache_nodes=[])
        where = "'image_cache_nodes' in clouds.yaml"

    result = openstack('--os-cloud', 'far', 'image', 'cache', command)

    assert result == Result(
        2,
        '',
        f'{where} is not valid: the list is empty. Add a node, or delete the '
        'key in clouds.yaml.\n',
    )
    assert cloud.requests == []


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ('- name: [edge-oslo\n', 'line 1, column 9'),
        ('[{"name": "edge-oslo", "endpoint": }\n', 'line 1, column 1'),
        ('- name: edge-oslo\n  endpoint: \x07\n', '#x0007'),
        (
            '- name: edge-oslo\n  endpoint: http://a\n  endpoint: http://b\n',
            '\'endpoint\' occurs twice in "<unicode string>", line 3, column 3',
        ),
        (
            '[{"name": "edge-oslo", "endpoint": "http://a",\n'
            '  "endpoint": "http://b"}]\n',
            '\'endpoint\' occurs twice in "<unicode string>", line 2, column 3',
        ),
        (
            '- !!python/object/apply:os.system ["true"]\n',
            'python/object/apply:os.system',
        ),
    ],
)
def test_what_yaml_says_of_a_file_is_told_in_a_line(
    cloud: Cloud,
    openstack: OpenStack,
    nodes_file: pathlib.Path,
    content: str,
    words: str,
) -> None:
    """The words are those of its library."""
    nodes_file.write_text(content)

    result = openstack(*LIST)

    (line,) = result.err.splitlines()
    assert (result.code, result.out) == (2, '')
    assert line.startswith(f"'{nodes_file}' is not valid YAML: ")
    assert words in line
    assert cloud.requests == []


def test_a_file_that_may_not_be_read(
    cloud: Cloud, openstack: OpenStack, nodes_file: pathlib.Path
) -> None:
    """A link to itself: even root can't read that."""
    nodes_file.symlink_to(nodes_file)

    assert openstack(*LIST) == Result(
        2,
        '',
        f"Cannot read '{nodes_file}': Too many levels of symbolic links. See "
        "'image_cache_nodes_file' in clouds.yaml.\n",
    )
    assert cloud.requests == []


def test_lists_that_share_a_name(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    nodes_file: pathlib.Path,
) -> None:
    far(
        image_cache_nodes=[{'name': 'edge-oslo', 'endpoint': fleets.ALTA}],
        image_cache_nodes_file=str(nodes_file),
    )
    nodes_file.write_text(BLOCKS)

    assert openstack(*LIST) == Result(
        2,
        '',
        f"'{nodes_file}' is not valid: two nodes have the name 'edge-oslo'. "
        f'{WHAT_IT_IS}\n',
    )
    assert cloud.requests == []


def test_a_list_that_is_wrong_beside_a_good_file(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    nodes_file: pathlib.Path,
) -> None:
    far(image_cache_nodes='edge-oslo', image_cache_nodes_file=str(nodes_file))
    nodes_file.write_text(BLOCKS)

    assert openstack(*LIST) == Result(
        2,
        '',
        "'image_cache_nodes' in clouds.yaml is not valid: not a list. "
        f'{WHAT_IT_IS}\n',
    )
    assert cloud.requests == []


def test_lists_that_share_an_endpoint(
    cloud: Cloud,
    openstack: OpenStack,
    far: Callable[..., None],
    nodes_file: pathlib.Path,
) -> None:
    far(
        image_cache_nodes=[{'name': 'north', 'endpoint': fleets.BERGEN}],
        image_cache_nodes_file=str(nodes_file),
    )
    nodes_file.write_text(BLOCKS)

    assert openstack(*LIST) == Result(
        2,
        '',
        f"'north' and 'edge-bergen' are the same node: {fleets.BERGEN}. Use "
        'only one name.\n',
    )
    assert cloud.requests == []


def test_a_file_is_not_read_where_no_node_is_asked(
    cloud: Cloud, openstack: OpenStack, nodes_file: pathlib.Path
) -> None:
    """`openstack` itself does not know it."""
    nodes_file.write_text('[')

    result = openstack(
        '--os-cloud', 'far', 'token', 'issue', '-f', 'value', '-c', 'id'
    )

    assert result == Result(0, 'gAAAAA-the-token\n', '')
