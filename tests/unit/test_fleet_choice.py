# SPDX-License-Identifier: Apache-2.0

"""Which nodes a command line means."""

from collections.abc import Sequence
from unittest import mock

import pytest

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.fleet import choice
from glance_cache_osc.fleet import fleet

OSLO = fleet.Node('edge-oslo', 'http://10.1.0.5:9292')
BERGEN = fleet.Node('edge-bergen', 'https://glance.bergen.example.net')
TROMSO = fleet.Node('tromso', 'http://10.1.0.7:9292')
BOTH = (OSLO, BERGEN)


def cloud_of(
    *configured: fleet.Node, endpoint: str | None = 'http://glance:9292'
) -> mock.Mock:
    """A cloud with these nodes in clouds.yaml."""
    cloud: mock.Mock = mock.create_autospec(clouds.Cloud, instance=True)
    listed = [
        {'name': one.name, 'endpoint': one.endpoint} for one in configured
    ]
    cloud.setting.side_effect = {'image_cache_nodes': listed}.get
    cloud.image_endpoint.return_value = endpoint
    return cloud


def choose(
    cloud: mock.Mock,
    *named: str,
    everything: bool = False,
    changes: bool = False,
) -> list[fleet.Node]:
    return choice.choose(cloud, named, everything=everything, changes=changes)


@pytest.mark.parametrize('changes', [False, True])
@pytest.mark.parametrize('everything', [False, True])
def test_a_cloud_without_nodes_is_its_image_endpoint(
    changes: bool, everything: bool
) -> None:
    assert choose(cloud_of(), everything=everything, changes=changes) == [
        fleet.Node('http://glance:9292', 'http://glance:9292')
    ]


def test_reading_asks_all_nodes() -> None:
    assert choose(cloud_of(OSLO, BERGEN)) == [OSLO, BERGEN]


@pytest.mark.parametrize('changes', [False, True])
def test_all_nodes_are_all_that_are_configured(changes: bool) -> None:
    cloud = cloud_of(OSLO, BERGEN)

    assert choose(cloud, everything=True, changes=changes) == [OSLO, BERGEN]


def test_a_change_wants_to_be_told_where() -> None:
    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(OSLO, BERGEN), changes=True)

    assert str(caught.value) == (
        '2 nodes are configured: this command requires --node or --all-nodes.'
    )


def test_one_node_and_all_nodes_exclude_each_other() -> None:
    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(OSLO), 'edge-oslo', everything=True)

    assert str(caught.value) == (
        '--node and --all-nodes exclude each other. Give one of them.'
    )


def test_a_cloud_may_have_no_image_service() -> None:
    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(endpoint=None))

    assert str(caught.value) == (
        'This cloud has no image endpoint. Name a node with --node.'
    )


@pytest.mark.parametrize('changes', [False, True])
@pytest.mark.parametrize(
    ('named', 'expected'),
    [
        (['edge-oslo'], [OSLO]),
        (['edge-bergen', 'edge-oslo'], [BERGEN, OSLO]),
        (['edge-oslo', 'edge-oslo'], [OSLO]),
        (['edge-*'], [OSLO, BERGEN]),
        (['edge-b*', 'edge-*'], [BERGEN, OSLO]),
        (['edge-[bt]*'], [BERGEN]),
        (['*[!n]'], [OSLO, TROMSO]),
        (['*'], [OSLO, BERGEN, TROMSO]),
        (['troms?'], [TROMSO]),
        (['http://10.1.0.5:9292'], [OSLO]),
        (['http://10.1.0.5:9292/v2/'], [OSLO]),
        (['10.1.0.5'], [OSLO]),
        (['10.1.0.5:9292', 'edge-oslo'], [OSLO]),
        (
            ['10.1.0.9'],
            [fleet.Node('10.1.0.9', 'http://10.1.0.9:9292')],
        ),
        (
            ['localhost:80'],
            [fleet.Node('localhost:80', 'http://localhost')],
        ),
        (
            ['https://other.example/image/v2/'],
            [
                fleet.Node(
                    'https://other.example/image/v2',
                    'https://other.example/image',
                )
            ],
        ),
    ],
)
def test_nodes_are_named(
    named: Sequence[str], expected: list[fleet.Node], changes: bool
) -> None:
    cloud = cloud_of(OSLO, BERGEN, TROMSO)

    assert choose(cloud, *named, changes=changes) == expected


