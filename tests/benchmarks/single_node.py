# SPDX-License-Identifier: Apache-2.0

"""List, queue and delete 60 images on one node, and the peers' commands."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmarks import pairs
from tests.benchmarks import relay_check
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_program import Measured
from tests.benchmarks.group import Group
from tests.benchmarks.group import log
from tests.benchmarks.group import Options
from tests.benchmarks.program import Program
from tests.benchmarks.stores import Stores
from tests.benchmarks.table import at_most
from tests.benchmarks.table import Bound
from tests.benchmarks.table import failed
from tests.benchmarks.table import Row
from tests.benchmarks.table import row
from tests.cloud import Cache
from tests.cloud import Cloud
from tests.cloud import create_image
from tests.relay import Relay

_IMAGES = 60
_IN_STORES = 40
_ROUND_TRIP = 0.05

_TENTH = Bound(0.1, 'at least 10 times faster')


@dataclass(frozen=True)
class _Task:
    """The commands of a row.

    :ivar ours: the arguments of our command
    :ivar peer: the arguments of the command of the peer
    :ivar prepare: prepares the node before each run; not timed
    :ivar done: whether the result of a run is correct; waits until the work
        that the run began has ended; not timed
    :ivar round_trip: round trip to Glance in seconds
    :ivar pairs: default number of pairs
    :ivar directly: does the work in place of the peer; returns its seconds
    """

    what: str
    ours: tuple[str, ...]
    peer: tuple[str, ...]
    prepare: Callable[[], None]
    done: Callable[[Measured], bool]
    round_trip: float
    pairs: int
    bound: Bound
    directly: Callable[[], float] = lambda: 0.0


class _Bench:
    """The node, the relay in front of it, and its images.

    :param node_url: URL of the node itself
    :param program: `openstack`
    :param alone: `openstack` without hooks
    :param images: names by ID
    """

    def __init__(
        self,
        node_url: str,
        relay: Relay,
        program: Program,
        cache: Cache,
        stores: Stores,
        images: dict[str, str],
    ) -> None:
        self._node_url = node_url
        self._relay = relay
        self._program = program
        self._stores = stores
        self._cache = cache
        self._images = images

    def measure(self, task: _Task, count: int) -> Row:
        """Run both commands once, time them in pairs, and check the bound.

        :param count: number of pairs
        :raises BenchmarkError: a command failed, did nothing, or did not use
            the relay
        """
        log(f'{task.what}:')
        # The warm-up loads files and bytecode; it needs no delay.
        self._relay.round_trip = 0.0
        self._once(task, task.ours, warm_up=True)
        self._once(task, task.peer, task.directly, warm_up=True)
        self._relay.round_trip = task.round_trip
        timed = pairs.alternate(
            lambda: self._once(task, task.ours),
            lambda: self._once(task, task.peer, task.directly),
            count,
        )
        return row(task.what, pairs.summarize(timed), task.bound)

    def _once(
        self,
        task: _Task,
        command: tuple[str, ...],
        directly: Callable[[], float] = lambda: 0.0,
        *,
        warm_up: bool = False,
    ) -> pairs.Sample:
        name = 'openstack ' + ' '.join(command[:4])
        task.prepare()
        apart = directly()
        if warm_up:
            run = self._program.warm_up(self._node_url, *command)
        else:
            run = self._program.run(*command)
        if not task.done(run):
            raise BenchmarkError(f'{name} had a wrong result')
        sample = pairs.Sample(run.seconds + apart, run.requests)
        log(
            f'  {sample.seconds:6.2f} s {sample.requests:4d} requests {name}'
            + (
                f', including {apart:.2f} s of direct requests'
                if apart
                else ''
            )
            + (' (warm-up)' if warm_up else '')
        )
        return sample

    def tasks(self) -> dict[str, _Task]:
        """The rows, by name on the command line."""
        names = tuple(self._images.values())
        few = dict(list(self._images.items())[:_IN_STORES])
        full = lambda: self._cache.fill(*self._images)  # noqa: E731
        return {
            'list': _Task(
                f'image cache list, {_IMAGES} cached, 0 ms;'
                ' peer: cached image list (without names)',
                ours=('image', 'cache', 'list'),
                peer=('cached', 'image', 'list'),
                prepare=full,
                done=self._lists_all,
                round_trip=0.0,
                pairs=7,
                bound=at_most(0.8),
            ),
            'queue': _Task(
                f'image cache queue, {_IMAGES} names, 50 ms;'
                ' peer: cached image queue',
                ours=('image', 'cache', 'queue', *names),
                peer=('cached', 'image', 'queue', *names),
                prepare=self._clear,
                done=self._holds_all,
                round_trip=_ROUND_TRIP,
                pairs=3,
                bound=_TENTH,
            ),
            'delete': _Task(
                f'image cache delete, {_IMAGES} names, 50 ms;'
                ' peer: cached image delete',
                ours=('image', 'cache', 'delete', *names),
                peer=('cached', 'image', 'delete', *names),
                prepare=full,
                done=self._holds_none,
                round_trip=_ROUND_TRIP,
                pairs=3,
                bound=_TENTH,
            ),
            'store': _Task(
                f'image delete --store, {_IN_STORES} names, 50 ms; peer:'
                ' token issue, and direct requests to Glance without a delay',
                ours=('image', 'delete', '--store', 'cheap', *few.values()),
                peer=('token', 'issue'),
                prepare=lambda: self._stores.fill(few),
                done=lambda _run: self._stores.hold_one_copy(few),
                round_trip=_ROUND_TRIP,
                pairs=3,
                bound=at_most(1.3),
                directly=lambda: self._stores.delete(few),
            ),
        }

    def _lists_all(self, run: Measured) -> bool:
        return all(image_id in run.out for image_id in self._images)

    def _holds_all(self, _run: Measured) -> bool:
        self._cache.wait_until_listed(*self._images)
        return True

    def _holds_none(self, _run: Measured) -> bool:
        return not any(self._cache.listed())

    def _clear(self) -> None:
        self._cache.clear()
        if any(left := self._cache.listed()):
            raise BenchmarkError(f'the cleared cache still contains {left}')


def _rows(only: Collection[str], options: Options) -> Iterator[Row]:
    log(relay_check.check())
    log('Starting a cloud…')
    with Cloud(nodes=1) as cloud:
        node = cloud.glance[0]
        token = cloud.token()
        images = {
            create_image(node.url, token, name): name
            for name in (f'bench-{number:02d}' for number in range(_IMAGES))
        }
        with Relay(node.port.number) as relay:
            bench = _Bench(
                node.url,
                relay,
                Program(relay, cloud.environment(), cloud.directory),
                Cache(node, token),
                Stores(node.url, cloud.token),
                images,
            )
            for name, task in bench.tasks().items():
                if name in only:
                    try:
                        count = options.pairs or task.pairs
                        yield bench.measure(task, count)
                    except (BenchmarkError, TimeoutError) as error:
                        yield failed(task.what, error)


GROUP = Group(('list', 'queue', 'delete', 'store'), _rows)
