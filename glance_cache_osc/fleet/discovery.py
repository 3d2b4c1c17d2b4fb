# SPDX-License-Identifier: Apache-2.0

"""Discovers the nodes behind a DNS name: one node for each address."""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import ipaddress

from glance_cache_osc.fleet import names
from glance_cache_osc.fleet import nodes
from glance_cache_osc.transport import attempt

#: Looks up the IP addresses of a URL's host.
Resolve = Callable[[str], Awaitable[list[str]]]


def find(name: str, by_name: Mapping[str, nodes.Node]) -> nodes.Node | None:
    """The node with a name.

    :param name: the name of a node, or ``<name>-<address>`` for one address
        of a node with ``discover``.
    :returns: None if there is none.
    """
    if name in by_name:
        return by_name[name]
    found = [
        one
        for one in by_name.values()
        if one.discover
        and name.startswith(f'{one.name}-')
        and name != f'{one.name}-'
    ]
    if not found:
        return None
    # bergen-2-10.1.0.5 is an address of the node bergen-2, not of bergen.
    one = max(found, key=lambda one: len(one.name))
    address = name.removeprefix(f'{one.name}-')
    return dataclasses.replace(one, address=address)


def full_name(one: nodes.Node) -> str:
    """The name with the address; the plain name of a node without one."""
    return f'{one.name}-{one.address}' if one.address else one.name


def check_excluded(
    excluded: Iterable[nodes.Node], found: Sequence[nodes.Node]
) -> None:
    """Refuse to exclude an address that a node does not have.

    :param excluded: nodes with an address.
    :param found: the nodes after discovery.
    :raises errors.UsageError: there is no such address.
    """
    for one in excluded:
        parts = [other for other in found if other.endpoint == one.endpoint]
        known = [other.name for other in parts]
        # If the look-up failed, the addresses are not known.
        failed = any(other.failure for other in parts)
        if known and full_name(one) not in known and not failed:
            raise names.no_such_node(full_name(one), known, accepts_url=False)


async def discovered(
    chosen: Sequence[nodes.Node], resolve: Resolve
) -> list[nodes.Node]:
    """The nodes, in which discovery replaces nodes with ``discover``.

    Each of these is replaced with one node for each of its addresses. If
    they cannot be looked up, the node stays, with the failure.

    :raises errors.UsageError: a node is selected by an address that its host
        does not have.
    """
    outcomes = await attempt.attempt(
        lambda one: resolve(one.endpoint),
        [one for one in chosen if one.discover],
    )
    found = {one.job: one for one in outcomes}
    return [
        part
        for one in chosen
        for part in (_parts(one, found[one]) if one.discover else [one])
    ]


def _parts(
    one: nodes.Node, outcome: attempt.Outcome[nodes.Node, list[str]]
) -> list[nodes.Node]:
    """The nodes that replace a node with ``discover``.

    :param outcome: the addresses of its host, or why they are not known.
    :raises errors.UsageError: the node has an address that is not among
        these.
    """
    addresses = outcome.value or []
    if outcome.error and not one.address:
        return [
            dataclasses.replace(one, discover=False, failure=outcome.error)
        ]
    if not one.address:
        parts = sorted(addresses)
    elif one.address in addresses or (
        outcome.error and _is_address(one.address)
    ):
        parts = [one.address]
    else:
        known = [f'{one.name}-{address}' for address in addresses]
        raise names.no_such_node(
            full_name(one), known or [one.name], accepts_url=True
        )
    named = [dataclasses.replace(one, address=address) for address in parts]
    return [
        dataclasses.replace(part, name=full_name(part), discover=False)
        for part in named
    ]


def _is_address(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(text))
    return False
