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

"""The floor plan holds, and everything is where it says it is."""

import argparse
import ast
from collections.abc import Iterator
import configparser
import importlib
from importlib import metadata
import pathlib
import re
import subprocess
import sys
from typing import Any

from cliff import hooks
from cliff import lister
import pytest

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = ROOT / 'glance_cache_osc'
FILES = sorted(PACKAGE.rglob('*.py'))
LICENCE = """\
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
"""

#: The floors, the topmost first; a file may import from its own floor and
#: from those below.
FLOORS = (
    {'v2'},
    {
        'background',
        'catalogue',
        'cloud',
        'coverage',
        'fills',
        'fleet',
        'images',
        'parallel',
        'plan',
        'progress',
        'report',
        'selection',
        'stores',
        'turns',
        'waiting',
        'watching',
    },
    {'node'},
    {'drivers'},
    {'columns', 'entries', 'errors', 'i18n', 'pauses'},
)

#: What says "Pure." of itself: it reads nothing but its arguments.
PURE = {'coverage', 'entries', 'images', 'plan', 'selection'}
#: Modules of Python's own that read something else, or change it.
IMPURE = {
    'io',
    'os',
    'pathlib',
    'random',
    'socket',
    'sys',
    'threading',
    'time',
}

#: What a requirement is imported as.
IMPORTED_AS = {
    'cliff': 'cliff',
    'keystoneauth1': 'keystoneauth1',
    'openstacksdk': 'openstack',
    'osc-lib': 'osc_lib',
    'oslo.i18n': 'oslo_i18n',
    'oslo.utils': 'oslo_utils',
    'python-glanceclient': 'glanceclient',
    'requests': 'requests',
    'rich': 'rich',
    'urllib3': 'urllib3',
}
#: Requirements that are not imported, and what they are for.
NOT_IMPORTED = {
    'python-openstackclient': "brings the program 'openstack'",
}

#: Files longer than that, and why.
LONGEST = 300
LONG_FILES: dict[str, str] = {}


