# SPDX-License-Identifier: Apache-2.0

"""Which nodes a command line means."""

import asyncio
from collections.abc import Sequence
import contextlib
import dataclasses
import re
from typing import Any
from unittest import mock

import pytest

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.fleet import choice
from glance_cache_osc.fleet import configuration
from glance_cache_osc.fleet import nodes


def node(name: str, endpoint: str, **more: Any) -> nodes.Node:
    return nodes.Node(name=name, endpoint=endpoint, **more)


OSLO = node('edge-oslo', 'http://10.1.0.5:9292')
BERGEN = node('edge-bergen', 'https://glance.bergen.example.net')
TROMSO = node('tromso', 'http://10.1.0.7:9292')
BOTH = (OSLO, BERGEN)


def cloud_of(
    *configured: nodes.Node, endpoint: str | None = 'http://glance:9292'
) -> mock.Mock:
    """A cloud with these nodes in clouds.yaml."""
    cloud: mock.Mock = mock.create_autospec(clouds.Cloud, instance=True)
    listed = [
        {
            'name': one.name,
            'endpoint': one.endpoint,
            'site': one.site,
            'maintenance': one.maintenance,
            'discover': 'dns' if one.discover else None,
        }
        for one in configured
    ]
    settings = {'image_cache_nodes': listed} if listed else {}
    cloud.setting.side_effect = settings.get
    cloud.image_endpoint.return_value = endpoint
    return cloud


class Names:
    """Instead of the resolver: the addresses of URLs' hosts.

    :ivar asked: the URLs that were looked up, in order.
    """

    def __init__(self, known: dict[str, list[str]] | None = None) -> None:
        self.known = known or {}
        self.asked: list[str] = []

    async def __call__(self, url: str) -> list[str]:
        self.asked.append(url)
        await asyncio.sleep(0)
        if url not in self.known:
            raise errors.Unreachable('Cannot connect: Name not known')
        return list(self.known[url])


def choose_all(
    cloud: mock.Mock, words: choice.NodeOptions, names: Names | None = None
) -> choice.Choice:
    configured = configuration.configured(cloud)
    return asyncio.run(
        choice.choose(cloud, configured, words, names or Names())
    )


def choose(
    cloud: mock.Mock,
    *named: str,
    all_nodes: bool = False,
    changes: bool = False,
) -> list[nodes.Node]:
    words = choice.NodeOptions(
        nodes=named, all_nodes=all_nodes, required=changes
    )
    names = Names()
    chosen = choose_all(cloud, words, names)
    assert chosen.maintenance == []
    assert names.asked == []
    return chosen.nodes


@pytest.mark.parametrize('changes', [False, True])
@pytest.mark.parametrize('all_nodes', [False, True])
def test_a_cloud_without_nodes_is_its_image_endpoint(
    changes: bool, all_nodes: bool
) -> None:
    assert choose(cloud_of(), all_nodes=all_nodes, changes=changes) == [
        node('http://glance:9292', 'http://glance:9292')
    ]


def test_reading_asks_all_nodes() -> None:
    assert choose(cloud_of(OSLO, BERGEN)) == [OSLO, BERGEN]


@pytest.mark.parametrize('changes', [False, True])
def test_all_nodes_are_all_that_are_configured(changes: bool) -> None:
    cloud = cloud_of(OSLO, BERGEN)

    assert choose(cloud, all_nodes=True, changes=changes) == [OSLO, BERGEN]


def test_a_change_wants_to_be_told_where() -> None:
    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(OSLO, BERGEN), changes=True)

    assert str(caught.value) == (
        '2 nodes are configured: this command requires --node, --site or '
        '--all-nodes.'
    )


def test_one_node_and_all_nodes_exclude_each_other() -> None:
    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(OSLO), 'edge-oslo', all_nodes=True)

    assert str(caught.value) == (
        '--all-nodes cannot be combined with --node or --site. Use one of '
        'them.'
    )


