# SPDX-License-Identifier: Apache-2.0

"""The endpoint of a Glance, from what a person wrote. Pure."""

import functools
import re
import urllib.parse

import idna

from glance_cache_osc import errors
from glance_cache_osc.i18n import _

_DEFAULT_BASE = 'http://localhost:9292'
_DEFAULT_PORTS = {'http': 80, 'https': 443}
_VERSION_SUFFIX = re.compile(r'(/+v\d+(\.\d+)?)*/*$')


def parse(text: str, image_endpoint: str | None = None) -> str:
    """The root URL of a Glance from what a person wrote.

    :param text: a URL with or without a path, a final slash or ``/v2``; or
        ``host`` or ``host:port``, which take the scheme, port and path that
        they lack from the cloud's image endpoint.
    :param image_endpoint: the cloud's image endpoint, if it has one.
    :raises errors.UsageError: that is no URL and no host.
    """
    if re.search(r'\s', text):
        raise _bad_endpoint(text, _('spaces are not allowed'))
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


def _host_and_port(parts: urllib.parse.SplitResult) -> str:
    """The host in ASCII and lower case; no port where it is the default."""
    host = (parts.hostname or '').lower()
    try:
        if not host.isascii():
            host = idna.encode(host, uts46=True).decode('ascii')
        host.encode('idna')
    except UnicodeError as error:
        raise _bad_endpoint(
            parts.geturl(), _('the host name is not valid')
        ) from error
    if ':' in host:
        host = f'[{host}]'
    if parts.port in (None, _DEFAULT_PORTS[parts.scheme]):
        return host
    return f'{host}:{parts.port}'


def _from_host(text: str, image_endpoint: str) -> str:
    base_url = _split(parse(image_endpoint))
    given = _split(f'//{text}')
    if not given.hostname or given.path or given.query or given.fragment:
        raise _bad_endpoint(text, _('not a host, host:port or URL'))
    netloc = given.netloc
    if given.port is None and base_url.port is not None:
        netloc = f'{netloc}:{base_url.port}'
    return f'{base_url.scheme}://{netloc}{base_url.path}'


@functools.lru_cache(maxsize=64)
def _split(text: str) -> urllib.parse.SplitResult:
    try:
        parts = urllib.parse.urlsplit(text)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise _bad_endpoint(text, str(error)) from error
    return parts


def _bad_endpoint(text: str, why: str) -> errors.UsageError:
    # Whatever is wrong with it, a password in it is not for the screen.
    text = re.sub(r'[^/\s]*@', '***@', text)
    return errors.UsageError(
        _("'%(text)s' is not a node endpoint: %(why)s")
        % {'text': text, 'why': why},
        _('Use http://host:port, host:port or host.'),
    )
