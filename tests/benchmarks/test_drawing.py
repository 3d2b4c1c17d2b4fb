# SPDX-License-Identifier: Apache-2.0

"""Axes, points and labels of a plot."""

from xml.etree import ElementTree

import pytest

from tests.benchmarks import drawing
from tests.benchmarks.drawing import Axis
from tests.benchmarks.drawing import Line

_SVG = '{http://www.w3.org/2000/svg}'
_OURS = Line('ours', {1000: 4.0, 1: 1.0, 10: 2.0})
_PEER = Line('peer & <loop>', {1: 1.0, 10: 16.0})


@pytest.fixture
def svg() -> ElementTree.Element:
    text = drawing.draw('Time', 'nodes', 'seconds', [_OURS, _PEER])
    return ElementTree.fromstring(text)  # noqa: S314 - our own text


def group(svg: ElementTree.Element, kind: str) -> ElementTree.Element:
    found = svg.find(f'{_SVG}g[@class="{kind}"]')
    assert found is not None
    return found


def points(one: ElementTree.Element) -> list[tuple[float, float]]:
    return [
        (float(mark.attrib['cx']), float(mark.attrib['cy']))
        for mark in one.iter(f'{_SVG}circle')
    ]


def test_each_axis_begins_and_ends_at_1_2_or_5_times_a_power_of_ten() -> None:
    assert Axis([1, 1000], 0, 300).ticks == [
        *(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
    ]
    assert Axis([0.9, 39.4], 0, 1).ticks == [0.5, 1, 2, 5, 10, 20, 50]
    assert Axis([3], 0, 1).ticks == [2, 5]
    assert Axis([2], 0, 1).ticks == [2, 5]


def test_equal_ratios_are_equally_far_apart() -> None:
    axis = Axis([1, 1000], 0, 300)

    assert [axis.at(value) for value in (1, 10, 100, 1000)] == pytest.approx(
        [0, 100, 200, 300]
    )


def test_points_are_at_their_values_in_the_order_of_x(
    svg: ElementTree.Element,
) -> None:
    # x from 1 to 1,000, y from 1 to 20: BOTTOM to TOP.
    third = (drawing.RIGHT - drawing.LEFT) / 3
    ours, peer = points(group(svg, 'a')), points(group(svg, 'b'))
    double = (drawing.BOTTOM - drawing.TOP) * 0.2313782

    assert ours == [
        (drawing.LEFT, drawing.BOTTOM),
        pytest.approx(
            (drawing.LEFT + third, drawing.BOTTOM - double), abs=0.06
        ),
        pytest.approx((drawing.RIGHT, drawing.BOTTOM - 2 * double), abs=0.06),
    ]
    assert peer[1] == pytest.approx(
        (drawing.LEFT + third, drawing.BOTTOM - 4 * double), abs=0.06
    )
    polyline = group(svg, 'a').find(f'{_SVG}polyline')
    assert polyline is not None
    assert polyline.attrib['points'] == ' '.join(f'{x},{y}' for x, y in ours)


def test_axes_and_lines_have_labels(svg: ElementTree.Element) -> None:
    texts = [one.text for one in svg.iter(f'{_SVG}text')]

    assert texts == [
        *('1', '10', '100', '1,000'),
        *('1', '2', '5', '10', '20'),
        *('Time', 'nodes', 'seconds', 'ours', 'peer & <loop>'),
    ]
    assert svg.findtext(f'{_SVG}title') == 'Time'


def test_a_label_stands_where_there_is_space(svg: ElementTree.Element) -> None:
    anchors = {
        one.text: one.attrib['text-anchor'] for one in svg.iter(f'{_SVG}text')
    }

    assert anchors['ours'] == 'end'
    assert anchors['peer & <loop>'] == 'start'