def test_a_cloud_may_have_no_image_service() -> None:
    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(endpoint=None))

    assert str(caught.value) == (
        'This cloud has no image endpoint. Specify a node with --node.'
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
        (['edge-*', 'tromso'], [OSLO, BERGEN, TROMSO]),
        (['tromso', 'edge-*'], [TROMSO, OSLO, BERGEN]),
        (['*'], [OSLO, BERGEN, TROMSO]),
        (['troms?'], [TROMSO]),
        (['http://10.1.0.5:9292'], [OSLO]),
        (['http://10.1.0.5:9292/v2/'], [OSLO]),
        (['http://10.1.0.5:9292', 'edge-oslo'], [OSLO]),
        (
            ['https://other.example/image/v2/'],
            [
                node(
                    'https://other.example/image/v2',
                    'https://other.example/image',
                )
            ],
        ),
        (['http://a/X/'], [node('http://a/X', 'http://a/X')]),
    ],
)
def test_nodes_are_named(
    named: Sequence[str], expected: list[nodes.Node], changes: bool
) -> None:
    cloud = cloud_of(OSLO, BERGEN, TROMSO)

    assert choose(cloud, *named, changes=changes) == expected


def test_any_host_is_a_node_where_none_is_configured() -> None:
    cloud = cloud_of(endpoint='https://glance:443/image')

    assert choose(cloud, 'edge') == [node('edge', 'https://edge/image')]


def test_a_url_needs_no_image_endpoint() -> None:
    cloud = cloud_of(endpoint=None)

    assert choose(cloud, 'http://edge:9292') == [
        node('http://edge:9292', 'http://edge:9292')
    ]
    cloud.image_endpoint.assert_not_called()


def test_a_host_without_an_image_endpoint_is_at_glances_port() -> None:
    assert choose(cloud_of(endpoint=None), 'edge') == [
        node('edge', 'http://edge:9292')
    ]


@pytest.mark.parametrize(
    ('configured', 'named', 'expected'),
    [
        (
            BOTH,
            'edge-olso',
            "clouds.yaml has no node 'edge-olso'. Similar names: edge-oslo. "
            'Use a URL for other nodes.',
        ),
        (
            BOTH,
            'xyz',
            "clouds.yaml has no node 'xyz'. Available: edge-oslo, "
            'edge-bergen. Use a URL for other nodes.',
        ),
        (
            BOTH,
            '',
            "clouds.yaml has no node ''. Available: edge-oslo, "
            'edge-bergen. Use a URL for other nodes.',
        ),
        (
            BOTH,
            'x*',
            "clouds.yaml has no node 'x*'. Available: edge-oslo, edge-bergen. "
            'Use a URL for other nodes.',
        ),
        (
            (),
            'edge-*',
            "clouds.yaml has no node 'edge-*'. Add 'image_cache_nodes' to "
            'clouds.yaml. Use a URL for other nodes.',
        ),
        (
            (),
            'http://edge/*?a=b',
            "'http://edge/*?a=b' is not a node endpoint: a query or fragment "
            'is not allowed. Use http://host:port, host:port or host.',
        ),
    ],
)
def test_a_node_that_is_none(
    configured: tuple[nodes.Node, ...], named: str, expected: str
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(*configured), named)

    assert str(caught.value) == expected


def test_of_many_nodes_ten_are_told() -> None:
    many = [node(f'site-{at:04}', f'http://n{at}') for at in range(1000)]

    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(*many), 'xyz')

    assert str(caught.value) == (
        "clouds.yaml has no node 'xyz'. Available: site-0000, site-0001, "
        'site-0002, site-0003, site-0004, site-0005, site-0006, site-0007, '
        'site-0008, site-0009 and 990 more. Use a URL for other nodes.'
    )


@pytest.mark.parametrize(
    ('word', 'expected'),
    [
        ('https://glance.bergen.example.net:443', [BERGEN]),
        ('HTTPS://Glance.Bergen.example.net/v2', [BERGEN]),
    ],
)
def test_a_node_is_known_however_its_url_is_written(
    word: str, expected: list[nodes.Node]
) -> None:
    assert choose(cloud_of(OSLO, BERGEN), word) == expected


def test_a_node_with_two_names_is_not_changed_twice() -> None:
    again = node('oslo-2', 'http://10.1.0.5:9292')

    with pytest.raises(errors.UsageError) as caught:
        choose(cloud_of(OSLO, again))

    assert str(caught.value) == (
        "'edge-oslo' and 'oslo-2' are the same node: http://10.1.0.5:9292. "
        'Use only one name.'
    )


@pytest.mark.parametrize(
    'host', ['10.1.0.9', 'localhost:80', 'edge.olso', '[fd00::1]', 'a:b']
)
def test_where_nodes_are_configured_a_host_is_refused(host: str) -> None:
    """A mistyped name must not send a token to whoever has that name."""
    with pytest.raises(errors.UsageError):
        choose(cloud_of(OSLO), host)


