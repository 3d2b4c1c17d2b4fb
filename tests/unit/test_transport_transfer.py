# SPDX-License-Identifier: Apache-2.0

"""What a transfer reads from libcurl, without a connection."""

import asyncio
from typing import Any
from unittest import mock

import pycurl
import pytest

from glance_cache_osc.transport import settings
from glance_cache_osc.transport import transfer

SERVER = ((b'Subject', b'CN = \xff'), (b'Expire date', b'Nov 20 2027 GMT'))


@pytest.mark.parametrize(
    ('certificates', 'expected'),
    [
        ([], ''),
        ([SERVER], 'Nov 20 2027 GMT'),
        ([SERVER, ((b'Expire date', b'of the CA'),)], 'Nov 20 2027 GMT'),
        # Not each TLS library of libcurl has this field.
        ([((b'Cert', b'-----BEGIN'),)], ''),
    ],
)
def test_the_end_of_the_validity_of_a_certificate(
    certificates: Any, expected: str
) -> None:
    curl = mock.Mock(spec_set=['getinfo_raw'])
    curl.getinfo_raw.return_value = certificates

    assert transfer._expires(curl) == expected


def request(**more: Any) -> transfer.Request:
    return transfer.Request(
        **{
            'method': 'GET',
            'url': 'http://edge.example/v2/cache',
            'headers': {'X-Auth-Token': 'ä€'},
            'connect_timeout': 0.010999,
            'timeout': 1.5,
            'max_size': 2**20,
            'settings': settings.Settings(verify='/ca'),
            **more,
        }
    )


def options_of(monkeypatch: pytest.MonkeyPatch, **more: Any) -> dict[int, Any]:
    """What libcurl is told about a request."""
    curl = mock.Mock(spec_set=['setopt', 'getinfo_raw'])
    curl.getinfo_raw.return_value = [SERVER]
    monkeypatch.setattr(pycurl, 'Curl', lambda: curl)
    addresses = '' if 'address' in more else 'edge.example:80:10.0.0.1'

    async def perform() -> None:
        made = transfer.Transfer(request(**more), asyncio.Semaphore(1))
        response = await made.perform(mock.AsyncMock(), addresses)
        expires = 'Nov 20 2027 GMT' if 'fresh' in more else ''
        assert response == transfer.Response(0, {}, b'', mock.ANY, expires)
        # libcurl may still call these.
        assert made._on_connected() == pycurl.PREREQFUNC_ABORT
        assert made._on_body(b'x') == 0

    asyncio.run(perform())
    return dict(call.args for call in curl.setopt.call_args_list)


def test_libcurl_is_told_all_of_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = options_of(monkeypatch)

    callbacks = {
        pycurl.PREREQFUNCTION,
        pycurl.HEADERFUNCTION,
        pycurl.WRITEFUNCTION,
    }
    assert callbacks < options.keys()
    assert {
        option: value
        for option, value in options.items()
        if option not in callbacks
    } == {
        pycurl.URL: 'http://edge.example/v2/cache',
        pycurl.CUSTOMREQUEST: 'GET',
        pycurl.HTTPHEADER: [
            b'Accept-Encoding: identity',
            b'X-Auth-Token: \xe4?',
        ],
        pycurl.USERAGENT: 'glance-cache-osc',
        pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
        pycurl.FRESH_CONNECT: False,
        pycurl.FORBID_REUSE: False,
        pycurl.OPT_CERTINFO: False,
        pycurl.SSL_SESSIONID_CACHE: True,
        pycurl.NOSIGNAL: True,
        pycurl.PATH_AS_IS: True,
        pycurl.DNS_CACHE_TIMEOUT: -1,
        # Rounded up: 0 is no limit.
        pycurl.CONNECTTIMEOUT_MS: 11,
        pycurl.LOW_SPEED_LIMIT: 1024,
        pycurl.LOW_SPEED_TIME: 2,
        pycurl.MAXFILESIZE_LARGE: 2**20,
        pycurl.RESOLVE: ['edge.example:80:10.0.0.1'],
        **settings.Settings(verify='/ca').options,
    }


@pytest.mark.parametrize('method', ['PUT', 'POST', 'DELETE'])
def test_a_change_has_a_length_and_a_connection_of_its_own(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    options = options_of(monkeypatch, method=method)

    assert options[pycurl.HTTPHEADER][-1] == b'Content-Length: 0'
    assert options[pycurl.FRESH_CONNECT]
    # Else, each change would leave an open connection at the node.
    assert options[pycurl.FORBID_REUSE]


def test_a_new_connection_is_asked_for_its_certificate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server of a resumed session sends none."""
    options = options_of(monkeypatch, fresh=True)

    assert options[pycurl.FRESH_CONNECT]
    assert options[pycurl.OPT_CERTINFO]
    assert not options[pycurl.SSL_SESSIONID_CACHE]


@pytest.mark.parametrize(
    ('address', 'expected'), [('10.0.0.1', '10.0.0.1'), ('::1', '[::1]')]
)
def test_a_request_may_have_an_address(
    monkeypatch: pytest.MonkeyPatch, address: str, expected: str
) -> None:
    options = options_of(monkeypatch, address=address)

    assert options[pycurl.CONNECT_TO] == [f'::{expected}:']
    assert pycurl.RESOLVE not in options


def test_the_smallest_limit_is_that_of_a_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = options_of(monkeypatch, max_size=1)

    assert options[pycurl.MAXFILESIZE_LARGE] == 2**16


def test_an_image_has_large_chunks_and_its_connection_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Glance increases Hits after the data; the list must come after that."""
    options = options_of(monkeypatch, sink=lambda _data: None)

    assert options[pycurl.BUFFERSIZE] == 2**17
    assert not options[pycurl.FORBID_REUSE]
