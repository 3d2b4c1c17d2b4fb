# SPDX-License-Identifier: Apache-2.0

"""What is told about images that a wait did not see cached."""

import logging

import pytest

from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.command import wait_report
from glance_cache_osc.filling import waiting
from tests.unit.world import Scene


def test_an_image_that_may_be_queued_is_not_called_idle(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The response was lost, and then another node had the only slot."""
    scene = Scene(
        nodes=2,
        wanted='a',
        seconds=None,
        timeout=100,
        downloads=1,
        stall_after=1e6,
    )
    first = scene.drivers[0]
    scene.fills[0].force, first.cached['a'] = True, None
    first.refusal = errors.Unreachable('Broken', connected=True)
    first.deaf = False
    failures = report.Failures()

    ending = scene.follow()
    assert scene.wait
    wait_report.add(failures, scene.fills, scene.wait, ending)
    failures.report(logging.getLogger('test'))

    assert [fill.accepted for fill in scene.fills] == [False, True]
    assert 'No image is queued' not in caplog.text
    assert caplog.text.count('Queued images stay queued') == 2


def reported(
    scene: Scene, ending: waiting.Ending | None = None
) -> tuple[list[str], list[bool]]:
    """The lines, and whether each image is said to be queued."""
    failures = report.Failures()

    found = scene.follow()
    assert scene.wait
    wait_report.add(failures, scene.fills, scene.wait, ending or found)

    return failures.lines, [
        one.is_open and wait_report.is_queued(one) for one in scene.fills
    ]


NOWHERE = (
    'Not cached on n1 (http://n1): a, b: The node accepted the request, but '
    'lists no such entry. A client may be downloading it. Check again with '
    "'openstack image cache list', and check the log of the node."
)
LATE = 'Not cached on n1 (http://n1): a, b: Not cached within 10 seconds. '


@pytest.fixture
def scene() -> Scene:
    """A wait of ten seconds for two images that no poll shows."""
    scene = Scene(wanted='ab', seconds=None, timeout=10)
    driver = scene.drivers[0]
    for seconds in (0.03, 0.05, 0.07, 0.1, 0.13):
        scene.world.at(seconds, driver.queued.clear)
    return scene


def test_images_that_were_never_listed_are_one_line(scene: Scene) -> None:
    assert reported(scene) == ([NOWHERE], [False, False])
    assert not any(one.queued for one in scene.fills)


def test_a_node_that_fails_at_last_is_more_important(scene: Scene) -> None:
    silent = errors.TimedOut('No response')
    scene.world.at(5, lambda: setattr(scene.drivers[0], 'error', silent))

    assert reported(scene) == (
        [f'{LATE}Last response: No response.'],
        [True, True],
    )


def test_an_interrupt_is_not_the_reason(scene: Scene) -> None:
    lines, queued = reported(scene, waiting.Ending.INTERRUPTED)

    assert (lines, queued) == ([], [True, True])


def test_an_image_that_was_listed_may_be_cached_just_now() -> None:
    scene = Scene(wanted='ab', seconds=None, timeout=10)
    scene.world.at(9.7, scene.drivers[0].queued.clear)

    lines, queued = reported(scene)

    assert (len(lines), queued) == (1, [True, True])
    assert lines[0].startswith(f'{LATE}Queued images stay queued.')
    assert all(one.absent_since for one in scene.fills)