def test_without_nodes_an_ipv6_address_is_a_host() -> None:
    assert choose(cloud_of(), '[fd00::1]') == [
        node('[fd00::1]', 'http://[fd00::1]:9292')
    ]


#: Three sites: two nodes, one of them in maintenance; three; one by itself.
A1 = node('a-1', 'http://a-1', site='a')
A2 = node('a-2', 'http://a-2', site='a', maintenance=True)
B1, B2, B3 = (node(f'b-{at}', f'http://b-{at}', site='b') for at in (1, 2, 3))
C = node('c', 'http://c')
FLEET = (A1, A2, B1, B2, B3, C)
OTHERS = [A1, B1, B2, B3, C]


@pytest.mark.parametrize('required', [False, True])
@pytest.mark.parametrize(
    ('words', 'expected', 'maintenance'),
    [
        ({'all_nodes': True}, OTHERS, ['a-2']),
        ({'all_nodes': True, 'excluded': ['b-*']}, [A1, C], ['a-2']),
        (
            {'all_nodes': True, 'excluded': ['b-[1-2]', 'c']},
            [A1, B3],
            ['a-2'],
        ),
        # What is excluded is not reported as left out for another reason.
        ({'all_nodes': True, 'excluded': ['a-*']}, [B1, B2, B3, C], []),
        ({'all_nodes': True, 'excluded': ['a-2']}, OTHERS, []),
        # Names
        ({'nodes': ['a-1', 'a-2']}, [A1, A2], []),
        ({'nodes': ['a-2']}, [A2], []),
        ({'nodes': ['http://a-2']}, [A2], []),
        ({'nodes': ['b-1', 'a-1'], 'excluded': ['b-1']}, [A1], []),
        ({'nodes': ['b-1', 'a-1'], 'excluded': ['c']}, [B1, A1], []),
        # Node sets name each of their nodes.
        ({'nodes': ['a-[1-2]']}, [A1, A2], []),
        ({'nodes': ['b-[1-3]'], 'excluded': ['b-2']}, [B1, B3], []),
        ({'nodes': ['b-[1,3]']}, [B1, B3], []),
        # Globs do not.
        ({'nodes': ['a-*']}, [A1], ['a-2']),
        ({'nodes': ['a-?', '*-2']}, [A1, B2], ['a-2']),
        ({'nodes': ['a-*', 'a-2']}, [A1, A2], []),
        ({'nodes': ['*'], 'excluded': ['b-?']}, [A1, C], ['a-2']),
        # Sites
        ({'sites': ['a']}, [A1], ['a-2']),
        ({'sites': ['b', 'a']}, [B1, B2, B3, A1], ['a-2']),
        ({'sites': ['c']}, [C], []),
        ({'sites': ['?']}, OTHERS, ['a-2']),
        ({'sites': ['b', 'b']}, [B1, B2, B3], []),
        ({'sites': ['b'], 'excluded': ['b-2']}, [B1, B3], []),
        ({'sites': ['a'], 'nodes': ['a-2']}, [A2, A1], []),
        ({'sites': ['a'], 'nodes': ['a-*']}, [A1], ['a-2']),
        ({'sites': ['a'], 'nodes': ['c', 'a-1']}, [C, A1], ['a-2']),
        (
            {'sites': ['b'], 'nodes': ['c'], 'excluded': ['b-[1-2]', 'a-*']},
            [C, B3],
            [],
        ),
    ],
)
def test_options_combine(
    words: dict[str, Any],
    expected: list[nodes.Node],
    maintenance: list[str],
    required: bool,
) -> None:
    chosen = choose_all(
        cloud_of(*FLEET), choice.NodeOptions(**words, required=required)
    )

    assert chosen == choice.Choice(expected, maintenance)


def test_reading_leaves_out_what_is_in_maintenance_or_excluded() -> None:
    chosen = choose_all(cloud_of(*FLEET), choice.NodeOptions(excluded=['b-*']))

    assert chosen == choice.Choice([A1, C], ['a-2'])


def test_a_url_with_an_asterisk_names_a_node() -> None:
    """It is not a glob, which would not include a node in maintenance."""
    one = node('a', 'http://a/*', maintenance=True)

    chosen = choose_all(
        cloud_of(one), choice.NodeOptions(nodes=['http://a/*'])
    )

    assert chosen == choice.Choice([one], [])


