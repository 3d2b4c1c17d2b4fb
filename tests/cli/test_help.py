# SPDX-License-Identifier: Apache-2.0

"""Help texts, and what a shell completes."""

import argparse
from importlib import metadata
import re
from typing import Any
from unittest import mock

from cliff import lister
from cliff.command import Command
import pytest

from glance_cache_osc.verifying import checks
from tests.cli.conftest import OpenStack

COMMANDS = sorted(
    (
        one
        for one in metadata.entry_points(group='openstack.image.v2')
        if one.value.startswith('glance_cache_osc.')
    ),
    key=lambda one: one.name,
)


#: Other words of help texts are not in capitals.
ABBREVIATIONS = {
    *('API', 'COLUMN', 'CSV', 'DNS', 'GB', 'HTML', 'ID', 'IDs'),
    *('JSON', 'MB', 'URL'),
}


def words_of(entry_point: metadata.EntryPoint) -> str:
    return entry_point.name.replace('_', ' ')


def own_options(entry_point: metadata.EntryPoint) -> list[argparse.Action]:
    """The options and arguments of a command that cliff has not."""
    command = entry_point.load()
    app: Any = mock.Mock()
    parser = command(app, None).get_parser(words_of(entry_point))
    kind = lister.Lister if issubclass(command, lister.Lister) else Command
    plain = kind.get_parser(command(app, None), '')
    theirs = {one.dest for one in plain._actions}
    return [one for one in parser._actions if one.dest not in theirs]


@pytest.mark.parametrize('entry_point', COMMANDS, ids=words_of)
def test_help_says_what_a_command_does_and_shows_one(
    openstack: OpenStack, entry_point: metadata.EntryPoint
) -> None:
    words = words_of(entry_point)

    result = openstack('help', *words.split())

    assert (result.code, result.err) == (0, '')
    usage, description, *rest = result.out.split('\n\n')
    text = ' '.join([description, *rest])
    capitals = set(re.findall(r'(?<![\w<])[A-Z]{2}\w*', text))
    assert {one for one in capitals if '_' not in one} <= ABBREVIATIONS
    assert not re.search(r'\b(glance|keystone)(?![-\w]|\.\w)', text)
    assert usage.startswith(f'usage: openstack {words} ')
    sentence = ' '.join(description.split())
    assert re.match(r'[A-Z][^.]{10,110}\. ?', sentence), sentence
    *__, example_of, example, provider = rest
    assert example_of.endswith((':', '?'))
    assert example.startswith(f'    openstack {words} ')
    assert provider == (
        'This command is provided by the glance-cache-osc plugin.\n'
    )


@pytest.mark.parametrize('entry_point', COMMANDS, ids=words_of)
def test_each_option_says_what_it_takes(
    entry_point: metadata.EntryPoint,
) -> None:
    options = own_options(entry_point)

    of_nodes = {'node', 'site', 'exclude_node', 'all_nodes'}
    of_nodes.add('allow_unreachable')
    found = {one.dest for one in options}
    # What is discovered is no node yet.
    selected = set() if entry_point.name.endswith('discover') else of_nodes
    assert found & of_nodes == selected
    assert 'node_timeout' in found
    for one in options:
        assert one.help
        assert one.help[0].isupper(), one.dest
        assert not one.help.endswith('.'), one.dest
        if one.metavar is not None:
            assert re.fullmatch(r'<[a-z=-]+>', str(one.metavar)), one.dest
        if one.type is not None and one.option_strings:
            text = one.help
            assert one.metavar, one.dest
            assert re.search(
                r'[Ss]econds|at most|bytes|such as|this (tag|property|region)',
                text,
            ), one.dest
            if one.metavar in ('<seconds>', '<number>'):
                assert 'default: ' in text, one.dest


def test_a_shell_completes_commands_and_options(openstack: OpenStack) -> None:
    result = openstack('complete')

    assert result.code == 0
    lines = dict(
        line.strip().split('=', 1)
        for line in result.out.splitlines()
        if line.strip().startswith('cmds')
    )
    assert 'cache' in lines['cmds_image'].strip("'").split()
    completed = lines['cmds_image_cache'].strip("'").split()
    assert set(completed) == {words_of(one).split()[2] for one in COMMANDS}
    of_nodes = lines['cmds_image_cache_node'].strip("'").split()
    assert sorted(of_nodes) == ['check', 'discover', 'list']
    queue = lines['cmds_image_cache_queue'].strip("'").split()
    assert {'--wait', '--max-downloads', '--node', '--tag'} <= set(queue)


def test_the_help_names_all_checks(openstack: OpenStack) -> None:
    result = openstack('help', 'image', 'cache', 'node', 'check')

    text = ' '.join(result.out.split())
    __, __, listed = text.partition('The checks are: ')
    listed = listed.partition('.')[0].replace(' (with --probe-size)', '')
    assert listed.split(', ') == [one.value for one in checks.Name]


@pytest.mark.parametrize(
    ('command', 'expected'),
    [
        ('list', '--cached together with --queued selects both.'),
        (
            'coverage',
            'cached or queued on at least one node; globs do not match',
        ),
        ('sync', 'exit code is 3 if changes are pending, and 1 if a node did'),
        ('metrics', 'instead of standard output. The file is replaced only'),
        ('watch', '--policy image-sites.yaml'),
        ('clean', 'Clean the caches of all nodes:'),
        ('queue', "a glob on names, with '*' and '?', a URL"),
    ],
)
def test_what_the_help_says(
    openstack: OpenStack, command: str, expected: str
) -> None:
    result = openstack('help', 'image', 'cache', command)

    assert expected in ' '.join(result.out.split())


def test_verify_has_no_filter_for_queued_entries(openstack: OpenStack) -> None:
    result = openstack('help', 'image', 'cache', 'verify')

    assert '--cached' in result.out
    assert '--queued' not in result.out
