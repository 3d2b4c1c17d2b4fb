# SPDX-License-Identifier: Apache-2.0

"""`openstack image delete --store`: argv in, output out."""

from typing import Any

from cliff import command
import pytest

from glance_cache_osc.cloud import stores as stores_module
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import OpenStack
from tests.shell import Result

IMAGES = f'{p.GLANCE}/v2/images'
STORES = f'{p.GLANCE}/v2/info/stores'
FAST = f'{p.GLANCE}/v2/stores/fast'
DELETE = ('image', 'delete')
ONLY_COPY = (
    'Cannot delete image data from the only store containing it. Consider '
    'deleting the image instead.'
)


def fault(status: str, words: str) -> dict[str, Any]:
    """Glance's answer for an error."""
    return {
        'status_code': int(status.split(maxsplit=1)[0]),
        'text': p.fault(status, words),
        'headers': {'Content-Type': 'text/html; charset=UTF-8'},
    }


def changes(cloud: Cloud) -> list[str]:
    """The requests that changed something, or tried."""
    return [one for one in cloud.requests if not one.startswith('GET')]


@pytest.fixture
def two_stores(cloud: Cloud) -> None:
    """A Glance with the stores fast and cheap."""
    cloud.answers(
        'GET',
        STORES,
        json={'stores': [{'id': 'fast', 'default': 'true'}, {'id': 'cheap'}]},
    )


@pytest.fixture
def ubuntu_and_debian(cloud: Cloud, two_stores: None) -> None:
    """Ubuntu is in both stores, Debian is in one."""
    cloud.answers(
        'GET',
        IMAGES,
        json=p.images(
            p.image(p.UBUNTU, 'ubuntu-24.04', stores='fast,cheap'),
            p.image(p.DEBIAN, 'debian-13', stores='fast'),
        ),
    )


