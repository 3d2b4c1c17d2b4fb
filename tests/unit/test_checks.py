# SPDX-License-Identifier: Apache-2.0

"""Checks of a node: what each of them makes of what the node sends."""

import asyncio
import datetime
import time
import types
from typing import Any
from typing import cast
from unittest import mock

import pytest

from glance_cache_osc import errors
from glance_cache_osc.command import probing
from glance_cache_osc.drivers import choosing
from glance_cache_osc.drivers import http
from glance_cache_osc.fleet import fleet
from glance_cache_osc.model import entries
from glance_cache_osc.transport import engine
from glance_cache_osc.verifying import checks
from tests.unit import world

Entry = entries.Entry
CACHED, QUEUED = entries.State.CACHED, entries.State.QUEUED
NOW = 1795232820.0
DATE = 'Sat, 21 Nov 2026 03:47:00 GMT'
TIME = datetime.datetime(2026, 11, 21, 3, 47, tzinfo=datetime.UTC)
ENTRY = Entry('a', CACHED, 5, 3, TIME, TIME)


def member(name: str = 'n') -> fleet.Member:
    client = mock.create_autospec(http.NodeClient, instance=True)
    return world.member(name, client=client)


@pytest.mark.parametrize(
    ('date', 'expected', 'seconds'),
    [
        (DATE, 'ok', ''),
        ('Sat, 21 Nov 2026 03:48:00 GMT', 'ok', ''),
        ('Sat, 21 Nov 2026 03:46:00 GMT', 'ok', ''),
        ('Sat, 21 Nov 2026 03:48:01 GMT', 'warning', '61 '),
        ('Sat, 21 Nov 2026 03:45:59 GMT', 'warning', '-61 '),
        # Another zone, the same time.
        ('Sat, 21 Nov 2026 05:47:00 +0200', 'ok', ''),
        ('Thu, 01 Jan 1970 00:00:00 GMT', 'warning', '-1795232820 '),
        (None, 'unknown', ''),
        ('', 'unknown', ''),
        ('yesterday', 'unknown', ''),
        ('Sat, 32 Nov 2026 03:47:00 GMT', 'unknown', ''),
        ('Sat, 21 Nov 0000 03:47:00 GMT', None, ''),
        ('Sat, 21 Nov 2026 99:99:99 GMT', 'unknown', ''),
        ('Sat, 21 Nov 2026 03:47:00 +9999999999', 'unknown', ''),
        ('Sat, 21 Nov ' + '9' * 5000 + ' 03:47:00 GMT', 'unknown', ''),
        ('\x00\xff', 'unknown', ''),
        ('1795232820', 'unknown', ''),
    ],
)
def test_the_header_date(
    date: str | None, expected: str | None, seconds: str
) -> None:
    check = checks._clock(date, NOW)

    assert check.name == 'clock'
    if expected:
        assert check.outcome == expected
    assert check.details.startswith(seconds)
    if expected == 'unknown':
        assert check.details == 'No valid Date header'


