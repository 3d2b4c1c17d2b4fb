# SPDX-License-Identifier: Apache-2.0

"""Converts libcurl's error codes and timeouts into errors of the package."""

from collections.abc import Mapping
import errno
import os
import urllib.parse

import pycurl

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.i18n import _

#: The longest text of a server or library that an error contains, in
#: characters.
_MAX_TEXT = 300
#: OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED.
_OUTSIDE_VALIDITY = frozenset({9, 10})
#: OpenSSL's X509_V_OK and X509_V_ERR_UNSPECIFIED: the certificate chain is
#: valid, so the host name does not match. libcurl compares the names itself.
_WRONG_HOST = frozenset({0, 1})
#: OpenSSL's result for the certificate of an HTTPS proxy. pycurl 7.47 has no
#: name for it; there, such a certificate is reported as for another host.
PROXY_VERIFYRESULT: int = getattr(
    pycurl, 'PROXY_SSL_VERIFYRESULT', pycurl.SSL_VERIFYRESULT
)
_NOT_HTTP = frozenset(
    {
        pycurl.E_UNSUPPORTED_PROTOCOL,  # HTTP/0.9
        pycurl.E_FTP_WEIRD_SERVER_REPLY,  # libcurl uses it for HTTP, too.
        pycurl.E_BAD_CONTENT_ENCODING,
    }
)
_LOCAL_FILES = frozenset(
    {
        pycurl.E_BAD_FUNCTION_ARGUMENT,  # The key of a client certificate.
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_CERTPROBLEM,
        pycurl.E_SSL_CRL_BADFILE,
    }
)
#: CURLE_TOO_LARGE: a header of more than 100 KiB. pycurl has no name for it.
_TOO_LARGE = 100


def not_http(*, changes: bool) -> errors.NodeError:
    """An error for a response that is not HTTP.

    :param changes: whether the request may have changed something.
    """
    if changes:
        return errors.BadReply(
            _('The response is not HTTP'), errors.CHECK_RESULT
        )
    return errors.NotGlance(
        _('The response is not HTTP'), errors.CHECK_ENDPOINT
    )


def no_response(
    timeout: float,
    *,
    changes: bool,
    connected: bool = True,
    tls: bool = False,
) -> errors.TimedOut:
    """An error for response headers that do not arrive within the timeout.

    :param timeout: in seconds.
    :param changes: whether the request may have changed something.
    :param connected: whether the request may have been sent.
    :param tls: whether the TLS handshake may be the reason.
    """
    check = _('Check that the service is up.')
    if connected and changes:
        check = errors.CHECK_RESULT
    elif tls:
        check = _(
            'Check that the service is up and that the endpoint uses HTTPS.'
        )
    return errors.TimedOut(
        _('No response within %g seconds') % timeout,
        f'{check} {errors.WAIT_LONGER}',
        connected=connected,
    )


def too_slow(size: int, seconds: float, *, changes: bool) -> errors.TimedOut:
    """An error for a body that stalls or arrives too slowly.

    :param size: bytes of the body that have arrived.
    :param seconds: the duration of the request.
    :param changes: see `no_response`.
    """
    return errors.TimedOut(
        _('The response is too slow: %(bytes)d bytes in %(time)d s')
        % {'bytes': size, 'time': seconds},
        f'{errors.CHECK_RESULT} {errors.WAIT_LONGER}'
        if changes
        else errors.WAIT_LONGER,
    )


def too_late(seconds: float, *, changes: bool) -> errors.TimedOut:
    """An error for a body that does not end within its time limit.

    :param seconds: the limit.
    :param changes: see `no_response`.
    """
    return errors.TimedOut(
        _('The response did not end within %g seconds') % seconds,
        f'{errors.CHECK_RESULT} {errors.WAIT_LONGER}'
        if changes
        else errors.WAIT_LONGER,
    )


def compressed(headers: Mapping[str, str]) -> errors.BadReply | None:
    """An error for a compressed response; None for other responses.

    :param headers: of the response; the names are in lower case.
    """
    if headers.get('content-encoding', 'identity').lower() == 'identity':
        return None
    return errors.BadReply(
        _('The response is compressed, although compression was not requested')
    )


def too_long(size: int, headers: Mapping[str, str]) -> errors.BadReply:
    """An error for a response that is larger than the limit.

    Compression enlarges some images: then it is the error.

    :param size: the limit, in bytes.
    :param headers: of the response; the names are in lower case.
    """
    return compressed(headers) or errors.TooLong(
        _('The response is larger than %s') % columns.human_size(size),
        errors.CHECK_ENDPOINT,
    )


