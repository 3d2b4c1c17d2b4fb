# SPDX-License-Identifier: Apache-2.0

"""The login that all nodes of a cloud share: one token, renewed once.

keystoneauth logs in. Its calls block, so they run on a thread.
"""

import asyncio
from collections.abc import Mapping
import datetime
import logging
import math
import re
import shlex
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import plugin as ksa_plugin
from keystoneauth1 import session as ksa_session

from glance_cache_osc import errors
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import threads

_LOG = logging.getLogger(__name__)
#: The token is renewed this many seconds before it expires, or after half of
#: its life if that is later.
_RENEW_BEFORE = 30.0
#: The least length of a token that is treated as a secret. A Glance service
#: without Keystone accepts any token, even a common word.
_MIN_SECRET = 8
#: Keystone's headers for the token of a request, and for a token to validate.
_AUTH_HEADER = 'X-Auth-Token'
_SUBJECT_HEADER = 'X-Subject-Token'
_REQUEST_ID = re.compile(r' \(Request-ID: [^)]*\)')

Headers = Mapping[str, str]
#: The headers with a token, and keystoneauth's `AccessInfo` or None.
_Token = tuple[Headers | None, Any]


class Login:
    """A session's login, which the requests to all nodes share.

    :param session: OpenStackClient's session.
    :param timeout: seconds that Keystone may take.
    :param cloud: the name of the cloud in errors; empty if the login is that
        of the command.
    :ivar cloud: the same name.
    :ivar secrets: the last two tokens of this login; no output may contain
        them.
    """

    def __init__(
        self, session: ksa_session.Session, timeout: float, cloud: str = ''
    ) -> None:
        self.secrets: set[str] = set()
        self.cloud = cloud
        self._session = session
        self._timeout = timeout
        self._headers: Headers | None = None
        self._access: Any = None
        #: In seconds since 1970; infinite if the token does not expire. Both
        #: are set together with the headers.
        self._expires_at: float
        self._renew_at: float
        if access := getattr(session.auth, 'auth_ref', None):
            # OpenStackClient has logged in already.
            self._keep({_AUTH_HEADER: access.auth_token}, access)
        #: When Keystone last issued the token or confirmed that it is valid,
        #: by the loop's clock. A node's 2xx response proves nothing: nodes
        #: cache the validity of tokens for minutes.
        self._valid_at = -math.inf
        #: Set when Keystone has rejected the user. There is no further
        #: attempt: it could lock the user's account.
        self._rejection: errors.LoginRejected | None = None
        #: The request to Keystone in progress, shared by all callers. Its
        #: result is the error, or None.
        self._renewal: asyncio.Task[Exception | None] | None = None
        #: The thread's result, which may arrive after the timeout.
        self._fetched: asyncio.Future[_Token] | None = None

    async def headers(self) -> Headers:
        """The headers that carry the token.

        A token that is about to expire is renewed in the background, while
        requests still use it.

        :raises errors.LoginFailed: there is no token.
        """
        if self._headers is None or self._expires_at <= _now():
            await self._renew(None)
        elif self._renew_at <= _now() and not (
            self._renewal or self._rejection
        ):
            self._plan_renewal()
            self._start_renewal(None)
        if self._headers is None:
            raise errors.LoginFailed(_('Not logged in'))
        return self._headers

    async def access(self) -> Any:
        """The token's roles and service catalogue.

        :returns: keystoneauth's `AccessInfo`; None if the login does not
            use Keystone.
        :raises errors.LoginFailed: there is no token.
        """
        await self.headers()
        return self._access

    async def refused(self, headers: Headers, sent: float) -> Headers | None:
        """Find out why a node rejected a token, and renew it if necessary.

        Check with Keystone whether the token is valid, unless Keystone has
        confirmed it since the request was sent. If the token is not valid,
        renew it once for all nodes.

        :param headers: the headers of the request.
        :param sent: the time at which the request was sent, by the loop's
            clock.
        :returns: other headers to retry with; None if the token is valid, or
            Keystone issued the same token again.
        :raises errors.LoginFailed: Keystone did not respond, or rejected the
            user.
        """
        if headers is self._headers and self._valid_at < sent:
            try:
                await self._renew(headers)
            except errors.LoginFailed as error:
                cls = type(error)
                failure = cls(
                    _('The token was rejected and cannot be renewed: %s')
                    % error.why,
                    _('Check that Keystone is up.')
                    if cls is errors.KeystoneUnavailable
                    else _check_login(self.cloud),
                )
                failure.cloud = error.cloud
                raise failure from error
        return None if headers is self._headers else self._headers

    async def _renew(self, rejected: Headers | None) -> None:
        """Get a token from Keystone, together with concurrent callers.

        :param rejected: see `_fetch`.
        :raises errors.LoginFailed: Keystone did not issue a token, or not
            within the timeout.
        """
        error: Exception | None = self._rejection
        if not error:
            renewal = self._renewal or self._start_renewal(rejected)
            error = await asyncio.shield(renewal)
        if isinstance(error, errors.LoginFailed):
            error.cloud = self.cloud
        if error:
            raise error.with_traceback(None)

    def _start_renewal(
        self, rejected: Headers | None
    ) -> asyncio.Task[Exception | None]:
        self._renewal = asyncio.ensure_future(self._perform(rejected))
        return self._renewal

    async def _perform(self, rejected: Headers | None) -> Exception | None:
        """Get a token from Keystone within the timeout.

        :returns: the error, or None.
        """
        if self._fetched is None or self._fetched.done():
            self._fetched = threads.start(lambda: self._fetch(rejected))
        try:
            # `shield` would log an exception after the timeout, from Python
            # 3.14 on.
            await asyncio.wait([self._fetched], timeout=self._timeout)
            if not self._fetched.done():
                return errors.KeystoneUnavailable(
                    _('Keystone did not issue a token within %g seconds')
                    % self._timeout,
                    _(
                        'No request was sent to the node. Check that Keystone '
                        'is up.'
                    ),
                )
            headers, access = self._fetched.result()
        except (ksa_exceptions.ClientException, OSError) as error:
            # OSError: a certificate file cannot be read.
            failure = from_keystone(error, self.cloud)
            if isinstance(failure, errors.LoginRejected):
                self._rejection = failure
            return failure
        except Exception as error:  # noqa: BLE001 - such as a missing password
            return from_keystone(error, self.cloud)
        finally:
            self._renewal = None
        self._keep(headers, access)
        self._valid_at = asyncio.get_running_loop().time()
        return None

    def _keep(self, headers: Headers | None, access: Any) -> None:
        self._access = access
        self._expires_at = access.expires.timestamp() if access else math.inf
        self._plan_renewal()
        if headers == self._headers:
            return  # Keep the object: callers compare headers by identity.
        # The responses to requests with the previous token are not all there.
        values = [*(self._headers or {}).values(), *(headers or {}).values()]
        self.secrets.clear()  # Requests hold this object.
        self.secrets |= {one for one in values if len(one) >= _MIN_SECRET}
        self._headers = headers

    def _plan_renewal(self) -> None:
        """Set the time of the next renewal, or of the next attempt at it."""
        now = _now()
        halfway = now + (self._expires_at - now) / 2
        self._renew_at = max(self._expires_at - _RENEW_BEFORE, halfway)

    def _fetch(self, rejected: Headers | None) -> _Token:
        """Get a token from Keystone; runs on a thread.

        :param rejected: headers that a node rejected, and that are returned
            if Keystone accepts their token; None to get a token in any case.
        """
        # Some logins have no token, and so nothing that Keystone can check.
        if token := (rejected or {}).get(_AUTH_HEADER):
            if self._is_valid(token):
                return rejected, self._access
            self._session.invalidate()
        headers = self._session.get_auth_headers()
        get_access = getattr(self._session.auth, 'get_access', None)
        return headers, get_access(self._session) if get_access else None

    def _is_valid(self, token: str) -> bool:
        """Whether Keystone accepts a token.

        The token counts as valid unless Keystone responds with 401 or 404.
        """
        try:
            response = self._session.get(
                '/auth/tokens',
                endpoint_filter={
                    'interface': ksa_plugin.AUTH_INTERFACE,
                    'version': (3, 0),
                },
                headers={_AUTH_HEADER: token, _SUBJECT_HEADER: token},
                authenticated=False,
                raise_exc=False,
                timeout=self._timeout,
            )
        except ksa_exceptions.EndpointNotFound:
            return True  # Not a login with Keystone.
        return response.status_code not in (401, 404)


