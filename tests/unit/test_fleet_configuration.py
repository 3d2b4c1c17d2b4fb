# SPDX-License-Identifier: Apache-2.0

"""The nodes that ``clouds.yaml`` names, or a file that it names."""

import fnmatch
import json
import pathlib
from typing import Any
from unittest import mock

import pytest
import yaml

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.fleet import configuration
from glance_cache_osc.fleet import nodes
from glance_cache_osc.model import node_sets
from glance_cache_osc.model import yaml_text

EMPTY = 'Add a node, or delete the key in clouds.yaml.'
FORM = 'See the page clouds.yaml in the manual.'
RANGE = 'Use one range, such as oslo-[1-3] or oslo-[01-12,20].'
OSLO = {'name': 'edge-oslo', 'endpoint': 'http://10.1.0.5:9292/v2/'}
BERGEN = {
    'name': 'edge-bergen',
    'endpoint': 'https://glance.bergen.example.net:443',
}
WITH_A_NUMBER: dict[Any, str] = {**OSLO, 7: 'x'}
BOTH = [
    nodes.Node(name='edge-oslo', endpoint='http://10.1.0.5:9292'),
    nodes.Node(
        name='edge-bergen', endpoint='https://glance.bergen.example.net'
    ),
]


def cloud_of(
    settings: dict[str, Any], endpoint: str | None = None
) -> mock.Mock:
    """A cloud with this part of clouds.yaml."""
    cloud: mock.Mock = mock.create_autospec(clouds.Cloud, instance=True)
    cloud.setting.side_effect = settings.get
    cloud.image_endpoint.return_value = endpoint
    return cloud


def nodes_of(**settings: Any) -> list[nodes.Node]:
    return configuration.configured(cloud_of(settings))


def failure(**settings: Any) -> str:
    with pytest.raises(errors.UsageError) as caught:
        nodes_of(**settings)
    return str(caught.value)


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    """A file of nodes, which is to be written."""
    return tmp_path / 'nodes.yaml'


def in_file(file: pathlib.Path, text: str | bytes) -> list[nodes.Node]:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return nodes_of(image_cache_nodes_file=str(file))


def test_a_cloud_may_have_no_nodes() -> None:
    assert nodes_of() == []


@pytest.mark.parametrize(
    ('settings', 'told'),
    [
        (
            {'image_cache_nodes': None},
            f"'image_cache_nodes' in clouds.yaml is not valid: not a list. "
            f'{FORM}',
        ),
        (
            {'image_cache_nodes': []},
            "'image_cache_nodes' in clouds.yaml is not valid: the list is "
            f'empty. {EMPTY}',
        ),
        (
            {'image_cache_nodes_file': None},
            "'image_cache_nodes_file' in clouds.yaml is not a file path. Use "
            'an absolute path.',
        ),
    ],
)
def test_a_list_that_is_written_is_not_empty(
    settings: dict[str, Any], told: str
) -> None:
    """The image endpoint must not take the place of the nodes."""
    assert failure(**settings) == told


def test_nodes_come_in_the_order_in_which_they_are_written() -> None:
    assert nodes_of(image_cache_nodes=[OSLO, BERGEN]) == BOTH
    assert nodes_of(image_cache_nodes=[BERGEN, OSLO]) == BOTH[::-1]


