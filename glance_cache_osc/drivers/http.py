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
OpenStackClient's own keystoneauth session that turns Glance's HTML faults
into typed errors. It is imported with the first request, since that takes
a noticeable time.
"""

import functools
import html
import re
import threading
from typing import Any
from typing import TYPE_CHECKING

from keystoneauth1 import exceptions as ksa_exceptions

from glance_cache_osc import errors
from glance_cache_osc.i18n import _

if TYPE_CHECKING:
    from glanceclient.common import http
    from keystoneauth1 import session as ksa_session

#: The most of a node's own words that is passed on, in characters.
_MOST_WORDS = 300
#: What the transport makes of an HTML title: '404 Not Found'.
_STATUS_LINE = re.compile(r'\d{3} [A-Z][A-Za-z ]*')
_PERMISSION = _(
    'Log in as an administrator, or have the policies of that Glance '
    '(cache_list, cache_image, cache_delete) allow it.'
)


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
        self._making = threading.Lock()

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        authenticated: bool = True,
    ) -> Any:
        """Send one request.

        :param path: below the endpoint, beginning with a slash.
        :param authenticated: whether the node is sent the token.
        :returns: the decoded JSON; None where there is none.
        :raises glance_cache_osc.errors.NodeError: in any other case than a
            2xx answer. Redirects are not followed: the token is for this
            node alone.
        """
        from glanceclient import exc

        try:
            response, body = self._client.request(
                path,
                method,
                headers=dict(headers or {}),
                timeout=self._timeout,
                redirect=False,
                authenticated=authenticated,
            )
        except exc.HTTPException as error:
            raise _from_status(error) from error
        except (exc.CommunicationError, exc.InvalidEndpoint) as error:
            raise _from_connection(error, self._timeout) from error
        except ksa_exceptions.ConnectionError as error:
            raise _from_connection(error, self._timeout) from error
        except ksa_exceptions.ClientException as error:
            raise errors.NodeError(_one_line(str(error))) from error
        except KeyError as error:
            # The transport looks for the one header that it needs.
            raise _no_sense(_('it has no %s') % error.args[0]) from error
        except (ValueError, TypeError, AttributeError) as error:
            # The transport trips over a body that is not what it seems.
            raise _no_sense(_one_line(str(error))) from error
        if response.status_code >= 300:
            raise errors.NotGlance(
                _('It answers with a redirect (HTTP %d)')
                % response.status_code,
                _('Give the endpoint that it redirects to.'),
            )
        return body

    @functools.cached_property
    def _client(self) -> 'http.SessionClient':
        with self._making:
            from glanceclient.common import http

            return http.SessionClient(
                self._session,
                # keystoneauth fills in %(…)s; ours is meant as it stands.
                endpoint_override=self.endpoint.replace('%', '%%'),
                user_agent='glance-cache-osc',
            )


def _no_sense(why: str) -> errors.BadReply:
    return errors.BadReply(
        _('Its answer makes no sense (%s)') % why,
        _('Is this the endpoint of a Glance?'),
    )


def _from_status(error: Any) -> errors.NodeError:
    """Glance's answer with an HTTP status of 300 or more."""
    status = int(error.code)
    words = _glance_words(error)
    if status == 401:
        return errors.Forbidden(
            _('It does not accept the token of this login'),
            _('Does it belong to the cloud that you logged in to?'),
        )
    if status == 403:
        return errors.Forbidden(words or _('HTTP 403'), _PERMISSION)
    if status >= 500:
        return errors.ServerFault(
            _('The server failed with HTTP %d') % status
            + (f': {words}' if words else ''),
            _('Try again later; its log says more.'),
        )
    return errors.Refused(words or _('HTTP %d') % status, status=status)


def _glance_words(error: Any) -> str:
    """What Glance said, without the status line that comes before it."""
    words = _one_line(html.unescape(str(error.details or '')))
    parts = [part for part in words.split(': ') if part]
    while parts and _STATUS_LINE.fullmatch(parts[0]):
        parts.pop(0)
    return ': '.join(parts)


def _from_connection(error: BaseException, timeout: float) -> errors.NodeError:
    """A connection that failed, by what lies at the bottom of it."""
    chain = list(_causes(error))
    if any(isinstance(link, ksa_exceptions.SSLError) for link in chain):
        return errors.CertificateRejected(
            _('Its TLS certificate does not verify: %s') % _root_words(chain),
            _("Name its CA with '--os-cacert' or 'cacert' in clouds.yaml."),
        )
    if any(isinstance(link, ksa_exceptions.ConnectTimeout) for link in chain):
        return errors.TimedOut(
            _('No answer within %g seconds') % timeout,
            _("Is the node up? '--node-timeout' sets how long to wait."),
        )
    return errors.Unreachable(
        _('Cannot connect: %s') % _root_words(chain),
        _('Is glance-api running there, and is this its address?'),
    )


def _causes(error: BaseException | None) -> Any:
    while error is not None:
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
