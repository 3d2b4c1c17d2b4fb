# SPDX-License-Identifier: Apache-2.0

"""One request and its response, within the limits of both."""

import asyncio
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
import dataclasses
import math
import re
from typing import Any

import pycurl

from glance_cache_osc import errors
from glance_cache_osc.transport import failures
from glance_cache_osc.transport import settings

#: Requests whose repetition does no harm: libcurl silently repeats one on a
#: kept connection that the server has closed.
_REPEATABLE = frozenset({'GET', 'HEAD'})
#: Bytes of an error response that are read.
_MAX_ERROR_SIZE = 64 * 2**10
#: The lowest rate of a response, in bytes per second, and how many times its
#: timeout the whole of it may take.
_MIN_RATE = 1024
_MAX_TIMEOUTS = 10
#: The name of a header may begin with HTTP/ as well.
_STATUS_LINE = re.compile(rb'HTTP/[\d.]+ (\d{3})(?!\d)')
#: Responses longer than this, in bytes, are received a few at a time.
_SMALL = 64 * 2**10
#: Bytes that a sink receives at a time.
_PIECE = 128 * 2**10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request.

    :param url: an absolute URL, quoted.
    :param connect_timeout: seconds until the connection is established,
        over all addresses of the host together, TLS included.
    :param timeout: seconds until the response's headers are complete, and
        for which its body may arrive below 1 KiB a second.
    :param max_size: bytes that the body may have.
    :param settings: TLS and proxy.
    :param secrets: what no log may show, whoever sends it.
    :param sink: receives the body of a 2xx response piece by piece, which
        then is not in the response; an empty piece when the headers are
        complete. Such a body may take any time as long as it arrives at 1 KiB
        a second.
    :param fresh: whether a new connection is opened for it.
    :param address: the IP address to connect to; empty for any of the
        host's. TLS and ``Host`` are by the host's name all the same.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    connect_timeout: float
    timeout: float
    max_size: int
    settings: settings.Settings
    secrets: Collection[str] = ()
    sink: Callable[[bytes], None] | None = None
    fresh: bool = False
    address: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response, whatever its status.

    :param headers: by their names in lower case.
    :param body: of an error, the first 64 KiB.
    :param elapsed: seconds from the request to the end of the response.
    :param expires: when the server's TLS certificate does, in OpenSSL's
        words; empty where that was not seen: only a request that opens a
        new connection sees it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float
    expires: str = ''


