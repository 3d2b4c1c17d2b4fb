# SPDX-License-Identifier: Apache-2.0

"""A simulated Keystone: it accepts the password, and its valid token."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
import json
from typing import Any

from tests.simulated import payloads
from tests.simulated.wire import json_response
from tests.simulated.wire import Request

PASSWORD = 'simulated'
_LOGIN = '/v3/auth/tokens'


@dataclass
class Realm:
    """The part of Keystone that all services know.

    :ivar url: its URL, with /v3
    :ivar token: the only valid token
    """

    url: str
    token: str = payloads.TOKEN

    def revoke(self) -> None:
        """Revoke the token. The next login returns another one."""
        self.token += '-'


class Keystone:
    """Keystone v3: the version, a token, and whether a token is valid.

    :param glance: the image endpoint in the catalogue
    :ivar requests: number of requests by `GET /v3`
    """

    def __init__(self, realm: Realm, glance: str) -> None:
        self.requests: Counter[str] = Counter()
        self._realm = realm
        self._token = _token(realm.url, glance)

    def answer(self, request: Request) -> bytes:
        """The response to a request."""
        self.requests[f'{request.method} {request.path}'] += 1
        if request.path.rstrip('/') == '/v3':
            # As in Keystone, the URL of the request: a relay may forward it.
            host = request.header('host')
            return json_response(_version(f'http://{host}/v3'))
        if (request.method, request.path) == ('GET', _LOGIN):
            return self._validate(request)
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
            f'Vary: X-Auth-Token\r\nX-Subject-Token: {self._realm.token}\r\n',
        )

    def _validate(self, request: Request) -> bytes:
        if request.header('x-auth-token') != self._realm.token:
            return _error(
                401,
                'Unauthorized',
                'The request you have made requires authentication.',
            )
        if request.header('x-subject-token') != self._realm.token:
            return _error(404, 'Not Found', 'Could not find token.')
        return json_response(self._token)


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
