# SPDX-License-Identifier: Apache-2.0

"""Some of the faults of `make faults`."""

from collections.abc import Iterable
from collections.abc import Iterator
import pathlib

import pytest

from tests import cloud as clouds
from tests.faults import cuts
from tests.faults import interrupts
from tests.faults import killed
from tests.faults import pipes
from tests.faults.stage import Stage
from tests.faults.table import Row
from tests.simulated import missing


@pytest.fixture(scope='module')
def stage(
    cloud: clouds.Cloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Two nodes with caches; both are running afterwards."""
    with Stage(cloud, tmp_path_factory.mktemp('faults')) as stage:
        yield stage


def wrong(rows: Iterable[Row], count: int) -> list[Row]:
    """The rows without the expected result; asserts their number."""
    listed = list(rows)
    assert len(listed) == count
    return [row for row in listed if not row.passed]


def test_a_row_passes_if_the_result_is_as_expected() -> None:
    """The rest of a line may vary; an additional line is an error."""
    expected = 'exit 1; alpha queued edge-oslo; stderr: Cannot connect: …'

    def passed(result: str) -> bool:
        return Row('a fault', 'a command', result, expected).passed

    assert passed(
        'exit 1; alpha queued edge-oslo; stderr: Cannot connect: Ow.'
    )
    assert not passed('exit 1; stderr: Cannot connect: Ow.')
    assert not passed(
        'exit 1; alpha queued edge-oslo; stderr: Cannot connect: Ow.; stderr: '
        'Traceback (most recent call last):'
    )


def test_a_node_that_is_killed_by_the_change(stage: Stage) -> None:
    rows = killed.rows(stage, ('lost',), ('queue', 'clear'))

    assert wrong(rows, 3) == []


def test_a_node_that_comes_up_again_while_it_is_waited_for(
    stage: Stage,
) -> None:
    assert wrong(killed.recovered(stage, ('queue',)), 1) == []


def test_an_answer_that_is_cut(stage: Stage) -> None:
    rows = cuts.rows(stage, ('in the middle of the body',))

    assert wrong(rows, 2) == []


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_interrupts_at_random_moments(tmp_path: pathlib.Path) -> None:
    assert wrong(interrupts.rows(tmp_path, 3), 5) == []


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_an_output_that_nobody_reads_to_its_end(
    tmp_path: pathlib.Path,
) -> None:
    assert wrong(pipes.rows(tmp_path, ('table', 'json')), 2) == []
