# SPDX-License-Identifier: Apache-2.0

"""Reading cached images until it is clear what their nodes do."""

import asyncio
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from concurrent import futures
import dataclasses
import hashlib
import itertools
import threading
from typing import Any
from typing import cast

import pytest

from glance_cache_osc import errors
from glance_cache_osc.command import verification_report
from glance_cache_osc.drivers import base
from glance_cache_osc.drivers import http
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.transport import engine
from glance_cache_osc.verifying import downloads
from glance_cache_osc.verifying import verification
from tests.unit import virtual
from tests.unit import world

Result = verification.Result
DATA = bytes(range(256)) * 40
SIZE = len(DATA)
BROKEN = errors.Unreachable('The connection broke', connected=True)
REFUSED = errors.Unreachable('Cannot connect', down=True)
SILENT = errors.TimedOut('No response within 30 seconds')
NOT_FOUND = errors.Refused('Not found', status=404)


@dataclasses.dataclass(frozen=True)
class Read:
    """What a node does when an image is read.

    :param error: ends the response after the data.
    :param late: seconds after which a hit is counted.
    """

    data: bytes = DATA
    hit: bool = True
    error: errors.NodeError | None = None
    status: int = 200
    leaves: bool = False
    late: float = 0


OK = Read()
UNCOUNTED = Read(hit=False)
WRONG = Read(b'x' * SIZE)
#: A cached file of 0 bytes.
FAULT = Read(b'', hit=False, error=errors.ServerFault('HTTP 500', '', 500))
PROXY = Read(b'', hit=False, error=errors.ServerFault('HTTP 503', '', 503))


def cut(size: int) -> Read:
    """The connection breaks after so many bytes."""
    return Read(DATA[:size], error=BROKEN)


class Node:
    """A node whose reads are planned; the last one is repeated.

    :param wait: is awaited while an image is read.
    """

    def __init__(
        self,
        *reads: Read,
        ids: Iterable[str] = 'a',
        wait: Callable[[], Any] = lambda: asyncio.sleep(0),
    ) -> None:
        self.reads = list(reads)
        self.hits: dict[str, int | None] = dict.fromkeys(ids, 3)
        #: 'list' and the IDs of images that were read, in order.
        self.requests: list[str] = []
        self.headers: list[Any] = []
        self.max_sizes: list[int] = []
        self.list_error: errors.NodeError | None = None
        #: The status of the first byte from the store; None for an error.
        self.store: int | None = None
        self._wait = wait

    async def list_entries(self) -> list[entries.Entry]:
        self.requests.append('list')
        if self.list_error:
            raise self.list_error
        return [
            entries.Entry(one, entries.State.CACHED, SIZE, hits)
            for one, hits in self.hits.items()
        ]

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: Any,
        max_size: int,
        sink: Callable[[bytes], None] | None = None,
    ) -> engine.Response:
        if headers == {'Range': 'bytes=0-0'}:
            if self.store is None:
                raise NOT_FOUND
            return engine.Response(self.store, {}, b'', 0.1)
        assert sink
        image_id = path.removeprefix('/v2/images/').removesuffix('/file')
        assert (method, path) == ('GET', f'/v2/images/{image_id}/file')
        self.requests.append(image_id)
        self.headers.append(headers)
        self.max_sizes.append(max_size)
        read = self.reads.pop(0) if len(self.reads) > 1 else self.reads[0]
        await self._wait()
        for at in range(0, len(read.data), 1000):
            sink(read.data[at : at + 1000])
        if read.late:
            asyncio.get_running_loop().call_later(
                read.late, self._count, image_id
            )
        elif read.hit:
            self._count(image_id)
        if read.leaves:
            del self.hits[image_id]
        if read.error:
            raise read.error
        return engine.Response(read.status, {}, b'', 0.1)

    def _count(self, image_id: str) -> None:
        self.hits[image_id] = (self.hits[image_id] or 0) + 1

    @property
    def files(self) -> list[str]:
        return [one for one in self.requests if one != 'list']


