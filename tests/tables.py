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

"""The tables that programs print, as the manual includes them."""

from collections.abc import Iterable
import csv
import io

_HELD = {None: '', True: 'yes', False: 'NO'}


def held(whether: bool | None) -> str:
    """The cell that tells whether a bound held; None where there is none."""
    return _HELD[whether]


def as_csv(headers: Iterable[str], rows: Iterable[Iterable[str | int]]) -> str:
    """A table of cells."""
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows([headers, *rows])
    return text.getvalue()
