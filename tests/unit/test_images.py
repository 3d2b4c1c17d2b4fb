# SPDX-License-Identifier: Apache-2.0

"""Images, and the words that mean them."""

import hashlib
from typing import Any

import pytest

from glance_cache_osc.model import images

UBUNTU = '9b73824a-c4e5-4822-be0d-10abcb0fe5df'


@pytest.mark.parametrize(
    ('item', 'expected'),
    [
        (
            {'id': UBUNTU, 'name': 'ubuntu', 'size': 5, 'tags': []},
            images.Image(UBUNTU, 'ubuntu', 5),
        ),
        (
            {'id': UBUNTU, 'name': None, 'size': None},
            images.Image(UBUNTU, None, None),
        ),
        ({'id': UBUNTU, 'name': ''}, images.Image(UBUNTU, '', None)),
        (
            {'id': UBUNTU, 'name': 7, 'size': 'large'},
            images.Image(UBUNTU, None, None),
        ),
        (
            {'id': UBUNTU, 'stores': 'fast,cheap'},
            images.Image(UBUNTU, stores=('fast', 'cheap')),
        ),
        ({'id': UBUNTU, 'stores': ['fast']}, images.Image(UBUNTU)),
        ({'id': UBUNTU, 'stores': ''}, images.Image(UBUNTU)),
    ],
)
def test_an_item_of_glances_list_is_read(
    item: dict[str, Any], expected: images.Image
) -> None:
    assert images.parse_image({'status': 'active', **item}) == expected


SHA512 = 'AB' * 64
MD5 = 'CD' * 16


@pytest.mark.parametrize(
    ('item', 'expected'),
    [
        (
            {'os_hash_algo': 'sha512', 'os_hash_value': 'ab', 'checksum': MD5},
            ('sha512', 'ab'),
        ),
        # Hashes are compared as hashlib prints them.
        (
            {'os_hash_algo': 'sha512', 'os_hash_value': SHA512},
            ('sha512', SHA512.lower()),
        ),
        (
            {'os_hash_algo': 'sha3_256', 'os_hash_value': 'ab'},
            ('sha3_256', 'ab'),
        ),
        # Images from before Rocky have MD5 alone.
        ({'checksum': MD5}, ('md5', MD5.lower())),
        (
            {'os_hash_algo': None, 'os_hash_value': None, 'checksum': MD5},
            ('md5', MD5.lower()),
        ),
        # hashlib cannot compute these, or not without a length.
        (
            {'os_hash_algo': 'md6', 'os_hash_value': 'ab', 'checksum': MD5},
            ('md5', MD5.lower()),
        ),
        ({'os_hash_algo': 'md6', 'os_hash_value': 'ab'}, None),
        ({'os_hash_algo': 'shake_128', 'os_hash_value': 'ab'}, None),
        ({'os_hash_algo': 'shake_256', 'os_hash_value': 'ab'}, None),
        (
            {
                'os_hash_algo': 'shake_256',
                'os_hash_value': 'ab',
                'checksum': MD5,
            },
            ('md5', MD5.lower()),
        ),
        # There is nothing to compare with.
        ({}, None),
        ({'os_hash_algo': 'sha512', 'os_hash_value': None}, None),
        ({'os_hash_algo': 'sha512', 'os_hash_value': ''}, None),
        ({'os_hash_algo': '', 'os_hash_value': 'ab'}, None),
        ({'checksum': ''}, None),
        ({'checksum': None}, None),
        # Glance sends text.
        ({'os_hash_algo': 'sha512', 'os_hash_value': 7}, None),
        ({'os_hash_algo': 'sha512', 'os_hash_value': ['ab']}, None),
        ({'os_hash_algo': 512, 'os_hash_value': 'ab'}, None),
        ({'os_hash_algo': ['sha512'], 'os_hash_value': 'ab'}, None),
        ({'os_hash_algo': {}, 'os_hash_value': {}, 'checksum': 7}, None),
        ({'checksum': [MD5]}, None),
        ({'checksum': True}, None),
    ],
)
def test_the_hash_of_an_image(
    item: dict[str, Any], expected: tuple[str, str] | None
) -> None:
    assert images.parse_image({'id': UBUNTU, **item}).digest == expected


