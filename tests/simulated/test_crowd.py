# SPDX-License-Identifier: Apache-2.0

"""The short form of a result, and a command that does not end."""

from pathlib import Path

from tests import shell
from tests.faults.crowd import describe
from tests.shell import Result


def test_messages_that_differ_in_the_node_are_counted() -> None:
    done = Result(
        1,
        '[{"Node": "edge-0001"}, {"Node": "edge-0001"}]',
        'Cannot read edge-0002 (http://127.1.0.2:4000/v2): Ow.\n'
        'Cannot read edge-0003 (http://127.1.0.3:4000/v2): Ow.\n'
        'Cannot read edge-0004: Oh.\n',
    )

    assert describe(done) == (
        'exit 1; rows of 1 nodes; stderr: on 2 nodes: Cannot read <node>: Ow.;'
        ' stderr: Cannot read edge-0004: Oh.'
    )
    assert describe(Result(1, 'Ow', '')) == "exit 1; output: 'Ow'"


def test_a_command_that_does_not_end_is_killed_and_reported(
    tmp_path: Path,
) -> None:
    with shell.started(
        'sleep', '60', environment={}, folder=tmp_path, timeout=0.5
    ) as process:
        done = shell.ended(process)

    assert describe(done) == (
        'exit -9; rows of 0 nodes; stderr: killed: not ended within 0 seconds'
    )
