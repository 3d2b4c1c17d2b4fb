# SPDX-License-Identifier: Apache-2.0

"""The login of `openstack` to the simulated cloud."""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path

from tests.simulated.keystone import PASSWORD
from tests.simulated.payloads import REGION

CLOUD_NAME = 'simulated'


def environment(auth_url: str, clouds_yaml: Path | None) -> dict[str, str]:
    """The OS_… variables; with a clouds.yaml, those that refer to it."""
    if clouds_yaml is not None:
        return {
            'OS_CLOUD': CLOUD_NAME,
            'OS_CLIENT_CONFIG_FILE': str(clouds_yaml),
        }
    return {
        'OS_AUTH_URL': auth_url,
        'OS_USERNAME': 'admin',
        'OS_PASSWORD': PASSWORD,
        'OS_PROJECT_NAME': 'admin',
        'OS_USER_DOMAIN_ID': 'default',
        'OS_PROJECT_DOMAIN_ID': 'default',
        'OS_IDENTITY_API_VERSION': '3',
        'OS_REGION_NAME': REGION,
    }


def site_of(position: int) -> str:
    """The site of a node. Each site has ten nodes; the first is site-0000."""
    return f'site-{position // 10:04d}'


def clouds_yaml(
    auth_url: str, nodes: Mapping[str, str], nodes_file: Path | None = None
) -> str:
    """The text of a clouds.yaml.

    :param nodes: endpoints by name, for image_cache_nodes; may be empty
    :param nodes_file: write the nodes to this file, and its name instead
    """
    lines = [
        'clouds:',
        f'  {CLOUD_NAME}:',
        '    auth:',
        f'      auth_url: {auth_url}',
        '      username: admin',
        f'      password: {PASSWORD}',
        '      project_name: admin',
        '      user_domain_id: default',
        '      project_domain_id: default',
        '    identity_api_version: 3',
        f'    region_name: {REGION}',
    ]
    if nodes_file is not None:
        items = [
            {'name': one, 'endpoint': nodes[one], 'site': site_of(at)}
            for at, one in enumerate(nodes)
        ]
        nodes_file.write_text(json.dumps(items))
        lines.append(f'    image_cache_nodes_file: {nodes_file}')
    elif nodes:
        lines.append('    image_cache_nodes:')
        for name, endpoint in nodes.items():
            lines.append(f'      - name: {name}')
            lines.append(f'        endpoint: {endpoint}')
    return '\n'.join(lines) + '\n'
