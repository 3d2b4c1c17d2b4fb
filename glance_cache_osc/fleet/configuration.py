# SPDX-License-Identifier: Apache-2.0

"""Reads nodes and sites from ``clouds.yaml`` and from a file of nodes."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import pathlib
import re
from typing import Any
from typing import TypeVar

import yaml

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.fleet import nodes
from glance_cache_osc.i18n import _
from glance_cache_osc.model import endpoints
from glance_cache_osc.model import node_sets
from glance_cache_osc.model import yaml_text

#: The keys in an entry of clouds.yaml, on the same level as ``auth``.
_NODES = 'image_cache_nodes'
_FILE = 'image_cache_nodes_file'
_SITES = 'image_cache_sites'
_TOO_LARGE = 10**15
#: Not None: a key without a value is null, and not absent.
_ABSENT = object()
_BITS = re.compile(r'(\d{1,12}(?:\.\d{1,3})?)([kMGT]?)')
#: ClusterShell's operators on node sets, and the mark of URLs.
_NOT_IN_NAMES = re.compile('[,!&^@]|://')
_Value = TypeVar('_Value')
_UNITS = {'': 1, 'k': 10**3, 'M': 10**6, 'G': 10**9, 'T': 10**12}


def configured(cloud: clouds.Cloud) -> list[nodes.Node]:
    """The configured nodes of a cloud, in the order of the configuration.

    :raises errors.UsageError: the configuration is not valid, or the file of
        nodes cannot be read.
    """
    found: dict[str, nodes.Node] = {}
    for where, listed in _lists(cloud):
        if listed == []:
            # Without nodes, a command would use the image endpoint instead.
            remedy = _('Add a node, or delete the key in clouds.yaml.')
            raise _wrong(where, _('the list is empty'), remedy)
        for item in _items(where, listed):
            for one in _nodes(cloud, item):
                if one.name in found:
                    raise _wrong(
                        where, _("two nodes have the name '%s'") % one.name
                    )
                found[one.name] = one
            if len(found) > node_sets.MAX_NAMES:
                most = node_sets.MAX_NAMES
                raise _wrong(where, _('more than %d nodes') % most)
    return list(found.values())


def sites(cloud: clouds.Cloud) -> dict[str, nodes.Site]:
    """The settings of sites, by name; only of sites that have settings.

    :raises errors.UsageError: the configuration is not valid.
    """
    where = _("'%s' in clouds.yaml") % _SITES
    listed = cloud.setting(_SITES)
    found: dict[str, nodes.Site] = {}
    for item in _items(where, [] if listed is None else listed):
        one = nodes.Site(
            name=item.text('name'),
            max_downloads=item.number('max_downloads'),
            bandwidth=item.bits('bandwidth'),
        )
        item.finish('bandwidth, max_downloads, name')
        if one.name in found:
            raise _wrong(where, _("two sites have the name '%s'") % one.name)
        found[one.name] = one
    return found


def _lists(cloud: clouds.Cloud) -> Iterator[tuple[str, Any]]:
    """The values for lists of nodes, each after its source for messages."""
    listed = cloud.setting(_NODES, _ABSENT)
    path = cloud.setting(_FILE, _ABSENT)
    if listed is not _ABSENT:
        yield _("'%s' in clouds.yaml") % _NODES, listed
    if path is not _ABSENT:
        yield _read(path)


def _read(path: Any) -> tuple[str, Any]:
    """The path of a file of nodes for messages, and its parsed content.

    :param path: the value in clouds.yaml.
    :raises errors.UsageError: the path is not an absolute path, or the file
        cannot be read.
    """
    where = _("'%s' in clouds.yaml") % _FILE
    if not isinstance(path, str) or not path or '\0' in path:
        raise errors.UsageError(
            _('%s is not a file path') % where, _('Use an absolute path.')
        )
    file = pathlib.Path(path)
    # expanduser fails for unknown users; the path is then not absolute.
    with contextlib.suppress(RuntimeError):
        file = file.expanduser()
    if not file.is_absolute():
        raise errors.UsageError(
            _("%(where)s is not an absolute path: '%(path)s'")
            % {'where': where, 'path': path},
            _('Use an absolute path.'),
        )
    try:
        text = file.read_bytes().decode()
    except OSError as error:
        raise errors.UsageError(
            _("Cannot read '%(file)s': %(why)s")
            % {'file': path, 'why': error.strerror},
            _('See %s.') % where,
        ) from error
    except UnicodeDecodeError as error:
        raise errors.UsageError(
            _("Cannot read '%s': not UTF-8 text") % path
        ) from error
    return f"'{path}'", _parse(path, text)


def _parse(path: str, text: str) -> Any:
    """The value of a YAML or JSON text.

    :raises errors.UsageError: the text is neither.
    """
    try:
        return yaml_text.load(text)
    except yaml.YAMLError as error:
        raise errors.UsageError(
            _("'%(file)s' is not valid YAML: %(why)s")
            % {'file': path, 'why': ' '.join(str(error).split())}
        ) from error


def _items(where: str, listed: Any) -> Iterator['_Item']:
    """The items of a list.

    :param where: the source of the list, for messages.
    :raises errors.UsageError: the value is not a list of mappings.
    """
    if not isinstance(listed, list):
        raise _wrong(where, _('not a list'))
    for at, item in enumerate(listed, 1):
        if not isinstance(item, Mapping):
            raise _wrong(where, _('item %d is not a mapping') % at)
        yield _Item(where, at, item)


def _nodes(cloud: clouds.Cloud, item: '_Item') -> list[nodes.Node]:
    """The nodes of one item: several if its name is a node set.

    :raises errors.UsageError: the item is not valid.
    """
    names = item.checked('name', node_sets.expand, item.text('name'))
    for name in names:
        if _NOT_IN_NAMES.search(name):
            raise item.wrong('name', _(', ! & ^ @ and :// are not allowed'))
    texts = item.checked('endpoint', node_sets.expand, item.text('endpoint'))
    if len(names) != len(texts):
        raise item.wrong(
            'endpoint',
            _(
                'the endpoint expands to %(some)d endpoints, but the name '
                'expands to %(all)d nodes'
            )
            % {'some': len(texts), 'all': len(names)},
        )
    site = item.text('site', '')
    own_cloud = item.text('cloud', '')
    discover = item.text('discover', '')
    if discover not in ('', 'dns'):
        raise item.wrong('discover', _("must be 'dns'"))
    maintenance = item.flag('maintenance')
    item.finish('cloud, discover, endpoint, maintenance, name, site')
    are_urls = all('://' in one for one in texts)
    if own_cloud and not cloud.has_cloud(own_cloud):
        raise item.wrong(
            'cloud', _("clouds.yaml has no cloud '%s'") % own_cloud
        )
    if own_cloud and not are_urls:
        raise item.wrong('endpoint', _("a node with 'cloud' requires a URL"))
    base_url = None if are_urls else cloud.image_endpoint()
    return [
        nodes.Node(
            name=name,
            endpoint=item.checked('endpoint', endpoints.parse, text, base_url),
            site=site,
            cloud=own_cloud,
            discover=bool(discover),
            maintenance=maintenance,
        )
        for name, text in zip(names, texts)
    ]


class _Item:
    """One item of a list in the configuration.

    Each key is read once; `finish` refuses the remaining keys. All methods
    raise an `errors.UsageError` for a value that is not valid.

    :param where: the source of the list, for messages.
    :param at: the position in the list, from 1.
    :param values: the item.
    """

    def __init__(self, where: str, at: int, values: Mapping[Any, Any]) -> None:
        self._where = where
        self._values = dict(values)
        name = values.get('name')
        if isinstance(name, str) and name:
            self._label = _("item '%s'") % name
        else:
            self._label = _('item %d') % at

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty; required if there is no default."""
        value = self._values.pop(key, None)
        if value is None and default is not None:
            return default
        if value is None:
            raise self.wrong(key, _('missing'))
        if not isinstance(value, str) or not value:
            raise self.wrong(key, _('not a string'))
        return value

    def checked(
        self, key: str, parse: Callable[..., _Value], *values: Any
    ) -> _Value:
        """The result of a function; its errors name the item and the key."""
        try:
            return parse(*values)
        except errors.UsageError as error:
            raise self.wrong(key, error.why, error.remedy) from error

    def flag(self, key: str) -> bool:
        """A boolean; False if it is missing."""
        value = self._values.pop(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, _('not true or false'))
        return value

    def number(self, key: str) -> int | None:
        """A whole number greater than 0; None if it is missing."""
        value = self._values.pop(key, None)
        if value is None or (type(value) is int and value > 0):
            return value
        raise self.wrong(key, _('not a whole number greater than 0'))

    def bits(self, key: str) -> int | None:
        """Bits per second, such as 100M; None if it is missing."""
        value = self._values.pop(key, None)
        if value is None:
            return None
        # YAML may have numbers and nested lists of billions of characters.
        is_number = type(value) in (int, float) and abs(value) < _TOO_LARGE
        text = str(value) if is_number or isinstance(value, str) else ''
        match = _BITS.fullmatch(text)
        number = round(float(match[1]) * _UNITS[match[2]]) if match else 0
        if not number:
            why = _('not a number of bits per second such as 100M')
            raise self.wrong(key, why)
        return number

    def finish(self, keys: str) -> None:
        """Refuse keys that were not read.

        :param keys: the known keys, for the remedy.
        """
        for key in self._values:
            # Python does not print integers of thousands of digits.
            is_long = isinstance(key, int) and key.bit_length() > 99
            shown = '' if is_long else str(key)
            raise self.wrong(shown, _('unknown key'), _('Use %s.') % keys)

    def wrong(self, key: str, why: str, remedy: str = '') -> errors.UsageError:
        """An error that names the item and the key."""
        return _wrong(
            self._where,
            _("%(item)s, key '%(key)s': %(why)s")
            % {'item': self._label, 'key': key, 'why': why},
            remedy,
        )


def _wrong(where: str, why: str, remedy: str = '') -> errors.UsageError:
    return errors.UsageError(
        _('%(where)s is not valid: %(why)s') % {'where': where, 'why': why},
        remedy or _('See the page clouds.yaml in the manual.'),
    )
