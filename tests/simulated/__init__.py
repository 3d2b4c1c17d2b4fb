# SPDX-License-Identifier: Apache-2.0

"""A fleet of Glance nodes by the thousand, simulated on loopback.

    with SimulatedFleet(Settings(nodes=1000, round_trip=0.05)) as fleet:
        fleet.clouds_yaml(path)
        fleet.set_fault(range(100), Fault.SILENT)

Real sockets, real HTTP, Glance's own payloads and pages; behind them is a
dictionary. For what Glance really does there is `tests.cloud`: a simulated
node is for numbers (of nodes, of faults) that no machine could run.

It needs the standard library alone, and Linux, where each address of
127.0.0.0/8 is there to be bound (see :func:`missing`).
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