@pytest.mark.usefixtures('ubuntu_and_debian')
def test_takes_images_out_of_one_store(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('DELETE', f'{FAST}/{p.UBUNTU}', status_code=204)
    cloud.answers('DELETE', f'{FAST}/{p.DEBIAN}', status_code=204)

    result = openstack(
        *DELETE, '--store', 'fast', 'ubuntu-24.04', 'debian-13', p.UBUNTU
    )

    assert result == Result(0, '', '')
    assert sorted(changes(cloud)) == [
        f'DELETE {FAST}/{p.DEBIAN}',
        f'DELETE {FAST}/{p.UBUNTU}',
    ]


def test_of_two_stores_none_is_silently_ignored(
    cloud: Cloud, openstack: OpenStack
) -> None:
    stores = ('--store', 'fast', '--store', 'cheap')

    result = openstack(*DELETE, *stores, 'ubuntu-24.04')

    assert (result.code, result.out, cloud.requests) == (2, '', [])
    assert result.err.endswith(
        'error: argument --store: given more than once\n'
    )


@pytest.mark.parametrize('words', [('image',), ('i',), ('imag',)])
@pytest.mark.parametrize('verb', ['d', 'del', 'delete'])
@pytest.mark.usefixtures('two_stores')
def test_an_abbreviated_command_is_as_safe(
    cloud: Cloud, openstack: OpenStack, words: tuple[str, ...], verb: str
) -> None:
    result = openstack(*words, verb, '--store', '', 'ubuntu-24.04')

    assert result == Result(
        2, '', "There is no store ''. Available: fast, cheap.\n"
    )
    assert changes(cloud) == []


@pytest.mark.parametrize('store', ['', ' ', 'nosuch', 'FAST', '../fast'])
@pytest.mark.usefixtures('two_stores')
def test_a_store_that_is_not_there(
    cloud: Cloud, openstack: OpenStack, store: str
) -> None:
    result = openstack(*DELETE, '--store', store, 'ubuntu-24.04')

    assert result == Result(
        2, '', f"There is no store '{store}'. Available: fast, cheap.\n"
    )
    # OpenStackClient does nothing.
    assert cloud.requests == [f'GET {STORES}']


def test_a_cloud_without_stores(cloud: Cloud, openstack: OpenStack) -> None:
    cloud.answers(
        'GET',
        STORES,
        **fault(
            '404 Not Found', 'Multi backend is not supported at this site.'
        ),
    )

    result = openstack(*DELETE, '--store', 'fast', 'ubuntu-24.04')

    assert result == Result(
        1,
        '',
        'This Glance service has no named stores. Named stores require '
        "'enabled_backends' in glance-api.conf.\n",
    )
    assert changes(cloud) == []


def test_stores_that_make_no_sense(cloud: Cloud, openstack: OpenStack) -> None:
    cloud.answers('GET', STORES, json={'stores': 'fast'})

    result = openstack(*DELETE, '--store', 'fast', 'ubuntu-24.04')

    assert result == Result(
        1,
        '',
        "Cannot list the stores of the cloud's Glance at "
        f'{p.GLANCE}: The response is not a list of stores. Check that this is '
        'a Glance endpoint.\n',
    )


@pytest.mark.parametrize(
    ('status', 'words', 'stores', 'told'),
    [
        (
            '403 Forbidden',
            ONLY_COPY,
            'fast',
            f'{ONLY_COPY} To copy the image to another store first, run '
            f"'openstack image import {p.UBUNTU} --method copy-image --store "
            "<other store>'.",
        ),
        (
            '403 Forbidden',
            ONLY_COPY,
            'cheap',
            "The image is not stored in 'fast'. It is stored in: cheap.",
        ),
        (
            '404 Not Found',
            f'Image {p.UBUNTU} is not stored in store fast.',
            'cheap,tape',
            "The image is not stored in 'fast'. It is stored in: cheap, tape.",
        ),
        (
            '404 Not Found',
            f'Failed to find image {p.UBUNTU}',
            'fast,cheap',
            f'Failed to find image {p.UBUNTU}.',
        ),
        (
            '403 Forbidden',
            'You are not authorized to complete delete_image_location action.',
            'fast,cheap',
            'You are not authorized to complete delete_image_location action. '
            'Log in as an administrator, or permit the request in the API '
            'policies of Glance.',
        ),
        (
            '409 Conflict',
            'The selected store fast is not available on this node.',
            'fast,cheap',
            'The selected store fast is not available on this node. Other '
            'endpoints have this store: set one of them as '
            'image_endpoint_override in clouds.yaml, or in '
            'OS_IMAGE_ENDPOINT_OVERRIDE if the login is not from clouds.yaml.',
        ),
        (
            '409 Conflict',
            f'The data for Image {p.UBUNTU} could not be deleted because it '
            'is in use: The image cannot be deleted because it is in use '
            'through the backend store outside of Glance.',
            'fast,cheap',
            f'The data for Image {p.UBUNTU} could not be deleted because it '
            'is in use: The image cannot be deleted because it is in use '
            'through the backend store outside of Glance. First delete the '
            'resources that use the image, such as volumes created from it.',
        ),
        (
            '409 Conflict',
            'The image cannot be deleted because it has snapshot(s).',
            'fast,cheap',
            'The image cannot be deleted because it has snapshot(s). First '
            'delete the snapshots of the image.',
        ),
        (
            '409 Conflict',
            "It's not allowed to remove image data from store if image "
            "status is not 'active'",
            'fast,cheap',
            "It's not allowed to remove image data from store if image status "
            "is not 'active'. Wait until the image is active: see 'openstack "
            "image show'.",
        ),
        (
            '503 Service Unavailable',
            'The data could not be deleted because the filesystem store '
            'operation timed out: x',
            'fast,cheap',
            'The server failed with HTTP 503: The data could not be deleted '
            'because the filesystem store operation timed out: x. Try again '
            'later, and check the log of the server.',
        ),
    ],
)
@pytest.mark.usefixtures('two_stores')
def test_what_glance_says_and_what_to_do(
    cloud: Cloud,
    openstack: OpenStack,
    status: str,
    words: str,
    stores: str,
    told: str,
) -> None:
    cloud.answers(
        'GET',
        IMAGES,
        json=p.images(p.image(p.UBUNTU, 'ubuntu-24.04', stores=stores)),
    )
    cloud.answers('DELETE', f'{FAST}/{p.UBUNTU}', **fault(status, words))

    result = openstack(*DELETE, '--store', 'fast', 'ubuntu-24.04')

    assert result == Result(
        1,
        '',
        f"Cannot delete image ubuntu-24.04 ({p.UBUNTU}) from store 'fast': "
        f'{told}\n'
        "Failed to delete 1 of 1 images from store 'fast'.\n",
    )


@pytest.mark.usefixtures('two_stores')
def test_every_failure_is_told_and_the_rest_is_done(
    cloud: Cloud, openstack: OpenStack
) -> None:
    """An image of a name with wildcards is meant to the letter."""
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:twin,nosuch,debian*,ubuntu-24.04',
        json=p.images(
            p.image(p.FEDORA, 'twin'),
            p.image(p.ORPHAN, 'twin'),
            p.image(p.UBUNTU, 'ubuntu-24.04', stores='fast,cheap'),
        ),
    )
    cloud.answers(
        'GET',
        f'{IMAGES}?name=in:nosuch,debian*&os_hidden=true',
        json=p.images(),
    )
    cloud.answers('DELETE', f'{FAST}/{p.UBUNTU}', status_code=204)

    result = openstack(
        *(*DELETE, '--store', 'fast'),
        *('twin', 'nosuch', 'debian*', 'ubuntu-24.04'),
    )

    assert result == Result(
        1,
        '',
        "Cannot delete image 'twin' from store 'fast': 2 images have the name "
        f"'twin': {p.FEDORA}, {p.ORPHAN}. Specify the ID of one of them.\n"
        "Cannot delete image 'nosuch' from store 'fast': No image has the name "
        "or ID 'nosuch'. See 'openstack image list'.\n"
        "Cannot delete image 'debian*' from store 'fast': No image has the "
        "name or ID 'debian*'. See 'openstack image list'.\n"
        "Failed to delete 3 of 4 images from store 'fast'.\n",
    )


