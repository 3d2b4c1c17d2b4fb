# SPDX-License-Identifier: Apache-2.0

"""Reads policy files, with errors that name the line and column.

The file is read as YAML nodes instead of values: names such as ``24.04``,
``no``, ``0123`` or a date stay text, and each node has its line and column.
"""

from collections.abc import Callable
from collections.abc import Iterator
import dataclasses
import re
from typing import Any

import yaml

from glance_cache_osc import errors
from glance_cache_osc.cloud import queries
from glance_cache_osc.i18n import _
from glance_cache_osc.model import yaml_text
from glance_cache_osc.policy import policies

_Read = Callable[[yaml.Node], Any]
_VERSION = '1'
#: The most strings of a policy. With aliases, a short text can repeat a long
#: list in each of many rules.
_MAX_TEXTS = 1_000_000
#: The ends of lines that YAML counts.
_LINE_BREAK = re.compile('\r\n|[\r\n\x85\u2028\u2029]')
_FLAG = re.compile('true|false')
_NUMBER = re.compile(r'[1-9]\d{0,5}', re.ASCII)


def read(text: str, file: str) -> policies.Policy:
    """Read a policy.

    :param text: the content of the file.
    :param file: the name of the file, for messages.
    :raises errors.UsageError: the text is not a valid policy.
    """
    if match := yaml.SafeLoader.NON_PRINTABLE.search(text):
        raise _error(
            file,
            _Position.of(text, match.start()),
            _('character U+%04X is not allowed in YAML') % ord(match[0]),
        )
    try:
        yaml_text.check_depth(text)
        root = yaml.compose(text, Loader=yaml_text.Loader)
    except yaml.MarkedYAMLError as error:
        why = ' '.join(filter(None, (error.context, error.problem)))
        mark = error.problem_mark
        if 'alias' in why:
            why += _("; quote names that begin with '*'")
        elif mark and '\t' in [*_LINE_BREAK.split(text), ''][mark.line]:
            why += _('; use spaces instead of tabs')
        raise _error(file, mark, why) from error
    except (yaml.YAMLError, ArithmeticError, ValueError) as error:
        why = ' '.join(str(error).split())
        raise _error(file, None, why) from error
    if root is None:
        raise _error(file, None, _('the file is empty'))
    return _Reader(file).policy(root)


@dataclasses.dataclass(frozen=True, slots=True)
class _Position:
    """A line and column of a text, both from 0, as in YAML's marks."""

    line: int
    column: int

    @classmethod
    def of(cls, text: str, at: int) -> '_Position':
        """The position of the character with an index."""
        *before, line = _LINE_BREAK.split(text[:at])
        return cls(len(before), len(line))


