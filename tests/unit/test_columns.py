# SPDX-License-Identifier: Apache-2.0

"""From values to what a person and a script read."""

import argparse
from collections.abc import Iterable
from collections.abc import Sequence
import datetime
import io
from typing import Any
import unicodedata

from cliff.formatters import base
from cliff.formatters import value
import hypothesis
from hypothesis import strategies
import pytest

from glance_cache_osc import columns

MOMENT = datetime.datetime(2026, 11, 21, 3, 46, 57, tzinfo=datetime.UTC)
OSLO = datetime.timezone(datetime.timedelta(hours=1))


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('', ''),
        ('ubuntu-24.04', 'ubuntu-24.04'),
        ('Ubuntu Ærlig 日本', 'Ubuntu Ærlig 日本'),
        ('red\x1b[31m', 'red\\x1b[31m'),
        ('two\nlines\tand\rmore', 'two\\nlines\\tand\\rmore'),
        ('nul\x00', 'nul\\x00'),
        ('delete\x7f', 'delete\\x7f'),
        ('c1\x9b31m', 'c1\\x9b31m'),
        ('line\u2028paragraph\u2029', 'line\\u2028paragraph\\u2029'),
        ('exe.\u202egpj', 'exe.\\u202egpj'),
        ('isolate\u2066', 'isolate\\u2066'),
        ('bom\ufeff', 'bom\\ufeff'),
        ('lone\ud800', 'lone\\ud800'),
        ('tag\U000e0041', 'tag\\U000e0041'),
        ('क्\u200cष', 'क्\u200cष'),
        ('👩\u200d🚀', '👩\u200d🚀'),
        ('no\xa0break', 'no\xa0break'),
    ],
)
def test_text_can_not_steer_a_terminal(text: str, expected: str) -> None:
    assert columns.safe_text(text) == expected


@hypothesis.given(text=strategies.text(strategies.characters()))
def test_no_text_keeps_a_hidden_character(text: str) -> None:
    for character in columns.safe_text(text):
        assert character in '\u200c\u200d' or unicodedata.category(
            character
        ) not in ('Cc', 'Cf', 'Cs', 'Zl', 'Zp')


@hypothesis.given(
    text=strategies.text(
        strategies.characters().filter(lambda one: one.isprintable())
    )
)
def test_printable_text_stays_as_it_is(text: str) -> None:
    assert columns.safe_text(text) == text


@hypothesis.given(text=strategies.text(strategies.characters()))
def test_text_that_is_safe_stays_so(text: str) -> None:
    once = columns.safe_text(text)

    assert columns.safe_text(once) == once


@pytest.mark.parametrize(
    ('size', 'expected'),
    [
        (0, '0 B'),
        (1, '1 B'),
        (999, '999 B'),
        (1000, '1.0 kB'),
        (1250, '1.2 kB'),
        (999_949, '999.9 kB'),
        (999_950, '1.0 MB'),
        (5_000_000, '5.0 MB'),
        (21_474_836_480, '21.5 GB'),
        (1_500_000_000_000, '1.5 TB'),
        (2 * 10**15, '2.0 PB'),
        (5 * 10**18, '5.0 EB'),
    ],
)
def test_a_size_is_readable(size: int, expected: str) -> None:
    assert columns.human_size(size) == expected


