# SPDX-License-Identifier: Apache-2.0

"""Limits for reading YAML files that users write. Pure."""

from typing import Any

import yaml

#: The loader in C if PyYAML was built with libyaml.
Loader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
#: The most levels of nested lists and mappings. A policy has five. At about
#: ten thousand, libyaml overflows the stack, which ends the process.
_MAX_DEPTH = 20


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
