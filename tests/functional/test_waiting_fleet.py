# SPDX-License-Identifier: Apache-2.0

"""`queue --wait` on a hundred simulated nodes, over one thin line."""

from collections.abc import Iterator
import pathlib
import time

import pytest

from tests import shell
from tests.functional.conftest import OpenStack
from tests.shell import Result
from tests.simulated import missing
from tests.simulated import Settings
from tests.simulated import SimulatedFleet

NODES = 100
DOWNLOADS = 10
#: Seconds that one fill takes.
FILL = 1.0
#: Seconds between two looks at a node, at first.
LOOK = 0.2
#: The most that this may take, in seconds.
PATIENCE = 120.0


@pytest.fixture(scope='module')
def fleet() -> Iterator[SimulatedFleet]:
    """A hundred nodes, empty, on which a fill takes a second."""
    if why := missing():
        pytest.skip(why)
    settings = Settings(nodes=NODES, images=2, entries=0, fill=FILL)
    with SimulatedFleet(settings) as fleet:
        yield fleet


@pytest.fixture
def run(fleet: SimulatedFleet, tmp_path: pathlib.Path) -> OpenStack:
    """The real `openstack`, with all nodes in its clouds.yaml."""
    fleet.reset()
    environment = fleet.shell(tmp_path)

    def openstack(*argv: str, user: str = 'admin', stdin: str = '') -> Result:
        return shell.run_here(
            *argv, environment=environment, folder=tmp_path, timeout=PATIENCE
        )

    return openstack


def test_no_more_downloads_than_allowed_and_hardly_any_time_lost(
    run: OpenStack, fleet: SimulatedFleet
) -> None:
    image_id, name = next(iter(fleet.images.items()))
    began = time.monotonic()

    result = run(
        *('image', 'cache', 'queue', name, '--all-nodes', '-f', 'json'),
        *('--max-downloads', str(DOWNLOADS)),
    )

    seconds = time.monotonic() - began
    assert (result.code, result.err) == (0, '')
    assert len(result.rows) == NODES
    assert all(
        held == {'cached': [image_id], 'queued': []}
        for held in fleet.caches().values()
    )
    assert fleet.most_fills() == DOWNLOADS
    # The unit tests show in virtual time that almost no time is lost. Here,
    # other programs may use the processors.
    assert seconds <= 1.5 * NODES / DOWNLOADS * FILL
    for node in fleet.nodes:
        asked = fleet.requests()[node]
        assert asked[f'PUT /v2/cache/{image_id}'] == 1
        # One to see what is there, one before it is asked much later, and
        # those while it fills.
        assert asked['GET /v2/cache'] <= 2 + FILL / LOOK + 1
        assert set(asked) == {'GET /v2/cache', f'PUT /v2/cache/{image_id}'}


def test_all_nodes_at_once_take_as_long_as_one(
    run: OpenStack, fleet: SimulatedFleet
) -> None:
    sync = ('image', 'cache', 'sync', *fleet.images.values(), '--all-nodes')

    before = run(*sync, '--check', '-f', 'json')
    assert (before.code, len(before.rows)) == (3, 2 * NODES)
    fleet.reset_requests()
    result = run(*sync, '--wait', '-f', 'json')

    assert (result.code, result.err) == (0, '')
    assert fleet.most_fills() == NODES
    looks = [
        one['GET /v2/cache']
        for one in fleet.requests().values()
        if 'GET /v2/cache' in one
    ]
    assert len(looks) == NODES
    assert max(looks) <= 2 + 2 * (FILL / LOOK + 1)
    assert run(*sync, '--check').code == 0
