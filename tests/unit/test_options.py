# SPDX-License-Identifier: Apache-2.0

"""The options that several commands have."""

import argparse
import datetime
import pathlib
import sys

import pytest

from glance_cache_osc import errors
from glance_cache_osc.command import node_options
from glance_cache_osc.command import options
from glance_cache_osc.model import entries
from glance_cache_osc.model import selection
from tests import shell


class Wrong(Exception):
    """What argparse would print."""


class Parser(argparse.ArgumentParser):
    """A parser that raises what argparse would print."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise Wrong(message)


@pytest.fixture
def parser() -> Parser:
    """A parser of all options and of images."""
    parser = Parser()
    parser.add_argument('images', nargs='*')
    node_options.add(parser)
    options.add_filter_options(parser)
    options.add_image_options(parser)
    options.add_approval_options(parser)
    return parser


def test_what_is_not_given_has_its_default(parser: Parser) -> None:
    assert vars(parser.parse_args([])) == {
        'images': [],
        'node': [],
        'site': [],
        'exclude_node': [],
        'all_nodes': False,
        'node_timeout': None,
        'allow_unreachable': None,
        'cached': False,
        'queued': False,
        'orphans': False,
        'unused': False,
        'older_than': None,
        'larger_than': None,
        'tag': [],
        'property': [],
        'from_file': [],
        'dry_run': False,
        'auto_approve': False,
    }


def test_what_is_repeated_is_kept_in_order(parser: Parser) -> None:
    parsed = parser.parse_args(
        [
            *('--node', 'b', '--node', 'a', '--tag', 'y', '--tag', 'x'),
            *('--property', 'b=2', '--property', 'a=1'),
            *('--property', 'c=d=e', '--property', 'f='),
        ]
    )

    assert parsed.node == ['b', 'a']
    assert parsed.tag == ['y', 'x']
    assert parsed.property == [
        ('b', '2'),
        ('a', '1'),
        ('c', 'd=e'),
        ('f', ''),
    ]


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('0', (0, False)),
        ('1', (1, False)),
        ('200', (200, False)),
        ('0%', (0, True)),
        ('5%', (5, True)),
        ('100%', (100, True)),
    ],
)
def test_unreachable_nodes_that_are_allowed(
    parser: Parser, text: str, expected: tuple[int, bool]
) -> None:
    parsed = parser.parse_args(['--allow-unreachable', text])

    assert parsed.allow_unreachable == expected


@pytest.mark.parametrize(
    'text',
    ['', '%', '-1', '1.5', '5.5%', '101%', '5%%', 'x', ' 5', '\u0665', '5 %'],
)
def test_no_number_of_unreachable_nodes(parser: Parser, text: str) -> None:
    with pytest.raises(Wrong) as caught:
        parser.parse_args([f'--allow-unreachable={text}'])

    assert str(caught.value) == (
        f"argument --allow-unreachable: '{text}' is not valid. Use a whole "
        'number, or a percentage from 0% to 100%.'
    )


def test_defaults_are_not_shared_between_commands(parser: Parser) -> None:
    parser.parse_args(['--node', 'a', '--tag', 'x', '--property', 'a=b'])

    parsed = parser.parse_args([])
    assert (parsed.node, parsed.tag, parsed.property) == ([], [], [])


@pytest.mark.parametrize(
    ('text', 'expected'), [('1', 1.0), ('0.5', 0.5), ('999999', 999999.0)]
)
def test_seconds(parser: Parser, text: str, expected: float) -> None:
    assert parser.parse_args(['--node-timeout', text]).node_timeout == expected


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('0', 0.0),
        ('0.0', 0.0),
        (' 0 ', 0.0),
        ('0.5', 0.5),
        ('3600', 3600.0),
    ],
)
def test_seconds_or_none(text: str, expected: float) -> None:
    assert options.seconds_or_none(text) == expected


@pytest.mark.parametrize('text', ['-1', '-0.5', 'nan', 'inf', '1e9', 'x', ''])
def test_what_is_neither_seconds_nor_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        options.seconds_or_none(text)

    assert str(caught.value) == (
        f"'{text}' is not a number of seconds. Use 0 or a greater number."
    )


@pytest.mark.parametrize(('text', 'expected'), [('1', 1), ('0256', 256)])
def test_counts(text: str, expected: int) -> None:
    assert options.count(text) == expected


@pytest.mark.parametrize(
    # The last two are digits to Python: superscript and Arabic.
    'text',
    ['0', '00', '-1', '+1', '1.0', '1e3', 'x', ' 1', '', '²', '٣'],
)
def test_what_is_no_count(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        options.count(text)

    assert (
        str(caught.value) == f"'{text}' is not a whole number greater than 0"
    )


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('45s', datetime.timedelta(seconds=45)),
        ('90m', datetime.timedelta(minutes=90)),
        ('12h', datetime.timedelta(hours=12)),
        ('30d', datetime.timedelta(days=30)),
        ('2w', datetime.timedelta(days=14)),
        ('1.5h', datetime.timedelta(minutes=90)),
        ('0s', datetime.timedelta(0)),
    ],
)
def test_durations(
    parser: Parser, text: str, expected: datetime.timedelta
) -> None:
    assert parser.parse_args(['--older-than', text]).older_than == expected


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('0', 0),
        ('1234567', 1234567),
        ('5B', 5),
        ('1k', 1000),
        ('1K', 1000),
        ('1kB', 1000),
        ('1Ki', 1024),
        ('1KiB', 1024),
        ('1.5k', 1500),
        ('500M', 500_000_000),
        ('10G', 10_000_000_000),
        ('2Gi', 2_147_483_648),
        ('1T', 10**12),
        ('1Ti', 2**40),
    ],
)
def test_sizes(parser: Parser, text: str, expected: int) -> None:
    assert parser.parse_args(['--larger-than', text]).larger_than == expected


@pytest.mark.parametrize(
    ('option', 'text', 'expected'),
    [
        *(
            (
                '--node-timeout',
                text,
                f"argument --node-timeout: '{text}' is not a number of "
                'seconds greater than 0',
            )
            for text in ('0', '-1', 'nan', 'inf', '1e9', 'soon', '')
        ),
        *(
            (
                '--older-than',
                text,
                'argument --older-than: '
                f"'{text}' is not a duration such as 45s, 90m, 12h, 30d or 2w",
            )
            for text in ('30', 'd', '30D', '-30d', '30d ', '99999999999w', '')
        ),
        *(
            (
                '--larger-than',
                text,
                'argument --larger-than: '
                f"'{text}' is not a size such as 500M, 10G or 2Gi",
            )
            for text in (
                *('G', '10X', '-1', '1 G', '1e3', '10g', '1ki', ''),
                '9' * 400,
            )
        ),
        *(
            (
                '--property',
                text,
                f"argument --property: '{text}' is not of the form key=value",
            )
            for text in ('os_distro', '=ubuntu', '')
        ),
        ('--tag', '', 'argument --tag: The value is empty'),
        (
            '--dry-run',
            '--auto-approve',
            'argument --auto-approve: not allowed with argument --dry-run',
        ),
    ],
)
def test_a_bad_value_is_told_with_what_a_good_one_is(
    parser: Parser, option: str, text: str, expected: str
) -> None:
    argv = [option, text] if text.startswith('--') else [f'{option}={text}']

    with pytest.raises(Wrong) as caught:
        parser.parse_args(argv)

    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ('argv', 'expected'),
    [
        ('', selection.Filters()),
        (
            '--cached',
            selection.Filters(states=frozenset({entries.State.CACHED})),
        ),
        (
            '--queued --cached',
            selection.Filters(
                states=frozenset({entries.State.CACHED, entries.State.QUEUED})
            ),
        ),
        (
            '--orphans --unused --older-than 1d --larger-than 0',
            selection.Filters(
                orphans=True,
                unused=True,
                older_than=datetime.timedelta(days=1),
                larger_than=0,
            ),
        ),
    ],
)
def test_the_conditions_that_were_given(
    parser: Parser, argv: str, expected: selection.Filters
) -> None:
    assert options.filters(parser.parse_args(argv.split())) == expected


def test_a_file_adds_to_the_words(
    parser: Parser, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / 'images'
    path.write_bytes(
        b'\xef\xbb\xbfubuntu\r\n# not this\n\n  my image  \n'
        b'  # nor this\ndebian#13'
    )

    parsed = parser.parse_args(['first', '--from-file', str(path)])

    assert options.image_words(parsed) == [
        'first',
        'ubuntu',
        'my image',
        'debian#13',
    ]


def test_several_files_add_to_the_words(
    parser: Parser, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them replaces another, and standard input is read once."""
    path = tmp_path / 'images'
    path.write_bytes(b'ubuntu')
    monkeypatch.setattr(sys, 'stdin', shell.Input('debian'))
    files = f'--from-file {path} --from-file - --from-file -'

    parsed = parser.parse_args(files.split())

    assert options.image_words(parsed) == ['ubuntu', 'debian']


