# SPDX-License-Identifier: Apache-2.0

"""TLS and proxy settings of connections, from OpenStackClient's session."""

from collections.abc import Mapping
import contextlib
import dataclasses
import functools
import os
import pathlib
from typing import Any
from urllib import parse
from urllib import request

import idna
from keystoneauth1 import session as ksa_session
import pycurl
from requests import utils

from glance_cache_osc import errors
from glance_cache_osc.i18n import _

_PORTS = {'http': 80, 'https': 443}
_SOCKS_PORT = 1080


@dataclasses.dataclass(frozen=True)
class Settings:
    """The TLS and proxy settings of connections to a server.

    :param verify: the file or folder of the trusted CA certificates; None
        if any certificate is accepted.
    :param cert: the files of a client certificate and of its key; one file
        if it contains both; empty for no client certificate.
    :param proxy: the URL of the proxy, in ASCII; empty for none.
    """

    verify: str | None
    cert: tuple[str, ...] = ()
    proxy: str = ''

    @functools.cached_property
    def options(self) -> Mapping[int, Any]:
        """The settings as options of libcurl."""
        options: dict[int, Any] = {
            pycurl.PROXY: self.proxy,
            pycurl.NOPROXY: '',
        }
        if self.verify is None:
            options |= {
                pycurl.SSL_VERIFYPEER: 0,
                pycurl.SSL_VERIFYHOST: 0,
                pycurl.PROXY_SSL_VERIFYPEER: 0,
                pycurl.PROXY_SSL_VERIFYHOST: 0,
            }
        else:
            # pycurl accepts only ASCII as str.
            path = os.fsencode(self.verify)
            is_folder = pathlib.Path(self.verify).is_dir()
            # libcurl would trust its default file or folder as well.
            file, folder = (None, path) if is_folder else (path, None)
            options |= {
                pycurl.CAINFO: file,
                pycurl.CAPATH: folder,
                pycurl.PROXY_CAINFO: file,
                pycurl.PROXY_CAPATH: folder,
            }
        if self.cert:
            options |= {
                pycurl.SSLCERT: os.fsencode(self.cert[0]),
                pycurl.SSLKEY: os.fsencode(self.cert[-1]),
                # OpenSSL would otherwise ask for the passphrase of a key on
                # the terminal, for each connection.
                pycurl.KEYPASSWD: '',
            }
        return options


class Connections:
    """Finds the settings that the requests library would use for a URL.

    The environment variables that requests reads are included.

    :param session: OpenStackClient's session.
    """

    def __init__(self, session: ksa_session.Session) -> None:
        self._session = session
        plugin = session.auth
        params = plugin.get_connection_params(session) if plugin else {}
        self._verify = params.get('verify', session.verify)
        self._cert = params.get('cert', session.cert)
        # Selecting the proxy for a URL takes longer than connecting to it.
        self._has_proxies = bool(
            request.getproxies() or session.session.proxies
        )
        self._by_url: dict[str, Settings] = {}

    def to(self, url: str) -> Settings:
        """The settings for connections to a URL.

        :raises errors.UsageError: the URL of the proxy is not valid.
        """
        key = url if self._has_proxies else ''
        if key not in self._by_url:
            self._by_url[key] = self._settings(url)
        return self._by_url[key]

    def _settings(self, url: str) -> Settings:
        merged = self._session.session.merge_environment_settings(
            url, {}, None, self._verify, self._cert
        )
        verify, cert = merged['verify'], merged['cert'] or ()
        if verify is True:
            verify = utils.DEFAULT_CA_BUNDLE_PATH
        return Settings(
            verify=os.fspath(verify) if verify else None,
            cert=(cert,) if isinstance(cert, str) else tuple(cert),
            proxy=_proxy_url(utils.select_proxy(url, merged['proxies'])),
        )


def _proxy_url(proxy: str | None) -> str:
    """The URL of a proxy in ASCII, with the default port of requests.

    libcurl's default port is 1080.

    :raises errors.UsageError: the URL is not valid.
    """
    if not proxy:
        return ''
    try:
        parts = parse.urlsplit(proxy if '://' in proxy else f'http://{proxy}')
        port = parts.port or _PORTS.get(parts.scheme, _SOCKS_PORT)
        user, at, host = parts.netloc.rpartition('@')
        host = host.removesuffix(f':{port}')
        if not host.isascii():
            host = idna.encode(host, uts46=True).decode('ascii')
    except ValueError as error:
        raise errors.UsageError(
            _('A proxy URL in the environment is not valid: %s') % error,
            _('Check http_proxy, https_proxy and no_proxy.'),
        ) from error
    user = ':'.join(_quoted(part, parts.scheme) for part in user.split(':', 1))
    return f'{parts.scheme}://{user}{at}{host}:{port}'


def _quoted(text: str, scheme: str) -> str:
    """A user name or password for the URL of a proxy.

    :param text: may be quoted.
    """
    data = parse.unquote_to_bytes(os.fsencode(text))
    if scheme in _PORTS:
        # The bytes that requests sends to the proxy. It cannot send others.
        with contextlib.suppress(UnicodeError):
            data = data.decode().encode('latin-1')
    return parse.quote(data, safe='')
