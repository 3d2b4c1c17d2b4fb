# SPDX-License-Identifier: Apache-2.0

"""Build and test an sdist and a wheel: `python -m tests.dist [--demo]`.

They are built from a copy of this checkout, which itself does not change. In an
empty environment, the wheel must install an ``openstack`` with the commands,
and the schema of their output. With ``--demo``, the complete demo runs in this
environment. Then the sdist must install there in place of the wheel.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tarfile
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
_CHECKOUT = pathlib.Path(__file__).parents[2]
#: Works without a user name in the configuration of git.
_GIT = (
    *('git', '-c', 'user.name=tests.dist', '-c', 'user.email=dist@example'),
    *('-c', 'commit.gpgsign=false', '-c', 'core.hooksPath=/dev/null'),
)
_SCHEMA = (
    'from importlib import resources;'
    'print(resources.files("glance_cache_osc")'
    '.joinpath("output.schema.json").read_text())'
)


def main(*, demo: bool) -> None:
    """Build and test the packages; raises an error if one fails."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, 'copy')
        _export(copy)
        dist = pathlib.Path(folder, 'dist')
        _run(sys.executable, '-m', 'build', '--outdir', dist, copy)
        _test(dist, demo=demo)


def _export(folder: pathlib.Path) -> None:
    """Copy the tracked files, with local changes, to a new repository.

    pbr gets the files of an sdist, and the version, from git.
    """
    # A commit without a branch; empty if there are no local changes.
    changed = _run(*_GIT, '-C', _CHECKOUT, 'stash', 'create').strip()
    archive = folder.with_suffix('.tar')
    _run(
        *(*_GIT, '-C', _CHECKOUT, 'archive', '--output', archive),
        changed or 'HEAD',
    )
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter='data')
    for command in (
        ('init', '--quiet'),
        ('add', '--all', '--force'),
        ('commit', '--quiet', '--message', 'Current state'),
    ):
        _run(*_GIT, '-C', folder, *command)


def _test(folder: pathlib.Path, *, demo: bool) -> None:
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
    print(f'{wheel.name} and {sdist.name} install the commands.')


def _has_the_commands(programs: pathlib.Path) -> None:
    shown = _run(programs / 'openstack', 'image', 'cache', '--help')
    for command in _COMMANDS:
        if f'  image cache {command}\n' not in shown:
            sys.exit(f'openstack lacks "image cache {command}":\n{shown}')


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
    main(demo=parser.parse_args().demo)
