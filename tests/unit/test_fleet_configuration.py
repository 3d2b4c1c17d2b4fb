# SPDX-License-Identifier: Apache-2.0

"""The nodes that ``clouds.yaml`` names, or a file that it names."""

import json
import pathlib
from typing import Any
from unittest import mock

import pytest

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.fleet import configuration
from glance_cache_osc.fleet import fleet

FORM = "It is a list of items with 'name' and 'endpoint'."
OSLO = {'name': 'edge-oslo', 'endpoint': 'http://10.1.0.5:9292/v2/'}
BERGEN = {
    'name': 'edge-bergen',
    'endpoint': 'https://glance.bergen.example.net:443',
    'comment': 'what we do not know is passed over',
}
BOTH = [
    fleet.Node('edge-oslo', 'http://10.1.0.5:9292'),
    fleet.Node('edge-bergen', 'https://glance.bergen.example.net'),
]


def cloud_of(
    settings: dict[str, Any], endpoint: str | None = None
) -> mock.Mock:
    """A cloud with this part of clouds.yaml."""
    cloud: mock.Mock = mock.create_autospec(clouds.Cloud, instance=True)
    cloud.setting.side_effect = settings.get
    cloud.image_endpoint.return_value = endpoint
    return cloud


def nodes(**settings: Any) -> list[fleet.Node]:
    return configuration.nodes(cloud_of(settings))


def failure(**settings: Any) -> str:
    with pytest.raises(errors.UsageError) as caught:
        nodes(**settings)
    return str(caught.value)


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    """A file of nodes, which is to be written."""
    return tmp_path / 'nodes.yaml'


def in_file(file: pathlib.Path, text: str | bytes) -> list[fleet.Node]:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return nodes(image_cache_nodes_file=str(file))


@pytest.mark.parametrize(
    'settings',
    [
        {},
        {'image_cache_nodes': None},
        {'image_cache_nodes': []},
        {'image_cache_nodes_file': None},
    ],
)
def test_a_cloud_may_have_no_nodes(settings: dict[str, Any]) -> None:
    assert nodes(**settings) == []


def test_nodes_come_in_the_order_in_which_they_are_written() -> None:
    assert nodes(image_cache_nodes=[OSLO, BERGEN]) == BOTH
    assert nodes(image_cache_nodes=[BERGEN, OSLO]) == BOTH[::-1]


@pytest.mark.parametrize(
    ('listed', 'why'),
    [
        ({'edge_oslo': 'http://10.1.0.5:9292'}, 'it is not a list'),
        ('edge-oslo', 'it is not a list'),
        (['edge-oslo'], 'an item is not a name and an endpoint'),
        ([None], 'an item is not a name and an endpoint'),
        ([{'name': 'oslo'}], "the node 'oslo' has no endpoint"),
        (
            [{'name': 'oslo', 'endpoint': ''}],
            "the node 'oslo' has no endpoint",
        ),
        (
            [{'name': 'oslo', 'endpoint': 9292}],
            "the node 'oslo' has no endpoint",
        ),
        (
            [{'endpoint': 'http://10.1.0.5:9292'}],
            "the node at 'http://10.1.0.5:9292' has no name",
        ),
        (
            [{'name': '', 'endpoint': 'http://10.1.0.5:9292'}],
            "the node at 'http://10.1.0.5:9292' has no name",
        ),
        (
            [{'name': 7, 'endpoint': 'http://10.1.0.5:9292'}],
            "the node at 'http://10.1.0.5:9292' has no name",
        ),
        (
            [OSLO, {'name': 'edge-oslo', 'endpoint': 'http://10.1.0.6'}],
            "two nodes have the name 'edge-oslo'",
        ),
    ],
)
def test_nodes_that_are_written_wrong(
    file: pathlib.Path, listed: Any, why: str
) -> None:
    assert failure(image_cache_nodes=listed) == (
        f"'image_cache_nodes' in clouds.yaml is wrong: {why}. {FORM}"
    )
    file.write_text(json.dumps(listed))
    assert failure(image_cache_nodes_file=str(file)) == (
        f"'{file}' is wrong: {why}. {FORM}"
    )


def test_an_endpoint_that_is_none() -> None:
    listed = [{'name': 'oslo', 'endpoint': 'ftp://10.1.0.5'}]

    assert failure(image_cache_nodes=listed) == (
        "'ftp://10.1.0.5' is not the endpoint of a node: it is not http://… "
        'or https://…. Give it as http://host:port, host:port or host.'
    )


def test_a_bare_host_takes_what_it_lacks_from_the_image_endpoint() -> None:
    """In clouds.yaml as on the command line."""
    cloud = cloud_of(
        {'image_cache_nodes': [{'name': 'oslo', 'endpoint': 'oslo.example'}]},
        'https://glance.example:8443/image',
    )

    assert configuration.nodes(cloud) == [
        fleet.Node('oslo', 'https://oslo.example:8443/image')
    ]


def test_whole_urls_need_no_image_endpoint() -> None:
    """A catalogue may have none, or Keystone be slow to say so."""
    cloud = cloud_of({'image_cache_nodes': [OSLO, BERGEN]})

    configuration.nodes(cloud)

    cloud.image_endpoint.assert_not_called()


