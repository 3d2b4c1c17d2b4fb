# SPDX-License-Identifier: Apache-2.0

"""Each check of `tests.soak` fails where it must."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.processes import Size
from tests.simulated import Fault
from tests.soak import sizes
from tests.soak import states
from tests.soak import verdicts
from tests.soak.checks import Judge
from tests.soak.injection import Injection
from tests.soak.session import METRICS
from tests.soak.session import Run
from tests.soak.session import SYNC
from tests.soak.states import State
from tests.soak.watching import Watched

_NODES = ['edge-0001', 'edge-0002']
_BEGAN, _ENDED, _TAKEN = 100.0, 101.0, 5000.0
_IMAGE, _OTHER = 'b2173dd3-7ad6-4362-baa6-a68bce3565cb', 'orphan'
_TIME = '2026-11-21T03:46:50Z'
_LABEL = f'cached image-0001 ({_IMAGE})'


def injection(
    kind: Fault, since: float = 90, until: float = 110, position: int = 0
) -> Injection:
    """A fault that was met."""
    return Injection(
        *(position, kind, until, since, since, until, until),
        requests=3,
        reported=True,
    )


THROUGHOUT = injection(Fault.SILENT)
SLOW = injection(Fault.SLOW)
BEFORE = injection(Fault.SILENT, 90, 99)
PARTLY = injection(Fault.SILENT, 90, 100.5)


def text(first: str = 'up', second: str = 'up', taken: float = _TAKEN) -> str:
    """Metrics of two nodes: `up`, `slow` or `down`."""
    lines = [f'glance_image_cache_run_timestamp_seconds {taken}']
    for node, state in zip(_NODES, (first, second)):
        lines.append(
            f'glance_image_cache_node_up{{node="{node}"}}'
            f' {int(state != "down")}'
        )
        if state != 'down':
            lines.append(
                f'glance_image_cache_read_duration_seconds{{node="{node}"}}'
                f' {0.5 if state == "slow" else 0.01}'
            )
    return '\n'.join(lines) + '\n'


def run(code: int, metrics: str = '', *lines: str, what: str = METRICS) -> Run:
    """A command."""
    return Run(what, what, _BEGAN, _TAKEN, list(lines), _ENDED, code, metrics)


@pytest.mark.parametrize(
    ('history', 'good', 'bad'),
    [
        ([], [0], [1, 2]),
        ([BEFORE], [0], [1]),
        ([THROUGHOUT], [1], [0, 2]),
        ([THROUGHOUT, PARTLY], [1], [0]),
        ([PARTLY], [0, 1], [2]),
        ([SLOW], [0], [1]),
    ],
)
def test_exit_codes(
    history: Sequence[Injection], good: list[int], bad: list[int]
) -> None:
    met = verdicts.overlap(run(0), history)
    wrong = {
        code: list(verdicts.wrong(run(code, what=SYNC), met, _NODES))
        for code in (*good, *bad)
    }

    assert [code for code, lines in wrong.items() if lines] == bad


@pytest.mark.parametrize(
    ('history', 'metrics', 'wrong'),
    [
        ([], text(), ''),
        ([], text('down'), 'edge-0001: glance_image_cache_node_up 0'),
        ([], text(taken=_TAKEN - 2), 'metrics of 4998.0'),
        ([], text(taken=_TAKEN + 2), 'metrics of 5002.0'),
        ([], text().replace('edge-0002', 'edge-0003'), 'unknown nodes'),
        ([THROUGHOUT], text('down'), ''),
        ([THROUGHOUT], text(), 'edge-0001: glance_image_cache_node_up 1'),
        ([THROUGHOUT], text('down', 'down'), 'edge-0002'),
        ([PARTLY], text(), ''),
        ([PARTLY], text('down'), ''),
        ([SLOW], text('slow'), ''),
        ([SLOW], text(), 'too short a duration'),
    ],
)
def test_metrics_report_faults(
    history: Sequence[Injection], metrics: str, wrong: str
) -> None:
    met = verdicts.overlap(run(0), history)
    code = min(met.codes)

    lines = list(verdicts.wrong(run(code, metrics), met, _NODES))

    assert wrong in '; '.join(lines)
    assert bool(lines) is bool(wrong)


def test_a_traceback_is_wrong() -> None:
    met = verdicts.overlap(run(0), [])
    failed = run(0, '', 'Traceback (most recent call last):', 'E', what=SYNC)

    assert list(verdicts.wrong(failed, met, _NODES)) == ['a traceback: E']


def test_a_fault_must_have_been_met() -> None:
    def held(*history: Injection, fully: bool = False) -> bool | None:
        judge = Judge(_NODES, fully=fully)
        judge.add(run(1, text('down')), history)
        by_name = {row.what: row.held for row in judge.rows(history)}
        return by_name['fault: silent']

    unmet, unreported = injection(Fault.SILENT), injection(Fault.SILENT)
    unmet.requests, unreported.reported = 0, False

    assert held(THROUGHOUT)
    assert held(THROUGHOUT, fully=True)
    assert held(PARTLY)
    assert not held(PARTLY, fully=True)
    assert not held(THROUGHOUT, unmet)
    assert not held(THROUGHOUT, unreported)
    assert not held()


def test_no_request_reaches_a_closed_node() -> None:
    refused = injection(Fault.REFUSED)
    assert not refused.was_met

    refused.requests = 0
    assert refused.was_met


def test_commands_must_have_run_with_and_without_faults() -> None:
    def held(*runs: tuple[Run, Sequence[Injection]]) -> bool | None:
        judge = Judge(_NODES, fully=False)
        for one, history in runs:
            judge.add(one, history)
        return next(judge.rows([])).held

    assert held((run(0, text()), []), (run(1, text('down')), [THROUGHOUT]))
    assert not held((run(0, text()), []))
    assert not held((run(1, text('down')), [THROUGHOUT]))
    assert not held((run(1, text()), []), (run(1, text('down')), [THROUGHOUT]))


@pytest.mark.parametrize(
    ('after', 'wrong'),
    [
        (Size(1, 96, 315, 1, 0), []),
        (Size(1, 96.1, 315, 1, 0), ['memory, MiB']),
        (Size(1, 96, 316, 1, 0), ['open files']),
        (Size(1, 96, 341, 1, 0), ['open files', 'open files at most']),
        (Size(1, 96, 315, 2, 0), ['threads']),
        (Size(1, 96, 315, 1, 1), ['child processes']),
    ],
)
def test_sizes_are_compared(after: Size, wrong: list[str]) -> None:
    before = Size(0, 90, 300, 1, 0)

    rows = sizes.rows('x', [before] * 4 + [after] * 4, 6, 300)

    assert [
        row.what.removeprefix('x: ') for row in rows if not row.held
    ] == wrong


def test_too_few_sizes_are_wrong() -> None:
    rows = sizes.rows('x', [Size(0, 90, 3, 1, 0)] * 2, 6, 0)

    assert [row.held for row in rows] == [False] * 3 + [True] * 2


STATE = {
    'edge-0001': State({_IMAGE: (100, 2)}, frozenset()),
    'edge-0002': State({}, frozenset({_OTHER})),
}
_LINES = (
    'edge-0001 ok, cached: 0, queued: 0',
    'edge-0002 ok, cached: 0, queued: 0',
    f'edge-0001 queued image-0001 ({_IMAGE})',
    f'edge-0001 {_LABEL}',
    'edge-0002 unreachable: Cannot connect',
    'edge-0002 ok, cached: 0, queued: 1',
    f'edge-0002 queued {_OTHER}',
)


@pytest.mark.parametrize(
    ('lines', 'wrong'),
    [
        (_LINES, []),
        (_LINES[:-1], ['edge-0002']),
        (_LINES[:5], ['edge-0002']),
        ((*_LINES, f'edge-0001 removed {_IMAGE}'), ['edge-0001']),
        ((*_LINES, f'edge-0002 {_LABEL}'), ['edge-0002']),
        ((*_LINES, 'edge-0002 error: 503'), ['edge-0002']),
        ((*_LINES, 'edge-0001 ok, cached: 2, queued: 0'), ['edge-0001']),
    ],
)
def test_the_lines_of_watch_add_up(
    lines: Sequence[str], wrong: list[str]
) -> None:
    empty: dict[str, list[str]] = {'cached': [], 'queued': []}
    watched = Watched(dict.fromkeys(_NODES, empty))
    for line in lines:
        watched.add(f'{_TIME} {line}')

    assert states.wrong_in_watch(watched, STATE) == wrong
    assert not watched.unknown


@pytest.mark.parametrize(
    'line', ['Traceback', f'{_TIME} edge-0009 ok, cached: 0, queued: 0']
)
def test_a_line_of_another_form_is_noticed(line: str) -> None:
    watched = Watched({})
    watched.add(line)

    assert watched.unknown == [line]


_METRICS = """\
glance_image_cache_node_up{node="edge-0001"} 1
glance_image_cache_node_up{node="edge-0002"} 1
glance_image_cache_entries{node="edge-0001",state="cached"} 1
glance_image_cache_entries{node="edge-0001",state="queued"} 0
glance_image_cache_entries{node="edge-0002",state="cached"} 0
glance_image_cache_entries{node="edge-0002",state="queued"} 1
glance_image_cache_size_bytes{node="edge-0001"} 100
glance_image_cache_size_bytes{node="edge-0002"} 0
glance_image_cache_hits{node="edge-0001"} 2
glance_image_cache_hits{node="edge-0002"} 0
glance_image_cache_orphans{node="edge-0001"} 0
glance_image_cache_orphans{node="edge-0002"} 0
"""


@pytest.mark.parametrize('number', range(_METRICS.count('\n')))
def test_each_metric_is_compared(number: int) -> None:
    lines = _METRICS.splitlines(keepends=True)
    node = 'edge-0001' if 'edge-0001' in lines[number] else 'edge-0002'
    lines[number] = lines[number].rpartition(' ')[0] + ' 7\n'

    assert states.wrong_in_metrics(_METRICS, STATE) == []
    assert states.wrong_in_metrics(''.join(lines), STATE) == [node]


def test_each_cell_of_the_list_is_compared() -> None:
    names = {_IMAGE: 'image-0001', _OTHER: 'other'}
    keys = ('ID', 'Name', 'State', 'Size', 'Hits', 'Node')
    first = (_IMAGE, 'image-0001', 'cached', 100, 2, 'edge-0001')
    second = (_OTHER, 'other', 'queued', None, None, 'edge-0002')

    def wrong(*rows: tuple[object, ...]) -> list[str]:
        return states.wrong_in_list(
            [dict(zip(keys, row)) for row in rows], STATE, names
        )

    assert wrong(first, second) == []
    assert wrong(second) == ['edge-0001']
    assert wrong(first, second, second) == ['edge-0002']
    for at in range(len(keys) - 1):
        changed = (*first[:at], 'another', *first[at + 1 :])
        assert wrong(changed, second) == ['edge-0001']