def from_curl(  # noqa: PLR0911, PLR0913 - a table; keywords only
    code: int,
    text: str,
    *,
    connect_timeout: float,
    connected: bool,
    tls: bool,
    os_error: int,
    verify_result: int,
    changes: bool,
) -> errors.NodeError:
    """An error for a request that failed in libcurl.

    :param code: libcurl's ``CURLE_…``.
    :param text: libcurl's message.
    :param connect_timeout: in seconds.
    :param connected: whether a connection was established. If it was closed,
        libcurl may have tried to connect again.
    :param tls: whether the URL begins with ``https``.
    :param os_error: ``errno`` of the last system call that failed, or 0.
    :param verify_result: OpenSSL's ``X509_V_…`` of the certificate of the
        server or its proxy.
    :param changes: whether the request may have changed something.
    """
    text = one_line(text)
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return no_response(
            connect_timeout, changes=changes, connected=connected, tls=tls
        )
    if code == pycurl.E_PEER_FAILED_VERIFICATION:
        return _certificate_rejected(text, verify_result)
    if code in _LOCAL_FILES:
        return errors.NodeError(
            _('The request was not sent: %s') % text,
            _('Check --os-cacert, --os-cert, --os-key and clouds.yaml.'),
        )
    if code == pycurl.E_SSL_CONNECT_ERROR:
        return errors.TLSFailed(
            _('TLS failed: %s') % text,
            _('Check that the endpoint uses HTTPS.'),
        )
    if 'certificate required' in text:
        return errors.TLSFailed(
            _('TLS failed: %s') % text,
            _('Set a client certificate with --os-cert and --os-key.'),
        )
    if code in _NOT_HTTP:
        return not_http(changes=changes)
    if code == _TOO_LARGE or 'response headers' in text:
        return errors.BadReply(
            _('The response headers are too large'), errors.CHECK_ENDPOINT
        )
    if connected and code != pycurl.E_COULDNT_CONNECT:
        return errors.Unreachable(
            _('The connection broke: %s') % text,
            errors.CHECK_RESULT
            if changes
            else _('Check the network between here and the node.'),
            connected=True,
        )
    return errors.Unreachable(
        _('Cannot connect: %s')
        % (os.strerror(os_error) if os_error else text),
        _('Check that glance-api is running at this address.'),
        down=os_error == errno.ECONNREFUSED,
    )


def raise_for_proxy(error: errors.Unreachable, proxy: str) -> None:
    """Raise an error that names the proxy, if a proxy is used.

    Return without an exception if there is no proxy, or if a certificate was
    rejected, which is not attributed to the proxy.

    :param error: the reason why no connection was established.
    :param proxy: the URL of the proxy; empty for none.
    :raises errors.Unreachable: the connection through the proxy failed.
    """
    if proxy and not isinstance(error, errors.CertificateRejected):
        host = urllib.parse.urlsplit(proxy).netloc.rpartition('@')[2]
        # A TLS failure does not mean that the node is down, and no further
        # request is sent to a node after a timeout: keep the class.
        cls = type(error)
        raise cls(
            _('%(why)s (through the proxy %(proxy)s)')
            % {'why': error.why, 'proxy': host},
            _(
                'Check http_proxy, https_proxy and no_proxy in the '
                'environment.'
            ),
            connected=False,
        ) from error


def _certificate_rejected(
    text: str, verify_result: int
) -> errors.CertificateRejected:
    """An error for a TLS certificate that failed the verification."""
    if verify_result in _OUTSIDE_VALIDITY:
        return errors.CertificateRejected(
            _('The TLS certificate has expired or is not yet valid: %s')
            % text,
            _('Renew the certificate, or correct the clock of this machine.'),
        )
    if verify_result in _WRONG_HOST:
        return errors.CertificateRejected(
            _('The TLS certificate is for another host: %s') % text,
            _('Use an endpoint with a host name of the certificate.'),
        )
    return errors.CertificateRejected(
        _('The TLS certificate is not from a trusted CA: %s') % text,
        _("Set its CA with --os-cacert or 'cacert' in clouds.yaml."),
    )


def one_line(text: str) -> str:
    """A text on one line, cut to at most 300 characters."""
    line = ' '.join(text.split())
    return line if len(line) <= _MAX_TEXT else f'{line[:_MAX_TEXT]} [...]'
