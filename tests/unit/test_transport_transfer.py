# SPDX-License-Identifier: Apache-2.0

"""What a transfer reads from libcurl, without a connection."""

from typing import Any
from unittest import mock

import pytest

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