@pytest.mark.parametrize(
    ('trouble', 'code', 'told'),
    [
        (RuntimeError('a bug'), 1, 'a bug\n'),
        (KeyboardInterrupt(), 130, 'Interrupted.\n'),
        (SystemExit(7), 7, ''),
    ],
)
def test_openstackclient_is_left_nothing_whatever_happens(
    cloud: Cloud,
    openstack: OpenStack,
    monkeypatch: pytest.MonkeyPatch,
    trouble: BaseException,
    code: int,
    told: str,
) -> None:
    def fail(self: Any) -> list[str]:
        raise trouble

    monkeypatch.setattr(stores_module.Stores, 'names', fail)

    result = openstack(*DELETE, '--store', 'fast', 'ubuntu-24.04')

    assert result == Result(code, '', told)
    # A Glance that sends nothing would hold it.
    assert cloud.requests == []


def test_without_a_store_openstackclient_is_alone(
    cloud: Cloud, openstack: OpenStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same output and the same requests as without the hook."""
    cloud.answers('GET', f'{IMAGES}/nosuch', status_code=404)
    cloud.answers('GET', f'{IMAGES}?name=nosuch', json=p.images())
    cloud.answers(
        'GET',
        f'{IMAGES}/{p.UBUNTU}',
        json=p.image(p.UBUNTU, 'ubuntu-24.04'),
    )
    cloud.answers('DELETE', f'{IMAGES}/{p.UBUNTU}', status_code=204)

    with_hook = openstack(*DELETE, p.UBUNTU, 'nosuch')
    requests_with = list(cloud.requests)
    monkeypatch.setattr(
        command.Command,
        '_load_hooks',
        lambda self: setattr(self, '_hooks', []),
    )
    without_hook = openstack(*DELETE, p.UBUNTU, 'nosuch')
    requests_without = cloud.requests[len(requests_with) :]

    assert with_hook == without_hook
    assert requests_with == requests_without


def test_help_tells_of_it(openstack: OpenStack) -> None:
    told = ' '.join(openstack(*DELETE, '--help').out.split())

    assert told.endswith(
        'With --store, the data of each image is deleted from that store, and '
        'the image stays; the glance-cache-osc plugin provides this option. '
        'Example: openstack image delete --store cheap ubuntu-24.04'
    )
