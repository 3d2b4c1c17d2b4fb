# SPDX-License-Identifier: Apache-2.0

"""A simulated Keystone; it accepts each login with the password."""

from __future__ import annotations

from collections import Counter
import json
from typing import Any

from tests.simulated import payloads
from tests.simulated.wire import json_response
from tests.simulated.wire import Request

PASSWORD = 'simulated'
_LOGIN = '/v3/auth/tokens'


class Keystone:
    """Keystone v3: the version, and a token.

    :param url: its own URL, with /v3
    :param glance: the image endpoint in the catalogue
    :ivar requests: number of requests by `GET /v3`
    """

    def __init__(self, url: str, glance: str) -> None:
        self.requests: Counter[str] = Counter()
        self._url = url
        self._token = _token(url, glance)

    def answer(self, request: Request) -> bytes:
        """The response to a request."""
        self.requests[f'{request.method} {request.path}'] += 1
        if request.path.rstrip('/') == '/v3':
            return json_response(_version(self._url))
        if (request.method, request.path) != ('POST', _LOGIN):
            return _error(404, 'Not Found', 'The resource is not found.')
        if not _has_password(request.body):
            return _error(
                401,
                'Unauthorized',
                'The request you have made requires authentication.',
            )
        return json_response(
            self._token,
            '201 CREATED',
            f'Vary: X-Auth-Token\r\nX-Subject-Token: {payloads.TOKEN}\r\n',
        )


def _has_password(body: bytes) -> bool:
    try:
        identity = json.loads(body)['auth']['identity']
        return bool(identity['password']['user']['password'] == PASSWORD)
    except (ValueError, KeyError, TypeError):
        return False


def _error(code: int, title: str, words: str) -> bytes:
    document = {'error': {'code': code, 'message': words, 'title': title}}
    return json_response(document, f'{code} {title.upper()}')


def _version(root: str) -> dict[str, Any]:
    """The response to GET /v3."""
    return {
        'version': {
            'id': 'v3.14',
            'status': 'stable',
            'updated': '2020-04-07T00:00:00Z',
            'links': [{'rel': 'self', 'href': f'{root}/'}],
            'media-types': [
                {
                    'base': 'application/json',
                    'type': 'application/vnd.openstack.identity-v3+json',
                }
            ],
        }
    }


def _token(keystone: str, glance: str) -> dict[str, Any]:
    """The response to POST /v3/auth/tokens, with the catalogue."""
    domain = {'id': 'default', 'name': 'Default'}
    return {
        'token': {
            'methods': ['password'],
            'user': {
                'domain': domain,
                'id': 'db4802551f234edcb36b3dde984264ba',
                'name': 'admin',
                'password_expires_at': None,
            },
            'audit_ids': ['lj-VecZjR7C0OeYwewgt2g'],
            'expires_at': '2099-11-21T06:04:01.000000Z',
            'issued_at': '2026-11-21T03:46:57.000000Z',
            'project': {
                'domain': domain,
                'id': payloads.PROJECT_ID,
                'name': 'admin',
            },
            'is_domain': False,
            'roles': [
                {'id': '07143e3f0db640009d5056bf328ce42f', 'name': 'admin'}
            ],
            'catalog': [
                _service('identity', 'keystone', keystone),
                _service('image', 'glance', glance),
            ],
        }
    }


def _service(kind: str, name: str, url: str) -> dict[str, Any]:
    return {
        'endpoints': [
            {
                'id': f'{kind}-{interface}',
                'interface': interface,
                'region_id': payloads.REGION,
                'url': url,
                'region': payloads.REGION,
            }
            for interface in ('public', 'internal', 'admin')
        ],
        'id': f'the-{kind}-service',
        'type': kind,
        'name': name,
    }
