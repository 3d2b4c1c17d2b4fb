# SPDX-License-Identifier: Apache-2.0

"""TLS and proxy of a connection: as OpenStackClient's session has them."""

import pathlib
from typing import Any

import certifi
from keystoneauth1 import plugin
from keystoneauth1 import session as ksa_session
import pycurl
import pytest

from glance_cache_osc import errors
from glance_cache_osc.transport import settings

URL = 'https://edge.example:9292'
BUNDLE = certifi.where()


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment says nothing of connections."""
    for name in ('http', 'https', 'all', 'no'):
        monkeypatch.delenv(f'{name}_proxy', raising=False)
        monkeypatch.delenv(f'{name}_proxy'.upper(), raising=False)
    for name in ('REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'):
        monkeypatch.delenv(name, raising=False)


def found(
    session: ksa_session.Session | None = None, url: str = URL
) -> settings.Settings:
    return settings.Connections(session or ksa_session.Session()).to(url)


def test_without_anything_set_it_is_the_bundle_of_requests() -> None:
    assert found() == settings.Settings(verify=BUNDLE, cert=(), proxy='')


@pytest.mark.parametrize(
    ('environment', 'verify', 'expected'),
    [
        ({'REQUESTS_CA_BUNDLE': '/r.pem'}, None, '/r.pem'),
        ({'CURL_CA_BUNDLE': '/c.pem'}, None, '/c.pem'),
        (
            {'REQUESTS_CA_BUNDLE': '/r.pem', 'CURL_CA_BUNDLE': '/c.pem'},
            None,
            '/r.pem',
        ),
        # --os-cacert, or cacert in clouds.yaml.
        ({}, '/mine.pem', '/mine.pem'),
        ({'REQUESTS_CA_BUNDLE': '/r.pem'}, '/mine.pem', '/mine.pem'),
        ({}, pathlib.Path('/mine.pem'), '/mine.pem'),
        # --insecure.
        ({}, False, None),
        ({'REQUESTS_CA_BUNDLE': '/r.pem'}, False, None),
        ({'CURL_CA_BUNDLE': '/c.pem'}, False, None),
    ],
)
def test_the_ca_is_that_of_the_session_or_else_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    verify: Any,
    expected: str | None,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    session = ksa_session.Session()
    if verify is not None:
        session.verify = verify

    assert found(session).verify == expected


@pytest.mark.parametrize(
    ('cert', 'expected'),
    [
        (None, ()),
        ('/both.pem', ('/both.pem',)),
        (('/cert.pem', '/key.pem'), ('/cert.pem', '/key.pem')),
    ],
)
def test_a_client_certificate_is_that_of_the_session(
    cert: Any, expected: tuple[str, ...]
) -> None:
    assert found(ksa_session.Session(cert=cert)).cert == expected


class Plugin(plugin.BaseAuthPlugin):
    """A login that says how to connect."""

    def __init__(self, params: dict[str, Any]) -> None:
        super().__init__()
        self._params = params

    def get_connection_params(self, session: ksa_session.Session) -> Any:
        return self._params


def test_a_login_may_say_how_to_connect() -> None:
    """As that with a client certificate does (v3oauth2mtlsclientcredential).

    It comes before what the session has.
    """
    session = ksa_session.Session(
        auth=Plugin({'cert': ('/c.pem', '/k.pem'), 'verify': '/ca.pem'}),
        verify='/other.pem',
        cert='/other-cert.pem',
    )

    assert found(session) == settings.Settings(
        verify='/ca.pem', cert=('/c.pem', '/k.pem')
    )
    session.auth = Plugin({})
    assert found(session) == settings.Settings(
        verify='/other.pem', cert=('/other-cert.pem',)
    )


@pytest.mark.parametrize(
    ('environment', 'url', 'expected'),
    [
        ({}, URL, ''),
        ({'https_proxy': 'http://p:3128'}, URL, 'http://p:3128'),
        ({'HTTPS_PROXY': 'http://p:3128'}, URL, 'http://p:3128'),
        ({'http_proxy': 'http://p:3128'}, URL, ''),
        ({'http_proxy': 'http://p:1'}, 'http://edge', 'http://p:1'),
        ({'HTTP_PROXY': 'http://p:1'}, 'http://edge', 'http://p:1'),
        ({'all_proxy': 'socks5://p:1'}, 'http://edge', 'socks5://p:1'),
        (
            {'http_proxy': 'p.example:3128'},
            'http://e',
            'http://p.example:3128',
        ),
        (
            {'http_proxy': 'localhost:3128'},
            'http://e',
            'http://localhost:3128',
        ),
        ({'http_proxy': '10.1.0.5:3128'}, 'http://e', 'http://10.1.0.5:3128'),
        ({'http_proxy': 'http://p/'}, 'http://edge', 'http://p:80'),
        ({'http_proxy': 'https://p'}, 'http://edge', 'https://p:443'),
        ({'http_proxy': 'socks5h://p'}, 'http://edge', 'socks5h://p:1080'),
        ({'http_proxy': 'http://a:b@p:1/'}, 'http://e', 'http://a:b@p:1'),
        ({'http_proxy': 'http://a:8080@p'}, 'http://e', 'http://a:8080@p:80'),
        (
            {'http_proxy': 'http://a:b%2F:c@p'},
            'http://e',
            'http://a:b%2F%3Ac@p:80',
        ),
        (
            {'http_proxy': 'http://ä:€@p'},
            'http://e',
            'http://%E4:%E2%82%AC@p:80',
        ),
        # libcurl sends UTF-8 to SOCKS proxies, as curl does.
        ({'http_proxy': 'socks5://ä@p'}, 'http://e', 'socks5://%C3%A4@p:1080'),
        (
            {'http_proxy': 'http://BÜCHER'},
            'http://e',
            'http://xn--bcher-kva:80',
        ),
        ({'http_proxy': 'http://[::1]'}, 'http://e', 'http://[::1]:80'),
        ({'http_proxy': 'http://[::1]:81'}, 'http://e', 'http://[::1]:81'),
        ({'http_proxy': ''}, 'http://edge', ''),
        ({'http_proxy': 'http://p:1', 'no_proxy': '*'}, 'http://edge', ''),
        (
            {'http_proxy': 'http://p:1', 'no_proxy': 'example'},
            'http://edge.example',
            '',
        ),
        (
            {'http_proxy': 'http://p:1', 'NO_PROXY': '10.0.0.0/8'},
            'http://10.1.0.5:9292',
            '',
        ),
        (
            {'http_proxy': 'http://p:1', 'no_proxy': '10.0.0.0/8'},
            'http://11.1.0.5:9292',
            'http://p:1',
        ),
    ],
)
def test_the_proxy_is_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    url: str,
    expected: str,
) -> None:
    """Both ours and OpenStackClient's requests take the same way."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert found(url=url).proxy == expected


