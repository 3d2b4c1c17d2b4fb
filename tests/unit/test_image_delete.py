# SPDX-License-Identifier: Apache-2.0

"""The hook before ``openstack image delete``, as cliff calls it.

What a person sees of it is shown in ``tests/cli/test_image_delete.py``.
"""

import argparse
import asyncio
import contextlib
import signal
from typing import Any
from unittest import mock

from cliff import command
import pytest

from glance_cache_osc import errors
from glance_cache_osc.cloud import catalogue
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.cloud import stores
from glance_cache_osc.model import images
from glance_cache_osc.v2 import image_delete

UBUNTU = images.Image('9b73824a-c4e5-4822-be0d-10abcb0fe5df', 'ubuntu-24.04')
DEBIAN = images.Image('884d4cbe-a2b4-4c09-a3d0-8ab2734603cb', 'debian-13')
FEDORA = images.Image('0f8f89be-fed2-44c4-91f8-b2a0c3b15f27', 'fedora-42')


@pytest.fixture
def hook() -> image_delete.DeleteFromStore:
    """The hook of a command that is logged in."""
    app = mock.Mock(spec_set=['client_manager', 'options'])
    app.options.timing = False
    return image_delete.DeleteFromStore(
        mock.create_autospec(command.Command, instance=True, app=app)
    )


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A cloud with three images in two stores."""
    made = mock.create_autospec(clouds.Cloud, instance=True)
    made.image_stores.return_value = mock.create_autospec(
        stores.Stores, instance=True
    )
    made.image_stores.return_value.names.return_value = ['fast', 'cheap']
    made.catalogue.return_value = mock.create_autospec(
        catalogue.Catalogue, instance=True
    )
    made.catalogue.return_value.resolve.return_value = catalogue.Resolution(
        {'a': [UBUNTU], 'b': [DEBIAN], 'c': [FEDORA]}, {}
    )
    logged_in = mock.create_autospec(clouds.Cloud.logged_in, return_value=made)
    monkeypatch.setattr(clouds.Cloud, 'logged_in', logged_in)
    return made


def asked() -> argparse.Namespace:
    """What ``image delete --store fast a b c`` is parsed to."""
    return argparse.Namespace(store='fast', images=['a', 'b', 'c'])


@pytest.mark.parametrize('code', [0, 1])
@pytest.mark.parametrize(
    'parsed',
    [
        argparse.Namespace(images=['a']),
        argparse.Namespace(images=['a'], store=None),
    ],
)
def test_without_a_store_it_changes_nothing(
    hook: image_delete.DeleteFromStore,
    parsed: argparse.Namespace,
    code: int,
) -> None:
    """Whether OpenStackClient knows of stores, or not."""
    assert hook.before(parsed) is parsed
    assert parsed.images == ['a']
    assert hook.after(parsed, code) == code


def test_each_image_is_taken_out_of_the_store(
    hook: image_delete.DeleteFromStore, cloud: Any
) -> None:
    parsed = asked()

    hook.before(parsed)

    assert hook.after(parsed, 1) == 0
    assert parsed.images == []
    # Keystone may take 30 seconds.
    clouds.Cloud.logged_in.assert_called_once_with(  # type: ignore[attr-defined]
        mock.ANY, mock.ANY, 30
    )
    cloud.catalogue.return_value.resolve.assert_called_once_with(
        ['a', 'b', 'c'], globs=False
    )
    cloud.image_stores.return_value.delete.assert_has_calls(
        [mock.call(one, 'fast') for one in (UBUNTU, DEBIAN, FEDORA)],
        any_order=True,
    )


def test_what_was_done_is_counted(
    hook: image_delete.DeleteFromStore,
    cloud: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def delete(image: images.Image, store: str) -> None:
        if image is DEBIAN:
            raise errors.NodeError('It is in use')

    cloud.image_stores.return_value.delete.side_effect = delete

    hook.before(asked())

    assert hook.after(asked(), 0) == 1
    assert caplog.messages == [
        f'Cannot delete image debian-13 ({DEBIAN.image_id}) from store '
        "'fast': It is in use.",
        "Failed to delete 1 of 3 images from store 'fast'.",
    ]


def test_no_more_than_sixteen_are_deleted_at_once(
    hook: image_delete.DeleteFromStore, cloud: Any
) -> None:
    many = [images.Image(str(at)) for at in range(50)]
    cloud.catalogue.return_value.resolve.return_value = catalogue.Resolution(
        {'*': many}, {}
    )
    now = most = 0

    async def delete(image: images.Image, store: str) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1

    cloud.image_stores.return_value.delete.side_effect = delete

    hook.before(asked())

    assert hook.after(asked(), 0) == 0
    assert most == 16


def test_on_an_interrupt_what_is_under_way_is_waited_for(
    hook: image_delete.DeleteFromStore,
    cloud: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first of three is being deleted when the user presses Ctrl-C."""
    monkeypatch.setattr(image_delete, '_WORKERS', 1)
    finished: list[str] = []

    async def delete(image: images.Image, store: str) -> None:
        signal.raise_signal(signal.SIGINT)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.Event().wait()
        finished.append(image.image_id)

    cloud.image_stores.return_value.delete.side_effect = delete

    hook.before(asked())

    assert hook.after(asked(), 0) == 130
    assert finished == [UBUNTU.image_id]
    assert caplog.messages == [
        'Interrupted. Waiting for deletions in progress (1); press Ctrl-C '
        'again to stop at once.',
        'Interrupted. Operations not done: 2.',
    ]
    cloud.image_stores.return_value.delete.assert_called_once_with(
        UBUNTU, 'fast'
    )


def test_an_interrupt_before_that_deletes_nothing(
    hook: image_delete.DeleteFromStore,
    cloud: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nor does OpenStackClient's command, which is left no image."""

    async def interrupted(*_: Any, **__: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(20)

    cloud.catalogue.return_value.resolve.side_effect = interrupted
    parsed = asked()

    hook.before(parsed)

    assert hook.after(parsed, 0) == 130
    assert parsed.images == []
    assert caplog.messages == ['Interrupted.']
    cloud.image_stores.return_value.delete.assert_not_called()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_memory_runs_out_after_some_are_deleted(
    hook: image_delete.DeleteFromStore,
    cloud: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cloud.image_stores.return_value.delete.side_effect = MemoryError

    hook.before(asked())

    assert hook.after(asked(), 0) == 1
    assert caplog.messages == [
        'Some changes are not listed.',
        'Out of memory. Select fewer nodes, or raise the memory limit.',
    ]


def test_a_store_that_is_not_there_is_a_usage_error(
    hook: image_delete.DeleteFromStore,
    cloud: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cloud.image_stores.return_value.names.return_value = ['cheap', 'dear']

    hook.before(asked())

    assert hook.after(asked(), 0) == 2
    assert caplog.messages == [
        "There is no store 'fast'. Available: cheap, dear."
    ]
    cloud.image_stores.return_value.delete.assert_not_called()
