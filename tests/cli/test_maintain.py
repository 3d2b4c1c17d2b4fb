# SPDX-License-Identifier: Apache-2.0

"""`openstack image cache clean` and `prune`: argv in, output out."""

import os
import signal
from typing import Any

import pytest

from tests.cli import fleets
from tests.cli import payloads as p
from tests.cli.conftest import Cloud
from tests.cli.conftest import HoldBack
from tests.cli.conftest import OpenStack
from tests.shell import Result

CLEAN = f'{p.GLANCE}/v2/cache/clean'
PRUNE = f'{p.GLANCE}/v2/cache/prune'
FAR_CLEAN = f'{p.EDGE}/v2/cache/clean'
FAR_PRUNE = f'{p.EDGE}/v2/cache/prune'
VERSIONS = f'{p.GLANCE}/versions'
FAR_CACHE = ('--os-cloud', 'far', 'image', 'cache')
CLEAN_ALL = (*FAR_CACHE, 'clean', '--all-nodes')
PRUNE_ALL = (*FAR_CACHE, 'prune', '--all-nodes')


def pruned(files: int, size: int) -> dict[str, Any]:
    """The answer to POST /v2/cache/prune."""
    return {
        'json': {'total_files_pruned': files, 'total_bytes_pruned': size},
    }


CLEAN_TABLE = """\
+---------+----------------------------+
| Result  | Node                       |
+---------+----------------------------+
| cleaned | http://glance.example:9292 |
+---------+----------------------------+
"""
CLEAN_JSON = """\
[
  {
    "Result": "cleaned",
    "Node": "http://glance.example:9292"
  }
]
"""
CLEAN_YAML = """\
- Node: http://glance.example:9292
  Result: cleaned
"""
CLEAN_CSV = """\
"Result","Node"
"cleaned","http://glance.example:9292"
"""
CLEAN_VALUE = 'cleaned http://glance.example:9292\n'

