# SPDX-License-Identifier: Apache-2.0

"""Real Glances behind TLS, with a private CA and what goes wrong with it."""

from collections.abc import Iterator
import contextlib
import pathlib
import re
import shutil
import ssl

from OpenSSL import crypto
import pytest

from tests import cloud as clouds
from tests.cloud import Cache
from tests.cloud import Images
from tests.faults.certificates import Authority
from tests.functional.conftest import OpenStack
from tests.relay import Relay

LIST = ('image', 'cache', 'list', '-f', 'json')
FLEET = ('--os-cloud', 'demo-cloud', *LIST)
#: What is said of a certificate; the end of it is libcurl's.
UNKNOWN_CA = (
    'The TLS certificate is not from a trusted CA: SSL certificate OpenSSL '
    'verify result: unable to get local issuer certificate (20). Set its CA '
    "with --os-cacert or 'cacert' in clouds.yaml."
)


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> Authority:
    """The CA that this cloud has."""
    return Authority(tmp_path)


@pytest.fixture
def nodes(
    authority: Authority, cloud: clouds.Cloud, tmp_path: pathlib.Path
) -> Iterator[dict[str, str]]:
    """The same Glance behind five certificates: name → https endpoint."""
    strange = Authority(tmp_path, 'strange-ca')
    contexts = {
        'good': authority.server('good'),
        'strange': strange.server('strange'),
        'misnamed': authority.server('misnamed', host='glance.example.net'),
        'expired': authority.server('expired', from_day=-3),
        'early': authority.server('early', from_day=1),
    }
    with contextlib.ExitStack() as stack:
        port = cloud.glance[0].port.number
        nodes = {
            name: stack.enter_context(Relay(port, tls=context)).url
            for name, context in contexts.items()
        }
        cloud.clouds_yaml(tmp_path / 'clouds.yaml', nodes)
        yield nodes


@pytest.fixture
def alpha(images: Images, cache: Cache) -> str:
    """An image that is in the cache of that Glance."""
    alpha = images('alpha')
    cache.fill(alpha)
    return alpha


def test_each_certificate_that_does_not_verify_says_why(
    openstack: OpenStack,
    authority: Authority,
    nodes: dict[str, str],
    alpha: str,
) -> None:
    result = openstack('--os-cacert', str(authority.path), *FLEET)

    assert result.code == 1
    assert [(row['Name'], row['Node']) for row in result.rows] == [
        ('alpha', 'good')
    ]
    assert result.err.splitlines() == [
        f'Cannot read the cache of strange ({nodes["strange"]}): {UNKNOWN_CA}',
        f'Cannot read the cache of misnamed ({nodes["misnamed"]}): The TLS '
        'certificate is for another host: SSL: no alternative certificate '
        "subject name matches target IPv4 address '127.0.0.1'. Use an "
        'endpoint with a host name of the certificate.',
        f'Cannot read the cache of expired ({nodes["expired"]}): The TLS '
        'certificate has expired or is not yet valid: SSL certificate '
        'OpenSSL verify result: certificate has expired (10). Renew the '
        'certificate, or correct the clock of this machine.',
        f'Cannot read the cache of early ({nodes["early"]}): The TLS '
        'certificate has expired or is not yet valid: SSL certificate '
        'OpenSSL verify result: certificate is not yet valid or the system '
        'clock is incorrect (9). Renew the certificate, or correct the clock '
        'of this machine.',
    ]


def test_a_name_that_the_certificate_does_not_have(
    openstack: OpenStack, authority: Authority, nodes: dict[str, str]
) -> None:
    url = nodes['misnamed'].replace('127.0.0.1', 'localhost')

    result = openstack(
        '--os-cacert', str(authority.path), *LIST, '--node', url
    )

    assert (result.code, result.rows) == (1, [])
    assert result.err == (
        f'Cannot read the cache of {url}: The TLS certificate is for another '
        'host: SSL: no alternative certificate subject name matches target '
        "hostname 'localhost'. Use an endpoint with a host name of the "
        'certificate.\n'
    )


def test_a_private_ca_is_not_trusted_unless_it_is_named(
    openstack: OpenStack, nodes: dict[str, str], alpha: str
) -> None:
    result = openstack(*FLEET, '--node', 'good')

    assert (result.code, result.rows) == (1, [])
    assert result.err == (
        f'Cannot read the cache of good ({nodes["good"]}): {UNKNOWN_CA}\n'
    )


def test_the_ca_may_stand_in_clouds_yaml(
    openstack: OpenStack,
    authority: Authority,
    nodes: dict[str, str],
    alpha: str,
    tmp_path: pathlib.Path,
) -> None:
    with (tmp_path / 'clouds.yaml').open('a') as file:
        file.write(f'    cacert: {authority.path}\n')

    result = openstack(*FLEET, '--node', 'good')

    assert (result.code, result.err) == (0, '')
    assert [row['ID'] for row in result.rows] == [alpha]


