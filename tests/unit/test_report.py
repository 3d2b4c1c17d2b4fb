# SPDX-License-Identifier: Apache-2.0

"""Each failure once, on a line, at the end."""

import logging
from unittest import mock

import pytest

from glance_cache_osc import errors
from glance_cache_osc import report


@pytest.fixture
def log() -> mock.Mock:
    """A logger that keeps what it is told."""
    double: mock.Mock = mock.create_autospec(logging.Logger, instance=True)
    return double


def test_without_a_failure_nothing_is_told(log: mock.Mock) -> None:
    assert report.Failures().report(log) == 0
    assert log.mock_calls == []


def test_each_failure_is_a_line_in_the_order_of_their_coming(
    log: mock.Mock,
) -> None:
    failures = report.Failures()
    failures.add('Cannot list edge-oslo', errors.TimedOut('No answer'))
    failures.add('Cannot list edge-bergen', errors.Refused('No', 'Ask.'))

    assert failures.report(log) == 1
    assert log.mock_calls == [
        mock.call.error('Cannot list edge-oslo: No answer.'),
        mock.call.error('Cannot list edge-bergen: No. Ask.'),
    ]


def test_a_login_that_failed_is_one_line_for_each_cloud(
    log: mock.Mock,
) -> None:
    """Their texts may be equal; one mended login does not mend the other."""
    failures = report.Failures()
    for cloud in ('north', 'south', 'south', ''):
        error = errors.LoginFailed('Wrong password')
        error.cloud = cloud
        failures.add(f'Cannot list {cloud or "own"}', error)

    assert failures.lines == [
        "Cannot list north in cloud 'north': Wrong password.",
        "Cannot list south and other operations (1) in cloud 'south': Wrong "
        'password.',
        'Cannot list own: Wrong password.',
    ]


def test_a_failure_can_not_steer_a_terminal(log: mock.Mock) -> None:
    failures = report.Failures()
    failures.add('Cannot delete \x1b[31m', errors.Refused('Not\nthis'))

    failures.report(log)

    assert log.mock_calls == [
        mock.call.error('Cannot delete \\x1b[31m: Not\\nthis.')
    ]


def test_a_percent_sign_is_a_percent_sign(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = report.Failures()
    failures.add('Cannot queue 100%d', errors.Refused('%(no)s'))

    failures.report(logging.getLogger('test'))

    assert caplog.messages == ['Cannot queue 100%d: %(no)s.']


def test_what_was_not_sent_is_counted_and_told_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = report.Failures()
    failures.add('Cannot queue a', errors.Interrupted())
    failures.add('Cannot queue b', errors.Refused('No'))
    failures.add('Cannot queue c', errors.Interrupted())

    assert failures.report(logging.getLogger('test')) == 130
    assert caplog.messages == [
        'Cannot queue b: No.',
        'Interrupted. Operations not done: 2.',
    ]


def test_what_follows_from_failures_is_told_after_them(
    log: mock.Mock,
) -> None:
    failures = report.Failures()
    failures.add('Cannot list edge-oslo', errors.TimedOut('No answer'))
    failures.remark('1 of 2 nodes did not \x1b[31msay.')
    failures.add(
        'Cannot look up image names', errors.CatalogueError('No list')
    )
    failures.add('Cannot log in', errors.LoginFailed('No token'))

    assert failures.lines[-1] == '1 of 2 nodes did not \\x1b[31msay.'
    assert failures.report(log) == 1
    assert log.mock_calls == [
        mock.call.error('Cannot list edge-oslo: No answer.'),
        mock.call.error('Cannot look up image names: No list.'),
        mock.call.error('Cannot log in: No token.'),
        mock.call.error('1 of 2 nodes did not \\x1b[31msay.'),
    ]


def test_an_interrupt_is_told_after_what_follows_from_failures(
    log: mock.Mock,
) -> None:
    failures = report.Failures()
    failures.interrupt()
    failures.remark('2 of 2 nodes did not say.')

    assert failures.report(log) == 130
    assert [one.args[0] for one in log.mock_calls] == [
        '2 of 2 nodes did not say.',
        'Interrupted.',
    ]


def down(node: str) -> tuple[str, errors.CacheError, str]:
    return f'Cannot list {node}', errors.TimedOut('No answer'), node


@pytest.mark.parametrize(
    ('allowed', 'code', 'level'),
    [(0, 1, 'error'), (1, 1, 'error'), (2, 0, 'warning'), (3, 0, 'warning')],
)
def test_unreachable_nodes_are_allowed_up_to_a_number(
    log: mock.Mock, allowed: int, code: int, level: str
) -> None:
    """Of nodes, not of failures."""
    failures = report.Failures()
    failures.allowed = allowed
    failures.add(*down('oslo'))
    failures.add(*down('bergen'))
    failures.add(*down('oslo'))
    failures.remark('2 of 3 nodes did not say.')

    assert failures.report(log) == code
    assert [(one[0], *one.args) for one in log.mock_calls] == [
        (level, 'Cannot list oslo: No answer.'),
        (level, 'Cannot list bergen: No answer.'),
        (level, 'Cannot list oslo: No answer.'),
        (level, '2 of 3 nodes did not say.'),
    ]


@pytest.mark.parametrize(
    'error',
    [
        errors.CertificateRejected('Expired'),
        errors.ServerFault('HTTP 500'),
        errors.Unreachable('It broke', connected=True),
    ],
)
def test_other_failures_are_never_allowed(
    log: mock.Mock, error: errors.CacheError
) -> None:
    failures = report.Failures()
    failures.allowed = 9
    failures.add(*down('oslo'))
    failures.add('Cannot list bergen', error, 'bergen')
    failures.remark('2 of 3 nodes did not say.')

    assert failures.report(log) == 1
    assert [one[0] for one in log.mock_calls] == ['warning', 'error', 'error']


def test_what_is_no_node_is_never_allowed(log: mock.Mock) -> None:
    failures = report.Failures()
    failures.allowed = 9
    failures.add('Cannot look up image names', errors.TimedOut('No answer'))

    assert failures.report(log) == 1


def test_an_interrupt_is_none_the_less_for_what_is_allowed(
    log: mock.Mock,
) -> None:
    failures = report.Failures()
    failures.allowed = 1
    failures.add(*down('oslo'))
    failures.remark('Some changes are not listed.')
    failures.interrupt()

    assert failures.report(log) == 130
    assert [one[0] for one in log.mock_calls] == ['warning', 'error', 'error']
