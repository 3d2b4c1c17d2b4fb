# SPDX-License-Identifier: Apache-2.0

"""One row for each site, and the line about a plan."""

import argparse
import logging
from typing import Any
from unittest import mock

import pytest

from glance_cache_osc.command import summaries
from glance_cache_osc.fleet import fleet
from glance_cache_osc.model import images
from glance_cache_osc.model import plan
from tests.unit import world

BIG = images.Image('id-1', 'big', size=10**9)
SMALL = images.Image('id-2', 'small', size=1000)
UNSIZED = images.Image('id-3', 'unsized')
QUEUE = plan.Action.QUEUE


OSLO_1 = world.member('oslo-1', 'oslo')
OSLO_2 = world.member('oslo-2', 'oslo')
BERGEN = world.member('bergen')
#: A command whose nodes are of one cloud.
COMMAND = mock.Mock(has_several_clouds=False, failed_clouds=set())
ALL = (OSLO_1, BERGEN, OSLO_2)


def step(image: images.Image, action: plan.Action = QUEUE) -> plan.Step:
    return plan.Step(image, action)


def test_a_row_for_each_site_or_node_without_one() -> None:
    results = [
        (OSLO_1, step(BIG), 'cached'),
        (OSLO_1, step(SMALL), 'already cached'),
        (OSLO_2, step(BIG), 'queued'),
        (BERGEN, step(UNSIZED), 'already queued'),
        (BERGEN, step(BIG), 'deleted'),
    ]

    rows = summaries.rows(COMMAND, ALL, lambda _one: 2, results, deletes=True)

    table = summaries.table(COMMAND, deletes=True)
    assert [one.header for one in table] == [
        'Site', 'Nodes', 'Already Cached', 'Cached', 'Queued', 'Deleted',
        'Failed', 'Size',
    ]  # fmt: skip
    assert rows == [
        ('oslo', 2, 1, 1, 1, 0, 1, 2 * 10**9 + 1000),
        ('bergen', 1, 0, 0, 1, 1, 0, 0),
    ]


def test_only_commands_that_delete_have_a_column_for_it() -> None:
    assert [one.header for one in summaries.table(COMMAND)] == [
        'Site', 'Nodes', 'Already Cached', 'Cached', 'Queued', 'Failed', 'Size'
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('action', 'column'),
    [
        (plan.Action.NONE, 'Already Cached'),
        (plan.Action.QUEUE, 'Queued'),
        (plan.Action.WAIT, 'Queued'),
        (plan.Action.DELETE, 'Deleted'),
    ],
)
def test_a_row_of_a_plan(action: plan.Action, column: str) -> None:
    """Its rows have actions instead of results."""
    table = summaries.table(COMMAND, deletes=True)
    headers = [one.header for one in table]

    (row,) = summaries.rows(
        COMMAND,
        [BERGEN],
        lambda _one: 1,
        [(BERGEN, step(SMALL, action), action.value)],
        deletes=True,
    )

    found = dict(zip(headers, row))
    counts = {
        one: found[one]
        for one in ('Already Cached', 'Cached', 'Queued', 'Deleted')
        if found[one]
    }
    assert counts == {column: 1}
    assert found['Failed'] == 0
    assert found['Size'] == (0 if column == 'Deleted' else 1000)


def test_nodes_on_which_nothing_belongs_have_no_failures() -> None:
    rows = summaries.rows(
        COMMAND, ALL, lambda one: 3 if one is BERGEN else 0, []
    )

    assert rows == [('oslo', 2, 0, 0, 0, 0, 0), ('bergen', 1, 0, 0, 0, 3, 0)]


SITES = [
    {'name': 'oslo', 'bandwidth': '100M'},
    {'name': 'bergen', 'bandwidth': '1k'},
    {'name': 'tromso', 'max_downloads': 1},
]


def announced(
    steps: list[tuple[fleet.Member, plan.Step]],
    caplog: pytest.LogCaptureFixture,
    configured: Any = None,
    *,
    dry_run: bool = True,
) -> list[str]:
    """The lines that a plan is announced with."""
    command = mock.Mock()
    several = len({one.cloud for one, __ in steps}) > 1
    command.cloud_suffix = lambda cloud: f' in {cloud.name}' if several else ''
    command.log = logging.getLogger('announced')
    command.cloud.setting.return_value = configured
    command.closing = ''
    line = summaries.download_summary(command, steps)
    summaries.announce(command, argparse.Namespace(dry_run=dry_run), line)
    return list(filter(None, [command.closing, *caplog.messages]))


@pytest.mark.parametrize(
    ('steps', 'configured', 'expected'),
    [
        ([], SITES, []),
        ([(OSLO_1, step(BIG, plan.Action.NONE))], SITES, []),
        ([(OSLO_1, step(BIG, plan.Action.WAIT))], SITES, []),
        (
            [(OSLO_1, step(BIG)), (BERGEN, step(BIG, plan.Action.NONE))],
            None,
            ['Downloads: 1 (1.0 GB); nodes: 1; sites: 1.'],
        ),
        (
            [(OSLO_1, step(BIG)), (OSLO_2, step(BIG)), (BERGEN, step(SMALL))],
            SITES,
            [
                'Downloads: 3 (2.0 GB); nodes: 3; sites: 2. '
                'Longest: oslo, about 0:02:40.'
            ],
        ),
        (
            [(OSLO_1, step(SMALL)), (BERGEN, step(BIG))],
            SITES,
            [
                'Downloads: 2 (1.0 GB); nodes: 2; sites: 2. '
                'Longest: bergen, about 92 days, 14:13:20.'
            ],
        ),
        (
            [(world.member('tromso'), step(BIG)), (OSLO_1, step(UNSIZED))],
            SITES,
            [
                'Downloads: 2 (1.0 GB); nodes: 2; sites: 2. '
                'Longest: oslo, about 0:00:00.'
            ],
        ),
        # Two clouds may have a site of one name.
        (
            [
                (OSLO_1, step(BIG)),
                (world.member('n', 'oslo', cloud=world.other_cloud('b')), step(BIG)),
            ],
            SITES,
            [
                'Downloads: 2 (2.0 GB); nodes: 2; sites: 2. '
                'Longest: oslo in mine, about 0:01:20.'
            ],
        ),
        (
            [(world.member('x', 'a\x1b'), step(BIG))],
            [{'name': 'a\x1b', 'bandwidth': '1G'}],
            [
                'Downloads: 1 (1.0 GB); nodes: 1; sites: 1. '
                'Longest: a\\x1b, about 0:00:08.'
            ],
        ),
    ],
)  # fmt: skip
def test_how_much_a_plan_downloads(
    caplog: pytest.LogCaptureFixture,
    steps: list[tuple[fleet.Member, plan.Step]],
    configured: Any,
    expected: list[str],
) -> None:
    assert announced(steps, caplog, configured) == expected


@pytest.mark.parametrize('terminal', [False, True])
def test_without_a_dry_run_a_terminal_alone_shows_it(
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,
) -> None:
    monkeypatch.setattr('sys.stderr.isatty', lambda: terminal, raising=False)

    lines = announced([(OSLO_1, step(BIG))], caplog, dry_run=False)

    assert bool(lines) is terminal
