# SPDX-License-Identifier: Apache-2.0

"""What Keystone 30 and Glance 33 answer, to the letter."""

import hashlib
from typing import Any

KEYSTONE = 'http://keystone.example:5000/v3'
GLANCE = 'http://glance.example:9292'
EDGE = 'http://edge.example:9292'

UBUNTU = '9b73824a-c4e5-4822-be0d-10abcb0fe5df'
DEBIAN = '884d4cbe-a2b4-4c09-a3d0-8ab2734603cb'
FEDORA = '0f8f89be-fed2-44c4-91f8-b2a0c3b15f27'
ORPHAN = 'c0ffee00-1234-4abc-8def-0123456789ab'

#: The hash of each image that has no other.
MD5 = ('md5', '5f363e0e58a95f06cbe9bbc662c5dfb6')

KEYSTONE_VERSION = {
    'version': {
        'id': 'v3.14',
        'status': 'stable',
        'updated': '2020-04-07T00:00:00Z',
        'links': [{'rel': 'self', 'href': f'{KEYSTONE}/'}],
        'media-types': [
            {
                'base': 'application/json',
                'type': 'application/vnd.openstack.identity-v3+json',
            }
        ],
    }
}

TOKEN = {
    'token': {
        'methods': ['password'],
        'user': {
            'domain': {'id': 'default', 'name': 'Default'},
            'id': '1d2ff1b32c8c4bc0a0a6a3ae1e1dbf5c',
            'name': 'admin',
            'password_expires_at': None,
        },
        'audit_ids': ['Zw6cS0y5QyKkZ3bXqSS5vA'],
        'expires_at': '2099-11-21T04:46:57.000000Z',
        'issued_at': '2026-11-21T03:46:57.000000Z',
        'project': {
            'domain': {'id': 'default', 'name': 'Default'},
            'id': '2b3a2c0d4b3f4f0fa1a8d0d6a1a9b3f1',
            'name': 'admin',
        },
        'is_domain': False,
        'roles': [{'id': '6cfa02f0f6d64ea39a0fa3a1a1d3e5a0', 'name': 'admin'}],
        'catalog': [
            {
                'endpoints': [
                    {
                        'id': 'f3b3f9d1b2a84d6c8c8b3c1b5b8c1d2e',
                        'interface': 'public',
                        'region_id': 'RegionOne',
                        'url': GLANCE,
                        'region': 'RegionOne',
                    }
                ],
                'id': '7f8d0b8a3f5b4b2e9e9b1b3a5c7d9e1f',
                'type': 'image',
                'name': 'glance',
            },
            {
                'endpoints': [
                    {
                        'id': '0d5d5d0c3c1f4a3b8f5e0b7c9a6f2e4d',
                        'interface': 'public',
                        'region_id': 'RegionOne',
                        'url': 'http://nova.example:8774/v2.1',
                        'region': 'RegionOne',
                    }
                ],
                'id': '3a1c5e7f9b2d4068a4c6e8f0b1d3f5a7',
                'type': 'compute',
                'name': 'nova',
            },
        ],
    }
}


def glance_versions(root: str, *numbers: str) -> dict[str, Any]:
    """The version document of a Glance that lists these versions."""
    return {
        'versions': [
            {
                'id': f'v{number}',
                'status': 'CURRENT' if at == 0 else 'SUPPORTED',
                'links': [{'rel': 'self', 'href': f'{root}/v2/'}],
            }
            for at, number in enumerate(numbers)
        ]
    }


def image(image_id: str, name: str | None, **more: Any) -> dict[str, Any]:
    """An item of GET /v2/images."""
    return {
        'name': name,
        'disk_format': 'raw',
        'container_format': 'bare',
        'visibility': 'shared',
        'size': 5000000,
        'virtual_size': 5000000,
        'status': 'active',
        'checksum': MD5[1],
        'protected': False,
        'min_ram': 0,
        'min_disk': 0,
        'owner': '2b3a2c0d4b3f4f0fa1a8d0d6a1a9b3f1',
        'os_hidden': False,
        'os_hash_algo': 'sha512',
        'os_hash_value': None,
        'id': image_id,
        'created_at': '2026-11-21T03:46:50Z',
        'updated_at': '2026-11-21T03:46:51Z',
        'tags': [],
        'self': f'/v2/images/{image_id}',
        'file': f'/v2/images/{image_id}/file',
        'schema': '/v2/schemas/image',
        'stores': 'fast',
        **more,
    }


def data_of(name: str, size: int = 3000) -> bytes:
    """The data of an image: as many bytes, and different for each name."""
    seed = hashlib.sha512(name.encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


def hashed(
    image_id: str, name: str | None, data: bytes, **more: Any
) -> dict[str, Any]:
    """An item of GET /v2/images, with the size and hashes of its data."""
    found = {
        'size': len(data),
        'checksum': hashlib.md5(data, usedforsecurity=False).hexdigest(),
        'os_hash_value': hashlib.sha512(data).hexdigest(),
    }
    return image(image_id, name, **found | more)


def images(*items: dict[str, Any]) -> dict[str, Any]:
    """A whole page of GET /v2/images."""
    return {
        'images': list(items),
        'first': '/v2/images',
        'schema': '/v2/schemas/images',
    }


def cached(image_id: str, **more: Any) -> dict[str, Any]:
    """An item of cached_images; accessed 2026-11-21 03:46:57 UTC."""
    return {
        'image_id': image_id,
        'hits': 3,
        'last_accessed': 1795232817.0,
        'last_modified': 1795146417.0,
        'size': 5000000,
        'checksum': '5f363e0e58a95f06cbe9bbc662c5dfb6',
        **more,
    }


def cache(*items: dict[str, Any], queued: list[str] | None = None) -> Any:
    """The answer to GET /v2/cache."""
    return {'cached_images': list(items), 'queued_images': queued or []}


def fault(status: str, words: str) -> str:
    """Glance's HTML for an error, to the letter."""
    title = status.partition(' ')[2]
    return (
        f'<html>\n <head>\n  <title>{status}</title>\n </head>\n <body>\n'
        f'  <h1>{status}</h1>\n  {words}<br /><br />\n\n\n </body>\n</html>'
        if title
        else words
    )


#: A clouds.yaml whose cloud 'far' has two nodes.
FLEET = f"""\
clouds:
  far:
    auth:
      auth_url: {KEYSTONE}
    image_cache_nodes:
      - name: edge-oslo
        endpoint: {GLANCE}
      - name: edge-bergen
        endpoint: {EDGE}/v2/
"""
