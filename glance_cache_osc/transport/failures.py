# SPDX-License-Identifier: Apache-2.0

"""Why there is no response that could be used: libcurl's codes as errors."""

import errno
import os
import urllib.parse

import pycurl

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.i18n import _

#: The most of somebody else's words that is passed on, in characters.
_MAX_WORDS = 300
#: OpenSSL's X509_V_ERR_…: not valid yet, expired.
_OUT_OF_TIME = frozenset({9, 10})
#: OK, unspecified: the chain is good, and libcurl compares the names itself.
_NOT_OF_THE_CHAIN = frozenset({0, 1})
_NOT_HTTP = frozenset(
    {
        pycurl.E_UNSUPPORTED_PROTOCOL,  # HTTP/0.9
        pycurl.E_FTP_WEIRD_SERVER_REPLY,  # Of HTTP, too.
        pycurl.E_BAD_CONTENT_ENCODING,
    }
)
_LOCAL_FILES = frozenset(
    {
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CRL_BADFILE,
    }
)
#: E_TOO_LARGE: a header of more than 100 KiB; pycurl has no name for it.
_TOO_LARGE = 100


def not_http() -> errors.NotGlance:
    """Something else than HTTP."""
    return errors.NotGlance(_('The response is not HTTP'), errors.CHECK_ENDPOINT)


def no_response(timeout: float, *, connected: bool = True) -> errors.TimedOut:
    """No complete headers in time.

    :param connected: whether the request may have been sent.
    """
    return errors.TimedOut(
        _('No response within %g seconds') % timeout,
        _('Check that the service is up. To wait longer, use --node-timeout.'),
        connected=connected,
    )


def too_slow(size: int, seconds: float) -> errors.TimedOut:
    """A body that stopped, or trickles."""
    return errors.TimedOut(
        _('The response is too slow: %(bytes)d bytes in %(time)d s')
        % {'bytes': size, 'time': seconds},
        _('To wait longer, use --node-timeout.'),
    )


def too_late(seconds: float) -> errors.TimedOut:
    """A body that comes fast enough, and does not end."""
    return errors.TimedOut(
        _('The response did not end within %g seconds') % seconds,
        _('To wait longer, use --node-timeout.'),
    )


def too_long(size: int) -> errors.TooLong:
    """More bytes than a response may have."""
    return errors.TooLong(
        _('The response is larger than %s') % columns.human_size(size),
        errors.CHECK_ENDPOINT,
    )


def from_curl(  # noqa: PLR0911, PLR0913 - a table; by name alone
    code: int,
    words: str,
    *,
    connect_timeout: float,
    connected: bool,
    os_error: int,
    verify_result: int,
    changes: bool,
) -> errors.NodeError:
    """A transfer that failed.

    :param code: libcurl's ``CURLE_…``.
    :param words: what libcurl says of it.
    :param connected: whether the request may have been sent.
    :param os_error: ``errno`` of the last system call that failed, or 0.
    :param changes: whether the request may have changed something.
    :param verify_result: OpenSSL's ``X509_V_…`` of the server's certificate.
    """
    words = one_line(words)
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return no_response(connect_timeout, connected=connected)
    if code == pycurl.E_PEER_FAILED_VERIFICATION:
        return _rejected(words, verify_result)
    if code in _LOCAL_FILES:
        return errors.NodeError(
            _('The request was not sent: %s') % words,
            _('Check --os-cacert, --os-cert and clouds.yaml.'),
        )
    if code == pycurl.E_SSL_CONNECT_ERROR:
        return errors.TLSFailed(
            _('TLS failed: %s') % words,
            _('Check that the endpoint uses HTTPS.'),
        )
    if 'certificate required' in words:
        return errors.TLSFailed(
            _('TLS failed: %s') % words,
            _('Set a client certificate with --os-cert and --os-key.'),
        )
    if code in _NOT_HTTP:
        return not_http()
    if code == _TOO_LARGE or 'response headers' in words:
        return errors.BadReply(
            _('The response headers are too large'), errors.CHECK_ENDPOINT
        )
    if connected:
        return errors.Unreachable(
            _('The connection broke: %s') % words,
            _(
                'The request may have succeeded: check the result before you '
                'retry.'
            )
            if changes
            else _('Check the network between here and the node.'),
            connected=True,
        )
    return errors.Unreachable(
        _('Cannot connect: %s')
        % (os.strerror(os_error) if os_error else words),
        _('Check that glance-api is running at this address.'),
        down=os_error == errno.ECONNREFUSED,
    )


def blame_proxy(error: errors.Unreachable, proxy: str) -> None:
    """Raise another error if it is a proxy that could not be reached.

    :param proxy: its URL; empty for none.
    """
    if proxy and not isinstance(error, errors.CertificateRejected):
        host = urllib.parse.urlsplit(proxy).netloc.rpartition('@')[2]
        # A TLS connection that fails is not a node that is down.
        failed = isinstance(error, errors.TLSFailed)
        cls = errors.TLSFailed if failed else errors.Unreachable
        raise cls(
            _('%(why)s (through the proxy %(proxy)s)')
            % {'why': error.why, 'proxy': host},
            _(
                'Check http_proxy, https_proxy and no_proxy in the '
                'environment.'
            ),
        ) from error


def _rejected(words: str, verify_result: int) -> errors.CertificateRejected:
    """A TLS certificate that does not verify, and what to do about that."""
    if verify_result in _OUT_OF_TIME:
        return errors.CertificateRejected(
            _('The TLS certificate has expired or is not yet valid: %s')
            % words,
            _('Renew the certificate, or correct the clock of this machine.'),
        )
    if verify_result in _NOT_OF_THE_CHAIN:
        return errors.CertificateRejected(
            _('The TLS certificate is for another host: %s') % words,
            _('Use an endpoint with a host name of the certificate.'),
        )
    return errors.CertificateRejected(
        _('The TLS certificate is not from a trusted CA: %s') % words,
        _("Set its CA with --os-cacert or 'cacert' in clouds.yaml."),
    )


def one_line(text: str) -> str:
    """Words as they fit in a line."""
    line = ' '.join(text.split())
    return line if len(line) <= _MAX_WORDS else f'{line[:_MAX_WORDS]}…'
