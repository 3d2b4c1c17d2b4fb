# SPDX-License-Identifier: Apache-2.0

"""The README names only what a test runs."""

import configparser
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
#: The constraints of environments that `make test` runs, or needs.
CONSTRAINTS = ('cloud', 'minimum', 'test', 'xena', 'yoga')


def rows() -> dict[str, list[str]]:
    """What the README's table names, and the releases of it."""
    text = (ROOT / 'README.rst').read_text(encoding='utf-8')
    __, __, table = text.partition('\nServers and clients ')
    body = table.split('\n=====')[1].splitlines()[1:]
    return {
        name: re.findall(r'\d+(?:\.\d+)+', releases)
        for name, releases in (line.split(maxsplit=1) for line in body)
    }


def test_the_readme_has_a_table() -> None:
    assert set(rows()) == {
        'Glance',
        'keystone',
        'python-openstackclient',
        'python-glanceclient',
        'Python',
    }
    assert all(rows().values())


@pytest.mark.parametrize('name', [one for one in rows() if one != 'Python'])
def test_the_releases_are_those_that_are_installed(name: str) -> None:
    pinned = {
        match[1]
        for constraints in CONSTRAINTS
        for match in re.finditer(
            rf'^{name}==([^ ;\n]+)',
            (ROOT / f'constraints/{constraints}.txt').read_text(
                encoding='utf-8'
            ),
            re.MULTILINE | re.IGNORECASE,
        )
    }

    assert set(rows()[name]) <= pinned


def test_the_constraints_are_those_of_tox() -> None:
    text = (ROOT / 'tox.ini').read_text(encoding='utf-8')

    assert set(re.findall(r'-c constraints/(\w+)\.txt', text)) == set(
        CONSTRAINTS
    )


def test_every_python_has_an_environment() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / 'tox.ini', encoding='utf-8')
    (minors,) = re.findall(r'engine-py3\{([\d,]+)\}', tox['tox']['env_list'])
    tested = [f'3.{minor}' for minor in minors.split(',')] + [
        tox[f'testenv:{name}']['base_python']
        .split(',')[0]
        .removeprefix('python')
        for name in ('unit', 'minimum')
    ]

    assert set(rows()['Python']) <= set(tested)


#: What the README promises, and a test that holds it.
PROMISES = {
    'Names and filters': (
        'cli/test_list.py',
        'test_narrowing',
    ),
    'Fleets': (
        'functional/test_fleet.py',
        'test_all_that_is_in_the_caches_that_answer',
    ),
    'Waiting': (
        'functional/test_waiting_fleet.py',
        'test_no_more_downloads_than_allowed_and_hardly_any_time_lost',
    ),
    'Declared sets': (
        'functional/test_waiting.py',
        'test_sync_twice_and_a_check_before_between_and_after',
    ),
    'Verification': ('functional/test_verify.py', 'test_damage_is_found'),
    'Coverage': (
        'functional/test_fleet.py',
        'test_on_how_many_nodes_images_are',
    ),
    'Orphans': ('functional/test_delete.py', 'test_all_orphans'),
    'Failures': (
        'functional/test_delete.py',
        'test_every_failure_is_told_and_the_rest_is_done',
    ),
    'Safe store deletion': (
        'functional/test_image_delete.py',
        'test_the_other_copy_stays_and_downloads',
    ),
    'Values for scripts': ('cli/test_schema.py', 'test_every_command_has_one'),
    'Old nodes': (
        'functional/releases/test_matrix.py',
        'test_the_manual_says_what_happens',
    ),
}


def test_every_promise_has_a_test() -> None:
    text = (ROOT / 'README.rst').read_text(encoding='utf-8')
    __, __, table = text.partition('\nFeature ')
    body = table.split('\n=====')[1].splitlines()[1:]
    promises = [line[:24].strip() for line in body if line[0] != ' ']

    assert promises == list(PROMISES)
    for file, test in PROMISES.values():
        code = (ROOT / 'tests' / file).read_text(encoding='utf-8')
        assert f'\ndef {test}(' in code, test
