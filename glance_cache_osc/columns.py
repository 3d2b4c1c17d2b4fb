# SPDX-License-Identifier: Apache-2.0

"""From a row's values to what a person reads and what a script reads.

Rows hold values: bytes, counts, times, text or None. A `Column` says what
a value is; `Rendering` stands before one of cliff's formatters and turns
each value into the form which that formatter is for. It is done here, at
the end, so that sorting sorts values, and because none of cliff's column
classes can say "absent" in every format.
"""

import argparse
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
import enum
from typing import Any
from typing import TextIO
import unicodedata

from cliff.formatters import base

from glance_cache_osc.i18n import _
from glance_cache_osc.model import node_sets

_BAR_WIDTH = 10
_SIZES = ('kB', 'MB', 'GB', 'TB', 'PB', 'EB')
_HIDDEN_CATEGORIES = frozenset({'Cc', 'Cf', 'Cs', 'Zl', 'Zp'})
#: Invisible, and part of how some scripts and emoji are written.
_JOINERS = frozenset('\u200c\u200d')


class Kind(enum.Enum):
    """What the values of a column are."""

    TEXT = 'text'  # str
    COUNT = 'count'  # int
    SIZE = 'size'  # int, bytes
    TIME = 'time'  # datetime, UTC
    SHARE = 'share'  # Share
    SECONDS = 'seconds'  # float
    LIST = 'list'  # list of str
    NODES = 'nodes'  # list of str, the names of nodes


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """A header, and what stands below it."""

    header: str
    kind: Kind = Kind.TEXT

    def is_among(self, headers: Iterable[str]) -> bool:
        """Whether one of these means it."""
        return normal(self.header) in map(normal, headers)


def normal(header: str) -> str:
    """A header as cliff compares them: ``last_accessed`` is one, too."""
    return header.lower().strip().replace(' ', '_')


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Share:
    """So many out of so many; a program reads the first alone."""

    count: int
    of: int

    def bar(self) -> str:
        """The share as a bar that is ten characters wide."""
        full = self.count * _BAR_WIDTH // self.of if self.of else 0
        return '█' * full + '░' * (_BAR_WIDTH - full)


def safe_text(text: str) -> str:
    r"""Text that can't steer a terminal or break a row.

    Control characters, direction marks, line separators and lone
    surrogates become escapes such as ``\x1b``.
    """
    if text.isprintable():
        return text
    return ''.join(map(_safe_character, text))


def _safe_character(character: str) -> str:
    if (
        unicodedata.category(character) not in _HIDDEN_CATEGORIES
        or character in _JOINERS
    ):
        return character
    return character.encode('unicode_escape').decode('ascii')


def human_size(size: int) -> str:
    """Bytes as a person reads them, in powers of 1000: ``1.2 GB``."""
    if size < 1000:
        return f'{size} B'
    value, steps = size / 1000, 0
    while value >= 999.95 and steps < len(_SIZES) - 1:
        value, steps = value / 1000, steps + 1
    return f'{value:.1f} {_SIZES[steps]}'


def few(names: Sequence[str], most: int) -> str:
    """The first few of many names."""
    text = ', '.join(names[:most])
    more = len(names) - most
    if more > 0:
        return _('%(names)s and %(more)d more') % {'names': text, 'more': more}
    return text


def _same(value: Any) -> Any:
    return value


def _iso(time: datetime.datetime) -> str:
    # isoformat takes a fifth of the time of strftime.
    return f'{_utc(time).isoformat()[:19]}Z'


def _whole(text: str) -> str:
    return text.encode('utf-8', 'backslashreplace').decode('utf-8')


def _utc(value: datetime.datetime) -> datetime.datetime:
    if value.tzinfo is datetime.UTC:
        return value
    return value.astimezone(datetime.UTC)


@dataclasses.dataclass(frozen=True)
class Form:
    """How values are shown to somebody.

    :param absent: what is shown in place of None.
    :param by_kind: shows a value that is there, by what it is.
    """

    absent: Any
    by_kind: Mapping[Kind, Callable[[Any], Any]]

    def __call__(self, value: Any, kind: Kind) -> Any:
        """A value as it is shown."""
        return self.absent if value is None else self.by_kind[kind](value)


#: As JSON has it: numbers are numbers.
for_programs = Form(
    None,
    {
        **dict.fromkeys(Kind, _same),
        Kind.TIME: _iso,
        Kind.SHARE: lambda share: share.count,
        Kind.SECONDS: lambda seconds: round(seconds, 3),
    },
)
#: As YAML has it: as for programs, but for lone surrogates. JSON has an escape
#: for those; here a half character is six characters.
for_yaml = Form(
    None,
    {
        **for_programs.by_kind,
        Kind.TEXT: _whole,
        Kind.LIST: lambda words: [_whole(one) for one in words],
        Kind.NODES: lambda names: [_whole(one) for one in names],
    },
)
#: As CSV has it: as for programs, on one line.
for_text = Form(
    '',
    {
        **for_programs.by_kind,
        Kind.TEXT: safe_text,
        Kind.LIST: lambda words: safe_text(','.join(words)),
        Kind.NODES: lambda names: safe_text(','.join(names)),
    },
)
#: As a table has it.
for_people = Form(
    '',
    {
        **for_text.by_kind,
        Kind.SIZE: human_size,
        Kind.SECONDS: lambda seconds: round(seconds, 1),
        Kind.TIME: lambda time: str(_utc(time))[:19],
        Kind.LIST: lambda words: safe_text(', '.join(words)),
        Kind.NODES: lambda names: safe_text(', '.join(node_sets.fold(names))),
    },
)
#: As a table on a terminal has it.
for_terminals = Form(
    '',
    {
        **for_people.by_kind,
        Kind.SHARE: lambda share: f'{share.bar()} {share.count}/{share.of}',
    },
)


#: By the formats' names; all others are for programs. Bare text has no word
#: for "absent" but nothing, and no way to hold a control character.
_FORMS = {
    'table': for_people,
    'csv': for_text,
    'value': for_text,
    'yaml': for_yaml,
}


class Rendering(base.ListFormatter):
    """One of cliff's formatters, fed with what it is for.

    :param formatter: the formatter that the user chose.
    :param name: its name, as given to ``-f``.
    :param columns: all columns of the command.
    """

    def __init__(
        self,
        formatter: base.ListFormatter,
        name: str,
        columns: Iterable[Column],
    ) -> None:
        self._formatter = formatter
        self._kinds = {column.header: column.kind for column in columns}
        self._form = _FORMS.get(name, for_programs)

    def add_argument_group(self, parser: argparse.ArgumentParser) -> None:
        """Nothing to add: cliff asked the formatter itself."""

    def emit_list(
        self,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
        stdout: TextIO,
        parsed_args: argparse.Namespace,
    ) -> None:
        """Write the rows."""
        form = self._form
        if form is for_people and stdout.isatty():
            form = for_terminals
        absent = form.absent
        # Looked up once: there may be millions of values.
        shows = [form.by_kind[self._kinds[name]] for name in column_names]
        shown = (
            [
                absent if value is None else show(value)
                for value, show in zip(row, shows)
            ]
            for row in data
        )
        self._formatter.emit_list(column_names, shown, stdout, parsed_args)
