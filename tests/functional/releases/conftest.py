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
