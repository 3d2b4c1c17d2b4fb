# SPDX-License-Identifier: Apache-2.0

"""A plot with two logarithmic axes, as SVG. Pure.

The picture has a background and colours of its own, for light and for dark
pages. Without colours, lines differ in their dashes and markers.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 420
#: The edges of the plot, in pixels from the left and from the top.
LEFT, RIGHT, TOP, BOTTOM = 64, 690, 44, 364
_STEPS = (1, 2, 5)
_STYLE = """
svg { font: 13px DejaVu Sans, Verdana, sans-serif; fill: #222 }
text { stroke: #fff; stroke-width: 4; paint-order: stroke }
polyline { fill: none; stroke-width: 2 }
.page { fill: #fff }
.grid { stroke: #ddd }
.a { stroke: #0b5cad; fill: #0b5cad }
.b { stroke: #b3400a; fill: #b3400a }
.b polyline { stroke-dasharray: 7 4 }
.b circle { fill: #fff; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
svg { fill: #eee }
text { stroke: #16181d }
.page, .b circle { fill: #16181d }
.grid { stroke: #3a3d44 }
.a { stroke: #6cb2ff; fill: #6cb2ff }
.b { stroke: #ffa05c; fill: #ffa05c }
}
"""


@dataclass(frozen=True)
class Line:
    """One line.

    :ivar label: stands beside its last point
    :ivar points: x → y, all above 0
    """

    label: str
    points: Mapping[int, float]


class Axis:
    """A logarithmic axis. It begins and ends at 1, 2 or 5 times 10 ** n.

    :param values: all values that it must contain, above 0
    :param first: the coordinate where it begins, in pixels
    :param last: the coordinate where it ends
    :ivar ticks: the values with a grid line
    """

    def __init__(
        self, values: Iterable[float], first: float, last: float
    ) -> None:
        found = list(values)
        steps = [step * 10.0**n for n in range(-6, 10) for step in _STEPS]
        begin = max(one for one in steps if one <= min(found))
        end = min(one for one in steps if one >= max(found) and one > begin)
        self.ticks = [one for one in steps if begin <= one <= end]
        self._begin = math.log10(begin)
        self._first = first
        self._pixels = (last - first) / (math.log10(end) - self._begin)

    def at(self, value: float) -> float:
        """The coordinate of a value, in pixels."""
        return self._first + self._pixels * (math.log10(value) - self._begin)


def draw(title: str, x_title: str, y_title: str, lines: Sequence[Line]) -> str:
    """The plot as the text of an SVG file.

    :param lines: one or two, each with one point or more
    """
    x_axis = Axis((x for one in lines for x in one.points), LEFT, RIGHT)
    y_values = (y for one in lines for y in one.points.values())
    y_axis = Axis(y_values, BOTTOM, TOP)
    shapes = [
        f'<title>{escape(title)}</title>',
        f'<style>{_STYLE}</style>',
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
        *_grid(x_axis, y_axis),
        _text(LEFT, 26, title, 'start'),
        _text((LEFT + RIGHT) / 2, HEIGHT - 14, x_title, 'middle'),
        f'<g transform="translate(16 {(TOP + BOTTOM) / 2}) rotate(-90)">'
        f'{_text(0, 0, y_title, "middle")}</g>',
    ]
    for kind, line in zip('ab', lines):
        points = [
            (x_axis.at(x), y_axis.at(line.points[x]))
            for x in sorted(line.points)
        ]
        shapes += [f'<g class="{kind}">', *_line(line.label, points), '</g>']
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" {size}>\n{chr(10).join(shapes)}\n'
        '</svg>\n'
    )


def _grid(x_axis: Axis, y_axis: Axis) -> Iterator[str]:
    """A line for each tick; numbers at powers of ten, and at all of y."""
    for value in x_axis.ticks:
        x = x_axis.at(value)
        yield _segment((x, TOP), (x, BOTTOM))
        if math.log10(value).is_integer():
            yield _text(x, BOTTOM + 20, f'{value:,.10g}', 'middle')
    for value in y_axis.ticks:
        y = y_axis.at(value)
        yield _segment((LEFT, y), (RIGHT, y))
        yield _text(LEFT - 8, y + 5, f'{value:,.10g}', 'end')


def _line(label: str, points: Sequence[tuple[float, float]]) -> Iterator[str]:
    corners = ' '.join(f'{x:.1f},{y:.1f}' for x, y in points)
    yield f'<polyline points="{corners}"/>'
    yield from (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"/>' for x, y in points
    )
    x, y = points[-1]
    # On the side of the last point where there is more space.
    if x < (LEFT + RIGHT) / 2:
        yield _text(x + 12, y + 5, label, 'start')
    else:
        yield _text(x, y - 14, label, 'end')


def _segment(begin: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = begin, end
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line class="grid" {ends}/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place}>{escape(words)}</text>'
