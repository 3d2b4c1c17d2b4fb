# SPDX-License-Identifier: Apache-2.0

"""How many images a site may download at a time, and who decides it."""

import argparse
from typing import Any
from unittest import mock

import pytest

from glance_cache_osc.command import waiting_options
from glance_cache_osc.policy import policies

#: Of the policy: all sites have a limit but those of the second rule.
POLICY = policies.Policy(
    {},
    [
        policies.Rule(('*',), (), max_downloads=3),
        policies.Rule(('oslo', 'tromso'), ()),
    ],
)
SITES = [
    {'name': 'oslo', 'max_downloads': 2},
    {'name': 'bergen', 'max_downloads': 2},
    {'name': 'tromso', 'bandwidth': '1M'},
]


def limits(policy: policies.Policy | None = None, **given: Any) -> Any:
    """The limits of a command line."""
    options: dict[str, Any] = dict.fromkeys(
        ('wait', 'timeout', 'stall_after'), None
    )
    options |= {'max_downloads': None, 'max_downloads_per_site': None}
    command = mock.Mock()
    command.cloud.setting.return_value = SITES
    parsed_args = argparse.Namespace(**(options | given))
    return waiting_options.limits(command, parsed_args, policy)


@pytest.mark.parametrize(
    ('policy', 'number', 'expected'),
    [
        (None, None, [2, 2, 0, 0]),
        (None, 5, [5, 5, 5, 5]),
        (POLICY, None, [2, 3, 0, 3]),
        (POLICY, 1, [1, 1, 1, 1]),
    ],
)
def test_the_option_comes_first_then_the_rule_then_the_site(
    policy: policies.Policy | None, number: int | None, expected: list[int]
) -> None:
    found = limits(policy, wait=True, max_downloads_per_site=number)

    assert [
        found.site_downloads(site)
        for site in ('oslo', 'bergen', 'tromso', 'other')
    ] == expected
    assert found.downloads == 0


def test_the_option_implies_a_wait() -> None:
    found = limits(max_downloads_per_site=1)

    assert found.timeout > 0
    assert found.site_downloads('oslo') == 1


def test_limits_of_a_policy_or_a_site_do_not() -> None:
    assert limits(POLICY) is None


def test_both_limits_apply() -> None:
    found = limits(max_downloads=7, max_downloads_per_site=1)

    assert found.downloads == 7
    assert found.site_downloads('oslo') == 1