def test_any_host_is_a_node_where_none_is_configured() -> None:
    cloud = cloud_of(endpoint='https://glance:443/image')

    assert choose(cloud, 'edge') == [fleet.Node('edge', 'https://edge/image')]


def test_a_url_needs_no_image_endpoint() -> None:
    cloud = cloud_of(endpoint=None)

    assert choose(cloud, 'http://edge:9292') == [
        fleet.Node('http://edge:9292', 'http://edge:9292')
    ]
    cloud.image_endpoint.assert_not_called()


def test_a_host_without_an_image_endpoint_is_at_glances_port() -> None:
    assert choose(cloud_of(endpoint=None), 'edge') == [
        fleet.Node('edge', 'http://edge:9292')
    ]


@pytest.mark.parametrize(
    ('configured', 'named', 'expected'),
    [
        (
            BOTH,
            'edge-olso',
            "No node in clouds.yaml is called 'edge-olso'. There is: "
            'edge-oslo. A host is given as host:port or as a URL.',
        ),
        (
            BOTH,
            'xyz',
            "No node in clouds.yaml is called 'xyz'. There is: edge-oslo, "
            'edge-bergen. A host is given as host:port or as a URL.',
        ),
        (
            BOTH,
            '',
            "No node in clouds.yaml is called ''. There is: edge-oslo, "
            'edge-bergen. A host is given as host:port or as a URL.',
        ),
        (
            BOTH,
            'x*',
            "No node in clouds.yaml is called 'x*'. There is: edge-oslo, "
            'edge-bergen. A host is given as host:port or as a URL.',
        ),
        (
            (),
            'edge-*',
            "'edge-*' matches no node: clouds.yaml names none. "
            'Name them there, or give a URL.',
        ),
        (
            (),
            'http://edge/*?a=b',
            "'http://edge/*?a=b' is not the endpoint of a node: it has a "
            'query or a fragment. Give it as http://host:port, host:port or '
            'host.',
        ),
    ],
)
def test_a_node_that_is_none(
    configured: tuple[fleet.Node, ...], named: str, expected: str
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(*configured), named)

    assert str(caught.value) == expected


def test_of_many_nodes_ten_are_told() -> None:
    many = [fleet.Node(f'site-{at:04}', f'http://n{at}') for at in range(1000)]

    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(*many), 'xyz')

    assert str(caught.value) == (
        "No node in clouds.yaml is called 'xyz'. There is: site-0000, "
        'site-0001, site-0002, site-0003, site-0004, site-0005, site-0006, '
        'site-0007, site-0008, site-0009. A host is given as host:port or as '
        'a URL.'
    )


@pytest.mark.parametrize(
    ('word', 'expected'),
    [
        ('https://glance.bergen.example.net:443', [BERGEN]),
        ('HTTPS://Glance.Bergen.example.net/v2', [BERGEN]),
    ],
)
def test_a_node_is_known_however_its_url_is_written(
    word: str, expected: list[fleet.Node]
) -> None:
    assert choose(cloud_of(OSLO, BERGEN), word) == expected


def test_a_node_with_two_names_is_not_changed_twice() -> None:
    again = fleet.Node('oslo-2', 'http://10.1.0.5:9292')

    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(OSLO, again))

    assert str(caught.value) == (
        "'edge-oslo' and 'oslo-2' are the same node: http://10.1.0.5:9292. "
        'Give it one name.'
    )
