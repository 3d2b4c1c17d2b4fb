# SPDX-License-Identifier: Apache-2.0

"""Nodes and sites, as they are configured."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One glance-api with a cache of its own.

    :param name: the user's name for it; shown in the column ``Node``.
    :param endpoint: its root URL, as `endpoints.parse` returns it.
    :param site: the site that it belongs to: its own name, if none is
        configured.
    :param address: the IP address to connect to, in place of those that the
        endpoint's host has; empty for any of them.
    :param discover: whether it stands for one node for each address of its
        host.
    :param cloud: the entry of clouds.yaml that requests to it log in with;
        empty for that of the user.
    :param maintenance: whether it takes part only if it is named.
    """

    name: str
    endpoint: str
    site: str = ''
    address: str = ''
    cloud: str = ''
    discover: bool = False
    maintenance: bool = False

    def __post_init__(self) -> None:
        if not self.site:
            object.__setattr__(self, 'site', self.name)

    @property
    def label(self) -> str:
        """The node as an error names it: the name, and its endpoint."""
        if self.name == self.endpoint:
            return self.endpoint
        return f'{self.name} ({self.endpoint})'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A group of nodes that share a network link to the image stores.

    :param max_downloads: fills at a time; None for no limit.
    :param bandwidth: of the link, in bits per second; None if unknown.
    """

    name: str
    max_downloads: int | None = None
    bandwidth: int | None = None
