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


"""Requests to one node.

The transport is python-glanceclient's ``SessionClient``: an adapter of
OpenStackClient's own keystoneauth session, beside which glanceclient reads
Glance's HTML faults. It is imported with the first request, since that takes
a noticeable time.
"""

from collections.abc import Callable
import functools
import threading
from typing import Any
from typing import TYPE_CHECKING
import urllib.parse

from keystoneauth1 import exceptions as ksa_exceptions

from glance_cache_osc import errors
from glance_cache_osc.drivers import faults
from glance_cache_osc.drivers import retries
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import bounds
from glance_cache_osc.transport import login

if TYPE_CHECKING:
    from keystoneauth1 import session as ksa_session

#: An answer that is compressed may be a thousand times as long as it looks.
_PLAIN = {'Accept-Encoding': 'identity'}


class NodeClient:
    """Requests to one node.

    :param session: OpenStackClient's session; it logs in and renews tokens.
    :param endpoint: the node's root URL, without ``/v2`` or a final slash.
    :param timeout: seconds that the node may be silent. An answer that
        takes longer must come at a rate (see `bounds`).
    :param most: bytes that an answer may have.
    """

    def __init__(
        self,
        session: 'ksa_session.Session',
        endpoint: str,
        timeout: float,
        most: int = bounds.MOST_OF_A_NODE,
    ) -> None:
        self.endpoint = endpoint
        self._session = session
        self._timeout = timeout
        self._most = most
        self._login = login.Login(session)
        self._lock = threading.Lock()
        self._made: Any = None

    def request(  # noqa: PLR0913 - by name alone
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        authenticated: bool = True,
        timeout: float | None = None,
        parse: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Send one request; again, if the node says "later" and it may be.

        :param path: below the endpoint, beginning with a slash; quoted.
        :param authenticated: whether the node is sent the token.
        :param timeout: seconds that the node may be silent once it is
            connected, if not as ever.
        :param parse: makes what is wanted of the decoded JSON. Large answers
            are small after it, so that many of them find room.
        :returns: the decoded JSON, or what `parse` makes of it; None where
            the answer has no body.
        :raises glance_cache_osc.errors.NodeError: in any other case than a
            2xx answer. Redirects are not followed: the token is for this
            node alone.
        """
        again = retries.Retries(method, self._timeout)
        silent = timeout or self._timeout
        while True:
            exchange = bounds.Exchange(
                self._most, secret=self._login.is_in, hide=self._login.hide
            )
            with exchange.entered():
                response = self._send(
                    path,
                    silent,
                    method=method,
                    headers={**_PLAIN, **(headers or {})},
                    authenticated=authenticated,
                    hooks={'response': exchange.read},
                )
                if 200 <= response.status_code < 300:
                    return bounds.decode(response.content, parse)
            if not again.wait(response):
                raise faults.from_status(response)

    def _send(self, path: str, silent: float, **request: Any) -> Any:
        """The response to one request, whole."""
        from glanceclient import exc
        import requests
        import urllib3

        connecting = self._timeout
        try:
            return self._transport().request(
                path,
                timeout=(
                    connecting
                    if connecting == silent
                    else (connecting, silent)
                ),
                redirect=False,
                **request,
            )
        except (
            exc.CommunicationError,
            exc.InvalidEndpoint,
            ksa_exceptions.ConnectionError,
            requests.RequestException,
            # Old requests let them through.
            urllib3.exceptions.HTTPError,
        ) as error:
            found = faults.from_connection(error, connecting, silent)
            if self._login.is_in(str(found).encode()):
                raise bounds.repeats_the_token() from error
            raise found from error
        except ksa_exceptions.ClientException as error:
            raise errors.NodeError(faults.one_line(str(error))) from error
        except OSError as error:
            # A file that it needs: a CA's, or a certificate of our own.
            raise errors.NodeError(
                _('It was not asked: %s') % faults.one_line(str(error)),
                _('See --os-cacert and --os-cert, and clouds.yaml.'),
            ) from error
        except (UnicodeError, ValueError) as error:
            # Headers that make no sense to what reads them.
            raise errors.NotGlance(
                _('Its answer is not HTTP'),
                _('Is this the endpoint of a Glance?'),
            ) from error

    def _transport(self) -> Any:
        with self._lock:
            if self._made is None:
                login.guard_logs()
                self._made = _transport_class()(
                    self._session,
                    auth=self._login.plugin,
                    # keystoneauth fills in %(…)s; ours is meant to the letter.
                    endpoint_override=self.endpoint.replace('%', '%%'),
                    user_agent='glance-cache-osc',
                )
            return self._made


def segment(image_id: str) -> str:
    """An image's ID in a path: it comes from a node, and may be anything.

    :raises errors.Refused: it would change the path.
    """
    try:
        if image_id not in ('.', '..'):
            return urllib.parse.quote(image_id, safe='')
    except UnicodeEncodeError:
        pass
    raise errors.Refused(_("'%s' is not the ID of an image") % image_id)


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