PRUNE_TABLE = """\
+-------+---------+----------------------------+
| Files | Size    | Node                       |
+-------+---------+----------------------------+
|     3 | 21.5 GB | http://glance.example:9292 |
+-------+---------+----------------------------+
"""
PRUNE_JSON = """\
[
  {
    "Files": 3,
    "Size": 21474836480,
    "Node": "http://glance.example:9292"
  }
]
"""
PRUNE_YAML = """\
- Files: 3
  Node: http://glance.example:9292
  Size: 21474836480
"""
PRUNE_CSV = """\
"Files","Size","Node"
3,21474836480,"http://glance.example:9292"
"""
PRUNE_VALUE = '3 21474836480 http://glance.example:9292\n'


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', CLEAN_TABLE),
        ('json', CLEAN_JSON),
        ('yaml', CLEAN_YAML),
        ('csv', CLEAN_CSV),
        ('value', CLEAN_VALUE),
    ],
)
def test_a_node_is_cleaned(
    cloud: Cloud,
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    cloud.answers('POST', CLEAN, text='')

    result = openstack(
        *('image', 'cache', 'clean', '-f', name), terminal=terminal
    )

    assert result == Result(0, expected, '')
    assert cloud.requests == [f'POST {CLEAN}']


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('table', PRUNE_TABLE),
        ('json', PRUNE_JSON),
        ('yaml', PRUNE_YAML),
        ('csv', PRUNE_CSV),
        ('value', PRUNE_VALUE),
    ],
)
def test_a_node_is_pruned_and_tells_what_that_freed(
    cloud: Cloud,
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    """One node needs no approval."""
    cloud.answers('POST', PRUNE, **pruned(3, 21474836480))

    result = openstack(
        *('image', 'cache', 'prune', '-f', name), terminal=terminal
    )

    assert result == Result(0, expected, '')
    assert cloud.requests == [f'POST {PRUNE}']


def test_a_node_below_its_limit_prunes_nothing(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('POST', PRUNE, **pruned(0, 0))

    result = openstack('image', 'cache', 'prune', '-f', 'value')

    assert result == Result(0, f'0 0 {p.GLANCE}\n', '')


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.parametrize(
    ('name', 'of_clean', 'of_prune'),
    [
        ('table', '\n', '\n'),
        ('json', '[]\n', '[]\n'),
        ('yaml', '[]\n', '[]\n'),
        ('csv', '"Result","Node"\n', '"Files","Size","Node"\n'),
        ('value', '', ''),
    ],
)
def test_without_a_node_that_did_it_there_are_no_rows(
    cloud: Cloud,
    openstack: OpenStack,
    name: str,
    of_clean: str,
    of_prune: str,
    terminal: bool,
) -> None:
    cloud.answers('POST', CLEAN, **fleets.REFUSES)
    cloud.answers('POST', PRUNE, **fleets.REFUSES)
    why = (
        'Cannot connect: Connection refused. Check that glance-api is running '
        'at this address.\n'
    )

    cleaned = openstack(
        *('image', 'cache', 'clean', '-f', name), terminal=terminal
    )
    pruned = openstack(
        *('image', 'cache', 'prune', '-f', name), terminal=terminal
    )

    # Also on a terminal, "No entries found" would be wrong.
    assert cleaned == Result(
        1, of_clean, f'Cannot clean the cache of {p.GLANCE}: {why}'
    )
    assert pruned == Result(
        1, of_prune, f'Cannot prune the cache of {p.GLANCE}: {why}'
    )


@pytest.fixture
def two_nodes(clouds_yaml: Any) -> None:
    """Edge-oslo and edge-bergen."""
    clouds_yaml(p.FLEET)


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        (
            'table',
            """\
+---------+-----------+
| Result  | Node      |
+---------+-----------+
| cleaned | edge-oslo |
+---------+-----------+
""",
        ),
        (
            'json',
            '[\n  {\n    "Result": "cleaned",\n    "Node": "edge-oslo"\n  }\n]\n',
        ),
        ('yaml', '- Node: edge-oslo\n  Result: cleaned\n'),
        ('csv', '"Result","Node"\n"cleaned","edge-oslo"\n'),
        ('value', 'cleaned edge-oslo\n'),
    ],
)
@pytest.mark.usefixtures('two_nodes')
def test_one_of_several_nodes_is_not_cleaned(
    cloud: Cloud,
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    cloud.answers('POST', CLEAN, text='')
    cloud.answers('POST', FAR_CLEAN, **fleets.IS_SILENT)

    result = openstack(*CLEAN_ALL, '-f', name, terminal=terminal)

    assert result == Result(
        1,
        expected,
        f'Cannot clean the cache of edge-bergen ({p.EDGE}): No response '
        'within 30 seconds. The request may have succeeded: check the result '
        'before you retry. To wait longer, use --node-timeout.\n',
    )


@pytest.mark.parametrize('terminal', [False, True])
@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        (
            'table',
            """\
+-------+--------+-------------+
| Files | Size   | Node        |
+-------+--------+-------------+
|     2 | 5.0 MB | edge-bergen |
+-------+--------+-------------+
""",
        ),
        (
            'json',
            '[\n  {\n    "Files": 2,\n    "Size": 5000000,\n'
            '    "Node": "edge-bergen"\n  }\n]\n',
        ),
        ('yaml', '- Files: 2\n  Node: edge-bergen\n  Size: 5000000\n'),
        ('csv', '"Files","Size","Node"\n2,5000000,"edge-bergen"\n'),
        ('value', '2 5000000 edge-bergen\n'),
    ],
)
@pytest.mark.usefixtures('two_nodes')
def test_one_of_several_nodes_is_not_pruned(
    cloud: Cloud,
    openstack: OpenStack,
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    cloud.answers('POST', PRUNE, status_code=503, text='')
    cloud.answers('POST', FAR_PRUNE, **pruned(2, 5000000))

    result = openstack(
        *(*PRUNE_ALL, '--auto-approve', '-f', name), terminal=terminal
    )

    assert result == Result(
        1,
        expected,
        f'Cannot prune the cache of edge-oslo ({p.GLANCE}): The server failed '
        'with HTTP 503. Try again later, and check the log of the server.\n',
    )


@pytest.mark.usefixtures('two_nodes')
def test_rows_come_in_the_order_of_the_nodes(
    cloud: Cloud, openstack: OpenStack, hold_back: HoldBack
) -> None:
    """The second node is done first, each time."""
    hold_back(CLEAN, FAR_CLEAN)
    hold_back(PRUNE, FAR_PRUNE)
    cloud.answers('POST', CLEAN, text='')
    cloud.answers('POST', FAR_CLEAN, text='')
    cloud.answers('POST', PRUNE, **pruned(1, 10))
    cloud.answers('POST', FAR_PRUNE, **pruned(2, 20))

    cleaned = openstack(*CLEAN_ALL, '-f', 'value')
    pruned_ = openstack(*PRUNE_ALL, '--auto-approve', '-f', 'value')

    assert cleaned == Result(0, 'cleaned edge-oslo\ncleaned edge-bergen\n', '')
    assert pruned_ == Result(0, '1 10 edge-oslo\n2 20 edge-bergen\n', '')
    assert cloud.requests == [
        *(f'POST {FAR_CLEAN}', f'POST {CLEAN}'),
        *(f'POST {FAR_PRUNE}', f'POST {PRUNE}'),
    ]


NO_ROUTE = {
    'text': p.fault('404 Not Found', 'The resource could not be found.'),
    'headers': fleets.HTML,
}


@pytest.mark.parametrize('status', [404, 405])
@pytest.mark.parametrize(
    ('command', 'url', 'program'),
    [
        ('clean', CLEAN, 'glance-cache-cleaner'),
        ('prune', PRUNE, 'glance-cache-pruner'),
    ],
)
@pytest.mark.parametrize(
    ('numbers', 'told'),
    [
        (
            ('2.16', '2.14', '2.0'),
            'The node supports Images API up to 2.16; clean and prune require '
            "2.18. Run '{program}' on that node instead.",
        ),
        (
            ('2.17', '2.16', '2.14'),
            'The node supports Images API up to 2.17; clean and prune require '
            "2.18. Run '{program}' on that node instead.",
        ),
        (
            ('2.12', '2.0'),
            'The node supports Images API up to 2.12; clean and prune require '
            "2.18. Run '{program}' on that node instead.",
        ),
        (
            ('2.17', '2.15', '2.13'),
            "The node's image cache is disabled. Set 'image_cache_dir' and a "
            "flavor with caching in that node's glance-api.conf, and restart "
            'it.',
        ),
    ],
)
def test_a_node_that_can_not_do_it(
    cloud: Cloud,
    openstack: OpenStack,
    command: str,
    url: str,
    program: str,
    status: int,
    numbers: tuple[str, ...],
    told: str,
) -> None:
    cloud.answers('POST', url, status_code=status, **NO_ROUTE)
    cloud.answers('GET', VERSIONS, **fleets.versions(p.GLANCE, *numbers))

    result = openstack('image', 'cache', command)

    assert result == Result(
        1,
        '\n',
        f'Cannot {command} the cache of {p.GLANCE}: '
        f'{told.format(program=program)}\n',
    )


@pytest.mark.parametrize(
    ('verb', 'url', 'policy'),
    [('clean', CLEAN, 'cache_clean'), ('prune', PRUNE, 'cache_prune')],
)
def test_who_may_not_do_it_is_told_which_policy_decides(
    cloud: Cloud, openstack: OpenStack, verb: str, url: str, policy: str
) -> None:
    cloud.answers(
        'POST',
        url,
        status_code=403,
        text=p.fault('403 Forbidden', 'Not you.'),
        headers=fleets.HTML,
    )

    result = openstack('image', 'cache', verb)

    assert result == Result(
        1,
        '\n',
        f'Cannot {verb} the cache of {p.GLANCE}: Not you. Log in as an '
        f'administrator, or permit {policy} in the API policies of the '
        'node.\n',
    )


@pytest.mark.parametrize(
    ('answer', 'why'),
    [
        ({'text': ''}, 'not a JSON object'),
        ({'json': []}, 'not a JSON object'),
        ({'json': {}}, 'the pruned amounts are missing'),
        (
            {'json': {'total_files_pruned': 1}},
            'the pruned amounts are missing',
        ),
        (
            {'json': {'total_files_pruned': -1, 'total_bytes_pruned': 0}},
            'total_files_pruned is not a count',
        ),
    ],
)
def test_a_node_that_does_not_tell_what_it_pruned(
    cloud: Cloud, openstack: OpenStack, answer: dict[str, Any], why: str
) -> None:
    cloud.answers('POST', PRUNE, **answer)

    result = openstack('image', 'cache', 'prune')

    assert result == Result(
        1,
        '\n',
        f'Cannot prune the cache of {p.GLANCE}: The response does not report '
        f'what was pruned ({why}).\n',
    )


@pytest.mark.parametrize(
    ('argv', 'seconds'),
    [
        ([], '600'),
        (['--prune-timeout', '5'], '5'),
        (['--prune-timeout', '5', '--node-timeout', '7'], '5'),
    ],
)
def test_a_prune_has_a_time_limit_of_its_own(
    cloud: Cloud, openstack: OpenStack, argv: list[str], seconds: str
) -> None:
    """And what is told names the option that sets it."""
    cloud.answers('POST', PRUNE, **fleets.IS_SILENT)

    result = openstack('image', 'cache', 'prune', *argv)

    assert result == Result(
        1,
        '\n',
        f'Cannot prune the cache of {p.GLANCE}: No response within {seconds} '
        'seconds. The node may still be pruning. To wait longer, use '
        '--prune-timeout.\n',
    )


def test_a_clean_has_the_time_limit_of_all_commands(
    cloud: Cloud, openstack: OpenStack
) -> None:
    cloud.answers('POST', CLEAN, **fleets.IS_SILENT)

    result = openstack('image', 'cache', 'clean', '--node-timeout', '2')

    assert result == Result(
        1,
        '\n',
        f'Cannot clean the cache of {p.GLANCE}: No response within 2 seconds. '
        'The request may have succeeded: check the result before you retry. '
        'To wait longer, use --node-timeout.\n',
    )


@pytest.mark.usefixtures('two_nodes')
def test_pruning_several_nodes_needs_approval(
    cloud: Cloud, openstack: OpenStack
) -> None:
    result = openstack(*PRUNE_ALL)

    assert result == Result(
        2,
        '',
        'Confirmation required. Use --auto-approve to proceed, or --dry-run '
        'to show the plan.\n',
    )
    assert cloud.requests == []


@pytest.mark.parametrize('answer', ['\n', 'n\n', 'maybe\n', ''])
@pytest.mark.usefixtures('two_nodes')
def test_any_answer_but_yes_prunes_nothing(
    cloud: Cloud, openstack: OpenStack, answer: str
) -> None:
    result = openstack(*PRUNE_ALL, stdin=answer, terminal=True)

    end = '' if answer else '\n'
    assert result == Result(
        1,
        '',
        f'  edge-oslo ({p.GLANCE})\n'
        f'  edge-bergen ({p.EDGE})\n'
        f'About to prune 2 nodes. Continue? [y/N] {end}Nothing was changed.\n',
    )
    assert cloud.requests == []


@pytest.mark.parametrize(
    ('argv', 'stdin', 'terminal', 'asked'),
    [
        ([], 'y\n', True, True),
        (['--auto-approve'], '', False, False),
        (['--auto-approve'], '', True, False),
    ],
)
@pytest.mark.usefixtures('two_nodes')
def test_with_approval_several_nodes_are_pruned(
    cloud: Cloud,
    openstack: OpenStack,
    argv: list[str],
    stdin: str,
    terminal: bool,
    asked: bool,
) -> None:
    cloud.answers('POST', PRUNE, **pruned(1, 10))
    cloud.answers('POST', FAR_PRUNE, **pruned(0, 0))

    result = openstack(
        *PRUNE_ALL, *argv, '-f', 'value', stdin=stdin, terminal=terminal
    )

    assert result == Result(
        0,
        '1 10 edge-oslo\n0 0 edge-bergen\n',
        f'  edge-oslo ({p.GLANCE})\n'
        f'  edge-bergen ({p.EDGE})\n'
        'About to prune 2 nodes. Continue? [y/N] '
        if asked
        else '',
    )


@pytest.mark.parametrize('node', ['edge-oslo', p.GLANCE])
@pytest.mark.usefixtures('two_nodes')
def test_one_node_of_several_needs_no_approval(
    cloud: Cloud, openstack: OpenStack, node: str
) -> None:
    cloud.answers('POST', PRUNE, **pruned(1, 10))

    result = openstack(
        *FAR_CACHE, 'prune', '--node', node, '-f', 'value', terminal=True
    )

    assert result == Result(0, '1 10 edge-oslo\n', '')
    assert cloud.requests == [f'POST {PRUNE}']


DRY_TABLE = """\
+--------+-------------+
| Action | Node        |
+--------+-------------+
| {verb}  | edge-oslo   |
| {verb}  | edge-bergen |
+--------+-------------+
"""
DRY_JSON = """\
[
  {{
    "Action": "{verb}",
    "Node": "edge-oslo"
  }},
  {{
    "Action": "{verb}",
    "Node": "edge-bergen"
  }}
]
"""
DRY_YAML = """\
- Action: {verb}
  Node: edge-oslo
- Action: {verb}
  Node: edge-bergen
"""
DRY_CSV = '"Action","Node"\n"{verb}","edge-oslo"\n"{verb}","edge-bergen"\n'
DRY_VALUE = '{verb} edge-oslo\n{verb} edge-bergen\n'


@pytest.mark.parametrize('verb', ['clean', 'prune'])
@pytest.mark.parametrize(
    ('nodes', 'name', 'expected', 'terminal'),
    [
        ([], 'table', DRY_TABLE, False),
        ([], 'table', DRY_TABLE, True),
        ([], 'json', DRY_JSON, False),
        ([], 'yaml', DRY_YAML, False),
        ([], 'csv', DRY_CSV, False),
        ([], 'value', DRY_VALUE, False),
        (['--all-nodes'], 'json', DRY_JSON, False),
        (['--node', 'edge-*'], 'json', DRY_JSON, False),
    ],
)
@pytest.mark.usefixtures('two_nodes')
def test_a_dry_run_sends_nothing_and_asks_nothing(
    cloud: Cloud,
    openstack: OpenStack,
    verb: str,
    nodes: list[str],
    name: str,
    expected: str,
    terminal: bool,
) -> None:
    result = openstack(
        *(*FAR_CACHE, verb, *nodes, '--dry-run', '-f', name),
        terminal=terminal,
    )

    assert result == Result(0, expected.format(verb=verb), '')
    assert cloud.requests == []


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (
            ['clean'],
            '2 nodes are configured: this command requires --node, --site or '
            '--all-nodes.\n',
        ),
        (
            ['prune', '--auto-approve'],
            '2 nodes are configured: this command requires --node, --site or '
            '--all-nodes.\n',
        ),
        (
            ['clean', '--all-nodes', '-c', 'Nmae'],
            'Unknown column: Nmae. Available: Result, Node.\n',
        ),
        (
            ['clean', '--dry-run', '-c', 'Result'],
            'Unknown column: Result. Available: Action, Node.\n',
        ),
        (
            ['prune', '--all-nodes', '-c', 'Action'],
            'Unknown column: Action. Available: Files, Size, Node.\n',
        ),
        (
            ['prune', '--dry-run', '-c', 'Files'],
            'Unknown column: Files. Available: Action, Node.\n',
        ),
        (
            ['clean', '--node', 'edge-n*'],
            "clouds.yaml has no node 'edge-n*'. Similar names: edge-bergen, "
            'edge-oslo. Use a URL for other nodes.\n',
        ),
        (
            ['clean', '--node', 'edge-oslo', '--all-nodes'],
            (
                '--all-nodes cannot be combined with --node or --site. Use '
                'one of them.\n'
            ),
        ),
    ],
)
@pytest.mark.usefixtures('two_nodes')
def test_bad_input_is_told_in_a_line(
    cloud: Cloud, openstack: OpenStack, argv: list[str], message: str
) -> None:
    result = openstack(*FAR_CACHE, *argv)

    assert result == Result(2, '', message)
    assert cloud.requests == []


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (
            ['prune', '--prune-timeout', '0'],
            (
                "argument --prune-timeout: '0' is not a number of seconds "
                'greater than 0\n'
            ),
        ),
        (
            ['prune', '--prune-timeout', 'long'],
            (
                "argument --prune-timeout: 'long' is not a number of seconds "
                'greater than 0\n'
            ),
        ),
        (
            ['prune', '--dry-run', '--auto-approve'],
            'argument --auto-approve: not allowed with argument --dry-run\n',
        ),
    ],
)
def test_bad_values_are_told_as_usage(
    cloud: Cloud, openstack: OpenStack, argv: list[str], message: str
) -> None:
    result = openstack('image', 'cache', *argv)

    assert (result.code, result.out) == (2, '')
    assert result.err.endswith(message)
    assert cloud.requests == []


@pytest.mark.parametrize(
    ('verb', 'url', 'expected'),
    [
        ('clean', CLEAN, f'cleaned {p.GLANCE}\n'),
        ('prune', PRUNE, f'1 10 {p.GLANCE}\n'),
    ],
)
def test_what_was_done_before_an_interrupt_is_told(
    cloud: Cloud, openstack: OpenStack, verb: str, url: str, expected: str
) -> None:
    def ctrl_c(request: Any, context: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return pruned(1, 10)['json']

    cloud.answers('POST', url, json=ctrl_c)

    result = openstack('image', 'cache', verb, '-f', 'value')

    assert result == Result(
        130,
        expected,
        f'Interrupted. Waiting for requests in progress (1) on {p.GLANCE}; '
        'press Ctrl-C again to stop at once.\n'
        'Interrupted.\n',
    )
