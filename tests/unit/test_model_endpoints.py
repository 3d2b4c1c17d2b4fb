# SPDX-License-Identifier: Apache-2.0

"""The endpoint of a Glance, from what a person wrote."""

import hypothesis
from hypothesis import strategies
import pytest

from glance_cache_osc import errors
from glance_cache_osc.model import endpoints

HOW = 'Use http://host:port, host:port or host.'


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('http://edge.example:9292', 'http://edge.example:9292'),
        ('http://edge.example:9292/', 'http://edge.example:9292'),
        ('http://edge.example:9292//', 'http://edge.example:9292'),
        ('http://edge.example:9292/v2', 'http://edge.example:9292'),
        ('http://edge.example:9292/v2/', 'http://edge.example:9292'),
        ('http://edge.example:9292/v2.14/', 'http://edge.example:9292'),
        ('https://edge.example', 'https://edge.example'),
        ('https://edge.example/image', 'https://edge.example/image'),
        ('https://edge.example/image/v2/', 'https://edge.example/image'),
        ('https://edge.example/v2/image', 'https://edge.example/v2/image'),
        ('https://edge.example/v2x', 'https://edge.example/v2x'),
        ('HTTP://edge.example', 'http://edge.example'),
        ('http://10.1.0.5:9292', 'http://10.1.0.5:9292'),
        ('http://[2001:db8::5]:9292', 'http://[2001:db8::5]:9292'),
        ('http://[2001:DB8::5]', 'http://[2001:db8::5]'),
        ('http://bücher.example', 'http://xn--bcher-kva.example'),
        ('http://edge.example/ü', 'http://edge.example/%C3%BC'),
        ('http://edge.example/100%25', 'http://edge.example/100%25'),
    ],
)
def test_a_url_becomes_the_root_of_a_glance(text: str, expected: str) -> None:
    assert endpoints.parse(text) == expected
    assert endpoints.parse(text, 'https://other:1/x') == expected


