# SPDX-License-Identifier: Apache-2.0

"""The engine without connections: its limits and its look-ups."""

import asyncio
import re
import resource
from unittest import mock

import pytest

from glance_cache_osc import errors
from glance_cache_osc.transport import engine
from glance_cache_osc.transport import settings

NO_LIMIT = resource.RLIM_INFINITY
PROXY = 'http://proxy.example:3128'


@pytest.mark.parametrize(
    ('limits', 'raised', 'connections'),
    [
        ((1024, 524288), (4064, 524288), 2000),
        ((1024, NO_LIMIT), (4064, NO_LIMIT), 2000),
        ((4063, 4064), (4064, 4064), 2000),
        ((4064, 9999), None, 2000),
        ((9999, 9999), None, 2000),
        ((NO_LIMIT, NO_LIMIT), None, 2000),
        ((256, 256), (256, 256), 96),
        ((10, 10), (10, 10), 2),
        ((11, 11), (11, 11), 3),
        ((1, 1), (1, 1), 1),
    ],
)
def test_half_of_the_open_files_are_for_connections(
    monkeypatch: pytest.MonkeyPatch,
    limits: tuple[int, int],
    raised: tuple[int, int] | None,
    connections: int,
) -> None:
    setrlimit = mock.create_autospec(resource.setrlimit)
    monkeypatch.setattr(resource, 'setrlimit', setrlimit)

    assert engine._raise_file_limit(limits) == connections

    expected = [mock.call(resource.RLIMIT_NOFILE, raised)] if raised else []
    assert setrlimit.mock_calls == expected


@pytest.mark.parametrize(
    ('proxy', 'host', 'why'),
    [
        ('', 'http://edge.example/v2', 'No such name'),
        (PROXY, PROXY, 'through the proxy'),
    ],
)
def test_the_host_of_the_connection_is_looked_up(
    proxy: str, host: str, why: str
) -> None:
    request = engine.Request(
        method='GET',
        url='http://edge.example/v2',
        headers={},
        connect_timeout=3,
        timeout=5,
        max_size=1,
        settings=settings.Settings(verify=None, proxy=proxy),
    )

    async def perform() -> mock.AsyncMock:
        made = engine.Engine()
        assert re.fullmatch(
            r'req-[0-9a-f]{8}(-[0-9a-f]{4,12}){4}', made.request_id
        )
        resolve = mock.AsyncMock(
            side_effect=errors.Unreachable('No such name')
        )
        made._resolver.resolve = resolve  # type: ignore[method-assign]
        with pytest.raises(errors.Unreachable, match=why):
            await made.perform(request)
        await made.aclose()
        return resolve

    assert asyncio.run(perform()).mock_calls == [mock.call(host, 3)]
