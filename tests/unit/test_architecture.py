# SPDX-License-Identifier: Apache-2.0

"""The layout of the package: imports point down, and each file keeps to its job."""

import argparse
import ast
from collections.abc import Iterator
import configparser
import functools
import importlib
from importlib import metadata
import pathlib
import re
import sys
from typing import Any

from cliff import hooks
from cliff import lister
import pytest

from tests.shell import run_program

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = ROOT / 'glance_cache_osc'
FILES = sorted(PACKAGE.rglob('*.py'))
LICENCE = '# SPDX-License-Identifier: Apache-2.0\n\n"""'

#: The layers, the topmost first; a file may import from its own layer and
#: from those below. What is not a folder is one file.
LAYERS = (
    {'v2'},
    {'command'},
    {'monitoring'},
    {'filling'},
    {'verifying'},
    {'fleet'},
    {'policy'},
    {'cloud'},
    {'drivers'},
    {'transport'},
    {'columns', 'report'},
    {'model'},
    {'errors', 'i18n'},
)

#: The layer that reads nothing but its arguments, and what it may import
#: besides its own modules and those of Python.
PURE = 'model'
BELOW_PURE = {'glance_cache_osc.errors', 'glance_cache_osc.i18n'}
#: Modules of Python's own that read something else, or change it.
IMPURE = {
    *('asyncio', 'concurrent', 'io', 'logging', 'multiprocessing', 'os'),
    *('pathlib', 'random', 'select', 'signal', 'socket', 'subprocess', 'sys'),
    *('tempfile', 'threading', 'time'),
}
#: Names that read a clock or a file, whatever they belong to.
READS = {'now', 'open', 'print', 'today', 'utcnow'}

#: Private names of dependencies that are used, and why.
PRIVATE_NAMES = {
    # Types of what an option is added to; they have no other names, and
    # stand in annotations alone.
    'argparse._ActionsContainer',
    'argparse._MutuallyExclusiveGroup',
}
#: Private names that classes here override, and why.
OVERRIDDEN = {
    # The documented way to describe a command of cliff.
    '_description',
    '_epilog',
    # The only way to keep the paragraphs of an epilog.
    '_fill_text',
}

