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

"""One node: its name, and its endpoint."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """One glance-api with a cache of its own.

    :param name: what the user calls it; shown in the column ``Node``.
    :param endpoint: its root URL, as `endpoints.parse` makes them.
    """

    name: str
    endpoint: str

    @property
    def label(self) -> str:
        """The node as an error names it: the name, and where that is."""
        if self.name == self.endpoint:
            return self.endpoint
        return f'{self.name} ({self.endpoint})'