@pytest.mark.parametrize(
    ('proxy', 'why'),
    [
        ('http://p:abc', "Port could not be cast to integer value as 'abc'"),
        ('http://[::1', 'Invalid IPv6 URL'),
        ('http://ü_', "Codepoint U+005F at position 2 of 'ü_' not allowed"),
    ],
)
def test_a_proxy_that_is_none_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, proxy: str, why: str
) -> None:
    monkeypatch.setenv('http_proxy', proxy)

    with pytest.raises(errors.UsageError) as caught:
        found(url='http://edge')

    assert str(caught.value) == (
        f'A proxy URL in the environment is not valid: {why}. Check '
        'http_proxy, https_proxy and no_proxy.'
    )


def test_each_node_has_its_own_proxy_or_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('http_proxy', 'http://p:1')
    monkeypatch.setenv('no_proxy', 'near.example')
    made = settings.Connections(ksa_session.Session())

    assert [
        made.to(f'http://{host}.example').proxy
        for host in ('far', 'near', 'far')
    ] == ['http://p:1', '', 'http://p:1']


@pytest.mark.parametrize('proxies', [{}, {'http': 'http://p:1'}])
def test_a_proxy_of_the_session_is_one_too(proxies: dict[str, str]) -> None:
    session = ksa_session.Session()
    session.session.proxies = proxies

    assert found(session, 'http://edge').proxy == proxies.get('http', '')


def test_libcurl_is_told_all_of_it(tmp_path: pathlib.Path) -> None:
    """What the environment says to libcurl itself is passed over."""
    no_proxy = {pycurl.PROXY: '', pycurl.NOPROXY: ''}
    file = {
        pycurl.CAINFO: b'/a',
        pycurl.CAPATH: None,
        pycurl.PROXY_CAINFO: b'/a',
        pycurl.PROXY_CAPATH: None,
    }

    assert settings.Settings(verify='/a').options == no_proxy | file
    assert settings.Settings(verify=str(tmp_path)).options == no_proxy | {
        pycurl.CAINFO: None,
        pycurl.CAPATH: bytes(tmp_path),
        pycurl.PROXY_CAINFO: None,
        pycurl.PROXY_CAPATH: bytes(tmp_path),
    }
    assert settings.Settings(verify=None).options == no_proxy | {
        pycurl.SSL_VERIFYPEER: 0,
        pycurl.SSL_VERIFYHOST: 0,
        pycurl.PROXY_SSL_VERIFYPEER: 0,
        pycurl.PROXY_SSL_VERIFYHOST: 0,
    }
    assert settings.Settings('/a', ('/c',), 'http://p:1').options == file | {
        pycurl.PROXY: 'http://p:1',
        pycurl.NOPROXY: '',
        pycurl.SSLCERT: b'/c',
        pycurl.SSLKEY: b'/c',
        pycurl.KEYPASSWD: '',
    }
    two = settings.Settings('/a', ('/c', '/kö'))
    assert two.options == no_proxy | file | {
        pycurl.SSLCERT: b'/c',
        pycurl.SSLKEY: '/kö'.encode(),
        pycurl.KEYPASSWD: '',
    }