#: What a requirement is imported as.
IMPORTED_AS = {
    'ClusterShell': 'ClusterShell',
    'cliff': 'cliff',
    'Jinja2': 'jinja2',
    'idna': 'idna',
    'keystoneauth1': 'keystoneauth1',
    'openstacksdk': 'openstack',
    'osc-lib': 'osc_lib',
    'prometheus-client': 'prometheus_client',
    'oslo.i18n': 'oslo_i18n',
    'oslo.utils': 'oslo_utils',
    'pycurl': 'pycurl',
    'python-glanceclient': 'glanceclient',
    'PyYAML': 'yaml',
    'requests': 'requests',
    'rich': 'rich',
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


@functools.cache
def tree_of(path: pathlib.Path) -> ast.Module:
    """A file, parsed."""
    return ast.parse(path.read_text(encoding='utf-8'))


@functools.cache
def imports_of(path: pathlib.Path) -> frozenset[str]:
    """All modules that a file imports, wherever in it that stands.

    From `from a import b` come 'a' and 'a.b': b may be either.
    """
    return frozenset(_imports_of(path))


def _imports_of(path: pathlib.Path) -> Iterator[str]:
    for found in ast.walk(tree_of(path)):
        if isinstance(found, ast.Import):
            yield from (one.name for one in found.names)
        elif isinstance(found, ast.ImportFrom):
            assert found.level == 0, f'{path} imports relatively'
            assert found.module
            yield found.module
            yield from (f'{found.module}.{one.name}' for one in found.names)


def folder_of(module: str) -> str:
    """The part of the package: 'drivers' of 'glance_cache_osc.drivers.http'."""
    return [*module.split('.'), ''][1]


def layer_of(folder: str) -> int:
    """How far down a folder is; the topmost layer is 0."""
    found = [at for at, layer in enumerate(LAYERS) if folder in layer]
    assert found, f"'{folder}' has no layer: give it one in LAYERS"
    return found[0]


@pytest.mark.parametrize('path', FILES, ids=module_of)
def test_imports_point_down_only(path: pathlib.Path) -> None:
    folder = folder_of(module_of(path))
    if not folder:
        assert not list(imports_of(path))
        return
    upwards = {
        module
        for module in imports_of(path)
        if module.startswith('glance_cache_osc.')
        and layer_of(folder_of(module)) < layer_of(folder)
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


def test_the_page_of_the_architecture_names_every_folder() -> None:
    text = (ROOT / 'doc/source/contributor/architecture.rst').read_text(
        encoding='utf-8'
    )

    assert [
        path.name
        for path in PACKAGE.iterdir()
        if (path / '__init__.py').exists() and f'``{path.name}/``' not in text
    ] == []


def says_that_it_is_pure(path: pathlib.Path) -> bool:
    tree = tree_of(path)
    return (ast.get_docstring(tree) or '').endswith(' Pure.')


def test_a_model_says_that_it_is_pure() -> None:
    assert [
        path.name
        for path in (PACKAGE / PURE).glob('[a-z]*.py')
        if not says_that_it_is_pure(path)
    ] == []


PURE_FILES = list(filter(says_that_it_is_pure, FILES))


@pytest.mark.parametrize('path', PURE_FILES, ids=module_of)
def test_a_pure_module_reads_nothing_but_its_arguments(
    path: pathlib.Path,
) -> None:
    tree = tree_of(path)
    imported = set(imports_of(path))
    ours = {one for one in imported if one.startswith('glance_cache_osc')}
    called = {
        getattr(one.func, 'attr', getattr(one.func, 'id', ''))
        for one in ast.walk(tree)
        if isinstance(one, ast.Call)
    }

    assert {one.split('.')[0] for one in imported - ours} <= (
        set(sys.stdlib_module_names) - IMPURE
        | {'ClusterShell', 'idna', 'yaml'}
    )
    assert {
        one for one in ours & set(MODULES) if folder_of(one) not in ('', PURE)
    } <= BELOW_PURE
    assert called & READS == set()


def is_private(name: str) -> bool:
    return name.startswith('_') and not name.endswith('__') and name != '_'


def foreign_names(tree: ast.AST) -> dict[str, str]:
    """What stands for modules of others in a file: {'ksa': 'keystoneauth1'}.

    What is imported out of them counts as well.
    """
    names: dict[str, str] = {}
    for one in ast.walk(tree):
        if isinstance(one, ast.Import):
            for name in one.names:
                if name.asname:
                    names[name.asname] = name.name
                else:
                    top = name.name.split('.')[0]
                    names[top] = top
        elif isinstance(one, ast.ImportFrom):
            for name in one.names:
                names[name.asname or name.name] = f'{one.module}.{name.name}'
    return {
        name: module
        for name, module in names.items()
        if not module.startswith('glance_cache_osc')
    }


def dotted(node: ast.AST) -> str:
    """A chain of names: 'a.b.c'; empty if it is something else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f'{before}.{node.attr}' if before else ''
    return ''


def defined_here() -> set[str]:
    """All private names that the package gives to something of its own."""
    found: set[str] = set()
    for path in FILES:
        for one in ast.walk(tree_of(path)):
            if isinstance(
                one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
            ):
                found.add(one.name)
            elif isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                found.add(one.id)
            elif (
                isinstance(one, ast.Attribute)
                and isinstance(one.ctx, ast.Store)
                and dotted(one.value) == 'self'
            ):
                found.add(one.attr)
    return set(filter(is_private, found))


@pytest.mark.parametrize('path', FILES, ids=module_of)
def test_no_private_module_of_a_dependency_is_imported(
    path: pathlib.Path,
) -> None:
    private = {
        module
        for module in imports_of(path)
        if not module.startswith('glance_cache_osc')
        and any(map(is_private, module.split('.')))
    }

    assert private <= PRIVATE_NAMES


@pytest.mark.parametrize('path', FILES, ids=module_of)
def test_no_private_name_of_a_dependency_is_used(path: pathlib.Path) -> None:
    """A release may change it, and the bounds it keeps, without a word."""
    tree = tree_of(path)
    foreign = foreign_names(tree)
    used = set()
    for one in ast.walk(tree):
        if not isinstance(one, ast.Attribute) or not is_private(one.attr):
            continue
        first, _, rest = dotted(one).partition('.')
        if first in foreign:
            used.add(f'{foreign[first]}.{rest}')
        elif one.attr not in DEFINED_HERE:
            # Of an object that somebody else has made.
            used.add(dotted(one) or one.attr)

    assert used <= PRIVATE_NAMES


DEFINED_HERE = defined_here()


def test_no_private_name_of_a_dependency_is_listed_in_vain() -> None:
    text = ''.join(path.read_text(encoding='utf-8') for path in FILES)

    assert [one for one in PRIVATE_NAMES if one not in text] == []


def overridden() -> dict[str, str]:
    """Private names of others that classes of the package override."""
    found = {}
    for name in MODULES:
        for kind in vars(importlib.import_module(name)).values():
            if not isinstance(kind, type) or kind.__module__ != name:
                continue
            for base in kind.__mro__[1:]:
                if base.__module__.startswith('glance_cache_osc'):
                    continue
                for attribute in set(vars(kind)) & set(vars(base)):
                    if is_private(attribute):
                        found[attribute] = f'{name}.{kind.__name__}'
    return found


def test_no_private_name_of_a_dependency_is_overridden() -> None:
    """Enumerations and generics are Python's own machinery."""
    machinery = {
        *('_abc_impl', '_is_protocol', '_generate_next_value_'),
        *('_member_map_', '_member_names_', '_member_type_', '_missing_'),
        *('_new_member_', '_unhashable_values_', '_use_args_', '_value2'),
        *('_value2member_map_', '_value_repr_', '_hashable_values_'),
        *('_unhashable_values_map_', '_sort_order_'),
    }

    assert set(overridden()) - machinery <= OVERRIDDEN


def test_a_private_name_would_be_found() -> None:
    """Of the ways in which one was once used here."""
    tree = ast.parse(
        'import urllib3\n'
        'from keystoneauth1 import session as ksa\n'
        'def use(session):\n'
        '    session._auth_required\n'
        '    ksa._construct\n'
        '    urllib3.connection._wrap\n'
    )
    foreign = foreign_names(tree)
    found = {
        dotted(one)
        for one in ast.walk(tree)
        if isinstance(one, ast.Attribute) and is_private(one.attr)
    }

    assert foreign == {'urllib3': 'urllib3', 'ksa': 'keystoneauth1.session'}
    assert found == {
        'session._auth_required',
        'ksa._construct',
        'urllib3.connection._wrap',
    }
    assert '_auth_required' not in DEFINED_HERE


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
        for one in ast.walk(tree_of(path))
        if isinstance(one, ast.ImportFrom) and one.module not in bare
        for name in one.names
        if name.name[0].isupper() or len(one.names) > 1
    ]

    assert found == []


#: Modules that are imported when there is something to show.
LATE = {
    'glance_cache_osc.command.watch_display',
    'glance_cache_osc.monitoring.metrics',
    'glance_cache_osc.monitoring.page',
}
#: Without prometheus_client, which openstacksdk imports where it is there.
SLOW = {'glanceclient', 'jinja2', 'openstackclient', 'rich'}


def test_importing_everything_loads_nothing_slow() -> None:
    program = (
        'import importlib, sys\n'
        f'for name in {sorted(set(MODULES) - LATE)!r}:\n'
        '    importlib.import_module(name)\n'
        'tops = {name.partition(".")[0] for name in sys.modules}\n'
        f'print(sorted(tops & {SLOW!r}))\n'
    )

    done = run_program(sys.executable, '-c', program, folder=ROOT)

    assert (done.code, done.out) == (0, '[]\n'), done.err


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
        for found in tree_of(path).body
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


#: Commands that print something else than rows.
VIEWS = {'image_cache_metrics', 'image_cache_report', 'image_cache_watch'}


@pytest.mark.parametrize('name', COMMANDS)
def test_a_command_is_a_lister_that_explains_itself(name: str) -> None:
    kind = load(name)
    command = kind(None, None)

    assert issubclass(kind, lister.Lister) or name in VIEWS
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
    """All folders that contain tests are in tox.ini."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / 'tox.ini', encoding='utf-8')
    run = {
        folder
        for name, key in (('unit', 'tests'), ('functional', 'commands'))
        for folder in re.findall(r'tests/(\w+)', tox[f'testenv:{name}'][key])
    }
    there = {
        path.relative_to(ROOT / 'tests').parts[0]
        for path in (ROOT / 'tests').rglob('test_*.py')
    }

    assert there == run
