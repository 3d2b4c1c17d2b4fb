# SPDX-License-Identifier: Apache-2.0

"""A picture of a terminal during a real run of commands."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import io
import itertools
import os
from pathlib import Path
import pty
import re
import shlex
import subprocess

import pyte
from rich import console as rich_console
from rich import text as rich_text

_COLUMNS, _LINES = 128, 40
_COUNT = re.compile(r'Filling \S+ (\d+)/(\d+)')
#: rich refers to fonts on a third-party server.
_FONT_FACES = re.compile(r'@font-face \{.*?\}\s*', re.DOTALL)


class Picture:
    """The contents of a terminal.

    :param environment: of the commands.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = {
            **environment,
            'TERM': 'xterm-256color',
            'COLUMNS': str(_COLUMNS),
            'LINES': str(_LINES),
        }
        self._lines: list[rich_text.Text] = []

    def run(self, command: str) -> None:
        """Run a command; of a wait, keep the screen with the most fills."""
        self._lines.append(rich_text.Text(f'$ {command}', style='bold'))
        screen = pyte.Screen(_COLUMNS, _LINES)
        stream = pyte.Stream(screen)
        waiting: list[rich_text.Text] = []
        best = 0
        for chunk in self._output(command):
            stream.feed(chunk)
            count = _COUNT.search('\n'.join(screen.display))
            if count and best <= int(count[1]) < int(count[2]):
                waiting, best = _text_of(screen), int(count[1])
        self._lines += waiting or _text_of(screen)

    def _output(self, command: str) -> Iterator[str]:
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            shlex.split(command),
            env=self._environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        ):
            os.close(theirs)
            with contextlib.suppress(OSError):  # The command has ended.
                while chunk := os.read(ours, 65536):
                    yield chunk.decode()
        os.close(ours)

    def save(self, path: Path) -> None:
        """Write the picture as SVG."""
        console = rich_console.Console(
            record=True, width=_COLUMNS, file=io.StringIO()
        )
        for line in self._lines:
            console.print(line, no_wrap=True, crop=True)
        svg = console.export_svg(
            title='openstack image cache', unique_id='terminal'
        )
        svg = _FONT_FACES.sub('', svg)
        text = '\n'.join(line.rstrip() for line in svg.splitlines()) + '\n'
        path.write_text(text, encoding='utf-8')


def _text_of(screen: pyte.Screen) -> list[rich_text.Text]:
    """The lines of a screen, with colours, without empty lines at the end."""
    lines = []
    for row in range(_LINES):
        line = rich_text.Text()
        cells = [screen.buffer[row][column] for column in range(_COLUMNS)]
        for style, group in itertools.groupby(cells, _style_of):
            line.append(''.join(cell.data for cell in group), style)
        line.rstrip()
        lines.append(line)
    while lines and not lines[-1].plain:
        lines.pop()
    return lines


def _style_of(cell: pyte.screens.Char) -> str:
    colour = cell.fg.replace('bright', 'bright_').replace('brown', 'yellow')
    if re.fullmatch(r'[0-9a-f]{6}', colour):
        colour = f'#{colour}'
    return ' '.join(
        word for word in ('bold' if cell.bold else '', colour) if word
    )
