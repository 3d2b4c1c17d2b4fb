# SPDX-License-Identifier: Apache-2.0

"""The configuration of nodes and sites."""

import dataclasses

from glance_cache_osc import errors


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One glance-api process with its own cache.

    :param name: the configured name, for the column ``Node``.
    :param endpoint: the root URL, as `endpoints.parse` returns it.
    :param site: the site of the node: the node's name if none is configured.
    :param address: the IP address to connect to; empty for any address of
        the endpoint's host.
    :param cloud: the entry of clouds.yaml for the login of requests to the
        node; empty for the user's login.
    :param discover: whether to replace the node with one node for each
        address of its host.
    :param maintenance: whether commands skip the node unless it is named.
    :param failure: why the addresses of a node with ``discover`` are not
        known: requests must not go to any one of them.
    """

    name: str
    endpoint: str
    site: str = ''
    address: str = ''
    cloud: str = ''
    discover: bool = False
    maintenance: bool = False
    failure: errors.CacheError | None = None

    def __post_init__(self) -> None:
        if not self.site:
            object.__setattr__(self, 'site', self.name)

    @property
    def label(self) -> str:
        """The node in messages: its name and its endpoint."""
        if '://' in self.name:
            return self.endpoint
        return f'{self.name} ({self.endpoint})'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A group of nodes that share a network link to the image stores.

    :param max_downloads: the number of concurrent fills; None for no limit.
    :param bandwidth: the bandwidth of the link, in bits per second; None if
        unknown.
    """

    name: str
    max_downloads: int | None = None
    bandwidth: int | None = None
