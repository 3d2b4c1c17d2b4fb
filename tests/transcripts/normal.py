#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.


"""What differs from one run to the next, taken out."""

from __future__ import annotations

from collections.abc import Iterable
import re

_VARIABLE = re.compile(
    r'(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'
    r'|(?P<address>127\.0\.0\.1:\d+)'
    r'|(?P<time>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?)'
)


class Normal:
    """IDs and addresses become numbers, in the order of appearance."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def __call__(self, lines: Iterable[str]) -> list[str]:
        """Lines without what differs."""
        return [
            re.sub(r'-{5,}', '-----', _VARIABLE.sub(self._name, line)).rstrip()
            for line in lines
        ]

    def _name(self, match: re.Match[str]) -> str:
        kind = match.lastgroup or ''
        if kind == 'time':
            return '<time>'
        number = sum(
            name.startswith(f'<{kind}') for name in self._seen.values()
        )
        return self._seen.setdefault(match[0], f'<{kind} {number + 1}>')
