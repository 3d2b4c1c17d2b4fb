# SPDX-License-Identifier: Apache-2.0

"""Limits of the fills on each site, in a world with a clock of its own."""

import collections
from collections.abc import Callable
from collections.abc import Mapping
import itertools
import math
import time

import hypothesis
from hypothesis import strategies

from glance_cache_osc import errors
from glance_cache_osc.filling import fills
from glance_cache_osc.filling import waiting
from glance_cache_osc.model import images
from tests.unit import virtual
from tests.unit import world

SETTLED = waiting.Ending.SETTLED


class Sites(world.Scene):
    """Sites with as many nodes each, and images wanted on all of them.

    :param seconds: that an image takes, by site.
    :param limits: fills at a time, by site; 0 for any number.
    :ivar most: the most fills at a time that each site had.
    :ivar most_in_all: the most that there were on all sites.
    """

    def __init__(
        self,
        seconds: Mapping[str, float | None],
        nodes_each: int = 1,
        wanted: int = 1,
        *,
        limits: Callable[[str], int] = lambda _site: 0,
        downloads: int = 0,
        stall_after: float = 300.0,
    ) -> None:
        ids = [f'image-{at}' for at in range(wanted)]
        super().__init__(0, ids, downloads=downloads, stall_after=stall_after)
        self.limits = waiting.Limits(0, stall_after, downloads, limits)
        self.most: collections.Counter[str] = collections.Counter()
        self.most_in_all = 0
        self._in_all = 0
        self._on: collections.Counter[str] = collections.Counter()
        self.by_site: dict[str, list[Node]] = {}
        for site, its_seconds in seconds.items():
            for at in range(1, nodes_each + 1):
                driver = Node(self, site, its_seconds)
                self.by_site.setdefault(site, []).append(driver)
                self.drivers.append(driver)
                self.members.append(
                    world.member(f'{site}-{at}', site, driver=driver)
                )
        self.fills = [
            fills.Fill(member, images.Image(image_id, size=100))
            for image_id in ids
            for member in self.members
        ]

    def add(self, site: str, change: int) -> None:
        """Count a fill that begins or ends."""
        self._on[site] += change
        self._in_all += change
        self.most[site] = max(self.most[site], self._on[site])
        self.most_in_all = max(self.most_in_all, self._in_all)

    @property
    def all_cached(self) -> bool:
        """Whether each image is cached on each node."""
        return all(one.state is fills.State.CACHED for one in self.fills)


class Node(world.Driver):
    """A node that counts its fills, and those that its site has."""

    def __init__(self, scene: Sites, site: str, seconds: float | None) -> None:
        super().__init__(scene.world, seconds)
        self._scene, self._site = scene, site
        #: When its last image was cached.
        self.ended = 0.0

    def _accept(self, image_id: str) -> None:
        self._scene.add(self._site, 1)
        super()._accept(image_id)

    def go_down(self) -> None:
        self._scene.add(self._site, -len(self.accepted))
        super().go_down()

    def _fetched(self, life: int) -> None:
        if life == self._life:
            self._scene.add(self._site, -1)
            self.ended = self.world.now
        super()._fetched(life)


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
    seconds=strategies.lists(
        strategies.integers(2, 60), min_size=1, max_size=5
    ),
    nodes_each=strategies.integers(1, 3),
    wanted=strategies.integers(1, 3),
    limits=strategies.lists(strategies.integers(0, 3), min_size=5, max_size=5),
    downloads=strategies.integers(0, 6),
)
def test_no_site_has_more_than_its_limit(
    seconds: list[int],
    nodes_each: int,
    wanted: int,
    limits: list[int],
    downloads: int,
) -> None:
    by_site = {f's{at}': float(one) for at, one in enumerate(seconds)}
    limit_of = dict(zip(by_site, limits))
    scene = Sites(
        by_site,
        nodes_each,
        wanted,
        limits=limit_of.__getitem__,
        downloads=downloads,
        stall_after=1e9,
    )

    assert scene.follow() is SETTLED

    assert scene.all_cached
    for site, limit in limit_of.items():
        assert scene.most[site] <= (limit or math.inf)
    assert scene.most_in_all <= (downloads or math.inf)
    if not downloads:
        for site, limit in limit_of.items():
            # A node without a limit is given all of its images at once.
            most = min(limit, nodes_each * wanted) or nodes_each * wanted
            assert scene.most[site] == most


