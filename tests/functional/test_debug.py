# SPDX-License-Identifier: Apache-2.0

"""What `openstack --debug` and `--timing` show, and the token in neither."""

from collections.abc import Callable
from collections.abc import Iterator
import csv
import hashlib
import pathlib
import re

import pytest

from tests import cloud as clouds
from tests import shell
from tests.cloud import Cache
from tests.cloud import Images
from tests.functional.conftest import OpenStack
from tests.functional.conftest import PATIENCE
from tests.relay import Relay
from tests.relay import Request

FLEET = ('--os-cloud', 'demo-cloud')
LIST = ('image', 'cache', 'list', '-f', 'value', '-c', 'Name')


@pytest.fixture
def bergen(
    cloud: clouds.Cloud, caches: list[Cache], tmp_path: pathlib.Path
) -> Iterator[Relay]:
    """A relay before the one node of clouds.yaml: it sees the token."""
    with Relay(cloud.glance[1].port.number) as relay:
        cloud.clouds_yaml(tmp_path / 'clouds.yaml', {'edge-bergen': relay.url})
        yield relay


@pytest.fixture(params=['program', 'openstack'])
def run(request: pytest.FixtureRequest) -> OpenStack:
    """As a program, and in this process."""
    found: OpenStack = request.getfixturevalue(request.param)
    return found


def secrets(cloud: clouds.Cloud, bergen: Relay) -> list[str]:
    """What must not be shown: the token that was sent, and the password."""
    (token,) = {request.token for request in bergen.requests}
    assert len(token) > 100
    return [token, cloud.keystone.password]


def test_debug_shows_requests_and_no_secret(
    run: OpenStack,
    bergen: Relay,
    cloud: clouds.Cloud,
    images: Images,
    caches: list[Cache],
) -> None:
    alpha = images('alpha')
    caches[1].fill(alpha)

    result = run('--debug', *FLEET, *LIST)

    assert (result.code, result.out) == (0, 'alpha\n')
    token, password = secrets(cloud, bergen)
    assert token not in result.err
    assert password not in result.err
    hashed = hashlib.sha256(token.encode()).hexdigest()
    assert (
        f'REQ: curl -g -i -X GET "{bergen.url}/v2/cache" '
        '-H "Accept: */*" -H "User-Agent: glance-cache-osc" '
        f'-H "X-Auth-Token: {{SHA256}}{hashed}" '
        '-H "X-OpenStack-Request-ID: req-'
    ) in result.err
    assert re.search(
        r'RESP: \[200\] .*content-type: application/json.*\n'
        r'RESP BODY: \{"cached_images": \[\{.*"image_id": "'
        f'{alpha}".*\\n',
        result.err,
    )


def test_debug_shows_why_a_node_refuses(
    run: OpenStack, bergen: Relay, cloud: clouds.Cloud, images: Images
) -> None:
    alpha = images('alpha')

    def deactivate_first(
        request: Request, forward: Callable[[], bytes]
    ) -> bytes:
        if request.changes:
            images.deactivate(alpha)
        return forward()

    bergen.fault = deactivate_first

    result = run(
        *('--debug', *FLEET, 'image', 'cache', 'queue', alpha),
        *('--node', 'edge-bergen'),
    )

    assert result.code == 1
    assert [one for one in secrets(cloud, bergen) if one in result.err] == []
    assert f'curl -g -i -X PUT "{bergen.url}/v2/cache/{alpha}"' in result.err
    assert 'RESP: [400] ' in result.err
    assert (
        'Only images with status active can be targeted for queueing. Wait '
        'until the image is active, or reactivate it.\n'
    ) in result.err
    assert 'Traceback' not in result.err


def test_timing_lists_our_requests(
    run: OpenStack,
    bergen: Relay,
    cloud: clouds.Cloud,
    images: Images,
    caches: list[Cache],
) -> None:
    alpha = images('alpha')
    caches[1].fill(alpha)

    result = run('--timing', *FLEET, *LIST)

    assert (result.code, result.err) == (0, '')
    assert [one for one in secrets(cloud, bergen) if one in result.out] == []
    names, _, timings = result.out.partition('\n\n')
    assert names == 'alpha'
    header, *rows = csv.reader(timings.splitlines())
    assert header == ['URL', 'Seconds']
    seconds = {url: float(each) for url, each in rows}
    assert list(seconds) == [
        f'GET {cloud.auth_url}',
        f'POST {cloud.auth_url}/auth/tokens',
        f'GET {bergen.url}/v2/cache',
        f'GET {cloud.glance[0].url}/v2/images?id=in%3A{alpha}&visibility=all&limit=1000',
        'Total',
    ]
    assert all(0 < each < PATIENCE for each in seconds.values())


def test_glance_takes_the_id_of_the_command_for_its_requests(
    environment: Callable[[str], dict[str, str]],
    cloud: clouds.Cloud,
    tmp_path: pathlib.Path,
) -> None:
    """So it is one ID to look for on all nodes, which a failure names too."""
    result = shell.run_program(
        shell.OPENSTACK,
        *('-v', 'image', 'cache', 'list'),
        *('--node', cloud.glance[0].url),
        environment=environment('demo'),
        folder=tmp_path,
    )

    assert result.code == 1
    (request_id,) = re.findall(
        r'\(Request-ID: (req-[0-9a-f-]{36})\)', result.err
    )
    (command_id,) = re.findall(
        r'logs of Glance: (req-[0-9a-f-]{36})', result.err
    )
    assert request_id == command_id
