# SPDX-License-Identifier: Apache-2.0

"""Items of nodes and sites, and an independent reading of them."""

import contextlib
import dataclasses
import json
import re
from typing import Any

from hypothesis import strategies as st
import idna
import yaml

from glance_cache_osc.model import yaml_text
from tests.fuzz import responses

#: The most names of a node set, as the manual states it.
_MAX_NAMES = 100_000
_RANGE = (
    r'\[((?:[0-9]{1,6}(?:-[0-9]{1,6})?)(?:,[0-9]{1,6}(?:-[0-9]{1,6})?)*)\]'
)

RANGES = st.sampled_from(
    [
        *('[1-3]', '[1-3]', '[1-2]', '[01-03]', '[8-10]', '[1,3]', '[7]'),
        *('[01,2]', '[1-2,05]', '[000-002]', '[1,1]', '[3-1]', '[1-03]'),
        *('[1-999999]', '[1-999999999]', '[0-100000]', '[]', '[a-c]', '[1-'),
        *(
            '[\u0663-\u0664]',
            '[²-³]',
            '[!1]',
            '[1-3/2]',
            '[-1]',
            '[1,]',
            '[ 1]',
        ),
        *('[::1]', '[fd00::1]', '[1-2][1-2]', '@group', '&x', '!x', ',x'),
    ]
)
WORDS = st.one_of(
    st.sampled_from(['edge-1', 'edge', 'oslo', 'n', 'bücher', '東京', 'a b']),
    st.builds('{}{}'.format, st.sampled_from(['n', 'edge-', '']), RANGES),
    st.builds('n{}-x'.format, RANGES),
    st.text(max_size=5),
)
_HOSTS = st.one_of(
    st.sampled_from(
        [
            *('edge-1.example', 'EDGE.example', '10.1.0.5', '127.1', 'a_b'),
            *('[fd00::1]', '[fe80::1%eth0]', '[fe80::1%25eth0]', '[::1]x'),
            *('[::1', '::1', 'x[::1].example', '[v1.a]', '[a]', 'a..b', '.'),
            *('ev%69l', 'a\\@b', 'a\\b', 'user@b', 'u:p@b', 'a;b', 'a,b'),
            *(
                'bücher.example',
                'ⅷ.example',
                'a。b',
                '\U0001d41a.example',
                'ab',
                '_',
            ),
            *('a\tb', 'a\nb', 'a\0b', 'a b', '\x01a', 'a\u202eb', 'x' * 64),
            *('edge*', 'edge?x', 'edge#x', 'catalogue.example', '-'),
        ]
    ),
    st.builds('n{}.example'.format, RANGES),
    st.builds('10.1.0.{}'.format, RANGES),
)
_URLS = st.builds(
    '{}{}{}{}'.format,
    st.sampled_from(
        ['http://'] * 6 + ['https://', 'HTTP://', '', 'ftp://', '//', 'http:']
    ),
    _HOSTS,
    st.sampled_from(
        ['', ':9292', ':9292', ':[8001-8003]', ':0', ':99999', ':٣', ':x', ':']
    ),
    st.sampled_from(
        ['', '', '', '/v2/', '/image', '/é', '/\ud800', '/a?b', '/a#b', '/@x']
    ),
)
#: A number that Python does not print.
_HUGE = 16**5000
_ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 7, 1.5, float('nan'), '', 'x' * 3000, [], {}, [[]]]
)
_VALUES = st.one_of(_ODD, WORDS, responses.ANYTHING)
_ITEM = st.fixed_dictionaries(
    {'name': WORDS, 'endpoint': _URLS},
    optional={
        'site': WORDS,
        'maintenance': st.booleans(),
        'discover': st.sampled_from(['dns', 'dns', 'no']),
        'cloud': st.sampled_from(['far', 'far', 'none']),
    },
)
#: A valid item with the number of the item in its name.
_NUMBERS = st.sampled_from(['', '-[1-3]', '-[01-12,20]', '-[8-10]', '-[7]'])
_HOST = st.sampled_from(
    ['n{}.example', '10.1.0.5', 'N{}.EXAMPLE', '[fd00::1]', 'bücher{}.example']
)


@st.composite
def _valid(draw: st.DrawFn, at: int) -> dict[str, Any]:
    numbers = draw(_NUMBERS)
    host = draw(_HOST).format(numbers)
    port = numbers and '[' in numbers and numbers not in host
    item: dict[str, Any] = {
        'name': f'edge-{at}{numbers}',
        'endpoint': f'http://{host}:{numbers[1:] if port else 9292}/v2',
    }
    if draw(st.booleans()):
        item['site'] = draw(st.sampled_from(['oslo', 'bergen', 'north 1']))
    if draw(st.integers(0, 4)) == 3:
        item['maintenance'] = draw(st.booleans())
    return item


