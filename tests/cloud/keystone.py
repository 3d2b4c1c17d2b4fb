# SPDX-License-Identifier: Apache-2.0

"""Keystone: its configuration, its process, and its users."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import secrets
from string import Template
from typing import Any

from tests.cloud import rest
from tests.cloud.ledger import Ledger
from tests.cloud.ports import Port
from tests.cloud.process import Process
from tests.cloud.process import script

REGION = 'RegionOne'
TEMPLATES = Path(__file__).parent / 'templates'


@dataclass(frozen=True)
class KeystoneOptions:
    """The options of Keystone.

    :ivar token_seconds: lifetime of a token in seconds
    :ivar extra: text at the end of keystone.conf, where it overrides earlier
        values
    """

    token_seconds: int = 3600
    extra: str = ''


class Keystone:
    """The cloud's Keystone, with its users, projects and catalogue.

    Users: admin (role admin, project admin), demo (role member, project
    demo) and glance (role service, project service). All belong to the domain
    `default`, and have :attr:`password`.
    """

    def __init__(
        self,
        options: KeystoneOptions,
        *,
        python: Path,
        ledger: Ledger,
        lifeline: bool,
    ) -> None:
        self.port = Port()
        self.password = secrets.token_hex(8)
        self.directory = ledger.directory / 'keystone'
        self.log = self.directory / 'keystone.log'
        self._options = options
        self._config = self.directory / 'keystone.conf'
        self.setup = Process(
            'keystone-setup',
            [
                str(python),
                *script('keystone_setup.py'),
                str(self._config),
                self.auth_url,
                REGION,
            ],
            self.directory / 'setup.log',
            ledger,
            {'OS_BOOTSTRAP_PASSWORD': self.password},
        )
        self.process = Process(
            'keystone',
            [
                str(python),
                *script('serve.py'),
                'keystone.wsgi.api:application',
                str(self.port.number),
                *(['--lifeline'] if lifeline else []),
            ],
            self.log,
            ledger,
            {'OS_KEYSTONE_CONFIG_FILES': str(self._config)},
            lifeline,
        )

    @property
    def auth_url(self) -> str:
        """The value of OS_AUTH_URL."""
        return self.port.url + '/v3'

    def start_setup(self) -> None:
        """Write the configuration; start to create tables, keys and admin."""
        keys = self.directory / 'fernet-keys'
        keys.mkdir(parents=True, mode=0o700)
        text = Template((TEMPLATES / 'keystone.conf').read_text()).substitute(
            directory=self.directory,
            log=self.log,
            token_seconds=self._options.token_seconds,
        )
        self._config.write_text(text + self._options.extra)
        self.setup.start()

    def wait_ready(self) -> None:
        """Wait until Keystone responds.

        :raises CloudError: the process ended, or took too long
        """
        self.process.wait_until(lambda: rest.answers(self.auth_url))

    def token(self, user: str) -> str:
        """A new token for a user, in the project with the user's name.

        :raises RestError: the user does not exist
        """
        domain = {'id': 'default'}
        reply = rest.call(
            'POST',
            self.auth_url + '/auth/tokens',
            body={
                'auth': {
                    'identity': {
                        'methods': ['password'],
                        'password': {
                            'user': {
                                'name': user,
                                'domain': domain,
                                'password': self.password,
                            }
                        },
                    },
                    'scope': {'project': {'name': user, 'domain': domain}},
                }
            },
        )
        return reply.headers['x-subject-token']

    def populate(self, image_url: str) -> None:
        """Create the other users, and the image endpoint.

        :param image_url: the image endpoint in the catalogue
        """
        token = self.token('admin')

        def call(method: str, path: str, body: object = None) -> Any:
            nonlocal token
            url = f'{self.auth_url}/{path}'
            try:
                reply = rest.call(method, url, token=token, body=body)
            except rest.RestError as error:
                if error.status != 401:
                    raise
                # The lifetime of a token can be a few seconds.
                token = self.token('admin')
                reply = rest.call(method, url, token=token, body=body)
            return reply.body

        def create(kind: str, **fields: object) -> str:
            return str(call('POST', f'{kind}s', {kind: fields})[kind]['id'])

        roles = {
            role['name']: role['id'] for role in call('GET', 'roles')['roles']
        }
        for user, project, role in (
            ('demo', 'demo', 'member'),
            ('glance', 'service', 'service'),
        ):
            project_id = create('project', name=project, domain_id='default')
            user_id = create(
                'user',
                name=user,
                domain_id='default',
                password=self.password,
            )
            call(
                'PUT',
                f'projects/{project_id}/users/{user_id}/roles/{roles[role]}',
            )
        service = create('service', name='glance', type='image')
        for interface in ('public', 'internal', 'admin'):
            create(
                'endpoint',
                service_id=service,
                interface=interface,
                url=image_url,
                region_id=REGION,
            )
