# SPDX-License-Identifier: Apache-2.0

"""Performs one request and enforces its limits on time and size."""

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

#: Methods that are safe to repeat: libcurl repeats a request, without
#: reporting it, if the server has closed the kept connection.
_REPEATABLE = frozenset({'GET', 'HEAD'})
#: The number of bytes of an error response that are read, for any max_size.
_MAX_ERROR_SIZE = 64 * 2**10
#: The lowest rate of a response, in bytes per second, and the longest
#: duration of a whole response, in multiples of the request's timeout.
_MIN_RATE = 1024
_MAX_TIMEOUTS = 10
#: The name of a header may begin with HTTP/ as well.
_STATUS_LINE = re.compile(rb'HTTP/[\d.]+ (\d{3})(?!\d)')
#: The size in bytes above which a response is large: the engine limits the
#: number of large responses that are received at once.
_LARGE = 64 * 2**10
#: The most bytes that a sink receives in one call.
_CHUNK = 128 * 2**10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request.

    :param url: an absolute, quoted URL.
    :param connect_timeout: seconds until the connection is established, for
        all addresses of the host together, including TLS.
    :param timeout: seconds until the response's headers are complete. It is
        also the longest period in which the body may arrive at less than
        1 KiB per second.
    :param max_size: the largest size of the body of a 2xx response, in bytes.
    :param settings: TLS and proxy.
    :param secrets: texts that logs must not contain, even if the server
        sends them.
    :param sink: receives the body of a 2xx response in chunks; first an
        empty chunk when the headers are complete. The total time of such a
        body is not limited as long as it arrives at 1 KiB per second.
    :param fresh: whether to open a connection for this request alone.
    :param address: the IP address to connect to; empty for any address of
        the host. TLS and ``Host`` use the host's name in both cases.
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
    """An HTTP response with any status.

    :param headers: the values by the names of the headers, in lower case.
    :param body: the body; the first 64 KiB if the status is 300 or higher.
    :param elapsed: seconds from the request to the end of the response.
    :param expires: when the server's TLS certificate expires, as OpenSSL
        prints it; empty if it is not known, or the request is not `fresh`.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float
    expires: str = ''


class Transfer:
    """One request and the libcurl callbacks that receive its response.

    :param large: limits how many large responses are received at once.
    """

    def __init__(self, request: Request, large: asyncio.Semaphore) -> None:
        self._large = large
        self._request = request
        self._changes = request.method not in _REPEATABLE
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._size = 0
        self._connected = False
        self._sent = 0.0  # By the loop's clock.
        self._headers_complete = False
        #: Waits until another large response may be received.
        self._resuming: asyncio.Task[None] | None = None
        self._deadline = asyncio.timeout(None)
        #: None after the end: libcurl may still call the callbacks.
        self._curl: pycurl.Curl | None = None

    async def perform(
        self, multi: pycurl.AsyncCurlMulti, addresses: str
    ) -> Response:
        """Send the request and receive the response.

        :param addresses: for libcurl's ``RESOLVE``; may be empty.
        :raises errors.NodeError: there is no complete response. An
            incomplete body of an error response is accepted.
        """
        loop = asyncio.get_running_loop()
        self._curl = curl = self._handle(addresses)
        began = loop.time()
        try:
            async with self._deadline:
                await multi.perform(curl)
            if self._status >= 200 and not self._headers_complete:
                raise pycurl.error(pycurl.E_GOT_NOTHING, 'Incomplete headers')
        except (TimeoutError, pycurl.error) as error:
            # The beginning of an error response is enough.
            if not self._headers_complete or self._status < 300:
                raise self._failure(curl, error) from error
        finally:
            self._curl = None
            # A finished task has acquired the semaphore.
            if self._resuming and not self._resuming.cancel():
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
        timeout, changes = self._request.timeout, self._changes
        code = 0 if isinstance(error, TimeoutError) else int(error.args[0])
        slow = code == pycurl.E_OPERATION_TIMEDOUT and self._connected
        if (slow or not code) and not self._headers_complete:
            return failures.no_response(timeout, changes=changes)
        if not code:
            return failures.too_late(timeout * _MAX_TIMEOUTS, changes=changes)
        if slow:
            seconds = curl.getinfo(pycurl.TOTAL_TIME)
            return failures.too_slow(self._size, seconds, changes=changes)
        max_size = self._request.max_size
        if code == pycurl.E_FILESIZE_EXCEEDED or self._size > max_size:
            return failures.too_long(max_size, self._headers)
        if code == pycurl.E_WRITE_ERROR:
            raise MemoryError from error
        return failures.from_curl(
            code,
            str(error.args[1]),
            connect_timeout=self._request.connect_timeout,
            connected=self._connected,
            tls=self._request.url.startswith('https:'),
            os_error=curl.getinfo(pycurl.OS_ERRNO),
            verify_result=curl.getinfo(pycurl.SSL_VERIFYRESULT)
            or curl.getinfo(failures.PROXY_VERIFYRESULT),
            changes=changes,
        )

    def _handle(self, addresses: str) -> pycurl.Curl:
        request, curl = self._request, pycurl.Curl()
        connect_timeout = math.ceil(request.connect_timeout * 1000)
        length = {'Content-Length': '0'} if self._changes else {}
        headers = {'Accept-Encoding': 'identity', **request.headers, **length}
        options: dict[int, Any] = {
            pycurl.URL: request.url,
            pycurl.CUSTOMREQUEST: request.method,
            pycurl.HTTPHEADER: [
                f'{key}: {headers[key]}'.encode('latin-1', 'replace')
                for key in headers
            ],
            # Sent to proxies. The default lists all versions of libraries.
            pycurl.USERAGENT: 'glance-cache-osc',
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.FRESH_CONNECT: request.fresh or self._changes,
            pycurl.FORBID_REUSE: request.fresh or self._changes,
            pycurl.OPT_CERTINFO: request.fresh,
            # The server of a resumed TLS session sends no certificate.
            pycurl.SSL_SESSIONID_CACHE: not request.fresh,
            pycurl.NOSIGNAL: True,
            pycurl.PATH_AS_IS: True,
            # Else, libcurl searches for expired addresses after each request.
            pycurl.DNS_CACHE_TIMEOUT: -1,
            pycurl.CONNECTTIMEOUT_MS: connect_timeout,
            pycurl.LOW_SPEED_LIMIT: _MIN_RATE,
            pycurl.LOW_SPEED_TIME: math.ceil(request.timeout),
            pycurl.MAXFILESIZE_LARGE: max(request.max_size, _MAX_ERROR_SIZE),
            pycurl.PREREQFUNCTION: self._on_connected,
            pycurl.HEADERFUNCTION: self._on_header,
            pycurl.WRITEFUNCTION: self._on_body,
            **request.settings.options,
        }
        if request.sink:
            options[pycurl.BUFFERSIZE] = _CHUNK
        if host := request.address:
            host = f'[{host}]' if ':' in host else host
            options[pycurl.CONNECT_TO] = [f'::{host}:']
        if addresses:
            options[pycurl.RESOLVE] = [addresses]
        for option, value in options.items():
            curl.setopt(option, value)
        return curl

    def _on_connected(self, *_addresses: object) -> int:
        """Start the request's timeout: the connection is established."""
        if self._curl is None:
            return pycurl.PREREQFUNC_ABORT
        self._connected = True
        self._sent = asyncio.get_running_loop().time()
        self._set_deadline(self._sent + self._request.timeout)
        return pycurl.PREREQFUNC_OK

    def _set_deadline(self, when: float | None) -> None:
        """Set the deadline, by the loop's clock, unless it has passed.

        :param when: None for no deadline.
        """
        if not self._deadline.expired():
            self._deadline.reschedule(when)

    def _on_header(self, line: bytes) -> None:
        """Receive one line of the response's head."""
        if self._headers_complete or not self._connected or not self._curl:
            return  # A trailer, or a header of the proxy.
        if line[:5] == b'HTTP/' and (status := _STATUS_LINE.match(line)):
            self._status = int(status[1])
            self._headers.clear()
        elif line.strip():
            name, _, value = line.decode('latin-1').partition(':')
            self._headers[name.strip().lower()] = value.strip()
        elif self._status >= 200:
            self._headers_complete = True
            end = self._sent + self._request.timeout * _MAX_TIMEOUTS
            self._set_deadline(None if self._request.sink else end)
            if self._request.sink and self._status < 300:
                self._request.sink(b'')

    def _on_body(self, data: bytes) -> int:
        """Receive a chunk; returning less than its size ends the transfer."""
        self._size += len(data)
        too_long = self._size > self._request.max_size and self._status < 300
        if too_long or self._curl is None:
            return 0
        if self._status >= 300:
            self._body += data[: _MAX_ERROR_SIZE - len(self._body)]
            return len(data) if len(self._body) < _MAX_ERROR_SIZE else 0
        if self._request.sink:
            self._request.sink(data)
            return len(data)
        if len(self._body) > _LARGE and not self._resuming:
            # libcurl passes the same chunk again after the pause.
            self._size -= len(data)
            self._resuming = asyncio.ensure_future(self._resume())
            return pycurl.WRITEFUNC_PAUSE
        try:
            self._body += data
        except MemoryError:
            return 0  # pycurl would print a traceback. See `_failure`.
        return len(data)

    async def _resume(self) -> None:
        """Resume the transfer as soon as the limit of large responses allows.

        The pause does not count against the deadline.
        """
        loop = asyncio.get_running_loop()
        began, end = loop.time(), self._deadline.when()
        self._set_deadline(None)
        await self._large.acquire()
        if self._curl:
            self._set_deadline(end and end + loop.time() - began)
            self._curl.pause(pycurl.PAUSE_CONT)


def _expires(curl: pycurl.Curl) -> str:
    """When the server's certificate expires, as OpenSSL prints it."""
    certificates = curl.getinfo_raw(pycurl.INFO_CERTINFO)
    if not certificates:
        return ''
    # The first one is the server's. Other fields may be in any encoding.
    return bytes(dict(certificates[0]).get(b'Expire date', b'')).decode()
