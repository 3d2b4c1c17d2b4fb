#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""A simulated fleet, and commands that are measured on it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks import fleet_checks
from tests.benchmarks.fleet_program import FleetProgram
from tests.benchmarks.fleet_program import FleetRun
from tests.benchmarks.group import say
from tests.simulated import SimulatedFleet


@dataclass(frozen=True)
class Measured:
    """What some runs of a command say.

    :ivar seconds: their median
    :ivar peak: the most memory that any of them held, in MiB
    :ivar requests: that the last of them sent to Glances
    """

    seconds: float
    peak: float
    requests: int


class FleetBench:
    """The fleet, and the program with its login.

    :param directory: for what a run reads and writes
    :param runs: of each command, of which the median counts
    """

    def __init__(
        self, fleet: SimulatedFleet, directory: Path, runs: int
    ) -> None:
        self.fleet = fleet
        self._program = FleetProgram(directory)
        self._clouds_yaml = directory / 'clouds.yaml'
        self._runs = runs

    def measure(
        self,
        command: Sequence[str],
        check: Callable[[FleetRun], None],
        nodes: int | None = None,
        prepare: Callable[[], None] = lambda: None,
    ) -> Measured:
        """Run a command once for warming up, and then as often as asked.

        :param check: raises what is wrong with a run
        :param nodes: that clouds.yaml names, from the first on; None for all
        :param prepare: makes the state that a run begins with; not timed
        :raises BenchmarkError: a run did not do what it was to do
        """
        self.fleet.clouds_yaml(self._clouds_yaml, nodes)
        login = self.fleet.environment(self._clouds_yaml)
        runs = []
        for _ in range(1 + self._runs):
            prepare()
            self.fleet.forget_requests()
            before = self.fleet.cpu_seconds()
            run = self._program.run(login, *command)
            answering = self.fleet.cpu_seconds() - before
            check(run)
            runs.append(run)
            say(
                f'  {run.seconds:6.2f} s {run.cpu:6.2f} s CPU'
                f' {run.peak:4.0f} MiB openstack {" ".join(command[:4])}'
                f' (answering: {answering:.2f} s CPU)'
            )
        del runs[0]
        return Measured(
            seconds=median(run.seconds for run in runs),
            peak=max(run.peak for run in runs),
            requests=self._asked(),
        )

    def measure_loop(self, nodes: int, *command: str) -> Measured:
        """Run a command of today on some nodes, one after the other.

        Each is named as the image endpoint; seconds and requests are one
        node's.
        """
        runs = []
        self.fleet.forget_requests()
        for endpoint in list(self.fleet.nodes.values())[:nodes]:
            login = {
                **self.fleet.environment(),
                'OS_IMAGE_ENDPOINT_OVERRIDE': endpoint,
            }
            run = self._program.run(login, *command)
            fleet_checks.exits_with(run, 0)
            runs.append(run)
            say(f'  {run.seconds:6.2f} s openstack {" ".join(command)}')
        return Measured(
            seconds=median(run.seconds for run in runs),
            peak=max(run.peak for run in runs),
            requests=self._asked() // nodes,
        )

    def cached(self) -> dict[str, list[str]]:
        """Name of a node → IDs of the images that it holds."""
        return {
            name: held['cached'] for name, held in self.fleet.caches().items()
        }

    def _asked(self) -> int:
        """How many requests went to Glances since they were forgotten."""
        return sum(
            sum(counts.values())
            for name, counts in self.fleet.requests().items()
            if name != 'keystone'
        )
