# SPDX-License-Identifier: Apache-2.0

"""Clients of the test servers, made as commands make them."""

from keystoneauth1 import session as ksa_session
from keystoneauth1 import token_endpoint

from glance_cache_osc.drivers import http
from glance_cache_osc.transport import engine as engines
from glance_cache_osc.transport import login
from glance_cache_osc.transport import settings
from tests.fuzz import servers


def session(token: str = servers.TOKEN) -> ksa_session.Session:
    """A session with a token; it sends no request to Keystone."""
    return ksa_session.Session(auth=token_endpoint.Token(None, token))


def client(
    engine: engines.Engine,
    url: str,
    timeout: float,
    *,
    max_size: int = http.MAX_NODE_RESPONSE,
    logged_in: ksa_session.Session | None = None,
) -> http.NodeClient:
    """A client of the server at a URL.

    :param timeout: seconds.
    """
    logged_in = logged_in or session()
    return http.NodeClient(
        engine=engine,
        login=login.Login(logged_in, timeout),
        settings=settings.Connections(logged_in).to(url),
        endpoint=url,
        timeout=timeout,
        max_size=max_size,
    )


def plain() -> settings.Settings:
    """Settings without TLS and without a proxy."""
    return settings.Settings(verify=None)
