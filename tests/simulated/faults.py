# SPDX-License-Identifier: Apache-2.0

"""What can be wrong with a node."""

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
# The same bytes every time; the first is none of HTTP's.
_GARBAGE = b'\xff' + Random(2_18).randbytes(511)  # noqa: S311 - no secret
#: The round trip in seconds to a node with the fault SLOW.
SLOW_SECONDS = 0.3


class Fault(StrEnum):
    """What is wrong with a node, as the control endpoint spells it."""

    #: Nothing listens.
    REFUSED = 'refused'
    #: A connection is accepted, and nothing is ever answered.
    SILENT = 'silent'
    #: No connection comes about: its backlog is full.
    BACKLOG = 'backlog'
    #: A proxy before it, or it itself, answers 503.
    UNAVAILABLE = 'unavailable'
    #: It answers with bytes that are no HTTP.
    GARBAGE = 'garbage'
    #: It is a Glance without a cache.
    CACHING_OFF = 'caching-off'
    #: It does not let this user look at its cache.
    FORBIDDEN = 'forbidden'
    #: It is some web server.
    NOT_GLANCE = 'not-glance'
    #: Its responses are JSON of the wrong shape.
    MALFORMED = 'malformed'
    #: Its responses are correct and take `SLOW_SECONDS`.
    SLOW = 'slow'
    #: It restarts: nothing listens, and its queue is empty afterwards.
    RESTARTING = 'restarting'


def faulty_answer(fault: Fault, request: Request) -> Answer:
    """What a node with a fault answers instead of what it should.

    :param fault: one that a node shows in its answers, whatever is asked
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
    """What Glance answers to a user who may not."""
    action = _ACTIONS.get(
        request.method, 'cache_' + request.path.rpartition('/')[2]
    )
    return failure(
        '403 Forbidden', f'You are not authorized to complete {action} action.'
    )


def failure(status: str, words: str, headers: str = '') -> bytes:
    """A response that is Glance's page for an error."""
    return response(status, payloads.fault(status, words), HTML, headers)
