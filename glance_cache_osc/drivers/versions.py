# SPDX-License-Identifier: Apache-2.0

"""The Images API versions that a node lists, and what they imply."""

import enum
import functools
import re

from glance_cache_osc import errors
from glance_cache_osc.drivers import http
from glance_cache_osc.i18n import _

_FIRST_WITH_CACHE = (2, 14)
_FIRST_WITH_MAINTENANCE = (2, 18)
_UPGRADE = _('Upgrade that node, or use another one with --node.')


class Maintenance(enum.Enum):
    """Glance's own maintenance. The values are parts of the paths."""

    CLEAN = 'clean'
    PRUNE = 'prune'

    @property
    def program(self) -> str:
        """The program that does the same on the node, also on older nodes."""
        return {
            Maintenance.CLEAN: 'glance-cache-cleaner',
            Maintenance.PRUNE: 'glance-cache-pruner',
        }[self]


async def api_versions(client: http.NodeClient) -> list[tuple[int, int]]:
    """The Images API versions that a node lists, lowest first.

    :raises errors.NotGlance: the response is not a list of Images API
        versions.
    """
    try:
        body = await client.request('GET', '/versions', authenticated=False)
    except (errors.Refused, errors.BadReply) as error:
        raise _not_glance() from error
    listed = body.get('versions') if isinstance(body, dict) else None
    items = listed if isinstance(listed, list) else []
    ids = [one.get('id') for one in items if isinstance(one, dict)]
    found = _parse(tuple(one for one in ids if isinstance(one, str)))
    if not found:
        raise _not_glance()
    return list(found)


async def newest(client: http.NodeClient) -> str:
    """The newest version that a node lists: ``2.18``.

    :raises errors.NotGlance: the response is not a list of Images API
        versions.
    """
    return _text((await api_versions(client))[-1])


async def why_no_cache(client: http.NodeClient) -> errors.NodeError:
    """The reason why a node has no ``/v2/cache``, as an error to raise.

    :returns: `errors.TooOld` if another driver may work,
        `errors.CachingOff` if the node's cache is disabled, or the error of
        the request for the list of versions.
    """
    try:
        found = await api_versions(client)
    except errors.NodeError as error:
        return error
    if found[-1] < _FIRST_WITH_CACHE:
        return errors.TooOld(
            _(
                'The node supports Images API up to %s; the cache requires '
                '2.14 (Yoga)'
            )
            % _text(found[-1]),
            _UPGRADE,
        )
    if _FIRST_WITH_CACHE not in found:
        return _caching_off()
    return errors.TooOld(_hidden(found, '/v2/cache'), _UPGRADE)


async def why_no_maintenance(
    client: http.NodeClient, what: Maintenance
) -> errors.NodeError:
    """The reason why a node cannot clean or prune, as an error to raise.

    :returns: `errors.TooOld`, `errors.CachingOff` or the error of the
        request for the list of versions.
    """
    try:
        found = await api_versions(client)
    except errors.NodeError as error:
        return error
    if found[-1] >= _FIRST_WITH_CACHE and _FIRST_WITH_CACHE not in found:
        return _caching_off()
    if found[-1] >= _FIRST_WITH_MAINTENANCE:
        return errors.TooOld(
            _hidden(found, f'/v2/cache/{what.value}'),
            _("Run '%s' on that node instead.") % what.program,
        )
    return errors.TooOld(
        _(
            'The node supports Images API up to %s; clean and prune require '
            '2.18'
        )
        % _text(found[-1]),
        _("Run '%s' on that node instead.") % what.program,
    )


def _hidden(found: list[tuple[int, int]], path: str) -> str:
    """A message for a route that the versions include but the node does not.

    :param found: the versions, lowest first.
    """
    return _(
        'The node lists Images API %(version)s, but %(path)s is not found: '
        'a proxy may hide it'
    ) % {'version': _text(found[-1]), 'path': path}


def _caching_off() -> errors.CachingOff:
    return errors.CachingOff(
        _("The node's image cache is disabled"),
        _(
            "Set 'image_cache_dir' and a flavor with caching in that node's "
            'glance-api.conf, and restart it.'
        ),
    )


def _text(version: tuple[int, int]) -> str:
    return '.'.join(map(str, version))


@functools.lru_cache(maxsize=16)
def _parse(ids: tuple[str, ...]) -> list[tuple[int, int]]:
    """The valid ones of some version IDs, lowest first.

    Results are cached: thousands of nodes list the same versions.
    """
    matches = [re.fullmatch(r'v(\d{1,4})\.(\d{1,4})', one) for one in ids]
    return sorted({(int(one[1]), int(one[2])) for one in matches if one})


def _not_glance() -> errors.NotGlance:
    return errors.NotGlance(
        _('Not a Glance endpoint'),
        _("Use an endpoint of 'openstack endpoint list'."),
    )
