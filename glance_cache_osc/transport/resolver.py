# SPDX-License-Identifier: Apache-2.0

"""Resolves host names on daemon threads.

libcurl's own resolver has about 20 threads: look-ups that hang make later
look-ups fail, and closing the resolver waits for them.
"""

import asyncio
import contextlib
import functools
import socket
from typing import Any
import urllib.parse

from glance_cache_osc import errors
from glance_cache_osc.i18n import _
from glance_cache_osc.transport import threads

#: The number of concurrent look-ups.
_MAX_LOOKUPS = 256
_PORTS = {'http': 80, 'https': 443, 'socks5': 1080, 'socks5h': 1080}


class Resolver:
    """Resolves host names; each name is looked up once."""

    def __init__(self) -> None:
        self._threads = asyncio.Semaphore(_MAX_LOOKUPS)
        #: References to running tasks: asyncio keeps weak references only.
        self._releasing: set[asyncio.Task[None]] = set()
        self._lookups: dict[
            tuple[str, int], asyncio.Task[asyncio.Future[list[str]]]
        ] = {}

    async def resolve(self, url: str, timeout: float) -> str:
        """The addresses of a URL's host in the form of libcurl's ``RESOLVE``.

        :param timeout: seconds that the look-up may take.
        :returns: ``host:port:address,address``; empty if the host is an IP
            address.
        :raises errors.Unreachable: the host has no address, or the look-up
            timed out.
        """
        host, port = _host_and_port(url)
        if _is_address(host):
            return ''
        found = await self.addresses(url, timeout)
        bracketed = [f'[{one}]' if ':' in one else one for one in found]
        return f'{host}:{port}:{",".join(bracketed)}'

    async def addresses(self, url: str, timeout: float) -> list[str]:
        """The IP addresses of a URL's host.

        :param timeout: seconds that the look-up may take.
        :raises errors.Unreachable: the host has no address, or the look-up
            timed out.
        """
        host, port = _host_and_port(url)
        lookup = self._lookups.get((host, port))
        if lookup is None:
            lookup = asyncio.ensure_future(self._start(host, port, timeout))
            self._lookups[host, port] = lookup
        # The time that the look-up waits for a thread does not count against
        # the timeout.
        addresses = await asyncio.shield(lookup)
        # From Python 3.14 on, asyncio logs an exception that a shielded future
        # raises after the timeout.
        await asyncio.wait([addresses], timeout=timeout)
        if not addresses.done():
            raise errors.TimedOut(
                _("'%(host)s' was not resolved within %(time)g seconds")
                % {'host': host, 'time': timeout},
                _('Check the name, and the DNS servers of this machine.'),
                connected=False,
            )
        try:
            return addresses.result()
        except OSError as error:
            self.forget(url)
            raise errors.Unreachable(
                _('Cannot resolve the host name: %s') % error.strerror,
                _('Check the spelling of the host name, and the DNS servers.'),
            ) from error

    def forget(self, url: str) -> None:
        """Discard the result for a URL's host: the next call looks it up."""
        self._lookups.pop(_host_and_port(url), None)

    async def _start(
        self, host: str, port: int, timeout: float
    ) -> asyncio.Future[list[str]]:
        """Start a look-up as soon as a thread is free."""
        await self._threads.acquire()
        addresses = threads.start(lambda: _addresses(host, port))
        releasing = asyncio.ensure_future(self._release(addresses, timeout))
        self._releasing.add(releasing)
        releasing.add_done_callback(self._releasing.discard)
        return addresses

    async def _release(
        self, addresses: asyncio.Future[list[str]], timeout: float
    ) -> None:
        """Release the semaphore after the look-up, or after its timeout.

        A thread that hangs no longer counts against the limit.
        """
        await asyncio.wait([addresses], timeout=timeout)
        self._threads.release()


def _host_and_port(url: str) -> tuple[str, int]:
    return _parse('/'.join(url.split('/', 3)[:3]))


@functools.lru_cache(maxsize=4096)
def _parse(origin: str) -> tuple[str, int]:
    parts = urllib.parse.urlsplit(origin)
    return parts.hostname or '', parts.port or _PORTS.get(parts.scheme, 80)


def _is_address(host: str) -> bool:
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    with contextlib.suppress(OSError):
        return bool(socket.inet_pton(family, host.partition('%')[0]))
    return False


def _addresses(host: str, port: int) -> list[str]:
    found: list[Any] = []
    # A label of the host name may be too long, or empty.
    with contextlib.suppress(UnicodeError):
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, 'Name or service not known')
    return list(dict.fromkeys(str(address[0]) for *__, address in found))