def test_a_full_site_does_not_hold_back_others() -> None:
    """Its images come first, and its nodes have the first names."""
    scene = Sites(
        {'a': 1000.0, 'b': 5.0, 'c': 5.0},
        nodes_each=2,
        wanted=2,
        limits=lambda _site: 1,
        stall_after=1e9,
    )

    assert scene.follow() is SETTLED

    ends = {
        site: max(one.ended for one in group) - virtual.START
        for site, group in scene.by_site.items()
    }
    assert ends['b'] < 1.15 * 20
    assert ends['c'] < 1.15 * 20
    assert ends['a'] < 1.15 * 4000


def test_with_a_limit_of_all_a_full_site_does_not_hold_back_others() -> None:
    scene = Sites(
        {'a': 1000.0, 'b': 5.0, 'c': 5.0},
        nodes_each=2,
        wanted=2,
        limits=lambda _site: 1,
        downloads=2,
        stall_after=1e9,
    )

    assert scene.follow() is SETTLED

    ends = [one.ended for site in 'bc' for one in scene.by_site[site]]
    assert max(ends) - virtual.START < 1.15 * 40
    assert scene.most_in_all == 2


def test_sites_have_limits_of_their_own() -> None:
    limits = {'a': 1, 'b': 2, 'c': 0}
    scene = Sites(dict.fromkeys('abc', 10.0), 3, 2, limits=limits.__getitem__)

    assert scene.follow() is SETTLED
    assert scene.most == {'a': 1, 'b': 2, 'c': 6}


def test_a_node_that_stalls_gives_its_place_to_the_others_of_its_site() -> (
    None
):
    scene = Sites(
        {'a': 10.0, 'b': 10.0}, 2, 2, limits=lambda _site: 1, stall_after=60
    )
    stuck, other = scene.by_site['a']
    stuck.seconds = None

    assert scene.follow() is waiting.Ending.STALLED

    assert len(stuck.cached) == 0
    assert len(other.cached) == 2
    assert [len(one.cached) for one in scene.by_site['b']] == [2, 2]
    assert scene.notes.stalls == [('a-1', None)]


def test_a_node_that_refuses_gives_its_place_to_the_others_of_its_site() -> (
    None
):
    scene = Sites({'a': 10.0}, 3, 3, limits=lambda _site: 1)
    scene.drivers[0].refusal = errors.Refused('No', status=400)

    assert scene.follow() is SETTLED

    assert [len(one.cached) for one in scene.drivers] == [0, 3, 3]
    assert scene.most == {'a': 1}


def test_a_node_that_goes_down_gives_its_place_to_the_others() -> None:
    """Until it is back: then it needs a place again."""
    scene = Sites({'a': 10.0}, 3, 2, limits=lambda _site: 1, stall_after=1e9)
    first = scene.drivers[0]
    scene.world.at(5, first.go_down)
    scene.world.at(100, first.come_up)

    assert scene.follow() is SETTLED

    assert scene.all_cached
    assert scene.most == {'a': 1}
    # The others take 40 seconds, and the node its 20 after it is back.
    assert scene.seconds < 150


def test_a_node_that_comes_back_waits_for_a_place() -> None:
    scene = Sites({'a': 10.0}, 3, 2, limits=lambda _site: 1)
    first = scene.drivers[0]
    first.error = world.REFUSED
    scene.world.at(30, first.come_up)

    assert scene.follow() is SETTLED

    assert scene.all_cached
    assert scene.most == {'a': 1}
    assert scene.seconds < 1.15 * 60 + 5


def test_a_hundred_sites_take_as_long_as_the_slowest_of_them() -> None:
    seconds = {f's{at}': 3.0 + at % 8 for at in range(100)}
    scene = Sites(seconds, 2, 2, limits=lambda _site: 1, stall_after=1e9)
    began = time.process_time()

    assert scene.follow() is SETTLED

    assert scene.all_cached
    assert set(scene.most.values()) == {1}
    assert scene.most_in_all == 100
    slowest = 2 * 2 * max(seconds.values())
    assert slowest <= scene.seconds <= 1.15 * slowest
    for site, group in scene.by_site.items():
        own = 2 * 2 * seconds[site]
        ended = max(one.ended for one in group) - virtual.START
        assert ended <= 1.15 * own
    assert time.process_time() - began < 120


def test_queue_requests_of_a_site_are_sent_in_the_order_of_images() -> None:
    """The first image everywhere, before the second anywhere."""
    scene = Sites({'a': 5.0}, 2, 3, limits=lambda _site: 1)

    assert scene.follow() is SETTLED

    assert scene.notes.arrivals == [
        f'image-{at} a-{node}'
        for at, node in itertools.product(range(3), (1, 2))
    ]
