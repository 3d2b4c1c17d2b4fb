# SPDX-License-Identifier: Apache-2.0

"""Verification of one large image, compared with curl and sha512sum."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterator
from pathlib import Path
import shlex
from tempfile import TemporaryDirectory
import time

from tests.benchmarks import fleet_checks
from tests.benchmarks import pairs
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.fleet_program import FleetProgram
from tests.benchmarks.fleet_program import Measured
from tests.benchmarks.group import Group
from tests.benchmarks.group import log
from tests.benchmarks.group import Options
from tests.benchmarks.table import at_most
from tests.benchmarks.table import Row
from tests.benchmarks.table import row
from tests.benchmarks.table import single
from tests.cloud import Cache
from tests.cloud import Cloud
from tests.cloud import create_image
from tests.shell import run_program

_SIZE = 2 * 10**9
_PAIRS = 3
_SECONDS = 120
_MOST_MIB = 100
_VERIFY = ('image', 'cache', 'verify', 'large', '-f', 'value')


def _rows(_only: Collection[str], options: Options) -> Iterator[Row]:
    log('Starting a cloud with an image of 2 GB…')
    with (
        TemporaryDirectory(prefix='glance-cache-osc-') as directory,
        Cloud() as cloud,
    ):
        home, node, token = Path(directory), cloud.glance[0], cloud.token()
        url = node.url
        image_id = create_image(url, token, 'large', size=_SIZE)
        Cache(node, token).fill(image_id)
        program = FleetProgram(home)
        environment = cloud.environment()
        runs: list[Measured] = []

        def ours() -> pairs.Sample:
            run = program.run(environment, *_VERIFY, '-c', 'Result')
            fleet_checks.exits_with(run, 0)
            if run.out != 'ok\n':
                raise BenchmarkError(f'verify printed {run.out!r}')
            log(f'  {run.seconds:6.2f} s {run.peak:4.0f} MiB verify')
            runs.append(run)
            return pairs.Sample(run.seconds, 0)

        def peer() -> pairs.Sample:
            seconds = _curl(f'{url}/v2/images/{image_id}/file', cloud.token())
            log(f'  {seconds:6.2f} s curl and sha512sum')
            return pairs.Sample(seconds, 0)

        ours()
        peer()
        timed = pairs.alternate(ours, peer, options.pairs or _PAIRS)
    yield row(
        'image cache verify, one image of 2 GB; peer: curl | sha512sum',
        pairs.summarize(timed),
        at_most(1.2),
    )
    peak = max(run.peak for run in runs)
    yield single(
        'the same: peak memory',
        ours=f'{peak:.0f} MiB',
        bound=f'at most {_MOST_MIB} MiB',
        held=peak <= _MOST_MIB,
    )


def _curl(url: str, token: str) -> float:
    """The elapsed seconds of curl and sha512sum."""
    line = (
        f'curl --fail --silent --header {shlex.quote(f"X-Auth-Token: {token}")}'
        f' {shlex.quote(url)} | sha512sum'
    )
    begun = time.perf_counter()
    done = run_program('bash', '-o', 'pipefail', '-c', line, timeout=_SECONDS)
    if done.code:
        raise BenchmarkError(f'curl failed: exit code {done.code}')
    return time.perf_counter() - begun


GROUP = Group(('verify',), _rows)
