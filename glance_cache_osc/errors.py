# SPDX-License-Identifier: Apache-2.0

"""What can go wrong, in a person's words.

::

    CacheError                 a failure; the command ends with exit code 1
      UsageError               what was typed can't be done; exit code 2
      CatalogueError           Glance's list of images could not be read
      ImageError               one image, before any node was asked
        ImageNotFound
        ImageAmbiguous
      NodeError                one node did not do what it was asked
        Unreachable            no connection
          TimedOut             no answer in time
          TLSFailed            no TLS connection
            CertificateRejected
        NotGlance              something answers, but it is no Glance
        CachingOff             a Glance without a cache
        TooOld                 a Glance without the Cache API
        Forbidden              the user may not do this there
        Refused                Glance said no, with its reason
        ServerFault            Glance, or what stands before it, failed
        BadReply               an answer that no Glance gives
          TooLong              one of more bytes than it may have
        LoginFailed            Keystone's fault: it gave no token
        NoStores               a Glance without named stores
        Unconfirmed            the user did not wait for the answer
        Interrupted            not asked: the user stopped the command

Each error says why it failed and, where there is something to be done
about it, what. Who reports it adds where (the node) and what (the
image), so that a failure is one line and told once.
"""

from osc_lib import exceptions

from glance_cache_osc.i18n import _

#: What to do about an answer that no Glance gives.
IS_IT_GLANCE = _('Check that this is a Glance endpoint.')


class CacheError(exceptions.CommandError):
    """A failure that a person can read.

    :param why: what happened, without a full stop at its end.
    :param remedy: what to do about it, a whole sentence; may be empty.
    """

    def __init__(self, why: str, remedy: str = '') -> None:
        self.why = why.strip().rstrip('.')
        self.remedy = remedy
        super().__init__(f'{self.why}. {remedy}'.rstrip())


class UsageError(CacheError):
    """What was typed can't be done; nothing was sent."""


class CatalogueError(CacheError):
    """Glance's list of images could not be read."""


class ImageError(CacheError):
    """One image that was named can't be acted on."""


class ImageNotFound(ImageError):
    """Neither an ID nor a name that Glance knows."""

    def __init__(self, wanted: str) -> None:
        super().__init__(
            _("No image has the name or ID '%s'") % wanted,
            _("See 'openstack image list'."),
        )


class ImageAmbiguous(ImageError):
    """A name that several images have.

    :param wanted: the name.
    :param image_ids: the IDs of all images of that name.
    """

    def __init__(self, wanted: str, image_ids: list[str]) -> None:
        super().__init__(
            _("%(count)d images have the name '%(name)s': %(ids)s")
            % {
                'count': len(image_ids),
                'name': wanted,
                'ids': ', '.join(image_ids),
            },
            _('Specify the ID of one of them.'),
        )


class NodeError(CacheError):
    """One node did not do what it was asked.

    :ivar request_id: Glance's, of the request that failed; empty if it gave
        none.
    """

    request_id = ''


class Unreachable(NodeError):
    """No connection to the node, or none that lasted.

    :param down: whether nothing listens at its address.
    :param connected: whether it may have done what it was asked.
    """

    def __init__(
        self,
        why: str,
        remedy: str = '',
        *,
        down: bool = False,
        connected: bool = False,
    ) -> None:
        super().__init__(why, remedy)
        self.down = down
        self.connected = connected


class TimedOut(Unreachable):
    """The node did not answer in time.

    :param connected: whether it had taken the request.
    """

    def __init__(
        self, why: str, remedy: str = '', *, connected: bool = True
    ) -> None:
        super().__init__(why, remedy, connected=connected)


class TLSFailed(Unreachable):
    """The node answers, but TLS with it fails."""


class CertificateRejected(TLSFailed):
    """The node's TLS certificate does not verify."""


def request_id_of(error: BaseException | None) -> str:
    """Glance's ID of the request that an error is about; empty for none."""
    while error:
        if found := getattr(error, 'request_id', ''):
            return str(found)
        # Raised from itself, an error is its own cause.
        cause = error.__cause__
        error = None if cause is error else cause
    return ''


def is_unreachable(error: CacheError) -> bool:
    """Whether a node is down or cut off: refused, not found, or timed out."""
    if isinstance(error, TimedOut):
        return True
    return (
        isinstance(error, Unreachable)
        and not isinstance(error, TLSFailed)
        and not error.connected
    )


class NotGlance(NodeError):
    """Something answers at the endpoint, but it is no Glance."""


class CachingOff(NodeError):
    """The node is a Glance, and its image cache is off."""


class TooOld(NodeError):
    """The node is a Glance that does not know what it was asked for."""


class Forbidden(NodeError):
    """Glance does not allow this user to do this."""


class Refused(NodeError):
    """Glance said no.

    :param status: the HTTP status of the answer.
    """

    def __init__(self, why: str, remedy: str = '', status: int = 0) -> None:
        super().__init__(why, remedy)
        self.status = status


class ServerFault(NodeError):
    """Glance, or a proxy before it, failed while doing what was asked."""


class BadReply(NodeError):
    """An answer that no Glance gives."""


class TooLong(BadReply):
    """A response of more bytes than it may have."""


class LoginFailed(NodeError):
    """Keystone gave no token, so that the node was not asked."""


class NoStores(NodeError):
    """A Glance that keeps all data in one place without a name."""

    def __init__(self) -> None:
        super().__init__(
            _('This Glance service has no named stores'),
            _("Named stores require 'enabled_backends' in glance-api.conf."),
        )


class Unconfirmed(NodeError):
    """The user did not wait for the answer to a change."""

    def __init__(self) -> None:
        super().__init__(
            _('Interrupted before the response arrived'),
            _(
                'The request may have succeeded: check the result before you '
                'retry.'
            ),
        )


class Interrupted(NodeError):
    """The user stopped the command before this node was asked."""

    def __init__(self) -> None:
        super().__init__(_('Not sent: interrupted'))
