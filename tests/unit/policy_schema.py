# SPDX-License-Identifier: Apache-2.0

"""The JSON Schema of policy files."""

from importlib import resources
import json
from typing import Any

import jsonschema
import yaml

_FILE = resources.files('glance_cache_osc') / 'policy.schema.json'
SCHEMA: dict[str, Any] = json.loads(_FILE.read_text(encoding='utf-8'))


class _Core(yaml.SafeLoader):
    """Values as JSON has them: dates are texts, and so are keys."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as its base has it
        first: [one for one in resolvers if 'timestamp' not in one[0]]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def values(text: str) -> Any:
    """A file's values, as an editor checks them against the schema."""

    def with_texts(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): with_texts(one) for key, one in value.items()}
        if isinstance(value, list):
            return [with_texts(one) for one in value]
        return value

    return with_texts(yaml.load(text, Loader=_Core))  # noqa: S506 - safe


def fits(text: str) -> bool:
    """Whether the schema accepts a file."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return bool(validator.is_valid(values(text)))