def test_the_ca_may_be_in_a_folder(
    openstack: OpenStack,
    authority: Authority,
    nodes: dict[str, str],
    alpha: str,
    tmp_path: pathlib.Path,
) -> None:
    """As OpenSSL has it: files are named for the hashes of their subjects."""
    folder = tmp_path / 'trusted'
    folder.mkdir()
    shutil.copy(authority.path, folder / f'{subject_hash(authority)}.0')

    result = openstack('--os-cacert', str(folder), *FLEET, '--node', 'good')
    strange = openstack(
        '--os-cacert', str(folder), *FLEET, '--node', 'strange'
    )

    assert (result.code, result.err) == (0, '')
    assert [row['ID'] for row in result.rows] == [alpha]
    assert (strange.code, strange.rows) == (1, [])
    assert strange.err == (
        f'Cannot read the cache of strange ({nodes["strange"]}): '
        f'{UNKNOWN_CA}\n'
    )


@pytest.fixture
def picky(authority: Authority, cloud: clouds.Cloud) -> Iterator[str]:
    """A node that wants to see a certificate of its clients."""
    context = authority.server('picky')
    context.load_verify_locations(authority.path)
    context.verify_mode = ssl.CERT_REQUIRED
    with Relay(cloud.glance[0].port.number, tls=context) as relay:
        yield relay.url


@pytest.mark.parametrize('place', ['options', 'clouds.yaml'])
@pytest.mark.parametrize('files', ['one', 'two'])
def test_a_client_certificate_is_shown_to_a_node_that_asks(
    openstack: OpenStack,
    authority: Authority,
    cloud: clouds.Cloud,
    picky: str,
    alpha: str,
    tmp_path: pathlib.Path,
    place: str,
    files: str,
) -> None:
    """With its key in the same file, or in one of its own."""
    given = client_certificate(authority, tmp_path, in_two=files == 'two')
    given['cacert'] = str(authority.path)
    cloud.clouds_yaml(tmp_path / 'clouds.yaml', {'picky': picky})
    options = []
    if place == 'clouds.yaml':
        with (tmp_path / 'clouds.yaml').open('a') as file:
            for key, path in given.items():
                file.write(f'    {key}: {path}\n')
    else:
        for key, path in given.items():
            options += [f'--os-{key}', path]

    result = openstack(*options, *FLEET)

    assert (result.code, result.err) == (0, '')
    assert [row['ID'] for row in result.rows] == [alpha]


def test_a_client_certificate_that_is_not_there_or_not_good(
    openstack: OpenStack,
    authority: Authority,
    cloud: clouds.Cloud,
    picky: str,
    tmp_path: pathlib.Path,
) -> None:
    cloud.clouds_yaml(tmp_path / 'clouds.yaml', {'picky': picky})
    stranger = Authority(tmp_path, 'strange-ca')
    stranger.server('stranger')
    trust = ('--os-cacert', str(authority.path))

    without = openstack(*trust, *FLEET)
    strange = openstack(
        *trust, '--os-cert', str(tmp_path / 'stranger.pem'), *FLEET
    )

    for result in (without, strange):
        assert (result.code, result.rows) == (1, [])
        assert result.err.startswith(
            f'Cannot read the cache of picky ({picky}): '
        )
        assert result.err.count('\n') == 1
        # It hangs up at once, which may be seen before what it says.
        assert re.search(
            'alert (certificate required|unknown ca)|reset by peer',
            result.err,
        )


def subject_hash(authority: Authority) -> str:
    """The name of a CA's file in a folder that OpenSSL reads."""
    certificate = crypto.load_certificate(
        crypto.FILETYPE_PEM, authority.path.read_bytes()
    )
    return f'{certificate.subject_name_hash():08x}'


def client_certificate(
    authority: Authority, folder: pathlib.Path, *, in_two: bool
) -> dict[str, str]:
    """A certificate and its key, by OpenStackClient's names for them."""
    authority.server('client')
    both = folder / 'client.pem'
    if not in_two:
        return {'cert': str(both)}
    key, begin, certificate = both.read_text().partition(
        '-----BEGIN CERTIFICATE-----'
    )
    (folder / 'client.key').write_text(key)
    (folder / 'client.crt').write_text(begin + certificate)
    return {
        'cert': str(folder / 'client.crt'),
        'key': str(folder / 'client.key'),
    }


def test_insecure_takes_them_all(
    openstack: OpenStack, nodes: dict[str, str], alpha: str
) -> None:
    result = openstack('--insecure', *FLEET)

    assert (result.code, result.err) == (0, '')
    assert [row['Node'] for row in result.rows] == [
        'good',
        'strange',
        'misnamed',
        'expired',
        'early',
    ]


def test_keystone_behind_tls_as_well(
    openstack: OpenStack,
    authority: Authority,
    cloud: clouds.Cloud,
    nodes: dict[str, str],
    alpha: str,
    tmp_path: pathlib.Path,
) -> None:
    keystone = Relay(
        cloud.keystone.port.number, tls=authority.server('keystone')
    )
    with keystone:
        cloud_of_it = ('--os-auth-url', f'{keystone.url}/v3', *FLEET)
        trust = ('--os-cacert', str(authority.path))

        result = openstack(*trust, *cloud_of_it, '--node', 'good')
        asked = [request.path for request in keystone.requests]
        without = openstack(*cloud_of_it, '--node', 'good')

    assert (result.code, result.err) == (0, '')
    assert [row['ID'] for row in result.rows] == [alpha]
    assert asked == ['/v3', '/v3/auth/tokens']
    assert len(keystone.requests) == len(asked)
    assert (without.code, without.out) == (1, '')
    # The words are keystoneauth's.
    assert 'certificate' in without.err
    assert 'Traceback' not in without.err
