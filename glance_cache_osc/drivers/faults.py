# SPDX-License-Identifier: Apache-2.0

"""Converts HTTP responses without a 2xx status into errors.

glanceclient reads the messages in Glance's HTML pages. It is imported with
the first error response, since the import takes a noticeable time.
"""

from collections.abc import Collection
import html
from http import client
import io
import re
import urllib.parse

from glance_cache_osc import errors
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import engine
from glance_cache_osc.transport import failures

#: The number of bytes of a page that are searched for Glance's message: the
#: time of glanceclient's patterns grows with the square of a line's length.
_MAX_PAGE_SIZE = 4096
#: An HTML title in glanceclient's text: '404 Not Found'.
_STATUS_LINE = re.compile(r"\d{3} [A-Z][A-Za-z' -]*")
_REQUEST_ID = re.compile(r'req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_PERMISSION = _(
    'Log in as an administrator, or permit cache_list, cache_image and '
    'cache_delete in the API policies of the node.'
)


def from_status(
    response: engine.Response,
    endpoint: str,
    secrets: Collection[str] = (),
    *,
    authenticated: bool,
) -> errors.NodeError:
    """An error for a response with an HTTP status other than 2xx.

    The error has Glance's request ID, if the response contains one.

    :param endpoint: the root URL of the node.
    :param secrets: texts that the error must not contain.
    :param authenticated: whether the request had a token.
    """
    path = urllib.parse.urlsplit(endpoint).path
    if response.status == 401 and not authenticated:
        return errors.Forbidden(
            _('The endpoint requires a login for a request without a token'),
            _('Check the path of the endpoint, and proxies in front of it.'),
        )
    error = _from_status(response, path, secrets)
    request_id = str(response.headers.get('x-openstack-request-id'))
    if _REQUEST_ID.fullmatch(request_id):
        error.request_id = request_id
    return error


def _from_status(
    response: engine.Response, path: str, secrets: Collection[str]
) -> errors.NodeError:
    status = response.status
    if status < 200:
        return failures.not_http(changes=False)
    message = _glance_message(response, secrets)
    phrase = f'HTTP {status} {client.responses.get(status, "")}'
    if status < 400:
        return _redirect(status, path)
    if status == 401:
        return errors.Forbidden(
            _('The endpoint rejected the token of this login'),
            _('Check that it belongs to the cloud that you logged in to.'),
        )
    if status == 403:
        return errors.Forbidden(message or phrase, _PERMISSION)
    if status >= 500:
        return errors.ServerFault(
            _('The server failed with HTTP %d') % status
            + (f': {message}' if message else ''),
            _('Try again later, and check the log of the server.'),
            status=status,
        )
    return errors.Refused(message or phrase, status=status)


def _redirect(status: int, path: str) -> errors.NotGlance:
    if status == 300 and path:
        # Glance lists its versions if it does not know the path.
        return errors.NotGlance(
            _('The endpoint has a wrong path (HTTP 300)'),
            _('Remove the path from the endpoint.'),
        )
    return errors.NotGlance(
        _('The endpoint redirects to another one (HTTP %d)') % status,
        _('Use the endpoint that it redirects to.'),
    )


def _glance_message(
    response: engine.Response, secrets: Collection[str]
) -> str:
    """Glance's message, without the status line before it.

    Empty if the response contains no message, or if the message contains a
    secret.
    """
    from glanceclient import exc
    import requests

    if not response.body:
        return ''
    page = requests.Response()
    page.headers.update(response.headers)
    page.encoding = requests.utils.get_encoding_from_headers(page.headers)
    page.raw = io.BytesIO(response.body[:_MAX_PAGE_SIZE])
    try:
        error = exc.from_response(page, page.content)
    except Exception:  # noqa: BLE001 - it fails on pages of other servers
        return ''
    if error.details == type(error).__name__:
        # glanceclient's default for a page without a message.
        return ''
    text = html.unescape(str(error.details))
    if any(one in text for one in secrets):
        return ''
    text = failures.one_line(text)
    parts = [part for part in text.split(': ') if part]
    while parts and _STATUS_LINE.fullmatch(parts[0]):
        parts.pop(0)
    return ': '.join(parts)
