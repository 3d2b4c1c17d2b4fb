# SPDX-License-Identifier: Apache-2.0

"""Rows of `tests.faults` that cannot be made stay in the table."""

import contextlib
from pathlib import Path

import pytest

from tests.cloud import CloudError
from tests.faults import groups
from tests.faults.__main__ import main
from tests.faults.table import Row

_GOOD = Row('a fault', 'list', 'exit 0', 'exit 0')


def _rows(_world: object, _runs: int) -> list[Row]:
    return [_GOOD]


def _fails(_world: object, _runs: int) -> list[Row]:
    raise OSError('no such\nnode')


def _no_cloud() -> contextlib.AbstractContextManager[None]:
    raise CloudError('no Keystone')


def _table(
    monkeypatch: pytest.MonkeyPatch, path: Path, **named: groups.Group
) -> tuple[int, list[str]]:
    monkeypatch.setattr(groups, 'GROUPS', named)
    monkeypatch.setattr('tests.faults.__main__.GROUPS', named)
    monkeypatch.setattr('sys.argv', ['faults', '--csv', str(path)])
    return main(), path.read_text().splitlines()[1:]


def test_a_group_that_cannot_be_run_is_a_row_and_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = contextlib.nullcontext
    code, lines = _table(
        monkeypatch,
        tmp_path / 'table.csv',
        first=groups.Group(here, _fails, lambda: None),
        second=groups.Group(here, _rows, lambda: ''),
        third=groups.Group(_no_cloud, _rows, lambda: ''),
    )

    assert code == 1
    assert lines == [
        'group first,,not run: OSError: no such node,NO: rows',
        'a fault,list,exit 0,yes',
        'group third,,not run: CloudError: no Keystone,NO: rows',
    ]


def test_a_fault_that_the_machine_cannot_cause_is_a_row(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    group = groups.Group(contextlib.nullcontext, _fails, lambda: 'no mount')
    code, lines = _table(monkeypatch, tmp_path / 'table.csv', only=group)

    assert (code, lines) == (0, ['group only,,not run: no mount,not run'])
