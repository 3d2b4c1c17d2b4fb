# SPDX-License-Identifier: Apache-2.0

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
    if stage.missing:
        pytest.skip(f'commands that need these did not run: {stage.missing}')
