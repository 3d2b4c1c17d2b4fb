# SPDX-License-Identifier: Apache-2.0

"""Prepared responses, over real sockets.

requests-mock does not intercept libcurl. This module uses its adapter in a
server on loopback, and routes all connections of libcurl to this server. URLs
do not change, for example ``http://glance.example:9292``. An unexpected request
fails the test, and so does an unused response.
"""

import asyncio
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
import contextlib
import functools
import http
import http.server
import ipaddress
import pathlib
import socket
import ssl
import threading
import types
from typing import Any
from typing import Self

import pycurl
import pytest
from requests import models
import requests_mock

from tests.faults import certificates

_LOOPBACK = '127.0.0.1'
#: The request header with the address of the connection, for tests.
CONNECTED_TO = 'X-Connected-To'
#: Seconds after which a broken test fails.
_PATIENCE = 20
#: The first byte of a TLS connection.
_HANDSHAKE = b'\x16'


class _Hold(Exception):
    """Receive the request, and keep the connection open."""


class _Bytes(Exception):
    """Send these bytes instead of an HTTP response."""


class _Begins(Exception):
    """Send the first bytes, then call a function."""


#: In place of a response: no process listens on the port.
REFUSED: dict[str, Any] = {'exc': ConnectionRefusedError}
#: No response until the timeout, which is over at once: for this request, the
#: clock of the engine is advanced by the timeout.
SILENT: dict[str, Any] = {'exc': TimeoutError}
#: No response until the test ends, or the real timeout is over.
HELD: dict[str, Any] = {'exc': _Hold}
#: The server closes the connection after it received the request.
CLOSED: dict[str, Any] = {'exc': ConnectionAbortedError}
#: The server does not receive these requests.
_UNSERVED: tuple[type[Exception], ...] = (ConnectionRefusedError, TimeoutError)


def sends(data: bytes) -> dict[str, Any]:
    """In place of a response: send these bytes, and close the connection."""
    return {'exc': _Bytes(data)}


def begins(
    data: bytes, then: Callable[[Callable[[bytes], None]], None]
) -> dict[str, Any]:
    """In place of a response: send these bytes, and keep the connection.

    :param then: called next, with a function that sends bytes at once.
    """
    return {'exc': _Begins(data, then)}


