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

"""Try an sdist and a wheel: `python -m tests.dist FOLDER`.

The folder holds one of each, as ``python -m build`` makes them. The wheel
has to bring an ``openstack`` that has the commands, into an environment
that had nothing; the sdist has to install there in its place.
"""

import pathlib
import subprocess
import sys
import tempfile
import venv

_COMMANDS = (
    'clean',
    'clear',
    'coverage',
    'delete',
    'list',
    'node list',
    'prune',
    'queue',
)


def main(folder: pathlib.Path) -> None:
    """Try what is in a folder; raises if it does not hold."""
    (sdist,) = folder.glob('*.tar.gz')
    (wheel,) = folder.glob('*.whl')
    _run(sys.executable, '-m', 'twine', 'check', '--strict', sdist, wheel)
    with tempfile.TemporaryDirectory() as empty:
        venv.create(empty, with_pip=True)
        programs = pathlib.Path(empty, 'bin')
        pip = (programs / 'python', '-m', 'pip', 'install', '--quiet')
        _run(*pip, wheel)
        _has_the_commands(programs)
        _run(*pip, '--no-deps', '--force-reinstall', sdist)
        _has_the_commands(programs)
    print(f'{wheel.name} and {sdist.name} install and bring the commands.')


def _has_the_commands(programs: pathlib.Path) -> None:
    shown = _run(programs / 'openstack', 'image', 'cache', '--help')
    for command in _COMMANDS:
        if f'  image cache {command}\n' not in shown:
            sys.exit(f'openstack has no "image cache {command}":\n{shown}')


def _run(*command: object) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


if __name__ == '__main__':
    main(pathlib.Path(sys.argv[1]))
