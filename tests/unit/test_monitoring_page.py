# SPDX-License-Identifier: Apache-2.0

"""The page of a large fleet, and of one that little is known of."""

import datetime
import re

from glance_cache_osc import errors
from glance_cache_osc.fleet import nodes
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.monitoring import page
from glance_cache_osc.monitoring import snapshot as snapshots
from glance_cache_osc.policy import policies

NOW = datetime.datetime(2026, 11, 22, 1, 0, tzinfo=datetime.UTC)
DAY = 86400


def state(
    name: str,
    site: str,
    held: list[str] | None = None,
    expires: float | None = None,
) -> snapshots.NodeState:
    node = nodes.Node(name=name, endpoint=f'https://{name}:9292', site=site)
    if held is None:
        error = errors.Unreachable('Cannot connect')
        return snapshots.NodeState(node, 'mine', None, error, expires=expires)
    there = {
        one: entries.Entry(one, entries.State.CACHED, 5, hits=1)
        for one in held
    }
    return snapshots.NodeState(node, 'mine', there, expires=expires)


def render(*states: snapshots.NodeState, **more: object) -> str:
    given = {'wanted': {}, 'images': {}, 'orphans': {}, **more}
    return page.render(
        snapshots.Snapshot(NOW, states, **given),  # type: ignore[arg-type]
        'openstack image cache report',
    )


def test_two_hundred_sites_and_fifty_images_are_less_than_two_megabytes() -> (
    None
):
    ids = [f'{at:08}-0000-4000-8000-000000000000' for at in range(50)]
    wanted = [images.Image(one, f'a-rather-long-name-{one}') for one in ids]
    states = [
        state(f'edge-{site:03}-{at}', f'site-{site:03}', ids[: site % 51])
        for site in range(200)
        for at in range(3)
    ]

    text = render(
        *states,
        complete=True,
        wanted={
            ('mine', f'site-{at:03}'): policies.Wanted(wanted)
            for at in range(200)
        },
        images={('mine', one.image_id): one for one in wanted},
    )

    assert text.count('<td class=') > 10_000
    assert len(text.encode()) < 2_000_000


def test_the_most_common_images_are_shown() -> None:
    ids = [f'image-{at:03}' for at in range(150)]

    text = render(state('a', 'x', ids), state('b', 'x', ids[50:]))

    assert 'The 100 images with the most entries; 50 more' in text
    assert 'image-149' in text
    assert 'image-000' not in text


def test_certificates_that_expire_are_findings() -> None:
    at = NOW.timestamp()

    text = render(
        state('soon', 'x', [], expires=at + 29 * DAY),
        state('late', 'x', [], expires=at + 31 * DAY),
        state('down', 'x', expires=at - DAY),
    )

    assert re.findall(r'expires on ([\d-]+)', text) == [
        '2026-11-21',
        '2026-12-21',
    ]


def test_orphans_that_are_not_known() -> None:
    assert 'Not known for mine: the login' in render(state('a', 'x', ['i']))
    nothing = render(state('a', 'x', ['i']), orphans={'mine': frozenset()})
    assert '<p>None.</p>' in nothing


def test_nodes_of_many_orphans_are_folded() -> None:
    states = [state(f'edge-{at}', 'x', ['gone']) for at in range(1, 31)]

    text = render(*states, orphans={'mine': frozenset({'gone'})})

    assert '<td>edge-[1-30]</td>' in text
    assert '<td class="n">150 B</td>' in text
