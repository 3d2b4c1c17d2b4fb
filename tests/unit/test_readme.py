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
    minors = re.findall(r'engine-py3(\d+)', tox['tox']['env_list'])
    tested = [f'3.{minor}' for minor in minors]
    # Each of these uses the first one that is installed.
    for name in ('functional', 'unit', 'minimum'):
        first, *_ = tox[f'testenv:{name}']['base_python'].split(',')
        tested.append(first.removeprefix('python'))

    assert set(rows()['Python']) <= set(tested)
