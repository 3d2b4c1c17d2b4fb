# SPDX-License-Identifier: Apache-2.0

"""Node sets, and the words of --node, --site and --exclude-node."""

import asyncio
from collections.abc import Iterator
import time

import hypothesis
from hypothesis import strategies as st
import pytest

from glance_cache_osc import errors
from glance_cache_osc.fleet import choice
from glance_cache_osc.fleet import nodes
from glance_cache_osc.model import node_sets
from tests.fuzz import conftest
from tests.fuzz import node_texts
from tests.fuzz import test_nodes

#: The most seconds for one text.
_MOST_SECONDS = 5.0
_NUMBERS = st.integers(0, 120).map(str) | st.sampled_from(
    ['01', '007', '010', '99999', '999999', '1000000', '\u0661', '', '-1', 'a']
)
_PARTS = _NUMBERS | st.builds('{}-{}'.format, _NUMBERS, _NUMBERS)
_ASCENDING = st.builds(
    lambda first, size: f'{first}-{first + size}',
    st.integers(0, 200),
    st.integers(1, 30),
)
_BRACKETS = st.one_of(
    st.builds('[{}]'.format, _ASCENDING),
    st.builds('[{}]'.format, _ASCENDING),
    st.builds('[0{}-0{}]'.format, st.integers(1, 4), st.integers(5, 9)),
    st.lists(_PARTS, min_size=1, max_size=3).map(','.join).map('[{}]'.format),
    node_texts.RANGES,
)
_AFFIXES = st.sampled_from(
    ['', 'n', 'edge-', '.example', 'http://', '[::1]', ':9292', '*', '\\', '%']
) | st.text(max_size=3)
SETS = st.builds('{}{}{}'.format, _AFFIXES, _BRACKETS, _AFFIXES) | st.text()


@conftest.PROFILE
@hypothesis.given(text=SETS)
# A bug that fuzzing found: padded numbers came last.
@hypothesis.example(text='n[01,2]')
@hypothesis.example(text='\x1b[31m[1-2][1-2]')
def test_a_node_set_is_its_names_or_one_line(
    tally: conftest.Tally, text: str
) -> None:
    began = time.monotonic()
    found = test_nodes.configured(
        tally, lambda: node_sets.expand(text), 'is not a node set: '
    )

    assert found == node_texts.expanded(text)
    assert time.monotonic() - began < _MOST_SECONDS


def _node(name: str, **more: str | bool) -> nodes.Node:
    values = {'endpoint': f'http://{name}.example', **more}
    return nodes.Node(name=name, **values)  # type: ignore[arg-type]


CONFIGURED = [
    *(_node(f'edge-{at}', site='oslo') for at in range(1, 5)),
    *(_node(f'edge-0{at}', site='bergen') for at in range(1, 3)),
    _node('bücher', endpoint='http://10.1.0.1', maintenance=True),
    _node('n[a]', endpoint='http://[fd00::1]:9292'),
    _node('dns', discover=True, site='site-1'),
    _node('n*', endpoint='http://10.1.0.3', site='site-2'),
]
_BY_NAME = {one.name: one for one in CONFIGURED}
_ADDRESSES = ['10.9.0.1', '10.9.0.2']
_WORDS = st.one_of(
    st.sampled_from([one.name for one in CONFIGURED]),
    st.sampled_from(
        [
            *('edge-[1-3]', 'edge-[01-02]', 'edge-[1-9]', 'edge-[1,1]'),
            *('edge-*', '*', '?dge-?', 'e*[1-2]', 'edge-[!1]', '**', 'n*'),
            *('dns-10.9.0.1', 'dns-10.9.0.3', 'dns-*', 'dns-', 'dns-[1-2]'),
            *('http://10.1.0.1', 'http://new.example', 'http://x[::1]'),
            *('new.example', '10.1.0.1', '[fd00::1]:9292', 'edge-1:9292'),
            *('oslo', 'site-[1-2]', 'edge-1,edge-2', '@all', 'edge-1!edge-2'),
        ]
    ),
    node_texts.WORDS,
    SETS,
)


