# SPDX-License-Identifier: Apache-2.0

"""Build and test an sdist and a wheel: `python -m tests.dist [--demo]`.

They are built from a copy of this checkout, which itself does not change. In an
empty environment, uv must install an ``openstack`` with the commands, and the
schema of their output, from the wheel. Then pip must install the sdist there in
place of the wheel. With ``--demo``, this is done for each supported Python of
this machine, with the newest dependencies, and for the oldest Python with the
oldest dependencies as well. The complete demo runs in each of these
environments.
"""

import argparse
from collections.abc import Iterator
import json
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

_COMMANDS = (
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
_PYTHONS = ('python3.11', 'python3.12', 'python3.13', 'python3.14')
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
        _run(
            *(sys.executable, '-m', 'build', '--installer', 'uv'),
            *('--outdir', dist, copy),
        )
        (sdist,) = dist.glob('*.tar.gz')
        (wheel,) = dist.glob('*.whl')
        _run(sys.executable, '-m', 'twine', 'check', '--strict', sdist, wheel)
        environments = _environments() if demo else [(sys.executable, ())]
        for python, constraints in environments:
            _test(wheel, sdist, python, constraints, demo=demo)


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


def _environments() -> Iterator[tuple[str, tuple[object, ...]]]:
    """Each Python of this machine, and the arguments of uv for it."""
    for python in _PYTHONS:
        # A program of pyenv exists even if its version is not selected.
        works = shutil.which(python) and not subprocess.call(
            [python, '--version'], stdout=subprocess.DEVNULL
        )
        if not works:
            print(f'{python}: not found on this machine.')
            continue
        yield python, ()
        if python == _PYTHONS[0]:
            yield python, ('-c', _CHECKOUT / 'constraints/minimum.txt')


def _test(
    wheel: pathlib.Path,
    sdist: pathlib.Path,
    python: str,
    constraints: tuple[object, ...],
    *,
    demo: bool,
) -> None:
    with tempfile.TemporaryDirectory() as empty:
        uv = (sys.executable, '-m', 'uv')
        programs = pathlib.Path(empty, 'bin')
        quiet = ('--quiet', '--python')
        _run(*uv, 'venv', '--seed', '--clear', *quiet, python, empty)
        _run(*uv, 'pip', 'install', *quiet, empty, wheel, *constraints)
        _has_the_commands(programs)
        json.loads(_run(programs / 'python', '-I', '-c', _SCHEMA))
        if demo:
            print(_run(programs / 'python', '-m', 'tests.demo'))
        _run(
            *(programs / 'python', '-m', 'pip', 'install', '--quiet'),
            *('--no-compile', '--no-deps', '--force-reinstall', sdist),
        )
        _has_the_commands(programs)
    age = 'oldest' if constraints else 'newest'
    print(
        f'{wheel.name} and {sdist.name} install the commands: '
        f'{pathlib.Path(python).name}, {age} dependencies.'
    )


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
