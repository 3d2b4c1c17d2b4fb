# SPDX-License-Identifier: Apache-2.0

"""What commands print with `-f json` is what the schema says."""

from collections.abc import Sequence
from importlib import resources
import itertools
import json
from typing import Any

import jsonschema

_FILE = resources.files('glance_cache_osc') / 'output.schema.json'
SCHEMA: dict[str, Any] = json.loads(_FILE.read_text(encoding='utf-8'))
_PLANS = {
    ('sync', '--check'): '--check',
    ('sync', '--dry-run'): '--check',
    ('clear', '--dry-run'): '',
}
#: The first words of commands that have two.
_GROUPS = ('node', 'site')


def schema_of(argv: Sequence[str]) -> dict[str, Any] | None:
    """The schema of a command line's rows; None if it asks for none."""
    words = list(argv)
    if 'cache' not in words or ('-f', 'json') not in itertools.pairwise(words):
        return None
    at = words.index('cache') + 1
    name = ' '.join(words[at : at + 2 if words[at] in _GROUPS else at + 1])
    if '--summary' in words:
        name = f'{name} --summary'
    for option in ('--dry-run', '--check'):
        if option in words and '--summary' not in words:
            name = f'{name} {_PLANS.get((name, option), option)}'.strip()
    rows = SCHEMA['$defs'][name]
    if '-c' in words or '--column' in words:
        items = {**rows['items'], 'required': []}
        rows = {**rows, 'items': items}
    return {**rows, '$defs': SCHEMA['$defs']}


def check(argv: Sequence[str], out: str) -> None:
    """Fail unless rows, if there are any, are as they must be."""
    schema = schema_of(argv)
    if schema and out.strip():
        jsonschema.Draft202012Validator(schema).validate(json.loads(out))
