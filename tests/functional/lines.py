# SPDX-License-Identifier: Apache-2.0

"""The `openstack image cache` commands that the manual and the help show.

The console blocks that `tests.transcripts` runs are left out.
"""

from collections.abc import Iterator
import dataclasses
import enum
import functools
from importlib import metadata
import inspect
import itertools
import pathlib
import re
import shlex
from typing import Any
from unittest import mock

import yaml

from glance_cache_osc.v2 import image_delete
from tests.transcripts import document

ROOT = pathlib.Path(__file__).parents[2]
MANUAL = ROOT / 'doc/source'
PAGES = [ROOT / 'README.rst', *sorted(MANUAL.rglob('*.rst'))]
EXAMPLES = sorted((MANUAL / 'examples').glob('*.yaml'))
_STORE = 'image delete --store'
#: A line of a page with a command in it. A table heading that ends with
#: `openstack image cache` has none.
MENTION = re.compile(
    r'\bopenstack\s.*\bimage (?:cache +[\w<…-]|delete .*--store)'
)
_COMMAND = re.compile(r'\bopenstack\s.*\bimage\s+(?:cache|delete)\s')
_INLINE = re.compile(
    r'``((?:openstack\s[^`]*?)?\bimage\s+(?:cache|delete)\s[^`]+)``'
)
_REDIRECTION = re.compile(r'\s(?:\d|&)?>>?\s*(?:&\d|\S+)')
_PLACEHOLDER = re.compile(r'…|\.\.\.|<[a-zA-Z][^>]*>')


class Kind(enum.Enum):
    """What a command in a text is."""

    #: A complete command line.
    LINE = 'line'
    #: A shell script: a block that begins with `#!`.
    SCRIPT = 'script'
    #: The name of a command, alone or with an option without its value.
    NAME = 'name'
    #: A command with a placeholder.
    PATTERN = 'pattern'


@dataclasses.dataclass(frozen=True)
class Found:
    """A command in a text.

    :param where: the file, and the number of the line in it.
    :param words: those after `openstack`; of a script, its text alone.
    :param last: the number of its last line.
    """

    where: str
    words: tuple[str, ...]
    kind: Kind
    last: int = 0

    @property
    def line_numbers(self) -> set[int]:
        """The numbers of all its lines."""
        return set(range(int(self.where.rpartition(':')[2]), self.last + 1))

    @property
    def command(self) -> str:
        """The name of its command; '' if there is none."""
        return command_of(self.words)[0]


def _command_classes() -> dict[str, type]:
    """The plugin's commands, by name."""
    return {
        one.name.replace('_', ' '): one.load()
        for one in metadata.entry_points(group='openstack.image.v2')
        if one.value.startswith('glance_cache_osc.')
    }


COMMANDS = _command_classes()


