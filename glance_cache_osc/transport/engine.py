# SPDX-License-Identifier: Apache-2.0

"""Requests to any number of servers at once: libcurl on asyncio.

libcurl keeps the limits of a transfer: time to connect, rate, size, headers.
asyncio limits how many there are at once, and ends them.
"""

import asyncio
from collections.abc import Callable
import resource
import uuid

import pycurl

from glance_cache_osc import errors
from glance_cache_osc.transport import failures
from glance_cache_osc.transport import log
from glance_cache_osc.transport import resolver
from glance_cache_osc.transport import transfer as transfers

#: Long responses that are received at a time: all nodes may send one at once.
_MAX_LARGE = 32
#: Connections at once: at most, and without those of the rest of the process.
_MAX_CONNECTIONS = 2000
_OTHER_FILES = 64

Request = transfers.Request
Response = transfers.Response


class Engine:
    """All connections of one command, on one event loop.

    It raises this process's limit of open files while it is open.
    """

    def __init__(self) -> None:
        self._multi = pycurl.AsyncCurlMulti()
        self._resolver = resolver.Resolver()
        self._logs = log.is_shown()
        self._files = resource.getrlimit(resource.RLIMIT_NOFILE)
        connections = _raise_file_limit(self._files)
        self._connections = asyncio.Semaphore(connections)
        # libcurl counts connections in use among those that it keeps: with
        # fewer than that, a node's next request would open another one.
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        #: For responses that are long.
        self.large = asyncio.Semaphore(_MAX_LARGE)
        #: Of all requests of a command: Glance logs it as the global one.
        self.request_id = f'req-{uuid.uuid4()}'
        #: Is shown each request that had a response.
        self.observer: Callable[[Request, Response], None] | None = None
        #: Set when no request may start any more that has not started.
        self.draining = asyncio.Event()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._multi.aclose()
        resource.setrlimit(resource.RLIMIT_NOFILE, self._files)

    async def pause(self, seconds: float) -> bool:
        """Wait; returns False if `draining` was set meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                await self.draining.wait()
        except TimeoutError:
            return True
        return False

    async def addresses(self, url: str, timeout: float) -> list[str]:
        """The IP addresses of a URL's host: IPv4 where there are any.

        :param timeout: seconds that the look-up may take.
        :raises errors.Unreachable: there are none, or not in time.
        """
        found = await self._resolver.addresses(url, timeout)
        return [one for one in found if ':' not in one] or found

    async def perform(self, request: Request) -> Response:
        """Send a request and receive the response.

        :raises errors.NodeError: there is no response that could be used:
            `Unreachable`, `TimedOut`, `CertificateRejected`, `NotGlance`
            or `BadReply`; `Interrupted` if it was not sent.
        """
        # Then it is a further request of an operation in progress.
        draining = self.draining.is_set()
        host = request.settings.proxy or request.url
        addresses = ''
        try:
            if not request.address or request.settings.proxy:
                addresses = await self._resolver.resolve(
                    host, request.connect_timeout
                )
        except errors.Unreachable as error:
            failures.blame_proxy(error, request.settings.proxy)
            raise
        async with self._connections:
            if self.draining.is_set() and not draining:
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
                failures.blame_proxy(error, request.settings.proxy)
                raise
        if self._logs:
            log.received(request, response)
        if self.observer:
            self.observer(request, response)
        return response


def _raise_file_limit(limits: tuple[int, int]) -> int:
    """Allow as many open files as are of use; returns how many connections.

    As many again are connections that are kept.
    """
    soft, hard = limits
    wanted = _MAX_CONNECTIONS * 2 + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return _MAX_CONNECTIONS
    others = min(_OTHER_FILES, soft // 2)
    return max(min((soft - others) // 2, _MAX_CONNECTIONS), 1)
