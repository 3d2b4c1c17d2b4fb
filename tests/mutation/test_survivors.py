# SPDX-License-Identifier: Apache-2.0

"""Tests of the permitted survivors."""

import pathlib

import pytest

from tests.mutation import survivors

DIFF = """\
# glance_cache_osc.drivers.retries.xǁRetriesǁwait__mutmut_7: survived
--- glance_cache_osc/drivers/retries.py
+++ glance_cache_osc/drivers/retries.py
@@ -10,8 +10,7 @@
     elapsed = self._clock() - self._began
-        raise errors.TimedOut(
-            _('Its answer'),
+        raise errors.TimedOut(
+            None,
         )
"""


def test_a_mutant_is_identified_by_its_change() -> None:
    name = 'glance_cache_osc.drivers.retries.xǁRetriesǁwait__mutmut_7'

    assert survivors.Survivor.of(name, DIFF) == survivors.Survivor(
        'drivers.retries.wait',
        "raise errors.TimedOut( _('Its answer'),",
        'raise errors.TimedOut( None,',
    )


@pytest.mark.parametrize(
    ('name', 'function'),
    [
        (
            'glance_cache_osc.model.entries.x__count__mutmut_10',
            'model.entries._count',
        ),
        (
            'glance_cache_osc.drivers.retries.xǁRetriesǁ__init____mutmut_3',
            'drivers.retries.__init__',
        ),
        ('glance_cache_osc.model.plan.strange', 'model.plan.strange'),
    ],
)
def test_the_function_of_a_mutant(name: str, function: str) -> None:
    assert survivors.function_of(name) == function


def test_backquotes_of_code_are_removed(tmp_path: pathlib.Path) -> None:
    path = tmp_path / 'survivors.csv'
    path.write_text('A,B,C,D\n``a``,``*b``,``**c``,So\n', 'utf-8')

    assert survivors.explained(path) == {
        survivors.Survivor('a', '*b', '**c'): 'So'
    }


def test_each_permitted_survivor_has_a_reason() -> None:
    assert all(survivors.explained().values())


def test_the_code_of_each_permitted_survivor_exists() -> None:
    assert [
        one
        for one in survivors.explained()
        if one.original not in survivors.code_of(one)
    ] == []


@pytest.mark.parametrize('row', ['a,b,c', 'a,b,c,', 'a,b,c, '])
def test_a_survivor_without_a_reason_is_rejected(
    tmp_path: pathlib.Path, row: str
) -> None:
    path = tmp_path / 'survivors.csv'
    path.write_text(f'Function,Original code,Mutant,Reason\n{row}\n', 'utf-8')

    with pytest.raises(ValueError, match=r'^no reason for '):
        survivors.explained(path)