@pytest.mark.parametrize('algorithm', sorted(hashlib.algorithms_available))
def test_each_hash_that_is_compared_can_be_computed(algorithm: str) -> None:
    parsed = images.parse_image(
        {'id': UBUNTU, 'os_hash_algo': algorithm, 'os_hash_value': 'ab'}
    )

    assert (parsed.digest is None) == algorithm.startswith('shake')
    if parsed.digest:
        hashing = hashlib.new(algorithm, usedforsecurity=False)
        hashing.update(b'data')
        assert hashing.hexdigest()


@pytest.mark.parametrize(
    ('status', 'expected'),
    [
        ('active', True),
        ('deactivated', False),
        ('queued', False),
        ('ACTIVE', False),
        ('', False),
        (None, False),
        (True, False),
        (['active'], False),
    ],
)
def test_an_image_whose_data_may_be_downloaded(
    status: Any, expected: bool
) -> None:
    parsed = images.parse_image({'id': UBUNTU, 'status': status})

    assert parsed.active is expected


def test_an_image_without_a_status_is_not_active() -> None:
    assert not images.parse_image({'id': UBUNTU}).active


@pytest.mark.parametrize(
    ('image', 'expected'),
    [
        (images.Image('id-1', 'ubuntu'), 'ubuntu (id-1)'),
        (images.Image('id-1'), 'id-1'),
    ],
)
def test_an_error_names_an_image_by_name_and_id(
    image: images.Image, expected: str
) -> None:
    assert image.label == expected


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (UBUNTU, True),
        ('9b73824ac4e54822be0d10abcb0fe5df', False),
        (f'{UBUNTU}0', False),
        (f' {UBUNTU}', False),
        (f'{UBUNTU}\n', False),
        ('9b73824g-c4e5-4822-be0d-10abcb0fe5df', False),
        ('ubuntu', False),
        ('', False),
    ],
)
def test_a_text_has_the_form_of_an_id(text: str, expected: bool) -> None:
    assert images.is_id(text) is expected


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('ubuntu-*', True),
        ('ubuntu-2?', True),
        ('ubuntu-[12]', True),
        ('ubuntu', False),
        ('ubuntu]', False),
        ('', False),
    ],
)
def test_a_text_is_a_glob(text: str, expected: bool) -> None:
    assert images.is_glob(text) is expected


@pytest.mark.parametrize(
    ('wanted', 'expected'),
    [
        ('id-1', True),
        ('ubuntu [24]', True),
        ('ubuntu*', True),
        ('*', True),
        ('?buntu*', True),
        ('UBUNTU*', False),
        ('ubuntu [2]', False),
        ('ubuntu', False),
        ('id-*', False),
    ],
)
def test_a_word_means_an_image(wanted: str, expected: bool) -> None:
    image = images.Image('id-1', 'ubuntu [24]')

    assert images.matches(image, wanted) is expected


@pytest.mark.parametrize(
    ('wanted', 'expected'), [('Fedora*', True), ('fedora*', False)]
)
def test_capitals_count_in_globs(wanted: str, expected: bool) -> None:
    assert (
        images.matches(images.Image('id-1', 'Fedora 42'), wanted) is expected
    )


def test_an_image_without_a_name_is_meant_by_its_id_or_all() -> None:
    image = images.Image('id-1')

    assert images.matches(image, 'id-1')
    assert images.matches(image, '*')
    assert not images.matches(image, '?*')
    assert not images.matches(image, 'None')
    assert not images.matches(image, '')


@pytest.mark.parametrize(
    ('size', 'expected'),
    [
        (0, 0),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        (10**400, None),
        (-1, None),
        (True, None),
        (1.5, None),
        ('5', None),
    ],
)
def test_a_size_that_is_none_is_left_out(
    size: Any, expected: int | None
) -> None:
    parsed = images.parse_image({'id': 'a', 'size': size})

    assert parsed.size == expected


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('9b73824a-c4e5-4822-be0d-10abcb0fe5df', True),
        ('9B73824A-C4E5-4822-BE0D-10ABCB0FE5DF', True),
        ('71c675ab-d94f-49cd-a114-e12490b328d9x', False),
        ('of_v1.2-3', True),
        ('x' * 36, True),
        ('x' * 37, False),
        ('', False),
        ('a,b', False),
        ('"', False),
        ('ä', False),
        ('\ud800', False),
    ],
)
def test_what_may_be_an_id(text: str, expected: bool) -> None:
    assert images.may_be_id(text) is expected


@pytest.mark.parametrize(
    ('text', 'expected'), [('ubuntu', True), ('ä€', True), ('a\udcff', False)]
)
def test_what_is_text(text: str, expected: bool) -> None:
    assert images.is_encodable(text) is expected
