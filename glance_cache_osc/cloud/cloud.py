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

"""What OpenStackClient already holds of a cloud, in one place.

The login, the cloud's part of ``clouds.yaml``, the image endpoint and the
connection to the image service. Nothing else here reads the client manager.
"""

import collections
from collections.abc import Iterable
from collections.abc import Mapping
import gc
import ipaddress
import logging
from typing import Any
from typing import TYPE_CHECKING
import urllib.parse

from keystoneauth1 import exceptions as ksa_exceptions

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import catalogue
from glance_cache_osc.cloud import stores
from glance_cache_osc.drivers import http
from glance_cache_osc.fleet import node
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import bounds
from glance_cache_osc.transport import login
from glance_cache_osc.transport import wire

if TYPE_CHECKING:
    from keystoneauth1 import session as ksa_session
    from openstack.config import cloud_region

_LOG = logging.getLogger(__name__)
#: Nodes that a warning names.
_MOST_NAMED = 3
#: The key in clouds.yaml, beside ``auth``.
NODES_KEY = 'image_cache_nodes'
#: Connections to the image service that stay open.
_IMAGE_CONNECTIONS = 16
#: Seconds that a page of the list of images may take.
_CATALOGUE_TIMEOUT = 60.0
#: Seconds that taking data out of a store may take.
_STORE_TIMEOUT = 600.0


class Cloud:
    """One cloud, as the user logged in to it.

    :param client_manager: osc-lib's, as commands have it.
    """

    def __init__(self, client_manager: Any) -> None:
        self._manager = client_manager

    @property
    def session(self) -> 'ksa_session.Session':
        """OpenStackClient's session, logged in."""
        session: ksa_session.Session = self._manager.session
        return session

    def prepare(self, hosts: int, connections: int) -> None:
        """Make ready for many requests.

        keystoneauth's session holds ten connections to each of ten hosts
        and throws away what is more: it is to keep them. And what is loaded
        by now stays: looking through it for garbage again and again, last
        when the program ends, takes a quarter of a second.

        :param hosts: how many hosts are about to be spoken to.
        :param connections: how many at once to each.
        """
        # The identity and the image service have a place too.
        wide = wire.adapter(hosts + 2, connections)
        for scheme in ('http://', 'https://'):
            self.session.mount(scheme, wide)
        gc.freeze()

    def warn_of_plain_http(self, nodes: Iterable[node.Node]) -> None:
        """Tell if a login that is kept secret is sent where it can be read.

        Who logs in over https wants the token read by nobody on the way. A
        node on this machine is no matter: its traffic stays here, or goes
        on through a tunnel.
        """
        login = str(getattr(self.session.auth, 'auth_url', '') or '')
        if not login.startswith('https:'):
            return
        plain = [one.label for one in nodes if _is_readable(one.endpoint)]
        if plain:
            named = ', '.join(plain[:_MOST_NAMED])
            if len(plain) > _MOST_NAMED:
                named += _(' and %d more') % (len(plain) - _MOST_NAMED)
            words = _(
                'The token of this login goes over http, where anyone on the '
                'way can read it, to %s. Use https there, or a tunnel.'
            )
            _LOG.warning(words, columns.safe_text(named))

    def warn_of_hidden_images(self) -> None:
        """Tell if images may look like orphans to one who can't see them.

        Glance shows all images to administrators alone.
        """
        access = self._manager.auth_ref
        if access is not None and 'admin' not in access.role_names:
            _LOG.warning(
                _(
                    "This login does not have the role 'admin': images that "
                    'it may not see count as orphans, too.'
                )
            )

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
        endpoint = self._image_endpoint()
        wire.guard(self.session, endpoint, _IMAGE_CONNECTIONS)
        return http.NodeClient(
            self.session, endpoint, timeout, bounds.MOST_OF_A_CATALOGUE
        )

    def _image_endpoint(self) -> str:
        endpoint = self.image_endpoint()
        if endpoint is None:
            raise errors.UsageError(
                _('This cloud has no image endpoint'),
                _("See 'openstack endpoint list --service image'."),
            )
        return endpoint

    def image_endpoint(self) -> str | None:
        """The root URL of the cloud's image service, if it has one.

        Costs no request after login.

        :raises errors.LoginFailed: that login is over, and there is no other.
        """
        try:
            found = self._config.get_session_endpoint('image')
        except ksa_exceptions.ClientException as error:
            raise login.from_keystone(error) from error
        return node.parse_endpoint(found) if found else None

    def configured_nodes(self) -> list[node.Node]:
        """The nodes that ``clouds.yaml`` names, in its order.

        :raises errors.UsageError: they are written wrong there.
        """
        listed = self._config.config.get(NODES_KEY)
        if listed is None:
            return []
        if not isinstance(listed, list):
            raise _bad_nodes(_('it is not a list'))
        nodes = [self._configured_node(item) for item in listed]
        for name, count in collections.Counter(
            one.name for one in nodes
        ).items():
            if count > 1:
                raise _bad_nodes(_("two nodes have the name '%s'") % name)
        return nodes

    def _configured_node(self, item: Any) -> node.Node:
        if not isinstance(item, Mapping):
            raise _bad_nodes(_('an item is not a name and an endpoint'))
        name, endpoint = item.get('name'), item.get('endpoint')
        if not isinstance(endpoint, str) or not endpoint:
            raise _bad_nodes(_("the node '%s' has no endpoint") % name)
        if not isinstance(name, str) or not name:
            raise _bad_nodes(_("the node at '%s' has no name") % endpoint)
        base_url = None if '://' in endpoint else self.image_endpoint()
        return node.Node(name, node.parse_endpoint(endpoint, base_url))

    @property
    def _config(self) -> 'cloud_region.CloudRegion':
        config: cloud_region.CloudRegion = self._manager.sdk_connection.config
        return config


def _is_readable(endpoint: str) -> bool:
    """Whether what is sent to an endpoint can be read on its way."""
    parts = urllib.parse.urlsplit(endpoint)
    host = parts.hostname or ''
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == 'localhost'
    return parts.scheme == 'http' and not here


def _bad_nodes(why: str) -> errors.UsageError:
    return errors.UsageError(
        _("'%(key)s' in clouds.yaml is wrong: %(why)s")
        % {'key': NODES_KEY, 'why': why},
        _("It is a list of items with 'name' and 'endpoint'."),
    )
