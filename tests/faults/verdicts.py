# SPDX-License-Identifier: Apache-2.0

"""Checks that an interrupted run ended as expected, with correct rows.

An interrupt can also arrive after the command, while OpenStackClient and
Python end: OpenStackClient exits with 130 without a message. Python ends with
the signal, which a shell reports as 130. Then all rows must be complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import json
import signal
from typing import Any

from tests.shell import Result

#: Maximum length of a verdict.
_LONGEST = 300

INTERRUPTED = 'interrupted'
FINISHED = 'finished'

Entries = frozenset[tuple[str, str]]
"""Names of nodes, and IDs of their images."""


@dataclasses.dataclass(frozen=True)
class Left:
    """The result of a run, and the entries of the nodes.

    :ivar before: all entries before the run
    :ivar cached: the cached entries after the run
    :ivar queued: the queued entries after the run
    :ivar changes: how often a node received each change
    """

    result: Result
    before: Entries
    cached: Entries
    queued: Entries
    changes: tuple[int, ...] = ()


def verdict(rows: int, left: Left) -> str:
    """`INTERRUPTED`, `FINISHED`, or a list of all errors of a run.

    :param rows: number of rows of a run without an interrupt
    """
    code, out, err = dataclasses.astuple(left.result)
    messages = [line for line in err.splitlines() if line.strip()]
    listed = _rows(out)
    complete = len(listed) == rows
    wrong = list(_wrong_rows(left, listed))
    if out.strip() and not out.rstrip().endswith(']'):
        wrong.append('incomplete rows')
    if max(left.changes, default=0) > 1:
        wrong.append('a change was sent twice')
    if 'Traceback' in err:
        places = [line for line in err.splitlines() if '  File "' in line]
        wrong += [f'a traceback: {messages[-1]}', *places[-2:]]
    elif code == 130 and (messages or not complete):
        wrong += _wrong_messages(messages)
    elif code in {0, 130, -signal.SIGINT}:
        wrong += [f'exit {code} and {line}' for line in messages]
        if not complete:
            wrong.append(f'exit {code} with {len(listed)} rows')
    else:
        wrong.append(f'exit {code}: {messages}')
    if wrong:
        return '; '.join(wrong)[:_LONGEST]
    return INTERRUPTED if messages else FINISHED


def _wrong_messages(messages: Iterable[str]) -> Iterator[str]:
    """Errors in the messages of an interrupted run.

    One message states that the run was interrupted. One message before it may
    state what the command waits for, and that another Ctrl-C ends the wait.
    """
    waiting = [line for line in messages if 'Ctrl-C again' in line]
    ending = [line for line in messages if line not in waiting]
    if len(waiting) > 1:
        yield 'two messages about a wait'
    if len(ending) != 1 or not ending[0].startswith('Interrupted'):
        yield f'exit 130 and {ending}'


def _wrong_rows(
    left: Left, listed: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    """Rows without a change, and changes without a row."""
    claims: dict[str, set[tuple[str, str]]] = {}
    for one in listed:
        words = one.get('Result', 'held')
        claims.setdefault(words, set()).add((one['Node'], one['ID']))
    after = left.cached | left.queued
    here = claims.get('queued', set()) | claims.get('cached', set())
    for words, claimed, true in (
        ('there', here, after - left.before),
        ('deleted', claims.get('deleted', set()), left.before - after),
    ):
        if claimed != true:
            yield (
                f'{len(claimed - true)} rows without a change and'
                f' {len(true - claimed)} changes without a row: {words}'
            )
    if not claims.get('cached', set()) <= left.cached:
        yield 'an image in a "cached" row is not cached'
    if not claims.get('held', set()) <= left.before:
        yield 'a listed image was not an entry'


def _rows(out: str) -> list[dict[str, Any]]:
    """The rows; empty if they are incomplete."""
    try:
        return list(json.loads(out))
    except ValueError:
        return []
