# SPDX-License-Identifier: Apache-2.0

"""The stores of a Glance service, and deleting image data from them."""

import urllib.parse

from glance_cache_osc import errors
from glance_cache_osc.drivers import http
from glance_cache_osc.i18n import _
from glance_cache_osc.model import images

#: The timeout for deleting data from a store, in seconds.
_DELETE_TIMEOUT = 600.0


class Stores:
    """The stores of the cloud's image service.

    :param client: sends requests to the cloud's image endpoint.
    """

    def __init__(self, client: http.NodeClient) -> None:
        self._client = client

    async def names(self) -> list[str]:
        """The names of the stores, in Glance's order.

        :raises errors.CatalogueError: the request failed.
        :raises errors.NoStores: the Glance service has no named stores.
        """
        try:
            return _names(await self._client.request('GET', '/v2/info/stores'))
        except errors.NodeError as error:
            if isinstance(error, errors.Refused) and error.status == 404:
                raise errors.NoStores from error
            raise errors.CatalogueError(
                _(
                    "Cannot list the stores of the cloud's Glance at %(url)s: "
                    '%(why)s'
                )
                % {'url': self._client.endpoint, 'why': error.why},
                _without_timeout(error.remedy),
            ) from error

    async def delete(self, image: images.Image, store: str) -> None:
        """Delete an image's data from one store, and keep the image.

        :raises errors.NodeError: the request failed. If Glance refused it,
            the error has a remedy for the known reasons.
        """
        path = '/v2/stores/{}/{}'.format(
            *(urllib.parse.quote(one, '') for one in (store, image.image_id))
        )
        try:
            await self._client.request('DELETE', path, timeout=_DELETE_TIMEOUT)
        except (errors.Refused, errors.Forbidden) as error:
            raise _explained(error, image, store) from error
        except errors.TimedOut as error:
            raise errors.TimedOut(
                error.why,
                _without_timeout(error.remedy),
                connected=error.connected,
            ) from error


def _names(body: object) -> list[str]:
    """The names in the response with the stores.

    :raises errors.BadReply: the response is not a list of stores.
    """
    stores = body.get('stores') if isinstance(body, dict) else None
    if isinstance(stores, list):
        ids = [one.get('id') for one in stores if isinstance(one, dict)]
        names = [one for one in ids if isinstance(one, str)]
        if len(names) == len(stores):
            return names
    raise errors.BadReply(
        _('The response is not a list of stores'), errors.CHECK_ENDPOINT
    )


def _without_timeout(remedy: str) -> str:
    """The remedy without --node-timeout, which these requests do not have."""
    return remedy.removesuffix(errors.WAIT_LONGER).rstrip()


def _explained(
    error: errors.NodeError, image: images.Image, store: str
) -> errors.NodeError:
    """Glance's refusal with a remedy.

    Glance's message about "the only store" does not prove that the image is
    in the specified store: Glance sends it for every image with one copy.
    """
    if image.stores and store not in image.stores:
        return errors.Refused(
            _("The image is not stored in '%s'") % store,
            _('It is stored in: %s.') % ', '.join(image.stores),
        )
    message = error.why
    if 'only store' in message:
        return errors.Refused(
            message,
            _(
                "To copy the image to another store first, run 'openstack "
                "image import %s --method copy-image --store <other store>'."
            )
            % image.image_id,
        )
    for part, remedy in _REMEDIES.items():
        if part in message:
            return errors.Refused(message, remedy)
    if isinstance(error, errors.Forbidden):
        return errors.Forbidden(
            message,
            _(
                'Log in as an administrator, or permit the request in the '
                'API policies of Glance.'
            ),
        )
    return error


#: The remedies by a part of Glance's message.
_REMEDIES = {
    'not available on this node': _(
        'Other endpoints have this store: set one of them as '
        'image_endpoint_override in clouds.yaml, or in '
        'OS_IMAGE_ENDPOINT_OVERRIDE if the login is not from clouds.yaml.'
    ),
    'in use': _(
        'First delete the resources that use the image, such as volumes '
        'created from it.'
    ),
    'snapshot': _('First delete the snapshots of the image.'),
    "status is not 'active'": _(
        "Wait until the image is active: see 'openstack image show'."
    ),
}
