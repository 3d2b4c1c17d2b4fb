# SPDX-License-Identifier: Apache-2.0

"""What is told about images that a wait did not see cached."""

import logging

import pytest

from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.command import wait_report
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