def command_of(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The name of a command line's command, and the words after it."""
    if 'image' not in words:
        return '', words
    own = words[words.index('image') :]
    if own[:2] == ('image', 'delete') and '--store' in own:
        return _STORE, own[2:]
    for count in (4, 3):
        name = ' '.join(own[:count])
        if name in COMMANDS:
            return name, own[count:]
    return '', own


def _is_of_openstackclient(words: tuple[str, ...]) -> bool:
    """Whether it is `image delete` without --store."""
    return command_of(words)[1][:2] == ('image', 'delete')


def kind_of(words: tuple[str, ...]) -> Kind:
    """What a command in a sentence is."""
    if _PLACEHOLDER.search(' '.join(words)):
        return Kind.PATTERN
    name, rest = command_of(words)
    if name == _STORE:
        return Kind.NAME if rest == ('--store',) else Kind.LINE
    if name and not rest:
        return Kind.NAME
    if name and len(rest) == 1 and _takes_value(name, rest[0]):
        return Kind.NAME
    return Kind.LINE


def _takes_value(name: str, option: str) -> bool:
    """Whether an option of a command needs a value."""
    app: Any = mock.Mock()
    actions = COMMANDS[name](app, None).get_parser(name)._option_string_actions
    return option in actions and actions[option].nargs != 0


def commands_in(text: str) -> Iterator[tuple[str, ...]]:
    """The words after each `openstack` in a line of a shell.

    :raises ValueError: the line is not complete.
    """
    lexer = shlex.shlex(
        _REDIRECTION.sub('', text), posix=True, punctuation_chars='|;&()'
    )
    lexer.whitespace_split = True
    for is_end, group in itertools.groupby(lexer, lambda one: one[0] in '|;&'):
        words = list(group)
        at = [
            index
            for index, word in enumerate(words)
            if re.search(r'(?:^|[/=])openstack$', word)
        ]
        if at and not is_end:
            yield tuple(words[at[0] + 1 :])


def of_page(path: pathlib.Path, root: pathlib.Path = ROOT) -> Iterator[Found]:
    """The commands in a page, without those of its transcripts."""
    name = path.relative_to(root)
    lines = path.read_text(encoding='utf-8').splitlines()
    for number in transcript_lines(path):
        lines[number - 1] = ''
    yield from _inline(f'{name}', lines)
    numbered = iter(enumerate(lines, 1))
    for number, line in numbered:
        where = f'{name}:{number}'
        last, text = number, line
        if line.startswith(' ') and line.lstrip().startswith('#!'):
            script = list(_block(lines[number - 1 :]))
            last = number + len(script) - 1
            text = '\n'.join(script)
            if 'openstack' in text:
                yield Found(where, (text,), Kind.SCRIPT, last)
        else:
            while text.endswith('\\') and last < len(lines):
                text = f'{text[:-1]} {lines[last].strip()}'
                last += 1
            yield from _of_line(where, text, last)
        for __ in range(last - number):
            next(numbered)


def _of_line(where: str, text: str, last: int) -> Iterator[Found]:
    """The commands of a line in a block: shell, crontab or systemd."""
    if not text.startswith(' ') or '``' in text or not _COMMAND.search(text):
        return
    if re.match(r'\s*Exec\w+=', text):
        text = text.replace('%%', '%')
    try:
        found = list(commands_in(text))
    except ValueError as error:
        raise ValueError(f'{where}: {error}') from error
    for words in found:
        if not _is_of_openstackclient(words):
            is_pattern = _PLACEHOLDER.search(' '.join(words))
            kind = Kind.PATTERN if is_pattern else Kind.LINE
            yield Found(where, words, kind, last)


def transcript_lines(path: pathlib.Path) -> set[int]:
    """The numbers of the lines that a transcript runs or shows."""
    page = document.Document(path)
    numbers = set()
    for step in page.steps:
        first = step.first
        while not page.lines[first - 1].lstrip().startswith('$ '):
            first -= 1
        numbers |= set(range(first, step.first + len(step.shown) + 1))
    return numbers


def _inline(name: str, lines: list[str]) -> Iterator[Found]:
    """The commands in literals of sentences, which may span lines."""
    text = '\n'.join(lines)
    for match in _INLINE.finditer(text):
        first, last = (
            text.count('\n', 0, at) + 1 for at in (match.start(), match.end())
        )
        words = tuple(shlex.split(match[1]))
        if words[0] == 'openstack':
            words = words[1:]
        if not _is_of_openstackclient(words):
            yield Found(f'{name}:{first}', words, kind_of(words), last)


def _block(lines: list[str]) -> Iterator[str]:
    """The lines of the block that begins with the first, not indented."""
    indent = re.match(' *', lines[0])
    margin = indent[0] if indent else ''
    own = itertools.takewhile(
        lambda line: not line or line.startswith(margin), lines
    )
    text = '\n'.join(line[len(margin) :] for line in own)
    yield from text.rstrip().split('\n')


def of_example(
    path: pathlib.Path, root: pathlib.Path = ROOT
) -> Iterator[Found]:
    """The commands in a YAML file: lists whose first item is `openstack`."""
    name = path.relative_to(root)

    def walk(node: Any) -> Iterator[Found]:
        if isinstance(node, yaml.SequenceNode):
            words = [str(one.value) for one in node.value]
            if words and words[0].rpartition('/')[2] == 'openstack':
                first, last = node.start_mark.line, node.end_mark.line
                where = f'{name}:{first + 1}'
                yield Found(where, tuple(words[1:]), Kind.LINE, last)
        if isinstance(node, yaml.CollectionNode):
            for child in node.value:
                for one in child if isinstance(child, tuple) else (child,):
                    yield from walk(one)

    text = path.read_text(encoding='utf-8')
    for tree in yaml.compose_all(text, Loader=yaml.SafeLoader):
        yield from walk(tree)


def of_help() -> Iterator[Found]:
    """The examples in the help of all commands."""
    app: Any = mock.Mock()
    for owner in COMMANDS.values():
        yield from _of_epilog(owner, owner(app, None).get_epilog())
    hook = image_delete.DeleteFromStore
    yield from _of_epilog(hook, hook(app).get_epilog())


def _of_epilog(owner: type, text: str) -> Iterator[Found]:
    file = f'{owner.__module__.replace(".", "/")}.py'
    number = inspect.getsourcelines(owner)[1]
    for example in re.findall(
        r'^ +(openstack .*)$|Example: (openstack .*)$', text, re.MULTILINE
    ):
        for words in commands_in(''.join(example)):
            yield Found(f'{file}:{number}', words, Kind.LINE, number)


@functools.cache
def all_commands() -> list[Found]:
    """All commands of the manual, the README and the help."""
    return [
        *(one for page in PAGES for one in of_page(page)),
        *(one for file in EXAMPLES for one in of_example(file)),
        *of_help(),
    ]


def to_run() -> dict[tuple[str, ...], Found]:
    """The lines and scripts, each once, by what they run."""
    found: dict[tuple[str, ...], Found] = {}
    for one in all_commands():
        if one.kind in (Kind.LINE, Kind.SCRIPT):
            found.setdefault(one.words, one)
    return found