class Notes:
    """A watcher that adds up."""

    def __init__(self) -> None:
        self.expected = self.arrived = 0

    def expect(self, size: int) -> None:
        self.expected += size

    def advance(self, size: int) -> None:
        self.arrived += size


def image(
    image_id: str = 'a', data: bytes = DATA, **more: Any
) -> images.Image:
    digest = ('sha256', hashlib.sha256(data).hexdigest())
    found = images.Image(image_id, size=len(data), digest=digest)
    return dataclasses.replace(found, **more)


def candidates(
    node: Node, ids: Iterable[str] = 'a', **more: Any
) -> list[verification.Candidate]:
    """Images that are to be read from one node."""
    member = world.member(
        driver=cast('base.CacheDriver', node),
        client=cast('http.NodeClient', node),
    )
    return [
        verification.Candidate(member, image(one, **more), SIZE) for one in ids
    ]


def verify(
    chosen: Sequence[verification.Candidate],
    notes: Notes | None = None,
    downloads_at_once: int = 4,
) -> list[verification.Finding]:
    """Their findings, in their order."""

    async def verify_them() -> list[verification.Finding]:
        with verification.Verification(
            downloads_at_once, notes or Notes()
        ) as reading:
            await reading.verify(chosen)
        return [reading.findings[one] for one in chosen]

    return virtual.run(verify_them())


def verify_one(node: Node) -> verification.Finding:
    (finding,) = verify(candidates(node))
    return finding


@pytest.mark.parametrize(
    ('reads', 'expected'),
    [
        ([OK], 'ok'),
        ([UNCOUNTED, OK], 'file was missing'),
        ([UNCOUNTED, UNCOUNTED], 'not served from cache'),
        ([WRONG], 'corrupt'),
        ([Read(b'x' * SIZE, hit=False)], 'corrupt'),
        ([UNCOUNTED, WRONG], 'corrupt'),
        # A complete response that is too short is one that was cut.
        ([Read(DATA[:-1]), Read(DATA[:-1])], 'truncated'),
        ([Read(b''), Read(b'')], 'truncated'),
        ([Read(DATA[:5]), cut(5)], 'truncated'),
        ([Read(DATA[:-1]), OK], 'ok'),
        ([Read(error=errors.TooLong('Too long'))], 'corrupt'),
        ([cut(5), cut(5)], 'truncated'),
        ([cut(SIZE), cut(SIZE)], 'truncated'),
        ([cut(5), cut(6), cut(6)], 'truncated'),
        ([cut(5), cut(6), cut(5)], 'truncated'),
        ([cut(5), OK], 'ok'),
        ([cut(5), WRONG], 'corrupt'),
        ([cut(5), cut(6), OK], 'ok'),
        ([cut(5), UNCOUNTED, OK], 'file was missing'),
        ([cut(5), UNCOUNTED, UNCOUNTED], 'not served from cache'),
        ([UNCOUNTED, cut(5), OK], 'file was missing'),
        ([UNCOUNTED, cut(5), UNCOUNTED], 'not served from cache'),
        ([UNCOUNTED, cut(5), cut(5)], 'truncated'),
    ],
)
def test_what_reads_show(reads: list[Read], expected: str) -> None:
    node = Node(*reads)

    finding = verify_one(node)

    assert (finding.result, finding.error) == (expected, None)
    assert node.files == ['a'] * len(reads)
    # The list before all reads, and after each of them; again after a read
    # that was complete and not counted.
    again = reads.count(UNCOUNTED)
    assert node.requests.count('list') == len(reads) + 1 + again


@pytest.mark.parametrize(
    ('reads', 'expected'),
    [
        ([FAULT, FAULT], 'truncated'),
        ([FAULT, OK], 'ok'),
        ([FAULT, WRONG], 'corrupt'),
        ([FAULT, cut(1), cut(2)], 'The connection broke after 0, 1, 2 bytes'),
        # A proxy failed. Nothing is known of the file.
        ([PROXY], 'HTTP 503'),
    ],
)
def test_a_server_fault_is_an_end_of_the_data_if_the_store_responds(
    reads: list[Read], expected: str
) -> None:
    node = Node(*reads)
    node.store = 206

    finding = verify_one(node)

    error = finding.error.why if finding.error else None
    assert (finding.result or error) == expected
    assert node.files == ['a'] * len(reads)


