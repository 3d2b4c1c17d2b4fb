# SPDX-License-Identifier: Apache-2.0

"""Faults of nodes."""

from __future__ import annotations

from enum import StrEnum
from random import Random

from tests.simulated import payloads
from tests.simulated.wire import Answer
from tests.simulated.wire import HTML
from tests.simulated.wire import json_response
from tests.simulated.wire import Request
from tests.simulated.wire import response

_ACTIONS = {
    'GET': 'cache_list',
    'PUT': 'cache_image',
    'DELETE': 'cache_delete',
}
# The same bytes in each run; the first is not valid in HTTP.
_GARBAGE = b'\xff' + Random(2_18).randbytes(511)  # noqa: S311 - no secret
#: The round trip in seconds to a node with the fault SLOW.
SLOW_SECONDS = 0.3


class Fault(StrEnum):
    """A fault of a node, by its name at the control endpoint."""

    #: The node refuses connections.
    REFUSED = 'refused'
    #: The node accepts connections and sends no response.
    SILENT = 'silent'
    #: The node does not accept connections: its backlog is full.
    BACKLOG = 'backlog'
    #: The node, or a proxy in front of it, responds with 503.
    UNAVAILABLE = 'unavailable'
    #: The node responds with bytes that are not HTTP.
    GARBAGE = 'garbage'
    #: The cache of the node is disabled.
    CACHING_OFF = 'caching-off'
    #: The user is not permitted to read the cache.
    FORBIDDEN = 'forbidden'
    #: The node rejects a valid token.
    UNAUTHORIZED = 'unauthorized'
    #: The node makes each change, and closes the connection, which it has kept
    #: open after earlier requests, without a response.
    LOSES_ANSWERS = 'loses-answers'
    #: The endpoint is another web server.
    NOT_GLANCE = 'not-glance'
    #: Its responses are JSON of the wrong shape.
    MALFORMED = 'malformed'
    #: Its responses are correct and take `SLOW_SECONDS`.
    SLOW = 'slow'
    #: It restarts: nothing listens, and its queue is empty afterwards.
    RESTARTING = 'restarting'


def faulty_answer(fault: Fault, request: Request) -> Answer:
    """The response of a node with a fault.

    :param fault: a fault that affects the response to each request
    """
    if fault is Fault.UNAVAILABLE:
        return failure('503 Service Unavailable', payloads.UNAVAILABLE)
    if fault is Fault.GARBAGE:
        return _GARBAGE
    if fault is Fault.NOT_GLANCE:
        return response('404 Not Found', payloads.NGINX, HTML)
    if fault is Fault.MALFORMED:
        return json_response({'cached_images': 'none', 'versions': 2})
    return None


def forbidden(request: Request) -> bytes:
    """The response of Glance to a user without permission."""
    action = _ACTIONS.get(
        request.method, 'cache_' + request.path.rpartition('/')[2]
    )
    return failure(
        '403 Forbidden', f'You are not authorized to complete {action} action.'
    )


def failure(status: str, words: str, headers: str = '') -> bytes:
    """A response with Glance's page for an error."""
    return response(status, payloads.fault(status, words), HTML, headers)
