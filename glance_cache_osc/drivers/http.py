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

"""Requests to one node, and the one place where their faults get words.

The transport is python-glanceclient's ``SessionClient``: an adapter of
OpenStackClient's own keystoneauth session, beside which glanceclient reads
Glance's HTML faults. It is imported with the first request, since that takes
a noticeable time.
"""

from collections.abc import Iterator
import functools
import html
import http
import http.client
import re
import ssl
import threading
from typing import Any
from typing import TYPE_CHECKING
import urllib.parse

from keystoneauth1 import exceptions as ksa_exceptions

from glance_cache_osc import errors
from glance_cache_osc.i18n import _

if TYPE_CHECKING:
    from keystoneauth1 import session as ksa_session

#: The most of a node's own words that is passed on, in characters.
_MOST_WORDS = 300
#: What glanceclient makes of an HTML title: '404 Not Found'.
_STATUS_LINE = re.compile(r"\d{3} [A-Z][A-Za-z' -]*")
_PERMISSION = _(
    'Log in as an administrator, or have the policies of that Glance '
    '(cache_list, cache_image, cache_delete) allow it.'
)
_IS_IT_GLANCE = _('Is this the endpoint of a Glance?')


class NodeClient:
    """Requests to one node.

    :param session: OpenStackClient's session; it logs in and renews tokens.
    :param endpoint: the node's root URL, without ``/v2`` or a final slash.
    :param timeout: seconds that the node may be silent.
    """

    def __init__(
        self, session: 'ksa_session.Session', endpoint: str, timeout: float
    ) -> None:
        self.endpoint = endpoint
        self._session = session
        self._timeout = timeout
        self._lock = threading.Lock()
        self._made: Any = None

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        authenticated: bool = True,
        timeout: float | None = None,
    ) -> Any:
        """Send one request.

        :param path: below the endpoint, beginning with a slash; quoted.
        :param authenticated: whether the node is sent the token.
        :param timeout: seconds that the node may be silent once it is
            connected, if not as ever.
        :returns: the decoded JSON; None where the answer has no body.
        :raises glance_cache_osc.errors.NodeError: in any other case than a
            2xx answer. Redirects are not followed: the token is for this
            node alone.
        """
        from glanceclient import exc
        import requests

        connecting, silent = self._timeout, timeout or self._timeout
        try:
            response = self._transport().request(
                path,
                method,
                headers=dict(headers or {}),
                timeout=((connecting, silent) if timeout else connecting),
                redirect=False,
                authenticated=authenticated,
            )
            # The transport streams: this is where the body comes in.
            content = response.content
        except (
            exc.CommunicationError,
            exc.InvalidEndpoint,
            ksa_exceptions.ConnectionError,
            requests.RequestException,
        ) as error:
            raise _from_connection(error, connecting, silent) from error
        except ksa_exceptions.ClientException as error:
            raise errors.NodeError(_one_line(str(error))) from error
        if response.status_code >= 300:
            raise _from_status(response)
        try:
            return response.json() if content else None
        except ValueError as error:
            raise errors.BadReply(
                _('Its answer is not JSON'), _IS_IT_GLANCE
            ) from error

    def _transport(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = _transport_class()(
                    self._session,
                    # keystoneauth fills in %(…)s; ours is meant to the letter.
                    endpoint_override=self.endpoint.replace('%', '%%'),
                    user_agent='glance-cache-osc',
                )
            return self._made


def segment(image_id: str) -> str:
    """An image's ID in a path: it comes from a node, and may be anything.

    :raises errors.Refused: it would change the path.
    """
    if image_id in ('.', '..'):
        raise errors.Refused(_("'%s' is not the ID of an image") % image_id)
    return urllib.parse.quote(image_id, safe='')


@functools.cache
def _transport_class() -> Any:
    """One class for all nodes, made with the first request."""
    from glanceclient.common import http as glance_http

    class Transport(glance_http.SessionClient):  # type: ignore[misc]
        """glanceclient's, but for the reading of answers.

        It reads those of a Glance: of others it loses the status, or fails
        in ways of its own.
        """

        def _handle_response(self, resp: Any) -> Any:
            return resp

    return Transport


def _from_status(response: Any) -> errors.NodeError:
    """An answer with an HTTP status of 300 or more, as an error."""
    status = int(response.status_code)
    words = _glance_words(response)
    if status < 400:
        return errors.NotGlance(
            _('It answers with a redirect (HTTP %d)') % status,
            _('Give the endpoint that it redirects to.'),
        )
    if status == 401:
        return errors.Forbidden(
            _('It does not accept the token of this login'),
            _('Does it belong to the cloud that you logged in to?'),
        )
    if status == 403:
        return errors.Forbidden(words or _phrase(status), _PERMISSION)
    if status >= 500:
        return errors.ServerFault(
            _('The server failed with HTTP %d') % status
            + (f': {words}' if words else ''),
            _('Try again later; its log says more.'),
        )
    return errors.Refused(words or _phrase(status), status=status)


def _phrase(status: int) -> str:
    """An HTTP status in HTTP's own words."""
    try:
        return f'HTTP {status} {http.HTTPStatus(status).phrase}'
    except ValueError:
        return f'HTTP {status}'


def _glance_words(response: Any) -> str:
    """What Glance said, without the status line that comes before it."""
    from glanceclient import exc

    if not response.content:
        return ''
    try:
        details = exc.from_response(response, response.content).details
    except Exception:  # noqa: BLE001 - it is not made for what is no Glance
        return ''
    words = _one_line(html.unescape(str(details or '')))
    parts = [part for part in words.split(': ') if part]
    while parts and _STATUS_LINE.fullmatch(parts[0]):
        parts.pop(0)
    return ': '.join(parts)


def _from_connection(
    error: BaseException, connect_timeout: float, read_timeout: float
) -> errors.NodeError:
    """A connection that failed, by what lies at the bottom of it."""
    import requests

    chain = list(_causes(error))
    for link in chain:
        if isinstance(link, ssl.SSLCertVerificationError):
            return errors.CertificateRejected.of(link)
    if any(
        isinstance(link, (ssl.SSLError, ksa_exceptions.SSLError))
        for link in chain
    ):
        return errors.Unreachable(
            _('TLS failed: %s') % _root_words(chain),
            _('Does it speak https there?'),
        )
    # Of several packages, each of which has its own.
    if any('Timeout' in type(link).__name__ for link in chain):
        connected = not any(
            isinstance(link, requests.ConnectTimeout) for link in chain
        )
        return errors.TimedOut(
            _('No answer within %g seconds')
            % (read_timeout if connected else connect_timeout),
            _("Is the node up? '--node-timeout' sets how long to wait."),
            connected=connected,
        )
    if any(type(link) is http.client.BadStatusLine for link in chain):
        return errors.NotGlance(_('Its answer is not HTTP'), _IS_IT_GLANCE)
    return errors.Unreachable(
        _('Cannot connect: %s') % _root_words(chain),
        _('Is glance-api running there, and is this its address?'),
        down=any(isinstance(link, ConnectionRefusedError) for link in chain),
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what lies below it, down to what we were handling."""
    while error is not None and not isinstance(error, errors.CacheError):
        yield error
        error = error.__cause__ or error.__context__


def _root_words(chain: list[BaseException]) -> str:
    """The innermost words, which name the thing that failed."""
    root = chain[-1]
    if isinstance(root, OSError) and root.strerror:
        return _one_line(root.strerror)
    return _one_line(str(root)) or type(root).__name__


def _one_line(text: str) -> str:
    line = ' '.join(text.split())
    return line if len(line) <= _MOST_WORDS else f'{line[:_MOST_WORDS]}…'
