# SPDX-License-Identifier: Apache-2.0

"""The cloud that the user is logged in to, and other clouds of clouds.yaml.

A cloud provides the login, its entry of ``clouds.yaml``, the image endpoint
and the clients for it. Only this module reads osc-lib's client manager.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import contextlib
import dataclasses
import functools
import logging
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session as ksa_session
from openstack import config as openstack_config
from openstack import exceptions as sdk_exceptions
from openstack.config import cloud_region

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import catalogue as catalogues
from glance_cache_osc.cloud import stores
from glance_cache_osc.drivers import http
from glance_cache_osc.i18n import _
from glance_cache_osc.model import endpoints
from glance_cache_osc.transport import attempt
from glance_cache_osc.transport import engine as engines
from glance_cache_osc.transport import login
from glance_cache_osc.transport import settings

_LOG = logging.getLogger(__name__)
#: The number of nodes that a warning names.
_FEW_NODES = 3
#: The timeout for a page of the list of images, in seconds.
_CATALOGUE_TIMEOUT = 60.0
#: The exceptions for an entry of clouds.yaml that is not enough to log in.
_NO_LOGIN = (ksa_exceptions.ClientException, OSError, TypeError, ValueError)
#: The key of an image: its cloud and its ID.
Key = tuple['Cloud', str]


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of the service catalogue."""

    region: str
    url: str


