# SPDX-License-Identifier: Apache-2.0

"""What all commands have in common, where parts of them fail.

The whole of `openstack` runs here, as in `tests.cli`.
"""

import argparse
from collections.abc import Sequence
import copy
import io
import logging
import os
import signal
from typing import Any
from unittest import mock

import pytest

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.command import base
from tests.cli import conftest as cli
from tests.cli import payloads as p
from tests.shell import Result

login = cli.login
cloud = cli.cloud
clouds_yaml = cli.clouds_yaml
openstack = cli.openstack
certificates = cli.certificates

CACHE = f'{p.GLANCE}/v2/cache'
FAR_CACHE = f'{p.EDGE}/v2/cache'
ORPHANS = [f'0000000{at}-0000-4000-8000-000000000000' for at in range(8)]


def ctrl_c(request: Any, context: Any) -> Any:
    """Answer while the user presses Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)
    return p.cache(p.cached(p.UBUNTU))


@pytest.mark.parametrize(
    'argv',
    [
        ('clear', '--all-nodes', '--auto-approve'),
        ('delete', '--all-nodes', '--cached', '--auto-approve'),
    ],
)
def test_nothing_is_changed_after_an_interrupt(
    cloud: cli.Cloud,
    openstack: cli.OpenStack,
    clouds_yaml: Any,
    argv: tuple[str, ...],
) -> None:
    """Who stops a command while it looks does not want it to go on."""
    clouds_yaml(p.FLEET)
    cloud.answers('GET', CACHE, json=ctrl_c)
    found = p.cache(p.cached(p.UBUNTU))
    cloud.adapter.register_uri('GET', FAR_CACHE, json=found)
    for url in (CACHE, FAR_CACHE):
        for changed in (url, f'{url}/{p.UBUNTU}'):
            cloud.adapter.register_uri('DELETE', changed, status_code=204)
    cloud.adapter.register_uri('GET', f'{p.GLANCE}/v2/images', json=p.images())

    code = openstack('--os-cloud', 'far', 'image', 'cache', *argv).code

    assert [one for one in cloud.requests if one.startswith('DELETE')] == []
    assert code == 130


class Command(base.CacheLister):
    """A command that ends as it is told to."""

    error: BaseException
    before: errors.CacheError | None = None

    def columns_for(
        self, parsed_args: argparse.Namespace
    ) -> Sequence[columns.Column]:
        return (base.ID,)

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        if self.before:
            self.failures.add('Cannot read the cache of oslo', self.before)
        raise self.error


@pytest.fixture
def command(caplog: pytest.LogCaptureFixture) -> Command:
    """A command without an application."""
    caplog.set_level(logging.ERROR)
    app = mock.Mock(spec_set=['client_manager', 'options', 'stdout'])
    app.options.timing = False
    app.stdout = io.StringIO()
    app.client_manager.session.auth.auth_ref = None
    config = app.client_manager.sdk_connection.config
    config.get_session_endpoint.return_value = None
    return Command(app, None)


def run(command: Command) -> int:
    parser = command.get_parser('openstack image cache test')
    return command.run(parser.parse_args([]))


@pytest.mark.parametrize(
    ('error', 'code', 'message'),
    [
        (errors.UsageError('Not so', 'But so.'), 2, 'Not so. But so.'),
        (errors.CatalogueError('No list'), 1, 'No list.'),
        (errors.Refused('Red\x1b[31m'), 1, 'Red\\x1b[31m.'),
    ],
)
def test_an_error_is_a_line_and_an_exit_code(
    command: Command,
    caplog: pytest.LogCaptureFixture,
    error: errors.CacheError,
    code: int,
    message: str,
) -> None:
    command.error = error

    assert run(command) == code
    assert caplog.messages == [message]


@pytest.mark.parametrize(
    ('error', 'code'),
    [
        (errors.CatalogueError('No list'), 1),
        (errors.UsageError('Nobody approves'), 2),
    ],
)
def test_what_failed_before_is_told_all_the_same(
    command: Command,
    caplog: pytest.LogCaptureFixture,
    error: errors.CacheError,
    code: int,
) -> None:
    command.before = errors.TimedOut('No answer')
    command.error = error

    assert run(command) == code
    assert caplog.messages == [
        'Cannot read the cache of oslo: No answer.',
        f'{error.why}.',
    ]


def test_what_failed_before_an_interrupt_is_told(
    command: Command, caplog: pytest.LogCaptureFixture
) -> None:
    command.before = errors.TimedOut('No answer')
    command.error = KeyboardInterrupt()

    assert run(command) == 130
    assert caplog.messages == [
        'Cannot read the cache of oslo: No answer.',
        'Interrupted.',
    ]


class Interrupted(Command):
    """A command whose work is done when the user presses Ctrl-C."""

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        async def work() -> base.Rows:
            signal.raise_signal(signal.SIGINT)
            return []

        return self.loop.run(work())


def test_an_interrupt_in_the_last_moment_is_told_once(
    caplog: pytest.LogCaptureFixture, command: Command
) -> None:
    command = Interrupted(command.app, None)

    assert run(command) == 130
    assert caplog.messages == ['Interrupted.']


def test_a_command_has_to_say_what_it_does(command: Command) -> None:
    nothing = argparse.Namespace()

    assert base.CacheLister.columns_for(command, nothing) == ()
    with pytest.raises(NotImplementedError):
        base.CacheLister.rows(command, nothing)


def test_orphans_are_deleted_in_the_order_in_which_they_were_named(
    cloud: cli.Cloud, openstack: cli.OpenStack
) -> None:
    cloud.answers('GET', CACHE, json=p.cache(*map(p.cached, ORPHANS)))
    cloud.answers('GET', f'{p.GLANCE}/v2/images', json=p.images())

    result = openstack(
        *('image', 'cache', 'delete', '--dry-run', *ORPHANS),
        *('-f', 'value', '-c', 'ID'),
    )

    assert result == Result(0, '\n'.join([*ORPHANS, '']), '')


@pytest.mark.parametrize('error', [BrokenPipeError(), RuntimeError()])
def test_what_failed_is_told_whatever_ends_the_command(
    command: Command, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    """Nobody may read the rows to their end."""
    command.before = errors.Refused('It is on fire')
    command.error = error

    with pytest.raises(type(error)):
        run(command)

    assert caplog.messages == ['Cannot read the cache of oslo: It is on fire.']


def test_a_column_may_be_written_as_cliff_likes_it(
    cloud: cli.Cloud, openstack: cli.OpenStack
) -> None:
    """Cliff before 4.13 takes none but those that are written as they are."""
    cloud.answers('GET', CACHE, json=p.cache(queued=[p.UBUNTU, p.DEBIAN]))

    result = openstack(
        *('image', 'cache', 'list', '-f', 'csv', '-c', 'id', '-c', 'STATE'),
        *('--sort-column', 'id'),
    )

    assert result == Result(
        0,
        f'"ID","State"\n"{p.DEBIAN}","queued"\n"{p.UBUNTU}","queued"\n',
        '',
    )


def test_without_an_image_service_there_are_rows_without_names(
    cloud: cli.Cloud, openstack: cli.OpenStack
) -> None:
    no_images = copy.deepcopy(p.TOKEN)
    no_images['token']['catalog'] = []
    cloud.answers(
        'POST',
        f'{p.KEYSTONE}/auth/tokens',
        json=no_images,
        headers={'X-Subject-Token': 'gAAAAA-the-token'},
        status_code=201,
    )
    cloud.answers('GET', FAR_CACHE, json=p.cache(p.cached(p.UBUNTU)))

    result = openstack(
        *('image', 'cache', 'list', '--node', p.EDGE, '-f', 'value'),
        *('-c', 'ID', '-c', 'Name'),
    )

    assert (result.code, result.out) == (1, f'{p.UBUNTU} \n')
    # Before that, openstacksdk says it in its own words.
    assert result.err.splitlines()[-1] == (
        "Cannot look up image names: Cannot look up images in the cloud's "
        'Glance: This cloud has no image endpoint. See '
        "'openstack endpoint list --service image'."
    )