def test_sites_may_be_a_set() -> None:
    cloud = cloud_of(
        *(node(f'n{at}', f'http://n{at}', site=f's-{at}') for at in range(5))
    )

    chosen = choose_all(cloud, choice.NodeOptions(sites=['s-[1-2,4]']))

    assert [one.name for one in chosen.nodes] == ['n1', 'n2', 'n4']


BRACKETS = (
    "The brackets in '%s' must contain only a range of numbers. Use a range "
    "such as oslo-[1-12], or a glob on names, with '*' and '?', without "
    'brackets.'
)
NODES = 'Available: a-1, a-2, b-1, b-2, b-3, c.'
HOST = 'Use a URL for other nodes.'
NONE_LEFT = (
    'All selected nodes are excluded (%d) or in maintenance (%d). Change '
    '--node or --exclude-node.'
)


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (
            {'all_nodes': True, 'nodes': ['c']},
            (
                '--all-nodes cannot be combined with --node or --site. Use '
                'one of them.'
            ),
        ),
        (
            {'all_nodes': True, 'sites': ['c']},
            (
                '--all-nodes cannot be combined with --node or --site. Use '
                'one of them.'
            ),
        ),
        (
            {'required': True, 'excluded': ['c']},
            '6 nodes are configured: this command requires --node, --site '
            'or --all-nodes.',
        ),
        *(
            ({option: [word]}, BRACKETS % word)
            for option in ('nodes', 'sites', 'excluded')
            for word in (
                'b-[13]*',
                'b-[ab]',
                'b-[1-3]?',
                'b-[!1]',
                'b-[1',
                'b-1]',
            )
        ),
        (
            {'nodes': ['b-[1-4]']},
            "clouds.yaml has no node 'b-4'. Similar names: b-3, b-2, b-1. "
            f'{HOST}',
        ),
        (
            {'nodes': ['b-[3,1]']},
            "'b-[3,1]' is not a node set: the numbers are not in ascending "
            'order. Use one range, such as oslo-[1-3] or oslo-[01-12,20].',
        ),
        (
            {'nodes': ['xyz']},
            f"clouds.yaml has no node 'xyz'. {NODES} {HOST}",
        ),
        (
            {'excluded': ['xyz']},
            f"clouds.yaml has no node 'xyz'. {NODES}",
        ),
        (
            {'excluded': ['x*']},
            f"clouds.yaml has no node 'x*'. {NODES}",
        ),
        (
            {'excluded': ['http://b-1']},
            '--exclude-node does not accept a URL. Use a name, a node set or '
            'a glob.',
        ),
        # A host is never excluded: a typing mistake would include it.
        (
            {'excluded': ['b-1.example']},
            f"clouds.yaml has no node 'b-1.example'. {NODES}",
        ),
        (
            {'sites': ['d']},
            "clouds.yaml has no site 'd'. Available: a, b, c.",
        ),
        (
            {'sites': ['d*']},
            "clouds.yaml has no site 'd*'. Available: a, b, c.",
        ),
        # A node of a site is no site.
        (
            {'sites': ['b-1']},
            "clouds.yaml has no site 'b-1'. Available: a, b, c.",
        ),
        (
            {'sites': ['a'], 'excluded': ['a-1']},
            NONE_LEFT % (1, 1),
        ),
        (
            {'nodes': ['a-2*']},
            'All selected nodes are in maintenance: a-2. To include a node in '
            'maintenance, name it with --node.',
        ),
        ({'nodes': ['a-2'], 'excluded': ['*']}, NONE_LEFT % (1, 0)),
        ({'all_nodes': True, 'excluded': ['*']}, NONE_LEFT % (6, 0)),
    ],
)
def test_words_that_mean_no_nodes(
    words: dict[str, Any], expected: str
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        choose_all(cloud_of(*FLEET), choice.NodeOptions(**words))

    assert str(caught.value) == expected


@pytest.mark.parametrize('words', [{'excluded': ['c']}, {'sites': ['c']}])
def test_a_cloud_without_nodes_has_no_sites(words: dict[str, Any]) -> None:
    kind = 'site' if 'sites' in words else 'node'
    with pytest.raises(errors.UsageError) as caught:
        choose_all(cloud_of(), choice.NodeOptions(**words))

    assert str(caught.value) == (
        f"clouds.yaml has no {kind} 'c'. Add 'image_cache_nodes' to "
        'clouds.yaml.'
    )


DNS = node('pods', 'http://pods:9292', site='north', discover=True)
FOUND = {'http://pods:9292': ['10.0.0.2', '10.0.0.1']}


def pod(address: str) -> nodes.Node:
    """The node at one of the addresses."""
    return node(
        f'pods-{address}', 'http://pods:9292', site='north', address=address
    )


PODS = [pod('10.0.0.1'), pod('10.0.0.2')]


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        ({}, [C, *PODS]),
        ({'nodes': ['pods']}, PODS),
        ({'nodes': ['p*']}, PODS),
        ({'nodes': ['http://pods:9292/v2']}, PODS),
        ({'sites': ['north']}, PODS),
        ({'nodes': ['pods-10.0.0.2']}, [PODS[1]]),
        ({'nodes': ['pods-10.0.0.2', 'pods']}, [PODS[1], PODS[0]]),
        ({'nodes': ['pods-10.0.0.[1-2]']}, PODS),
        ({'excluded': ['pods-10.0.0.2']}, [C, PODS[0]]),
        ({'excluded': ['pods-10.0.0.[1-2]']}, [C]),
        ({'excluded': ['pods']}, [C]),
        # What is excluded is what the lists show.
        ({'excluded': ['pods-*']}, [C]),
        ({'excluded': ['*-10.0.0.2']}, [C, PODS[0]]),
        ({'nodes': ['pods-10.0.0.[1-2]'], 'excluded': ['*.1']}, [PODS[1]]),
        ({'nodes': ['c'], 'excluded': ['pods-10.0.0.7']}, [C]),
        (
            {
                'nodes': ['c', 'pods-10.0.0.2'],
                'excluded': ['pods-10.0.0.1', 'pods-10.0.0.7'],
            },
            [C, PODS[1]],
        ),
    ],
)
def test_a_node_that_is_discovered_is_one_for_each_address(
    words: dict[str, Any], expected: list[nodes.Node]
) -> None:
    """In the order of the addresses, which DNS changes."""
    names = Names(FOUND)

    chosen = choose_all(cloud_of(C, DNS), choice.NodeOptions(**words), names)

    assert chosen == choice.Choice(expected, [])
    assert set(names.asked) <= {'http://pods:9292'}


