# SPDX-License-Identifier: Apache-2.0

"""How many lies are told.

``make test`` tells a few hundred, the same every time; ``make fuzz`` tells
20,000 others each time, and writes how many there were to the file that
``FUZZ_TABLE`` names.
"""

import collections
from collections.abc import Callable
from collections.abc import Iterator
import os
import pathlib

import hypothesis
import pytest

from tests import tables
from tests.cli.conftest import login
from tests.cli.conftest import openstack
from tests.fuzz import servers

__all__ = ['FEWER', 'PROFILE', 'login', 'openstack']

Tell = Callable[[bytes], None]

_CHECKS = [
    hypothesis.HealthCheck.function_scoped_fixture,
    hypothesis.HealthCheck.too_slow,
    hypothesis.HealthCheck.data_too_large,
]
hypothesis.settings.register_profile(
    'some-lies',
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=_CHECKS,
)
hypothesis.settings.register_profile(
    'fuzz',
    max_examples=20_000,
    deadline=None,
    suppress_health_check=_CHECKS,
)
PROFILE = hypothesis.settings.get_profile(
    os.environ.get('HYPOTHESIS_PROFILE', 'some-lies')
)
#: For whole commands, which take longer.
FEWER = hypothesis.settings(
    PROFILE, max_examples=max(30, PROFILE.max_examples // 20)
)

#: How many lies each property was told, and whether it held, by its test.
_told: collections.Counter[str] = collections.Counter()
_held: dict[str, bool] = {}


@pytest.fixture(scope='module')
def liar() -> Iterator[servers.Server]:
    """A node that answers what it is told to, however often."""
    with servers.Server(servers.says(b'')) as server:
        yield server


@pytest.fixture
def tell(
    liar: servers.Server, request: pytest.FixtureRequest
) -> Iterator[Tell]:
    """Has the node answer in a way; counts the requests that it answers."""
    before = len(liar.heads)

    def tell(answer: bytes) -> None:
        half = len(answer) // 2
        liar.answer = servers.says(answer[:half], answer[half:])

    yield tell
    _told[request.node.nodeid] += len(liar.heads) - before


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == 'call':
        _held[report.nodeid] = report.passed


def pytest_sessionfinish() -> None:
    rows = [
        (
            name.rpartition('::')[2].removeprefix('test_').replace('_', ' '),
            f'{count:,}',
            'yes' if _held.get(name) else 'NO',
        )
        for name, count in _told.items()
    ]
    if path := os.environ.get('FUZZ_TABLE'):
        pathlib.Path(path).write_text(
            tables.as_csv(('Property', 'Lies', 'Held'), rows),
            encoding='utf-8',
        )