class Cloud:
    """One cloud: its login, image service and entry of ``clouds.yaml``.

    :param config: the cloud's entry of ``clouds.yaml``.
    :param session: keystoneauth's session for the entry.
    :param engine: sends the requests.
    :param timeout: seconds that Keystone may take.
    :param login_name: see `login.Login`.
    """

    def __init__(
        self,
        config: cloud_region.CloudRegion,
        session: ksa_session.Session,
        engine: engines.Engine,
        timeout: float,
        login_name: str = '',
    ) -> None:
        self.session = session
        self._config = config
        self._engine = engine
        self._timeout = timeout
        self._login = login.Login(session, timeout, login_name)
        self._connections = settings.Connections(session)
        self._others: dict[str, Cloud] = {}
        #: Endpoints for which `warn_of_plain_http` was called.
        self._reported: set[str] = set()

    @classmethod
    def logged_in(
        cls, client_manager: Any, engine: engines.Engine, timeout: float
    ) -> 'Cloud':
        """The cloud that the user is logged in to.

        :param client_manager: osc-lib's client manager of the command.
        """
        config = client_manager.sdk_connection.config
        cloud = cls(config, client_manager.session, engine, timeout)
        # Look up the endpoint before the event loop runs: keystoneauth may
        # send a request to Keystone, which blocks.
        with contextlib.suppress(errors.CacheError):
            cloud.image_endpoint()
        return cloud

    @property
    def name(self) -> str:
        """The cloud's name in ``clouds.yaml``; empty without an entry."""
        return str(self._config.name or '')

    def named(self, name: str) -> 'Cloud':
        """A cloud of ``clouds.yaml``; this sends no request.

        :param name: the name of the entry; empty for this cloud.
        :raises errors.UsageError: the entry does not exist, or is not enough
            to log in.
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
                config, session, self._engine, self._timeout, name
            )
        return self._others[name]

    def has_cloud(self, name: str) -> bool:
        """Whether ``clouds.yaml`` has a cloud with this name."""
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
        failure: errors.CacheError | None = None,
    ) -> http.NodeClient:
        """A client for one server, with the login of this cloud.

        :param endpoint: the server's root URL.
        :param timeout: in seconds, see `http.NodeClient`.
        :param max_size: the largest size of a response, in bytes.
        :param address: the IP address to connect to; empty for any address
            of the host.
        :param failure: raised by each request; None to send requests.
        """
        return http.NodeClient(
            engine=self._engine,
            login=self._login,
            settings=self._connections.to(endpoint),
            endpoint=endpoint,
            timeout=timeout,
            max_size=max_size,
            address=address,
            failure=failure,
        )

    def warn_of_plain_http(self, labels: Mapping[str, str]) -> None:
        """Warn if a token from an https login is sent over plain http.

        A user who logs in over https expects that nobody on the network
        path can read the token. Endpoints on this machine are exempt: their
        traffic stays on the machine, or continues through a tunnel. Each
        endpoint is reported once.

        :param labels: the labels of servers by their endpoints.
        """
        new = [one for one in labels if one not in self._reported]
        self._reported.update(new)
        auth_url = str(getattr(self.session.auth, 'auth_url', '') or '')
        if not auth_url.startswith('https:'):
            return
        plain = [labels[one] for one in new if endpoints.is_unencrypted(one)]
        if plain:
            named = columns.few(plain, _FEW_NODES)
            message = _(
                'The token of this login is sent unencrypted over http to %s: '
                'anyone on the network path can read it. Use https or a '
                'tunnel.'
            )
            _LOG.warning(message, columns.safe_text(named))

    async def sees_all_images(self) -> bool:
        """Whether the login is known to have the role ``admin``.

        Glance lists all images to administrators only. For other users,
        entries of images that they may not see look like orphans.

        :raises errors.LoginFailed: there is no token.
        """
        access = await self._login.access()
        roles = access.role_names if access else []
        return 'admin' in map(str.lower, roles)  # As Glance compares them.

    def catalogue(self) -> catalogues.Catalogue:
        """The cloud's list of images."""
        return catalogues.Catalogue(self._image_service)

    async def image_stores(self) -> stores.Stores:
        """The stores of the cloud's image service.

        :raises errors.UsageError: the cloud has no image service.
        :raises errors.LoginFailed: there is no token.
        """
        return stores.Stores(await self._image_service())

    async def _image_service(self) -> http.NodeClient:
        """A client for the cloud's image endpoint.

        openstacksdk's image proxy is not used: it requests the endpoint's
        versions first, and does not pass on Glance's messages.

        :raises errors.UsageError: the cloud has no image service.
        :raises errors.LoginFailed: there is no token.
        """
        # With a token, looking up the endpoint sends no request.
        await self._login.headers()
        endpoint = self.image_endpoint()
        if endpoint is None:
            raise errors.UsageError(
                _('This cloud has no image endpoint'),
                _("See 'openstack endpoint list --service image'."),
            )
        self.warn_of_plain_http({endpoint: endpoint})
        return self.client(
            endpoint, _CATALOGUE_TIMEOUT, http.MAX_CATALOGUE_RESPONSE
        )

    def image_endpoint(self) -> str | None:
        """The root URL of the cloud's image service, if it has one.

        :raises errors.LoginFailed: the lookup requires a token, and there is
            none.
        :raises errors.UsageError: the URL is not valid.
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
            return login.from_keystone(error, self._login.cloud)
        except errors.UsageError as error:
            return errors.UsageError(
                _("The cloud's image endpoint is not valid: %s") % error.why,
                _('Correct the service catalogue or clouds.yaml.'),
            )

    async def image_endpoints(self) -> list[Endpoint]:
        """The public image endpoints of the service catalogue.

        :returns: an empty list if the login has no catalogue.
        :raises errors.LoginFailed: there is no token.
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

    def setting(self, key: str, default: Any = None) -> Any:
        """A value of the cloud's entry of ``clouds.yaml``."""
        return self._config.config.get(key, default)


async def not_cacheable(keys: Iterable[Key]) -> dict[Key, errors.ImageError]:
    """The images, of those given, that no node can cache, with the reasons.

    If the list of a cloud cannot be read, it has no such images.
    """
    ids: dict[Cloud, list[str]] = {}
    for cloud, image_id in keys:
        ids.setdefault(cloud, []).append(image_id)
    outcomes = await attempt.attempt(
        lambda cloud: cloud.catalogue().by_id(ids[cloud]), ids
    )
    deleted = errors.ImageError(_('The image was deleted from Glance'))
    found: dict[Key, errors.ImageError] = {}
    for one in outcomes:
        for image_id in [] if one.error else ids[one.job]:
            image = (one.value or {}).get(image_id)
            if not image or not image.active:
                error = errors.ImageInactive() if image else deleted
                found[one.job, image_id] = error
    return found
