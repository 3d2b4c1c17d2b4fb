# SPDX-License-Identifier: Apache-2.0

"""Streams of image data: valid ones, and malformed ones."""

import dataclasses
import hashlib
import re

from hypothesis import strategies as st

_LENGTH = re.compile(rb'(?i)\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r?\n')
#: libcurl accepts headers that end with the connection.
_END_OF_HEAD = re.compile(rb'\r?\n\r?(?:\n|\Z)')
#: The data of images. The largest needs several reads and hashes.
IMAGES = [
    hashlib.shake_256(b'image').digest(size) for size in (0, 1, 3000, 600_000)
]
_OTHER_HEADERS = st.sampled_from(
    [
        *(b'Content-Encoding: gzip', b'Content-Encoding: identity'),
        *(b'Transfer-Encoding: gzip', b'Transfer-Encoding: chunked'),
        *(b'Content-Length: -1', b'Content-Length: x', b'Content-Length: 1'),
        *(b'Content-Range: bytes 0-0/1', b'Connection: keep-alive'),
        *(b'no colon', b' folded', b'Location: http://127.0.0.1:1/'),
    ]
)


@dataclasses.dataclass(frozen=True, repr=False)
class Stream:
    """A response to the request for an image, to the end of the connection.

    :param data: the data of the image.
    :param raw: the bytes of the response.
    :param repeated: sent after these until the client hangs up.
    :param exact: whether the response contains exactly the data; None if a
        client may read it in several ways.
    :param counted: whether the node increases Hits.
    """

    data: bytes
    raw: bytes
    repeated: bytes = b''
    exact: bool | None = None
    counted: bool = True

    def __repr__(self) -> str:
        """The beginning and the lengths: hypothesis refuses long texts."""
        return (
            f'Stream({len(self.data)} bytes, {self.raw[:300]!r} of '
            f'{len(self.raw)}, repeated={self.repeated[:9]!r}, '
            f'exact={self.exact}, counted={self.counted})'
        )

    @property
    def may_be_exact(self) -> bool:
        """Whether a client can read exactly the data from the response."""
        if self.exact is not None:
            return self.exact
        head, body = self.raw, b''
        if self.repeated:
            head += self.repeated * (len(self.data) // len(self.repeated) + 1)
        while head.startswith(b'HTTP/'):
            match = _END_OF_HEAD.search(head)
            if not match:
                return False
            head, body = head[: match.start()] + b'\r\n', head[match.end() :]
            if not re.match(rb'HTTP/[\d.]+ 1\d\d', head):
                break
            head = body
        lengths = [int(one) for one in _LENGTH.findall(head)]
        bodies = [body, _joined(body)]
        bodies += [body[:one] for one in lengths if one <= len(body)]
        if b' 204' in head[:20]:  # It has no body.
            bodies.append(b'')
        return b' 2' in head[:10] and self.data in bodies


def _joined(body: bytes) -> bytes | None:
    """The content of chunks; None if the chunks are not complete."""
    content = b''
    while match := re.match(rb'([0-9a-fA-F]+)[^\n]*\n', body):
        size = int(match[1], 16)
        if not size:
            return content
        content += body[match.end() : match.end() + size]
        body = body[match.end() + size :].lstrip(b'\r').lstrip(b'\n')
    return None


def _chunks(draw: st.DrawFn, body: bytes) -> bytes:
    size = draw(st.sampled_from([1000, 7, 65536, 10**6]))
    size = max(size, len(body) // 20, 1)
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b''.join(b'%x\r\n%s\r\n' % (len(one), one) for one in parts) + (
        b'0\r\n\r\n'
    )


@st.composite
def _damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """The data with a change."""
    at = draw(st.integers(0, max(len(data) - 1, 0)))
    size = draw(st.sampled_from([1, 100, 4096]))
    begin, block, end = data[:at], data[at : at + size], data[at + size :]
    flipped = bytes(one ^ 1 for one in block)
    changed: bytes = draw(
        st.sampled_from(
            [
                *(begin, begin + end, begin + block + block + end),
                *(begin + flipped + end, begin + bytes(len(block)) + end),
                *(end + begin + block, data + b'x', data + data, b''),
                *(b'\0' * len(data), b'<html>nginx</html>', data[:-1]),
            ]
        )
    )
    return changed


@st.composite
def _damaged_raw(draw: st.DrawFn, raw: bytes) -> bytes:
    """The response with a change anywhere, often in its head."""
    near = draw(st.booleans())
    at = draw(st.integers(0, min(len(raw), 300) if near else len(raw)))
    gone = draw(st.sampled_from([0, 1, 2, 10]))
    added = draw(
        st.sampled_from([b'', b'\r\n', b'\n', b'0', b'f', b'-', b'\0', b' '])
        | st.binary(max_size=9)
    )
    if draw(st.integers(0, 3)) == 0:
        return raw[:at]
    return raw[:at] + added + raw[at + gone :]


def _lengths(draw: st.DrawFn, size: int) -> int:
    """A Content-Length, mostly another than the size."""
    return draw(
        st.sampled_from([size, size + 1, max(size - 1, 0), 0, 2**40, 2**70])
    )


def _exact(data: bytes, body: bytes, length: int) -> bool | None:
    """Whether a body of this Content-Length is the data.

    None if more follows, which may become the response to the next request.
    """
    if body[:length] != data or length > len(body):
        return False
    return True if length == len(body) else None


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """A response to the request for an image."""
    data = draw(st.sampled_from(IMAGES))
    counted = draw(st.integers(0, 9)) > 0
    valid = draw(st.integers(0, 9)) < 4
    body = data if valid else draw(st.just(data) | _damaged(data))
    exact: bool | None = body == data
    status = b'200 OK'
    lines = []
    repeated = b''
    framing = draw(st.sampled_from(['length', 'chunks', 'close']))
    if framing == 'length':
        length = len(body) if valid else _lengths(draw, len(body))
        lines.append(b'Content-Length: %d' % length)
        exact = _exact(data, body, length)
    elif framing == 'chunks':
        lines.append(b'Transfer-Encoding: chunked')
        body = _chunks(draw, body)
    if not valid:
        status = draw(
            st.sampled_from(
                [b'200 OK'] * 6 + [b'206 P', b'204 N', b'404 N', b'500 I']
            )
        )
        lines += draw(st.lists(_OTHER_HEADERS, max_size=1))
        if status != b'200 OK' or len(lines) > (framing != 'close'):
            exact = None if exact else exact
        if status == b'204 N':
            exact = None
        if framing != 'chunks' and draw(st.integers(0, 9)) == 0:
            repeated = draw(st.sampled_from([b' ' * 65536, data[:1] * 9999]))
            exact = False if framing == 'close' and exact is False else None
    if len(lines) > (framing != 'close'):
        # Another framing may apply to the body.
        exact = None
    raw = b'\r\n'.join([b'HTTP/1.1 ' + status, *lines, b'', body])
    if draw(st.integers(0, 9)) == 0:
        raw = b'HTTP/1.1 100 Continue\r\n\r\n' + raw
    if not valid and draw(st.integers(0, 3)) == 0:
        raw = draw(_damaged_raw(raw))
        exact = None
    return Stream(data, raw, repeated, exact, counted)