@st.composite
def items(draw: st.DrawFn) -> list[Any]:
    """A list of nodes: valid, with odd nodes, or with odd values."""
    count = draw(st.integers(1, 3))
    listed: list[Any] = [draw(_valid(at)) for at in range(count)]
    if draw(st.integers(0, 9)) < 6:
        return listed
    listed.insert(draw(st.integers(0, count)), draw(_ITEM | _VALUES))
    if draw(st.booleans()) and isinstance(listed[0], dict):
        keys = [*listed[0], 'more', 'site', 'cloud']
        listed[0] = {**listed[0], draw(st.sampled_from(keys)): draw(_VALUES)}
    return listed


_SITE = st.fixed_dictionaries(
    {'name': st.sampled_from(['oslo', 'bergen', 'north 1'])},
    optional={
        'max_downloads': st.integers(1, 9),
        'bandwidth': st.sampled_from(['100M', '1.5G', 1000, 2.5e6]),
    },
)
SITES = st.lists(
    _SITE, max_size=2, unique_by=lambda one: one['name']
) | st.lists(
    st.fixed_dictionaries(
        {'name': WORDS},
        optional={
            'max_downloads': st.integers(1, 9) | _ODD | st.just(_HUGE),
            'bandwidth': st.sampled_from(
                [
                    '100M',
                    '1.5G',
                    1000,
                    2.5e6,
                    '\u0661M',
                    '1e9',
                    _HUGE,
                    '9' * 5000,
                ]
            )
            | _ODD,
        },
    )
    | _VALUES,
    max_size=3,
)


@dataclasses.dataclass(frozen=True)
class Written:
    """What an endpoint states.

    :param host: in lower case and ASCII; empty if it is not clear.
    """

    host: str
    port: str


def parse(text: str) -> Any:
    """The value of a text of JSON or YAML; None if it is neither."""
    with contextlib.suppress(ValueError, RecursionError):
        if text.lstrip()[:1] in ('[', '{'):
            return json.loads(text)
    # PyYAML raises many types of errors for malformed values.
    with contextlib.suppress(Exception):
        # libyaml permits tabs where PyYAML's own loader does not, and crashes
        # on deep nesting.
        yaml_text.check_depth(text)
        return yaml.load(text, yaml_text.Loader)  # noqa: S506 - a safe loader
    return None


def expanded(text: str) -> list[str] | None:
    """The names of a node set; None if it is not valid."""
    found = list(re.finditer(_RANGE, text))
    if not found:
        return [text]
    parts = [_numbers(part) for part in found[0][1].split(',')]
    numbers = [number for part in parts for number in part or ()]
    ascending = sorted(set(map(int, numbers)))
    if (
        len(found) > 1
        or None in parts
        or list(map(int, numbers)) != ascending
        or len(numbers) > _MAX_NAMES
    ):
        return None
    before, after = text[: found[0].start()], text[found[0].end() :]
    return [f'{before}{number}{after}' for number in numbers]


def _numbers(part: str) -> list[str] | None:
    """The numbers of ``1-3`` or ``01-12``; None if it is not valid."""
    low, _, high = part.partition('-')
    if not high:
        return [low]
    widths = {len(one) for one in (low, high) if one[0] == '0' and one != '0'}
    size = int(high) - int(low) + 1
    if not 1 < size <= _MAX_NAMES or (widths and len(low) != len(high)):
        return None
    width = len(low) if widths else 0
    return [str(one).zfill(width) for one in range(int(low), int(high) + 1)]


def written(endpoint: str) -> Written | None:
    """The host and port of an endpoint; None if it is not clear.

    Without a scheme, the port is that of the image endpoint.
    """
    text = endpoint.lower()
    scheme, separator, rest = text.partition('://')
    if not separator:
        scheme, rest = 'https', text
    host, port = _host_and_port(rest.partition('/')[0])
    if host is None:
        return None
    if not port and not separator:
        port = IMAGE_PORT
    default = {'http': '80', 'https': '443'}.get(scheme, '')
    return Written(host, (port or default).lstrip('0') or '0')


#: The image endpoint of the cloud: no host that was written, but a port.
IMAGE_ENDPOINT = 'https://catalogue.invalid:8443/image'
IMAGE_PORT = '8443'


def _host_and_port(netloc: str) -> tuple[str | None, str]:
    match = re.fullmatch(
        r'(\[[0-9a-z:.%_-]+\]|[^\[\]:@]+)(?::([0-9]*))?', netloc
    )
    if not match:
        return None, ''
    host = match[1]
    if not host.isascii():
        with contextlib.suppress(UnicodeError):
            host = idna.encode(host, uts46=True).decode()
    return host, match[2] or ''


def pairs(listed: Any) -> dict[str, Written | None]:
    """The hosts and ports of nodes by their names, as written."""
    found: dict[str, Written | None] = {}
    for item in listed if isinstance(listed, list) else []:
        name = item.get('name') if isinstance(item, dict) else None
        text = item.get('endpoint') if isinstance(item, dict) else None
        if isinstance(name, str) and isinstance(text, str):
            names, endpoints = expanded(name), expanded(text)
            if names and endpoints and len(names) == len(endpoints):
                for one, endpoint in zip(names, endpoints):
                    found.setdefault(one, written(endpoint))
    return found