@pytest.mark.parametrize('zone', ['', ' -0000'])
def test_a_date_without_a_zone_is_gmt(
    monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    """Whatever the zone of this machine is."""
    with monkeypatch.context() as patch:
        patch.setenv('TZ', 'EST5')
        time.tzset()
        check = checks._clock(f'Sat, 21 Nov 2026 03:47:00{zone}', NOW)
    time.tzset()

    assert check.outcome == 'ok'


@pytest.mark.parametrize(
    ('expires', 'expected'),
    [
        ('Nov 20 03:47:00 2027 GMT', 'ok'),
        ('Dec 21 03:47:00 2026 GMT', 'ok'),
        ('Dec 21 03:46:59 2026 GMT', 'warning'),
        ('Nov 21 03:47:00 2026 GMT', 'warning'),
        ('Nov 21 03:46:59 2026 GMT', 'error'),
        ('Nov  1 03:47:00 1999 GMT', 'error'),
        ('one day', 'unknown'),
        ('Nov 99 03:47:00 2027 GMT', 'unknown'),
    ],
)
def test_when_a_certificate_expires(expires: str, expected: str) -> None:
    (check,) = checks._certificate(expires, NOW)

    assert (check.name, check.outcome) == ('certificate', expected)
    assert expires in check.details


def test_no_certificate_is_no_check() -> None:
    assert checks._certificate('', NOW) == []


def lists(text: str) -> list[list[Entry]]:
    """One list for each letter; the same letter is the same list."""
    return [[Entry(one, CACHED, 5, 3)] for one in text]


@pytest.mark.parametrize(
    ('looks', 'expected'),
    [
        ('aaaaaa', 'unknown'),
        ('aaabbb', 'unknown'),
        ('abcdef', 'unknown'),
        ('aabbcc', 'unknown'),
        ('ababab', 'error'),
        ('aaaaba', 'error'),
        ('abbbba', 'error'),
        ('abcabc', 'error'),
    ],
)
def test_lists_that_alternate(looks: str, expected: str) -> None:
    check = checks._single([ord(one) for one in looks])

    assert (check.name, check.outcome) == ('single node', expected)
    assert check.long_only is (expected == 'unknown')
    if expected == 'error':
        assert check.details == (
            'Responses alternate between different lists: several nodes are '
            'behind this endpoint. Configure an endpoint for each node.'
        )


@pytest.mark.parametrize(
    ('left', 'right', 'fills', 'everything'),
    [
        ([ENTRY], [ENTRY], True, True),
        # One of two reads of a shared list is later.
        ([ENTRY], [ENTRY._replace(hits=4)], True, False),
        ([ENTRY], [ENTRY._replace(size=6)], True, False),
        ([ENTRY], [ENTRY._replace(last_accessed=None)], True, False),
        ([ENTRY], [ENTRY, Entry('b', QUEUED)], True, False),
        ([ENTRY], [ENTRY._replace(last_modified=None)], False, False),
        ([ENTRY], [ENTRY._replace(image_id='b')], False, False),
        ([ENTRY], [ENTRY, ENTRY._replace(image_id='b')], False, False),
        # The order does not count.
        ([ENTRY, Entry('b', QUEUED)], [Entry('b', QUEUED), ENTRY], True, True),
        # Nothing was filled yet: that is the same everywhere.
        ([], [], False, False),
        ([Entry('b', QUEUED)], [Entry('b', QUEUED)], False, False),
        (None, None, False, False),
        ([ENTRY], None, False, False),
    ],
)
def test_nodes_with_the_same_list(
    left: Any, right: Any, fills: bool, everything: bool
) -> None:
    one, other = member('one'), member('other')
    reports = {
        one: checks.Report(held=left),
        other: checks.Report(held=right),
    }

    both = [[one, other]]
    assert checks.nodes_with_same_list(reports) == (both if fills else [])
    assert checks.nodes_with_same_list(reports, strict=True) == (
        both if everything else []
    )


def test_groups_of_nodes_with_the_same_list() -> None:
    found = [member(name) for name in 'abcde']
    held = [[ENTRY], [], [ENTRY], [ENTRY._replace(hits=1)], [ENTRY]]
    reports = {
        one: checks.Report(held=list(listed))
        for one, listed in zip(found, held)
    }

    strict = checks.nodes_with_same_list(reports, strict=True)
    assert strict == [[found[0], found[2], found[4]]]
    assert checks.nodes_with_same_list(reports) == [[found[0], *found[2:]]]


def test_each_node_names_the_others_of_its_group() -> None:
    found = [member(name) for name in 'abcdef']
    reports = {one: checks.Report(held=[ENTRY]) for one in found}
    reports[member('x')] = checks.Report()
    reports[member('y')] = checks.Report(held=[])

    probing.add_own_list_checks(reports)

    details = {
        one.node.name: report.checks[0].details
        for one, report in reports.items()
        if report.checks
    }
    assert details['a'].startswith(
        'The list is identical to the list of b, c, d and 2 more.'
    )
    assert details['b'].startswith(
        'The list is identical to the list of a, c, d and 2 more.'
    )
    assert (details['y'], 'x' in details) == ('', False)


def test_lists_that_agree_but_for_hits_are_not_a_warning() -> None:
    one, other = member('a'), member('b')
    reports = {
        one: checks.Report(held=[ENTRY]),
        other: checks.Report(held=[ENTRY._replace(hits=4)]),
    }

    probing.add_own_list_checks(reports)

    for report in reports.values():
        (found,) = report.checks
        assert (found.name, found.outcome) == ('own list', 'unknown')
        assert found.long_only


def test_what_a_probe_found_stays() -> None:
    one, other = member('a'), member('b')
    reports = {
        one: checks.Report(held=[ENTRY]),
        other: checks.Report(held=[ENTRY]),
    }
    reports[one].add(checks.Name.OWN_LIST, checks.Outcome.OK)

    probing.add_own_list_checks(reports)

    assert [check.outcome for check in reports[one].checks] == ['ok']
    assert [check.outcome for check in reports[other].checks] == ['warning']


def check(
    monkeypatch: pytest.MonkeyPatch,
    *,
    versions: Any = None,
    sent: Any = None,
    looks: list[Any] | None = None,
    knows: Any = True,
) -> checks.Report:
    """The report of a node of which each answer is given, or an error."""
    node = member()
    driver = cast('mock.Mock', node.driver)
    client = cast('mock.Mock', node.client)
    driver.api_version.side_effect = [versions or '2.18']
    client.reconnecting.return_value = client
    client.send.side_effect = [
        sent or engine.Response(200, {'date': DATE}, b'', 0.1)
    ]
    driver.list_entries.side_effect = looks or [[ENTRY]] * 7
    monkeypatch.setattr(choosing, 'connect', lambda _client: driver)
    fake = types.SimpleNamespace(time=lambda: NOW)
    monkeypatch.setattr(checks, 'time', fake)

    async def known(_client: http.NodeClient) -> bool | None:
        if isinstance(knows, Exception):
            raise knows
        return cast('bool | None', knows)

    report = asyncio.run(checks.check(node, known))
    if versions is None:
        client.send.assert_called_with('GET', '/versions', authenticated=False)
    return report


def told(report: checks.Report) -> dict[str, str]:
    return {one.name.value: one.outcome.value for one in report.checks}


FAILED = errors.ServerFault('The server failed')
SILENT = errors.TimedOut('No answer')


@pytest.mark.parametrize(
    ('error', 'fails'),
    [
        (errors.NotGlance('It is not'), False),
        (errors.BadReply('Not JSON'), False),
        (errors.Refused('No', status=404), False),
        (errors.Unreachable('Cannot connect'), True),
        (SILENT, True),
        (errors.CertificateRejected('Expired'), True),
        (FAILED, True),
        (errors.LoginFailed('No token'), True),
    ],
)
@pytest.mark.parametrize('where', ['versions', 'sent'])
def test_a_node_that_does_not_respond(
    monkeypatch: pytest.MonkeyPatch,
    error: errors.NodeError,
    fails: bool,
    where: str,
) -> None:
    given: dict[str, Any] = {where: error}

    report = check(monkeypatch, **given)

    assert told(report) == {'responds': 'error'}
    assert report.checks[0].details == str(error)
    assert report.failure is (error if fails else None)
    assert report.held is None


@pytest.mark.parametrize(
    ('error', 'expected', 'fails'),
    [
        (
            errors.Forbidden('No'),
            {'cache': 'ok', 'list permission': 'error'},
            False,
        ),
        (errors.CachingOff('Off'), {'cache': 'error'}, False),
        (errors.TooOld('Old'), {'cache': 'error'}, False),
        (errors.BadReply('Not a list'), {'cache': 'error'}, False),
        (FAILED, {'list permission': 'unknown'}, True),
        (SILENT, {'list permission': 'unknown'}, True),
    ],
)
def test_a_list_that_can_not_be_read(
    monkeypatch: pytest.MonkeyPatch,
    error: errors.NodeError,
    expected: dict[str, str],
    fails: bool,
) -> None:
    report = check(monkeypatch, looks=[error])

    assert told(report) == {'responds': 'ok', 'clock': 'ok', **expected}
    assert report.checks[-1].details == str(error)
    assert report.failure is (error if fails else None)
    assert report.held is None


@pytest.mark.parametrize(
    ('knows', 'expected'),
    [
        (True, 'ok'),
        (False, 'error'),
        (None, 'unknown'),
        (FAILED, 'unknown'),
        (errors.CatalogueError('No list'), 'unknown'),
    ],
)
def test_whether_a_node_belongs_to_the_cloud(
    monkeypatch: pytest.MonkeyPatch, knows: Any, expected: str
) -> None:
    report = check(monkeypatch, knows=knows)

    assert told(report) == {
        'responds': 'ok',
        'clock': 'ok',
        'cache': 'ok',
        'list permission': 'ok',
        'single node': 'unknown',
        'cloud': expected,
    }
    assert report.held == [ENTRY]
    assert report.failure is None


def test_what_the_first_response_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = engine.Response(200, {}, b'', 0.1, 'Nov 22 03:47:00 2026 GMT')

    report = check(monkeypatch, versions='2.16', sent=sent)

    assert report.checks[0].details == 'Images API 2.16'
    assert told(report)['clock'] == 'unknown'
    assert told(report)['certificate'] == 'warning'


def test_lists_of_several_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look may be on a connection of before."""
    looks = [[ENTRY], *lists('ababab')]

    report = check(monkeypatch, looks=looks)

    assert told(report)['single node'] == 'error'
    assert report.held == [ENTRY]


def test_the_first_look_is_not_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = [[ENTRY], *lists('aaaaaa')]

    report = check(monkeypatch, looks=looks)

    assert told(report)['single node'] == 'unknown'
