# SPDX-License-Identifier: Apache-2.0

"""Test images, made through Glance's REST API."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import time

from tests.cloud import rest

_COPY_SECONDS = 60.0
_POLL_SECONDS = 0.05
_BLOCK = bytes(range(256)) * 256


def data(size: int) -> Iterator[bytes]:
    """The first `size` bytes of 00 01 … ff 00 01 …, in 64 KiB blocks."""
    for _ in range(size // len(_BLOCK)):
        yield _BLOCK
    if size % len(_BLOCK):
        yield _BLOCK[: size % len(_BLOCK)]


def create_image(
    glance_url: str,
    token: str,
    name: str,
    *,
    size: int | None = 1024,
    tags: Iterable[str] = (),
    properties: Mapping[str, str] | None = None,
    hidden: bool = False,
    visibility: str = 'shared',
    store: str | None = None,
) -> str:
    """Make a raw image and upload its data.

    :param size: bytes of :func:`data`; None uploads nothing, which leaves
        the image `queued` in Glance's sense
    :param store: where the data goes; None takes the default store
    :returns: the image's ID
    :raises RestError: Glance refused
    """
    reply = rest.call(
        'POST',
        f'{glance_url}/v2/images',
        token=token,
        body={
            **(properties or {}),
            'name': name,
            'tags': list(tags),
            'os_hidden': hidden,
            'visibility': visibility,
            'disk_format': 'raw',
            'container_format': 'bare',
        },
    )
    image_id = str(reply.body['id'])
    if size is not None:
        headers = {
            'Content-Type': 'application/octet-stream',
            'Content-Length': str(size),
        }
        if store is not None:
            headers['X-Image-Meta-Store'] = store
        rest.call(
            'PUT',
            f'{glance_url}/v2/images/{image_id}/file',
            token=token,
            data=data(size),
            headers=headers,
        )
    return image_id


def stores_of(glance_url: str, token: str, image_id: str) -> set[str]:
    """The stores that hold an image's data.

    :raises RestError: Glance refused
    """
    image = rest.call(
        'GET', f'{glance_url}/v2/images/{image_id}', token=token
    ).body
    return set(filter(None, image.get('stores', '').split(',')))


def copy_image(glance_url: str, token: str, image_id: str, store: str) -> None:
    """Copy an image's data to a store, and wait until it is there.

    :raises RestError: Glance refused
    :raises TimeoutError: it did not arrive within a minute
    """
    rest.call(
        'POST',
        f'{glance_url}/v2/images/{image_id}/import',
        token=token,
        body={'method': {'name': 'copy-image'}, 'stores': [store]},
    )
    deadline = time.monotonic() + _COPY_SECONDS
    while store not in stores_of(glance_url, token, image_id):
        if time.monotonic() > deadline:
            raise TimeoutError(f'image {image_id} did not arrive in {store}')
        time.sleep(_POLL_SECONDS)


def delete_image(glance_url: str, token: str, image_id: str) -> None:
    """Delete an image.

    :raises RestError: Glance refused
    """
    rest.call('DELETE', f'{glance_url}/v2/images/{image_id}', token=token)