def test_a_server_fault_of_an_image_that_the_store_lost() -> None:
    node = Node(FAULT)
    node.store = 204

    error = verify_one(node).error

    assert error
    assert error.why == 'The data of the image is not in its store'


@pytest.mark.parametrize(
    ('late', 'expected', 'reads'),
    [(0.9, 'ok', 1), (1.1, 'file was missing', 2)],
)
def test_a_hit_that_is_counted_after_the_data_is_sent(
    late: float, expected: str, reads: int
) -> None:
    """As behind a proxy that has several connections to a node."""
    node = Node(Read(late=late))

    finding = verify_one(node)

    assert finding.result == expected
    assert finding.seconds == pytest.approx(reads)
    assert node.requests == ['list'] + ['a', 'list', 'list'] * reads


def test_the_list_after_a_late_hit_serves_for_the_next_image() -> None:
    node = Node(Read(late=0.5), OK, ids='ab')

    first, second = verify(candidates(node, 'ab'))

    assert (first.result, second.result) == (Result.OK, Result.OK)
    assert node.requests == ['list', 'a', 'list', 'list', 'b', 'list']


@pytest.mark.parametrize(
    ('reads', 'sizes'),
    [
        ([cut(1), cut(2), cut(3)], '1, 2, 3'),
        ([UNCOUNTED, cut(2), cut(3)], f'{SIZE}, 2, 3'),
        ([cut(1), UNCOUNTED, cut(3)], f'1, {SIZE}, 3'),
        ([Read(b'x'), Read(b''), cut(3)], '1, 0, 3'),
    ],
)
def test_reads_that_do_not_agree(reads: list[Read], sizes: str) -> None:
    """There are three reads, and the next image is read."""
    node = Node(*reads, OK, ids='ab')

    finding, following = verify(candidates(node, 'ab'))

    assert finding.result is None
    assert isinstance(finding.error, errors.Unreachable)
    assert finding.error.why == f'The connection broke after {sizes} bytes'
    assert following.result is Result.OK
    assert node.files == ['a', 'a', 'a', 'b']


@pytest.mark.parametrize(
    ('more', 'expected'),
    [
        ({'digest': None}, 'not verifiable'),
        ({'active': False}, 'not verifiable'),
        ({}, 'ok'),
    ],
)
def test_what_is_not_read(more: dict[str, Any], expected: str) -> None:
    node = Node(OK)
    notes = Notes()

    (finding,) = verify(candidates(node, **more), notes)

    assert finding.result == expected
    read = expected == 'ok'
    assert bool(node.requests) is read
    assert (notes.expected, notes.arrived) == (SIZE * read, SIZE * read)
    assert (finding.seconds is not None) is read


def test_what_the_node_does_not_list() -> None:
    node = Node(OK)
    (one,) = candidates(node)
    absent = dataclasses.replace(one, state=None)

    (finding,) = verify([absent])

    assert finding == verification.Finding(absent, Result.NOT_CACHED)
    assert node.requests == []


def test_an_image_that_left_the_cache_is_not_read() -> None:
    node = Node(OK, ids='')

    finding = verify_one(node)

    assert finding.result is Result.NOT_CACHED
    assert node.requests == ['list']


def test_an_image_that_leaves_the_cache_is_not_read_again() -> None:
    node = Node(Read(hit=False, leaves=True))

    finding = verify_one(node)

    assert finding.result is Result.NOT_CACHED
    assert node.files == ['a']


