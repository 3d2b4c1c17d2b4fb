# SPDX-License-Identifier: Apache-2.0

"""Whether an interrupted run ended as it must, and told the truth.

After the command OpenStackClient and Python end: the first then exits with
130 without a word, the other gives the signal back to the system, which a
shell calls 130. All rows must have been written by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import json
import signal
from typing import Any

#: Characters of what is wrong with a run.
_LONGEST = 300

INTERRUPTED = 'interrupted'
FINISHED = 'finished'

Entries = frozenset[tuple[str, str]]
"""Names of nodes, and IDs of images that they hold."""


@dataclasses.dataclass(frozen=True)
class Left:
    """What a run left.

    :ivar before: what the nodes held
    :ivar cached: what they hold in their caches
    :ivar queued: what they hold in their queues
    :ivar changes: how often each change reached a node
    """

    code: int
    out: str
    err: str
    before: Entries
    cached: Entries
    queued: Entries
    changes: tuple[int, ...] = ()


def verdict(rows: int, left: Left) -> str:
    """`INTERRUPTED`, `FINISHED`, or all that is wrong with a run.

    :param rows: that a run writes which is not interrupted
    """
    told = [line for line in left.err.splitlines() if line.strip()]
    listed = _rows(left.out)
    complete = len(listed) == rows
    wrong = list(_untrue(left, listed))
    if left.out.strip() and not left.out.rstrip().endswith(']'):
        wrong.append('rows that are cut off')
    if max(left.changes, default=0) > 1:
        wrong.append('a change was sent twice')
    if 'Traceback' in left.err:
        wrong.append(f'a traceback: {told[-1]}')
    elif left.code == 130 and (told or not complete):
        wrong += _misreported(told)
    elif left.code in {0, 130, -signal.SIGINT}:
        wrong += [f'exit {left.code} and {line}' for line in told]
        if not complete:
            wrong.append(f'exit {left.code} with {len(listed)} rows')
    else:
        wrong.append(f'exit {left.code}: {told}')
    if wrong:
        return '; '.join(wrong)[:_LONGEST]
    return INTERRUPTED if told else FINISHED


def _misreported(told: Iterable[str]) -> Iterator[str]:
    """What is wrong with the lines of an interrupted run.

    One says that it was interrupted. One before may say what is waited for,
    and that another Ctrl-C ends that.
    """
    waiting = [line for line in told if 'Ctrl-C again' in line]
    ending = [line for line in told if line not in waiting]
    if len(waiting) > 1:
        yield 'two lines that it waits'
    if len(ending) != 1 or not ending[0].startswith('Interrupted'):
        yield f'exit 130 and {ending}'


def _untrue(left: Left, listed: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What rows claim that is not so, and changes that have no row."""
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
        yield 'what is called cached is not'
    if not claims.get('held', set()) <= left.before:
        yield 'what is listed is not held'


def _rows(out: str) -> list[dict[str, Any]]:
    """The rows; none where they are cut off."""
    try:
        return list(json.loads(out))
    except ValueError:
        return []
