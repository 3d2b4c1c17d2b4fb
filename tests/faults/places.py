# SPDX-License-Identifier: Apache-2.0

"""Nodes that are odd: a full disk, clocks hours away."""

from __future__ import annotations

from collections.abc import Iterator
import shutil
import subprocess

from tests.cloud import GlanceOptions
from tests.faults.stage import OSLO
from tests.faults.stage import Stage
from tests.faults.table import Row

_MOUNT = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"'
_PRIVATE = ('unshare', '--user', '--map-root-user', '--mount')
FULL = 'edge-full'
EAST = 'edge-east'
WEST = 'edge-west'


def why_no_small_disk() -> str:
    """Why no node here can have a disk of its own; '' if one can."""
    if shutil.which(_PRIVATE[0]) is None:
        return 'this machine has no unshare'
    tried = subprocess.run(
        [*_PRIVATE, 'sh', '-c', 'mount -t tmpfs tmpfs /tmp'],
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.stderr.strip()


#: A cache folder of one megabyte, that this node alone sees.
SMALL_DISK = GlanceOptions(
    wrapper=(*_PRIVATE, 'sh', '-c', _MOUNT, '{cache_dir}')
)
#: Glance writes local time where UTC is meant.
TWELVE_EAST = GlanceOptions(environment={'TZ': 'EAST-12'})
EIGHT_WEST = GlanceOptions(environment={'TZ': 'WEST+8'})


def full(stage: Stage, url: str) -> Iterator[Row]:
    """A node whose disk is full.

    :param url: of a node with `SMALL_DISK`
    """
    stage.image('alpha')
    stage.image('large', 5_000_000)
    stage.set_up()
    stage.name_nodes({OSLO: stage.oslo.url, FULL: url})
    for command in ('queue', 'sync'):
        stage.set_up()
        came = stage.came_of(
            stage.cache(
                *(command, 'large', 'alpha', '--wait', '--all-nodes'),
                *('--stall-after', '4'),
            )
        )
        yield Row(
            'the disk of a node is full',
            f'{command} large alpha --wait',
            came,
            f'exit 1; large cached {OSLO}; alpha cached {OSLO}; large queued '
            f'{FULL}; alpha queued {FULL}; told: Stalled: no newly cached '
            f'image on {FULL} for 4 seconds. …; told: Not cached on {FULL}: '
            'large, alpha: Stalled: no newly cached image for 4 seconds.',
        )
    stage.name_nodes({})


def clocks(stage: Stage, east: str, west: str) -> Iterator[Row]:
    """Nodes that write times of hours before and after now.

    :param east: URL of a node with `TWELVE_EAST`
    :param west: URL of one with `EIGHT_WEST`
    """
    stage.name_nodes({OSLO: stage.oslo.url, EAST: east, WEST: west})
    stage.image('alpha')
    stage.set_up()
    stage.cache('queue', 'alpha', '--wait', '--all-nodes')
    for command, shown in (
        (('list',), (OSLO, EAST, WEST)),
        # Not the one whose entry is from the future.
        (('list', '--older-than', '1h'), (EAST,)),
        (('list', '--older-than', '13h'), ()),
    ):
        must = ['exit 0', *(f'alpha cached {node}' for node in shown)]
        yield Row(
            'two nodes run in time zones 12 hours east and 8 west of UTC, '
            'and say so many hours too little and too much',
            ' '.join(command),
            stage.came_of(stage.cache(*command)),
            '; '.join(must),
        )
    stage.name_nodes({})
