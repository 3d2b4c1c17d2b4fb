# SPDX-License-Identifier: Apache-2.0

"""What a node answers instead of what it should, in a person's words.

glanceclient reads Glance's HTML faults; it is imported with the first of
them, since that takes a noticeable time.
"""

import html
from http import client
import io
import re

from glance_cache_osc import errors
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import engine
from glance_cache_osc.transport import failures

#: Bytes of a page that are read for Glance's words: glanceclient's patterns
#: take time that grows with the square of a line's length.
_MOST_READ = 4096
#: What glanceclient makes of an HTML title: '404 Not Found'.
_STATUS_LINE = re.compile(r"\d{3} [A-Z][A-Za-z' -]*")
_REQUEST_ID = re.compile(r'req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_PERMISSION = _(
    'Log in as an administrator, or allow cache_list, cache_image and '
    'cache_delete in the policies of that node.'
)


def from_status(response: engine.Response) -> errors.NodeError:
    """An answer with an HTTP status other than 2xx, as an error."""
    error = _from_status(response)
    given = response.headers.get('x-openstack-request-id', '')
    if _REQUEST_ID.fullmatch(given):
        error.request_id = given
    return error


def _from_status(response: engine.Response) -> errors.NodeError:
    status = response.status
    if status < 200:
        return failures.not_http()
    words = _glance_words(response)
    phrase = f'HTTP {status} {client.responses.get(status, "")}'.rstrip()
    if status < 400:
        return errors.NotGlance(
            _('The endpoint redirects to another one (HTTP %d)') % status,
            _('Use the endpoint that it redirects to.'),
        )
    if status == 401:
        return errors.Forbidden(
            _('The endpoint rejected the token of this login'),
            _('Check that it belongs to the cloud that you logged in to.'),
        )
    if status == 403:
        return errors.Forbidden(words or phrase, _PERMISSION)
    if status >= 500:
        return errors.ServerFault(
            _('The server failed with HTTP %d') % status
            + (f': {words}' if words else ''),
            _('Try again later, and check the log of the server.'),
        )
    return errors.Refused(words or phrase, status=status)


def _glance_words(response: engine.Response) -> str:
    """What Glance said, without the status line that comes before it."""
    from glanceclient import exc
    import requests

    if not response.body:
        return ''
    page = requests.Response()
    page.headers.update(response.headers)
    page.encoding = requests.utils.get_encoding_from_headers(page.headers)
    page.raw = io.BytesIO(response.body[:_MOST_READ])
    try:
        found = exc.from_response(page, page.content)
    except Exception:  # noqa: BLE001 - it is not made for what is no Glance
        return ''
    if found.details == type(found).__name__:
        # Where there are no words, it has those of its own.
        return ''
    words = failures.one_line(html.unescape(str(found.details)))
    parts = [part for part in words.split(': ') if part]
    while parts and _STATUS_LINE.fullmatch(parts[0]):
        parts.pop(0)
    return ': '.join(parts)
