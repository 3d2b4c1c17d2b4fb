# SPDX-License-Identifier: Apache-2.0

"""Measures commands on simulated nodes."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import json
from pathlib import Path
from statistics import median
import sys

from tests.benchmarks import fleet_checks
from tests.benchmarks import pairs
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_program import FleetProgram
from tests.benchmarks.fleet_program import Measured
from tests.benchmarks.group import log
from tests.benchmarks.table import Bound
from tests.benchmarks.table import Row
from tests.benchmarks.table import row
from tests.benchmarks.table import single
from tests.cloud import rest
from tests.shell import run_program
from tests.simulated import SimulatedFleet
from tests.simulated.payloads import TOKEN

_BARE = Path(__file__).with_name('bare.py')


class FleetBench:
    """The simulated nodes, and the program with its login.

    :param home: the directory for files that a run reads and writes
    :param count: number of pairs for each command
    """

    def __init__(self, fleet: SimulatedFleet, home: Path, count: int) -> None:
        self.fleet = fleet
        self.home = home
        self.count = count

    def measure(
        self,
        what: str,
        command: Sequence[str],
        check: Callable[[Measured], None],
        bound: Bound,
        *,
        nodes: Mapping[str, str] | None = None,
        nodes_file: bool = False,
        prepare: Callable[[], None] = lambda: None,
        program: Sequence[str] = (),
        timeout: float = 0.0,
    ) -> tuple[Row, float]:
        """Time a command and `token issue` in turn, after a warm-up.

        :param check: checks a run; raises an error if it is wrong
        :param bound: bound of the ratio to `token issue`, which has a
            clouds.yaml without nodes
        :param nodes: endpoints by name for clouds.yaml; None for all
        :param nodes_file: whether the nodes are in a nodes file
        :param prepare: prepares the nodes before each run; not timed
        :param program: the program to run instead of `openstack`
        :param timeout: seconds of our command that are not compared
        :returns: the row, and the peak memory of our runs in MiB
        :raises BenchmarkError: a run failed or had a wrong result
        """
        clouds_yaml, without = self.home / 'clouds', self.home / 'without'
        file = self.home / 'nodes.json' if nodes_file else None
        self.fleet.clouds_yaml(clouds_yaml, nodes, file)
        self.fleet.clouds_yaml(without, 0)
        peaks = []

        def ours() -> pairs.Sample:
            prepare()
            self.fleet.reset_requests()
            run = self.run(clouds_yaml, *command, program=program)
            check(run)
            peaks.append(run.peak)
            return pairs.Sample(run.seconds, self._requests())

        def peer() -> pairs.Sample:
            run = self.run(without, 'token', 'issue')
            fleet_checks.exits_with(run, 0)
            return pairs.Sample(run.seconds, 0)

        ours()
        peer()
        timed = pairs.alternate(ours, peer, self.count, timeout)
        return row(what, pairs.summarize(timed), bound), max(peaks)

    def run(
        self, clouds_yaml: Path, *command: str, program: Sequence[str] = ()
    ) -> Measured:
        """Run a command, and log its time and memory."""
        before = self.fleet.cpu_seconds()
        run = FleetProgram(self.home, program).run(
            self.fleet.environment(clouds_yaml), *command
        )
        answering = self.fleet.cpu_seconds() - before
        log(
            f'  {run.seconds:6.2f} s {run.cpu:6.2f} s CPU {run.peak:4.0f} MiB'
            f' openstack {" ".join(command[:4])}'
            f' (simulated nodes: {answering:.2f} s CPU)'
        )
        return run

    def bare(self, what: str, bundle: Path | None = None) -> Row:
        """The time in which libcurl alone reads all caches, for comparison.

        :param bundle: file of CA certificates, for HTTPS
        """
        urls = self.home / 'urls'
        urls.write_text(
            '\n'.join(f'{url}/v2/cache' for url in self.fleet.nodes.values())
        )
        took = []
        for _ in range(1 + self.count):
            done = run_program(
                *(sys.executable, '-P', str(_BARE), str(urls), TOKEN),
                *([str(bundle)] if bundle else []),
            )
            if done.code:
                raise BenchmarkError(f'libcurl alone: {done.err[-2000:]}')
            took.append([float(word) for word in done.out.split()])
            log('  {:6.2f} s {:6.2f} s CPU libcurl alone'.format(*took[-1]))
        seconds = median(one for one, _cpu in took[1:])
        return single(what, peer=f'{seconds:.2f}')

    def cached(self) -> dict[str, list[str]]:
        """The IDs of the cached images, by node."""
        return {
            name: held['cached'] for name, held in self.fleet.caches().items()
        }

    def bodies(self) -> dict[str, bytes]:
        """The responses to GET /v2/cache, by node."""
        return {
            name: json.dumps(
                rest.call('GET', f'{url}/v2/cache', token=TOKEN).body
            ).encode()
            for name, url in self.fleet.nodes.items()
        }

    def _requests(self) -> int:
        """Number of requests to the nodes since the last reset."""
        return sum(
            sum(counts.values())
            for name, counts in self.fleet.requests().items()
            if name != 'keystone'
        )
