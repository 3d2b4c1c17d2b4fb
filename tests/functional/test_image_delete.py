# SPDX-License-Identifier: Apache-2.0

"""`openstack image delete --store` on a real Glance with two stores."""

import pytest

from tests import cloud as clouds
from tests.cloud import Images
from tests.cloud import rest
from tests.functional.conftest import Glance
from tests.functional.conftest import OpenStack
from tests.polling import until
from tests.shell import Result

DELETE = ('image', 'delete', '--store')
UNKNOWN = 'deadbeef-0000-4000-8000-000000000000'
ONLY_COPY = (
    'Cannot delete image data from the only store containing it. Consider '
    'deleting the image instead.'
)


@pytest.mark.parametrize('command', ['image delete', 'im del'])
def test_the_other_copy_stays_and_downloads(
    openstack: OpenStack, images: Images, glance: Glance, command: str
) -> None:
    image_id = images('both', 5000)
    glance.copy(image_id, 'cheap')
    before = glance.checksum(image_id)

    result = openstack(*command.split(), '--store', 'fast', 'both')

    assert result == Result(0, '', '')
    assert glance.stores(image_id) == {'cheap'}
    assert glance.checksum(image_id) == before


def test_a_mixed_list_does_what_can_be_done(
    openstack: OpenStack, images: Images, glance: Glance
) -> None:
    """Good, unknown, only copy, other store, inactive, two of a name."""
    good, only = images('good'), images('only')
    other, inactive = images('other', store='cheap'), images('new', None)
    twins = sorted([images('twin'), images('twin')])
    glance.copy(good, 'cheap')

    result = openstack(
        *(*DELETE, 'fast'),
        *('nosuch', UNKNOWN, 'only', 'other', 'new', 'twin', 'good'),
    )

    begin = "Cannot delete image {} from store 'fast': "
    assert result.err.splitlines() == [
        begin.format("'nosuch'")
        + "No image has the name or ID 'nosuch'. See 'openstack image list'.",
        begin.format(f"'{UNKNOWN}'")
        + f"No image has the name or ID '{UNKNOWN}'. See "
        "'openstack image list'.",
        begin.format("'twin'")
        + f"2 images have the name 'twin': {twins[0]}, {twins[1]}. Specify "
        'the ID of one of them.',
        begin.format(f'only ({only})')
        + f'{ONLY_COPY} To copy the image to another store first, run '
        f"'openstack image import {only} --method copy-image --store <other "
        "store>'.",
        begin.format(f'other ({other})')
        + "The image is not stored in 'fast'. It is stored in: cheap.",
        begin.format(f'new ({inactive})')
        + "It's not allowed to remove image data from store if image status "
        "is not 'active'. Wait until the image is active: see 'openstack "
        "image show'.",
        "Failed to delete 6 of 7 images from store 'fast'.",
    ]
    assert (result.code, result.out) == (1, '')
    assert glance.stores(good) == {'cheap'}
    assert glance.stores(only) == {'fast'}
    assert glance.stores(other) == {'cheap'}


def test_the_remedy_for_an_only_copy_works(
    openstack: OpenStack, images: Images, glance: Glance
) -> None:
    image_id = images('only')
    refused = openstack(*DELETE, 'fast', 'only')
    remedy = refused.err.partition("'openstack ")[2].partition("'.")[0]

    copied = openstack(*remedy.replace('<other store>', 'cheap').split(' '))

    assert copied.code == 0
    until(lambda: glance.stores(image_id) == {'fast', 'cheap'})
    assert openstack(*DELETE, 'fast', 'only') == Result(0, '', '')


@pytest.mark.parametrize('store', ['', ' ', 'nosuch'])
def test_a_store_that_is_not_there(
    openstack: OpenStack, images: Images, glance: Glance, store: str
) -> None:
    image_id = images('one')

    result = openstack(*DELETE, store, 'one')

    assert result == Result(
        2, '', f"There is no store '{store}'. Available: fast, cheap.\n"
    )
    assert glance.stores(image_id) == {'fast'}


def test_without_a_store_the_image_is_deleted(
    openstack: OpenStack, cloud: clouds.Cloud, token: str
) -> None:
    """OpenStackClient's own command, as if we were not there."""
    url = cloud.glance[0].url
    image_id = clouds.create_image(url, token, 'whole')

    assert openstack('image', 'delete', 'whole') == Result(0, '', '')

    with pytest.raises(clouds.RestError) as gone:
        rest.call('GET', f'{url}/v2/images/{image_id}', token=token)
    assert gone.value.status == 404


def test_a_plain_member_and_the_image_of_another(
    openstack: OpenStack, images: Images, glance: Glance
) -> None:
    image_id = images('theirs', visibility='public')
    glance.copy(image_id, 'cheap')

    result = openstack(*DELETE, 'fast', 'theirs', user='demo')

    assert (result.code, result.out) == (1, '')
    assert result.err.splitlines()[0].endswith(
        'Log in as an administrator, or permit the request in the API '
        'policies of Glance.'
    )
    assert glance.stores(image_id) == {'fast', 'cheap'}
