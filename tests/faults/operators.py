# SPDX-License-Identifier: Apache-2.0

"""Two users who run `sync --delete-others` at the same time."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.stage import BERGEN
from tests.faults.stage import Stage
from tests.faults.table import Row
from tests.shell import ended
from tests.shell import Result

#: Results of rows, and the requests that they report.
_REQUESTS = {'queued': 'PUT', 'deleted': 'DELETE'}


def rows(stage: Stage) -> Iterator[Row]:
    """With the same images, and with different images."""
    for name in ('alpha', 'beta', 'gamma'):
        stage.image(name)
    for sets, holds in (
        ((('alpha', 'beta'), ('alpha', 'beta')), ['alpha', 'beta']),
        ((('alpha',), ('beta',)), None),
    ):
        stage.set_up(cached=('gamma',))
        first, second = _at_once(stage, *sets)
        result = _words(stage, first, second)
        expected = 'exit 0 and 0; no messages; rows are correct'
        if holds:
            stage.cache_of(stage.bergen).settle()
            result += (
                f'; {BERGEN} contains: {", ".join(stage.holds(stage.bergen))}'
            )
            expected += f'; {BERGEN} contains: alpha cached, beta cached'
        yield Row(
            'two users run the command at the same time, with '
            + ('the same images' if holds else 'different images'),
            ' and '.join(
                f'sync {" ".join(one)} --delete-others' for one in sets
            ),
            result,
            expected,
        )


def _at_once(
    stage: Stage, mine: tuple[str, ...], theirs: tuple[str, ...]
) -> tuple[Result, Result]:
    def command(names: tuple[str, ...]) -> tuple[str, ...]:
        return (
            *('image', 'cache', 'sync', *names, '--delete-others'),
            *('--auto-approve', '--all-nodes', '-f', 'json'),
        )

    with (
        stage.started(*command(mine)) as first,
        stage.started(*command(theirs)) as second,
    ):
        return ended(first), ended(second)


def _words(stage: Stage, first: Result, second: Result) -> str:
    """The result; the rows must match the requests to edge-bergen."""
    claimed = sorted(
        f'{_REQUESTS[row["Result"]]} /v2/cache/{row["ID"]}'
        for done in (first, second)
        for row in done.rows
        if row['Node'] == BERGEN and row['Result'] in _REQUESTS
    )
    true = claimed == sorted(stage.relay.changes())
    messages = stage.nameless(first.err + second.err).strip()
    return '; '.join(
        (
            f'exit {first.code} and {second.code}',
            f'stderr: {messages}' if messages else 'no messages',
            f'rows are {"correct" if true else "NOT correct"}',
        )
    )
