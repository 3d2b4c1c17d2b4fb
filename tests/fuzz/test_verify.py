# SPDX-License-Identifier: Apache-2.0

"""`verify` reports `ok` only for exactly the data of the image."""

from collections.abc import Iterator
import hashlib
import resource
import socket
import time
from unittest import mock

import hypothesis
import pytest

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.drivers import cache_api
from glance_cache_osc.fleet import fleet
from glance_cache_osc.fleet import nodes
from glance_cache_osc.model import images
from glance_cache_osc.transport import loop as loops
from glance_cache_osc.verifying import verification
from tests.cli import payloads as p
from tests.fuzz import clients
from tests.fuzz import conftest
from tests.fuzz import servers
from tests.fuzz import streams
from tests.fuzz import test_malformed

_MIB = 2**20
#: The largest growth of the process, in bytes.
_MAX_GROWTH = 32 * _MIB
#: Maximum seconds for any stream.
_MOST_SECONDS = 8.0


class Node:
    """A node with one cached image.

    :ivar stream: its response to each request for the data.
    :ivar reads: the number of these requests.
    """

    def __init__(self) -> None:
        self.stream = streams.Stream(b'', b'')
        self.reads = 0
        self._hits = 0

    def answer(self, head: bytes, connection: socket.socket) -> object:
        if b'/file ' not in head:
            held = p.cache(p.cached(p.UBUNTU, hits=self._hits))
            connection.sendall(servers.reply(held, kept=True))
            return servers.KEPT
        self.reads += 1
        self._hits += self.stream.counted
        connection.sendall(self.stream.raw)
        if self.stream.repeated:
            servers.pours(b'', self.stream.repeated)(head, connection)
        return None


@pytest.fixture
def node(tally: conftest.Tally) -> Iterator[Node]:
    node = Node()
    yield node
    assert node.reads >= tally.read
    tally.requests = node.reads


class Reader:
    """Verifies the image of a node, through the real engine."""

    def __init__(self, loop: loops.Loop, url: str) -> None:
        client = clients.client(loop.engine, url, 1.0)
        self._member = fleet.Member(
            nodes.Node(name='edge', endpoint=url),
            cache_api.CacheApiDriver(client),
            client,
            mock.create_autospec(clouds.Cloud, instance=True),
        )
        self._loop = loop

    def finding(self, data: bytes) -> verification.Finding:
        """The finding for an image with this data."""
        return self.finding_of(hashlib.sha512(data).hexdigest(), len(data))

    def finding_of(self, sha512: str, size: int) -> verification.Finding:
        """The finding for an image with this hash and size."""
        image = images.Image(
            p.UBUNTU, 'ubuntu', size, digest=('sha512', sha512)
        )
        one = verification.Candidate(self._member, image, size)
        # A verification does not ask a silent node again.
        with verification.Verification(1, mock.Mock()) as reading:
            self._loop.run(reading.verify([one]))
        return reading.findings[one]


@pytest.fixture
def reader(
    node: Node,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Reader]:
    # This node counts a hit before it sends the data.
    monkeypatch.setattr(verification, '_COUNTING_DELAY', 0)
    with (
        servers.Server(node.answer) as server,
        loops.Loop() as loop,
    ):
        yield Reader(loop, server.url)
    # pycurl prints an exception in a callback, and discards it.
    assert capfd.readouterr() == ('', '')


@conftest.PROFILE
@hypothesis.given(stream=streams.streams())
@hypothesis.example(stream=streams.Stream(b'', b'HTTP/1.1 200 OK\r\n\r'))
# libcurl permits any number of carriage returns after a chunk.
@hypothesis.example(
    stream=streams.Stream(
        b'a',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
        b'1\r\na\r\r\n0\r\n\r\n',
    )
)
def test_verify_reports_ok_only_for_the_exact_data(
    node: Node,
    reader: Reader,
    tally: conftest.Tally,
    stream: streams.Stream,
) -> None:
    node.stream = stream

    began = time.monotonic()
    finding = reader.finding(stream.data)
    for _ in range(3):
        if stream.exact and isinstance(finding.error, errors.NotGlance):
            # Surplus data of a previous read was in a kept connection.
            finding = reader.finding(stream.data)
    seconds = time.monotonic() - began

    tally.read += 1
    is_ok = finding.result is verification.Result.OK
    tally.accepted += is_ok
    if is_ok:
        assert stream.may_be_exact
        assert stream.counted
    elif stream.exact:
        assert not stream.counted, finding
        assert finding.result is verification.Result.NOT_SERVED
    if finding.result is None:
        assert isinstance(finding.error, errors.NodeError)
        test_malformed.check_error(finding.error)
    assert seconds < _MOST_SECONDS


@pytest.mark.parametrize(
    ('raw', 'result'),
    [
        (b'', verification.Result.CORRUPT),
        (
            b'Connection: close\r\nContent-Length: %d\r\n' % (64 * _MIB),
            verification.Result.OK,
        ),
        (b'Content-Length: %d\r\n' % 2**50, verification.Result.CORRUPT),
    ],
    ids=['endless', 'exact', 'too long'],
)
def test_verify_stores_no_data(
    node: Node, reader: Reader, raw: bytes, result: verification.Result
) -> None:
    size = 64 * _MIB
    block = b'x' * _MIB
    digest = hashlib.sha512()
    for _ in range(size // _MIB):
        digest.update(block)
    node.stream = streams.Stream(
        b'', b'HTTP/1.1 200 OK\r\n' + raw + b'\r\n', repeated=block
    )

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    finding = reader.finding_of(digest.hexdigest(), size)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert finding.result is result
    assert (after - before) * 1024 < _MAX_GROWTH
