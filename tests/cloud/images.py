# SPDX-License-Identifier: Apache-2.0

"""Creates test images with Glance's REST API."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from tests.cloud import rest
from tests.polling import until

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
    """Create a raw image and upload its data.

    :param size: bytes of :func:`data`; None for no upload, so that the
        status of the image is `queued`
    :param store: the store of the data; None for the default store
    :returns: the ID of the image
    :raises RestError: Glance rejected a request
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
    """The stores that contain the data of an image.

    :raises RestError: Glance rejected the request
    """
    image = rest.call(
        'GET', f'{glance_url}/v2/images/{image_id}', token=token
    ).body
    return set(filter(None, image.get('stores', '').split(',')))


def copy_image(glance_url: str, token: str, image_id: str, store: str) -> None:
    """Copy the data of an image to a store, and wait for the copy.

    :raises RestError: Glance rejected the request
    :raises TimeoutError: the copy took more than a minute
    """
    rest.call(
        'POST',
        f'{glance_url}/v2/images/{image_id}/import',
        token=token,
        body={'method': {'name': 'copy-image'}, 'stores': [store]},
    )
    until(
        lambda: store in stores_of(glance_url, token, image_id),
        what=lambda: f'image {image_id} was not copied to {store}',
    )


def delete_image(glance_url: str, token: str, image_id: str) -> None:
    """Delete an image.

    :raises RestError: Glance rejected the request
    """
    rest.call('DELETE', f'{glance_url}/v2/images/{image_id}', token=token)


class Images:
    """Creates images, and deletes them at the end.

    :param url: URL of a Glance node
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._made: list[str] = []

    def __call__(self, name: str, size: int | None = 1000, **more: Any) -> str:
        """Create an image; see `create_image`."""
        made = create_image(self._url, self._token, name, size=size, **more)
        self._made.append(made)
        return made

    def deactivate(self, image_id: str) -> None:
        """Deactivate one of the images: nodes no longer send its data."""
        url = f'{self._url}/v2/images/{image_id}/actions/deactivate'
        rest.call('POST', url, token=self._token)

    def delete(self, image_id: str) -> None:
        """Delete one of the images."""
        delete_image(self._url, self._token, image_id)
        self._made.remove(image_id)

    def delete_all(self) -> None:
        """Delete all images that remain."""
        for image_id in list(self._made):
            self.delete(image_id)
