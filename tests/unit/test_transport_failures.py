# SPDX-License-Identifier: Apache-2.0

"""Why there is no response that could be used, in a person's words.

That libcurl fails with these codes is shown in `tests.fuzz`.
"""

from collections.abc import Callable
import errno
from typing import Any

import pycurl
import pytest

from glance_cache_osc import errors
from glance_cache_osc.transport import failures

HTTP = 'Check that this is a Glance endpoint.'
DOWN = 'Check that glance-api is running at this address.'
CHANGED = (
    'The request may have succeeded: check the result before you retry. To '
    'wait longer, use --node-timeout.'
)


def failure(code: int, words: str = 'words', **more: Any) -> errors.NodeError:
    facts = {
        'connect_timeout': 2.5,
        'connected': False,
        'tls': False,
        'os_error': 0,
        'verify_result': 0,
        'changes': True,
    }
    return failures.from_curl(code, words, **(facts | more))


def test_a_timeout_before_the_tls_handshake_may_be_due_to_it() -> None:
    assert str(failure(28, tls=True)) == (
        'No response within 2.5 seconds. Check that the service is up and '
        'that the endpoint uses HTTPS. To wait longer, use --node-timeout.'
    )


@pytest.mark.parametrize(
    ('code', 'words', 'kind', 'expected'),
    [
        # Before the connection was there.
        (
            28,
            'Connection timed out',
            errors.TimedOut,
            'No response within 2.5 seconds. Check that the service is up. To '
            'wait longer, use --node-timeout.',
        ),
        (
            7,
            'No route',
            errors.Unreachable,
            f'Cannot connect: No route. {DOWN}',
        ),
        (
            5,
            'No proxy',
            errors.Unreachable,
            f'Cannot connect: No proxy. {DOWN}',
        ),
        (3, 'Bad URL', errors.Unreachable, f'Cannot connect: Bad URL. {DOWN}'),
        (
            35,
            'wrong version number',
            errors.TLSFailed,
            (
                'TLS failed: wrong version number. Check that the endpoint '
                'uses HTTPS.'
            ),
        ),
        (
            77,
            'error setting certificate file: /gone.pem',
            errors.NodeError,
            'The request was not sent: error setting certificate file: '
            '/gone.pem. Check --os-cacert, --os-cert, --os-key and '
            'clouds.yaml.',
        ),
        (
            58,
            'could not load PEM client certificate',
            errors.NodeError,
            'The request was not sent: could not load PEM client certificate. '
            'Check --os-cacert, --os-cert, --os-key and clouds.yaml.',
        ),
        (
            43,
            "unable to set private key file: '/k.pem' type PEM",
            errors.NodeError,
            "The request was not sent: unable to set private key file: '/k.pem' "
            'type PEM. Check --os-cacert, --os-cert, --os-key and clouds.yaml.',
        ),
        # After that.
        (
            56,
            'tlsv13 alert certificate required',
            errors.TLSFailed,
            'TLS failed: tlsv13 alert certificate required. Set a client '
            'certificate with --os-cert and --os-key.',
        ),
        (
            100,
            'Too large',
            errors.BadReply,
            f'The response headers are too large. {HTTP}',
        ),
        (
            56,
            'Too large response headers: 307213 > 307200',
            errors.BadReply,
            f'The response headers are too large. {HTTP}',
        ),
    ],
)
def test_each_code_has_its_error(
    code: int, words: str, kind: type[errors.NodeError], expected: str
) -> None:
    error = failure(code, words)

    assert type(error) is kind
    assert str(error) == expected


@pytest.mark.parametrize('code', [1, 8, 61])
@pytest.mark.parametrize(
    ('changes', 'kind', 'remedy'),
    [
        (False, errors.NotGlance, HTTP),
        (True, errors.BadReply, errors.CHECK_RESULT),
    ],
)
def test_what_is_not_http(
    code: int, changes: bool, kind: type[errors.NodeError], remedy: str
) -> None:
    error = failure(code, 'Weird', changes=changes)

    assert type(error) is kind
    assert str(error) == f'The response is not HTTP. {remedy}'


@pytest.mark.parametrize('connected', [False, True])
def test_a_timeout_tells_whether_the_request_was_sent(connected: bool) -> None:
    error = failure(28, connected=connected)

    assert isinstance(error, errors.TimedOut)
    assert error.connected is connected


@pytest.mark.parametrize('code', [16, 18, 23, 52, 55, 56, 92])
def test_what_breaks_a_connection_may_have_been_done(code: int) -> None:
    error = failure(code, 'Gone', connected=True)

    assert type(error) is errors.Unreachable
    assert (error.connected, error.down) == (True, False)
    assert str(error) == (
        'The connection broke: Gone. The request may have succeeded: check '
        'the result before you retry.'
    )


