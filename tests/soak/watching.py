# SPDX-License-Identifier: Apache-2.0

"""What the lines of `watch` add up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
import re

_LINE = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (?P<node>edge-\d+) (.+)')
_OK = re.compile(r'ok, cached: (\d+), queued: (\d+)')
_CHANGE = re.compile(r'(cached|queued|removed) (.+)')
_LABEL = re.compile(r'.+ \((.+)\)')
_FAILURE = re.compile(r'([a-z ]+): .+')


@dataclass
class Node:
    """A node, as `watch` has printed it.

    :ivar status: its last status; empty before the first
    :ivar cached: IDs; so is `queued`
    :ivar counts: how many entries its last line with counts has, until
        the lines around that have added up to it
    """

    status: str = ''
    cached: set[str] = field(default_factory=set)
    queued: set[str] = field(default_factory=set)
    counts: tuple[int, int] | None = None


class Watched:
    """All nodes.

    :param caches: name → `cached` and `queued` → IDs, when `watch` began:
        it prints no more than their number
    :ivar unknown: lines that have no known form
    :ivar lines: how many lines there were
    """

    def __init__(self, caches: Mapping[str, Mapping[str, list[str]]]) -> None:
        self.nodes = {
            name: Node(cached=set(held['cached']), queued=set(held['queued']))
            for name, held in caches.items()
        }
        self.unknown: list[str] = []
        self.lines = 0

    def add(self, line: str) -> None:
        """Add one line."""
        self.lines += 1
        found = _LINE.fullmatch(line)
        node = self.nodes.get(found['node']) if found else None
        if not (found and node and _change(node, found[2])):
            self.unknown.append(line)

    def status(self, name: str) -> str:
        """The last status of a node."""
        return self.nodes[name].status


def _change(node: Node, words: str) -> bool:
    """Apply a line to a node; returns whether its form is known."""
    if found := _OK.fullmatch(words):
        node.status = 'ok'
        node.counts = (int(found[1]), int(found[2]))
    elif found := _CHANGE.fullmatch(words):
        label = _LABEL.fullmatch(found[2])
        image_id = label[1] if label else found[2]
        node.cached.discard(image_id)
        node.queued.discard(image_id)
        if found[1] == 'cached':
            node.cached.add(image_id)
        elif found[1] == 'queued':
            node.queued.add(image_id)
    elif found := _FAILURE.fullmatch(words):
        node.status, node.counts = found[1], None
    else:
        return False
    # The changes of the same read follow the counts.
    if node.counts == (len(node.cached), len(node.queued)):
        node.counts = None
    return True
