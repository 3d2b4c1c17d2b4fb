# SPDX-License-Identifier: Apache-2.0

"""YAML that a person wrote, read within limits. Pure."""

from typing import Any

import yaml

#: Reads in C where PyYAML was built with libyaml.
Loader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
#: Lists and mappings inside each other: a policy has five. libyaml overflows
#: the stack at some ten thousand, which ends Python.
_DEEPEST = 20


def check_depth(text: str) -> None:
    """Refuse lists and mappings that are nested too deeply.

    :raises yaml.YAMLError: they are, or the text is not YAML.
    """
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise yaml.MarkedYAMLError(
                problem='this is nested too deeply',
                # Its mark may be libyaml's own.
                problem_mark=event.start_mark,  # type: ignore[arg-type]
            )