def test_a_read_that_breaks_has_changed_nothing() -> None:
    error = failure(56, 'Gone', connected=True, changes=False)

    assert str(error) == (
        'The connection broke: Gone. Check the network between here and the '
        'node.'
    )


@pytest.mark.parametrize(
    ('os_error', 'words', 'down'),
    [
        (errno.ECONNREFUSED, 'Connection refused', True),
        (errno.EHOSTUNREACH, 'No route to host', False),
        (errno.ENETUNREACH, 'Network is unreachable', False),
    ],
)
def test_the_system_says_why_there_is_no_connection(
    os_error: int, words: str, down: bool
) -> None:
    """And not libcurl, which names the address, and a time in ms."""
    error = failure(7, 'Failed to connect after 0 ms', os_error=os_error)

    assert isinstance(error, errors.Unreachable)
    assert error.down is down
    assert error.why == f'Cannot connect: {words}'


@pytest.mark.parametrize(
    ('verify_result', 'expected'),
    [
        (
            0,
            'The TLS certificate is for another host: words. Use an endpoint '
            'with a host name of the certificate.',
        ),
        (
            1,
            'The TLS certificate is for another host: words. Use an endpoint '
            'with a host name of the certificate.',
        ),
        (
            9,
            'The TLS certificate has expired or is not yet valid: words. '
            'Renew the certificate, or correct the clock of this machine.',
        ),
        (
            10,
            'The TLS certificate has expired or is not yet valid: words. '
            'Renew the certificate, or correct the clock of this machine.',
        ),
        (
            18,
            'The TLS certificate is not from a trusted CA: words. Set its CA '
            "with --os-cacert or 'cacert' in clouds.yaml.",
        ),
        (
            20,
            'The TLS certificate is not from a trusted CA: words. Set its CA '
            "with --os-cacert or 'cacert' in clouds.yaml.",
        ),
    ],
)
def test_a_certificate_that_is_rejected_says_what_to_do(
    verify_result: int, expected: str
) -> None:
    error = failure(
        pycurl.E_PEER_FAILED_VERIFICATION, verify_result=verify_result
    )

    assert isinstance(error, errors.CertificateRejected)
    assert str(error) == expected


@pytest.mark.parametrize(
    ('make', 'expected'),
    [
        (
            lambda: failures.no_response(0.25, changes=False),
            'No response within 0.25 seconds. Check that the service is up. '
            'To wait longer, use --node-timeout.',
        ),
        (
            lambda: failures.too_slow(1234, 31.9, changes=False),
            'The response is too slow: 1234 bytes in 31 s. To wait longer, '
            'use --node-timeout.',
        ),
        (
            lambda: failures.too_late(300, changes=False),
            'The response did not end within 300 seconds. To wait longer, use '
            '--node-timeout.',
        ),
        (
            lambda: failures.no_response(0.25, changes=True),
            f'No response within 0.25 seconds. {CHANGED}',
        ),
        (
            lambda: failures.too_slow(1234, 31.9, changes=True),
            f'The response is too slow: 1234 bytes in 31 s. {CHANGED}',
        ),
        (
            lambda: failures.too_late(300, changes=True),
            f'The response did not end within 300 seconds. {CHANGED}',
        ),
    ],
)
def test_what_takes_too_long_says_how_long(
    make: Callable[[], errors.TimedOut], expected: str
) -> None:
    error = make()

    assert str(error) == expected
    assert error.connected is True


def test_words_are_one_line() -> None:
    error = failure(7, ' Failed\n to\tconnect\r\n')

    assert error.why == 'Cannot connect: Failed to connect'
    assert len(failure(7, 'x' * 9999).why) < 400


@pytest.mark.parametrize(
    ('error', 'kind'),
    [
        (errors.Unreachable('Cannot connect'), errors.Unreachable),
        # Further requests to the node would wait as long.
        (errors.TimedOut('No response'), errors.TimedOut),
        # What fails is not that the node is down.
        (errors.TLSFailed('TLS failed'), errors.TLSFailed),
    ],
)
def test_a_proxy_is_blamed(
    error: errors.Unreachable, kind: type[errors.Unreachable]
) -> None:
    with pytest.raises(errors.Unreachable) as caught:
        failures.raise_for_proxy(error, 'http://me:my@key@proxy:3128')

    assert type(caught.value) is kind
    assert caught.value.connected is False
    assert caught.value.why == f'{error.why} (through the proxy proxy:3128)'


def test_a_certificate_is_not_the_proxys() -> None:
    error = errors.CertificateRejected('Expired')

    failures.raise_for_proxy(error, 'http://proxy:3128')
    failures.raise_for_proxy(errors.Unreachable('Cannot connect'), '')