@pytest.mark.parametrize(
    'read', [Read(DATA[:5], error=BROKEN), Read(DATA[:5]), Read(b'wrong')]
)
def test_an_image_that_leaves_the_cache_while_damaged_data_is_sent(
    read: Read,
) -> None:
    """Its file was missing, and Glance gave up caching damaged data.

    Queueing it would end all fills of the node.
    """
    node = Node(dataclasses.replace(read, leaves=True), OK, ids='ab')

    finding, following = verify(candidates(node, 'ab'))

    assert finding.result is None
    assert str(finding.error) == (
        'The data is damaged (5 bytes), and the image left the cache. If this '
        'happens again, the data in the store is damaged: upload the image '
        'again. Do not queue it before.'
    )
    assert following.result is Result.OK
    assert node.files == ['a', 'b']


@pytest.mark.parametrize('hits', [None, 0])
@pytest.mark.parametrize(
    ('read', 'expected'), [(OK, Result.OK), (UNCOUNTED, Result.NOT_SERVED)]
)
def test_an_entry_without_hits(
    read: Read, expected: Result, hits: int | None
) -> None:
    """Null is none."""
    node = Node(read)
    node.hits['a'] = hits

    assert verify_one(node).result is expected


def test_hits_that_fall() -> None:
    """The entry is another one: it was deleted, and is cached again."""

    async def wait() -> None:
        if len(node.files) == 1:
            node.hits['a'] = 0

    node = Node(UNCOUNTED, OK, wait=wait)

    assert verify_one(node).result is Result.FILE_MISSING


def test_the_list_after_an_image_serves_for_the_next_one() -> None:
    node = Node(OK, ids='abc')

    verify(candidates(node, 'abc'))

    assert node.requests == ['list', 'a', 'list', 'b', 'list', 'c', 'list']


def test_after_a_failure_the_list_is_read_again() -> None:
    node = Node(Read(b'', error=NOT_FOUND), OK, ids='ab')

    first, second = verify(candidates(node, 'ab'))

    assert (first.error, second.result) == (NOT_FOUND, Result.OK)
    assert node.requests == ['list', 'a', 'list', 'b', 'list']


@pytest.mark.parametrize(
    ('error', 'lost'),
    [
        (SILENT, True),
        (REFUSED, True),
        (errors.CertificateRejected('Expired'), True),
        (BROKEN, False),
        (NOT_FOUND, False),
        (errors.ServerFault('Failed'), False),
        (errors.Forbidden('No'), False),
        (errors.BadReply('Compressed'), False),
    ],
)
def test_a_node_that_is_lost_is_not_asked_again(
    error: errors.NodeError, lost: bool
) -> None:
    node = Node(Read(b'', error=error), OK, ids='ab')

    first, second = verify(candidates(node, 'ab'))

    assert first.error is error
    assert node.files == (['a'] if lost else ['a', 'b'])
    assert second.error is (error if lost else None)


def test_a_list_that_fails_after_the_read() -> None:
    async def wait() -> None:
        node.list_error = errors.BadReply('Not a list')

    node = Node(OK, wait=wait)

    finding = verify_one(node)

    assert (finding.result, finding.error) == (None, node.list_error)


@pytest.mark.parametrize('error', [SILENT, REFUSED])
def test_a_node_that_is_lost_while_it_sends(error: errors.NodeError) -> None:
    """A stop in the middle is not a cut."""
    node = Node(Read(DATA[:5], error=error))

    finding = verify_one(node)

    if error is SILENT:
        assert finding.error is error
        assert node.files == ['a']
    else:
        assert finding.result is Result.TRUNCATED


def test_one_node_fails_and_the_others_do_not() -> None:
    bad, good = Node(Read(b'', error=SILENT)), Node(OK)

    first, second = verify([*candidates(bad), *candidates(good)])

    assert (first.error, second.result) == (SILENT, Result.OK)


@pytest.mark.parametrize('limit', [1, 2, 3, 9])
def test_so_many_nodes_are_read_from_at_a_time(limit: int) -> None:
    busy = 0
    highest = []

    async def wait() -> None:
        nonlocal busy
        busy += 1
        highest.append(busy)
        await asyncio.sleep(0.01)
        busy -= 1

    nodes = [Node(OK, ids='ab', wait=wait) for __ in range(5)]
    chosen = [
        dataclasses.replace(one, group=group)
        for group, node in enumerate(nodes)
        for one in candidates(node, 'ab')
    ]

    found = verify(chosen, downloads_at_once=limit)

    assert [one.result for one in found] == [Result.OK] * 10
    assert max(highest) == min(limit, 5)


