# SPDX-License-Identifier: Apache-2.0

"""Responses of a node: arbitrary data, and almost valid responses."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.cli import payloads as p
from tests.fuzz import servers

#: Texts that affect a terminal, a row or an encoder, and harmless ones.
_HARMFUL = st.sampled_from(
    [
        '\x1b[31mred\x1b[0m',
        '\x1b]0;title\x07',
        '\u202egnp.exe',
        'two\nlines\r\n',
        'a,"b";\'c\'',
        '\ud800',
        '\udcff',
        '\x00',
        '\x9b2J',
        '\u2028\u2029\u0085',
        '=cmd()',
        '%s%(x)s{0}',
        'x' * 5000,
        '../../etc',
        '',
        servers.TOKEN,
    ]
)
_TEXTS = st.one_of(st.text(max_size=20), _HARMFUL, st.just(p.UBUNTU))
_NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.integers(),
    st.sampled_from([2**63 - 1, 2**63, 10**400, -(10**400), 253402300800]),
    st.floats(),
)
_LEAVES = st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS)
ANYTHING = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_TEXTS, inner, max_size=4)
    ),
    max_leaves=10,
)
_IDS = st.sampled_from([p.UBUNTU, p.DEBIAN, p.ORPHAN]) | _TEXTS
_TIMES = st.floats() | _NUMBERS | st.none()
_ENTRY = st.fixed_dictionaries(
    {'image_id': _IDS},
    optional={
        'size': _NUMBERS | st.none(),
        'hits': st.integers(0, 10**6) | _LEAVES,
        'last_accessed': _TIMES,
        'last_modified': _TIMES,
        'checksum': ANYTHING,
        'more': ANYTHING,
    },
)
#: Valid entries. They let a test reach a single malformed part.
_VALID_ENTRY = st.fixed_dictionaries(
    {
        'image_id': _IDS.filter(bool),
        'size': st.integers(0, 2**63 - 1) | st.none(),
        'hits': st.integers(0, 2**63 - 1),
        'last_accessed': st.floats(-(10**10), 10**11) | st.just(0),
    }
)
_LISTS = st.fixed_dictionaries(
    {
        'cached_images': st.lists(_VALID_ENTRY, max_size=4)
        | st.lists(_ENTRY, max_size=4)
        | ANYTHING,
        'queued_images': st.lists(_IDS, max_size=4) | ANYTHING,
    },
    optional={'more': ANYTHING},
)
_VALID_LISTS = st.fixed_dictionaries(
    {
        'cached_images': st.lists(_VALID_ENTRY, max_size=4),
        'queued_images': st.lists(_IDS.filter(bool), max_size=4),
    },
    optional={'more': ANYTHING},
)
_VERSIONS = st.fixed_dictionaries(
    {
        'versions': st.lists(
            st.fixed_dictionaries(
                {'id': st.sampled_from(['v2.18', 'v2.14', 'v2']) | ANYTHING}
            )
            | ANYTHING,
            max_size=4,
        )
    }
)


def _text_of(value: Any, plain: bool) -> bytes:
    text = json.dumps(value, ensure_ascii=not plain)
    return text.encode('utf-8', 'surrogatepass')


_PAGES = st.sampled_from(
    [
        p.fault('404 Not Found', f'Image {p.UBUNTU} not found.').encode(),
        p.fault('500 Internal Server Error', '\x1b[2J\u202e boo').encode(),
        p.fault('409 Conflict', servers.TOKEN).encode(),
        b'<' * 3000,
        b'<html><body>nginx</body></html>',
        b'[' * 100_000,
        b'{"a":' * 5000,
        b'9' * 5000,
        b'{"cached_images": [NaN], "queued_images": Infinity}',
        b'"\\ud800"',
        b'\xff\xfe\x00',
        b'\xef\xbb\xbf{}',
        b'{"conflict": {"message": ["no", "text"]}}',
        b'null',
        b'',
        b'\x1f\x8b\x08\x00',
    ]
)
BODIES = st.one_of(
    st.builds(_text_of, _LISTS, st.booleans()),
    st.builds(_text_of, _LISTS, st.booleans()),
    st.builds(_text_of, _VERSIONS, st.booleans()),
    st.builds(_text_of, ANYTHING, st.booleans()),
    _PAGES,
    st.binary(max_size=200),
)
_STATUS = st.one_of(
    st.just('200 OK'),
    st.just('200 OK'),
    st.integers(100, 599).map(str),
    st.sampled_from(
        [
            '401 Unauthorized',
            '302 Found',
            '429 Slow Down',
            '503 \x1b[31m',
            '404 ' + servers.TOKEN,
            '999',
            '0',
            '-1',
            'abc',
            '',
            '200',
        ]
    ),
)
_HEADER_LINES = st.sampled_from(
    [
        b'Content-Type: application/json',
        b'Content-Type: text/html; charset=UTF-8',
        b'Content-Type: application/json; charset=undefined',
        b'Content-Type: text/html; charset=idna',
        b'Content-Type: \xff',
        b'Content-Encoding: gzip',
        b'Content-Encoding: identity',
        b'Location: http://127.0.0.1:1/steal',
        b'Location: http://[',
        b'Location: \xff\xfe',
        b'Location: //evil.example/%%',
        b'Retry-After: 1',
        b'Retry-After: -1',
        b'Retry-After: Fri, 99 Foo',
        b'Retry-After: ' + b'9' * 400,
        b'Set-Cookie: a=b; Domain=.0.0.1',
        b'WWW-Authenticate: Keystone uri="http://127.0.0.1:1"',
        b'X-Openstack-Request-Id: \x1b[31m',
        b'X-Echo: ' + servers.TOKEN.encode(),
        b'Connection: keep-alive',
        b'Upgrade: h2c',
        b'no colon here',
        b'HTTP/1.1 abc: x',
        b'HTTP/1.1 200 OK: x',
        b'HTTP/',
        b': empty',
        b' folded',
        b'Content-Length: -1',
        b'Content-Length: x',
        b'Content-Length: 999999999999',
        b'Transfer-Encoding: chunked',
    ]
)


def _chunked(body: bytes) -> bytes:
    return (
        b'%x\r\n%s\r\n0\r\n\r\n' % (len(body), body) if body else b'0\r\n\r\n'
    )


#: Valid responses: their texts must not harm the output.
VALID = st.builds(_text_of, _VALID_LISTS, st.booleans()).map(servers.reply)


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """All bytes of a response, to the end of the connection."""
    if draw(st.integers(0, 2)) == 0:
        valid: bytes = draw(VALID)
        return valid
    if draw(st.integers(0, 19)) == 0:
        noise: bytes = draw(st.binary(max_size=100))
        return noise
    body = draw(BODIES)
    version = draw(
        st.sampled_from(['HTTP/1.1'] * 8 + ['HTTP/1.0', 'HTTP/9.9', 'ICY'])
    )
    lines = [f'{version} {draw(_STATUS)}'.encode('latin-1', 'replace')]
    lines += draw(st.lists(_HEADER_LINES, max_size=3))
    framing = draw(st.integers(0, 3))
    if framing == 0:
        lines.append(b'Transfer-Encoding: chunked')
        body = _chunked(body)
    elif framing == 1:
        lines.append(b'Content-Length: %d' % len(body))
    whole: bytes = b'\r\n'.join(lines) + b'\r\n\r\n' + body
    if draw(st.integers(0, 9)) == 0:
        end: int = draw(st.integers(0, len(whole)))
        whole = whole[:end]
    if draw(st.integers(0, 19)) == 0:
        whole = b'HTTP/1.1 100 Continue\r\n\r\n' * 3 + whole
    return whole