def test_standard_input_adds_to_the_words(
    parser: Parser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys, 'stdin', shell.Input('\ufeffubuntu\r\n\ndebian\r')
    )

    parsed = parser.parse_args(['--from-file', '-'])

    assert options.image_words(parsed) == ['ubuntu', 'debian']


def test_standard_input_that_a_prompt_reads_is_read_from_the_next_line(
    parser: Parser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, 'stdin', shell.Input('image cache queue\nubuntu'))
    sys.stdin.readline()

    parsed = parser.parse_args(['--from-file', '-'])

    assert options.image_words(parsed) == ['ubuntu']


def test_standard_input_that_is_not_text_is_reported(
    parser: Parser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its encoding is: a name must not change silently."""
    monkeypatch.setattr(sys, 'stdin', shell.Input('ubuntu-\udcff'))
    parsed = parser.parse_args(['--from-file', '-'])

    with pytest.raises(errors.UsageError, match="'-': not UTF-8 text"):
        options.image_words(parsed)


def test_standard_input_that_is_closed_is_reported(
    parser: Parser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, 'stdin', None)

    with pytest.raises(errors.UsageError) as caught:
        options.image_words(parser.parse_args(['--from-file', '-']))

    assert str(caught.value) == "Cannot read '-': Standard input is closed."


@pytest.mark.parametrize('argv', ['--tag x', '--property a=b'])
def test_a_tag_or_a_property_is_enough(parser: Parser, argv: str) -> None:
    assert options.image_words(parser.parse_args(argv.split())) == []


@pytest.mark.parametrize(
    ('content', 'expected'),
    [
        (
            None,
            "Cannot read '{path}': No such file or directory.",
        ),
        (
            b'\xff\xfe\x00',
            "Cannot read '{path}': not UTF-8 text.",
        ),
        (
            b'# nothing\n',
            "'{path}' contains no images.",
        ),
    ],
)
def test_a_file_that_names_nothing(
    parser: Parser,
    tmp_path: pathlib.Path,
    content: bytes | None,
    expected: str,
) -> None:
    path = tmp_path / 'images'
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(errors.UsageError) as caught:
        options.image_words(parser.parse_args(['--from-file', str(path)]))

    assert str(caught.value) == expected.format(path=path)


def test_a_directory_is_no_file(
    parser: Parser, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        options.image_words(parser.parse_args(['--from-file', str(tmp_path)]))

    assert str(caught.value) == (f"Cannot read '{tmp_path}': Is a directory.")


def test_a_name_with_a_separator_of_its_own_is_one_line(
    parser: Parser, tmp_path: pathlib.Path
) -> None:
    """A line ends at a line feed; U+2028 and the like are part of names."""
    path = tmp_path / 'images'
    path.write_text('a\u2028b\nc\x0bd\n', encoding='utf-8')

    parsed = parser.parse_args(['--from-file', str(path)])

    assert options.image_words(parsed) == ['a\u2028b', 'c\x0bd']
