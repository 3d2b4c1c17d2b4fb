# SPDX-License-Identifier: Apache-2.0

"""How one node's cache is spoken to: the interface of all drivers.

Commands never ask which driver they talk to. A driver is a class in this
folder that has these methods; `glance_cache_osc.drivers.choosing` says which
nodes it is for.
"""

import abc

from glance_cache_osc import errors
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries


class CacheDriver(abc.ABC):
    """One node's cache.

    Several methods may run at once. Each sends as few requests as it can,
    and raises the `glance_cache_osc.errors.NodeError`
    that says what went wrong, with Glance's own words where it gave any:
    `Unreachable`, `TimedOut`, `CertificateRejected`, `NotGlance`,
    `CachingOff`, `TooOld`, `Forbidden`, `Refused`, `ServerFault` or
    `BadReply`. Nothing else leaves a driver. `TooOld` says that the node
    does not speak what this driver speaks: another one may be tried.
    """

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """What `openstack image cache node list` calls this driver."""

    @property
    def filled_by(self) -> str | None:
        """The program that fetches what is queued, if somebody has to run it.

        None where the node fetches in its own time.
        """
        return None

    @abc.abstractmethod
    async def list_entries(self) -> list[entries.Entry]:
        """Everything in the cache and its queue.

        An image may be there twice, cached and queued, when it was asked
        for again.
        """

    @abc.abstractmethod
    async def queue(self, image_id: str) -> None:
        """Ask the node to cache an image.

        Returns when the node has accepted; the fill begins later, or when
        the program in `filled_by` runs. A node that has the image already
        may fetch all of it again: look first.

        :raises glance_cache_osc.errors.Refused: Glance does not know the
            image, or it is not active.
        """

    @abc.abstractmethod
    async def delete(self, image_id: str) -> None:
        """Drop an image from the cache and from the queue.

        Nothing is wrong when it is in neither. A fill that was accepted
        goes on.
        """

    @abc.abstractmethod
    async def clear(self, target: entries.Target) -> None:
        """Empty the cache, the queue, or both."""

    @abc.abstractmethod
    async def clean(self) -> None:
        """Have the node drop invalid files, and those of stalled fills.

        :raises glance_cache_osc.errors.TooOld: the node can't be asked to.
        """

    @abc.abstractmethod
    async def prune(self, timeout: float) -> entries.Pruned:
        """Have the node shrink its cache to its limit.

        :param timeout: seconds that it may take; a node may prune for ever.
        :raises glance_cache_osc.errors.TooOld: the node can't be asked to.
        """

    @abc.abstractmethod
    async def api_version(self) -> str:
        """The newest Images API version that the node lists: ``2.18``.

        Sends no token.
        """


def not_a_cache(error: ValueError) -> errors.BadReply:
    """What a node answered is no list of cached images."""
    return errors.BadReply(
        _('The response is not a list of cached images (%s)') % error,
        errors.CHECK_ENDPOINT,
    )
