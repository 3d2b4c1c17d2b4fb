# SPDX-License-Identifier: Apache-2.0

"""The nodes that ``clouds.yaml`` names, or a file that it names."""

from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import json
import pathlib
from typing import Any

import yaml

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import endpoints

#: The keys in clouds.yaml, beside ``auth``.
_NODES = 'image_cache_nodes'
_FILE = 'image_cache_nodes_file'


def nodes(cloud: clouds.Cloud) -> list[fleet.Node]:
    """The nodes of a cloud, in the order in which they are written.

    :raises errors.UsageError: they are written wrong, or their file cannot
        be read.
    """
    found: dict[str, fleet.Node] = {}
    for where, listed in _lists(cloud):
        if not isinstance(listed, list):
            raise _wrong(where, _('it is not a list'))
        for one in [_node(cloud, where, item) for item in listed]:
            if one.name in found:
                raise _wrong(
                    where, _("two nodes have the name '%s'") % one.name
                )
            found[one.name] = one
    return list(found.values())


def _lists(cloud: clouds.Cloud) -> Iterator[tuple[str, Any]]:
    """What should be lists of nodes, and where each is written."""
    listed, path = cloud.setting(_NODES), cloud.setting(_FILE)
    if listed is not None:
        yield _("'%s' in clouds.yaml") % _NODES, listed
    if path is not None:
        yield f"'{path}'", _read(path)


def _read(path: Any) -> Any:
    """The contents of a file of nodes: YAML, or JSON, which is faster."""
    where = _("'%s' in clouds.yaml") % _FILE
    if not isinstance(path, str) or not path or '\0' in path:
        raise errors.UsageError(
            _('%s is not the path of a file') % where,
            _('Give an absolute path.'),
        )
    file = pathlib.Path(path)
    # A user who is not known has no home.
    with contextlib.suppress(RuntimeError):
        file = file.expanduser()
    if not file.is_absolute():
        raise errors.UsageError(
            _("%(where)s is not an absolute path: '%(path)s'")
            % {'where': where, 'path': path},
            _('Give an absolute path.'),
        )
    try:
        text = file.read_text(encoding='utf-8')
    except OSError as error:
        raise errors.UsageError(
            _("Cannot read '%(file)s': %(why)s")
            % {'file': path, 'why': error.strerror},
            _('See %s.') % where,
        ) from error
    except UnicodeDecodeError as error:
        raise errors.UsageError(
            _("Cannot read '%s': it is not UTF-8 text") % path
        ) from error
    return _parse(path, text)


def _parse(path: str, text: str) -> Any:
    loader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    try:
        if text.lstrip()[:1] in ('[', '{'):
            return json.loads(text)
    except (ValueError, RecursionError):
        pass  # YAML may begin so, too.
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506 - it is safe
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        words = ' '.join(str(error).split())
        raise errors.UsageError(
            _("'%(file)s' is not YAML: %(why)s") % {'file': path, 'why': words}
        ) from error


def _node(cloud: clouds.Cloud, where: str, item: Any) -> fleet.Node:
    if not isinstance(item, Mapping):
        raise _wrong(where, _('an item is not a name and an endpoint'))
    name, endpoint = item.get('name'), item.get('endpoint')
    if not isinstance(endpoint, str) or not endpoint:
        raise _wrong(where, _("the node '%s' has no endpoint") % name)
    if not isinstance(name, str) or not name:
        raise _wrong(where, _("the node at '%s' has no name") % endpoint)
    base_url = None if '://' in endpoint else cloud.image_endpoint()
    return fleet.Node(name, endpoints.parse(endpoint, base_url))


def _wrong(where: str, why: str) -> errors.UsageError:
    return errors.UsageError(
        _('%(where)s is wrong: %(why)s') % {'where': where, 'why': why},
        _("It is a list of items with 'name' and 'endpoint'."),
    )
