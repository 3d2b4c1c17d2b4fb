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


"""How long an answer may be, and how long it may take to come.

A node may be broken, or hostile. requests reads an answer whole, however
long it is, and has a limit for each silence alone: a byte a second goes on
for ever, in a header too. So the bounds are kept here where bytes come off
the socket, and only for requests that are made within an `Exchange`: the
session is OpenStackClient's, and may carry a whole image for others.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import contextvars
import io
import json
import threading
import time
from typing import Any

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.i18n import _

#: Bytes of an answer: 30,000 entries of a cache; a page of 1,000 images with
#: long properties; a page that tells of an error.
MOST_OF_A_NODE = 8 * 2**20
MOST_OF_A_CATALOGUE = 64 * 2**20
MOST_OF_AN_ERROR = 64 * 2**10
#: Bytes of headers, and of chunks' frames and trailers for each byte.
_MOST_OF_A_HEAD = 256 * 2**10
_MOST_FRAME = 4
#: Bytes a second that an answer must have brought, once its timeout is over,
#: and how many timeouts it may take at that.
LEAST_RATE = 1024
MOST_TIMEOUTS = 10
#: Answers longer than `_SMALL` come in so many at a time: all nodes may lie
#: at once. Decoded, JSON takes up to twenty-five times its own length, so
#: that is done one at a time, which costs nothing: Python does no more.
_SMALL = 512 * 2**10
_LARGE_AT_ONCE = 32
_large = threading.BoundedSemaphore(_LARGE_AT_ONCE)
_decoding = threading.Lock()
_BLOCK = 64 * 2**10

_current: contextvars.ContextVar['Exchange | None'] = contextvars.ContextVar(
    'exchange', default=None
)


def current() -> 'Exchange | None':
    """The exchange that this thread is in, if it is in one."""
    return _current.get()


def leave() -> 'Exchange | None':
    """Step out of it, to speak with somebody else; `resume` steps in."""
    exchange = _current.get()
    _current.set(None)
    return exchange


def resume(exchange: 'Exchange | None') -> None:
    """Go on where `leave` has left."""
    _current.set(exchange)


class Exchange:
    """One request and its answer, bounded.

    :param most: bytes that the answer may have.
    :param secret: tells whether bytes hold what must not be shown.
    :param hide: takes that out of a text.
    :param clock: a monotonic one, in seconds.
    """

    def __init__(
        self,
        most: int,
        *,
        secret: Callable[[bytes], bool] = lambda _content: False,
        hide: Callable[[str], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.hide = hide
        self._most = most
        self._secret = secret
        self._clock = clock
        self._large = False
        self._lines: list[Any] = []
        self._restart()

    @contextlib.contextmanager
    def entered(self) -> Iterator['Exchange']:
        """A context: what this thread sends meanwhile is bounded."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)
            for line in self._lines:
                line.close()
            if self._large:
                _large.release()

    def begin(self, line: Any) -> None:
        """An answer is awaited from now on.

        :param line: what it comes in over, to be closed when all is over:
            of an answer that it refuses urllib3 leaves that open.
        """
        self._lines.append(line)
        self._restart()

    def _restart(self) -> None:
        self._began = self._clock()
        self._received = 0
        self._in_head = True

    def end_of_head(self) -> None:
        """The headers are there."""
        self._in_head = False

    def patience(self, timeout: float) -> float:
        """Seconds that the next bytes may take.

        :param timeout: seconds that the node may be silent.
        :raises TimeoutError: the headers are not there in that time.
        :raises errors.TimedOut: the rest has had its time.
        """
        elapsed = self._clock() - self._began
        if self._in_head:
            if elapsed >= timeout:
                raise TimeoutError
            return timeout - elapsed
        if elapsed > timeout and self._received < elapsed * LEAST_RATE:
            raise errors.TimedOut(
                _('Its answer comes too slowly: %(bytes)d bytes in %(time)d s')
                % {'bytes': self._received, 'time': elapsed},
                _("'--node-timeout' sets how long to wait."),
            )
        if elapsed >= timeout * MOST_TIMEOUTS:
            raise errors.TimedOut(
                _('Its answer did not end within %g seconds')
                % (timeout * MOST_TIMEOUTS),
                _("'--node-timeout' sets how long to wait."),
            )
        return min(timeout, timeout * MOST_TIMEOUTS - elapsed)

    def took(self, count: int) -> None:
        """Count bytes that came in.

        :raises errors.BadReply: those are too many.
        """
        self._received += count
        most = _MOST_OF_A_HEAD
        if not self._in_head:
            most += self._most * _MOST_FRAME
        if self._received > most:
            raise _too_long(most)

    def read(self, response: Any, **_more: Any) -> Any:
        """Read an answer, as one of requests' hooks for responses.

        It is called before anybody else looks at the body, keystoneauth's
        log included. What comes of it has no cookies, and does not say
        where a redirect leads to: nobody is to follow.

        :raises errors.BadReply: it is too long, compressed, or has the
            token in it.
        """
        import requests

        try:
            body = self._body(response)
        finally:
            # The pool has its connection back, if all was read.
            response.close()
        if self._secret(body):
            raise repeats_the_token()
        whole = requests.Response()
        whole.status_code = response.status_code
        whole.reason = response.reason
        whole.url = response.url
        whole.request = response.request
        whole.elapsed = response.elapsed
        whole.headers = response.headers
        whole.headers.pop('Location', None)
        whole.raw = io.BytesIO(body)
        # Otherwise it is guessed, or what the node says: at length, or with
        # an error.
        whole.encoding = 'utf-8'
        return whole

    def _body(self, response: Any) -> bytes:
        """The body; the beginning of it, where it tells of an error."""
        coding = response.headers.get('Content-Encoding') or 'identity'
        if coding.strip().lower() != 'identity':
            raise errors.BadReply(
                _('Its answer is compressed, which was not asked for')
            )
        failed = response.status_code >= 300
        found = bytearray()
        for block in response.iter_content(_BLOCK):
            found += block
            if failed and len(found) >= MOST_OF_AN_ERROR:
                break
            if len(found) > self._most:
                raise _too_long(self._most)
            if len(found) > _SMALL and not self._large:
                self._wait_for_room()
        return bytes(found)

    def _wait_for_room(self) -> None:
        """That others are slow is not this node's fault."""
        before = self._clock()
        _large.acquire()
        self._large = True
        self._began += self._clock() - before


def decode(content: bytes, parse: Callable[[Any], Any] | None) -> Any:
    """The value of a JSON text; None where there is no text.

    :param parse: makes what is wanted of it, and something small.
    :raises errors.BadReply: it is none.
    """
    with _decoding:
        value = None
        try:
            if content:
                value = json.loads(content, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise errors.BadReply(
                _('Its answer is not JSON'),
                _('Is this the endpoint of a Glance?'),
            ) from error
        return parse(value) if parse else value


def _refuse(word: str) -> None:
    raise ValueError(word)


def _too_long(most: int) -> errors.BadReply:
    return errors.BadReply(
        _('Its answer is longer than %s') % columns.human_size(most),
        _('Is this the endpoint of a Glance?'),
    )


def repeats_the_token() -> errors.BadReply:
    """What is said of an answer that must not be shown."""
    return errors.BadReply(
        _('Its answer repeats the token of this login'),
        _('It is not shown. Do not trust what answers there.'),
    )
