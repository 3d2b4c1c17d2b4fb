# SPDX-License-Identifier: Apache-2.0

"""Retries of requests that an overloaded node has not processed.

Also, what is known after a failed request.
"""

from collections.abc import Awaitable
from collections.abc import Callable
import dataclasses
import datetime
import email.utils
import random
import time

from glance_cache_osc import errors
from glance_cache_osc.transport import engine

#: Statuses of requests that were not processed: Too Many Requests and Service
#: Unavailable.
_RETRY_STATUSES = frozenset({429, 503})
#: Idempotent methods: a repeated request has the same effect as one.
_IDEMPOTENT = frozenset({'GET', 'PUT', 'DELETE'})
#: The number of retries, and the seconds before the first of them; the pause
#: before each further retry is twice as long.
MOST_RETRIES = 3
FIRST_PAUSE = 0.5


def is_transient(error: errors.CacheError) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, errors.Refused):
        return error.status in _RETRY_STATUSES
    # A failed login is not a fault of the node.
    return isinstance(
        error,
        errors.Unreachable
        | errors.ServerFault
        | errors.LoginFailed
        | errors.Interrupted,
    )


def may_have_succeeded(error: errors.CacheError) -> bool:
    """Whether the node may have done what a failed request asked for."""
    if isinstance(error, errors.Unreachable):
        return error.connected
    return isinstance(
        error, errors.ServerFault | errors.BadReply | errors.Unconfirmed
    )


@dataclasses.dataclass
class Retries:
    """Decides whether and when one request is retried.

    All pauses together are shorter than the node's timeout: an overloaded
    node delays a command no longer than a node that does not respond.

    :param method: the method of the request.
    :param timeout: the node's timeout, in seconds.
    :param pause: waits for a number of seconds; returns False if no further
        request may start.
    :param jitter: returns a random number from 0 to 1, so that not all
        clients retry at the same time.
    :param now: returns the time in seconds since 1970, since
        ``Retry-After`` may contain a date.
    """

    method: str
    timeout: float
    pause: Callable[[float], Awaitable[bool]]
    jitter: Callable[[], float] = random.random
    now: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self._left = MOST_RETRIES if self.method in _IDEMPOTENT else 0
        self._seconds_left = self.timeout

    async def wait(self, response: engine.Response) -> bool:
        """Wait if the request should be retried.

        :param response: the response to the request.
        :returns: whether to retry the request now.
        """
        if response.status not in _RETRY_STATUSES or not self._left:
            return False
        backoff = FIRST_PAUSE * 2 ** (MOST_RETRIES - self._left)
        backoff *= (1 + self.jitter()) / 2
        delay = self._parse_delay(response.headers.get('retry-after', ''))
        seconds = max(backoff, delay)
        if seconds >= self._seconds_left:
            return False
        self._left -= 1
        self._seconds_left -= seconds
        return await self.pause(seconds)

    def _parse_delay(self, text: str) -> float:
        """The seconds of a ``Retry-After`` header.

        :param text: a number of seconds or an HTTP date.
        :returns: 0 if the text is neither.
        """
        try:
            if text.strip().isdigit():
                return float(text)
            date = email.utils.parsedate_to_datetime(text)
            date = date.replace(tzinfo=date.tzinfo or datetime.UTC)
            return date.timestamp() - self.now()
        except (TypeError, ValueError, IndexError, OverflowError, OSError):
            return 0
