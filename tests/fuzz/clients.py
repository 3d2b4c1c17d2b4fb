#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.


"""Clients of servers, as commands have them."""

from keystoneauth1 import session as ksa_session
from keystoneauth1 import token_endpoint

from glance_cache_osc.drivers import http
from glance_cache_osc.transport import engine as engines
from glance_cache_osc.transport import login
from glance_cache_osc.transport import settings
from tests.fuzz import servers


def session(token: str = servers.TOKEN) -> ksa_session.Session:
    """A session that is logged in, and asks nobody for that."""
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
    """Neither TLS nor a proxy."""
    return settings.Settings(verify=None)
