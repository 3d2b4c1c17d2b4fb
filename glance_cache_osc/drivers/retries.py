# SPDX-License-Identifier: Apache-2.0

"""Asking again, where a node says "later"."""

from collections.abc import Awaitable
from collections.abc import Callable
import dataclasses
import email.utils
import random
import time

from glance_cache_osc.transport import engine

#: Answers that mean that nothing was done yet: too many requests, and nobody
#: to do it.
_LATER = frozenset({429, 503})
#: Requests that come to the same, however often they are sent.
_REPEATABLE = frozenset({'GET', 'PUT', 'DELETE'})
#: How often one is sent again, and seconds before the first of those; each
#: further one waits twice as long.
MOST_RETRIES = 3
FIRST_PAUSE = 0.5


@dataclasses.dataclass
class Retries:
    """When a request is sent again.

    All pauses together are shorter than the node's timeout: a node that is
    overloaded costs no more than one that is silent.

    :param method: the request's.
    :param timeout: seconds that the node may be silent.
    :param pause: waits so many seconds; returns False if no request may be
        sent any more.
    :param jitter: from 0 to 1, so that many do not come back at once.
    :param now: the time, in seconds since 1970: a node may name a time of
        day.
    """

    method: str
    timeout: float
    pause: Callable[[float], Awaitable[bool]]
    jitter: Callable[[], float] = random.random
    now: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self._left = MOST_RETRIES if self.method in _REPEATABLE else 0
        self._seconds = self.timeout

    async def wait(self, response: engine.Response) -> bool:
        """Wait, if the request is worth sending again; returns whether it is.

        :param response: the response to it.
        """
        if response.status not in _LATER or not self._left:
            return False
        backoff = FIRST_PAUSE * 2 ** (MOST_RETRIES - self._left)
        backoff *= (1 + self.jitter()) / 2
        asked = self._asked_for(response.headers.get('retry-after', ''))
        seconds = max(backoff, asked)
        if seconds >= self._seconds:
            return False
        self._left -= 1
        self._seconds -= seconds
        return await self.pause(seconds)

    def _asked_for(self, text: str) -> float:
        """Seconds, from a number of them or a time of day; else 0."""
        try:
            if text.strip().isdigit():
                return float(text)
            then = email.utils.parsedate_to_datetime(text)
            return then.timestamp() - self.now()
        except (TypeError, ValueError, IndexError, OverflowError, OSError):
            return 0