def test_nodes_of_one_group_are_read_from_in_turn() -> None:
    """They may count each other's hits."""
    busy = 0

    async def wait() -> None:
        nonlocal busy
        assert not busy
        busy += 1
        await asyncio.sleep(0.01)
        busy -= 1

    nodes = [Node(OK, wait=wait) for __ in range(3)]

    found = verify([one for node in nodes for one in candidates(node)])

    assert [one.result for one in found] == [Result.OK] * 3


def test_what_is_expected_and_what_arrives() -> None:
    notes = Notes()
    node = Node(UNCOUNTED, OK)

    verify(candidates(node), notes)

    # The second read is known only after the first one.
    assert (notes.expected, notes.arrived) == (2 * SIZE, 2 * SIZE)


def test_findings_of_before_a_cancellation_are_kept() -> None:
    async def wait() -> None:
        if node.files == ['a', 'b']:
            await asyncio.sleep(100)

    node = Node(OK, ids='abc', wait=wait)
    chosen = candidates(node, 'abc')

    async def verify_and_stop() -> dict[Any, verification.Finding]:
        with verification.Verification(4, Notes()) as reading:
            stopped = asyncio.wait_for(reading.verify(chosen), 0.1)
            with pytest.raises(TimeoutError):
                await stopped
        return reading.findings

    findings = asyncio.run(verify_and_stop())

    assert [one.image.image_id for one in findings] == ['a']
    assert node.files == ['a', 'b']


@pytest.mark.parametrize(
    ('read', 'expected'),
    [
        (Read(status=206), None),
        (
            WRONG,
            (
                'The node does not read the image from its store if the cache '
                'has it'
            ),
        ),
        (
            OK,
            (
                'The node does not read the image from its store if the cache '
                'has it'
            ),
        ),
        (
            Read(b'x' * SIZE, status=206),
            'The data in the store is damaged as well',
        ),
        (Read(b'', error=NOT_FOUND), 'Not found'),
        (
            # All data, and more: the node ignores the range.
            Read(error=errors.TooLong('Too long')),
            (
                'The node does not read the image from its store if the cache '
                'has it'
            ),
        ),
        (
            Read(DATA[:5], status=206),
            'The connection broke after 5 bytes',
        ),
    ],
)
def test_the_store_of_a_bad_entry(read: Read, expected: str | None) -> None:
    node = Node(dataclasses.replace(read, hit=False))
    chosen = candidates(node)
    before = verification.Finding(chosen[0], Result.CORRUPT, 1.5)

    async def check() -> verification.Finding:
        with verification.Verification(4, Notes()) as reading:
            reading.findings[chosen[0]] = before
            await reading.check_stores(chosen)
        return reading.findings[chosen[0]]

    finding = asyncio.run(check())

    assert dataclasses.replace(finding, error=None) == before
    assert (finding.error and finding.error.why) == expected
    assert node.headers == [{'Range': 'bytes=0-'}]


def test_the_store_of_an_image_without_data_is_not_read() -> None:
    """There is no range of nothing."""
    node = Node(OK)
    chosen = candidates(node)[0]
    empty = dataclasses.replace(chosen, image=image(data=b''), size=0)

    async def check() -> verification.Verification:
        with verification.Verification(4, Notes()) as reading:
            reading.findings[empty] = verification.Finding(
                empty, Result.CORRUPT
            )
            await reading.check_stores([empty])
        return reading

    reading = asyncio.run(check())

    assert reading.findings[empty].error is None
    assert node.requests == []


