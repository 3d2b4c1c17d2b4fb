# SPDX-License-Identifier: Apache-2.0

"""Texts of YAML: valid ones in many forms, and changed ones."""

import json
import re
from typing import Any

from hypothesis import strategies as st
import yaml

_PLAIN = re.compile(r'[a-z][a-z0-9-]*')
#: Parts of YAML, values that readers convert, and harmful characters.
_PARTS = st.sampled_from(
    [
        *('&a ', '*a ', '&a', '*a', '<<: *a', '<<: {a: b}', '? ', ': ', '- '),
        *('!!int ', '!!bool ', '!!set ', '!!binary ', '!!omap ', '!!null '),
        *('!!python/object/apply:os.getcwd []', '!x ', '!', '! ', '!<a> '),
        *('[', ']', '{', '}', '[]', '{}', ',', '"', "'", '|', '>-', '%', '@'),
        *('\n', '\n\n', ' ', '  ', '\t', '#', ' # note', '---\n', '...\n'),
        *('%YAML 1.1\n---\n', '%TAG ! tag:x,2000:\n---\n', '\ufeff', '\r'),
        *('~', 'null', 'yes', 'no', 'True', 'on', '0x1F', '0o7', '1_000'),
        *('.inf', '.nan', '1:30:45', '2026-11-21', '2026-13-41', '-1', '1.5'),
        *('9' * 20, '9' * 5000, '0x' + 'f' * 5000, '1e999', '24.04', '='),
        *('[' * 30, '{a: ' * 30, '- ' * 30, '[' * 30_000, 'x' * 5000),
        *('\x00', '\x1b[31m', '\x07', '\x7f', '\x85', '\x9b2J', '\u2028'),
        *('\u202egnp', '\u2066', '\ufffe', '\ud800', '\udcff', '😀', 'å'),
        *('"\\x1b[31m"', '"\\0"', '"\\u202e"', '"\\ud800"', '"\\n"', '"\\q"'),
        *('version: 1', 'sets:', 'sites:', 'match:', 'name: a', 'endpoint:'),
    ]
)


@st.composite
def changed(draw: st.DrawFn, text: str) -> str:
    """The text with up to three changes."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        if draw(st.booleans()):
            # A boundary of words, where a change is more often valid.
            starts = [one.start() for one in re.finditer(r'\b', text)]
            at = draw(st.sampled_from(starts)) if starts else at
        gone = draw(st.sampled_from([0, 0, 0, 1, 2, 8, 40]))
        added = draw(_PARTS | st.text(max_size=3) | st.just(''))
        if draw(st.integers(0, 9)) == 0:  # Move a part.
            added, gone = text[at : at + 30], 0
            at = draw(st.integers(0, len(text)))
        text = text[:at] + added + text[at + gone :]
    return text


def _scalar(draw: st.DrawFn, value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return draw(st.sampled_from([value, f"'{value}'", f'"{value}"']))
    return json.dumps(value, ensure_ascii=False)


@st.composite
def flow(draw: st.DrawFn, value: Any) -> str:
    """The value as YAML with anchors, aliases, comments and styles."""
    anchors: dict[str, str] = {}

    def emit(value: Any) -> str:
        key = repr(value)
        if key in anchors and draw(st.booleans()):
            return f'*{anchors[key]} '
        if isinstance(value, dict):
            pairs = [f'{_key(draw, at)}: {emit(value[at])}' for at in value]
            text = '{' + ', '.join(pairs) + '}'
        elif isinstance(value, list):
            text = '[' + ', '.join(map(emit, value)) + ']'
        else:
            text = _scalar(draw, value)
        if isinstance(value, str | list | dict) and draw(_RARELY):
            anchors[key] = f'a{len(anchors)}'
            text = f'&{anchors[key]} {text}'
        return text + (' # note\n ' if draw(_RARELY) else '')

    return emit(value)


_RARELY = st.integers(0, 7).map(lambda one: one == 5)


def _key(draw: st.DrawFn, key: str) -> str:
    return _scalar(draw, key)


@st.composite
def texts(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> str:
    """Any text; mostly a value as YAML or JSON, with or without changes."""
    form = draw(st.integers(0, 19))
    if form == 0:
        raw: str = draw(st.text() | st.lists(_PARTS).map(''.join))
        return raw
    value = draw(values)
    if form < 8:
        text = draw(flow(value))
    elif form < 14:
        text = yaml.safe_dump(value, allow_unicode=True, sort_keys=False)
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if draw(st.integers(0, 9)) < 6 else draw(changed(text))
