# SPDX-License-Identifier: Apache-2.0

"""What can go wrong, in a person's words."""

import re

from osc_lib import exceptions
import pytest

from glance_cache_osc import errors


@pytest.mark.parametrize(
    ('error', 'expected'),
    [
        (errors.CacheError('It broke'), 'It broke.'),
        (errors.CacheError('It broke.'), 'It broke.'),
        (errors.CacheError(' It broke. \n'), 'It broke.'),
        (
            errors.CacheError('It broke', 'Mend it.'),
            'It broke. Mend it.',
        ),
        (
            errors.ImageNotFound('ubuntu'),
            "No image has the name or ID 'ubuntu'. "
            "See 'openstack image list'.",
        ),
        (
            errors.ImageNotFound('100%s'),
            "No image has the name or ID '100%s'. See 'openstack image list'.",
        ),
        (
            errors.ImageAmbiguous('twin', ['id-1', 'id-2']),
            "2 images have the name 'twin': id-1, id-2. Specify the ID of one "
            'of them.',
        ),
        (errors.Interrupted(), 'Not sent: interrupted.'),
        (
            errors.NoStores(),
            'This Glance service has no named stores. Named stores require '
            "'enabled_backends' in glance-api.conf.",
        ),
        (errors.Refused('No', status=409), 'No.'),
    ],
)
def test_an_error_is_a_line_that_a_person_reads(
    error: errors.CacheError, expected: str
) -> None:
    assert str(error) == expected


def test_an_error_keeps_its_parts() -> None:
    error = errors.Refused('It is in use.', 'Wait for it.', status=409)

    assert (error.why, error.remedy, error.status) == (
        'It is in use',
        'Wait for it.',
        409,
    )


def test_the_tree_is_as_it_is_drawn() -> None:
    """Callers catch by class; the page that shows the tree is a promise."""
    tree = {
        name: value.mro()[1].__name__
        for name, value in vars(errors).items()
        if isinstance(value, type)
    }

    assert tree == {
        'CacheError': 'CommandError',
        'UsageError': 'CacheError',
        'CatalogueError': 'CacheError',
        'ImageError': 'CacheError',
        'ImageNotFound': 'ImageError',
        'ImageAmbiguous': 'ImageError',
        'ImageInactive': 'ImageError',
        'NodeError': 'CacheError',
        'Unreachable': 'NodeError',
        'TimedOut': 'Unreachable',
        'TLSFailed': 'Unreachable',
        'CertificateRejected': 'TLSFailed',
        'NotGlance': 'NodeError',
        'CachingOff': 'NodeError',
        'TooOld': 'NodeError',
        'Forbidden': 'NodeError',
        'Refused': 'NodeError',
        'ServerFault': 'NodeError',
        'BadReply': 'NodeError',
        'TooLong': 'BadReply',
        'LoginFailed': 'NodeError',
        'LoginRejected': 'LoginFailed',
        'KeystoneUnavailable': 'LoginFailed',
        'NoStores': 'NodeError',
        'NotQueued': 'NodeError',
        'Unconfirmed': 'NodeError',
        'Interrupted': 'NodeError',
    }
    assert issubclass(errors.CacheError, exceptions.CommandError)


def test_every_error_is_drawn_in_the_tree() -> None:
    drawn = errors.__doc__ or ''
    classes = [
        name for name, value in vars(errors).items() if isinstance(value, type)
    ]

    assert [
        name
        for name in classes
        if not re.search(rf'^ +{name}\b', drawn, re.MULTILINE)
    ] == []


@pytest.mark.parametrize(
    ('error', 'expected'),
    [
        (errors.Unreachable('Cannot connect', down=True), True),
        (errors.Unreachable('Name not known'), True),
        (errors.TimedOut('No answer'), True),
        (errors.TimedOut('Not resolved', connected=False), True),
        # It may have done what it was asked.
        (errors.Unreachable('It broke', connected=True), False),
        (errors.TLSFailed('TLS failed'), False),
        (errors.CertificateRejected('Expired'), False),
        (errors.ServerFault('HTTP 500'), False),
        (errors.Forbidden('No'), False),
        (errors.LoginFailed('No token'), False),
        (errors.NodeError('It was not asked'), False),
        (errors.CatalogueError('No list'), False),
    ],
)
def test_which_errors_mean_that_a_node_is_down(
    error: errors.CacheError, expected: bool
) -> None:
    assert errors.is_unreachable(error) is expected
