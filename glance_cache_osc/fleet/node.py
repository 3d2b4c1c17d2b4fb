#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""One node: its name, its endpoint, its driver."""

import dataclasses
import functools
import re
from typing import TYPE_CHECKING
import urllib.parse

from glance_cache_osc import errors
from glance_cache_osc.drivers import base
from glance_cache_osc.drivers import choosing
from glance_cache_osc.i18n import _

if TYPE_CHECKING:
    from keystoneauth1 import session as ksa_session

_DEFAULT_BASE = 'http://localhost:9292'
_VERSION_SUFFIX = re.compile(r'(/+v\d+(\.\d+)?)*/*$')


@dataclasses.dataclass(frozen=True)
class Node:
    """One glance-api with a cache of its own.

    :param name: what the user calls it; shown in the column ``Node``.
    :param endpoint: its root URL, as `parse_endpoint` makes them.
    """

    name: str
    endpoint: str

    @property
    def label(self) -> str:
        """The node as an error names it: the name, and where that is."""
        if self.name == self.endpoint:
            return self.endpoint
        return f'{self.name} ({self.endpoint})'

    def connect(
        self, session: 'ksa_session.Session', timeout: float
    ) -> base.CacheDriver:
        """A driver for this node; nothing is sent yet.

        :param timeout: seconds that the node may be silent.
        """
        return choosing.connect(session, self.endpoint, timeout)


def parse_endpoint(text: str, image_endpoint: str | None = None) -> str:
    """The root URL of a Glance from what a person wrote.

    :param text: a URL with or without a path, a final slash or ``/v2``; or
        ``host`` or ``host:port``, which take the scheme, port and path that
        they lack from the cloud's image endpoint.
    :param image_endpoint: the cloud's image endpoint, if it has one.
    :raises errors.UsageError: that is no URL and no host.
    """
    if re.search(r'\s', text):
        raise _bad_endpoint(text, _('it has a space'))
    if '://' not in text:
        text = _from_host(text, image_endpoint or _DEFAULT_BASE)
    parts = _split(text)
    if parts.scheme not in ('http', 'https') or not parts.hostname:
        raise _bad_endpoint(text, _('it is not http://… or https://…'))
    if parts.username is not None or parts.password is not None:
        raise _bad_endpoint(text, _('credentials do not belong in it'))
    if parts.query or parts.fragment:
        raise _bad_endpoint(text, _('it has a query or a fragment'))
    path = _VERSION_SUFFIX.sub('', parts.path)
    return f'{parts.scheme}://{parts.netloc.lower()}{path}'


def _from_host(text: str, image_endpoint: str) -> str:
    base_url = _split(parse_endpoint(image_endpoint))
    given = _split(f'//{text}')
    if not given.hostname or given.path or given.query or given.fragment:
        raise _bad_endpoint(text, _('it is no host, host:port or URL'))
    netloc = given.netloc
    if given.port is None and base_url.port is not None:
        netloc = f'{netloc}:{base_url.port}'
    return f'{base_url.scheme}://{netloc}{base_url.path}'


@functools.lru_cache(maxsize=64)
def _split(text: str) -> urllib.parse.SplitResult:
    try:
        parts = urllib.parse.urlsplit(text)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise _bad_endpoint(text, str(error)) from error
    return parts


def _bad_endpoint(text: str, why: str) -> errors.UsageError:
    # Whatever is wrong with it, a password in it is not for the screen.
    text = re.sub(r'[^/\s]*@', '***@', text)
    return errors.UsageError(
        _("'%(text)s' is not the endpoint of a node: %(why)s")
        % {'text': text, 'why': why},
        _('Give it as http://host:port, host:port or host.'),
    )
