# SPDX-License-Identifier: Apache-2.0

"""Replaces the values that differ between runs."""

from __future__ import annotations

from collections.abc import Iterable
import re

_VARIABLE = re.compile(
    r'(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'
    r'|(?P<address>127\.0\.0\.1:\d+)'
    r'|(?P<time>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?)'
    # A table's column Seconds.
    r'|(?P<seconds> +\d+\.\d(?= \|))'
)


class Normal:
    """Replaces IDs and addresses with numbers, in order of appearance."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def __call__(self, lines: Iterable[str]) -> list[str]:
        """The lines with replaced values."""
        return [
            re.sub(r'-{5,}', '-----', _VARIABLE.sub(self._name, line)).rstrip()
            for line in lines
        ]

    def _name(self, match: re.Match[str]) -> str:
        kind = match.lastgroup or ''
        if kind in ('time', 'seconds'):
            return f'<{kind}>'
        number = sum(
            name.startswith(f'<{kind}') for name in self._seen.values()
        )
        return self._seen.setdefault(match[0], f'<{kind} {number + 1}>')
