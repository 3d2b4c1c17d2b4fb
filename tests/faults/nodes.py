# SPDX-License-Identifier: Apache-2.0

"""Nodes with a full disk, and nodes with wrong times."""

from __future__ import annotations

from collections.abc import Iterator
import shutil

from tests.cloud import GlanceOptions
from tests.faults.stage import OSLO
from tests.faults.stage import Stage
from tests.faults.table import Row
from tests.shell import run_program

_MOUNT = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"'
_PRIVATE = ('unshare', '--user', '--map-root-user', '--mount')
FULL = 'edge-full'
EAST = 'edge-east'
WEST = 'edge-west'


def why_no_small_disk() -> str:
    """The reason why no small disk can be mounted; '' if one can."""
    if shutil.which(_PRIVATE[0]) is None:
        return 'unshare is not installed'
    mount = 'mount -t tmpfs tmpfs /tmp'
    return run_program(*_PRIVATE, 'sh', '-c', mount).err.strip()


def on_small_disk(directory: object) -> tuple[str, ...]:
    """A command that runs another one, with a disk of one megabyte.

    :param directory: the disk is mounted here, only for the other command
    """
    return (*_PRIVATE, 'sh', '-c', _MOUNT, str(directory))


#: A cache directory of one megabyte.
SMALL_DISK = GlanceOptions(wrapper=on_small_disk('{cache_dir}'))
#: Glance writes local times instead of UTC.
TWELVE_EAST = GlanceOptions(environment={'TZ': 'EAST-12'})
EIGHT_WEST = GlanceOptions(environment={'TZ': 'WEST+8'})


def full(stage: Stage, url: str) -> Iterator[Row]:
    """A node whose disk is full.

    :param url: URL of a node with `SMALL_DISK`
    """
    stage.image('alpha')
    stage.image('large', 5_000_000)
    stage.set_up()
    stage.name_nodes({OSLO: stage.oslo.url, FULL: url})
    for command in ('queue', 'sync'):
        stage.set_up()
        result = stage.describe(
            stage.cache(
                *(command, 'large', 'alpha', '--wait', '--all-nodes'),
                *('--stall-after', '4'),
            )
        )
        yield Row(
            'the disk of a node is full',
            f'{command} large alpha --wait',
            result,
            f'exit 1; large cached {OSLO}; alpha cached {OSLO}; large queued '
            f'{FULL}; alpha queued {FULL}; stderr: Stalled: …{FULL}…; stderr: '
            f'Not cached on {FULL}: large, alpha: Stalled: …',
        )
    stage.name_nodes({})


def clocks(stage: Stage, east: str, west: str) -> Iterator[Row]:
    """Nodes that report times hours before and after the current time.

    :param east: URL of a node with `TWELVE_EAST`
    :param west: URL of a node with `EIGHT_WEST`
    """
    stage.name_nodes({OSLO: stage.oslo.url, EAST: east, WEST: west})
    stage.image('alpha')
    stage.set_up()
    stage.cache('queue', 'alpha', '--wait', '--all-nodes')
    for command, shown in (
        (('list',), (OSLO, EAST, WEST)),
        # Without the node whose entry has a future time.
        (('list', '--older-than', '1h'), (EAST,)),
        (('list', '--older-than', '13h'), ()),
    ):
        expected = ['exit 0', *(f'alpha cached {node}' for node in shown)]
        yield Row(
            'two nodes run in time zones 12 hours east and 8 hours west of '
            'UTC, and report times 12 hours too early and 8 hours too late',
            ' '.join(command),
            stage.describe(stage.cache(*command)),
            '; '.join(expected),
        )
    stage.name_nodes({})
