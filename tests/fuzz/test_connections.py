# SPDX-License-Identifier: Apache-2.0

"""Connections: number, addresses, TLS, proxies, and resources."""

import asyncio
import base64
from collections.abc import Iterator
import contextlib
import hashlib
import os
import pathlib
import resource
import shutil
import socket
import ssl
import struct
import sys
import threading
import time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
import pycurl
import pytest
import requests

from glance_cache_osc import errors
from glance_cache_osc.transport import attempt
from glance_cache_osc.transport import engine as engines
from glance_cache_osc.transport import loop as loops
from tests.faults import certificates
from tests.fuzz import clients
from tests.fuzz import servers
from tests.shell import Result
from tests.shell import run_program

OK = servers.sends(servers.reply([]))
ROOT = pathlib.Path(__file__).parents[2]
NODE_DOWN = 'Check that glance-api is running at this address.'
CHECK_FILES = 'Check --os-cacert, --os-cert, --os-key and clouds.yaml.'


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all proxies from the environment."""
    for name in ('http', 'https', 'all', 'no'):
        monkeypatch.delenv(f'{name}_proxy', raising=False)
        monkeypatch.delenv(f'{name}_proxy'.upper(), raising=False)
    for name in ('REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def loop() -> Iterator[loops.Loop]:
    with loops.Loop() as made:
        yield made


@pytest.fixture
def node() -> Iterator[servers.Server]:
    with servers.Server(OK) as server:
        yield server


def ask(
    loop: loops.Loop,
    url: str,
    method: str = 'GET',
    timeout: float = 5,
    **more: Any,
) -> Any:
    client = clients.client(loop.engine, url, timeout, **more)
    return loop.run(client.request(method, '/v2/cache'))


def failure(loop: loops.Loop, url: str, **more: Any) -> errors.NodeError:
    with pytest.raises(errors.NodeError) as caught:
        ask(loop, url, **more)
    return caught.value


def resolve_to(
    monkeypatch: pytest.MonkeyPatch, addresses: dict[str, list[str]]
) -> None:
    """Set the addresses of names; other names have no address."""

    def getaddrinfo(host: str, port: int, **_: Any) -> Any:
        if host not in addresses:
            raise socket.gaierror(-2, 'Name or service not known')
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, '', (address, port))
            for address in addresses[host]
        ]

    monkeypatch.setattr(socket, 'getaddrinfo', getaddrinfo)


def closes_the_second() -> servers.Answer:
    """Answer one request on a connection; close it at the next request."""
    answered: set[socket.socket] = set()

    def answer(head: bytes, connection: socket.socket) -> object:
        if connection in answered:
            return None
        answered.add(connection)
        connection.sendall(servers.reply([], kept=True))
        return servers.KEPT

    return answer


@pytest.mark.parametrize('method', ['PUT', 'POST', 'DELETE'])
def test_a_change_arrives_once_on_whatever_connection(
    loop: loops.Loop, node: servers.Server, method: str
) -> None:
    """Otherwise libcurl repeats it if a kept connection was closed."""
    node.answer = closes_the_second()
    client = clients.client(loop.engine, node.url, 5)

    async def read_and_change_twice() -> None:
        for what in ('GET', method, method):
            await client.request(what, '/v2/cache')

    loop.run(read_and_change_twice())

    assert node.methods == ['GET', method, method]
    assert node.connections == 3


def test_a_change_without_a_response_is_not_repeated(
    loop: loops.Loop, node: servers.Server
) -> None:
    node.answer = servers.sends(b'')

    error = failure(loop, node.url, method='PUT')

    assert isinstance(error, errors.Unreachable)
    assert str(error) == (
        'The connection broke: Empty reply from server. The request may have '
        'succeeded: check the result before you retry.'
    )
    assert node.methods == ['PUT']


def test_a_change_with_a_late_response_may_have_succeeded(
    loop: loops.Loop, node: servers.Server
) -> None:
    node.answer = servers.falls_silent()

    messages = {
        method: str(failure(loop, node.url, method=method, timeout=0.2))
        for method in ('PUT', 'POST', 'DELETE', 'GET')
    }

    late = 'No response within 0.2 seconds.'
    wait = 'To wait longer, use --node-timeout.'
    changed = (
        f'{late} The request may have succeeded: check the result before you '
        f'retry. {wait}'
    )
    assert messages == {
        **dict.fromkeys(('PUT', 'POST', 'DELETE'), changed),
        'GET': f'{late} Check that the service is up. {wait}',
    }


def test_a_change_with_a_slow_body_may_have_succeeded(
    loop: loops.Loop, node: servers.Server
) -> None:
    """One body stalls, the other one does not end in time."""
    for block, every in ((b'', 9), (b' ' * 1000, 0.05)):
        node.answer = servers.drips(servers.HEAD + b'\r\n', block, every)

        error = failure(loop, node.url, method='POST', timeout=0.15)

        assert isinstance(error, errors.TimedOut)
        assert error.remedy == (
            'The request may have succeeded: check the result before you '
            'retry. To wait longer, use --node-timeout.'
        )


def test_a_get_is_repeated_if_a_kept_connection_was_closed(
    loop: loops.Loop, node: servers.Server
) -> None:
    node.answer = closes_the_second()

    assert [ask(loop, node.url) for _ in range(2)] == [[], []]
    assert node.methods == ['GET', 'GET', 'GET']


def test_a_node_that_goes_down_during_a_read_refuses_the_repetition(
    loop: loops.Loop, node: servers.Server
) -> None:
    """A read is repeated when its kept connection is closed."""
    kept = servers.sends(servers.reply([], kept=True), kept=True)

    def answer(head: bytes, connection: socket.socket) -> object:
        if len(node.heads) == 1:
            return kept(head, connection)
        node.__exit__()
        return None

    node.answer = answer
    assert ask(loop, node.url) == []

    error = failure(loop, node.url)

    assert len(node.heads) == 2
    assert isinstance(error, errors.Unreachable)
    assert (error.down, error.connected) == (True, False)
    assert str(error) == f'Cannot connect: Connection refused. {NODE_DOWN}'


def test_connections_are_kept(loop: loops.Loop, node: servers.Server) -> None:
    node.answer = servers.sends(servers.reply([], kept=True), kept=True)

    assert [ask(loop, node.url) for _ in range(5)] == [[]] * 5

    assert len(node.heads) == 5
    assert node.connections == 1


def test_a_connection_that_is_refused(loop: loops.Loop) -> None:
    with socket.socket() as nobody:
        nobody.bind(('127.0.0.1', 0))
        error = failure(loop, f'http://127.0.0.1:{nobody.getsockname()[1]}')

    assert type(error) is errors.Unreachable
    assert (error.down, error.connected) == (True, False)
    assert str(error) == f'Cannot connect: Connection refused. {NODE_DOWN}'


@pytest.mark.parametrize('scheme', ['ftp', 'gopher', 'telnet'])
def test_only_http_and_https_are_allowed(
    loop: loops.Loop, node: servers.Server, scheme: str
) -> None:
    error = failure(loop, f'{scheme}://{node.netloc}/')

    assert isinstance(error, errors.NodeError)
    assert node.connections == 0


def test_a_connection_that_is_reset(
    loop: loops.Loop, node: servers.Server
) -> None:
    def answer(head: bytes, connection: socket.socket) -> None:
        connection.sendall(servers.HEAD + b'Content-Length: 9\r\n\r\n[1')
        time.sleep(0.05)
        at_once = struct.pack('ii', 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        connection.close()

    node.answer = answer

    error = failure(loop, node.url)

    assert type(error) is errors.Unreachable
    assert (error.down, error.connected) == (False, True)
    assert error.why.startswith('The connection broke: ')
    assert 'reset' in error.why.lower()


@contextlib.contextmanager
def silent(*addresses: str) -> Iterator[int]:
    """A port that neither refuses nor accepts connections."""
    with contextlib.ExitStack() as stack:
        port = 0
        for address in addresses:
            listener = stack.enter_context(socket.socket())
            listener.bind((address, port))
            port = listener.getsockname()[1]
            listener.listen(0)
            # Fill the backlog; all further connections wait.
            for _ in range(4):
                waits = stack.enter_context(socket.socket())
                waits.setblocking(False)
                waits.connect_ex((address, port))
        yield port


FIVE = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5', '127.0.0.6']


@pytest.mark.parametrize('addresses', [FIVE[:1], FIVE])
def test_all_addresses_of_a_name_have_one_timeout_together(
    loop: loops.Loop, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    """The message states the timeout."""
    resolve_to(monkeypatch, {'edge.example': addresses})
    with silent(*addresses) as port:
        began = time.monotonic()
        error = failure(loop, f'http://edge.example:{port}', timeout=0.4)
        seconds = time.monotonic() - began

    assert isinstance(error, errors.TimedOut)
    assert error.connected is False
    assert str(error) == (
        'No response within 0.4 seconds. Check that the service is up. To '
        'wait longer, use --node-timeout.'
    )
    assert 0.35 < seconds < 1.2


def test_an_address_that_is_silent_does_not_hide_one_that_answers(
    loop: loops.Loop, node: servers.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, {'edge.example': ['127.0.0.2', '127.0.0.1']})

    assert ask(loop, f'http://edge.example:{node.port}') == []


def test_waiting_for_a_connection_does_not_use_up_the_timeout(
    monkeypatch: pytest.MonkeyPatch, node: servers.Server
) -> None:
    """The limits of libcurl itself would include this time."""
    monkeypatch.setattr(engines, '_MAX_CONNECTIONS', 3)
    at_once: list[int] = []
    under_way: set[socket.socket] = set()

    def answer(head: bytes, connection: socket.socket) -> None:
        under_way.add(connection)
        at_once.append(len(under_way))
        time.sleep(0.1)
        under_way.discard(connection)
        connection.sendall(servers.reply([]))

    node.answer = answer

    with loops.Loop() as loop:
        client = clients.client(loop.engine, node.url, 0.3)
        outcomes = loop.run(
            attempt.attempt(
                lambda _job: client.request('GET', '/v2/cache'),
                [object() for _ in range(15)],
            )
        )

    assert [one.value for one in outcomes] == [[]] * 15
    assert max(at_once) == 3


def test_http_1_1_is_spoken_whatever_the_server_offers(
    loop: loops.Loop, tmp_path: pathlib.Path
) -> None:
    authority = certificates.Authority(tmp_path)
    tls = authority.server('node')
    tls.set_alpn_protocols(['h2', 'http/1.1'])
    agreed: list[str | None] = []

    def answer(head: bytes, connection: socket.socket) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        agreed.append(connection.selected_alpn_protocol())
        connection.sendall(servers.reply([]))

    session = clients.session()
    session.verify = str(authority.path)
    with servers.Server(answer, tls) as node:
        assert ask(loop, node.url, logged_in=session) == []

    assert agreed == ['http/1.1']
    assert node.heads[0].startswith(b'GET /v2/cache HTTP/1.1\r\n')
    assert b'Upgrade' not in node.heads[0]


def test_no_password_of_a_netrc_is_sent(
    loop: loops.Loop,
    node: servers.Server,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / '.netrc'
    path.write_text('machine 127.0.0.1 login admin password secret\n')
    path.chmod(0o600)
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('NETRC', str(path))

    ask(loop, node.url)

    assert b'Authorization' not in node.heads[0]


@pytest.fixture(scope='module')
def authority(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return certificates.Authority(tmp_path_factory.mktemp('certificates'))


@pytest.fixture(scope='module')
def secure(
    authority: certificates.Authority,
) -> Iterator[servers.Server]:
    """A node with TLS."""
    with servers.Server(OK, authority.server('of the node')) as server:
        yield server


def folder_of(authority: certificates.Authority) -> pathlib.Path:
    """A directory of CA certificates, in the form of `openssl rehash`."""
    pem = authority.path.read_bytes()
    name = x509.load_pem_x509_certificate(pem).subject.public_bytes()
    # X509_NAME_hash: hash of the name without its outermost length bytes.
    digest = hashlib.sha1(name[2:], usedforsecurity=False).digest()
    hashed = f'{int.from_bytes(digest[:4], "little"):08x}.0'
    folder = authority.path.parent / 'folder'
    folder.mkdir(exist_ok=True)
    (folder / hashed).write_bytes(pem)
    return folder


def test_the_ca_may_be_a_file_or_a_folder(
    loop: loops.Loop,
    secure: servers.Server,
    authority: certificates.Authority,
) -> None:
    for path in (authority.path, folder_of(authority)):
        session = clients.session()
        session.verify = str(path)
        assert ask(loop, secure.url, logged_in=session) == []


@pytest.mark.parametrize('default', ['CAINFO', 'CAPATH'])
@pytest.mark.parametrize('server', ['node', 'proxy'])
def test_only_the_ca_of_the_user_is_trusted(
    loop: loops.Loop,
    authority: certificates.Authority,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
    server: str,
    default: str,
) -> None:
    """By default, libcurl trusts the CAs of the system."""
    is_file = default == 'CAINFO'
    prefix = 'PROXY_' if server == 'proxy' else ''
    option = getattr(pycurl, prefix + default)
    system = authority.path if is_file else folder_of(authority)

    class Curl(pycurl.Curl):
        """As in a system that trusts this CA."""

        def __init__(self) -> None:
            super().__init__()
            self.setopt(option, str(system))

    monkeypatch.setattr(pycurl, 'Curl', Curl)
    # OpenSSL finds CAs by their names.
    other = certificates.Authority(tmp_path, 'other')
    given = folder_of(other) if is_file else other.path
    with servers.Server(OK, authority.server('trap')) as trap:
        url = trap.url
        if server == 'proxy':
            monkeypatch.setenv('http_proxy', url)
            url = 'http://edge.example'

        rejection(loop, url, given)

        assert trap.heads == []
        session = clients.session()
        session.verify = str(system)
        assert ask(loop, url, logged_in=session) == []


def test_a_kept_connection_is_for_the_same_ca_only(
    loop: loops.Loop, authority: certificates.Authority, tmp_path: pathlib.Path
) -> None:
    other = certificates.Authority(tmp_path)
    answer = servers.sends(servers.reply([], kept=True), kept=True)
    session = clients.session()
    with servers.Server(answer, authority.server('keeps')) as node:
        for ca in (authority.path, folder_of(authority)):
            session.verify = str(ca)
            for __ in range(2):
                assert ask(loop, node.url, logged_in=session) == []
            for refused in (other.path, folder_of(other)):
                rejection(loop, node.url, refused)

        assert len(node.heads) == 4


def test_the_ca_may_come_from_the_environment(
    loop: loops.Loop,
    secure: servers.Server,
    authority: certificates.Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('CURL_CA_BUNDLE', str(authority.path))

    assert ask(loop, secure.url) == []


def test_any_certificate_is_accepted_if_the_user_says_so(
    loop: loops.Loop, secure: servers.Server
) -> None:
    session = clients.session()
    session.verify = False

    assert ask(loop, secure.url, logged_in=session) == []


def rejection(loop: loops.Loop, url: str, ca: pathlib.Path | None) -> str:
    session = clients.session()
    if ca:
        session.verify = str(ca)
    error = failure(loop, url, logged_in=session)
    assert isinstance(error, errors.CertificateRejected)
    assert error.connected is False
    return str(error)


@pytest.mark.parametrize('server', ['node', 'proxy'])
def test_a_certificate_that_is_rejected_says_what_to_do(
    loop: loops.Loop,
    authority: certificates.Authority,
    monkeypatch: pytest.MonkeyPatch,
    server: str,
) -> None:
    contexts = {
        'unknown': authority.server('unknown'),
        'expired': authority.server('expired', from_day=-9),
        'early': authority.server('early', from_day=3),
        'another': authority.server('another', host='glance.example'),
    }
    messages = {}
    for name, tls in contexts.items():
        ca = None if name == 'unknown' else authority.path
        with servers.Server(OK, tls) as node:
            url = node.url
            if server == 'proxy':
                monkeypatch.setenv('http_proxy', url)
                url = 'http://edge.example'
            messages[name] = rejection(loop, url, ca)
            assert node.heads == []

    assert messages == {
        'unknown': 'The TLS certificate is not from a trusted CA: SSL '
        'certificate OpenSSL verify result: unable to get local '
        'issuer certificate (20). Set its CA with --os-cacert or '
        "'cacert' in clouds.yaml.",
        'expired': 'The TLS certificate has expired or is not yet valid: SSL '
        'certificate OpenSSL verify result: certificate has '
        'expired (10). Renew the certificate, or correct the clock '
        'of this machine.',
        'early': 'The TLS certificate has expired or is not yet valid: SSL '
        'certificate OpenSSL verify result: certificate is not yet '
        'valid or the system clock is incorrect (9). Renew the '
        'certificate, or correct the clock of this machine.',
        'another': 'The TLS certificate is for another host: SSL: no '
        'alternative certificate subject name matches target IPv4 '
        "address '127.0.0.1'. Use an endpoint with a host name of "
        'the certificate.',
    }


def test_http_behind_https_is_no_matter_of_certificates(
    loop: loops.Loop,
) -> None:
    """A CA is not the remedy."""
    with socket.create_server(('127.0.0.1', 0)) as plain:

        def answer() -> None:
            connection, _ = plain.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(servers.reply([], '400 Bad Request'))

        answering = threading.Thread(target=answer)
        answering.start()
        error = failure(loop, f'https://127.0.0.1:{plain.getsockname()[1]}')
        answering.join()

    assert type(error) is errors.TLSFailed
    assert error.why.startswith('TLS failed: ')
    assert error.remedy == 'Check that the endpoint uses HTTPS.'


@pytest.mark.parametrize('option', ['verify', 'cert'])
def test_a_file_that_is_missing_is_named(
    loop: loops.Loop, secure: servers.Server, option: str
) -> None:
    """Other nodes may not require the file."""
    session = clients.session()
    setattr(session, option, '/gone.pem')
    if option == 'cert':
        session.verify = False

    error = failure(loop, secure.url, logged_in=session)

    assert type(error) is errors.NodeError
    assert error.why.startswith('The request was not sent: ')
    assert '/gone.pem' in error.why
    assert error.remedy == CHECK_FILES


@pytest.mark.parametrize('key', ['another', 'encrypted', 'none'])
def test_a_key_that_cannot_be_used_is_not_the_nodes_fault(
    loop: loops.Loop,
    secure: servers.Server,
    authority: certificates.Authority,
    tmp_path: pathlib.Path,
    capfd: pytest.CaptureFixture[str],
    key: str,
) -> None:
    """OpenSSL does not ask for a passphrase, either."""
    for name in ('mine', 'another'):
        authority.server(name)
    mine, another = (
        authority.path.parent / f'{name}.pem' for name in ('mine', 'another')
    )
    encrypted = tmp_path / 'encrypted.pem'
    encrypted.write_bytes(
        serialization.load_pem_private_key(
            mine.read_bytes(), None
        ).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b'secret'),
        )
    )
    files = {
        'another': (mine, another),
        'encrypted': (mine, encrypted),
        'none': (authority.path, authority.path),
    }[key]
    session = clients.session()
    session.verify = str(authority.path)
    session.cert = (str(files[0]), str(files[1]))

    error = failure(loop, secure.url, logged_in=session)

    assert type(error) is errors.NodeError
    assert not errors.is_unreachable(error)
    assert str(error) == (
        'The request was not sent: unable to set private key file: '
        f"'{files[1]}' type PEM. {CHECK_FILES}"
    )
    assert capfd.readouterr() == ('', '')


def requiring_a_certificate(
    authority: certificates.Authority,
) -> ssl.SSLContext:
    tls = authority.server('asks')
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(authority.path)
    return tls


@pytest.mark.parametrize('name', ['größe', '東京', b'\xff'])
@pytest.mark.parametrize('kind', ['file', 'folder'])
def test_paths_of_certificates_may_be_any_text(
    loop: loops.Loop,
    authority: certificates.Authority,
    tmp_path: pathlib.Path,
    name: str | bytes,
    kind: str,
) -> None:
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    authority.server('of the client')
    pem = authority.path.parent / 'of the client.pem'
    ca = authority.path if kind == 'file' else folder_of(authority)
    copied = [
        shutil.copytree(ca, folder / 'ca')
        if ca.is_dir()
        else shutil.copy(ca, folder / 'ca'),
        shutil.copy(pem, folder / 'cert'),
        shutil.copy(pem, folder / 'key'),
    ]
    session = clients.session()
    with servers.Server(OK, requiring_a_certificate(authority)) as node:
        # One path at a time.
        for at in range(3):
            verify, cert, key = (
                str(there if at == index else here)
                for index, (here, there) in enumerate(
                    zip((ca, pem, pem), copied)
                )
            )
            session.verify, session.cert = verify, (cert, key)
            assert ask(loop, node.url, logged_in=session) == []


def test_a_client_certificate_is_shown_to_a_node_that_asks(
    loop: loops.Loop, authority: certificates.Authority
) -> None:
    tls = requiring_a_certificate(authority)
    authority.server('of the client')
    session = clients.session()
    session.verify = str(authority.path)

    with servers.Server(OK, tls) as node:
        assert isinstance(
            failure(loop, node.url, logged_in=session), errors.Unreachable
        )
        session.cert = str(authority.path.parent / 'of the client.pem')
        assert ask(loop, node.url, logged_in=session) == []


def tunnel(head: bytes, connection: socket.socket) -> None:
    """Act as a proxy for CONNECT."""
    host, _, port = head.split(b' ')[1].decode().partition(':')
    with socket.create_connection((host, int(port))) as there:
        there.settimeout(servers.PATIENCE)
        connection.sendall(b'HTTP/1.1 200 Go on\r\nX-Proxy: yes\r\n\r\n')
        back = threading.Thread(target=copy, args=(there, connection))
        back.start()
        copy(connection, there)
        back.join()


def copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(65536):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize('name', ['http_proxy', 'HTTP_PROXY', 'all_proxy'])
@pytest.mark.parametrize('form', ['http://{}', '{}', 'http://a:b@{}/'])
def test_a_proxy_of_the_environment_is_asked_for_a_node(
    loop: loops.Loop, monkeypatch: pytest.MonkeyPatch, name: str, form: str
) -> None:
    """In all forms that other programs accept."""
    with servers.Server(OK) as proxy:
        monkeypatch.setenv(name, form.format(proxy.netloc))
        assert ask(loop, 'http://edge.example:9292') == []

    (head,) = proxy.heads
    assert head.startswith(
        b'GET http://edge.example:9292/v2/cache HTTP/1.1\r\n'
    )
    assert (b'Proxy-Authorization: Basic YTpi\r\n' in head) == ('@' in form)


@pytest.mark.parametrize(
    ('login', 'sent'),
    [
        ('jörg:größe', b'j\xf6rg:gr\xf6\xdfe'),
        ('j%C3%B6rg:gr%C3%B6%C3%9Fe', b'j\xf6rg:gr\xf6\xdfe'),
        ('a:b%40%3A%25', b'a:b@:%'),
    ],
)
def test_a_password_of_a_proxy_is_sent_as_requests_sends_it(
    loop: loops.Loop, monkeypatch: pytest.MonkeyPatch, login: str, sent: bytes
) -> None:
    with servers.Server(OK) as proxy:
        monkeypatch.setenv('http_proxy', f'http://{login}@{proxy.netloc}')
        assert ask(loop, 'http://edge.example') == []
        requests.get('http://edge.example', timeout=5)

    assert [authorization(head) for head in proxy.heads] == [sent, sent]


@pytest.mark.parametrize('login', ['a:€', 'a:%E2%82%AC', b'a:\xe2\x82\xac'])
def test_a_password_of_a_proxy_may_be_any_text(
    loop: loops.Loop, monkeypatch: pytest.MonkeyPatch, login: str | bytes
) -> None:
    """Requests cannot send it."""
    with servers.Server(OK) as proxy:
        monkeypatch.setenv(
            'http_proxy', f'http://{os.fsdecode(login)}@{proxy.netloc}'
        )
        assert ask(loop, 'http://edge.example') == []

    assert authorization(*proxy.heads) == 'a:€'.encode()


def authorization(head: bytes) -> bytes:
    """The user name and password that a proxy receives."""
    __, __, rest = head.partition(b'Proxy-Authorization: Basic ')
    return base64.b64decode(rest.partition(b'\r\n')[0])


def test_the_name_of_a_proxy_may_be_in_any_script(
    loop: loops.Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, {'xn--bcher-kva.example': ['127.0.0.1']})
    with servers.Server(OK) as proxy:
        monkeypatch.setenv('http_proxy', f'http://Bücher.example:{proxy.port}')
        assert ask(loop, 'http://edge.example') == []

    assert len(proxy.heads) == 1


@pytest.mark.parametrize(
    ('token', 'sent'), [('gr\xf6\xdfe', b'gr\xf6\xdfe'), ('5 €', b'5 ?')]
)
def test_a_token_may_be_any_text(
    loop: loops.Loop, node: servers.Server, token: str, sent: bytes
) -> None:
    """Glance rejects it, and not the plugin."""
    assert ask(loop, node.url, logged_in=clients.session(token)) == []

    assert b'\r\nX-Auth-Token: ' + sent + b'\r\n' in node.heads[0]


def test_a_proxy_that_is_down_is_not_the_nodes_fault(
    loop: loops.Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:
        nobody.bind(('127.0.0.1', 0))
        netloc = f'127.0.0.1:{nobody.getsockname()[1]}'
        monkeypatch.setenv('http_proxy', f'http://{netloc}')
        message = str(failure(loop, 'http://edge.example'))

    assert message == (
        f'Cannot connect: Connection refused (through the proxy {netloc}). '
        'Check http_proxy, https_proxy and no_proxy in the environment.'
    )


def test_a_proxy_without_a_port_is_at_that_of_its_scheme(
    loop: loops.Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default port of libcurl would be 1080."""
    ports: list[int] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> Any:
        ports.append(port)
        raise socket.gaierror(-2, 'Name or service not known')

    monkeypatch.setattr(socket, 'getaddrinfo', getaddrinfo)
    for proxy in ('http://proxy.example', 'proxy.example', 'https://proxy'):
        monkeypatch.setenv('http_proxy', proxy)
        failure(loop, 'http://edge.example:9292')

    assert ports == [80, 80, 443]


