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

"""The program `openstack` with the plugin in it."""

import subprocess
import sys

from tests.functional.conftest import OpenStack

COMMANDS = (
    'clean',
    'clear',
    'coverage',
    'delete',
    'list',
    'node list',
    'prune',
    'queue',
)


def test_help_lists_the_commands(openstack: OpenStack) -> None:
    result = openstack('image', 'cache', '--help')

    assert result.code == 0
    for command in COMMANDS:
        assert f'  image cache {command}\n' in result.out


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
    done = subprocess.run(
        [sys.executable, '-c', SAY_WHAT_IS_LOADED, *argv],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


def test_help_loads_nothing_that_it_does_not_need() -> None:
    """Loading glanceclient, or rich, takes a noticeable time.

    OpenStackClient itself may load rich, for its interactive mode.
    """
    ours = loaded_by('image', 'cache', 'list', '--help')
    theirs = loaded_by('image', 'list', '--help')

    assert 'glance_cache_osc.v2.image_cache_list' in ours
    assert not {one for one in ours if one.startswith('glanceclient')}
    assert not {one for one in ours - theirs if one.startswith('rich')}
