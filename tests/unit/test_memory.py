# SPDX-License-Identifier: Apache-2.0

"""Memory that runs out is one line and exit code 1, without a traceback."""

import asyncio
import logging
import types
from typing import Any
from typing import cast

import pycurl
import pytest

from glance_cache_osc import report
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import runner
from glance_cache_osc.transport import loop as loops
from glance_cache_osc.transport import settings
from glance_cache_osc.transport import transfer

_LINE = 'Out of memory. Select fewer nodes, or raise the memory limit.'


def _run(monkeypatch: pytest.MonkeyPatch, error: Exception) -> int:
    app = types.SimpleNamespace(
        client_manager=None, options=types.SimpleNamespace(timing=False)
    )
    monkeypatch.setattr(clouds.Cloud, 'logged_in', lambda *_: None)

    def work(loop: loops.Loop, _cloud: object) -> None:
        loop.has_changes = True
        raise error

    log = logging.getLogger('memory')
    return runner.run(app, log, report.Failures(), 1, work)


@pytest.mark.parametrize(
    'error',
    [MemoryError(), SystemError('error return without exception set')],
)
def test_memory_runs_out(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    assert _run(monkeypatch, error) == 1
    assert caplog.messages == ['Some changes are not listed.', _LINE]


def test_another_error_of_the_interpreter_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(SystemError, match='bad argument'):
        _run(monkeypatch, SystemError('bad argument'))


def test_a_body_without_memory_ends_its_transfer() -> None:
    """An exception in a callback would be a traceback of pycurl."""

    class Full(bytearray):
        def __iadd__(self, _data: Any) -> Any:  # type: ignore[misc]
            raise MemoryError

    async def perform() -> None:
        request = transfer.Request(
            method='GET',
            url='http://node.example/v2/cache',
            headers={},
            connect_timeout=1,
            timeout=1,
            max_size=1000,
            settings=settings.Settings(verify=None),
        )
        one = transfer.Transfer(request, asyncio.Semaphore())
        one._body = Full()

        class Multi:
            async def perform(self, curl: object) -> None:
                assert one._on_body(b'some') == 0
                raise pycurl.error(23, 'Failed writing body')

        await one.perform(cast('Any', Multi()), '')

    with pytest.raises(MemoryError):
        asyncio.run(perform())
