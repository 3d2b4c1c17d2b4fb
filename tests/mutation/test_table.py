# SPDX-License-Identifier: Apache-2.0

"""Tests of the table of mutants."""

from tests.mutation import table

TABLE = """\
Module,Mutants,Detected
drivers.http,153,152
model.plan,51,51
total,204,203
"""
DETECTED = {
    'glance_cache_osc.model.plan.x_split__mutmut_1': True,
    'glance_cache_osc.drivers.http.xǁClientǁsend__mutmut_1': False,
    'glance_cache_osc.model.plan.x_split__mutmut_2': False,
    'glance_cache_osc.model.plan.xǁPlanǁadd__mutmut_1': True,
}


def test_a_row_for_each_module_and_the_total() -> None:
    assert table.as_csv(table.by_module(DETECTED)) == (
        'Module,Mutants,Detected\n'
        'drivers.http,1,0\n'
        'model.plan,3,2\n'
        'total,4,2\n'
    )


def test_modules_that_are_tested_again_replace_their_rows() -> None:
    rows = [table.Row('model.plan', 60, 58), table.Row('model.new', 5, 5)]

    assert table.as_csv(table.updated(TABLE, rows)) == (
        'Module,Mutants,Detected\n'
        'drivers.http,153,152\n'
        'model.new,5,5\n'
        'model.plan,60,58\n'
        'total,218,215\n'
    )