class _Reader:
    """Reads the YAML nodes of one file.

    Each method raises an `errors.UsageError` if its node is not valid.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        #: What is being read, for messages.
        self._what = _('the file')
        self._count = 0

    def policy(self, root: yaml.Node) -> policies.Policy:
        found = self._keys(
            root,
            {
                'version': self._version,
                'sets': self._sets,
                'sites': self._list,
            },
            required=('version', 'sets', 'sites'),
        )
        sets: dict[str, policies.ImageSet] = found['sets']
        self._what = _("an item of 'sites'")
        rules = [self._rule(node, sets) for node in found['sites']]
        return policies.Policy(sets, rules)

    def _version(self, node: yaml.Node) -> None:
        if (text := self._text(node)) != _VERSION:
            raise self._wrong(node, _("unknown version '%s'; use 1") % text)

    def _sets(self, node: yaml.Node) -> dict[str, policies.ImageSet]:
        return {
            name: self._set(name, value)
            for name, __, value in self._pairs(node)
        }

    def _set(self, name: str, node: yaml.Node) -> policies.ImageSet:
        self._what = _("set '%s'") % name
        found = self._keys(
            node,
            {
                'images': self._texts,
                'tags': self._texts,
                'properties': self._properties,
            },
        )
        if not any(found.values()):
            raise self._wrong(
                node,
                _("set '%s' has neither images, tags nor properties") % name,
            )
        return policies.ImageSet(
            name,
            found.get('images', ()),
            found.get('tags', ()),
            found.get('properties', {}),
        )

    def _rule(
        self, node: yaml.Node, sets: dict[str, policies.ImageSet]
    ) -> policies.Rule:
        def names(value: yaml.Node) -> tuple[str, ...]:
            for one in self._list(value):
                if self._text(one) not in sets:
                    raise self._wrong(
                        one,
                        _("unknown set '%(name)s'; sets: %(sets)s")
                        % {'name': self._text(one), 'sets': ', '.join(sets)},
                    )
            return self._texts(value)

        found = self._keys(
            node,
            {
                'match': self._match,
                'sets': names,
                'delete_others': self._flag,
                'max_downloads': self._number,
            },
            required=('match', 'sets'),
        )
        return policies.Rule(**found)

    def _match(self, node: yaml.Node) -> tuple[str, ...]:
        words = self._texts(node)
        if not words:
            raise self._wrong(node, _("'match' is empty"))
        for one in self._list(node):
            if '[' in self._text(one) or ']' in self._text(one):
                raise self._wrong(
                    one, _("a glob on sites supports only '*' and '?'")
                )
        return words

    def _keys(
        self,
        node: yaml.Node,
        readers: dict[str, _Read],
        required: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """The values of a mapping with known keys.

        :param readers: the method that reads the value, by key.
        :param required: the keys that must be present.
        """
        found = {}
        for key, at, value in self._pairs(node):
            if key not in readers:
                raise self._wrong(
                    at,
                    _("unknown key '%(key)s'; use %(keys)s")
                    % {'key': key, 'keys': ', '.join(readers)},
                )
            self._what, before = f"'{key}'", self._what
            found[key] = readers[key](value)
            self._what = before
        for key in required:
            if key not in found:
                raise self._wrong(node, _("'%s' is missing") % key)
        return found

    def _pairs(
        self, node: yaml.Node
    ) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """The keys of a mapping, each with its node and its value's node."""
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(node, _('%s is not a mapping') % self._what)
        seen = set()
        for key, value in node.value:
            text = self._text(key)
            if text in seen:
                raise self._wrong(key, _("'%s' occurs twice") % text)
            seen.add(text)
            yield text, key, value

    def _properties(self, node: yaml.Node) -> dict[str, str]:
        found = {}
        for key, at, value in self._pairs(node):
            found[key] = self._text(value)
            try:
                queries.check_properties(found)
            except errors.UsageError as error:
                raise self._wrong(at, error.why) from error
        return found

    def _list(self, node: yaml.Node) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._wrong(node, _('%s is not a list') % self._what)
        return list(node.value)

    def _texts(self, node: yaml.Node) -> tuple[str, ...]:
        return tuple(self._text(one) for one in self._list(node))

    def _text(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self._wrong(
                node, _('a value of %s is not a string') % self._what
            )
        self._count += 1
        if self._count > _MAX_TEXTS:
            raise self._wrong(node, _('more than %d strings') % _MAX_TEXTS)
        return str(node.value)

    def _flag(self, node: yaml.Node) -> bool:
        why = _('%s is not true or false') % self._what
        return self._plain(node, _FLAG, why) == 'true'

    def _number(self, node: yaml.Node) -> int:
        why = _('%s is not a whole number from 1 to 999999') % self._what
        return int(self._plain(node, _NUMBER, why))

    def _plain(
        self, node: yaml.Node, pattern: re.Pattern[str], why: str
    ) -> str:
        """The text of a plain scalar that matches a pattern.

        :param why: the error for any other node.
        """
        is_plain = isinstance(node, yaml.ScalarNode) and not node.style
        if not is_plain or not pattern.fullmatch(node.value):
            raise self._wrong(node, why)
        return str(node.value)

    def _wrong(self, node: yaml.Node, why: str) -> errors.UsageError:
        return _error(self._file, node.start_mark, why)


def _error(file: str, mark: Any, why: str) -> errors.UsageError:
    """An error with the file's name and the position, if it is known.

    :param mark: a mark of YAML, a `_Position` or None.
    """
    if mark is None:
        where = _("'%s' is not a valid policy") % file
    else:
        where = _(
            "'%(file)s' is not a valid policy: line %(line)d, column "
            '%(column)d'
        ) % {'file': file, 'line': mark.line + 1, 'column': mark.column + 1}
    return errors.UsageError(f'{where}: {why}')
