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

    :raises yaml.YAMLError: the text is neither.
    """
    # YAML may begin with these characters, too.
    if text.lstrip()[:1] in ('[', '{'):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(text)
    try:
        check_depth(text)
        return yaml.load(text, Loader=Loader)  # noqa: S506 - safe
    except _WRONG_VALUES as error:
        why = f'a value does not match its type: {error}'
        raise yaml.YAMLError(why) from error


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
