# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache watch` in a pipe: argv in, lines out."""

import os
import signal
from typing import Any

from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack

CACHE = f'{p.GLANCE}/v2/cache'
LOOK_UP = f'{p.GLANCE}/v2/images?id=in:{p.UBUNTU}'


def test_a_name_is_looked_up_again_after_a_failure(
    cloud: Cloud, openstack: OpenStack
) -> None:
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
        f'{p.GLANCE} cached ubuntu-24.04 ({p.UBUNTU})',
    ]
