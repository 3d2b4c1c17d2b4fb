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

"""Real Glances behind TLS, with a private CA and what goes wrong with it."""

from collections.abc import Iterator
import contextlib
import pathlib

import pytest

from tests import cloud as clouds
from tests.faults.certificates import Authority
from tests.faults.relay import Relay
from tests.functional.conftest import Cache
from tests.functional.conftest import Images
from tests.functional.conftest import OpenStack

LIST = ('image', 'cache', 'list', '-f', 'json')
FLEET = ('--os-cloud', 'demo-cloud', *LIST)


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
        f'Cannot read the cache of strange ({nodes["strange"]}): '
        'Its TLS certificate is not from a CA that is trusted here: unable '
        "to get local issuer certificate. Name its CA with '--os-cacert' or "
        "'cacert' in clouds.yaml.",
        f'Cannot read the cache of misnamed ({nodes["misnamed"]}): '
        'Its TLS certificate is for another host: IP address mismatch, '
        "certificate is not valid for '127.0.0.1'. Give the endpoint by a "
        'name that the certificate has.',
        f'Cannot read the cache of expired ({nodes["expired"]}): '
        'Its TLS certificate is not good today: certificate has expired. '
        'Renew it there, or set the clock of this machine right.',
        f'Cannot read the cache of early ({nodes["early"]}): '
        'Its TLS certificate is not good today: certificate is not yet '
        'valid. Renew it there, or set the clock of this machine right.',
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
        f'Cannot read the cache of {url}: Its TLS certificate is for another '
        'host: Hostname mismatch, certificate is not valid for '
        "'localhost'. Give the endpoint by a name that the certificate has.\n"
    )


def test_a_private_ca_is_not_trusted_unless_it_is_named(
    openstack: OpenStack, nodes: dict[str, str], alpha: str
) -> None:
    result = openstack(*FLEET, '--node', 'good')

    assert (result.code, result.rows) == (1, [])
    assert result.err == (
        f'Cannot read the cache of good ({nodes["good"]}): '
        'Its TLS certificate is not from a CA that is trusted here: unable '
        "to get local issuer certificate. Name its CA with '--os-cacert' or "
        "'cacert' in clouds.yaml.\n"
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
        text = (tmp_path / 'clouds.yaml').read_text()
        (tmp_path / 'clouds.yaml').write_text(
            text.replace(cloud.keystone.port.url, keystone.url)
        )

        result = openstack(
            *('--os-cacert', str(authority.path), *FLEET, '--node', 'good')
        )
        without = openstack(*FLEET, '--node', 'good')

    assert (result.code, result.err) == (0, '')
    assert [row['ID'] for row in result.rows] == [alpha]
    assert without.code == 1
    # The words are keystoneauth's.
    assert 'certificate' in without.err
    assert 'Traceback' not in without.err
