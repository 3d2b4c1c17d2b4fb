# SPDX-License-Identifier: Apache-2.0

"""Nodes of each kind in the real cloud, and somebody who visits them."""

from collections.abc import Callable
from collections.abc import Iterator
import pathlib

import pytest

from tests import cloud as clouds
from tests.matrix import nodes
from tests.matrix import visit

Visit = Callable[[nodes.Kind], visit.Visitor]


@pytest.fixture(scope='session')
def releases(cloud: clouds.Cloud) -> nodes.Releases:
    """A node of each kind that can be started here."""
    return nodes.add_to(cloud)


@pytest.fixture
def at(releases: nodes.Releases, tmp_path: pathlib.Path) -> Iterator[Visit]:
    """Visit the node of a kind; skips where its Glance is not here."""
    visitors: list[visit.Visitor] = []

    def go(kind: nodes.Kind) -> visit.Visitor:
        if kind.missing:
            pytest.skip(kind.missing)
        visitor = visit.Visitor(releases.cloud, releases.nodes[kind], tmp_path)
        visitor.empty()
        visitors.append(visitor)
        return visitor

    yield go
    for visitor in visitors:
        visitor.leave()
