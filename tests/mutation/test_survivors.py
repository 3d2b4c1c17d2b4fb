# SPDX-License-Identifier: Apache-2.0

"""What mutmut says of a mutant, and what the manual says of it."""

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


def test_a_mutant_is_known_by_what_it_changes() -> None:
    name = 'glance_cache_osc.drivers.retries.xǁRetriesǁwait__mutmut_7'

    assert survivors.Survivor.of(name, DIFF) == survivors.Survivor(
        'drivers.retries.wait',
        "raise errors.TimedOut( _('Its answer'),",
        'raise errors.TimedOut( None,',
    )


@pytest.mark.parametrize(
    ('name', 'place'),
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
def test_its_place_is_a_function(name: str, place: str) -> None:
    assert survivors.place(name) == place


def test_code_in_the_manual_is_marked(tmp_path: pathlib.Path) -> None:
    path = tmp_path / 'survivors.csv'
    path.write_text('A,B,C,D\n``a``,``*b``,``**c``,So\n', 'utf-8')

    assert survivors.explained(path) == {
        survivors.Survivor('a', '*b', '**c'): 'So'
    }


def test_each_that_may_be_has_a_reason() -> None:
    assert all(survivors.explained().values())


@pytest.mark.parametrize('row', ['a,b,c', 'a,b,c,', 'a,b,c, '])
def test_one_without_a_reason_is_refused(
    tmp_path: pathlib.Path, row: str
) -> None:
    path = tmp_path / 'survivors.csv'
    path.write_text(f'Where,Instead of,Stands,Why\n{row}\n', 'utf-8')

    with pytest.raises(ValueError, match=r'^no reason for '):
        survivors.explained(path)