class Certificates:
    """The TLS contexts of servers, each created once.

    :param directory: the directory of the files.
    :ivar path: the CA that clients must trust.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self._trusted = certificates.Authority(directory)
        self._unknown = certificates.Authority(directory, 'unknown')
        self.path = self._trusted.path
        self._made: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def trusted(self, host: str) -> ssl.SSLContext:
        """The TLS context of a host."""
        return self._make(self._trusted, f'of {host}', host)

    def unknown(self, host: str) -> ssl.SSLContext:
        """The same with a certificate from an unknown CA."""
        return self._make(self._unknown, f'unknown {host}', host)

    def _make(
        self, authority: certificates.Authority, name: str, host: str
    ) -> ssl.SSLContext:
        with self._lock:  # Two connections may be to the same host.
            if name not in self._made:
                self._made[name] = authority.server(name, host=host)
            return self._made[name]


class Web:
    """Prepared responses, and a record of the requests.

    A context manager: it routes the connections of libcurl to a server. Only
    names that end in ``.example`` have an address.

    :param certificates: certificates for HTTPS; None for only HTTP.
    """

    def __init__(self, certificates: Certificates | None = None) -> None:
        #: For responses that may stay unused; a `requests_mock.Mocker` may
        #: share it.
        self.adapter = requests_mock.Adapter(case_sensitive=True)
        #: Unexpected requests.
        self.unexpected: list[str] = []
        #: Names ending in ``.example`` without an address.
        self.nameless: set[str] = set()
        #: Addresses by name; in 127.0.0.0/8 if the test connects to them. A
        #: request to another address than 127.0.0.1 has a header with it.
        self.addresses: dict[str, list[str]] = {}
        #: The addresses that refuse connections.
        self.gone: set[str] = set()
        self._certificates = certificates
        self._stubs: list[tuple[str, Any]] = []
        self._endings: dict[tuple[str, str], tuple[Any, list[Any]]] = {}
        self._unknown_hosts: dict[str, bool] = {}
        self._before: dict[str, threading.Event] = {}
        self._answered: dict[str, threading.Event] = {}
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._stack = contextlib.ExitStack()

    def answers(
        self, method: str, url: str, *responses: dict[str, Any], **one: Any
    ) -> None:
        """Prepare the response to a request, or several in their order.

        The request must contain the query of the URL. If the connection is
        refused, or the server does not respond, the query must be equal.
        """
        listed = list(responses) or [one]
        stub = self.adapter.register_uri(method, url, listed)
        self._stubs.append((f'{method} {url}', stub))
        self._endings[method, url] = stub, [one.get('exc') for one in listed]

    def use_unknown_ca(self, host: str) -> None:
        """Use a certificate from an unknown CA for a host."""
        self._unknown_hosts[host] = False

    def hold_back(self, url: str, until: str) -> None:
        """Receive a request only after the response to another one.

        :param url: the URL without its query.
        :param until: the other URL without its query; if its response is
            `HELD`, only after that request was received.
        """
        self._before[url] = self._answered.setdefault(until, threading.Event())

    @property
    def requests(self) -> list[str]:
        """The requests, in order: 'GET http://…'."""
        return [f'{one.method} {one.url}' for one in self.history]

    @property
    def history(self) -> list[Any]:
        """The complete requests, in order."""
        return list(self.adapter.request_history)

    def unused(self) -> list[str]:
        """The unused responses."""
        return [name for name, stub in self._stubs if not stub.called] + [
            f'TLS to {host}'
            for host, called in self._unknown_hosts.items()
            if not called
        ]

    def check(self) -> None:
        """Fail if a request was unexpected, or a response is unused."""
        assert not self.unexpected, f'unexpected: {self.unexpected}'
        assert not self.unused(), f'unused: {self.unused()}'

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            # On all addresses, because some names have several.
            listener = stack.enter_context(socket.create_server(('', 0)))
            nobody, silent = (
                stack.enter_context(socket.socket()) for _one in range(2)
            )
            nobody.bind((_LOOPBACK, 0))
            silent.bind((_LOOPBACK, 0))
            silent.listen()
            accepting = threading.Thread(target=self._accept, args=(listener,))
            accepting.start()
            stack.callback(accepting.join)
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
            ports: dict[type[Exception] | None, int] = {
                None: _port(listener),
                ConnectionRefusedError: _port(nobody),
                TimeoutError: _port(silent),
            }
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setattr(
                pycurl, 'Curl', _routed(self._ending, ports, self.gone)
            )
            patch.setattr(socket, 'getaddrinfo', self._resolver())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self._over.set()
        self._stack.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_PATIENCE)

    def _resolver(self) -> Callable[..., Any]:
        """A replacement for `socket.getaddrinfo` that uses no server."""
        real = socket.getaddrinfo

        def getaddrinfo(host: str, *args: Any, **kwargs: Any) -> Any:
            if host in self.addresses:
                return [
                    found
                    for one in self.addresses[host]
                    for found in real(one, *args, **kwargs)
                ]
            if host.endswith('.example') and host not in self.nameless:
                host = _LOOPBACK
            elif not _is_local(host):
                raise socket.gaierror(
                    socket.EAI_NONAME, 'Name or service not known'
                )
            return real(host, *args, **kwargs)

        return getaddrinfo

    def _ending(self, method: str, url: str) -> type[Exception] | None:
        """The error of a request that the server does not receive.

        The request is recorded.
        """
        if (method, url) not in self._endings:
            return None
        stub, endings = self._endings[method, url]
        ending: type[Exception] | None
        ending = endings[min(stub.call_count, len(endings) - 1)]
        if ending is None or ending not in _UNSERVED:
            return None
        with contextlib.suppress(ending):
            self._send(method, url, {})
        return ending

    def _send(
        self, method: str, url: str, headers: dict[str, str]
    ) -> models.Response:
        """Record a request; returns the response.

        :raises Exception: the exception that a test uses as the response.
        """
        request = models.Request(method, url, headers).prepare()
        # The URL as sent: requests would quote it again.
        request.url = url
        # A response may wait for another request; the next one must not use it.
        place = method, url.partition('?')[0]
        with self._locks.setdefault(place, threading.Lock()):
            return self.adapter.send(request)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, __ = listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        """Answer all requests on a connection."""
        # The client may close the connection at any time.
        with connection, contextlib.suppress(OSError):
            scheme = 'http'
            if connection.recv(1, socket.MSG_PEEK) == _HANDSHAKE:
                scheme = 'https'
                connection = self._tls().wrap_socket(
                    connection, server_side=True
                )
            with connection:
                _Handler(connection, scheme, self.answer)

    def _tls(self) -> ssl.SSLContext:
        """A TLS context that selects the certificate by the requested name."""
        assert self._certificates, 'no certificates for TLS'
        known = self._certificates

        def choose(
            connection: ssl.SSLObject | ssl.SSLSocket,
            host: str | None,
            context: ssl.SSLContext,
        ) -> None:
            host = host or _LOOPBACK
            if host in self._unknown_hosts:
                self._unknown_hosts[host] = True
                connection.context = known.unknown(host)
            else:
                connection.context = known.trusted(host)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = choose
        return context

    def answer(self, handler: '_Handler') -> None:
        """Answer one request."""
        host = handler.headers['Host']
        url = f'{handler.scheme}://{host}{handler.path}'
        place = url.partition('?')[0]
        if place in self._before and not self._before[place].wait(_PATIENCE):
            self.unexpected.append(f'{place} was held back too long')
        try:
            headers = dict(handler.headers.items())
            address = handler.connection.getsockname()[0]
            if address != _LOOPBACK:
                headers[CONNECTED_TO] = address
            response = self._send(handler.command, url, headers)
        except _Hold:
            self._release(place)
            self._over.wait()
            handler.close_connection = True
        except ConnectionAbortedError:
            handler.close_connection = True
        except _Bytes as data:
            handler.wfile.write(*data.args)
            handler.close_connection = True
        except _Begins as answer:
            first, then = answer.args
            handler.send_at_once(first)
            then(handler.send_at_once)
            self._over.wait()
            handler.close_connection = True
        except Exception as error:  # noqa: BLE001 - the test fails by it
            self.unexpected.append(f'{handler.command} {url}: {error!r}')
            handler.send_error(http.HTTPStatus.NOT_IMPLEMENTED)
        else:
            handler.respond(response)
        handler.wfile.flush()
        self._release(place)

    def _release(self, place: str) -> None:
        """Release the requests that wait for this request."""
        if place in self._answered:
            self._answered[place].set()


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection.

    :param answer: answers each request on it.
    """

    protocol_version = 'HTTP/1.1'
    wbufsize = -1

    def __init__(
        self,
        connection: socket.socket,
        scheme: str,
        answer: Callable[['_Handler'], None],
    ) -> None:
        self.scheme = scheme
        self._answer = answer
        # The base class uses the server only to name it.
        super().__init__(connection, connection.getpeername(), None)  # type: ignore[arg-type]

    def finish(self) -> None:
        """Close both files: the first one raises if the client has closed."""
        with self.rfile, self.wfile, contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        self._answer(self)

    do_DELETE = do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def send_at_once(self, data: bytes) -> None:
        """Write bytes without buffering."""
        self.wfile.write(data)
        self.wfile.flush()

    def respond(self, response: models.Response) -> None:
        """Write a response unchanged, with the length of its body."""
        body = response.raw.read(decode_content=False)
        length = response.headers.get('Content-Length')
        self.send_response_only(response.status_code, response.reason)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if length is None and 'Transfer-Encoding' not in response.headers:
            if response.status_code != http.HTTPStatus.NO_CONTENT:
                self.send_header('Content-Length', str(len(body)))
        elif length != str(len(body)):
            # A client that waits for the rest must see the end of the data.
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Log nothing."""


def _routed(
    ending: Callable[[str, str], type[Exception] | None],
    ports: Mapping[type[Exception] | None, int],
    gone: Collection[str],
) -> type[pycurl.Curl]:
    """A class of libcurl handles that connect to ports on this machine.

    :param ending: returns the error of a request with this method and URL, or
        None for the server; called once for each request.
    :param ports: the port for each error.
    :param gone: addresses that refuse connections.
    """

    class Curl(pycurl.Curl):
        """A handle for one request."""

        def __init__(self) -> None:
            super().__init__()
            self._set: dict[int, Any] = {}

        def setopt(self, option: int, value: Any, **more: bool) -> None:
            if option == pycurl.CONNECT_TO and option in self._set:
                (route,) = self._set[option]
                (target,) = value
                address, port = target[2:-1], route.rpartition(':')[2]
                if address in gone:
                    address, port = _LOOPBACK, ports[ConnectionRefusedError]
                value = [f'::{address}:{port}']
            self._set[option] = value
            if option == pycurl.PREREQFUNCTION:
                value = functools.partial(_connected, value, self._set)
            super().setopt(option, value, **more)
            method = self._set.get(pycurl.CUSTOMREQUEST)
            url = self._set.get(pycurl.URL)
            if method and url and pycurl.CONNECT_TO not in self._set:
                port = ports[ending(method, url)]
                self.setopt(pycurl.CONNECT_TO, [f'::{_LOOPBACK}:{port}'])

    def _connected(
        callback: Callable[..., int], options: Mapping[int, Any], *args: object
    ) -> int:
        """Call the callback for a request that is about to be sent.

        A server without a response seems silent for the whole timeout.
        """
        if options[pycurl.CONNECT_TO] != [f'::{_LOOPBACK}:{silent}']:
            return callback(*args)
        loop = asyncio.get_running_loop()
        now = loop.time() - options[pycurl.LOW_SPEED_TIME]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, 'time', lambda: now)
            return callback(*args)

    silent = ports[TimeoutError]
    return Curl


def _port(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def _is_local(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return host == 'localhost'