def _now() -> float:
    return datetime.datetime.now(datetime.UTC).timestamp()


def _check_login(cloud: str) -> str:
    """The remedy for a login that Keystone does not accept."""
    option = f' --os-cloud {shlex.quote(cloud)}' if cloud else ''
    return _("Check the login with 'openstack%s token issue'.") % option


def from_keystone(error: Exception, cloud: str) -> errors.LoginFailed:
    """An error for a login that failed.

    :param error: keystoneauth's exception, or an OSError.
    :param cloud: the name of the cloud; empty if the login is that of the
        command.
    """
    # Equal failures of several attempts are reported once, so without the
    # request ID of one attempt.
    text = _REQUEST_ID.sub('', ' '.join(str(error).split()))
    if isinstance(error, ksa_exceptions.ConnectionError):
        return errors.KeystoneUnavailable(
            _('Cannot get a token from Keystone: %s') % text,
            _('No request was sent to the node. Check that Keystone is up.'),
        )
    cls = errors.LoginRejected if _is_rejection(error) else errors.LoginFailed
    return cls(
        _('Keystone did not issue a token: %s') % text,
        f'{_("No request was sent to the node.")} {_check_login(cloud)}',
    )


def _is_rejection(error: Exception) -> bool:
    """Whether Keystone rejected the user, so that a retry is of no use.

    Keystone responds to a login with an invalid token with 404. An error of
    Keystone is JSON; that of a proxy is not.
    """
    if not isinstance(error, ksa_exceptions.NotFound):
        return isinstance(error, ksa_exceptions.Unauthorized)
    if error.response is None:
        return False
    kind = error.response.headers.get('Content-Type', '')
    return kind.startswith('application/json')
