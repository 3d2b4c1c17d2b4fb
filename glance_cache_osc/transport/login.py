# SPDX-License-Identifier: Apache-2.0

"""The login that all nodes of a cloud share: one token, renewed once.

keystoneauth does the login. It blocks, so that it is called on a thread.
"""

import asyncio
from collections.abc import Mapping
import contextlib
import datetime
import logging
import math
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import plugin as ksa_plugin
from keystoneauth1 import session as ksa_session

from glance_cache_osc import errors
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import threads

_LOG = logging.getLogger(__name__)
#: Seconds before its end that a token is renewed.
_RENEW_BEFORE = 30.0
#: Characters of a token that can be told from other words: a Glance without
#: Keystone takes any.
_MIN_SECRET = 8

Headers = Mapping[str, str]
#: What Keystone gave: the headers, and what it says of the token.
_Answer = tuple[Headers | None, Any]


class Login:
    """A session's login, as the requests to all nodes use it.

    :param session: OpenStackClient's.
    :param timeout: seconds that Keystone may take.
    :ivar secrets: all tokens that it had: nothing may show them.
    """

    def __init__(self, session: ksa_session.Session, timeout: float) -> None:
        self.secrets: set[str] = set()
        self._session = session
        self._timeout = timeout
        self._headers: Headers | None = None
        self._access: Any = None
        if access := getattr(session.auth, 'auth_ref', None):
            # OpenStackClient has logged in already.
            self._keep({'X-Auth-Token': access.auth_token}, access)
        #: The token was good at this time, by the loop's clock.
        self._good_at = -math.inf
        #: Keystone does not accept the user: asking again may lock it.
        self._rejected: errors.LoginFailed | None = None
        #: A call of Keystone, for which many may wait; returns what failed.
        self._call: asyncio.Task[Exception | None] | None = None
        #: Of a thread, which may take longer than anybody waits for it.
        self._answer: asyncio.Future[_Answer] | None = None

    async def headers(self) -> Headers:
        """The headers that carry the token.

        A token that is about to expire is renewed beside the requests that
        still use it.

        :raises errors.LoginFailed: there is no token.
        """
        left = math.inf
        if self._access:
            left = self._access.expires.timestamp() - _now()
        if self._headers is None or left <= 0:
            await self._ask(None)
        elif left < _RENEW_BEFORE and not self._call:
            self._start(None)
        if self._headers is None:
            raise errors.LoginFailed(_('Not logged in'))
        return self._headers

    async def access(self) -> Any:
        """What Keystone says of the token: roles and service catalogue.

        :returns: keystoneauth's `AccessInfo`; None if the login is without
            Keystone.
        :raises errors.LoginFailed: there is no token.
        """
        await self.headers()
        return self._access

    def accepted(self, sent: float) -> None:
        """A node accepted the token.

        :param sent: when that request was sent, by the loop's clock.
        """
        self._good_at = max(self._good_at, sent)

    async def refused(self, headers: Headers, sent: float) -> Headers | None:
        """A node did not accept a token. Is that the token's fault?

        If nobody has accepted it since, Keystone is asked whether it is
        valid. Only if it is not, it is renewed, for all nodes together.

        :param headers: those that the node was sent.
        :param sent: when, by the loop's clock.
        :returns: other headers to try, or None if it is the node's fault.
        """
        if headers is self._headers and self._good_at < sent:
            with contextlib.suppress(errors.LoginFailed):
                await self._ask(headers)
        return None if headers is self._headers else self._headers

    async def _ask(self, doubted: Headers | None) -> None:
        """Ask Keystone, or wait for the answer that others wait for.

        :raises errors.LoginFailed: it gave none, or not in time.
        """
        if self._rejected:
            raise self._rejected
        call = self._call or self._start(doubted)
        if error := await asyncio.shield(call):
            raise error

    def _start(
        self, doubted: Headers | None
    ) -> asyncio.Task[Exception | None]:
        self._call = asyncio.ensure_future(self._perform(doubted))
        return self._call

    async def _perform(self, doubted: Headers | None) -> Exception | None:
        began = asyncio.get_running_loop().time()
        if self._answer is None or self._answer.done():
            self._answer = threads.start(lambda: self._fetch(doubted))
        try:
            async with asyncio.timeout(self._timeout):
                headers, access = await asyncio.shield(self._answer)
        except TimeoutError:
            return errors.LoginFailed(
                _('Keystone did not issue a token within %g seconds')
                % self._timeout,
                _(
                    'No request was sent to the node. Check that Keystone is '
                    'up.'
                ),
            )
        except (ksa_exceptions.ClientException, OSError) as error:
            # OSError: a file of certificates that cannot be read.
            failed = from_keystone(error)
            if isinstance(error, ksa_exceptions.Unauthorized):
                self._rejected = failed
            return failed
        except Exception as error:  # noqa: BLE001 - raised to all who wait
            return error
        finally:
            self._call = None
        self._keep(headers, access)
        self._good_at = max(self._good_at, began)
        return None

    def _keep(self, headers: Headers | None, access: Any) -> None:
        self._access = access
        if headers == self._headers:
            return  # Who compares them must find the same ones.
        self._headers = headers
        values = (headers or {}).values()
        self.secrets |= {one for one in values if len(one) >= _MIN_SECRET}

    def _fetch(self, doubted: Headers | None) -> _Answer:
        """What Keystone gives; on a thread.

        :param doubted: headers that some node did not accept.
        """
        if doubted:
            if self._is_valid(doubted):
                return doubted, self._access
            self._session.invalidate()
        headers = self._session.get_auth_headers()
        get_access = getattr(self._session.auth, 'get_access', None)
        return headers, get_access(self._session) if get_access else None

    def _is_valid(self, headers: Headers) -> bool:
        """Whether Keystone accepts a token; yes, if it does not say."""
        token = headers.get('X-Auth-Token')
        if token is None:
            return True
        answer = self._session.get(
            '/auth/tokens',
            endpoint_filter={
                'interface': ksa_plugin.AUTH_INTERFACE,
                'version': (3, 0),
            },
            headers={'X-Auth-Token': token, 'X-Subject-Token': token},
            authenticated=False,
            raise_exc=False,
            timeout=self._timeout,
        )
        return answer.status_code not in (401, 404)


def _now() -> float:
    return datetime.datetime.now(datetime.UTC).timestamp()


def from_keystone(error: Exception) -> errors.LoginFailed:
    """A login that failed, as an error."""
    words = ' '.join(str(error).split())
    if isinstance(error, ksa_exceptions.ConnectionError):
        return errors.LoginFailed(
            _('Cannot get a token from Keystone: %s') % words,
            _('No request was sent to the node. Check that Keystone is up.'),
        )
    return errors.LoginFailed(
        _('Keystone did not issue a token: %s') % words,
        _('No request was sent to the node.'),
    )