@pytest.mark.parametrize(
    ('value', 'kind', 'people', 'programs', 'text'),
    [
        (None, columns.Kind.TEXT, '', None, ''),
        (None, columns.Kind.COUNT, '', None, ''),
        (None, columns.Kind.SIZE, '', None, ''),
        (None, columns.Kind.TIME, '', None, ''),
        (None, columns.Kind.SHARE, '', None, ''),
        (None, columns.Kind.LIST, '', None, ''),
        (columns.Share(0, 0), columns.Kind.SHARE, 0, 0, 0),
        (columns.Share(3, 7), columns.Kind.SHARE, 3, 3, 3),
        ([], columns.Kind.LIST, '', [], ''),
        (['a'], columns.Kind.LIST, 'a', ['a'], 'a'),
        (['b', 'a'], columns.Kind.LIST, 'b, a', ['b', 'a'], 'b,a'),
        (
            ['a\x1b', 'b\n'],
            columns.Kind.LIST,
            'a\\x1b, b\\n',
            ['a\x1b', 'b\n'],
            'a\\x1b,b\\n',
        ),
        ('a\nb', columns.Kind.TEXT, 'a\\nb', 'a\nb', 'a\\nb'),
        (0, columns.Kind.COUNT, 0, 0, 0),
        (1234567, columns.Kind.COUNT, 1234567, 1234567, 1234567),
        (0, columns.Kind.SIZE, '0 B', 0, 0),
        (5000000, columns.Kind.SIZE, '5.0 MB', 5000000, 5000000),
        (
            MOMENT,
            columns.Kind.TIME,
            '2026-11-21 03:46:57',
            '2026-11-21T03:46:57Z',
            '2026-11-21T03:46:57Z',
        ),
        (
            datetime.datetime(2026, 11, 21, 0, 30, tzinfo=OSLO),
            columns.Kind.TIME,
            '2026-11-20 23:30:00',
            '2026-11-20T23:30:00Z',
            '2026-11-20T23:30:00Z',
        ),
    ],
)
def test_a_value_has_a_form_for_each_reader(
    value: Any, kind: columns.Kind, people: Any, programs: Any, text: Any
) -> None:
    assert columns.for_people(value, kind) == people
    assert columns.for_programs(value, kind) == programs
    assert columns.for_text(value, kind) == text


@pytest.mark.parametrize(
    ('count', 'of', 'expected'),
    [
        (0, 0, '░░░░░░░░░░ 0/0'),
        (0, 7, '░░░░░░░░░░ 0/7'),
        (1, 1, '██████████ 1/1'),
        (1, 2, '█████░░░░░ 1/2'),
        (1, 3, '███░░░░░░░ 1/3'),
        (7, 7, '██████████ 7/7'),
        (99, 1000, '░░░░░░░░░░ 99/1000'),
        (100, 1000, '█░░░░░░░░░ 100/1000'),
        (999, 1000, '█████████░ 999/1000'),
        (1000, 1000, '██████████ 1000/1000'),
    ],
)
def test_a_share_is_a_bar_on_a_terminal(
    count: int, of: int, expected: str
) -> None:
    share = columns.Share(count, of)

    assert columns.for_terminals(share, columns.Kind.SHARE) == expected


@hypothesis.given(
    share=strategies.integers(1, 2000).flatmap(
        lambda of: strategies.builds(
            columns.Share, strategies.integers(0, of), strategies.just(of)
        )
    )
)
def test_a_bar_is_full_when_nothing_is_missing_and_not_before(
    share: columns.Share,
) -> None:
    bar = share.bar()

    assert len(bar) == 10
    assert bar == '█' * bar.count('█') + '░' * bar.count('░')
    assert (bar.count('█') == 10) == (share.count == share.of)


def test_shares_are_sorted_by_their_counts() -> None:
    shares = [columns.Share(at, 3) for at in (2, 0, 3, 1)]

    assert [one.count for one in sorted(shares)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ('value', 'kind', 'expected'),
    [
        (None, columns.Kind.SHARE, ''),
        (None, columns.Kind.SIZE, ''),
        (5000000, columns.Kind.SIZE, '5.0 MB'),
        (MOMENT, columns.Kind.TIME, '2026-11-21 03:46:57'),
        (['a', 'b'], columns.Kind.LIST, 'a, b'),
        ('a\nb', columns.Kind.TEXT, 'a\\nb'),
        (7, columns.Kind.COUNT, 7),
    ],
)
def test_all_else_is_on_a_terminal_as_in_any_table(
    value: Any, kind: columns.Kind, expected: Any
) -> None:
    assert columns.for_terminals(value, kind) == expected


class Recorder(base.ListFormatter):
    """A formatter that keeps what it is given."""

    def __init__(self) -> None:
        self.headers: list[str] = []
        self.rows: list[list[Any]] = []

    def add_argument_group(self, parser: argparse.ArgumentParser) -> None:
        raise AssertionError('cliff asked the formatter itself before')

    def emit_list(
        self,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
        stdout: Any,
        parsed_args: argparse.Namespace,
    ) -> None:
        self.headers = list(column_names)
        self.rows = [list(row) for row in data]


