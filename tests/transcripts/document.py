# SPDX-License-Identifier: Apache-2.0

"""The transcripts in a page of the manual."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
import re

_BLOCK = re.compile(r'( *)\.\. code-block:: console$')
_ACTION = re.compile(r' *\.\. transcript: (.+)$')


@dataclass
class Step:
    """A command and its output in the page.

    :ivar actions: the actions before the command
    :ivar command: the command line, without the prompt
    :ivar shown: the output in the page
    :ivar first: index in the page of the first line below the command
    """

    actions: list[str]
    command: str
    first: int
    indent: str
    shown: list[str] = field(default_factory=list)


class Document:
    """A page of the manual, or the README."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = path.read_text(encoding='utf-8').splitlines()
        self.steps = self._read()

    def _read(self) -> list[Step]:
        steps: list[Step] = []
        actions: list[str] = []
        at = 0
        while at < len(self.lines):
            line = self.lines[at]
            at += 1
            if match := _ACTION.match(line):
                actions.append(match[1])
            elif match := _BLOCK.match(line):
                at = self._read_block(at, match[1] + '    ', steps, actions)
                actions = []
        return steps

    def _read_block(
        self, at: int, indent: str, steps: list[Step], actions: list[str]
    ) -> int:
        """Read the steps of one block; returns the index after it."""
        step: Step | None = None
        while at < len(self.lines):
            line = self.lines[at]
            if line and not line.startswith(indent):
                break
            at += 1
            text = line[len(indent) :]
            if text.startswith('$ '):
                command = text[2:]
                while command.endswith(('\\', '|')):
                    more = self.lines[at][len(indent) :].removeprefix('>')
                    command = f'{command.rstrip(chr(92))}{more.strip()}'
                    at += 1
                step = Step(actions, command, at, indent)
                actions = []
                steps.append(step)
            elif text.startswith('# '):
                step = None
            elif step:
                step.shown.append(text)
        for one in steps:
            while one.shown and not one.shown[-1]:
                one.shown.pop()
        return at

    def write(self, outputs: list[list[str]]) -> None:
        """Replace the output in the page."""
        for step, output in reversed(list(zip(self.steps, outputs))):
            self.lines[step.first : step.first + len(step.shown)] = [
                f'{step.indent}{line}'.rstrip() for line in output
            ]
        text = '\n'.join(self.lines) + '\n'
        self.path.write_text(text, encoding='utf-8')