def test_no_name_is_looked_up_for_nodes_that_are_not_meant() -> None:
    names = Names(FOUND)
    cloud = cloud_of(C, DNS)

    choose_all(cloud, choice.NodeOptions(nodes=['c']), names)
    choose_all(cloud, choice.NodeOptions(excluded=['pods']), names)

    assert names.asked == []


@pytest.mark.parametrize(
    'words',
    [
        {'nodes': ['pods-10.0.0.3']},
        {'nodes': ['pods-evil.example']},
        {'excluded': ['pods-10.0.0.3']},
        {'excluded': ['c', 'pods-10.0.0.3']},
        {'excluded': ['c', 'pods-10.0.0.3*']},
    ],
)
def test_an_address_that_is_gone(words: dict[str, Any]) -> None:
    word = next(iter(words.values()))[-1]

    with pytest.raises(errors.UsageError) as caught:
        choose_all(cloud_of(C, DNS), choice.NodeOptions(**words), Names(FOUND))

    known = 'Available' if 'evil' in word else 'Similar names'
    assert str(caught.value).startswith(
        f"clouds.yaml has no node '{word}'. {known}: pods-10.0.0."
    )
    # A URL is for --node only.
    assert ('Use a URL' in str(caught.value)) == ('nodes' in words)


def test_a_name_without_the_address_is_not_all_addresses() -> None:
    with pytest.raises(errors.UsageError) as caught:
        choose_all(
            cloud_of(C, DNS), choice.NodeOptions(nodes=['pods-']), Names(FOUND)
        )

    assert str(caught.value).startswith("clouds.yaml has no node 'pods-'. ")


def test_a_name_that_does_not_resolve_is_a_node_that_fails() -> None:
    """It has several addresses, perhaps: no request is sent to any of them."""
    chosen = choose_all(cloud_of(C, DNS), choice.NodeOptions())

    failure = chosen.nodes[1].failure
    assert chosen.nodes == [
        C,
        node('pods', 'http://pods:9292', site='north', failure=failure),
    ]
    assert str(failure) == 'Cannot connect: Name not known.'


