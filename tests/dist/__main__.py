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

"""Try an sdist and a wheel: `python -m tests.dist [--demo] FOLDER`.

The folder holds one of each, as ``python -m build`` makes them. The wheel
has to bring an ``openstack`` that has the commands, and the schema of what
they print, into an environment that had nothing; with ``--demo`` the whole
demo is run from there. The sdist has to install there in its place.
"""

import argparse
import json
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
    'sync',
)
_SCHEMA = (
    'from importlib import resources;'
    'print(resources.files("glance_cache_osc")'
    '.joinpath("output.schema.json").read_text())'
)


def main(folder: pathlib.Path, *, demo: bool) -> None:
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
        json.loads(_run(programs / 'python', '-I', '-c', _SCHEMA))
        if demo:
            print(_run(programs / 'python', '-m', 'tests.demo'))
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
    parser = argparse.ArgumentParser('python -m tests.dist')
    parser.add_argument('--demo', action='store_true')
    parser.add_argument('folder', type=pathlib.Path)
    options = parser.parse_args()
    main(options.folder, demo=options.demo)
