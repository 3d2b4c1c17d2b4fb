# SPDX-License-Identifier: Apache-2.0

"""Sends requests to any number of servers at once: libcurl on asyncio.

libcurl enforces the limits of one transfer: time to connect, rate, size and
headers. asyncio limits the number of concurrent transfers and cancels them.
"""

import asyncio
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import contextvars
import resource
import uuid

import pycurl

from glance_cache_osc import errors
from glance_cache_osc.transport import failures
from glance_cache_osc.transport import log
from glance_cache_osc.transport import resolver
from glance_cache_osc.transport import transfer as transfers

#: The number of large responses that are received at once. Without a limit,
#: the responses of all nodes could be in memory together.
_MAX_LARGE = 32
#: The number of concurrent connections, and the number of files that the rest
#: of the process may open.
_MAX_CONNECTIONS = 2000
_OTHER_FILES = 64

Request = transfers.Request
Response = transfers.Response

_FINISHING = contextvars.ContextVar('finishing', default=False)


@contextlib.contextmanager
def finishing() -> Iterator[None]:
    """A context whose requests are sent even after `Engine.draining` is set.

    For the second change of an operation whose first one was sent.
    """
    token = _FINISHING.set(True)
    try:
        yield
    finally:
        _FINISHING.reset(token)


class Engine:
    """All connections of one command, on one event loop.

    The engine raises the process's limit of open files until `aclose`.

    :ivar large: limits how many large responses are received at once.
    :ivar request_id: the ID that all requests of the command carry; Glance
        logs it as the global request ID.
    :ivar observer: is called with each request that received a response,
        and the response.
    :ivar draining: is set when no further request may start.
    """

    def __init__(self) -> None:
        self._multi = pycurl.AsyncCurlMulti()
        self._resolver = resolver.Resolver()
        self._logs = log.is_shown()
        self._files = resource.getrlimit(resource.RLIMIT_NOFILE)
        connections = _raise_file_limit(self._files)
        self._connections = asyncio.Semaphore(connections)
        # libcurl's cache includes connections in use: with a smaller cache,
        # a node's next request would open another connection.
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self.large = asyncio.Semaphore(_MAX_LARGE)
        self.request_id = f'req-{uuid.uuid4()}'
        self.observer: Callable[[Request, Response], None] | None = None
        self.draining = asyncio.Event()

    @property
    def sends_always(self) -> bool:
        """Whether a request that begins now is sent in any case.

        A request that begins while draining belongs to an operation in
        progress.
        """
        return self.draining.is_set() or _FINISHING.get()

    async def aclose(self) -> None:
        """Close all connections and restore the limit of open files."""
        await self._multi.aclose()
        resource.setrlimit(resource.RLIMIT_NOFILE, self._files)

    async def pause(self, seconds: float) -> bool:
        """Wait for a number of seconds.

        :returns: False if `draining` was set, which ends the wait.
        """
        try:
            async with asyncio.timeout(seconds):
                await self.draining.wait()
        except TimeoutError:
            return True
        return False

    async def addresses(self, url: str, timeout: float) -> list[str]:
        """The IP addresses of a URL's host.

        :param timeout: seconds that the look-up may take.
        :returns: the IPv4 addresses; IPv6 addresses if there are no others.
        :raises errors.Unreachable: the host has no address, or the look-up
            timed out.
        """
        found = await self._resolver.addresses(url, timeout)
        return [one for one in found if ':' not in one] or found

    async def perform(self, request: Request) -> Response:
        """Send a request and receive the response.

        :raises errors.NodeError: there is no usable response:
            `Unreachable`, `TimedOut`, `CertificateRejected`, `NotGlance`
            or `BadReply`; `Interrupted` if the request was not sent.
        """
        always = self.sends_always
        host = request.settings.proxy or request.url
        addresses = ''
        try:
            if not request.address or request.settings.proxy:
                addresses = await self._resolver.resolve(
                    host, request.connect_timeout
                )
        except errors.Unreachable as error:
            failures.raise_for_proxy(error, request.settings.proxy)
            raise
        async with self._connections:
            if self.draining.is_set() and not always:
                raise errors.Interrupted
            if self._logs:
                log.sent(request)
            transfer = transfers.Transfer(request, self.large)
            try:
                response = await transfer.perform(self._multi, addresses)
            except errors.Unreachable as error:
                if error.connected:
                    raise
                self._resolver.forget(host)
                failures.raise_for_proxy(error, request.settings.proxy)
                raise
        if self._logs:
            log.received(request, response)
        if self.observer:
            self.observer(request, response)
        return response


def _raise_file_limit(limits: tuple[int, int]) -> int:
    """Raise the process's limit of open files as far as is useful.

    :param limits: the soft and the hard limit.
    :returns: the number of concurrent connections that the limit allows. It
        leaves the same number of files for kept connections.
    """
    soft, hard = limits
    needed = _MAX_CONNECTIONS * 2 + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return _MAX_CONNECTIONS
    others = min(_OTHER_FILES, soft // 2)
    return max(min((soft - others) // 2, _MAX_CONNECTIONS), 1)
