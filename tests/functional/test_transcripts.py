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


"""README and manual show what really happens."""

from collections.abc import Iterator
import contextlib
import pathlib

import pytest

from tests import cloud as clouds
from tests.transcripts import pages
from tests.transcripts import scene


@pytest.fixture(scope='module')
def stage(
    cloud: clouds.Cloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[scene.Scene]:
    """The cloud as the pages have it: three nodes with caches."""
    nodes = [*cloud.glance[:2], *cloud.add(clouds.GlanceOptions())]
    home = tmp_path_factory.mktemp('home')
    with contextlib.closing(scene.Scene(cloud, home, nodes)) as stage:
        yield stage


def test_there_is_something_to_run() -> None:
    assert next(page.name for page in pages.PAGES) == 'README.rst'


@pytest.mark.parametrize('page', pages.PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_happens(
    stage: scene.Scene, page: pathlib.Path
) -> None:
    """`python -m tests.transcripts --write` puts in what happens."""
    shown, came = pages.drift(stage, page)

    assert shown == came
