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

"""A real cloud with a node of each kind, and somebody who visits them."""

from collections.abc import Callable
from collections.abc import Iterator
import pathlib

import pytest

from tests.matrix import nodes
from tests.matrix import visit

Visit = Callable[[nodes.Kind], visit.Visitor]


@pytest.fixture(scope='session')
def releases() -> Iterator[nodes.Releases]:
    """A cloud with a node of each kind that can be started here."""
    with nodes.running() as releases:
        yield releases


@pytest.fixture
def at(releases: nodes.Releases, tmp_path: pathlib.Path) -> Visit:
    """Visit the node of a kind; skips where its Glance is not here."""

    def go(kind: nodes.Kind) -> visit.Visitor:
        if kind.missing:
            pytest.skip(kind.missing)
        visitor = visit.Visitor(releases.cloud, releases.nodes[kind], tmp_path)
        if kind is not nodes.OFF and kind is not nodes.NEITHER:
            # All of these have the middleware.
            visitor.call('DELETE', '/v2/cached_images')
            visitor.call('DELETE', '/v2/queued_images')
        return visitor

    return go
