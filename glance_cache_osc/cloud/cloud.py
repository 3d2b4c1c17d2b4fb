# SPDX-License-Identifier: Apache-2.0

"""What OpenStackClient already holds of a cloud, in one place.

The login, the cloud's part of ``clouds.yaml``, the image endpoint and the
connection to the image service. Nothing else here reads the client manager.
"""

from collections.abc import Mapping
import dataclasses
import ipaddress
import logging
from typing import Any
import urllib.parse

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session as ksa_session
from openstack.config import cloud_region

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import catalogue
from glance_cache_osc.cloud import stores
from glance_cache_osc.drivers import http
from glance_cache_osc.i18n import _
from glance_cache_osc.model import endpoints
from glance_cache_osc.transport import engine as engines
from glance_cache_osc.transport import login
from glance_cache_osc.transport import settings

_LOG = logging.getLogger(__name__)
#: Nodes that a warning names.
_MOST_NAMED = 3
#: Seconds that a page of the list of images may take.
_CATALOGUE_TIMEOUT = 60.0
#: Seconds that taking data out of a store may take.
_STORE_TIMEOUT = 600.0


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of the service catalogue."""

    region: str
    url: str


class Cloud:
    """One cloud, as the user logged in to it.

    :param client_manager: osc-lib's, as commands have it.
    :param engine: sends the requests.
    :param timeout: seconds that Keystone may take.
    :ivar session: OpenStackClient's session, logged in.
    """

    def __init__(
        self, client_manager: Any, engine: engines.Engine, timeout: float
    ) -> None:
        self.session: ksa_session.Session = client_manager.session
        self._config: cloud_region.CloudRegion = (
            client_manager.sdk_connection.config
        )
        self._manager = client_manager
        self._engine = engine
        self._login = login.Login(self.session, timeout)
        self._connections = settings.Connections(self.session)
        # Now, since keystoneauth may ask Keystone, which blocks.
        self._image_endpoint = self._locate()

    def client(
        self,
        endpoint: str,
        timeout: float,
        max_size: int = http.MAX_NODE_RESPONSE,
        *,
        address: str = '',
    ) -> http.NodeClient:
        """Requests to one server, with the login of this cloud.

        :param address: the IP address to connect to; empty for any of the
            host's.
        """
        return http.NodeClient(
            engine=self._engine,
            login=self._login,
            settings=self._connections.to(endpoint),
            endpoint=endpoint,
            timeout=timeout,
            max_size=max_size,
            address=address,
        )

    def warn_of_plain_http(self, labels: Mapping[str, str]) -> None:
        """Tell if a login that is kept secret is sent where it can be read.

        Who logs in over https wants the token read by nobody on the way. A
        node on this machine is no matter: its traffic stays here, or goes
        on through a tunnel.

        :param labels: what nodes are called, by their endpoints.
        """
        login = str(getattr(self.session.auth, 'auth_url', '') or '')
        if not login.startswith('https:'):
            return
        plain = [labels[one] for one in labels if _is_readable(one)]
        if plain:
            named = columns.few(plain, _MOST_NAMED)
            words = _(
                'The token of this login goes over http, where anyone on the '
                'way can read it, to %s. Use https there, or a tunnel.'
            )
            _LOG.warning(words, columns.safe_text(named))

    @property
    def sees_all_images(self) -> bool:
        """Whether the login is known to have the role ``admin``.

        Glance shows all images to administrators alone: to others, images
        that they may not see look like orphans.
        """
        access = self._manager.auth_ref
        return access is not None and 'admin' in access.role_names

    def catalogue(self) -> catalogue.Catalogue:
        """The cloud's list of images."""
        return catalogue.Catalogue(
            lambda: self._image_service(_CATALOGUE_TIMEOUT)
        )

    def stores(self) -> stores.Stores:
        """The stores of the cloud's image service.

        :raises errors.UsageError: the cloud has no image service.
        """
        return stores.Stores(self._image_service(_STORE_TIMEOUT))

    def _image_service(self, timeout: float) -> http.NodeClient:
        """Speaks with the cloud's image endpoint.

        openstacksdk's image proxy would ask that endpoint for its versions
        first, and not pass on what Glance says.
        """
        endpoint = self.image_endpoint()
        if endpoint is None:
            raise errors.UsageError(
                _('This cloud has no image endpoint'),
                _("See 'openstack endpoint list --service image'."),
            )
        return self.client(endpoint, timeout, http.MAX_CATALOGUE_RESPONSE)

    def image_endpoint(self) -> str | None:
        """The root URL of the cloud's image service, if it has one.

        :raises errors.LoginFailed: that login is over, and there is no other.
        :raises errors.UsageError: it is no endpoint.
        """
        if isinstance(self._image_endpoint, errors.CacheError):
            raise self._image_endpoint
        return self._image_endpoint

    def _locate(self) -> str | errors.CacheError | None:
        """Costs no request after login."""
        try:
            found = self._config.get_session_endpoint('image')
            return endpoints.parse(found) if found else None
        except ksa_exceptions.ClientException as error:
            return login.from_keystone(error)
        except errors.CacheError as error:
            return error

    def image_endpoints(self) -> list[Endpoint]:
        """The public image endpoints of the service catalogue.

        :returns: none where the login has no catalogue.
        """
        access = self._manager.auth_ref
        if access is None:
            return []
        found = access.service_catalog.get_endpoints_data(
            service_type='image', interface='public'
        )
        return [
            Endpoint(str(one.region_name or ''), str(one.url))
            for group in found.values()
            for one in group
        ]

    def setting(self, key: str) -> Any:
        """A value of the cloud's part of ``clouds.yaml``; None if absent."""
        return self._config.config.get(key)


def _is_readable(endpoint: str) -> bool:
    """Whether what is sent to an endpoint can be read on its way."""
    parts = urllib.parse.urlsplit(endpoint)
    host = parts.hostname or ''
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == 'localhost'
    return parts.scheme == 'http' and not here
