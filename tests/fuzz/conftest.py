# SPDX-License-Identifier: Apache-2.0

"""The number of malformed responses and texts.

``make test`` uses 150 of them, the same in each run. ``make fuzz``
uses 20,000 random ones for each property, and writes their number to the file
in the environment variable ``FUZZ_TABLE``.
"""

import collections
from collections.abc import Callable
from collections.abc import Iterator
import dataclasses
import os
import pathlib

import hypothesis
import pytest

from tests import tables
from tests.cli.conftest import login
from tests.cli.conftest import openstack
from tests.fuzz import servers

__all__ = ['FEWER', 'PROFILE', 'login', 'openstack']

SetResponse = Callable[[bytes], None]

_CHECKS = [
    hypothesis.HealthCheck.function_scoped_fixture,
    hypothesis.HealthCheck.too_slow,
    hypothesis.HealthCheck.data_too_large,
]
hypothesis.settings.register_profile(
    'some-responses',
    max_examples=150,
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
    os.environ.get('HYPOTHESIS_PROFILE', 'some-responses')
)
#: For complete commands, which take longer.
FEWER = hypothesis.settings(
    PROFILE, max_examples=max(30, PROFILE.max_examples // 20)
)

#: Minimum share of responses and texts that the code must accept. With fewer,
#: a test would check little but errors.
_MIN_ACCEPTED = 0.2

#: By test: the number of responses or texts, and whether the property held.
_sent: collections.Counter[str] = collections.Counter()
_held: dict[str, bool] = {}


@pytest.fixture(scope='module')
def malformed() -> Iterator[servers.Server]:
    """A node that sends the same response to each request."""
    with servers.Server(servers.sends(b'')) as server:
        yield server


@dataclasses.dataclass
class Tally:
    """Counts the examples of a test, and the accepted ones.

    :ivar requests: the number of requests that a server received; 0 if the
        examples are texts.
    :ivar min_accepted: the minimum share of accepted examples.
    """

    read: int = 0
    accepted: int = 0
    requests: int = 0
    min_accepted: float = _MIN_ACCEPTED


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """Counts for the table; requires a minimum share of accepted ones."""
    tally = Tally()
    yield tally
    if tally.read:
        _sent[request.node.nodeid] += tally.requests or tally.read
    assert tally.accepted >= tally.read * tally.min_accepted, tally


@pytest.fixture
def set_response(
    malformed: servers.Server, tally: Tally
) -> Iterator[SetResponse]:
    """Sets the response of the node; counts the requests to the node."""
    before = len(malformed.heads)

    def set_response(response: bytes) -> None:
        tally.read += 1
        half = len(response) // 2
        malformed.answer = servers.sends(response[:half], response[half:])

    yield set_response
    tally.requests = len(malformed.heads) - before


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    # Some properties are checked at the end, by fixtures.
    before = _held.get(report.nodeid, True)
    _held[report.nodeid] = before and report.passed


def pytest_sessionfinish() -> None:
    rows = [
        (
            name.rpartition('::')[2].removeprefix('test_').replace('_', ' '),
            f'{count:,}',
            'yes' if _held.get(name) else 'NO',
        )
        for name, count in _sent.items()
    ]
    if path := os.environ.get('FUZZ_TABLE'):
        pathlib.Path(path).write_text(
            tables.as_csv(
                ('Property', 'Malformed responses or texts', 'Held'), rows
            ),
            encoding='utf-8',
        )
