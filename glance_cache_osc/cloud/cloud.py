# SPDX-License-Identifier: Apache-2.0

"""Clouds: the one that the user is logged in to, and others of clouds.yaml.

The login, the cloud's part of ``clouds.yaml``, the image endpoint and the
connection to the image service. Nothing else here reads the client manager.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import contextlib
import dataclasses
import functools
import ipaddress
import logging
from typing import Any
import urllib.parse

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session as ksa_session
from openstack import config as openstack_config
from openstack import exceptions as sdk_exceptions
from openstack.config import cloud_region

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import catalogue
from glance_cache_osc.cloud import stores
from glance_cache_osc.drivers import http
from glance_cache_osc.i18n import _
from glance_cache_osc.model import endpoints
from glance_cache_osc.transport import attempt
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
#: What says that an entry of clouds.yaml is not enough to log in.
_NO_LOGIN = (ksa_exceptions.ClientException, OSError)


#: An image: its cloud and its ID.
Key = tuple['Cloud', str]


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of the service catalogue."""

    region: str
    url: str


class Cloud:
    """One cloud: a login, its image service, its part of ``clouds.yaml``.

    :param config: its part of ``clouds.yaml``.
    :param session: logs in with it.
    :param engine: sends the requests.
    :param timeout: seconds that Keystone may take.
    """

    def __init__(
        self,
        config: cloud_region.CloudRegion,
        session: ksa_session.Session,
        engine: engines.Engine,
        timeout: float,
    ) -> None:
        self.session = session
        self._config = config
        self._engine = engine
        self._timeout = timeout
        self._login = login.Login(session, timeout)
        self._connections = settings.Connections(session)
        self._others: dict[str, Cloud] = {}

    @classmethod
    def logged_in(
        cls, client_manager: Any, engine: engines.Engine, timeout: float
    ) -> 'Cloud':
        """The cloud that the user is logged in to.

        :param client_manager: osc-lib's, as commands have it.
        """
        config = client_manager.sdk_connection.config
        made = cls(config, client_manager.session, engine, timeout)
        # Now, since keystoneauth may ask Keystone, which blocks.
        with contextlib.suppress(errors.CacheError):
            made.image_endpoint()
        return made

    @property
    def name(self) -> str:
        """Its name in ``clouds.yaml``; empty where it is not from there."""
        return str(self._config.name or '')

    def named(self, name: str) -> 'Cloud':
        """A cloud of ``clouds.yaml``; nothing is sent yet.

        :param name: this one's own, or empty, for this one.
        :raises errors.UsageError: there is none of that name, or it does not
            say how to log in.
        """
        if name in ('', self.name):
            return self
        if name not in self._others:
            try:
                config = self._files.get_one(cloud=name)
                session = config.get_session()
            except (sdk_exceptions.SDKException, *_NO_LOGIN) as error:
                raise errors.UsageError(
                    _("Cannot use cloud '%(name)s' of clouds.yaml: %(why)s")
                    % {'name': name, 'why': ' '.join(str(error).split())}
                ) from error
            self._others[name] = Cloud(
                config, session, self._engine, self._timeout
            )
        return self._others[name]

    def knows(self, name: str) -> bool:
        """Whether ``clouds.yaml`` has a cloud of that name."""
        return name == self.name or name in self._files.get_cloud_names()

    @functools.cached_property
    def _files(self) -> openstack_config.OpenStackConfig:
        return openstack_config.OpenStackConfig()

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
                'The token of this login is sent unencrypted over http to %s: '
                'anyone on the network path can read it. Use https or a '
                'tunnel.'
            )
            _LOG.warning(words, columns.safe_text(named))

    async def sees_all_images(self) -> bool:
        """Whether the login is known to have the role ``admin``.

        Glance shows all images to administrators alone: to others, images
        that they may not see look like orphans.

        :raises errors.LoginFailed: there is no login.
        """
        access = await self._login.access()
        return access is not None and 'admin' in access.role_names

    def catalogue(self) -> catalogue.Catalogue:
        """The cloud's list of images."""
        return catalogue.Catalogue(
            lambda: self._image_service(_CATALOGUE_TIMEOUT)
        )

    async def stores(self) -> stores.Stores:
        """The stores of the cloud's image service.

        :raises errors.UsageError: the cloud has no image service.
        :raises errors.LoginFailed: there is no login.
        """
        return stores.Stores(await self._image_service(_STORE_TIMEOUT))

    async def _image_service(self, timeout: float) -> http.NodeClient:
        """Speaks with the cloud's image endpoint.

        openstacksdk's image proxy would ask that endpoint for its versions
        first, and not pass on what Glance says.
        """
        # Then to look for the endpoint costs no request.
        await self._login.headers()
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
        if isinstance(self._located, errors.CacheError):
            raise self._located
        return self._located

    @functools.cached_property
    def _located(self) -> str | errors.CacheError | None:
        try:
            found = self._config.get_session_endpoint('image')
            return endpoints.parse(found) if found else None
        except ksa_exceptions.ClientException as error:
            return login.from_keystone(error)
        except errors.CacheError as error:
            return error

    async def image_endpoints(self) -> list[Endpoint]:
        """The public image endpoints of the service catalogue.

        :returns: none where the login has no catalogue.
        :raises errors.LoginFailed: there is no login.
        """
        access = await self._login.access()
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


async def still_known(keys: Iterable[Key]) -> set[Key]:
    """Those of some images that their clouds may know.

    A cloud that could not be asked may know all of them.
    """
    ids: dict[Cloud, list[str]] = {}
    for cloud, image_id in keys:
        ids.setdefault(cloud, []).append(image_id)
    outcomes = await attempt.attempt(
        lambda cloud: cloud.catalogue().by_id(ids[cloud]), ids
    )
    return {
        (one.job, image_id)
        for one in outcomes
        for image_id in (ids[one.job] if one.error else one.value or ())
    }


def _is_readable(endpoint: str) -> bool:
    """Whether what is sent to an endpoint can be read on its way."""
    parts = urllib.parse.urlsplit(endpoint)
    host = parts.hostname or ''
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == 'localhost'
    return parts.scheme == 'http' and not here