class Transfer:
    """One request and its response, as libcurl's callbacks see it.

    :param large: those of which the response is long.
    """

    def __init__(self, request: Request, large: asyncio.Semaphore) -> None:
        self._large = large
        self._request = request
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._size = 0
        self._connected = False
        #: When the request was, by the loop's clock.
        self._sent = 0.0
        self._head_complete = False
        self._room: asyncio.Task[None] | None = None
        self._deadline = asyncio.timeout(None)
        #: None once it is over: libcurl may still call.
        self._curl: pycurl.Curl | None = None

    async def perform(
        self, multi: pycurl.AsyncCurlMulti, addresses: str
    ) -> Response:
        loop = asyncio.get_running_loop()
        self._curl = curl = self._handle(addresses)
        began = loop.time()
        try:
            async with self._deadline:
                await multi.perform(curl)
        except (TimeoutError, pycurl.error) as error:
            # Of an error, the beginning is enough.
            if not self._head_complete or self._status < 300:
                raise self._failure(curl, error) from error
        finally:
            self._curl = None
            if self._room and not self._room.cancel():
                self._large.release()
        return Response(
            self._status,
            self._headers,
            bytes(self._body),
            loop.time() - began,
            _expires(curl) if self._request.fresh else '',
        )

    def _failure(
        self, curl: pycurl.Curl, error: TimeoutError | pycurl.error
    ) -> errors.NodeError:
        timeout = self._request.timeout
        if isinstance(error, TimeoutError):
            if self._head_complete:
                return failures.too_late(timeout * _MAX_TIMEOUTS)
            return failures.no_response(timeout)
        code, words = int(error.args[0]), str(error.args[-1])
        if code == pycurl.E_OPERATION_TIMEDOUT and self._connected:
            if not self._head_complete:
                return failures.no_response(timeout)
            return failures.too_slow(
                self._size, curl.getinfo(pycurl.TOTAL_TIME)
            )
        if code == pycurl.E_FILESIZE_EXCEEDED:
            return failures.too_long(self._request.max_size)
        return failures.from_curl(
            code,
            words,
            connect_timeout=self._request.connect_timeout,
            connected=self._connected,
            os_error=curl.getinfo(pycurl.OS_ERRNO),
            verify_result=curl.getinfo(pycurl.SSL_VERIFYRESULT),
            changes=self._request.method not in _REPEATABLE,
        )

    def _handle(self, addresses: str) -> pycurl.Curl:
        request = self._request
        curl = pycurl.Curl()
        timeout = request.timeout
        headers = {'Accept-Encoding': 'identity', **request.headers}
        if request.method not in _REPEATABLE:
            headers['Content-Length'] = '0'
        options: dict[int, Any] = {
            pycurl.URL: request.url,
            pycurl.CUSTOMREQUEST: request.method,
            pycurl.HTTPHEADER: [f'{key}: {headers[key]}' for key in headers],
            # For proxies; it has all versions in it by default.
            pycurl.USERAGENT: 'glance-cache-osc',
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.FRESH_CONNECT: (
                request.fresh or request.method not in _REPEATABLE
            ),
            pycurl.OPT_CERTINFO: request.fresh,
            # A resumed TLS session shows no certificate.
            pycurl.SSL_SESSIONID_CACHE: not request.fresh,
            pycurl.NOSIGNAL: True,
            pycurl.PATH_AS_IS: True,
            # Entries stay: libcurl would look through all of them for old
            # ones after each request.
            pycurl.DNS_CACHE_TIMEOUT: -1,
            pycurl.CONNECTTIMEOUT_MS: math.ceil(
                request.connect_timeout * 1000
            ),
            pycurl.LOW_SPEED_LIMIT: _MIN_RATE,
            pycurl.LOW_SPEED_TIME: math.ceil(timeout),
            pycurl.MAXFILESIZE_LARGE: request.max_size,
            pycurl.PREREQFUNCTION: self._on_connected,
            pycurl.HEADERFUNCTION: self._on_header,
            pycurl.WRITEFUNCTION: self._on_body,
            **request.settings.options,
        }
        if request.sink:
            options[pycurl.BUFFERSIZE] = _PIECE
        if request.address:
            host = request.address
            host = f'[{host}]' if ':' in host else host
            options[pycurl.CONNECT_TO] = [f'::{host}:']
        if addresses:
            options[pycurl.RESOLVE] = [addresses]
        for option, value in options.items():
            curl.setopt(option, value)
        return curl

    def _on_connected(self, *_addresses: object) -> int:
        """The request is about to be sent."""
        if self._curl is None:
            return pycurl.PREREQFUNC_ABORT
        self._connected = True
        self._sent = asyncio.get_running_loop().time()
        self._must_end(self._sent + self._request.timeout)
        return pycurl.PREREQFUNC_OK

    def _must_end(self, when: float | None) -> None:
        """Set the deadline, by the loop's clock, unless it has passed."""
        if not self._deadline.expired():
            self._deadline.reschedule(when)

    def _on_header(self, line: bytes) -> None:
        if self._head_complete or not self._connected or not self._curl:
            return  # A trailer, or a proxy's.
        if line[:5] == b'HTTP/' and (status := _STATUS_LINE.match(line)):
            self._status = int(status[1])
            self._headers.clear()
        elif line.strip():
            name, _, value = line.decode('latin-1').partition(':')
            self._headers[name.strip().lower()] = value.strip()
        elif self._status >= 200:
            self._head_complete = True
            end = self._sent + self._request.timeout * _MAX_TIMEOUTS
            self._must_end(None if self._request.sink else end)
            if self._request.sink and self._status < 300:
                self._request.sink(b'')

    def _on_body(self, data: bytes) -> int:
        """Take a piece of the body; returns how much of it was taken."""
        if self._curl is None:
            return 0
        self._size += len(data)
        if self._status >= 300:
            self._body += data[: _MAX_ERROR_SIZE - len(self._body)]
            return len(data) if len(self._body) < _MAX_ERROR_SIZE else 0
        if self._request.sink:
            self._request.sink(data)
            return len(data)
        if len(self._body) > _SMALL and not self._room:
            self._size -= len(data)
            self._room = asyncio.ensure_future(self._wait_for_room())
            return pycurl.WRITEFUNC_PAUSE
        self._body += data
        return len(data)

    async def _wait_for_room(self) -> None:
        """Go on once few enough long responses are being received."""
        loop = asyncio.get_running_loop()
        began, end = loop.time(), self._deadline.when()
        # Until then the time is not the server's.
        self._must_end(None)
        await self._large.acquire()
        if self._curl:
            self._must_end(end and end + loop.time() - began)
            self._curl.pause(pycurl.PAUSE_CONT)


def _expires(curl: pycurl.Curl) -> str:
    """When the server's own certificate expires; the first is its own."""
    for certificate in curl.getinfo_raw(pycurl.INFO_CERTINFO)[:1]:
        # Other fields may hold anything.
        found = dict(certificate).get(b'Expire date', b'')
        return bytes(found).decode('latin-1')
    return ''
