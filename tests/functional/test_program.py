# SPDX-License-Identifier: Apache-2.0

"""The program `openstack` with the plugin in it."""

from collections.abc import Callable
import pathlib
import sys

import pytest

from tests.cloud import Cache
from tests.cloud import Images
from tests.functional.conftest import Glance
from tests.functional.conftest import OpenStack
from tests.shell import OPENSTACK
from tests.shell import Result
from tests.shell import run_program

COMMANDS = (
    'clean',
    'clear',
    'coverage',
    'delete',
    'list',
    'metrics',
    'node check',
    'node discover',
    'node list',
    'prune',
    'queue',
    'report',
    'site list',
    'sync',
    'verify',
    'watch',
)


def test_help_lists_the_commands(openstack: OpenStack) -> None:
    result = openstack('image', 'cache', '--help')

    assert result.code == 0
    for command in COMMANDS:
        assert f'  image cache {command}\n' in result.out


@pytest.mark.parametrize(
    ('command', 'code', 'out'),
    [
        ('list -c Name -c State -c Size', 0, 'alpha cached 1000\n'),
        ('node discover --catalogue -c site', 0, 'RegionOne\n'),
        (
            'queue alpha beta -c Name -c Result',
            0,
            'alpha already cached\nbeta queued\n',
        ),
        ('site list -c Nodes -c Entries -c Size', 0, '1 1 1000\n'),
        ('sync alpha beta --check -c Name -c Action', 3, 'beta queue\n'),
    ],
)
def test_a_program_does_what_is_done_in_this_process(
    program: OpenStack,
    openstack: OpenStack,
    images: Images,
    cache: Cache,
    command: str,
    code: int,
    out: str,
) -> None:
    """The tests of transcripts run the other commands as programs."""
    alpha = images('alpha')
    images('beta')

    for run in (program, openstack):
        cache.clear()
        cache.fill(alpha)

        result = run('image', 'cache', *command.split(), '-f', 'value')

        assert result == Result(code, out, '')
        # Deleting an image during its fill ends all fills of a node.
        cache.settle()


def test_a_program_deletes_from_a_store(
    program: OpenStack, images: Images, glance: Glance
) -> None:
    image = images('alpha')
    glance.copy(image, 'cheap')

    done = program('image', 'delete', '--store', 'fast', 'alpha')
    again = program('image', 'delete', '--store', 'fast', 'alpha')

    assert done == Result(0, '', '')
    assert again == Result(
        1,
        '',
        f"Cannot delete image alpha ({image}) from store 'fast': The image is "
        "not stored in 'fast'. It is stored in: cheap.\n"
        "Failed to delete 1 of 1 images from store 'fast'.\n",
    )
    assert glance.stores(image) == {'cheap'}


def test_standard_output_that_is_closed_is_reported(
    environment: Callable[[str], dict[str, str]],
    images: Images,
    cache: Cache,
    tmp_path: pathlib.Path,
) -> None:
    """No request is sent that would change something."""
    images('alpha')

    results = [
        run_program(
            *('sh', '-c', '"$0" image cache "$@" >&-', OPENSTACK, *argv),
            environment=environment('admin'),
            folder=tmp_path,
        )
        for argv in (
            ('queue', 'alpha'),
            ('metrics',),
            ('metrics', '--output', 'metrics'),
        )
    ]

    told = "Standard output is closed. To print nothing, use '>/dev/null'.\n"
    assert results == [*[Result(2, '', told)] * 2, Result(0, '', '')]
    assert cache.listed() == (set(), set())
    assert (tmp_path / 'metrics').exists()


#: Runs `openstack`, and says at the end what it has loaded.
SAY_WHAT_IS_LOADED = """
import sys
from openstackclient import shell
try:
    shell.main(sys.argv[1:])
finally:
    print(*sys.modules, file=sys.stderr)
"""


def loaded_by(*argv: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    done = run_program(sys.executable, '-c', SAY_WHAT_IS_LOADED, *argv)
    assert done.code == 0, done.err
    return set(done.err.split())


def test_help_loads_nothing_that_it_does_not_need() -> None:
    """Loading glanceclient, or rich, takes a noticeable time.

    OpenStackClient itself may load rich, for its interactive mode.
    """
    ours = loaded_by('image', 'cache', 'list', '--help')
    theirs = loaded_by('image', 'list', '--help')

    assert 'glance_cache_osc.v2.image_cache_list' in ours
    assert not {one for one in ours if one.startswith('glanceclient')}
    assert not {one for one in ours - theirs if one.startswith('rich')}