@pytest.mark.parametrize(
    ('text', 'image_endpoint', 'expected'),
    [
        ('edge', None, 'http://edge:9292'),
        ('edge:80', None, 'http://edge'),
        ('edge:81', None, 'http://edge:81'),
        ('10.1.0.5', None, 'http://10.1.0.5:9292'),
        ('[2001:db8::5]', None, 'http://[2001:db8::5]:9292'),
        ('[2001:db8::5]:81', None, 'http://[2001:db8::5]:81'),
        ('edge', 'http://glance:9292/v2/', 'http://edge:9292'),
        ('edge', 'https://glance:443', 'https://edge'),
        ('edge', 'http://glance', 'http://edge'),
        ('bücher', None, 'http://xn--bcher-kva:9292'),
        ('edge', 'https://glance/image', 'https://edge/image'),
        ('edge:80', 'https://glance:443/image', 'https://edge:80/image'),
    ],
)
def test_a_host_takes_what_it_lacks_from_the_image_endpoint(
    text: str, image_endpoint: str | None, expected: str
) -> None:
    assert endpoints.parse(text, image_endpoint) == expected


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (
            'ftp://edge',
            "'ftp://edge' is not a node endpoint: the URL must start with "
            f'http:// or https://. {HOW}',
        ),
        (
            'http://',
            "'http://' is not a node endpoint: the URL must start with "
            f'http:// or https://. {HOW}',
        ),
        (
            'http://:9292',
            "'http://:9292' is not a node endpoint: the URL must start with "
            f'http:// or https://. {HOW}',
        ),
        (
            'http://edge:port',
            "'http://edge:port' is not a node endpoint: Port could not be "
            f"cast to integer value as 'port'. {HOW}",
        ),
        (
            'http://edge:99999',
            "'http://edge:99999' is not a node endpoint: Port out of range "
            f'0-65535. {HOW}',
        ),
        (
            'edge:99999',
            "'edge:99999' is not a node endpoint: Port out of range 0-65535. "
            f'{HOW}',
        ),
        (
            'http://[::1',
            f"'http://[::1' is not a node endpoint: Invalid IPv6 URL. {HOW}",
        ),
        (
            'http://edge/?a=b',
            "'http://edge/?a=b' is not a node endpoint: a query or fragment "
            f'is not allowed. {HOW}',
        ),
        (
            'http://edge/#a',
            "'http://edge/#a' is not a node endpoint: a query or fragment is "
            f'not allowed. {HOW}',
        ),
        (
            '',
            f"'' is not a node endpoint: not a host, host:port or URL. {HOW}",
        ),
        (
            'edge/v2',
            "'edge/v2' is not a node endpoint: not a host, host:port or URL. "
            f'{HOW}',
        ),
        (
            'edge bergen',
            "'edge bergen' is not a node endpoint: spaces are not allowed. "
            f'{HOW}',
        ),
    ],
)
def test_what_is_no_endpoint_is_told_as_it_was_written(
    text: str, expected: str
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        endpoints.parse(text)

    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (
            'http://admin:secret@edge',
            "'http://***@edge' is not a node endpoint: credentials are not "
            f'allowed. {HOW}',
        ),
        (
            'http://admin@edge',
            "'http://***@edge' is not a node endpoint: credentials are not "
            f'allowed. {HOW}',
        ),
        (
            'admin:secret@edge',
            "'http://***@edge:9292' is not a node endpoint: credentials are "
            f'not allowed. {HOW}',
        ),
    ],
)
def test_credentials_are_refused_and_not_repeated(
    text: str, expected: str
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        endpoints.parse(text)

    assert str(caught.value) == expected


@pytest.mark.parametrize(
    'text',
    [
        'ftp://admin:secret@edge',
        'http://admin:secret@edge:port',
        'http://admin:secret@',
        'http://admin:secret@[::1',
        'admin:secret@edge/v2',
    ],
)
def test_credentials_are_not_repeated_whatever_else_is_wrong(
    text: str,
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        endpoints.parse(text)

    assert 'secret' not in str(caught.value)


@pytest.mark.parametrize('text', ['edge#1', 'edge?x', 'edge:9292#1'])
def test_no_part_of_a_host_is_dropped_without_a_word(text: str) -> None:
    """Another host than the one that was written would be changed."""
    with pytest.raises(errors.UsageError):
        endpoints.parse(text)


def test_a_host_has_no_spaces_in_a_url_either() -> None:
    with pytest.raises(errors.UsageError):
        endpoints.parse('http://edge bergen:9292')


@pytest.mark.parametrize(
    'text',
    ['http://EDGE.example:9292', 'http://Edge.Example:9292/v2'],
)
def test_hosts_are_the_same_in_capitals(text: str) -> None:
    """Nodes are told apart by endpoint: twice written is twice changed."""
    assert endpoints.parse(text) == 'http://edge.example:9292'


@pytest.mark.parametrize(
    'text',
    [
        # urllib reads the host ::1, and drops the text around it.
        *('http://glance-[::1].example', 'http://[::1]9292', 'http://x[::1]'),
        *('http://[::1][::2]', 'http://[v1.glance]', 'http://[glance]'),
        # libcurl reads the host abc.
        'http://a%62c',
        # libcurl and urllib end hosts at other characters.
        *('http://a\\b', 'http://a;b', 'http://a|b', 'http://a"b'),
        *('http://*.example', 'http://a,b', 'http://[fe80::1%a/b]'),
        *('http://[fe80::1%]', 'http://[fe80::1%25]'),
    ],
)
def test_a_host_is_the_one_that_was_written(text: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        endpoints.parse(text)

    assert 'is not a node endpoint: ' in str(caught.value)


@pytest.mark.parametrize(
    'text',
    [
        *('http://a\0b', '\x01http://a', 'http://a/\x1b', 'http://\u202ea'),
        *('http://a/\ud800', '\udc80', 'http://a\xadb'),
    ],
)
def test_an_endpoint_can_be_printed(text: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        endpoints.parse(text)

    assert caught.value.why.endswith(
        ': characters that cannot be printed are not allowed'
    )


@pytest.mark.parametrize('zone', ['%eth0', '%25eth0'])
def test_an_ipv6_address_may_have_a_zone(zone: str) -> None:
    url = f'http://[fe80::1{zone}]:9292'

    assert endpoints.parse(url) == url


@hypothesis.given(
    text=strategies.from_regex(
        r'(https?://)?(edge|10\.1\.0\.5|\[::1\])(:[0-9]{1,4})?'
        r'(/{0,2}(v2|v2\.14|image|v|2)?){0,4}',
        fullmatch=True,
    )
    | strategies.text()
)
@hypothesis.example(text='http://edge/v2/v2')
@hypothesis.example(text='http://edge/v2//')
def test_a_root_url_stays_as_it_is(text: str) -> None:
    try:
        once = endpoints.parse(text)
    except errors.UsageError:
        return
    assert endpoints.parse(once) == once
    assert endpoints.parse(once, 'https://glance/image') == once


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('http://edge', 'http://edge:80'),
        ('http://edge/', 'http://EDGE:80/v2'),
        ('https://edge', 'https://edge:443/'),
        ('http://edge:9292', 'http://edge:09292'),
        ('http://[::1]', 'http://[::1]:80'),
        ('http://bücher.example', 'http://xn--bcher-kva.example'),
        ('http://BÜCHER.example:80', 'http://xn--bcher-kva.example'),
        ('http://\uff45dge.example', 'http://edge.example'),
    ],
)
def test_two_ways_to_write_a_node_are_one_node(one: str, other: str) -> None:
    """Else it would be asked, and changed, twice."""
    assert endpoints.parse(one) == endpoints.parse(other)


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('http://edge', 'https://edge'),
        ('http://edge:443', 'https://edge'),
        ('https://edge:80', 'http://edge'),
        ('http://edge', 'http://edge:9292'),
        ('http://edge', 'http://edge/image'),
        ('http://edge', 'http://edge.'),
    ],
)
def test_what_differs_is_not_the_same_node(one: str, other: str) -> None:
    assert endpoints.parse(one) != endpoints.parse(other)


@pytest.mark.parametrize(
    'text',
    [
        *('http://a..b', 'http://.edge', 'http://' + 'x' * 64 + '.example'),
        'http://' + 'ü' * 64,
    ],
)
def test_a_host_that_can_be_none_is_refused(text: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        endpoints.parse(text)

    assert caught.value.why.endswith(': the host name is not valid')
