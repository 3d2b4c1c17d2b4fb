# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache watch` in a pipe: argv in, lines out."""

import os
import signal
from typing import Any

import pytest

from glance_cache_osc.v2 import image_cache_watch
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack

CACHE = f'{p.GLANCE}/v2/cache'
LOOK_UP = f'{p.GLANCE}/v2/images?id=in:{p.UBUNTU}'


def test_all_images_of_a_read_are_looked_up_with_one_request(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """One after the other would take minutes, without a read meanwhile."""

    def last(request: Any, context: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return p.cache(queued=[p.DEBIAN, p.UBUNTU])

    cloud.answers(
        'GET',
        CACHE,
        {'json': p.cache()},
        {'json': p.cache(queued=[p.DEBIAN, p.UBUNTU])},
        {'json': last},
    )
    cloud.adapter.register_uri(
        'GET',
        f'{p.GLANCE}/v2/images',
        json=p.images(
            p.image(p.UBUNTU, 'ubuntu-24.04'), p.image(p.DEBIAN, 'debian-13')
        ),
    )

    result = openstack('image', 'cache', 'watch', '--interval', '0.2')

    assert result.out.count(' queued ') == 2
    look_ups = [one for one in cloud.requests if '/v2/images?' in one]
    assert len(look_ups) == 1


@pytest.mark.parametrize(
    ('pause', 'last_name'),
    [(0.0, f'ubuntu-24.04 ({p.UBUNTU})'), (60.0, p.UBUNTU)],
)
def test_a_name_is_looked_up_again_some_time_after_a_failure(
    cloud: Cloud,
    openstack: OpenStack,
    monkeypatch: pytest.MonkeyPatch,
    pause: float,
    last_name: str,
) -> None:
    """Not at once: with many nodes, nothing else would happen."""
    monkeypatch.setattr(image_cache_watch, '_LOOK_UP_PAUSE', pause)

    def last(request: Any, context: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return p.cache(p.cached(p.UBUNTU))

    cloud.answers(
        'GET',
        CACHE,
        {'json': p.cache()},
        {'json': p.cache(queued=[p.UBUNTU])},
        {'json': p.cache(p.cached(p.UBUNTU))},
        {'json': last},
    )
    cloud.answers(
        'GET',
        LOOK_UP,
        {'status_code': 403, 'text': ''},
        {'json': p.images(p.image(p.UBUNTU, 'ubuntu-24.04'))},
    )

    result = openstack('image', 'cache', 'watch', '--interval', '0.2')

    lines = [line.partition(' ')[2] for line in result.out.splitlines()]
    assert (result.code, result.err) == (0, '')
    assert lines[1:] == [
        f'{p.GLANCE} queued {p.UBUNTU}',
        f'{p.GLANCE} cached {last_name}',
    ]
    looked_up = [one for one in cloud.requests if '/images?' in one]
    assert len(looked_up) == (1 if pause else 2)
