# SPDX-License-Identifier: Apache-2.0

"""The errors of the package, with messages for users.

::

    CacheError                 a failure; the command ends with exit code 1
      UsageError               the command line is not valid; exit code 2
      CatalogueError           Glance's list of images cannot be read
      ImageError               one image; no request was sent to a node
        ImageNotFound
        ImageAmbiguous
        ImageInactive
      NodeError                a request to one node failed
        Unreachable            no connection
          TimedOut             no response within the timeout
          TLSFailed            no TLS connection
            CertificateRejected
        NotGlance              the endpoint is not a Glance endpoint
        CachingOff             the node's image cache is disabled
        TooOld                 the node does not support the request
        Forbidden              the user has no permission
        Refused                Glance refused the request, with its reason
        ServerFault            Glance, or a proxy in front of it, failed
        BadReply               the response is not one of Glance's
          TooLong              the response is larger than the limit
        LoginFailed            Keystone did not issue a token
          LoginRejected        Keystone rejected the user
          KeystoneUnavailable  Keystone did not respond
        NoStores               the Glance service has no named stores
        NotQueued              a deleted entry is not, or may not be, queued
        Unconfirmed            the user did not wait for the response
        Interrupted            not sent: the user stopped the command

Each error states the reason and, where possible, a remedy. The code that
reports an error adds the node and the image, so that each failure is
reported once, on one line.
"""

from osc_lib import exceptions

from glance_cache_osc.i18n import _

#: The remedy for an image that has no data, or is deactivated.
INACTIVE = _('Wait until the image is active, or reactivate it.')
#: The remedy for a response that does not come from Glance.
CHECK_ENDPOINT = _('Check that this is a Glance endpoint.')
#: The remedy for a request without a response.
WAIT_LONGER = _('To wait longer, use --node-timeout.')
#: The remedy for a change without a response.
CHECK_RESULT = _(
    'The request may have succeeded: check the result before you retry.'
)


class CacheError(exceptions.CommandError):
    """A failure with a message for users.

    :param why: the reason; a full stop at its end is removed.
    :param remedy: the action to take, a complete sentence; may be empty.
    """

    def __init__(self, why: str, remedy: str = '') -> None:
        self.why = why.strip().rstrip('.')
        self.remedy = remedy
        super().__init__(f'{self.why}. {remedy}'.rstrip())


class UsageError(CacheError):
    """The command line or the configuration is not valid.

    Nothing was changed.
    """


class CatalogueError(CacheError):
    """Glance's list of images cannot be read."""


class ImageError(CacheError):
    """A specified image cannot be used."""


class ImageNotFound(ImageError):
    """No image in Glance has this ID or name."""

    def __init__(self, wanted: str, *, is_glob: bool = False) -> None:
        super().__init__(
            _("No image name matches '%s'") % wanted
            if is_glob
            else _("No image has the name or ID '%s'") % wanted,
            _("See 'openstack image list'."),
        )


class ImageAmbiguous(ImageError):
    """Several images have the same name.

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


class ImageInactive(ImageError):
    """The image has no data, or is deactivated: no node can cache it."""

    def __init__(self) -> None:
        super().__init__(_('The image is not active'), INACTIVE)


class NodeError(CacheError):
    """A request to one node failed.

    :ivar request_id: Glance's ID of the failed request; empty if the
        response has none.
    """

    request_id = ''


class Unreachable(NodeError):
    """The connection to the node failed or broke.

    :param down: whether the node refused the connection.
    :param connected: whether the request may have been sent, and so may
        have succeeded.
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
    """The node did not respond within the timeout.

    :param connected: whether the request may have been sent, and so may
        have succeeded.
    """

    def __init__(
        self, why: str, remedy: str = '', *, connected: bool = True
    ) -> None:
        super().__init__(why, remedy, connected=connected)


class TLSFailed(Unreachable):
    """The node is reachable, but the TLS connection fails."""


class CertificateRejected(TLSFailed):
    """The verification of the node's TLS certificate failed."""


def request_id_of(error: BaseException | None) -> str:
    """Glance's ID of the failed request; empty if there is none.

    The error's causes are searched as well.
    """
    while error:
        if found := getattr(error, 'request_id', ''):
            return str(found)
        # An error that is raised from itself is its own cause.
        cause = error.__cause__
        error = None if cause is error else cause
    return ''


def is_unreachable(error: CacheError) -> bool:
    """Whether an error means that the node cannot be reached.

    This includes refused connections, unknown host names and timeouts, but
    not TLS failures and connections that break during a request.
    """
    if isinstance(error, TimedOut):
        return True
    return (
        isinstance(error, Unreachable)
        and not isinstance(error, TLSFailed)
        and not error.connected
    )


class NotGlance(NodeError):
    """The endpoint responds, but is not a Glance endpoint."""


class CachingOff(NodeError):
    """The endpoint is a Glance node, but its image cache is disabled."""


class TooOld(NodeError):
    """The endpoint is a Glance node that does not support the request."""


class Forbidden(NodeError):
    """Glance does not allow this user to send this request."""


class Refused(NodeError):
    """Glance refused the request.

    :param status: the HTTP status of the response; 0 if it is not known.
    """

    def __init__(self, why: str, remedy: str = '', status: int = 0) -> None:
        super().__init__(why, remedy)
        self.status = status


class ServerFault(NodeError):
    """Glance, or a proxy in front of it, failed to process the request.

    :param status: the HTTP status of the response; 0 if it is not known.
    """

    def __init__(self, why: str, remedy: str = '', status: int = 0) -> None:
        super().__init__(why, remedy)
        self.status = status


class BadReply(NodeError):
    """The response is not one that Glance sends."""


class TooLong(BadReply):
    """The response is larger than the limit."""


class LoginFailed(NodeError):
    """Keystone did not issue a token; the node processed no request.

    :ivar cloud: the name of the cloud; empty if the login is that of the
        command.
    """

    cloud = ''


class LoginRejected(LoginFailed):
    """Keystone rejected the user; it is not asked again in this command."""


class KeystoneUnavailable(LoginFailed):
    """Keystone did not respond."""


class NoStores(NodeError):
    """The Glance service has a single store without a name."""

    def __init__(self) -> None:
        super().__init__(
            _('This Glance service has no named stores'),
            _("Named stores require 'enabled_backends' in glance-api.conf."),
        )


class NotQueued(NodeError):
    """An entry was deleted; its image is not, or may not be, queued again."""


class Unconfirmed(NodeError):
    """The user interrupted a change before its response arrived."""

    def __init__(self) -> None:
        super().__init__(
            _('Interrupted before the response arrived'), CHECK_RESULT
        )


class Interrupted(NodeError):
    """The user stopped the command before this request was sent."""

    def __init__(self) -> None:
        super().__init__(_('Not sent: interrupted'))
