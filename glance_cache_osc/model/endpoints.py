# SPDX-License-Identifier: Apache-2.0

"""Parses the endpoints of nodes that users specify. Pure."""

import functools
import ipaddress
import re
import urllib.parse

import idna

from glance_cache_osc import errors
from glance_cache_osc.i18n import _

_DEFAULT_BASE = 'http://localhost:9292'
_DEFAULT_PORTS = {'http': 80, 'https': 443}
#: A host, in brackets or not, and a port. urllib accepts text around brackets
#: and drops it.
_NETLOC = re.compile(r'(\[[^\[\]]+\]|[^\[\]:]+)(:[0-9]*)?')
#: libcurl decodes %41 in a host, and reads other characters as the end of it.
_HOST = re.compile(r'[a-z0-9._-]+')
_ZONE = re.compile(r'[a-z0-9._~-]+')
_VERSION_SUFFIX = re.compile(r'(/+v\d+(\.\d+)?)*/*$')


def parse(text: str, image_endpoint: str | None = None) -> str:
    """The root URL of a node from a user's text.

    :param text: a URL with or without a path, a final slash or ``/v2``; or
        ``host`` or ``host:port``, for which the cloud's image endpoint
        provides the scheme, port and path.
    :param image_endpoint: the cloud's image endpoint, if it has one.
    :raises errors.UsageError: the text is neither a URL nor a host.
    """
    if re.search(r'\s', text):
        raise _bad_endpoint(text, _('spaces are not allowed'))
    if not text.isprintable():
        raise _bad_endpoint(
            text, _('characters that cannot be printed are not allowed')
        )
    if '://' not in text:
        text = _from_host(text, image_endpoint or _DEFAULT_BASE)
    parts = _split(text)
    if parts.scheme not in ('http', 'https') or not parts.hostname:
        raise _bad_endpoint(
            text, _('the URL must start with http:// or https://')
        )
    if parts.username is not None or parts.password is not None:
        raise _bad_endpoint(text, _('credentials are not allowed'))
    if parts.query or parts.fragment:
        raise _bad_endpoint(text, _('a query or fragment is not allowed'))
    path = urllib.parse.quote(
        _VERSION_SUFFIX.sub('', parts.path), safe="/%:@!$&'()*+,;=~"
    )
    return f'{parts.scheme}://{_host_and_port(parts)}{path}'


def is_unencrypted(endpoint: str) -> bool:
    """Whether requests to an endpoint cross a network without TLS."""
    parts = urllib.parse.urlsplit(endpoint)
    host = parts.hostname or ''
    try:
        is_local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = host == 'localhost'
    return parts.scheme == 'http' and not is_local


def _host_and_port(parts: urllib.parse.SplitResult) -> str:
    """The host in ASCII and lower case, with the port if not the default."""
    host = (parts.hostname or '').lower()
    try:
        if not host.isascii():
            host = idna.encode(host, uts46=True).decode('ascii')
        host.encode('idna')
        _check_host(parts.netloc, host)
    except ValueError as error:
        raise _bad_endpoint(
            parts.geturl(), _('the host name is not valid')
        ) from error
    if ':' in host:
        host = f'[{host}]'
    if parts.port in (None, _DEFAULT_PORTS[parts.scheme]):
        return host
    return f'{host}:{parts.port}'


def _check_host(netloc: str, host: str) -> None:
    """Refuse hosts that libcurl would read in another way.

    :raises ValueError: the host is neither a name nor an IP address.
    """
    if not _NETLOC.fullmatch(netloc):
        raise ValueError
    if '[' in netloc:
        zone = ipaddress.IPv6Address(host).scope_id
        # The percent sign may be quoted.
        if zone and not _ZONE.fullmatch(zone.removeprefix('25')):
            raise ValueError
    elif not _HOST.fullmatch(host):
        raise ValueError


def _from_host(text: str, image_endpoint: str) -> str:
    """A URL for a host, with the scheme, port and path of an endpoint."""
    base_url = _split(parse(image_endpoint))
    parts = _split(f'//{text}')
    if not parts.hostname or parts.path or parts.query or parts.fragment:
        raise _bad_endpoint(text, _('not a host, host:port or URL'))
    netloc = parts.netloc
    if parts.port is None and base_url.port is not None:
        netloc = f'{netloc}:{base_url.port}'
    return f'{base_url.scheme}://{netloc}{base_url.path}'


@functools.lru_cache(maxsize=64)
def _split(text: str) -> urllib.parse.SplitResult:
    try:
        parts = urllib.parse.urlsplit(text)
        parts.port  # noqa: B018 - the property checks the port
    except ValueError as error:
        raise _bad_endpoint(text, str(error)) from error
    return parts


def _bad_endpoint(text: str, why: str) -> errors.UsageError:
    # A message must not contain a password.
    text = re.sub(r'[^/\s]*@', '***@', text.removeprefix('//'))
    return errors.UsageError(
        _("'%(text)s' is not a node endpoint: %(why)s")
        % {'text': text, 'why': why},
        _('Use http://host:port, host:port or host.'),
    )
