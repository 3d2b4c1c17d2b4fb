# SPDX-License-Identifier: Apache-2.0

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
