# SPDX-License-Identifier: Apache-2.0

"""A run with the wrong output does not count."""

from collections.abc import Iterator
import dataclasses
import json
from pathlib import Path

import pytest

from tests import shell
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_program import Measured
from tests.load.commands import COMMANDS
from tests.load.commands import Target
from tests.simulated import Settings
from tests.simulated import SimulatedFleet

_NODES = 25


@pytest.fixture(scope='module')
def fleet() -> Iterator[SimulatedFleet]:
    settings = Settings(nodes=_NODES, images=40, entries=20)
    with SimulatedFleet(settings, lifetime=120) as running:
        yield running


@pytest.fixture
def target(fleet: SimulatedFleet, tmp_path: Path) -> Target:
    fleet.clouds_yaml(
        tmp_path / 'clouds.yaml', _NODES, tmp_path / 'nodes.json'
    )
    held = {name: one['cached'] for name, one in fleet.caches().items()}
    target = Target(tmp_path, list(fleet.images), held)
    target.write_policy()
    return target


def run(name: str, target: Target, fleet: SimulatedFleet) -> Measured:
    done = shell.run_here(
        *COMMANDS[name].arguments(target),
        environment={
            'HOME': str(target.home),
            **fleet.environment(target.home / 'clouds.yaml'),
        },
        folder=target.home,
    )
    return Measured(done.code, done.out, done.err, 1, 1, 1)


def test_sites_have_one_set_of_images_or_two(target: Target) -> None:
    policy = json.loads(target.policy.read_text())

    assert [one['sets'] for one in policy['sites']] == [
        *(['set-0'], ['set-0', 'set-1'], ['set-0']),
    ]
    assert len(target.wanted(1)) == 2 * len(target.wanted(0))
    assert target.missing > 0


@pytest.mark.parametrize('name', COMMANDS)
def test_the_output_of_a_command_is_compared_with_the_nodes(
    name: str, target: Target, fleet: SimulatedFleet
) -> None:
    done = run(name, target, fleet)
    check = COMMANDS[name].check

    check(target, done)

    # One node has other entries, and one node more than expected.
    first, *others = target.held
    held = {**target.held, first: ['unknown'] * 21}
    with pytest.raises(BenchmarkError):
        check(Target(target.home, target.images, held), done)
    fewer = {name: target.held[name] for name in others}
    with pytest.raises(BenchmarkError):
        check(Target(target.home, target.images, fewer), done)
    with pytest.raises(BenchmarkError):
        check(target, dataclasses.replace(done, code=1))
