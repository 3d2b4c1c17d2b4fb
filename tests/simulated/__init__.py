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