def test_a_store_is_read_once() -> None:
    """And the list of the cache is not."""
    node = Node(Read(status=206, hit=False), ids='ab')
    chosen = candidates(node, 'ab')

    async def check() -> None:
        with verification.Verification(4, Notes()) as reading:
            reading.findings |= {
                one: verification.Finding(one, Result.CORRUPT)
                for one in chosen
            }
            await reading.check_stores(chosen)

    asyncio.run(check())

    assert node.requests == ['a', 'b']


def download(
    read: Read, of: images.Image | None = None, **more: Any
) -> downloads.Download:
    """What one read of an image is."""
    node = Node(read)
    arrived: list[int] = []
    wanted = of or image()

    async def read_it() -> downloads.Download:
        with futures.ThreadPoolExecutor(4) as pool:
            return await downloads.Downloader(pool, arrived.append).read(
                cast('http.NodeClient', node), wanted, wanted.size or 0, **more
            )

    found = asyncio.run(read_it())
    assert sum(arrived) == found.size == len(read.data)
    assert node.headers == [
        {'Range': 'bytes=0-'} if more.get('from_store') else None
    ]
    assert node.max_sizes == [max(wanted.size or 0, 1)]
    return found


@pytest.mark.parametrize(
    'algorithm', ['md5', 'sha1', 'sha256', 'sha512', 'sha3_256', 'blake2b']
)
@pytest.mark.parametrize('size', [0, 1, 999, 2**18, 2**20 + 1, 3 * 2**20])
def test_data_is_hashed_whatever_its_size(algorithm: str, size: int) -> None:
    data = (DATA * (size // SIZE + 1))[:size]
    hashing = hashlib.new(algorithm, usedforsecurity=False)
    hashing.update(data)
    wanted = image(data=data, digest=(algorithm, hashing.hexdigest()))
    other = image(data=data, digest=(algorithm, hashing.hexdigest()[:-1]))

    assert download(Read(data), wanted) == downloads.Download(
        size, complete=True, intact=True
    )
    assert download(Read(data), other) == downloads.Download(
        size, complete=True, intact=False
    )


@pytest.mark.parametrize('at', [0, 2**18 - 1, 2**18, 2**20, 3 * 2**20 - 1])
def test_each_byte_counts(at: int) -> None:
    data = bytes(3 * 2**20)
    changed = bytearray(data)
    changed[at] = 1

    assert not download(Read(bytes(changed)), image(data=data)).intact


def test_pieces_are_hashed_in_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also if a thread takes its time; and never two at a time."""
    monkeypatch.setattr(downloads, '_CHUNK', 1000)
    lock = threading.Lock()
    delays = itertools.cycle([0.003, 0])

    class Pool(futures.ThreadPoolExecutor):
        def submit(self, call: Any, /, *args: Any, **more: Any) -> Any:
            delay = next(delays)

            def late() -> Any:
                assert lock.acquire(blocking=False)
                threading.Event().wait(delay)
                try:
                    return call(*args, **more)
                finally:
                    lock.release()

            return super().submit(late)

    monkeypatch.setattr(futures, 'ThreadPoolExecutor', Pool)

    assert download(OK).intact


def test_a_broken_connection_before_any_data_is_a_failure() -> None:
    with pytest.raises(errors.Unreachable) as caught:
        download(Read(b'', error=BROKEN))

    assert caught.value is BROKEN


def test_a_response_that_is_too_long_is_not_intact() -> None:
    read = Read(error=errors.TooLong('Too long'))

    assert download(read) == downloads.Download(
        SIZE, complete=True, intact=False
    )


def test_an_id_that_would_change_the_path_is_refused() -> None:
    with pytest.raises(errors.Refused):
        download(OK, image('..'))


def test_a_message_names_an_image_of_several_nodes_once() -> None:
    image_one = image(name='ubuntu')
    chosen = [
        verification.Candidate(world.member(name), image_one, SIZE)
        for name in ('oslo', 'bergen')
    ]

    assert verification_report.few_of(chosen) == (
        f'image ubuntu ({image_one.image_id}) on {chosen[0].member.node.label}'
        f', {chosen[1].member.node.label}'
    )
