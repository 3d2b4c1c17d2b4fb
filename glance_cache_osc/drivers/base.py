# SPDX-License-Identifier: Apache-2.0

"""The interface of all drivers: the operations on one node's cache.

Commands do not depend on the driver of a node. A driver is a class in this
folder that has these methods; `glance_cache_osc.drivers.choosing` selects
the driver for a node.
"""

import abc

from glance_cache_osc import errors
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries

#: The program that downloads queued images to nodes of Yoga and older.
PREFETCHER = 'glance-cache-prefetcher'


class CacheDriver(abc.ABC):
    """The cache of one node.

    Several methods may run concurrently. Each method sends as few requests
    as possible. It raises a `glance_cache_osc.errors.NodeError` with
    Glance's own message, if there is one: `Unreachable`, `TimedOut`,
    `CertificateRejected`, `NotGlance`, `CachingOff`, `TooOld`, `Forbidden`,
    `Refused`, `ServerFault` or `BadReply`. A driver raises no other errors.
    `TooOld` means that the node does not support the API of this driver;
    another driver may work.
    """

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """The driver's name in `openstack image cache node list`."""

    @property
    def filled_by(self) -> str | None:
        """The program on the node that downloads queued images.

        None if the node downloads them by itself, or if this is not known.
        """
        return None

    @abc.abstractmethod
    async def list_entries(self) -> list[entries.Entry]:
        """All entries of the cache, cached and queued.

        An image that was queued again is listed twice, cached and queued.
        """

    @abc.abstractmethod
    async def queue(self, image_id: str) -> None:
        """Queue an image.

        The method returns when the node has accepted the request. The fill
        begins later, or when the program in `filled_by` runs. A node may
        download a cached image again: check before you queue it.

        :raises glance_cache_osc.errors.Refused: the image does not exist in
            Glance, or is not active.
        """

    async def replace(self, image_id: str) -> None:
        """Queue a cached image, so that it is downloaded again.

        :raises glance_cache_osc.errors.NodeError: see `queue`; or the node
            does not replace cached images.
        """
        await self.queue(image_id)
        if self.filled_by:
            raise does_not_replace()

    @abc.abstractmethod
    async def delete(
        self, image_id: str, *, queued_only: bool = False
    ) -> None:
        """Delete an image from the cache and from the queue.

        It is not an error if there is no such entry. A fill that has begun
        continues.

        :param queued_only: delete it from the queue only, if the node has a
            request for that.
        """

    @abc.abstractmethod
    async def clear(self, target: entries.Target) -> None:
        """Empty the cache, the queue, or both."""

    @abc.abstractmethod
    async def clean(self) -> None:
        """Delete invalid files, and the files of stalled fills, on the node.

        :raises glance_cache_osc.errors.TooOld: the node does not support
            the request.
        """

    @abc.abstractmethod
    async def prune(self, timeout: float) -> entries.Pruned:
        """Delete images from the cache until it is within its size limit.

        :param timeout: seconds until the node responds; the time that a node
            takes is not limited.
        :raises glance_cache_osc.errors.TooOld: the node does not support
            the request.
        """

    @abc.abstractmethod
    async def api_version(self) -> str:
        """The newest Images API version that the node lists: ``2.18``.

        The request carries no token.
        """


def does_not_replace() -> errors.NodeError:
    """An error for a node that ignores requests to queue cached images."""
    return errors.NodeError(
        _('This Glance does not replace cached images'),
        _('Delete the entries, and queue the images again.'),
    )


def invalid_listing(error: ValueError) -> errors.BadReply:
    """An error for a response that is not a list of entries.

    :param error: the parser's reason.
    """
    return errors.BadReply(
        _('The response is not a list of cached images (%s)') % error,
        errors.CHECK_ENDPOINT,
    )
