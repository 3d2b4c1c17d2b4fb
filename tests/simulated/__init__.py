# SPDX-License-Identifier: Apache-2.0

"""Thousands of simulated Glance nodes on loopback.

    with SimulatedFleet(Settings(nodes=1000, round_trip=0.05)) as fleet:
        fleet.clouds_yaml(path)
        fleet.set_fault(range(100), Fault.SILENT)

The nodes use real sockets, real HTTP, and the payloads and pages of Glance. A
dictionary contains their images. `tests.cloud` tests the real Glance; use a
simulated node for numbers of nodes or faults that no machine could run.

The package requires only the standard library, and Linux, where a process can
bind each address of 127.0.0.0/8 (see :func:`missing`).
"""

from tests.simulated.faults import Fault
from tests.simulated.fleet import FleetError
from tests.simulated.fleet import missing
from tests.simulated.fleet import SimulatedFleet
from tests.simulated.login import CLOUD_NAME
from tests.simulated.simulation import host_of
from tests.simulated.simulation import name_of
from tests.simulated.simulation import Settings

__all__ = (
    'CLOUD_NAME',
    'Fault',
    'FleetError',
    'Settings',
    'SimulatedFleet',
    'host_of',
    'missing',
    'name_of',
)