@pytest.mark.parametrize(
    ('listed', 'why'),
    [
        ({'edge_oslo': 'http://10.1.0.5:9292'}, 'not a list'),
        ('edge-oslo', 'not a list'),
        (['edge-oslo'], 'item 1 is not a mapping'),
        ([OSLO, None], 'item 2 is not a mapping'),
        ([OSLO, {}], "item 2, key 'name': missing"),
        (
            [{'name': 'oslo'}],
            "item 'oslo', key 'endpoint': missing",
        ),
        (
            [{'name': 'oslo', 'endpoint': ''}],
            "item 'oslo', key 'endpoint': not a string",
        ),
        (
            [{'name': 'oslo', 'endpoint': 9292}],
            "item 'oslo', key 'endpoint': not a string",
        ),
        (
            [{'endpoint': 'http://10.1.0.5:9292'}],
            "item 1, key 'name': missing",
        ),
        (
            [{'name': '', 'endpoint': 'http://10.1.0.5:9292'}],
            "item 1, key 'name': not a string",
        ),
        (
            [{'name': 7, 'endpoint': 'http://10.1.0.5:9292'}],
            "item 1, key 'name': not a string",
        ),
        (
            [{**OSLO, 'site': 7}],
            "item 'edge-oslo', key 'site': not a string",
        ),
        (
            [{**OSLO, 'site': ''}],
            "item 'edge-oslo', key 'site': not a string",
        ),
        (
            [{**OSLO, 'discover': 'mdns'}],
            "item 'edge-oslo', key 'discover': must be 'dns'",
        ),
        (
            [{**OSLO, 'discover': True}],
            "item 'edge-oslo', key 'discover': not a string",
        ),
        (
            [{**OSLO, 'maintenance': 'yes'}],
            "item 'edge-oslo', key 'maintenance': not true or false",
        ),
        (
            [{**OSLO, 'maintenance': None}],
            "item 'edge-oslo', key 'maintenance': not true or false",
        ),
        (
            [{**OSLO, 'Site': 'oslo'}],
            "item 'edge-oslo', key 'Site': unknown key",
        ),
        (
            [WITH_A_NUMBER],
            "item 'edge-oslo', key '7': unknown key",
        ),
        (
            [{'name': 'n-[1-2]', 'endpoint': 'http://n-[1-3]'}],
            "item 'n-[1-2]', key 'endpoint': the endpoint expands to 3 "
            'endpoints, but the name expands to 2 nodes',
        ),
        (
            [{'name': 'n-[1-2]', 'endpoint': 'http://n'}],
            "item 'n-[1-2]', key 'endpoint': the endpoint expands to 1 "
            'endpoints, but the name expands to 2 nodes',
        ),
        (
            [{'name': 'n', 'endpoint': 'http://n-[1-2]'}],
            "item 'n', key 'endpoint': the endpoint expands to 2 endpoints, "
            'but the name expands to 1 nodes',
        ),
        (
            [
                {'name': 'n-[1-2]', 'endpoint': 'http://n-[1-2]'},
                {'name': 'n-2', 'endpoint': 'http://x'},
            ],
            "two nodes have the name 'n-2'",
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
    form = FORM
    if why.endswith('unknown key'):
        form = 'Use cloud, discover, endpoint, maintenance, name, site.'
    assert failure(image_cache_nodes=listed) == (
        f"'image_cache_nodes' in clouds.yaml is not valid: {why}. {form}"
    )
    file.write_text(json.dumps(listed))
    assert failure(image_cache_nodes_file=str(file)) == (
        f"'{file}' is not valid: {why}. {form}"
    )


@pytest.mark.parametrize(
    ('name', 'endpoint', 'expected'),
    [
        (
            'oslo',
            'ftp://10.1.0.5',
            "key 'endpoint': 'ftp://10.1.0.5' is not a node endpoint: the URL "
            'must start with http:// or https://. Use http://host:port, '
            'host:port or host.',
        ),
        (
            'oslo',
            'http://oslo-[1-2]-[1-2]',
            "key 'endpoint': 'http://oslo-[1-2]-[1-2]' is not a node set: "
            f'more than one range. {RANGE}',
        ),
        (
            'n-[1-100001]',
            'http://n-[1-100001]',
            "key 'name': 'n-[1-100001]' is not a node set: more than 100000 "
            f'names. {RANGE}',
        ),
        (
            'oslo-[3,1]',
            'http://oslo-[1,3]',
            "key 'name': 'oslo-[3,1]' is not a node set: the numbers are not "
            f'in ascending order. {RANGE}',
        ),
    ],
)
def test_an_error_names_the_item_and_the_key(
    name: str, endpoint: str, expected: str
) -> None:
    assert failure(
        image_cache_nodes=[OSLO, {'name': name, 'endpoint': endpoint}]
    ) == (
        "'image_cache_nodes' in clouds.yaml is not valid: item "
        f"'{name}', {expected}"
    )


def test_a_node_has_a_site_and_may_be_in_maintenance() -> None:
    """Without a site, it is a site of its own name."""
    oslo, bergen, tromso = nodes_of(
        image_cache_nodes=[
            {**OSLO, 'site': 'north', 'maintenance': True},
            {**BERGEN, 'discover': 'dns', 'maintenance': False},
            {'name': 'tromso', 'endpoint': 'http://tromso', 'site': None},
        ]
    )

    assert (oslo.site, oslo.maintenance, oslo.discover) == (
        'north',
        True,
        False,
    )
    assert (bergen.site, bergen.maintenance, bergen.discover) == (
        'edge-bergen',
        False,
        True,
    )
    assert (tromso.site, tromso.address) == ('tromso', '')


def test_a_node_set_is_one_item_for_several_nodes() -> None:
    found = nodes_of(
        image_cache_nodes=[
            {
                'name': 'oslo-[08-10]',
                'endpoint': 'https://glance-[1-3].oslo.example.net:9292',
                'site': 'oslo',
            }
        ]
    )

    assert [(one.name, one.endpoint, one.site) for one in found] == [
        ('oslo-08', 'https://glance-1.oslo.example.net:9292', 'oslo'),
        ('oslo-09', 'https://glance-2.oslo.example.net:9292', 'oslo'),
        ('oslo-10', 'https://glance-3.oslo.example.net:9292', 'oslo'),
    ]


def test_names_and_endpoints_are_paired_in_the_order_of_the_text() -> None:
    found = nodes_of(
        image_cache_nodes=[{'name': 'n[01,2]', 'endpoint': 'http://n[1-2]'}]
    )

    assert [(one.name, one.endpoint) for one in found] == [
        ('n01', 'http://n1'),
        ('n2', 'http://n2'),
    ]


def test_short_texts_do_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(node_sets, 'MAX_NAMES', 20)
    sets = [
        {'name': f'{at}-[1-10]', 'endpoint': f'http://{at}-[1-10]'}
        for at in range(9)
    ]

    assert len(nodes_of(image_cache_nodes=sets[:2])) == 20
    assert failure(image_cache_nodes=sets) == (
        "'image_cache_nodes' in clouds.yaml is not valid: more than 20 nodes. "
        f'{FORM}'
    )


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('[!!bool maybe]', "'maybe'"),
        ('[!!int "_"]', 'string index out of range'),
        ('- 2026-13-13', 'month must be in 1..12*'),
        ('- ' + '9' * 5000, 'Exceeds the limit*'),
        (
            '[!!timestamp soon]',
            "'NoneType' object has no attribute *",
        ),
    ],
)
def test_values_that_do_not_match_their_type(
    file: pathlib.Path, text: str, why: str
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        in_file(file, text)

    assert fnmatch.fnmatchcase(
        str(caught.value),
        f"'{file}' is not valid YAML: a value does not match its type: {why}.",
    )


def test_a_number_that_python_does_not_print_is_no_key() -> None:
    for key in (16**5000, -(16**5000)):
        with_key: dict[Any, Any] = {**OSLO, key: 1}
        assert failure(image_cache_nodes=[with_key]).endswith(
            "item 'edge-oslo', key '': unknown key. Use cloud, discover, "
            'endpoint, maintenance, name, site.'
        )


def test_the_brackets_of_ipv6_are_no_range() -> None:
    (one,) = nodes_of(
        image_cache_nodes=[{'name': 'oslo', 'endpoint': 'http://[fd00::1]'}]
    )
    two = nodes_of(
        image_cache_nodes=[
            {'name': 'n[1-2]', 'endpoint': 'http://[fd00::1]:[8001-8002]'}
        ]
    )

    assert one.endpoint == 'http://[fd00::1]'
    assert [(one.name, one.endpoint) for one in two] == [
        ('n1', 'http://[fd00::1]:8001'),
        ('n2', 'http://[fd00::1]:8002'),
    ]


WRONG_COUNTS: list[Any] = [0, -1, 1.5, '2', True, []]
WRONG_RATES: list[Any] = [
    *(0, 0.1, '0', '0.0G', '0.1', -5, '-5M', '', 'fast', '1 M'),
    *('1e6', '100Mbit', '100m', '1Ki', True, [], 'nan', 'inf'),
    *('1' * 13, {'a': 'b'}),
]


def sites_of(listed: Any) -> dict[str, nodes.Site]:
    return configuration.sites(cloud_of({'image_cache_sites': listed}))


@pytest.mark.parametrize('listed', [None, []])
def test_a_cloud_may_have_no_settings_of_sites(listed: Any) -> None:
    assert sites_of(listed) == {}


@pytest.mark.parametrize(
    ('written', 'bits'),
    [
        ('100M', 100_000_000),
        ('1.5G', 1_500_000_000),
        ('8.2G', 8_200_000_000),
        ('2T', 2_000_000_000_000),
        ('64k', 64_000),
        ('1000', 1000),
        (1000, 1000),
        (1, 1),
        (2.5e6, 2_500_000),
        (None, None),
    ],
)
def test_a_site_has_a_bandwidth(written: Any, bits: int | None) -> None:
    listed = [{'name': 'oslo', 'max_downloads': 2, 'bandwidth': written}]

    assert sites_of(listed) == {
        'oslo': nodes.Site(name='oslo', max_downloads=2, bandwidth=bits)
    }


@pytest.mark.parametrize(
    ('item', 'why'),
    [
        (7, 'item 1 is not a mapping'),
        ({'bandwidth': '1M'}, "item 1, key 'name': missing"),
        ({'name': 7}, "item 1, key 'name': not a string"),
        *(
            (
                {'name': 'oslo', 'max_downloads': wrong},
                "item 'oslo', key 'max_downloads': not a whole number greater "
                'than 0',
            )
            for wrong in WRONG_COUNTS
        ),
        *(
            (
                {'name': 'oslo', 'bandwidth': wrong},
                "item 'oslo', key 'bandwidth': not a number of bits per "
                'second such as 100M',
            )
            for wrong in WRONG_RATES
        ),
        (
            {'name': 'oslo', 'endpoint': 'http://oslo'},
            "item 'oslo', key 'endpoint': unknown key",
        ),
    ],
)
def test_sites_that_are_written_wrong(item: Any, why: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        sites_of([item])

    form = FORM
    if why.endswith('unknown key'):
        form = 'Use bandwidth, max_downloads, name.'
    assert str(caught.value) == (
        f"'image_cache_sites' in clouds.yaml is not valid: {why}. {form}"
    )


def test_a_number_that_python_does_not_print_is_no_bandwidth() -> None:
    with pytest.raises(errors.UsageError) as caught:
        sites_of([{'name': 'oslo', 'bandwidth': 16**5000}])

    assert 'not a number of bits per second' in str(caught.value)


@pytest.mark.parametrize(
    ('listed', 'why'),
    [
        ('oslo', 'not a list'),
        ({'oslo': {}}, 'not a list'),
        (
            [{'name': 'oslo'}, {'name': 'oslo'}],
            "two sites have the name 'oslo'",
        ),
    ],
)
def test_a_list_of_sites_that_is_none(listed: Any, why: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        sites_of(listed)

    assert str(caught.value) == (
        f"'image_cache_sites' in clouds.yaml is not valid: {why}. {FORM}"
    )


def test_a_bare_host_takes_what_it_lacks_from_the_image_endpoint() -> None:
    """In clouds.yaml as on the command line."""
    cloud = cloud_of(
        {'image_cache_nodes': [{'name': 'oslo', 'endpoint': 'oslo.example'}]},
        'https://glance.example:8443/image',
    )

    assert configuration.configured(cloud) == [
        nodes.Node(name='oslo', endpoint='https://oslo.example:8443/image')
    ]


def test_whole_urls_need_no_image_endpoint() -> None:
    """A catalogue may have none, or Keystone be slow to say so."""
    cloud = cloud_of({'image_cache_nodes': [OSLO, BERGEN]})

    configuration.configured(cloud)

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


@pytest.mark.parametrize('loader', [yaml.SafeLoader, yaml_text.Loader])
@pytest.mark.parametrize(
    ('text', 'key', 'line'),
    [
        ('- name: a\n  endpoint: b\n  "endpoint": b\n', 'endpoint', 3),
        ('- {name: a,\n name: a, endpoint: b}', 'name', 2),
        ('[{"name": "a",\n "n\\u0061me": "b"}]', 'name', 2),
        ('[{"name": "a", "more": [{"b": 1,\n "b": 2}]}]', 'b', 2),
        ('- {&a name: a, *a : b}', 'name', 1),
        ('- {<<: {}, <<: {name: a}}', '<<', 1),
    ],
)
def test_a_key_occurs_once_in_an_item(
    file: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    loader: type,
    text: str,
    key: str,
    line: int,
) -> None:
    monkeypatch.setattr(yaml_text, 'Loader', loader)
    file.write_text(text)

    told = failure(image_cache_nodes_file=str(file))

    assert told.startswith(
        f"'{file}' is not valid YAML: '{key}' occurs twice in "
    )
    assert f', line {line}, column ' in told


def test_an_item_may_merge_and_repeat_others(file: pathlib.Path) -> None:
    """Keys of merged items are replaced, not repeated."""
    text = (
        '- &a {name: edge-oslo, endpoint: "http://10.1.0.5:9292"}\n'
        '- {<<: *a, name: edge-bergen, '
        'endpoint: "https://glance.bergen.example.net"}\n'
    )

    assert in_file(file, text) == BOTH


@pytest.mark.parametrize(
    'merged',
    [
        '[{b: 1}]',
        '&b {<<: {b: 1}}',
        '{' + ', '.join(f'k{at}: 1' for at in range(21)) + '}',
        'b',
        '{}, ? !!merge [] : {<<: {}}',
    ],
)
def test_merged_mappings_are_not_multiplied(
    file: pathlib.Path, merged: str
) -> None:
    file.write_text(f'- {{<<: {merged}}}')

    assert failure(image_cache_nodes_file=str(file)).startswith(
        f"'{file}' is not valid YAML: '<<' requires one mapping, of at most "
        "20 keys and without '<<' in "
    )


def test_twenty_keys_can_be_merged(file: pathlib.Path) -> None:
    keys = ', '.join(f'k{at}: 1' for at in range(20))
    file.write_text(f'- {{<<: {{{keys}}}}}')

    assert "item 1, key 'name': missing" in failure(
        image_cache_nodes_file=str(file)
    )


def test_nested_merges_end_soon(file: pathlib.Path) -> None:
    levels = [
        f'- &a{at} {{<<: [{", ".join([f"*a{at - 1}"] * 10)}]}}'
        for at in range(1, 30)
    ]
    file.write_text('\n'.join(['- &a0 {name: a}', *levels]))

    assert "'<<' requires one mapping" in failure(
        image_cache_nodes_file=str(file)
    )


@pytest.mark.parametrize(
    'path', [16**5000, ['a'], ''], ids=['large number', 'list', 'empty']
)
def test_a_file_that_is_no_path(path: object) -> None:
    assert failure(image_cache_nodes_file=path) == (
        "'image_cache_nodes_file' in clouds.yaml is not a file path. Use an "
        'absolute path.'
    )


@pytest.mark.parametrize('text', ['[]', '--- []\n', '[ # nothing yet\n]'])
def test_a_list_in_a_file_is_not_empty(file: pathlib.Path, text: str) -> None:
    file.write_text(text)
    assert failure(
        image_cache_nodes=[OSLO], image_cache_nodes_file=str(file)
    ) == (f"'{file}' is not valid: the list is empty. {EMPTY}")


@pytest.mark.parametrize('text', ['', '# nothing yet\n', 'null'])
def test_a_file_without_a_list(file: pathlib.Path, text: str) -> None:
    file.write_text(text)
    assert failure(image_cache_nodes_file=str(file)) == (
        f"'{file}' is not valid: not a list. {FORM}"
    )


def test_nodes_of_both_places_are_one_list(file: pathlib.Path) -> None:
    file.write_text(json.dumps([BERGEN]))

    assert (
        nodes_of(image_cache_nodes=[OSLO], image_cache_nodes_file=str(file))
        == BOTH
    )


def test_a_name_stands_once_in_both_places(file: pathlib.Path) -> None:
    file.write_text(json.dumps([OSLO]))

    told = failure(image_cache_nodes=[OSLO], image_cache_nodes_file=str(file))

    assert told == (
        f"'{file}' is not valid: two nodes have the name 'edge-oslo'. {FORM}"
    )


def test_a_path_may_begin_at_home(
    monkeypatch: pytest.MonkeyPatch, file: pathlib.Path
) -> None:
    monkeypatch.setenv('HOME', str(file.parent))
    file.write_text(json.dumps([OSLO]))

    assert nodes_of(image_cache_nodes_file='~/nodes.yaml') == BOTH[:1]


@pytest.mark.parametrize(
    ('path', 'expected'),
    [
        (
            'nodes.yaml',
            "'image_cache_nodes_file' in clouds.yaml is not an absolute path: "
            "'nodes.yaml'. Use an absolute path.",
        ),
        (
            '~nobody-of-that-name/nodes.yaml',
            "'image_cache_nodes_file' in clouds.yaml is not an absolute path: "
            "'~nobody-of-that-name/nodes.yaml'. Use an absolute path.",
        ),
        (
            '',
            "'image_cache_nodes_file' in clouds.yaml is not a file path. Use "
            'an absolute path.',
        ),
        (
            ['nodes.yaml'],
            "'image_cache_nodes_file' in clouds.yaml is not a file path. Use "
            'an absolute path.',
        ),
        (
            '/a\0b',
            "'image_cache_nodes_file' in clouds.yaml is not a file path. Use "
            'an absolute path.',
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
        # libyaml would overflow the stack.
        *(b'[' * 100_000, b'- ' * 40_000, b'{a: ' * 100_000),
    ],
)
def test_what_is_no_yaml_is_refused_on_a_line(
    file: pathlib.Path, text: bytes
) -> None:
    file.write_bytes(text)

    told = failure(image_cache_nodes_file=str(file))

    assert told.startswith(f"'{file}' is not valid YAML: ")
    assert '\n' not in told


#: Aliases that stand for ten to the power of twelve items.
BOMB = 'a: &a0 [x]\n' + ''.join(
    f'b{at}: &a{at + 1} [{", ".join([f"*a{at}"] * 10)}]\n' for at in range(12)
)


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (BOMB, 'not a list'),
        (
            '- ' + BOMB.replace('\n', '\n  ') + 'name: *a12\n',
            "item 1, key 'name': not a string",
        ),
    ],
)
def test_aliases_are_not_expanded(
    file: pathlib.Path, text: str, expected: str
) -> None:
    file.write_text(text, encoding='utf-8')

    assert failure(image_cache_nodes_file=str(file)) == (
        f"'{file}' is not valid: {expected}. See the page clouds.yaml in the "
        'manual.'
    )


def test_what_is_no_text_is_refused(file: pathlib.Path) -> None:
    file.write_bytes(b'- name: \xff')

    assert failure(image_cache_nodes_file=str(file)) == (
        f"Cannot read '{file}': not UTF-8 text."
    )


def test_ten_thousand_nodes_are_read(file: pathlib.Path) -> None:
    listed = [
        {'name': f'edge-{at}', 'endpoint': f'http://edge-{at}.example:9292'}
        for at in range(10_000)
    ]

    found = in_file(file, json.dumps(listed))

    assert len(found) == 10_000
    assert found[-1] == nodes.Node(
        name='edge-9999', endpoint='http://edge-9999.example:9292'
    )


@pytest.mark.parametrize(
    ('one', 'expected'),
    [
        (BOTH[0], 'edge-oslo (http://10.1.0.5:9292)'),
        (
            nodes.Node(
                name='http://10.1.0.5:9292', endpoint='http://10.1.0.5:9292'
            ),
            'http://10.1.0.5:9292',
        ),
    ],
)
def test_an_error_names_a_node_and_where_it_is(
    one: nodes.Node, expected: str
) -> None:
    assert one.label == expected
