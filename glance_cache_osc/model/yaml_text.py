# SPDX-License-Identifier: Apache-2.0

"""Limits for reading YAML files that users write. Pure."""

import contextlib
import json
from typing import Any

import yaml

#: The loader in C if PyYAML was built with libyaml.
Loader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
#: The most levels of nested lists and mappings. A policy has five. At about
#: ten thousand, libyaml overflows the stack, which ends the process.
_MAX_DEPTH = 20
#: The most keys of a mapping that is merged into others (``<<``).
_MAX_MERGED = 20
#: What PyYAML raises for values such as ``2026-13-13`` or ``!!bool maybe``.
_WRONG_VALUES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def load(text: str) -> Any:
    """The value of a YAML or JSON text; JSON is parsed faster.

    :raises yaml.YAMLError: the text is neither, or contains keys that are
        not supported.
    """
    # YAML may begin with these characters, too; it reports positions.
    if text.lstrip()[:1] in ('[', '{'):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(text, object_pairs_hook=_unique)
    try:
        check_depth(text)
        loader = Loader(text)
        root = loader.get_single_node()
        _check_keys(root, set())
        return loader.construct_document(root) if root else None
    except _WRONG_VALUES as error:
        why = f'a value does not match its type: {error}'
        raise yaml.YAMLError(why) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The mapping of keys and values.

    :raises ValueError: a key occurs twice.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _check_keys(root: yaml.Node | None, seen: set[int]) -> None:
    """Refuse keys that occur twice in one mapping, and merges of merges.

    PyYAML copies the keys of merged mappings: nested merges multiply them.

    :param seen: the identities of nodes that were checked: aliases refer to
        the same node.
    :raises yaml.YAMLError: a key occurs twice, or a merge key is refused.
    """
    if not isinstance(root, yaml.CollectionNode) or id(root) in seen:
        return
    seen.add(id(root))
    keys = set()
    for item in root.value:
        key, value = item if isinstance(item, tuple) else (None, item)
        _check_keys(value, seen)
        problem = ''
        if isinstance(key, yaml.ScalarNode):
            if key.value in keys:
                problem = f"'{key.value}' occurs twice"
            keys.add(key.value)
        # PyYAML merges by the tag alone, even if the key is a list.
        if not problem and _merges(key) and not _is_plain(value):
            problem = (
                f"'<<' requires one mapping, of at most {_MAX_MERGED} keys "
                "and without '<<'"
            )
        if key and problem:
            raise yaml.MarkedYAMLError(
                problem=problem, problem_mark=key.start_mark
            )


def _merges(key: yaml.Node | None) -> bool:
    return key is not None and key.tag == 'tag:yaml.org,2002:merge'


def _is_plain(merged: yaml.Node) -> bool:
    """Whether PyYAML copies only a few keys to merge a node."""
    return (
        isinstance(merged, yaml.MappingNode)
        and len(merged.value) <= _MAX_MERGED
        and not any(_merges(key) for key, __ in merged.value)
    )


def check_depth(text: str) -> None:
    """Refuse lists and mappings that are nested too deeply.

    :raises yaml.YAMLError: they are nested too deeply, or the text is not
        valid YAML.
    """
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem='this is nested too deeply',
                # The mark may be of libyaml's own type.
                problem_mark=event.start_mark,  # type: ignore[arg-type]
            )