def module_of(path: pathlib.Path) -> str:
    """The name of a file's module: 'glance_cache_osc.drivers.http'."""
    parts = path.relative_to(ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


MODULES = [module_of(path) for path in FILES]


def imports_of(path: pathlib.Path) -> Iterator[str]:
    """All modules that a file imports, wherever in it that stands.

    From `from a import b` come 'a' and 'a.b': b may be either.
    """
    for found in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(found, ast.Import):
            yield from (one.name for one in found.names)
        elif isinstance(found, ast.ImportFrom):
            assert found.level == 0, f'{path} imports relatively'
            assert found.module
            yield found.module
            yield from (f'{found.module}.{one.name}' for one in found.names)


def room_of(module: str) -> str:
    """The part of the house: 'drivers' of 'glance_cache_osc.drivers.http'."""
    return [*module.split('.'), ''][1]


def floor_of(room: str) -> int:
    """How far down a room is; the topmost floor is 0."""
    found = [at for at, floor in enumerate(FLOORS) if room in floor]
    assert found, f"'{room}' has no floor: give it one in FLOORS"
    return found[0]


@pytest.mark.parametrize('path', FILES, ids=module_of)
def test_imports_point_down_only(path: pathlib.Path) -> None:
    room = room_of(module_of(path))
    if not room:
        assert not list(imports_of(path))
        return
    upwards = {
        module
        for module in imports_of(path)
        if module.startswith('glance_cache_osc.')
        and floor_of(room_of(module)) < floor_of(room)
    }

    assert upwards == set()


def test_no_two_files_import_each_other() -> None:
    """Not even in a circle: any file is understood from below."""
    above: dict[str, set[str]] = {
        module_of(path): set(imports_of(path)) & set(MODULES) for path in FILES
    }
    while above:
        ground = [
            one for one, below in above.items() if not below & set(above)
        ]
        assert ground, f'in a circle: {sorted(above)}'
        for one in ground:
            del above[one]


def test_pure_is_what_says_so() -> None:
    assert {
        room_of(module_of(path))
        for path in FILES
        if (
            ast.get_docstring(ast.parse(path.read_text(encoding='utf-8')))
            or ''
        ).endswith(' Pure.')
    } == PURE


@pytest.mark.parametrize('room', sorted(PURE))
def test_what_is_pure_stands_on_what_is_pure(room: str) -> None:
    imported = set(imports_of(PACKAGE / f'{room}.py'))
    tops = {one.split('.')[0] for one in imported} - {'glance_cache_osc'}

    assert tops <= set(sys.stdlib_module_names) - IMPURE
    assert {room_of(one) for one in imported & set(MODULES)} - {''} <= PURE


@pytest.mark.parametrize('path', FILES, ids=module_of)
def test_nobody_imports_openstackclient(path: pathlib.Path) -> None:
    assert not [
        one
        for one in imports_of(path)
        if one.split('.')[0] == 'openstackclient'
    ]


@pytest.mark.parametrize('path', FILES, ids=module_of)
def test_modules_are_imported_and_not_what_is_in_them(
    path: pathlib.Path,
) -> None:
    """Types, and '_', are the exceptions that OpenStack makes."""
    bare = {'typing', 'collections.abc', 'glance_cache_osc.i18n'}
    found = [
        f'from {one.module} import {name.name}'
        for one in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
        if isinstance(one, ast.ImportFrom) and one.module not in bare
        for name in one.names
        if name.name[0].isupper() or len(one.names) > 1
    ]

    assert found == []


def test_importing_everything_loads_nothing_slow() -> None:
    program = (
        'import importlib, sys\n'
        f'for name in {MODULES!r}:\n'
        '    importlib.import_module(name)\n'
        'tops = {name.partition(".")[0] for name in sys.modules}\n'
        'print(sorted(tops & {"glanceclient", "openstackclient", "rich"}))\n'
    )

    done = subprocess.run(
        [sys.executable, '-c', program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, '[]\n'), done.stderr


def entry_points() -> dict[str, dict[str, str]]:
    """The entry points of each group, as setup.cfg has them."""
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg', encoding='utf-8')
    groups = {}
    for group, text in config['entry_points'].items():
        pairs = (line.split('=') for line in text.strip().splitlines())
        groups[group] = {
            name.strip(): target.strip() for name, target in pairs
        }
    return groups


ENTRY_POINTS = entry_points()
COMMANDS = ENTRY_POINTS['openstack.image.v2']


def load(name: str) -> Any:
    """The class of a command."""
    module, __, attribute = COMMANDS[name].partition(':')
    return getattr(importlib.import_module(module), attribute)


@pytest.fixture
def parser(request: pytest.FixtureRequest) -> argparse.ArgumentParser:
    """The parser of a command."""
    kind = load(request.param)
    words = f'openstack {request.param.replace("_", " ")}'
    made: argparse.ArgumentParser = kind(None, None).get_parser(words)
    return made


def test_every_command_is_an_entry_point() -> None:
    """A class that nobody can call, or a name that is installed as another."""
    classes = {
        f'{module_of(path)}:{found.name}'
        for path in (PACKAGE / 'v2').glob('*.py')
        for found in ast.parse(path.read_text(encoding='utf-8')).body
        if isinstance(found, ast.ClassDef)
        and path.name.startswith('image_')
        and not found.name.startswith('_')
    }

    assert classes == {
        target for group in ENTRY_POINTS.values() for target in group.values()
    }


def test_what_is_installed_is_what_setup_cfg_says() -> None:
    """If this fails, install the checkout again: pip install -e ."""
    installed = metadata.distribution('glance-cache-osc')
    groups: dict[str, dict[str, str]] = {}
    for one in installed.entry_points:
        groups.setdefault(one.group, {})[one.name] = one.value

    assert groups == ENTRY_POINTS


def test_every_other_entry_point_is_a_hook_of_a_command() -> None:
    """Cliff loads them by the command's name: 'openstack.cli.image_delete'."""
    others = {
        target
        for group, points in ENTRY_POINTS.items()
        if group != 'openstack.image.v2'
        for target in points.values()
    }

    assert 'openstack.cli.image_delete' in ENTRY_POINTS
    for module, __, name in (target.partition(':') for target in others):
        hook = getattr(importlib.import_module(module), name)
        assert issubclass(hook, hooks.CommandHook)


@pytest.mark.parametrize('name', COMMANDS)
def test_a_command_is_a_lister_that_explains_itself(name: str) -> None:
    kind = load(name)
    command = kind(None, None)

    assert issubclass(kind, lister.Lister)
    assert kind.__doc__
    assert command.get_description().endswith('.')
    assert '_' not in command.get_description()
    epilog = command.get_epilog()
    assert f'\n\n    openstack {name.replace("_", " ")} ' in epilog


@pytest.mark.parametrize('parser', COMMANDS, indirect=True, ids=list(COMMANDS))
def test_every_option_has_help(parser: argparse.ArgumentParser) -> None:
    without = [
        action.option_strings or action.dest
        for action in parser._actions
        if not action.help
    ]

    assert without == []


@pytest.mark.parametrize('parser', COMMANDS, indirect=True, ids=list(COMMANDS))
def test_every_value_is_named_in_angle_brackets(
    parser: argparse.ArgumentParser,
) -> None:
    """As in all of OpenStackClient; cliff's own options are as they are."""
    plain = [
        action.dest
        for group in parser._action_groups
        if not (group.title or '').endswith(('formatter', 'formatters'))
        for action in group._group_actions
        if action.nargs != 0
        and action.choices is None
        and not re.fullmatch('<[a-z=]+>', str(action.metavar))
    ]

    assert plain in ([], ['sort_columns'])


def requirements() -> list[str]:
    """The distributions that requirements.txt names."""
    lines = (ROOT / 'requirements.txt').read_text(encoding='utf-8')
    found = re.findall(r'^([A-Za-z0-9._-]+)', lines, re.MULTILINE)
    assert found
    return found


@pytest.mark.parametrize('distribution', requirements())
def test_every_requirement_is_used(distribution: str) -> None:
    if distribution in NOT_IMPORTED:
        return
    top = IMPORTED_AS[distribution]

    assert [
        path.name
        for path in FILES
        if any(one.split('.')[0] == top for one in imports_of(path))
    ]


def test_everything_that_is_imported_is_required() -> None:
    """What another distribution happens to bring may go away with it."""
    imported = {
        one.split('.')[0] for path in FILES for one in imports_of(path)
    }
    required = {IMPORTED_AS.get(one, '') for one in requirements()}

    assert (
        imported - set(sys.stdlib_module_names) - {'glance_cache_osc'}
        <= required
    )


@pytest.mark.parametrize('path', FILES, ids=module_of)
def test_a_file_has_its_licence_and_says_what_it_is(
    path: pathlib.Path,
) -> None:
    text = path.read_text(encoding='utf-8')

    assert text.startswith(LICENCE)
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize('path', FILES, ids=module_of)
def test_no_file_is_too_long_to_read(path: pathlib.Path) -> None:
    lines = len(path.read_text(encoding='utf-8').splitlines())

    assert lines <= LONGEST or path.name in LONG_FILES


def test_no_file_is_excused_that_is_short() -> None:
    names = {
        path.name
        for path in FILES
        if len(path.read_text(encoding='utf-8').splitlines()) > LONGEST
    }

    assert set(LONG_FILES) <= names


def test_every_test_is_run() -> None:
    """Whoever adds a folder with tests tells tox of it."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / 'tox.ini', encoding='utf-8')
    run = {
        folder
        for name in ('unit', 'cli', 'functional')
        for folder in re.findall(
            r'tests/(\w+)', tox[f'testenv:{name}']['commands']
        )
    }
    there = {
        path.relative_to(ROOT / 'tests').parts[0]
        for path in (ROOT / 'tests').rglob('test_*.py')
    }

    assert there == run