@pytest.mark.parametrize(
    ('name', 'row'),
    [
        ('table', [3, '1.0 kB', 'a\\x1b', '']),
        ('csv', [3, 1000, 'a\\x1b', '']),
        ('value', [3, 1000, 'a\\x1b', '']),
        ('json', [3, 1000, 'a\x1b', None]),
        ('yaml', [3, 1000, 'a\x1b', None]),
        ('a format of some plugin', [3, 1000, 'a\x1b', None]),
    ],
)
def test_a_format_gets_the_form_that_it_is_for(
    name: str, row: list[Any]
) -> None:
    """Columns come in another order, and fewer, than they were declared."""
    formatter = Recorder()
    rendering = columns.Rendering(
        formatter,
        name,
        [
            columns.Column('ID'),
            columns.Column('Name'),
            columns.Column('Size', columns.Kind.SIZE),
            columns.Column('Hits', columns.Kind.COUNT),
            columns.Column('Last Used', columns.Kind.TIME),
        ],
    )

    rendering.add_argument_group(argparse.ArgumentParser())
    rendering.emit_list(
        ('Hits', 'Size', 'Name', 'Last Used'),
        iter([(3, 1000, 'a\x1b', None)]),
        io.StringIO(),
        argparse.Namespace(),
    )

    assert formatter.headers == ['Hits', 'Size', 'Name', 'Last Used']
    assert formatter.rows == [row]


class Stream(io.StringIO):
    """A stream that is a terminal, or is not."""

    def __init__(self, *, terminal: bool, encoding: str = 'utf-8') -> None:
        super().__init__()
        self._terminal = terminal
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ('name', 'terminal', 'shown'),
    [
        ('table', False, [1, '']),
        ('table', True, ['█████░░░░░ 1/2', '']),
        ('csv', True, [1, '']),
        ('value', True, [1, '']),
        ('json', True, [1, None]),
        ('yaml', True, [1, None]),
    ],
)
def test_a_bar_is_drawn_in_tables_on_terminals_alone(
    name: str, terminal: bool, shown: list[Any]
) -> None:
    formatter = Recorder()
    rendering = columns.Rendering(
        formatter,
        name,
        [
            columns.Column('Cached', columns.Kind.SHARE),
            columns.Column('Missing On', columns.Kind.LIST),
        ],
    )

    rendering.emit_list(
        ('Cached', 'Missing On'),
        [(columns.Share(1, 2), None)],
        Stream(terminal=terminal),
        argparse.Namespace(),
    )

    assert formatter.rows == [shown]


@pytest.mark.parametrize(
    ('encoding', 'shown'),
    [
        ('ascii', '1/2'),
        ('latin-1', '1/2'),
        ('cp437', '█████░░░░░ 1/2'),
    ],
)
def test_a_bar_is_drawn_if_the_encoding_of_the_terminal_has_it(
    encoding: str, shown: str
) -> None:
    formatter = Recorder()

    columns.Rendering(
        formatter, 'table', [columns.Column('Cached', columns.Kind.SHARE)]
    ).emit_list(
        ('Cached',),
        [(columns.Share(1, 2),)],
        Stream(terminal=True, encoding=encoding),
        argparse.Namespace(),
    )

    assert formatter.rows == [[shown]]


@pytest.mark.parametrize('handler', ['strict', 'surrogateescape'])
def test_a_row_is_written_whatever_the_encoding_is(handler: str) -> None:
    """The change has been made, and its row must not be lost."""
    written = io.BytesIO()
    out = io.TextIOWrapper(written, 'ascii', handler)
    formatter = value.ValueFormatter()

    columns.Rendering(formatter, 'value', [columns.Column('Name')]).emit_list(
        ('Name',), [('blåbær',)], out, argparse.Namespace()
    )

    out.flush()
    assert written.getvalue() == b'bl\\xe5b\\xe6r\n'


@hypothesis.given(size=strategies.integers(min_value=0, max_value=2**80))
def test_every_size_can_be_shown(size: int) -> None:
    """An entry is of 64 bits at the most; this is a sum of many."""
    assert columns.human_size(size).endswith('B')


@pytest.mark.parametrize(
    ('value', 'kind', 'expected'),
    [
        ('a\ud800b', columns.Kind.TEXT, 'a\\ud800b'),
        ('\x1b\u202e é', columns.Kind.TEXT, '\x1b\u202e é'),
        (['\udcff', 'b'], columns.Kind.LIST, ['\\udcff', 'b']),
        (3, columns.Kind.COUNT, 3),
        (None, columns.Kind.TEXT, None),
    ],
)
def test_yaml_has_no_half_characters(
    value: Any, kind: columns.Kind, expected: Any
) -> None:
    """PyYAML escapes all else that is not plain."""
    assert columns.for_yaml(value, kind) == expected
