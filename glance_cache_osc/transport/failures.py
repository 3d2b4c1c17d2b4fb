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
    return errors.NotGlance(_('Its answer is not HTTP'), errors.IS_IT_GLANCE)


def no_response(timeout: float, *, connected: bool = True) -> errors.TimedOut:
    """No complete headers in time.

    :param connected: whether the request may have been sent.
    """
    return errors.TimedOut(
        _('No answer within %g seconds') % timeout,
        _("Is the node up? '--node-timeout' sets how long to wait."),
        connected=connected,
    )


def too_slow(size: int, seconds: float) -> errors.TimedOut:
    """A body that stopped, or trickles."""
    return errors.TimedOut(
        _('Its answer comes too slowly: %(bytes)d bytes in %(time)d s')
        % {'bytes': size, 'time': seconds},
        _("'--node-timeout' sets how long to wait."),
    )


def too_late(seconds: float) -> errors.TimedOut:
    """A body that comes fast enough, and does not end."""
    return errors.TimedOut(
        _('Its answer did not end within %g seconds') % seconds,
        _("'--node-timeout' sets how long to wait."),
    )


def too_long(size: int) -> errors.TooLong:
    """More bytes than a response may have."""
    return errors.TooLong(
        _('Its answer is longer than %s') % columns.human_size(size),
        errors.IS_IT_GLANCE,
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
            _('It was not asked: %s') % words,
            _('See --os-cacert and --os-cert, and clouds.yaml.'),
        )
    if code == pycurl.E_SSL_CONNECT_ERROR:
        return errors.TLSFailed(
            _('TLS failed: %s') % words, _('Does it speak https there?')
        )
    if 'certificate required' in words:
        return errors.TLSFailed(
            _('TLS failed: %s') % words,
            _('Name a client certificate with --os-cert and --os-key.'),
        )
    if code in _NOT_HTTP:
        return not_http()
    if code == _TOO_LARGE or 'response headers' in words:
        return errors.BadReply(
            _('The headers of its answer are too long'), errors.IS_IT_GLANCE
        )
    if connected:
        return errors.Unreachable(
            _('The connection broke: %s') % words,
            _('It may have done what it was asked: look, and ask again.')
            if changes
            else _('Check the network between here and the node.'),
            connected=True,
        )
    return errors.Unreachable(
        _('Cannot connect: %s')
        % (os.strerror(os_error) if os_error else words),
        _('Is glance-api running there, and is this its address?'),
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
            _('%(why)s, by way of the proxy %(proxy)s')
            % {'why': error.why, 'proxy': host},
            _('See http_proxy, https_proxy and no_proxy in the environment.'),
        ) from error


def _rejected(words: str, verify_result: int) -> errors.CertificateRejected:
    """A TLS certificate that does not verify, and what to do about that."""
    if verify_result in _OUT_OF_TIME:
        return errors.CertificateRejected(
            _('Its TLS certificate is not good today: %s') % words,
            _('Renew it there, or set the clock of this machine right.'),
        )
    if verify_result in _NOT_OF_THE_CHAIN:
        return errors.CertificateRejected(
            _('Its TLS certificate is for another host: %s') % words,
            _('Give the endpoint by a name that the certificate has.'),
        )
    return errors.CertificateRejected(
        _('Its TLS certificate is not from a CA that is trusted here: %s')
        % words,
        _("Name its CA with '--os-cacert' or 'cacert' in clouds.yaml."),
    )


def one_line(text: str) -> str:
    """Words as they fit in a line."""
    line = ' '.join(text.split())
    return line if len(line) <= _MAX_WORDS else f'{line[:_MAX_WORDS]}…'
