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


"""The login behind requests to nodes: whose fault it is, what stays secret."""

import functools
import logging
from typing import Any
from typing import TYPE_CHECKING

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import bounds

if TYPE_CHECKING:
    from keystoneauth1 import session as ksa_session

#: What stands for a token where one would be shown.
_HIDDEN = '***'
#: Shorter ones would be found in everything.
_SHORTEST_TOKEN = 8
#: Who else logs while a node is asked. A filter of a logger is not asked
#: about what its children log.
_LOGGERS = (
    'keystoneauth.session',
    'keystoneauth.session.body',
    'keystoneauth.session.request',
    'keystoneauth.session.request-id',
    'keystoneauth.session.response',
    'urllib3.connection',
    'urllib3.connectionpool',
    'urllib3.response',
    'urllib3.util.retry',
)


class Login:
    """A session's login, as the requests to one node use it.

    :param session: OpenStackClient's.
    """

    def __init__(self, session: 'ksa_session.Session') -> None:
        self.plugin = _plugin_class()(session.auth, self._remember)
        self._tokens: tuple[str, ...] = ()

    def hide(self, text: str) -> str:
        """A text without the tokens that were sent."""
        for token in self._tokens:
            text = text.replace(token, _HIDDEN)
        return text

    def is_in(self, content: bytes) -> bool:
        """Whether an answer repeats a token that was sent."""
        return any(token.encode() in content for token in self._tokens)

    def _remember(self, headers: Any) -> None:
        for value in (headers or {}).values():
            text = value.decode() if isinstance(value, bytes) else str(value)
            if len(text) >= _SHORTEST_TOKEN and text not in self._tokens:
                self._tokens = (*self._tokens, text)


@functools.cache
def _plugin_class() -> Any:
    """Made with the first use: keystoneauth1 takes time to load."""
    from keystoneauth1 import exceptions as ksa_exceptions
    from keystoneauth1 import plugin

    class Plugin(plugin.BaseAuthPlugin):
        """Another plugin, whose failures are Keystone's and not the node's.

        keystoneauth asks it for a token before a request, and once more
        when a node does not accept that one.
        """

        def __init__(self, inner: Any, remember: Any) -> None:
            super().__init__()
            self._inner = inner
            self._remember = remember

        def get_headers(self, session: Any) -> Any:
            if self._inner is None:
                raise errors.LoginFailed(_('There is no login'))
            exchange = bounds.leave()
            try:
                headers = self._inner.get_headers(session)
            except ksa_exceptions.ClientException as error:
                raise from_keystone(error) from error
            finally:
                bounds.resume(exchange)
            self._remember(headers)
            return headers

        def get_connection_params(self, session: Any, **kwargs: Any) -> Any:
            if self._inner is None:
                return {}
            return self._inner.get_connection_params(session, **kwargs)

        def get_endpoint(self, session: Any, **kwargs: Any) -> Any:
            return self._inner and self._inner.get_endpoint(session, **kwargs)

        def invalidate(self) -> bool:
            return self._inner is not None and bool(self._inner.invalidate())

    return Plugin


def from_keystone(error: Exception) -> errors.LoginFailed:
    """A login that failed, as an error."""
    from keystoneauth1 import exceptions as ksa_exceptions

    words = ' '.join(str(error).split())
    if isinstance(error, ksa_exceptions.ConnectionError):
        return errors.LoginFailed(
            _('Keystone could not be asked for a token: %s') % words,
            _('The node was not asked. Is Keystone up?'),
        )
    return errors.LoginFailed(
        _('Keystone gave no token: %s') % words,
        _('The node was not asked.'),
    )


class _Discreet(logging.Filter):
    """Keeps what a node sends from steering a terminal through a log.

    It changes what is logged while a node is asked, and nothing else.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        exchange = bounds.current()
        if exchange is None:
            return True
        if record.name.startswith('urllib3') and record.levelno > logging.INFO:
            # With a traceback, over headers that make no sense.
            return False
        text = exchange.hide(record.getMessage())
        record.msg, record.args = columns.safe_text(text), None
        record.exc_info = None
        return True


@functools.cache
def guard_logs() -> None:
    """From now on, logs are safe to be looked at."""
    careful = _Discreet()
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(careful)
