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

"""What a person is told when a node does not do what it is asked."""

from collections.abc import Iterator
import datetime
import http.server
import ipaddress
import pathlib
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
import pytest

from tests import cloud as clouds
from tests.functional.conftest import OpenStack
from tests.functional.conftest import Result

COMMANDS = [
    ('list',),
    ('queue', 'an-image'),
    ('delete', 'an-image'),
    ('clear',),
]
PERMISSION = (
    'Log in as an administrator, or have the policies of that Glance '
    '(cache_list, cache_image, cache_delete) allow it.\n'
)


@pytest.fixture(scope='module', autouse=True)
def an_image(cloud: clouds.Cloud, token: str) -> Iterator[None]:
    """An image that everybody can see."""
    image_id = clouds.create_image(
        cloud.glance[0].url, token, 'an-image', visibility='public'
    )
    yield
    clouds.delete_image(cloud.glance[0].url, token, image_id)


@pytest.mark.parametrize('command', COMMANDS)
def test_a_plain_member(
    openstack: OpenStack, cloud: clouds.Cloud, command: tuple[str, ...]
) -> None:
    result = openstack('image', 'cache', *command, user='demo')

    assert (result.code, result.out) == (1, '\n')
    assert result.err.startswith(
        f'Cannot read the cache of {cloud.glance[0].url}: '
    )
    assert result.err.endswith(PERMISSION)
    assert result.err.count('\n') == 1


@pytest.mark.parametrize('command', COMMANDS)
def test_a_node_without_a_cache(
    openstack: OpenStack, cloud: clouds.Cloud, command: tuple[str, ...]
) -> None:
    node = cloud.glance[2].url

    result = openstack('image', 'cache', *command, '--node', node)

    assert result == Result(
        1,
        '\n',
        f'Cannot read the cache of {node}: Its image cache is off. Set '
        "'image_cache_dir' and a flavor with caching in that node's "
        'glance-api.conf, and restart it.\n',
    )


def test_what_is_no_glance(openstack: OpenStack, cloud: clouds.Cloud) -> None:
    """Keystone, for one."""
    node = cloud.auth_url.removesuffix('/v3')

    result = openstack('image', 'cache', 'list', '--node', node)

    assert result == Result(
        1,
        '\n',
        f'Cannot read the cache of {node}: No Glance answers there. Give the '
        "endpoint as in 'openstack endpoint list'.\n",
    )


def test_nobody_listens(openstack: OpenStack) -> None:
    with socket.socket() as taken:
        # Bound and not listening: connections are refused, and nobody
        # else gets the port meanwhile.
        taken.bind(('127.0.0.1', 0))
        node = f'http://127.0.0.1:{taken.getsockname()[1]}'

        result = openstack('image', 'cache', 'list', '--node', node)

    assert result == Result(
        1,
        '\n',
        f'Cannot read the cache of {node}: Cannot connect: Connection '
        'refused. Is glance-api running there, and is this its address?\n',
    )


def test_a_name_that_is_no_host(openstack: OpenStack) -> None:
    result = openstack(
        'image', 'cache', 'list', '--node', 'http://nosuch.invalid:9292'
    )

    assert (result.code, result.out) == (1, '\n')
    assert result.err.startswith(
        'Cannot read the cache of http://nosuch.invalid:9292: Cannot connect: '
    )
    assert result.err.count('\n') == 1


def test_a_node_that_is_silent(openstack: OpenStack) -> None:
    with socket.socket() as silent:
        silent.bind(('127.0.0.1', 0))
        silent.listen()
        node = f'http://127.0.0.1:{silent.getsockname()[1]}'

        result = openstack(
            *('image', 'cache', 'list', '--node', node),
            *('--node-timeout', '0.5'),
        )

    assert result == Result(
        1,
        '\n',
        f'Cannot read the cache of {node}: No answer within 0.5 seconds. Is '
        "the node up? '--node-timeout' sets how long to wait.\n",
    )


@pytest.fixture
def https(tmp_path: pathlib.Path) -> Iterator[str]:
    """The URL of a server whose certificate nobody knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(tmp_path / 'server.pem'))
    server = http.server.ThreadingHTTPServer(
        ('127.0.0.1', 0), http.server.BaseHTTPRequestHandler
    )
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f'https://127.0.0.1:{server.server_address[1]}'
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_certificate_that_does_not_verify(
    openstack: OpenStack, https: str
) -> None:
    result = openstack('image', 'cache', 'list', '--node', https)

    assert (result.code, result.out) == (1, '\n')
    assert result.err.startswith(
        f'Cannot read the cache of {https}: Its TLS certificate does not '
        'verify: '
    )
    assert result.err.endswith(
        "Name its CA with '--os-cacert' or 'cacert' in clouds.yaml.\n"
    )
    assert result.err.count('\n') == 1


def _certificate(path: pathlib.Path) -> pathlib.Path:
    """A key, and a certificate of it signed with itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'nobody')])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address('127.0.0.1'))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
