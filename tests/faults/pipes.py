# SPDX-License-Identifier: Apache-2.0

"""Standard output that is closed early, as `| head -1` does."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
import subprocess

from tests.faults.stage import OPENSTACK
from tests.faults.stage import PATIENCE
from tests.faults.table import Row
from tests.simulated import Settings
from tests.simulated import SimulatedFleet

FORMATS = ('table', 'csv', 'json', 'yaml', 'value')
#: More than a pipe holds, in each format.
_ENTRIES = 2000
#: What cliff exits with when nobody reads on.
_NOBODY_READS = 141


def rows(home: Path, formats: Iterable[str] = FORMATS) -> Iterator[Row]:
    """A row a format, on a node with thousands of entries.

    :param home: an empty folder
    """
    settings = Settings(nodes=1, images=_ENTRIES, entries=_ENTRIES)
    with SimulatedFleet(settings) as fleet:
        path = home / 'simulated.yaml'
        fleet.clouds_yaml(path)
        environment = {
            'PATH': f'{OPENSTACK.parent}:/usr/bin:/bin',
            'HOME': str(home),
            'LANG': 'C.UTF-8',
            **fleet.environment(path),
        }
        for name in formats:
            command = f'openstack image cache list -f {name} | head -1'
            done = subprocess.run(
                ['bash', '-c', f'{command}; echo "${{PIPESTATUS[0]}}"'],
                env=environment,
                cwd=home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            *lines, code = done.stdout.splitlines()
            told = done.stderr.splitlines()
            yield Row(
                f'standard output is closed after a line of {_ENTRIES} rows',
                command.removeprefix('openstack image cache '),
                '; '.join(
                    (
                        f'exit {code}',
                        f'{len(lines)} line',
                        *(f'told: {line}' for line in told),
                    )
                ),
                f'exit {_NOBODY_READS}; 1 line',
            )
