# SPDX-License-Identifier: Apache-2.0

"""The numbers and the picture of time against nodes."""

from tests.benchmarks import node_plot
from tests.benchmarks.drawing import LEFT
from tests.benchmarks.drawing import RIGHT

_NUMBERS = 'Nodes,image cache list (s),Loop (s)\n1,1.00,1.20\n"10,000",8.25,\n'


def test_sizes_without_a_loop_have_an_empty_cell() -> None:
    ours = {10_000: 8.25, 1: 1.0}

    assert node_plot.as_csv(ours, {1: 1.2}) == _NUMBERS


def test_the_picture_has_the_numbers_of_the_table() -> None:
    text = node_plot.picture(_NUMBERS)

    assert 'openstack image cache list: 8 s for 10,000 nodes' in text
    assert 'loop of openstack cached image list: 1 s for 1 nodes' in text
    assert text.count(f'<circle cx="{LEFT}.0"') == 2
    assert text.count(f'<circle cx="{RIGHT}.0"') == 1


def test_the_picture_of_the_manual_has_the_numbers_of_the_manual() -> None:
    numbers = node_plot.CSV.read_text(encoding='utf-8')

    assert node_plot.SVG.read_text(encoding='utf-8') == node_plot.picture(
        numbers
    )
