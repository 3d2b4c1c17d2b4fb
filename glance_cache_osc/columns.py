# SPDX-License-Identifier: Apache-2.0

"""Formats the values of rows for people and for programs.

Rows contain values: bytes, counts, times, text or None. A `Column` defines
the kind of its values. `Rendering` wraps one of cliff's formatters and
converts each value into the form that suits the output format. The
conversion is the last step, so that cliff sorts values and not text. None
of cliff's own column classes can represent an absent value in every format.
"""

import argparse
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
import enum
import io
from typing import Any
from typing import TextIO
import unicodedata

from cliff.formatters import base

from glance_cache_osc.i18n import _
from glance_cache_osc.model import node_sets

_BAR_WIDTH = 10
_SIZES = ('kB', 'MB', 'GB', 'TB', 'PB', 'EB')
_HIDDEN_CATEGORIES = frozenset({'Cc', 'Cf', 'Cs', 'Zl', 'Zp'})
#: Invisible characters that some scripts and emoji require.
_JOINERS = frozenset('\u200c\u200d')


class Kind(enum.Enum):
    """The kind of a column's values."""

    TEXT = 'text'  # str
    COUNT = 'count'  # int
    SIZE = 'size'  # int, in bytes
    TIME = 'time'  # datetime, in UTC
    SHARE = 'share'  # Share
    SECONDS = 'seconds'  # float
    LIST = 'list'  # list of str
    NODES = 'nodes'  # list of str: names of nodes


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """A column: its header and the kind of its values."""

    header: str
    kind: Kind = Kind.TEXT

    def is_among(self, headers: Iterable[str]) -> bool:
        """Whether one of these headers is this column's."""
        return normal(self.header) in map(normal, headers)


def normal(header: str) -> str:
    """A header in the form that cliff compares: ``last_accessed``."""
    return header.lower().strip().replace(' ', '_')


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Share:
    """A part of a total; output for programs contains the count only."""

    count: int
    of: int

    def bar(self) -> str:
        """The share as a bar, ten characters wide."""
        full = self.count * _BAR_WIDTH // self.of if self.of else 0
        return '█' * full + '░' * (_BAR_WIDTH - full)


def safe_text(text: str) -> str:
    r"""Text that cannot control a terminal or break a row.

    Control characters, direction marks, line separators and lone
    surrogates are replaced with escapes such as ``\x1b``.
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
    """A number of bytes in a readable unit, a power of 1000: ``1.2 GB``."""
    if size < 1000:
        return f'{size} B'
    value, steps = size / 1000, 0
    while value >= 999.95 and steps < len(_SIZES) - 1:
        value, steps = value / 1000, steps + 1
    return f'{value:.1f} {_SIZES[steps]}'


def few(names: Sequence[str], most: int) -> str:
    """Names joined with commas; only the first `most` of many names."""
    text = ', '.join(names[:most])
    more = len(names) - most
    if more > 0:
        return _('%(names)s and %(more)d more') % {'names': text, 'more': more}
    return text


def _same(value: Any) -> Any:
    return value


def _iso(time: datetime.datetime) -> str:
    # isoformat is five times as fast as strftime.
    return f'{_utc(time).isoformat()[:19]}Z'


def _without_surrogates(text: str) -> str:
    """Text in which lone surrogates are replaced with escapes."""
    return text.encode('utf-8', 'backslashreplace').decode('utf-8')


def _utc(value: datetime.datetime) -> datetime.datetime:
    if value.tzinfo is datetime.UTC:
        return value
    return value.astimezone(datetime.UTC)


@dataclasses.dataclass(frozen=True)
class Form:
    """How one kind of output represents values.

    :param absent: the representation of None.
    :param by_kind: converts a value other than None, by its kind.
    """

    absent: Any
    by_kind: Mapping[Kind, Callable[[Any], Any]]

    def __call__(self, value: Any, kind: Kind) -> Any:
        """The representation of a value."""
        return self.absent if value is None else self.by_kind[kind](value)


#: The form for JSON: numbers stay numbers.
for_programs = Form(
    None,
    {
        **dict.fromkeys(Kind, _same),
        Kind.TIME: _iso,
        Kind.SHARE: lambda share: share.count,
        Kind.SECONDS: lambda seconds: round(seconds, 3),
    },
)
#: The form for YAML: as for programs, except for lone surrogates. JSON has an
#: escape for these. In YAML, six characters replace a lone surrogate.
for_yaml = Form(
    None,
    {
        **for_programs.by_kind,
        Kind.TEXT: _without_surrogates,
        Kind.LIST: lambda words: [_without_surrogates(one) for one in words],
        Kind.NODES: lambda names: [_without_surrogates(one) for one in names],
    },
)
#: The form for CSV and plain values: as for programs, on one line.
for_text = Form(
    '',
    {
        **for_programs.by_kind,
        Kind.TEXT: safe_text,
        Kind.LIST: lambda words: safe_text(','.join(words)),
        Kind.NODES: lambda names: safe_text(','.join(names)),
    },
)
#: The form for tables.
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
#: The form for tables on a terminal.
for_terminals = Form(
    '',
    {
        **for_people.by_kind,
        Kind.SHARE: lambda share: f'{share.bar()} {share.count}/{share.of}',
    },
)
#: The form for tables on a terminal whose encoding has no characters for bars.
for_terminals_without_bars = Form(
    '',
    {
        **for_people.by_kind,
        Kind.SHARE: lambda share: f'{share.count}/{share.of}',
    },
)


#: The forms by the names of cliff's formats; all other formats are for
#: programs. Plain text represents an absent value as an empty string and
#: cannot contain control characters.
_FORMS = {
    'table': for_people,
    'csv': for_text,
    'value': for_text,
    'yaml': for_yaml,
}


def _can_show_bars(stream: TextIO) -> bool:
    try:
        Share(1, 2).bar().encode(stream.encoding or 'utf-8')
    except UnicodeEncodeError:
        return False
    return True


#: The error handlers of encodings with which some text cannot be written.
_RAISING = ('strict', 'surrogateescape')


def escape_unencodable(stream: TextIO) -> None:
    """Have a stream escape what its encoding does not have."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors in _RAISING:
        stream.reconfigure(errors='backslashreplace')


class Rendering(base.ListFormatter):
    """One of cliff's formatters, with values in the form for its output.

    :param formatter: the formatter that the user selected.
    :param name: the formatter's name, as given to ``-f``.
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
        """Add nothing: cliff has added the formatter's own options."""

    def emit_list(
        self,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
        stdout: TextIO,
        parsed_args: argparse.Namespace,
    ) -> None:
        """Write the rows to standard output."""
        # The rows of changes must not be lost.
        escape_unencodable(stdout)
        form = self._form
        if form is for_people and stdout.isatty():
            form = (
                for_terminals
                if _can_show_bars(stdout)
                else for_terminals_without_bars
            )
        absent = form.absent
        # Looked up once for each column: there may be millions of values.
        converters = [form.by_kind[self._kinds[name]] for name in column_names]
        rows = (
            [
                absent if value is None else convert(value)
                for value, convert in zip(row, converters)
            ]
            for row in data
        )
        self._formatter.emit_list(column_names, rows, stdout, parsed_args)