_VALID = st.sampled_from(
    [
        *('edge-1', 'edge-01', 'bücher', 'n[a]', 'n*', 'dns', 'edge-[1-3]'),
        *('edge-*', 'edge-[01-02]', '*', '?dge-?', 'dns-10.9.0.1', 'edge-[2]'),
        *('http://10.1.0.1/v2', 'https://new.example:9292', 'http://[::1]'),
    ]
)
_VALID_SITES = st.sampled_from(['oslo', 'o*', 'site-[1-2]', 'bergen', 'n*'])


@st.composite
def options(draw: st.DrawFn) -> choice.NodeOptions:
    """The node options of a command line; more than half are valid."""
    valid = draw(st.integers(0, 9)) < 6
    words, sites = (_VALID, _VALID_SITES) if valid else (_WORDS, _WORDS)
    return choice.NodeOptions(
        nodes=draw(st.lists(words, max_size=2)),
        sites=draw(st.lists(sites, max_size=1)),
        excluded=draw(st.lists(_WORDS, max_size=0 if valid else 1)),
        all_nodes=draw(st.integers(0, 9)) == 5,
    )


def _matches(name: str, glob: str) -> bool:
    """Whether a glob of * and ? matches a name."""
    if not glob:
        return not name
    if glob[0] == '*':
        rest = glob.lstrip('*')
        return any(_matches(name[at:], rest) for at in range(len(name) + 1))
    return bool(name) and (
        glob[0] in ('?', name[0]) and _matches(name[1:], glob[1:])
    )


def _meant(word: str, names: list[str]) -> list[str]:
    """The names that a valid word selects."""
    if word in names:
        return [word]
    if '*' in word or '?' in word:
        return [one for one in names if _matches(one, word)]
    return node_texts.expanded(word) or []


async def _resolve(url: str) -> list[str]:
    assert url == _BY_NAME['dns'].endpoint
    return _ADDRESSES


@pytest.fixture(scope='module')
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@conftest.PROFILE
@hypothesis.given(options=options())
# A bug that fuzzing found: all addresses of the node dns.
@hypothesis.example(options=choice.NodeOptions(nodes=['dns-']))
def test_words_select_configured_nodes_or_what_is_written(
    tally: conftest.Tally,
    runner: asyncio.Runner,
    options: choice.NodeOptions,
) -> None:
    chosen = test_nodes.configured(
        tally,
        lambda: runner.run(
            choice.choose(test_nodes.cloud_of(), CONFIGURED, options, _resolve)
        ),
        '',
    )

    if chosen:
        gone = {
            name
            for word in options.excluded
            for name in _meant(word, list(_BY_NAME))
        }
        assert not gone & {one.name for one in chosen.nodes}
        assert set(chosen.maintenance) <= {'bücher'}
        for one in chosen.nodes:
            _check_chosen(one, options)


def _check_chosen(one: nodes.Node, options: choice.NodeOptions) -> None:
    """The node was selected: by its name, its site or its URL."""
    words, sites = options.nodes, options.sites
    urls = [word for word in words if '://' in word]
    base = 'dns' if one.name.startswith('dns-') else one.name
    if base not in _BY_NAME:
        assert one.name in [url.rstrip('/') for url in urls]
        host = node_texts.written(one.name)
        assert host is not None
        assert node_texts.written(one.endpoint) == host
        return
    known = _BY_NAME[base]
    assert one.endpoint == known.endpoint
    assert one.address in (_ADDRESSES if known.discover else [''])
    by_name = {name for word in words for name in _meant(word, list(_BY_NAME))}
    known_sites = [each.site for each in CONFIGURED]
    by_site = {name for word in sites for name in _meant(word, known_sites)}
    by_url = [node_texts.written(url) for url in urls]
    assert (
        not (words or sites)
        or {one.name, base} & by_name
        or one.site in by_site
        or node_texts.written(one.endpoint) in by_url
    ), one


def test_no_short_text_fills_the_memory() -> None:
    """Each of these is refused before it is expanded."""
    for numbers in ('1-999999', '0-100000', '000001-999999', '1-9,2-999999'):
        began = time.monotonic()
        with pytest.raises(errors.UsageError):
            node_sets.expand(f'n[{numbers}]')
        assert time.monotonic() - began < 0.5