@pytest.mark.parametrize(
    ('host', 'exceptions'),
    [
        ('127.0.0.1', '127.0.0.1'),
        ('127.0.0.1', '*'),
        ('127.0.0.1', 'example.org,127.0.0.1'),
        ('127.0.0.1', '127.0.0.0/8'),
        # libcurl itself does not match this form.
        ('localhost', 'localhost:{port}'),
    ],
)
def test_nodes_that_need_no_proxy_are_asked_directly(
    loop: loops.Loop,
    node: servers.Server,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    exceptions: str,
) -> None:
    with servers.Server(servers.sends(b'')) as proxy:
        monkeypatch.setenv('http_proxy', proxy.url)
        monkeypatch.setenv('no_proxy', exceptions.format(port=node.port))
        assert ask(loop, f'http://{host}:{node.port}') == []

    assert proxy.heads == []
    assert node.heads[0].startswith(b'GET /v2/cache HTTP/1.1\r\n')


def test_https_goes_through_a_proxy_that_sees_no_token(
    loop: loops.Loop,
    secure: servers.Server,
    authority: certificates.Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = clients.session()
    session.verify = str(authority.path)
    before = len(secure.heads)
    with servers.Server(tunnel) as proxy:
        monkeypatch.setenv('https_proxy', proxy.url)
        assert ask(loop, secure.url, logged_in=session) == []

    (connect,) = proxy.heads
    assert connect.startswith(f'CONNECT {secure.netloc} HTTP/1.1'.encode())
    assert servers.TOKEN.encode() not in connect
    (head,) = secure.heads[before:]
    assert head.startswith(b'GET /v2/cache HTTP/1.1\r\n')
    assert servers.TOKEN.encode() in head


@pytest.mark.parametrize(
    ('answer', 'expected'),
    [
        (servers.falls_silent(), 'No response within 0.3 seconds'),
        (
            servers.sends(servers.reply(b'no', '403 Forbidden')),
            'Cannot connect: CONNECT tunnel failed, response 403',
        ),
    ],
)
def test_a_proxy_that_connects_nobody_is_named(
    loop: loops.Loop,
    monkeypatch: pytest.MonkeyPatch,
    answer: servers.Answer,
    expected: str,
) -> None:
    with servers.Server(answer) as proxy:
        monkeypatch.setenv('https_proxy', f'http://admin:pw@{proxy.netloc}/')
        began = time.monotonic()
        error = failure(loop, 'https://edge.example', timeout=0.3)

    assert isinstance(error, errors.Unreachable)
    assert error.connected is False
    assert str(error) == (
        f'{expected} (through the proxy {proxy.netloc}). Check http_proxy, '
        'https_proxy and no_proxy in the environment.'
    )
    assert time.monotonic() - began < 4


def files() -> list[str]:
    """The open files of this process."""
    folder = pathlib.Path('/proc/self/fd')
    found = []
    for one in folder.iterdir():
        with contextlib.suppress(OSError):
            found.append(str(one.readlink()))
    return sorted(found)


def test_a_command_leaves_no_thread_file_or_limit(
    node: servers.Server, secure: servers.Server
) -> None:
    """Independent of the results of the requests."""
    node.answer = servers.sends(servers.reply([], kept=True), kept=True)
    urls = [
        *(node.url, secure.url, 'http://127.0.0.1:1'),
        *('http://nosuch.invalid', 'http://localhost:1'),
    ]
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[0] != resource.RLIM_INFINITY:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (min(900, limits[0]), limits[1])
        )
    low = resource.getrlimit(resource.RLIMIT_NOFILE)

    def run() -> None:
        with loops.Loop() as loop:
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= low[0]
            loop.run(
                attempt.attempt(
                    lambda url: clients.client(loop.engine, url, 1).request(
                        'GET', '/'
                    ),
                    urls * 3,
                )
            )

    try:
        run()
        before = len(files()), threading.active_count()
        for _ in range(3):
            run()
        # The threads of the servers end when their connections are closed.
        end = time.monotonic() + 5
        while time.monotonic() < end:
            after = len(files()), threading.active_count()
            if after <= before:
                break
            time.sleep(0.01)
        assert after <= before
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == low
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_the_limit_of_open_files_is_raised_for_a_command() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with loops.Loop() as loop:
            assert loop.engine
            raised = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (256, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert raised == min(4064, hard)


def test_a_connection_is_kept_for_the_next_request(
    loop: loops.Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also at the maximum number of connections."""
    monkeypatch.setattr(engines, '_MAX_CONNECTIONS', 8)
    monkeypatch.setattr(attempt, '_MAX_TASKS', 8)
    answer = servers.sends(servers.reply([], kept=True), kept=True)
    hosts = [f'127.1.0.{at}' for at in range(1, 41)]

    async def request_twice(host: str) -> None:
        client = clients.client(loop.engine, f'http://{host}:{server.port}', 5)
        await client.request('GET', '/versions')
        await client.request('GET', '/v2/cache')

    with servers.Server(answer, host='0.0.0.0') as server:  # noqa: S104
        outcomes = loop.run(attempt.attempt(request_twice, hosts))

    assert [one.error for one in outcomes] == [None] * 40
    assert len(server.methods) == 80
    assert server.connections == 40


def test_a_request_that_is_cancelled_leaves_nothing(
    loop: loops.Loop, node: servers.Server
) -> None:
    """Before the response, in the body, and while it waits for a slot."""
    large = b'[' + b' ' * 2**20
    for beginning in (
        b'',
        servers.HEAD + b'Content-Length: 9\r\n\r\n[1',
        servers.HEAD + b'\r\n' + large,
    ):
        node.answer = servers.falls_silent(beginning)
        client = clients.client(loop.engine, node.url, 20)

        async def cancelled(client: Any = client) -> set[Any]:
            for _ in range(32):
                await loop.engine.large.acquire()
            request = asyncio.ensure_future(client.request('GET', '/'))
            # At this time, the beginning of the response has arrived.
            await asyncio.sleep(0.1)
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            for _ in range(32):
                loop.engine.large.release()
            await asyncio.sleep(0.01)
            return asyncio.all_tasks() - {asyncio.current_task()}

        assert loop.run(cancelled()) == set()
        assert node.heads
        assert node.hung_up.acquire(timeout=2)

    async def all_slots() -> None:
        for _ in range(32):
            async with asyncio.timeout(1):
                await loop.engine.large.acquire()
        assert loop.engine.large.locked()
        for _ in range(32):
            loop.engine.large.release()

    loop.run(all_slots())
    node.answer = OK
    assert ask(loop, node.url) == []


FEW_FILES = """
import collections, resource, sys
from glance_cache_osc.transport import attempt, loop
from tests.fuzz import clients
for files in (70, 10):
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    with loop.Loop() as made:
        client = clients.client(made.engine, sys.argv[1], 2)
        outcomes = made.run(
            attempt.attempt(
                lambda _job: client.request('GET', '/'),
                [object() for _ in range(50)],
            )
        )
    print(collections.Counter(
        str(one.error or one.value).partition(':')[0] for one in outcomes
    ))
"""


def test_few_open_files_are_waited_for_and_none_is_an_error(
    node: servers.Server,
) -> None:
    """With three connections, and with none; the command always ends."""
    done = run_program(
        *(sys.executable, '-c', FEW_FILES, node.url),
        folder=ROOT,
        timeout=servers.PATIENCE,
    )

    assert done == Result(
        0,
        "Counter({'[]': 50})\nCounter({'Cannot connect': 50})\n",
        '',
    )
