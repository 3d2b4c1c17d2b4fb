# SPDX-License-Identifier: Apache-2.0

"""Two who run `sync --delete-others` at once."""

from __future__ import annotations

from collections.abc import Iterator
import json

from tests.faults.stage import BERGEN
from tests.faults.stage import Done
from tests.faults.stage import ended
from tests.faults.stage import Stage
from tests.faults.table import Row

#: What a row says, and the request that makes it true.
_REQUESTS = {'queued': 'PUT', 'deleted': 'DELETE'}


def rows(stage: Stage) -> Iterator[Row]:
    """The same set, and different sets."""
    for name in ('alpha', 'beta', 'gamma'):
        stage.image(name)
    for sets, holds in (
        ((('alpha', 'beta'), ('alpha', 'beta')), ['alpha', 'beta']),
        ((('alpha',), ('beta',)), None),
    ):
        stage.set_up(cached=('gamma',))
        first, second = _at_once(stage, *sets)
        came = _words(stage, first, second)
        must = 'exit 0 and 0; nothing told; rows are true'
        if holds:
            stage.until(
                lambda: (
                    not any(
                        'queued' in one for one in stage.holds(stage.bergen)
                    )
                )
            )
            came += f'; {BERGEN} holds: {", ".join(stage.holds(stage.bergen))}'
            must += f'; {BERGEN} holds: alpha cached, beta cached'
        yield Row(
            'two run it at once, with '
            + ('the same set' if holds else 'different sets'),
            ' and '.join(
                f'sync {" ".join(one)} --delete-others' for one in sets
            ),
            came,
            must,
        )


def _at_once(
    stage: Stage, mine: tuple[str, ...], theirs: tuple[str, ...]
) -> tuple[Done, Done]:
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


def _words(stage: Stage, first: Done, second: Done) -> str:
    """The outcome; rows are held against what edge-bergen was asked."""
    claimed = sorted(
        f'{_REQUESTS[row["Result"]]} /v2/cache/{row["ID"]}'
        for done in (first, second)
        for row in json.loads(done.out)
        if row['Node'] == BERGEN and row['Result'] in _REQUESTS
    )
    true = claimed == sorted(stage.relay.changes())
    told = stage.nameless(first.err + second.err).strip()
    return '; '.join(
        (
            f'exit {first.code} and {second.code}',
            f'told: {told}' if told else 'nothing told',
            f'rows are {"true" if true else "NOT true"}',
        )
    )
