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

"""What a node says of itself: its list of API versions."""

import re
from typing import Any

from glance_cache_osc import errors
from glance_cache_osc.drivers import http
from glance_cache_osc.i18n import _

_FIRST_WITH_CACHE = (2, 14)
_FIRST_WITH_MAINTENANCE = (2, 18)


def api_versions(client: http.NodeClient) -> list[tuple[int, int]]:
    """The Images API versions that a node lists, lowest first.

    :raises errors.NotGlance: the answer is no list of Images API versions.
    """
    try:
        body = client.request('GET', '/versions', authenticated=False)
    except (errors.Refused, errors.BadReply) as error:
        raise _not_glance() from error
    listed = body.get('versions') if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise _not_glance()
    found = sorted(set(filter(None, map(_version, listed))))
    if not found:
        raise _not_glance()
    return found


def newest(client: http.NodeClient) -> str:
    """The newest version that a node lists: ``2.18``.

    :raises errors.NotGlance: the answer is no list of Images API versions.
    """
    return _text(api_versions(client)[-1])


def why_no_cache(client: http.NodeClient) -> errors.NodeError:
    """Why a node has no ``/v2/cache``, as an error to raise."""
    return _why_not(
        client, _FIRST_WITH_CACHE, _('the cache needs 2.14 (Yoga)')
    )


def why_no_maintenance(client: http.NodeClient) -> errors.NodeError:
    """Why a node can't be asked to clean or prune, as an error to raise."""
    return _why_not(
        client, _FIRST_WITH_MAINTENANCE, _('clean and prune need 2.18')
    )


def _why_not(
    client: http.NodeClient, first: tuple[int, int], need: str
) -> errors.NodeError:
    try:
        found = api_versions(client)
    except errors.NodeError as error:
        return error
    if found[-1] < _FIRST_WITH_CACHE or (
        found[-1] < first and _FIRST_WITH_CACHE in found
    ):
        return errors.TooOld(
            _('Its Images API ends at %(version)s; %(need)s')
            % {'version': _text(found[-1]), 'need': need},
            _('Upgrade that Glance, or name another endpoint with --node.'),
        )
    return errors.CachingOff(
        _('Its image cache is off'),
        _(
            "Set 'image_cache_dir' and a flavor with caching in that node's "
            'glance-api.conf, and restart it.'
        ),
    )


def _text(version: tuple[int, int]) -> str:
    return '.'.join(map(str, version))


def _version(item: Any) -> tuple[int, int] | None:
    text = item.get('id') if isinstance(item, dict) else None
    if not isinstance(text, str):
        return None
    match = re.fullmatch(r'v(\d{1,4})\.(\d{1,4})', text)
    return (int(match[1]), int(match[2])) if match else None


def _not_glance() -> errors.NotGlance:
    return errors.NotGlance(
        _('No Glance answers there'),
        _("Give the endpoint as in 'openstack endpoint list'."),
    )
