# SPDX-License-Identifier: Apache-2.0

"""Whether a command did on the fleet what it was to do."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
import json

from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_program import FleetRun


def lists_exactly(run: FleetRun, held: Mapping[str, Collection[str]]) -> None:
    """Every entry of every node that answers is listed, and nothing else.

    :param held: name of a node → IDs of the images that it holds
    :raises BenchmarkError: it is not so
    """
    try:
        rows = json.loads(run.output)
        listed = sorted((row['Node'], row['ID']) for row in rows)
    except (ValueError, TypeError, KeyError) as error:
        raise BenchmarkError(f'no rows: {run.log[-2000:]}') from error
    expected = sorted(
        (name, image_id) for name, ids in held.items() for image_id in ids
    )
    if listed != expected:
        raise BenchmarkError(
            f'{len(listed)} entries were listed, and {len(expected)} are held'
        )
    if not all(row['Name'] for row in rows):
        raise BenchmarkError('names are missing')


def tells_of_exactly(run: FleetRun, dead: Collection[str]) -> None:
    """There is one line for each dead node, and no other line.

    :param dead: the names of the nodes
    :raises BenchmarkError: it is not so
    """
    lines = run.log.splitlines()
    told = [
        name for name in dead if sum(f' {name} ' in one for one in lines) == 1
    ]
    if len(told) != len(dead) or len(lines) != len(dead):
        raise BenchmarkError(
            f'{len(lines)} lines, and {len(told)} nodes named once, for'
            f' {len(dead)} dead nodes:\n{run.log[-2000:]}'
        )


def queued_once(
    requests: Mapping[str, Mapping[str, int]],
    lacking: Collection[str],
    image_id: str,
) -> None:
    """One PUT went to each node that lacks an image, and none to others.

    :param requests: name → `PUT /v2/cache/…` → how many times
    :raises BenchmarkError: it is not so
    """
    wanted = {f'PUT /v2/cache/{image_id}': 1}
    for name, counts in requests.items():
        puts = {what: n for what, n in counts.items() if what[:4] == 'PUT '}
        expected = wanted if name in lacking else {}
        if puts != expected:
            raise BenchmarkError(f'{name}: {puts} in place of {expected}')


def all_well(nodes: Collection[str], entries: int, run: FleetRun) -> None:
    """Each node is listed, well, with so many cached images.

    :raises BenchmarkError: it is not so
    """
    exits_with(run, 0)
    rows = json.loads(run.output)
    well = {row['Node'] for row in rows if row['Status'] == 'ok'}
    if well != set(nodes) or len(rows) != len(nodes):
        raise BenchmarkError(f'{len(well)} of {len(nodes)} nodes are well')
    if any(row['Cached'] != entries for row in rows):
        raise BenchmarkError(f'not {entries} cached images on every node')


def exits_with(run: FleetRun, code: int) -> None:
    """It ended with this exit code.

    :raises BenchmarkError: with another
    """
    if run.code != code:
        raise BenchmarkError(
            f'exit code {run.code} in place of {code}:\n{run.log[-2000:]}'
        )
