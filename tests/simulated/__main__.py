# SPDX-License-Identifier: Apache-2.0

"""The process that answers as a fleet; `SimulatedFleet` starts it.

    python -m tests.simulated '{"nodes": 1000}' 900

It writes one line of JSON when it is ready, and ends with its standard
input, or when its time is over.
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

# A listener and some connections a node, and a few of our own.
_FILES_PER_NODE = 4
_FILES = 256


async def _serve(settings: Settings, lifetime: float) -> None:
    """Answer until standard input ends, or so many seconds are over."""
    simulation = Simulation(settings)
    await simulation.open()
    control = await Control(simulation).open()
    # What is here by now stays; looking through it again takes time.
    gc.freeze()
    told = json.dumps({**simulation.description, 'control': control})
    sys.stdout.write(f'{told}\n')
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    loop.call_later(lifetime, ended.set)
    await ended.wait()


def _allow_files(needed: int) -> None:
    """Raise our limit of open files.

    :raises OSError: it cannot be raised that far
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise OSError(
            f'{needed} open files are needed; `ulimit -Hn` is {hard}'
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def main() -> None:
    """Serve; 1 when that is impossible here."""
    settings = Settings(**json.loads(sys.argv[1]))
    try:
        _allow_files(_FILES + _FILES_PER_NODE * settings.nodes)
        asyncio.run(_serve(settings, float(sys.argv[2])))
    except OSError as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
