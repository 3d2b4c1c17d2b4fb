# SPDX-License-Identifier: Apache-2.0

"""A real cloud on loopback: Keystone, and Glance nodes with caches.

    with Cloud(nodes=2) as cloud:
        image = create_image(cloud.glance[0].url, cloud.token(), 'cirros')

The services run in a separate venv (see :func:`services_python`). This package
requires only the standard library.
"""

from tests.cloud.cache import Cache
from tests.cloud.cloud import Cloud
from tests.cloud.cloud import services_python
from tests.cloud.cloud import without_login
from tests.cloud.glance import GlanceNode
from tests.cloud.glance import GlanceOptions
from tests.cloud.images import copy_image
from tests.cloud.images import create_image
from tests.cloud.images import delete_image
from tests.cloud.images import Images
from tests.cloud.images import stores_of
from tests.cloud.keystone import KeystoneOptions
from tests.cloud.process import CloudError
from tests.cloud.rest import RestError

__all__ = (
    'Cache',
    'Cloud',
    'CloudError',
    'GlanceNode',
    'GlanceOptions',
    'Images',
    'KeystoneOptions',
    'RestError',
    'copy_image',
    'create_image',
    'delete_image',
    'services_python',
    'stores_of',
    'without_login',
)
