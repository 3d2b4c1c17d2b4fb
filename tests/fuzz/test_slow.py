# SPDX-License-Identifier: Apache-2.0

"""Responses that trickle, pour or stop, at any byte of a response."""

import dataclasses
import socket
import time

import hypothesis
from hypothesis import strategies as st
import pytest

from glance_cache_osc import errors
from glance_cache_osc.drivers import cache_api
from glance_cache_osc.model import entries
from glance_cache_osc.transport import attempt
from glance_cache_osc.transport import loop as loops
from tests.fuzz import clients
from tests.fuzz import conftest
from tests.fuzz import responses
from tests.fuzz import servers
from tests.fuzz import test_malformed

_TIMEOUT = 0.15
#: Maximum seconds for responses that are received at the same time: some are
#: received for ten times the timeout, and some are requested again.
_MOST_SECONDS = 10.0
#: The number of responses that are received at the same time.
_BATCH = 20
_BLOCKS = st.sampled_from(
    [b' ', b'x', b'\r\n', b'A: b\r\n', b'1\r\n \r\n', b'[', b'\0', b'1;']
)


@dataclasses.dataclass(frozen=True)
class Slow:
    """A response that does not end.

    :param beginning: its first bytes.
    :param block: the bytes that follow again and again; empty for none.
    :param every: seconds between two blocks.
    """

    beginning: bytes
    block: bytes
    every: float

    @property
    def answer(self) -> servers.Answer:
        if self.block:
            return servers.drips(self.beginning, self.block, self.every)
        return servers.falls_silent(self.beginning)


@st.composite
def slow(draw: st.DrawFn) -> Slow:
    """A response that trickles, pours or stops after any byte."""
    response = draw(responses.responses())
    # Most cuts are in the headers or after the whole response.
    end = draw(st.integers(0, min(len(response), 200)) | st.just(None))
    how = draw(st.integers(0, 2))
    block = draw(_BLOCKS) if how else b''
    if how == 1:
        return Slow(response[:end], block, 0.05)
    return Slow(response[:end], block * (65536 // max(len(block), 1)), 0)


class Node:
    """Sends one of several responses to each request, by its path."""

    def __init__(self) -> None:
        self.responses: list[Slow] = []

    def answer(self, head: bytes, connection: socket.socket) -> object:
        at = int(head.split(b'/')[1])
        return self.responses[at].answer(head, connection)


@hypothesis.settings(
    conftest.PROFILE, max_examples=max(2, conftest.PROFILE.max_examples // 400)
)
@hypothesis.given(
    batch=st.lists(slow(), min_size=_BATCH, max_size=_BATCH),
)
def test_slow_and_endless_responses_are_entries_or_errors(
    tally: conftest.Tally,
    capfd: pytest.CaptureFixture[str],
    batch: list[Slow],
) -> None:
    tally.min_accepted = 0
    node = Node()
    node.responses = batch
    began = time.monotonic()
    with servers.Server(node.answer) as server, loops.Loop() as loop:
        urls = [f'{server.url}/{at}' for at in range(_BATCH)]

        async def read(url: str) -> list[entries.Entry]:
            client = clients.client(loop.engine, url, _TIMEOUT)
            return await cache_api.CacheApiDriver(client).list_entries()

        outcomes = loop.run(attempt.attempt(read, urls))
        tally.requests += len(server.heads)

    assert time.monotonic() - began < _MOST_SECONDS
    tally.read += _BATCH
    for one in outcomes:
        if one.error:
            assert isinstance(one.error, errors.NodeError)
            test_malformed.check_error(one.error)
        else:
            test_malformed.check_rows(one.value or [])
            tally.accepted += 1
    # pycurl prints an exception in a callback, and discards it.
    assert capfd.readouterr() == ('', '')
