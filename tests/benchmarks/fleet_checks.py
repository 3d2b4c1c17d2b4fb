# SPDX-License-Identifier: Apache-2.0

"""Checks of the results of commands on simulated nodes."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping

from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_program import Measured


def lists_exactly(run: Measured, held: Mapping[str, Collection[str]]) -> None:
    """Check that all entries of the responding nodes are listed, no others.

    :param held: IDs of the cached images, by node
    :raises BenchmarkError: the list is different
    """
    try:
        rows = run.rows
        listed = sorted((row['Node'], row['ID']) for row in rows)
    except (ValueError, TypeError, KeyError) as error:
        raise BenchmarkError(f'no rows: {run.err[-2000:]}') from error
    expected = sorted(
        (name, image_id) for name, ids in held.items() for image_id in ids
    )
    if listed != expected:
        raise BenchmarkError(
            f'{len(listed)} entries are listed instead of {len(expected)}'
        )
    if not all(row['Name'] for row in rows):
        raise BenchmarkError('names are missing')


def reports_exactly(run: Measured, dead: Collection[str]) -> None:
    """Check that there is one message for each dead node, and no other.

    :param dead: the names of the nodes
    :raises BenchmarkError: the messages are different
    """
    lines = run.err.splitlines()
    reported = [
        name for name in dead if sum(f' {name} ' in one for one in lines) == 1
    ]
    if len(reported) != len(dead) or len(lines) != len(dead):
        raise BenchmarkError(
            f'{len(lines)} messages, with {len(reported)} nodes once, for'
            f' {len(dead)} dead nodes:\n{run.err[-2000:]}'
        )


def queued_once(
    requests: Mapping[str, Mapping[str, int]],
    lacking: Collection[str],
    image_id: str,
) -> None:
    """Check that each node without the image received one PUT, others none.

    :param requests: number of requests by node and `PUT /v2/cache/…`
    :raises BenchmarkError: the requests are different
    """
    wanted = {f'PUT /v2/cache/{image_id}': 1}
    for name, counts in requests.items():
        puts = {what: n for what, n in counts.items() if what[:4] == 'PUT '}
        expected = wanted if name in lacking else {}
        if puts != expected:
            raise BenchmarkError(f'{name}: {puts} instead of {expected}')


def all_ok(nodes: Collection[str], entries: int, run: Measured) -> None:
    """Check that all nodes have status ok and this number of entries.

    :raises BenchmarkError: the list is different
    """
    exits_with(run, 0)
    rows = run.rows
    well = {row['Node'] for row in rows if row['Status'] == 'ok'}
    if well != set(nodes) or len(rows) != len(nodes):
        raise BenchmarkError(
            f'{len(well)} of {len(nodes)} nodes have status ok'
        )
    if any(row['Cached'] != entries for row in rows):
        raise BenchmarkError(f'not {entries} cached images on every node')


def exits_with(run: Measured, code: int) -> None:
    """Check the exit code.

    :raises BenchmarkError: the exit code is different
    """
    if run.code != code:
        raise BenchmarkError(
            f'exit code {run.code} instead of {code}:\n{run.err[-2000:]}'
        )
