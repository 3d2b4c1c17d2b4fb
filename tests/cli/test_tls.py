# SPDX-License-Identifier: Apache-2.0

"""Nodes that speak https: argv in, output out."""

from typing import Any

import pytest

from tests import web
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

HTTPS = 'https://edge.example'
LIST = ('image', 'cache', 'list', '-f', 'value', '--node', HTTPS)


@pytest.mark.parametrize('how', ['--os-cacert', 'OS_CACERT', 'cacert'])
def test_a_ca_is_for_nodes_as_well(
    cloud: Cloud,
    openstack: OpenStack,
    clouds_yaml: Any,
    certificates: web.Certificates,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    cloud.answers('GET', f'{HTTPS}/v2/cache', json=p.cache())
    argv: tuple[str, ...] = ()
    match how:
        case '--os-cacert':
            argv = ('--os-cacert', str(certificates.path))
        case 'OS_CACERT':
            monkeypatch.setenv('OS_CACERT', str(certificates.path))
        case 'cacert':
            clouds_yaml(
                f'{{clouds: {{far: {{cacert: {certificates.path}}}}}}}'
            )
            argv = ('--os-cloud', 'far', '--os-auth-url', p.KEYSTONE)

    result = openstack(*argv, *LIST)

    assert result == Result(0, '', '')


def test_a_certificate_that_is_not_trusted(
    cloud: Cloud, openstack: OpenStack, certificates: web.Certificates
) -> None:
    cloud.use_unknown_ca('edge.example')

    result = openstack('--os-cacert', str(certificates.path), *LIST)

    assert result == Result(
        1,
        '',
        f'Cannot read the cache of {HTTPS}: The TLS certificate is not from a '
        'trusted CA: SSL certificate OpenSSL verify result: unable to get '
        'local issuer certificate (20). Set its CA with --os-cacert or '
        "'cacert' in clouds.yaml.\n",
    )
    assert cloud.requests == []


def test_insecure_is_for_nodes_as_well(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.use_unknown_ca('edge.example')
    cloud.answers('GET', f'{HTTPS}/v2/cache', json=p.cache())

    result = openstack('--insecure', *LIST)

    assert (result.code, result.out) == (0, '')


def test_an_endpoint_that_may_not_use_https(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('GET', f'{HTTPS}/v2/cache', **web.SILENT)

    result = openstack('--insecure', *LIST, '--node-timeout', '0.5')

    assert result.code == 1
    assert result.err.endswith(
        'No response within 0.5 seconds. Check that the service is up and that '
        'the endpoint uses HTTPS. To wait longer, use --node-timeout.\n'
    )
