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


"""What a node answers instead of what it should, in a person's words.

glanceclient reads Glance's HTML faults; it is imported with the first of
them, since that takes a noticeable time.
"""

from collections.abc import Iterator
import html
import http
import http.client
import io
import re
import ssl
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions

from glance_cache_osc import errors
from glance_cache_osc.i18n import _

#: The most of a node's own words that is passed on, in characters, and the
#: most of a page that is read for them: glanceclient's patterns take time
#: that grows with the square of a line's length.
_MOST_WORDS = 300
_MOST_READ = 4096
#: What glanceclient makes of an HTML title: '404 Not Found'.
_STATUS_LINE = re.compile(r"\d{3} [A-Z][A-Za-z' -]*")
_PERMISSION = _(
    'Log in as an administrator, or have the policies of that Glance '
    '(cache_list, cache_image, cache_delete) allow it.'
)
_IS_IT_GLANCE = _('Is this the endpoint of a Glance?')


def from_status(response: Any) -> errors.NodeError:
    """An answer with an HTTP status other than 2xx, as an error.

    :param response: requests', whole.
    """
    status = int(response.status_code)
    if status < 200:
        return errors.NotGlance(
            _('It answers with HTTP %d, and nothing after it') % status,
            _IS_IT_GLANCE,
        )
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
    page = _beginning(response)
    try:
        found = exc.from_response(page, page.content)
    except Exception:  # noqa: BLE001 - it is not made for what is no Glance
        return ''
    if found.details == type(found).__name__:
        # Where there are no words, it has those of its own.
        return ''
    words = one_line(html.unescape(str(found.details)))
    parts = [part for part in words.split(': ') if part]
    while parts and _STATUS_LINE.fullmatch(parts[0]):
        parts.pop(0)
    return ': '.join(parts)


def _beginning(response: Any) -> Any:
    """A response with no more of its page than is worth reading."""
    import requests

    page = requests.Response()
    page.headers = response.headers
    page.encoding = response.encoding
    page.raw = io.BytesIO(response.content[:_MOST_READ])
    return page


def from_connection(
    error: BaseException, connect_timeout: float, read_timeout: float
) -> errors.NodeError:
    """A connection that failed, by what lies at the bottom of it."""
    import requests
    import urllib3

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
    if any(_is_nonsense(link) for link in chain):
        return errors.NotGlance(_('Its answer is not HTTP'), _IS_IT_GLANCE)
    if any(
        isinstance(link, urllib3.exceptions.ProtocolError) for link in chain
    ):
        return errors.Unreachable(
            _('The connection broke: %s') % _root_words(chain),
            _('It may have done what it was asked: look, and ask again.'),
            connected=True,
        )
    return errors.Unreachable(
        _('Cannot connect: %s') % _root_words(chain),
        _('Is glance-api running there, and is this its address?'),
        down=any(isinstance(link, ConnectionRefusedError) for link in chain),
    )


def _is_nonsense(link: BaseException) -> bool:
    """Whether an error is over bytes that are not those of HTTP."""
    import requests
    import urllib3

    if isinstance(link, urllib3.exceptions.InvalidHeader):
        return True
    if isinstance(link, requests.RequestException):
        return False
    return isinstance(link, (ValueError, http.client.LineTooLong)) or type(
        link
    ) in (http.client.BadStatusLine, http.client.HTTPException)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what lies below it, down to what we were handling."""
    while error is not None and not isinstance(error, errors.CacheError):
        yield error
        error = error.__cause__ or error.__context__


def _root_words(chain: list[BaseException]) -> str:
    """The innermost words, which name the thing that failed."""
    root = chain[-1]
    if isinstance(root, OSError) and root.strerror:
        return one_line(root.strerror)
    return one_line(str(root)) or type(root).__name__


def one_line(text: str) -> str:
    """Words as they fit in a line."""
    line = ' '.join(text.split())
    return line if len(line) <= _MOST_WORDS else f'{line[:_MOST_WORDS]}…'
