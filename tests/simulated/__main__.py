# SPDX-License-Identifier: Apache-2.0

"""The process that simulates nodes; `SimulatedFleet` starts it.

    python -m tests.simulated '{"nodes": 1000}' 900

It prints one line of JSON when it is ready. It ends when its standard input is
closed, or when its lifetime is over.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys

from tests.simulated.control import Control
from tests.simulated.simulation import Settings
from tests.simulated.simulation import Simulation

# Files for one listener and some connections of each node, and others.
_FILES_PER_NODE = 4
_FILES = 256


async def _serve(settings: Settings, lifetime: float) -> None:
    """Serve until standard input is closed, or the lifetime is over."""
    simulation = Simulation(settings)
    await simulation.open()
    control = await Control(simulation).open()
    # These objects stay; without this, each collection would scan them.
    gc.freeze()
    description = json.dumps({**simulation.description, 'control': control})
    sys.stdout.write(f'{description}\n')
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    loop.call_later(lifetime, ended.set)
    await ended.wait()


def _allow_files(needed: int) -> None:
    """Raise the limit of open files of this process.

    :raises OSError: the hard limit is lower
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise OSError(
            f'{needed} open files are required; `ulimit -Hn` is {hard}'
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def main() -> None:
    """Serve; exits with 1 if this machine cannot run the simulation."""
    settings = Settings(**json.loads(sys.argv[1]))
    try:
        _allow_files(_FILES + _FILES_PER_NODE * settings.nodes)
        asyncio.run(_serve(settings, float(sys.argv[2])))
    except OSError as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
