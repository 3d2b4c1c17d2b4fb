# SPDX-License-Identifier: Apache-2.0

"""`openstack` with the application credentials of the manual."""

import json
import pathlib
import re
import signal

from tests import cloud as clouds
from tests import shell
from tests.cloud import rest
from tests.relay import Relay
from tests.shell import Result

READ_ONLY, FULL = 'read-only', 'full'
CACHE = ('image', 'cache')
_EXAMPLES = pathlib.Path(__file__).parents[2] / 'doc/source/examples'


def rules_file(kind: str) -> pathlib.Path:
    """The file with the access rules of the manual."""
    return _EXAMPLES / f'access-rules-{kind}.json'


def rules(kind: str) -> list[dict[str, str]]:
    """The access rules of the manual."""
    text = rules_file(kind).read_text(encoding='utf-8')
    found: list[dict[str, str]] = json.loads(text)
    return found


class Edges:
    """Two nodes behind relays, and `openstack` with a credential."""

    def __init__(
        self,
        cloud: clouds.Cloud,
        credentials: dict[str, dict[str, str]],
        relays: dict[str, Relay],
        folder: pathlib.Path,
    ) -> None:
        self._credentials = credentials
        self._relays = relays
        self._folder = folder
        self._bare = {**clouds.without_login(), 'HOME': str(folder)}
        self._auth_url = cloud.auth_url
        endpoints = {name: one.url for name, one in relays.items()}
        self.write(endpoints)

    def write(self, endpoints: dict[str, str]) -> None:
        """Write clouds.yaml, and the secrets to secure.yaml."""
        settings: dict[str, object] = {
            'auth_type': 'v3applicationcredential',
            'image_endpoint_override': next(iter(endpoints.values())),
            'region_name': 'RegionOne',
            'image_cache_nodes': [
                {'name': name, 'endpoint': url}
                for name, url in endpoints.items()
            ],
        }
        auth = {'auth_url': self._auth_url}
        secret = 'application_credential_secret'
        public: dict[str, object] = {}
        private: dict[str, object] = {}
        for kind, one in self._credentials.items():
            named = {key: one[key] for key in one if key != secret}
            public[kind] = {**settings, 'auth': {**auth, **named}}
            private[kind] = {'auth': {secret: one[secret]}}
        for name, content in (('clouds', public), ('secure', private)):
            text = json.dumps({'clouds': content})
            (self._folder / f'{name}.yaml').write_text(text)

    def run(self, kind: str, *argv: str) -> Result:
        """Run a command with a credential."""
        return shell.run_here(
            *('--os-cloud', kind, *argv),
            environment=self._bare,
            folder=self._folder,
        )

    def watch(self, kind: str) -> int:
        """Run `watch` until it has shown both nodes; returns its code."""
        with shell.started(
            *(str(shell.OPENSTACK), '--os-cloud', kind),
            *(*CACHE, 'watch', '--by-node'),
            environment=self._bare,
            folder=self._folder,
        ) as process:
            assert process.stdout
            lines = [process.stdout.readline() for _ in self._relays]
            process.send_signal(signal.SIGINT)
            code = shell.ended(process).code
        assert all(' ok' in line or ' filling' in line for line in lines)
        return code

    def token(self, kind: str) -> str:
        """A token of a credential."""
        one = self._credentials[kind]
        identity = {
            'methods': ['application_credential'],
            'application_credential': {
                'id': one['application_credential_id'],
                'secret': one['application_credential_secret'],
            },
        }
        answer = rest.call(
            'POST',
            f'{self._auth_url}/auth/tokens',
            body={'auth': {'identity': identity}},
        )
        return answer.headers['x-subject-token']

    def used(self, kind: str) -> list[dict[str, str]]:
        """The rules that the requests with a token needed."""
        made = {
            (one.method, one.path)
            for relay in self._relays.values()
            for one in relay.requests
            if one.token
        }
        return [
            rule
            for rule in rules(kind)
            if any(allows(rule, *request) for request in made)
        ]


def allows(rule: dict[str, str], method: str, path: str) -> bool:
    """Whether an access rule matches a request, as in keystonemiddleware."""
    pattern = re.escape(rule['path']).replace(r'\*', '[^/]+')
    return rule['method'] == method and bool(re.fullmatch(pattern, path))
