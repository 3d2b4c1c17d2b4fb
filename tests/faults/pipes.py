# SPDX-License-Identifier: Apache-2.0

"""Standard output that is closed early, for example by `| head -1`."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path

from tests.faults.stage import PATIENCE
from tests.faults.table import Row
from tests.shell import OPENSTACK
from tests.shell import run_program
from tests.simulated import Settings
from tests.simulated import SimulatedFleet

FORMATS = ('table', 'csv', 'json', 'yaml', 'value')
#: More entries than a pipe can buffer, in each format.
_ENTRIES = 2000
#: The exit code of cliff if the reader of a pipe has ended.
_BROKEN_PIPE = 141


def rows(home: Path, formats: Iterable[str] = FORMATS) -> Iterator[Row]:
    """A row for each format, with a node that has thousands of entries.

    :param home: an empty directory
    """
    settings = Settings(nodes=1, images=_ENTRIES, entries=_ENTRIES)
    with SimulatedFleet(settings) as fleet:
        path = f'{OPENSTACK.parent}:/usr/bin:/bin'
        environment = {**fleet.shell(home), 'PATH': path}
        for name in formats:
            command = f'openstack image cache list -f {name} | head -1'
            done = run_program(
                *('bash', '-c', f'{command}; echo "${{PIPESTATUS[0]}}"'),
                environment=environment,
                folder=home,
                timeout=PATIENCE,
            )
            *lines, code = done.out.splitlines()
            messages = done.err.splitlines()
            yield Row(
                f'standard output is closed after the first line of {_ENTRIES} rows',
                command.removeprefix('openstack image cache '),
                '; '.join(
                    (
                        f'exit {code}',
                        f'{len(lines)} line',
                        *(f'stderr: {line}' for line in messages),
                    )
                ),
                f'exit {_BROKEN_PIPE}; 1 line',
            )
