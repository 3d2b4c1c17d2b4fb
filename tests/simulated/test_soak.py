# SPDX-License-Identifier: Apache-2.0

"""A short `make soak`, and what it needs of the simulated fleet."""

from __future__ import annotations

from collections.abc import Iterator
import os
import pathlib
import time
from typing import Any

import pytest

from tests.cloud import rest
from tests.shell import OPENSTACK
from tests.simulated import Fault
from tests.simulated import missing
from tests.simulated import Settings
from tests.simulated import SimulatedFleet
from tests.simulated.faults import SLOW_SECONDS
from tests.simulated.payloads import TOKEN
from tests.soak import pace
from tests.soak import soak
from tests.soak.children import Child

pytestmark = pytest.mark.skipif(
    missing() is not None, reason=missing() or 'the addresses exist'
)

#: With faults; with the start and the end of the programs, 20 seconds.
_SECONDS = 7.0
_NODES = 300
_SEED = 218
_PATIENCE = 20.0


@pytest.fixture
def fleet() -> Iterator[SimulatedFleet]:
    with SimulatedFleet(
        Settings(nodes=30, images=5, entries=1, fill=None), lifetime=60
    ) as fleet:
        yield fleet


def test_commands_run_on_a_fleet_with_faults(tmp_path: pathlib.Path) -> None:
    times = pace.of(_SECONDS, _NODES)

    rows = list(soak.rows(times, _SEED, tmp_path))

    wrong = [(str(row), *row.details) for row in rows if row.held is False]
    assert not wrong
    assert len(rows) > len(Fault)


def test_watch_looks_up_an_image_once(
    fleet: SimulatedFleet, tmp_path: pathlib.Path
) -> None:
    """All nodes report it at the same time."""
    image_id = list(fleet.images)[-1]
    environment = {
        **fleet.shell(tmp_path),
        'PYTHONPATH': os.environ.get('PYTHONPATH', ''),
    }
    command = (str(OPENSTACK), 'image', 'cache', 'watch', '--interval', '0.2')
    with Child(*command, environment=environment) as watch:
        assert await_lines(watch, ' ok, cached: 1, ', 30)
        fleet.set_cache(range(30), cached=[image_id], queued=[])
        assert await_lines(watch, f' cached image-0005 ({image_id})', 24)
        requests = fleet.requests()['central']
        watch.end(by_signal=True)

    # Each node had one of five images. Six of them had this one. A request
    # looks up all images of a read.
    assert list(requests) == ['GET /v2/images']
    assert 1 <= requests['GET /v2/images'] <= 5
    assert watch.code == 0


def await_lines(watch: Child, words: str, count: int) -> bool:
    """Whether a program prints so many lines with these words."""
    deadline = time.monotonic() + _PATIENCE
    found = 0
    while found < count and time.monotonic() < deadline:
        found += sum(words in line for line in watch.lines())
        time.sleep(0.05)
    return found >= count


def test_a_node_that_restarts_has_forgotten_its_queue(
    fleet: SimulatedFleet,
) -> None:
    first, second, *_others = fleet.images
    fleet.set_cache([0], cached=[first], queued=[second])

    fleet.set_fault([0], Fault.RESTARTING)
    with pytest.raises(OSError, match='refused'):
        read(fleet)
    fleet.set_fault([0], None)

    body = read(fleet)
    assert [one['image_id'] for one in body['cached_images']] == [first]
    assert body['queued_images'] == []
    assert fleet.read('entries')['edge-0001'] == body['cached_images']
    assert fleet.read('arrivals')['edge-0001'] == 1


def test_a_slow_node_and_one_with_malformed_responses(
    fleet: SimulatedFleet,
) -> None:
    fleet.set_fault([0], Fault.SLOW)
    began = time.monotonic()
    assert len(read(fleet)['cached_images']) == 1
    assert time.monotonic() - began >= SLOW_SECONDS

    fleet.set_fault([0], Fault.MALFORMED)
    assert read(fleet)['cached_images'] == 'none'


def read(fleet: SimulatedFleet) -> Any:
    """The list of entries of the first node."""
    url = f'{fleet.nodes["edge-0001"]}/v2/cache'
    return rest.call('GET', url, token=TOKEN, timeout=5).body
