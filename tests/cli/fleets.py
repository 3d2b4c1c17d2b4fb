# SPDX-License-Identifier: Apache-2.0

"""Six nodes, of which one answers and five fail, each in a way of its own."""

from typing import Any

from tests import web
from tests.cli import payloads as p
from tests.cli.conftest import Cloud

OSLO = 'http://oslo.example:9292'
BERGEN = 'http://bergen.example:9292'
TROMSO = 'http://tromso.example:9292'
MOLDE = 'http://molde.example:9292'
BODO = 'http://bodo.example:9292'
ALTA = 'http://alta.example:9292'

#: A clouds.yaml whose cloud 'far' has the six.
CLOUDS_YAML = f"""\
clouds:
  far:
    auth:
      auth_url: {p.KEYSTONE}
    image_cache_nodes:
      - name: edge-bergen
        endpoint: {BERGEN}
      - name: edge-tromso
        endpoint: {TROMSO}
      - name: edge-oslo
        endpoint: {OSLO}
      - name: edge-molde
        endpoint: {MOLDE}
      - name: edge-bodo
        endpoint: {BODO}
      - name: edge-alta
        endpoint: {ALTA}
"""

#: What is told of the five, whatever was asked.
FAILURES = (
    f'Cannot read the cache of edge-bergen ({BERGEN}): Cannot connect: '
    'Connection refused. Check that glance-api is running at this address.\n'
    f'Cannot read the cache of edge-tromso ({TROMSO}): No response within 30 '
    'seconds. Check that the service is up. To wait longer, use '
    '--node-timeout.\n'
    f'Cannot read the cache of edge-molde ({MOLDE}): Not a Glance endpoint. '
    "Use an endpoint of 'openstack endpoint list'.\n"
    f"Cannot read the cache of edge-bodo ({BODO}): The node's image cache is "
    "disabled. Set 'image_cache_dir' and a flavor with caching in that "
    "node's glance-api.conf, and restart it.\n"
    f'Cannot read the cache of edge-alta ({ALTA}): You are not authorized to '
    'complete cache_list action. Log in as an administrator, or permit '
    'cache_list, cache_image and cache_delete in the API policies of the '
    'node.\n'
)

HTML = {'Content-Type': 'text/html; charset=UTF-8'}
REFUSES = web.REFUSED
IS_SILENT = web.SILENT
WELCOME_PAGE = {
    'status_code': 404,
    'text': '<html><body>nginx</body></html>',
    'headers': {'Content-Type': 'text/html'},
}
CACHING_OFF = {
    'status_code': 404,
    'text': p.fault(
        '404 Not Found', 'Caching via API is not supported at this site.'
    ),
    'headers': HTML,
}
FORBIDS = {
    'status_code': 403,
    'text': p.fault(
        '403 Forbidden',
        'You are not authorized to complete cache_list action.',
    ),
    'headers': HTML,
}


def versions(root: str, *numbers: str) -> dict[str, Any]:
    """The answer of a node that lists these versions."""
    return {'json': p.glance_versions(root, *numbers)}


def answer_caches(cloud: Cloud, **oslo: Any) -> None:
    """Answer to the question what the caches hold."""
    cloud.answers('GET', f'{OSLO}/v2/cache', **oslo)
    cloud.answers('GET', f'{BERGEN}/v2/cache', **REFUSES)
    cloud.answers('GET', f'{TROMSO}/v2/cache', **IS_SILENT)
    cloud.answers('GET', f'{MOLDE}/v2/cache', **WELCOME_PAGE)
    cloud.answers('GET', f'{MOLDE}/versions', **WELCOME_PAGE)
    cloud.answers('GET', f'{BODO}/v2/cache', **CACHING_OFF)
    cloud.answers('GET', f'{BODO}/versions', **versions(BODO, '2.17', '2.15'))
    cloud.answers('GET', f'{ALTA}/v2/cache', **FORBIDS)


def answer_versions_and_caches(cloud: Cloud, **oslo: Any) -> None:
    """Answer to the question what the nodes are, and what they hold."""
    cloud.answers('GET', f'{OSLO}/versions', **versions(OSLO, '2.18', '2.14'))
    cloud.answers('GET', f'{OSLO}/v2/cache', **oslo)
    cloud.answers('GET', f'{BERGEN}/versions', **REFUSES)
    cloud.answers('GET', f'{TROMSO}/versions', **IS_SILENT)
    cloud.answers('GET', f'{MOLDE}/versions', **WELCOME_PAGE)
    cloud.answers('GET', f'{BODO}/versions', **versions(BODO, '2.17', '2.15'))
    cloud.answers('GET', f'{BODO}/v2/cache', **CACHING_OFF)
    cloud.answers('GET', f'{ALTA}/versions', **versions(ALTA, '2.16', '2.14'))
    cloud.answers('GET', f'{ALTA}/v2/cache', **FORBIDS)
