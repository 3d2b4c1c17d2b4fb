# SPDX-License-Identifier: Apache-2.0

"""TLS and proxy of a connection: as OpenStackClient's session has them."""

from collections.abc import Mapping
import dataclasses
import functools
import os
import pathlib
from typing import Any
from urllib import parse
from urllib import request

from keystoneauth1 import session as ksa_session
import pycurl
from requests import utils

from glance_cache_osc import errors
from glance_cache_osc.i18n import _

_PORTS = {'http': 80, 'https': 443}
_SOCKS = 1080


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to connect to a server.

    :param verify: the file or folder of the CA certificates that are
        trusted; None if any certificate is accepted.
    :param cert: the files of a client certificate and of its key.
    :param proxy: its URL; empty for none.
    """

    verify: str | None
    cert: tuple[str, ...] = ()
    proxy: str = ''

    @functools.cached_property
    def options(self) -> Mapping[int, Any]:
        """The same as libcurl's options."""
        found: dict[int, Any] = {pycurl.PROXY: self.proxy, pycurl.NOPROXY: ''}
        if self.verify is None:
            found |= {
                pycurl.SSL_VERIFYPEER: 0,
                pycurl.SSL_VERIFYHOST: 0,
                pycurl.PROXY_SSL_VERIFYPEER: 0,
                pycurl.PROXY_SSL_VERIFYHOST: 0,
            }
        elif pathlib.Path(self.verify).is_dir():
            found |= {
                pycurl.CAPATH: self.verify,
                pycurl.PROXY_CAPATH: self.verify,
            }
        else:
            found |= {
                pycurl.CAINFO: self.verify,
                pycurl.PROXY_CAINFO: self.verify,
            }
        if self.cert:
            found |= {
                pycurl.SSLCERT: self.cert[0],
                pycurl.SSLKEY: self.cert[-1],
            }
        return found


class Connections:
    """What requests would use for URLs, its environment included.

    :param session: OpenStackClient's.
    """

    def __init__(self, session: ksa_session.Session) -> None:
        self._session = session
        plugin = session.auth
        given = plugin.get_connection_params(session) if plugin else {}
        self._verify = given.get('verify', session.verify)
        self._cert = given.get('cert', session.cert)
        # To look which of them is for a URL takes longer than to connect.
        self._has_proxies = bool(
            request.getproxies() or session.session.proxies
        )
        self._by_url: dict[str, Settings] = {}

    def to(self, url: str) -> Settings:
        """Those for a URL."""
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
            proxy=_complete(utils.select_proxy(url, merged['proxies'])),
        )


def _complete(proxy: str | None) -> str:
    """A proxy with its scheme and port, as requests understands it.

    libcurl would take port 1080 where there is none.
    """
    if not proxy:
        return ''
    try:
        parts = parse.urlsplit(proxy if '://' in proxy else f'http://{proxy}')
        port = parts.port or _PORTS.get(parts.scheme, _SOCKS)
    except ValueError as error:
        raise errors.UsageError(
            _('A proxy URL in the environment is not valid: %s') % error,
            _('Check http_proxy, https_proxy and no_proxy.'),
        ) from error
    host = parts.netloc.removesuffix(f':{port}')
    return f'{parts.scheme}://{host}:{port}'