def test_an_address_is_named_while_the_name_does_not_resolve() -> None:
    """Another host than the node's own is not connected to."""
    cloud = cloud_of(C, DNS)

    chosen = choose_all(cloud, choice.NodeOptions(nodes=['pods-10.0.0.1']))

    assert chosen.nodes == [PODS[0]]
    with pytest.raises(errors.UsageError):
        choose_all(cloud, choice.NodeOptions(nodes=['pods-evil.example']))


def test_nodes_that_are_discovered_may_begin_with_the_same_words() -> None:
    other = node('pods-2', 'http://two', discover=True)
    names = Names({**FOUND, 'http://two': ['10.0.0.1']})

    (one,) = choose_all(
        cloud_of(DNS, other),
        choice.NodeOptions(nodes=['pods-2-10.0.0.1']),
        names,
    ).nodes

    assert (one.endpoint, one.address) == ('http://two', '10.0.0.1')


def test_a_node_that_is_discovered_has_its_own_name() -> None:
    other = node('pods-10.0.0.1', 'http://other:9292')

    with pytest.raises(errors.UsageError) as caught:
        choose_all(cloud_of(DNS, other), choice.NodeOptions(), Names(FOUND))

    assert str(caught.value) == (
        "Two nodes have the name 'pods-10.0.0.1'. Rename the node in "
        "clouds.yaml: 'discover' uses the name."
    )


def test_a_glob_excludes_addresses_beside_another_node() -> None:
    other = node('pods-lab', 'http://lab:9292')

    chosen = choose_all(
        cloud_of(C, DNS, other),
        choice.NodeOptions(all_nodes=True, excluded=['pods-*']),
        Names(FOUND),
    )

    assert chosen.nodes == [C]


@pytest.mark.parametrize(
    'words', [{'nodes': ['c']}, {'excluded': ['pods']}, {'all_nodes': True}]
)
@pytest.mark.parametrize(
    ('glob', 'accepted'),
    [
        ('pods-*', True),
        ('pods-10.*', True),
        ('p*-10.0.0.1', True),
        ('*.1', True),
        ('*:a?', True),
        ('pdos-*', False),
        ('pods-10.*-x', False),
        ('pods-*1*-x', False),
        ('*-lab', False),
        ('?x', False),
    ],
)
def test_a_glob_may_match_addresses_that_are_not_looked_up(
    words: dict[str, Any], glob: str, accepted: bool
) -> None:
    """Its node is not selected, excluded, or in maintenance."""
    away = 'all_nodes' in words
    cloud = cloud_of(C, dataclasses.replace(DNS, maintenance=away))
    words = {**words, 'excluded': [*words.get('excluded', ()), glob]}
    expected = (
        contextlib.nullcontext()
        if accepted
        else pytest.raises(errors.UsageError, match=re.escape(glob))
    )

    with expected:
        chosen = choose_all(cloud, choice.NodeOptions(**words), Names(FOUND))
        assert chosen.nodes == [C]


def test_a_mistyped_glob_is_an_error_while_another_name_does_not_resolve() -> (
    None
):
    options = choice.NodeOptions(all_nodes=True, excluded=['x*'])

    with pytest.raises(errors.UsageError, match=r"no node 'x\*'"):
        choose_all(cloud_of(C, DNS), options)


@pytest.mark.parametrize('word', ['pods-10.0.0.2', 'pods-10.0.0.?'])
def test_an_address_is_excluded_while_the_name_does_not_resolve(
    word: str,
) -> None:
    options = choice.NodeOptions(excluded=[word])

    chosen = choose_all(cloud_of(C, DNS), options).nodes

    assert [(one.name, bool(one.failure)) for one in chosen] == [
        (C.name, False),
        ('pods', True),
    ]


def test_maintenance_is_of_all_addresses() -> None:
    cloud = cloud_of(
        C,
        node('pods', 'http://pods:9292', discover=True, maintenance=True),
    )

    left = choose_all(cloud, choice.NodeOptions(), Names(FOUND))
    named = choose_all(
        cloud, choice.NodeOptions(nodes=['pods-10.0.0.1']), Names(FOUND)
    )

    assert left == choice.Choice([C], ['pods'])
    assert [one.name for one in named.nodes] == ['pods-10.0.0.1']
