# SPDX-License-Identifier: Apache-2.0

"""The manual has all that is printed, and all that can be typed."""

import ast
from collections.abc import Iterator
from importlib import metadata
import itertools
import pathlib
import re

import pytest

from glance_cache_osc.command import verification_report

ROOT = pathlib.Path(__file__).parents[2]
MANUAL = ROOT / 'doc/source'
_PLACE = re.compile(r'%(?:\(\w+\))?[sdg]')


def called(function: ast.expr) -> str:
    """The class of an error that a call makes; '' for other calls."""
    if isinstance(function, ast.Attribute):
        owner = function.value
        if isinstance(owner, ast.Name) and owner.id == 'errors':
            return function.attr
        return ''
    return 'cls' if getattr(function, 'id', '') == 'cls' else ''


def messages() -> Iterator[str]:
    """The reasons of all errors that the code makes, as they are written."""
    for path in (ROOT / 'glance_cache_osc').rglob('*.py'):
        tree = ast.parse(path.read_text(encoding='utf-8'))
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call) or not call.args:
                continue
            inits = path.name == 'errors.py' and (
                getattr(call.func, 'attr', '') == '__init__'
            )
            if called(call.func) or inits:
                yield from texts(call.args[0])


def details() -> Iterator[str]:
    """The first sentences of Details in `image cache node check`."""
    for file in (
        'verifying/checks.py',
        'command/probing.py',
        'v2/image_cache_node_check.py',
    ):
        path = ROOT / 'glance_cache_osc' / file
        for call in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if not isinstance(call, ast.Call) or len(call.args) < 3:
                continue
            name = getattr(call.func, 'id', getattr(call.func, 'attr', ''))
            if name in ('Check', 'add'):
                for text in texts(call.args[2]):
                    yield first_sentence(text)


def warnings() -> Iterator[str]:
    """The first sentences of the warnings, and of remarks after failures."""
    for path in (ROOT / 'glance_cache_osc').rglob('*.py'):
        for call in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if (
                isinstance(call, ast.Call)
                and getattr(call.func, 'attr', '') in ('warning', 'remark')
                and call.args
            ):
                for text in texts(call.args[0]):
                    yield first_sentence(text)


def first_sentence(text: str) -> str:
    return text.partition('. ')[0]


def texts(node: ast.AST) -> Iterator[str]:
    """The translated texts below a node."""
    for one in ast.walk(node):
        if (
            isinstance(one, ast.Call)
            and getattr(one.func, 'id', '') == '_'
            and isinstance(one.args[0], ast.Constant)
        ):
            yield str(one.args[0].value)


def all_texts() -> Iterator[str]:
    """All that the code may say."""
    for path in (ROOT / 'glance_cache_osc').rglob('*.py'):
        yield from texts(ast.parse(path.read_text(encoding='utf-8')))


#: Reasons that are not written where an error is made.
ELSEWHERE = {
    'Interrupted. Operations not done: %d.',
    'The node lists Images API %(version)s, but %(path)s is not found: a '
    'proxy may hide it',
    'The image is no longer cached or queued there',
    'Not cached within %g seconds',
    'Stalled: no newly cached image for %g seconds',
    'expires on %s',
    "'%s' is not a valid policy",
    "'%(file)s' is not a valid policy: line %(line)d, column %(column)d",
    *(why for why, __ in verification_report.MESSAGES.values()),
}
#: Warnings that are not written where they are logged.
LOGGED_ELSEWHERE = {
    "Images stay queued until '%(program)s' runs on %(where)s.",
    'Stalled: no newly cached image on %(node)s for %(seconds)g seconds',
    'The token of this login is sent unencrypted over http to %s: anyone on '
    'the network path can read it. Use https or a tunnel.',
}
#: What is counted, and never printed.
UNSAID = {'Not sent: interrupted'}
#: What requires no explanation.
PLAIN = {'Images API %s', 'Interrupted'}
MESSAGES = sorted(
    {
        *messages(),
        *details(),
        *warnings(),
        *ELSEWHERE,
        *map(first_sentence, LOGGED_ELSEWHERE),
    }
    - UNSAID
    - PLAIN
)
#: Messages of OpenStackClient that the manual explains.
NOT_OURS = {
    'Cloud … was not found',
    'Failed to discover available identity versions when contacting …',
    'Missing value auth-url required for auth plugin password',
    'The request you have made requires authentication. (HTTP 401)',
    'Unable to establish connection to …',
}


def test_messages_are_found() -> None:
    assert 'Cannot connect: %s' in MESSAGES
    assert "No image has the name or ID '%s'" in MESSAGES
    assert len(MESSAGES) > 60
    assert 'Sites in the policy without nodes: %s.' in MESSAGES
    assert set(all_texts()) >= ELSEWHERE | LOGGED_ELSEWHERE | UNSAID


@pytest.mark.parametrize('message', MESSAGES)
def test_every_reason_is_explained(message: str) -> None:
    page = (MANUAL / 'operations/troubleshooting.rst').read_text(
        encoding='utf-8'
    )
    terms = re.findall(r'^(\S.*)\n    \S', page, re.MULTILINE)

    assert _PLACE.sub('…', message).rstrip('.') in terms


def test_nothing_is_explained_that_is_not_said() -> None:
    page = (MANUAL / 'operations/troubleshooting.rst').read_text(
        encoding='utf-8'
    )
    terms = set(re.findall(r'^(\S.*)\n    \S', page, re.MULTILINE))

    said = {_PLACE.sub('…', one).rstrip('.') for one in MESSAGES}
    assert terms - said <= {
        # What follows Glance's own words.
        'Log in as an administrator',
        *NOT_OURS,
    }


def test_every_command_is_in_the_reference() -> None:
    page = (MANUAL / 'reference/commands.rst').read_text(encoding='utf-8')
    commands = {
        one.name.replace('_', ' ')
        for one in metadata.entry_points(group='openstack.image.v2')
        if one.value.startswith('glance_cache_osc.')
    }

    assert set(re.findall(r':command: (.+)', page)) == commands


def test_every_page_is_in_the_contents() -> None:
    named = set()
    for index in MANUAL.rglob('index.rst'):
        text = index.read_text(encoding='utf-8')
        named |= {
            (index.parent / one).resolve()
            for one in re.findall(r'^   ([\w/-]+)$', text, re.MULTILINE)
        }
    pages = {
        page.with_suffix('')
        for page in MANUAL.rglob('*.rst')
        if page != MANUAL / 'index.rst'
    }

    assert named == pages


def test_the_tests_of_the_threat_model_exist() -> None:
    page = (MANUAL / 'operations/security.rst').read_text(encoding='utf-8')
    __, __, table = page.partition('\nThreat model\n')
    rows = table.partition('\nHTTP with libcurl\n')[0].split('\n   * - ')[2:]
    named = [re.findall(r'``(\w+/test_\w+\.py)``', row) for row in rows]

    assert len(rows) > 10
    assert all(named)
    for test in itertools.chain(*named):
        assert (ROOT / 'tests' / test).is_file(), test
