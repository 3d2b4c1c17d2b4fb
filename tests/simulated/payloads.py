# SPDX-License-Identifier: Apache-2.0

"""The exact responses of Keystone 30 and Glance 33.

They were recorded from real services.
"""

from __future__ import annotations

import html
import json
from typing import Any

TOKEN = 'gAAAAA-' + 'the-token-of-a-simulated-cloud' * 5
REGION = 'RegionOne'
PROJECT_ID = 'f39754009bbe4981aaa7d76ac51b83c6'

_LATEST = 18
_NEED_A_CACHE = (14, 16, 18)
_TIME = '2026-11-21T03:46:50Z'

NOT_AUTHENTICATED = (
    'This server could not verify that you are authorized to access the'
    ' document you requested. Either you supplied the wrong credentials'
    ' (e.g., bad password), or your browser does not understand how to'
    ' supply the credentials required.'
)
NO_CACHE = 'Caching via API is not supported at this site.'
NO_ROUTE = 'The resource could not be found.'
BAD_TARGET = (
    "If provided 'x-image-cache-clear-target' must be 'cache', 'queue' or"
    ' empty string.'
)
UNAVAILABLE = (
    'The server is currently unavailable. Please try again at a later time.'
)
NGINX = (
    '<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n'
    '<center><h1>404 Not Found</h1></center>\r\n'
    '<hr><center>nginx/1.24.0</center>\r\n</body>\r\n</html>\r\n'
)


def fault(status: str, words: str) -> str:
    """Glance's page for an error: `404 Not Found`, and the reason."""
    return (
        f'<html>\n <head>\n  <title>{status}</title>\n </head>\n <body>\n'
        f'  <h1>{status}</h1>\n  {html.escape(words)}<br /><br />\n\n\n\n'
        ' </body>\n</html>'
    )


def not_allowed(method: str) -> str:
    """The page for a method that a route does not support."""
    status = '405 Method Not Allowed'
    return (
        f'<html>\n <head>\n  <title>{status}</title>\n </head>\n <body>\n'
        f'  <h1>{status}</h1>\n  The method {method} is not allowed for this'
        ' resource. <br /><br />\n\n </body>\n</html>'
    )


def glance_versions(root: str, *, caching: bool) -> bytes:
    """The list of versions of Glance at a root URL."""
    minors = [
        minor
        for minor in range(_LATEST, -1, -1)
        if caching or minor not in _NEED_A_CACHE
    ]
    document = {
        'versions': [
            {
                'id': f'v2.{minor}',
                'status': 'CURRENT' if minor == minors[0] else 'SUPPORTED',
                'links': [{'rel': 'self', 'href': f'{root}/v2/'}],
            }
            for minor in minors
        ]
    }
    return json.dumps(document).encode()


def image(image_id: str, name: str, size: int) -> dict[str, Any]:
    """An item of GET /v2/images.

    :param size: bytes
    """
    return {
        'name': name,
        'disk_format': 'raw',
        'container_format': 'bare',
        'visibility': 'shared',
        'size': size,
        'virtual_size': size,
        'status': 'active',
        'checksum': '5f363e0e58a95f06cbe9bbc662c5dfb6',
        'protected': False,
        'min_ram': 0,
        'min_disk': 0,
        'owner': PROJECT_ID,
        'os_hidden': False,
        'os_hash_algo': 'sha512',
        'os_hash_value': '37f652be867f28ed033269cbba201af2' * 4,
        'id': image_id,
        'created_at': _TIME,
        'updated_at': _TIME,
        'tags': [],
        'self': f'/v2/images/{image_id}',
        'file': f'/v2/images/{image_id}/file',
        'schema': '/v2/schemas/image',
        'stores': 'fast',
    }


def cached(number: int, image_id: str, size: int, hits: int) -> dict[str, Any]:
    """An item of cached_images; accessed 2026-11-21 03:46:57 UTC.

    :param number: ID of the row in Glance's database
    :param size: bytes
    """
    return {
        'id': number,
        'image_id': image_id,
        'last_accessed': 1795232817.801313,
        'last_modified': 1795146417.801324,
        'size': size,
        'hits': hits,
        'checksum': None,
    }