@pytest.mark.parametrize(
    'text',
    [
        json.dumps([OSLO, BERGEN]),
        '\n ' + json.dumps([OSLO, BERGEN], indent=2),
        '- name: edge-oslo\n  endpoint: http://10.1.0.5:9292\n'
        '- {name: edge-bergen,\n'
        '   endpoint: "https://glance.bergen.example.net"}\n',
        # YAML, although it begins as JSON does.
        '[{name: edge-oslo, endpoint: "http://10.1.0.5:9292"},\n'
        ' {name: edge-bergen, endpoint: '
        'https://glance.bergen.example.net}]',
    ],
)
def test_a_file_of_nodes_is_yaml_or_json(
    file: pathlib.Path, text: str
) -> None:
    assert in_file(file, text) == BOTH


@pytest.mark.parametrize('text', ['', '# nothing yet\n', 'null', '[]'])
def test_a_file_may_name_no_nodes(file: pathlib.Path, text: str) -> None:
    if text == '[]':
        assert in_file(file, text) == []
        return
    file.write_text(text)
    assert failure(image_cache_nodes_file=str(file)) == (
        f"'{file}' is wrong: it is not a list. {FORM}"
    )


def test_nodes_of_both_places_are_one_list(file: pathlib.Path) -> None:
    file.write_text(json.dumps([BERGEN]))

    assert (
        nodes(image_cache_nodes=[OSLO], image_cache_nodes_file=str(file))
        == BOTH
    )


def test_a_name_stands_once_in_both_places(file: pathlib.Path) -> None:
    file.write_text(json.dumps([OSLO]))

    told = failure(image_cache_nodes=[OSLO], image_cache_nodes_file=str(file))

    assert told == (
        f"'{file}' is wrong: two nodes have the name 'edge-oslo'. {FORM}"
    )


def test_a_path_may_begin_at_home(
    monkeypatch: pytest.MonkeyPatch, file: pathlib.Path
) -> None:
    monkeypatch.setenv('HOME', str(file.parent))
    file.write_text(json.dumps([OSLO]))

    assert nodes(image_cache_nodes_file='~/nodes.yaml') == BOTH[:1]


@pytest.mark.parametrize(
    ('path', 'expected'),
    [
        (
            'nodes.yaml',
            "'image_cache_nodes_file' in clouds.yaml is not an absolute path: "
            "'nodes.yaml'. Give an absolute path.",
        ),
        (
            '~nobody-of-that-name/nodes.yaml',
            "'image_cache_nodes_file' in clouds.yaml is not an absolute path: "
            "'~nobody-of-that-name/nodes.yaml'. Give an absolute path.",
        ),
        (
            '',
            "'image_cache_nodes_file' in clouds.yaml is not the path of a "
            'file. Give an absolute path.',
        ),
        (
            ['nodes.yaml'],
            "'image_cache_nodes_file' in clouds.yaml is not the path of a "
            'file. Give an absolute path.',
        ),
        (
            '/a\0b',
            "'image_cache_nodes_file' in clouds.yaml is not the path of a "
            'file. Give an absolute path.',
        ),
        (
            '/nonexistent/nodes.yaml',
            "Cannot read '/nonexistent/nodes.yaml': No such file or "
            "directory. See 'image_cache_nodes_file' in clouds.yaml.",
        ),
        (
            '/usr',
            "Cannot read '/usr': Is a directory. See "
            "'image_cache_nodes_file' in clouds.yaml.",
        ),
    ],
)
def test_a_file_that_can_not_be_read(path: Any, expected: str) -> None:
    assert failure(image_cache_nodes_file=path) == expected


@pytest.mark.parametrize(
    'text',
    [
        *(b'- {', b'a: b: c', b'[' * 5000, b'\x00', b'- !!python/object:x.y'),
        *(b'@', b'- name: a\n\tendpoint: b'),
    ],
)
def test_what_is_no_yaml_is_refused_on_a_line(
    file: pathlib.Path, text: bytes
) -> None:
    file.write_bytes(text)

    told = failure(image_cache_nodes_file=str(file))

    assert told.startswith(f"'{file}' is not YAML: ")
    assert '\n' not in told


def test_what_is_no_text_is_refused(file: pathlib.Path) -> None:
    file.write_bytes(b'- name: \xff')

    assert failure(image_cache_nodes_file=str(file)) == (
        f"Cannot read '{file}': it is not UTF-8 text."
    )


def test_ten_thousand_nodes_are_read(file: pathlib.Path) -> None:
    listed = [
        {'name': f'edge-{at}', 'endpoint': f'http://edge-{at}.example:9292'}
        for at in range(10_000)
    ]

    found = in_file(file, json.dumps(listed))

    assert len(found) == 10_000
    assert found[-1] == fleet.Node(
        'edge-9999', 'http://edge-9999.example:9292'
    )


@pytest.mark.parametrize(
    ('one', 'expected'),
    [
        (BOTH[0], 'edge-oslo (http://10.1.0.5:9292)'),
        (
            fleet.Node('http://10.1.0.5:9292', 'http://10.1.0.5:9292'),
            'http://10.1.0.5:9292',
        ),
    ],
)
def test_an_error_names_a_node_and_where_it_is(
    one: fleet.Node, expected: str
) -> None:
    assert one.label == expected
