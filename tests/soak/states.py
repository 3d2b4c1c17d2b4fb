# SPDX-License-Identifier: Apache-2.0

"""The states that commands print at the end, and those of the fleet."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulated import SimulatedFleet
from tests.soak import verdicts
from tests.soak.watching import Watched

_PREFIX = 'glance_image_cache_'


@dataclass(frozen=True)
class State:
    """A node.

    :ivar cached: ID → bytes and hits
    :ivar queued: IDs
    """

    cached: Mapping[str, tuple[int, int]]
    queued: frozenset[str]


def of_fleet(fleet: SimulatedFleet) -> dict[str, State]:
    """The states of all nodes, by name."""
    entries = fleet.read('entries')
    return {
        name: State(
            {
                one['image_id']: (one['size'], one['hits'])
                for one in entries[name]
            },
            frozenset(held['queued']),
        )
        for name, held in fleet.caches().items()
    }


def wrong_in_watch(watched: Watched, states: Mapping[str, State]) -> list[str]:
    """The nodes of which the lines of `watch` add up to another state."""
    return [
        name
        for name, state in states.items()
        if (node := watched.nodes[name]).status != 'ok'
        or node.counts is not None
        or node.cached != state.cached.keys()
        or node.queued != state.queued
    ]


def wrong_in_metrics(text: str, states: Mapping[str, State]) -> list[str]:
    """The nodes of which the metrics are others."""
    metrics, _taken = verdicts.read(text)
    unknown = metrics.keys() - states.keys()
    return [
        *unknown,
        *(
            name
            for name, state in states.items()
            if not _metrics_of(state).items() <= metrics.get(name, {}).items()
        ),
    ]


def _metrics_of(state: State) -> dict[str, float]:
    held = state.cached.values()
    values = {
        'node_up': 1,
        'entries cached': len(state.cached),
        'entries queued': len(state.queued),
        'size_bytes': sum(size for size, _hits in held),
        'hits': sum(hits for _size, hits in held),
        'orphans': 0,
    }
    return {f'{_PREFIX}{name}': float(it) for name, it in values.items()}


def wrong_in_list(
    rows: Iterable[Mapping[str, Any]],
    states: Mapping[str, State],
    names: Mapping[str, str],
) -> list[str]:
    """The nodes of which `list -f json` has other rows.

    :param names: of all images, by their IDs
    """
    listed: dict[str, list[tuple[Any, ...]]] = {name: [] for name in states}
    for row in rows:
        cells = tuple(
            row[key] for key in ('ID', 'Name', 'State', 'Size', 'Hits')
        )
        listed.setdefault(row['Node'], []).append(cells)
    return [
        name
        for name, found in listed.items()
        if name not in states
        or sorted(found, key=str)
        != sorted(_rows_of(states[name], names), key=str)
    ]


def _rows_of(state: State, names: Mapping[str, str]) -> list[tuple[Any, ...]]:
    return [
        *(
            (image_id, names[image_id], 'cached', size, hits)
            for image_id, (size, hits) in state.cached.items()
        ),
        *(
            (image_id, names[image_id], 'queued', None, None)
            for image_id in state.queued
        ),
    ]
