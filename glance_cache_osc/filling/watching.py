#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#        http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.


"""What a person sees of a wait: a display on a terminal, or plain lines."""

from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
import logging
import sys
from typing import Any
from typing import Protocol

from glance_cache_osc import columns
from glance_cache_osc.filling import fills
from glance_cache_osc.i18n import _

#: So many of the fills that are under way are named.
_MOST_NAMED = 2
_BAR_WIDTH = 24


@dataclasses.dataclass(frozen=True)
class Status:
    """How things stand.

    :param arrived: fills that are there.
    :param total: all fills.
    :param size: bytes that have arrived.
    :param total_size: bytes of all images, as far as they are known.
    :param seconds: since the wait began.
    :param filling: what may arrive next, one a node.
    """

    arrived: int
    total: int
    size: int
    total_size: int
    seconds: float
    filling: Sequence[fills.Fill] = ()


class Watcher(Protocol):
    """Who is told what happens, on the thread that waits."""

    def update(self, status: Status) -> None:
        """How things stand, at least once a second."""

    def arrived(self, fill: fills.Fill) -> None:
        """A fill is there."""

    def stalled(self, place: fills.Place) -> None:
        """Nothing arrives on a node; once a node."""


class Lines:
    """A watcher that says what happens, on a line each.

    :param log: arrivals are for ``-v``, stalls for everybody.
    :param stall_after: seconds after which a node is told as stalled.
    """

    def __init__(self, log: logging.Logger, stall_after: float) -> None:
        self._log = log
        self._stall_after = stall_after

    def update(self, status: Status) -> None:
        """Say nothing."""

    def arrived(self, fill: fills.Fill) -> None:
        """Say what arrived where."""
        self.say(
            logging.INFO,
            _('Cached: image %(image)s on %(node)s')
            % {'image': fill.image.label, 'node': fill.member.node.label},
        )

    def stalled(self, place: fills.Place) -> None:
        """Say what may be the matter, and what to do."""
        self.say(logging.WARNING, stall_words(place, self._stall_after))

    def say(self, level: int, line: str) -> None:
        """Print a line."""
        self._log.log(level, columns.safe_text(line))


class Display(Lines):
    """A watcher that shows how far everything is, on a terminal.

    :param live: a `rich.live.Live` that is shown.
    """

    def __init__(
        self, log: logging.Logger, stall_after: float, live: Any
    ) -> None:
        super().__init__(log, stall_after)
        self._live = live

    def update(self, status: Status) -> None:
        """Show it."""
        self._live.update(picture(status), refresh=True)

    def say(self, level: int, line: str) -> None:
        """Print a line above the display."""
        if not any(one.level <= level for one in logging.root.handlers):
            return
        # The display knows nothing of log handlers: it makes way for them.
        self._live.stop()
        super().say(level, line)
        self._live.start(refresh=True)


@contextlib.contextmanager
def shown(log: logging.Logger, stall_after: float) -> Iterator[Lines]:
    """Show a wait on standard error: a display if that is a terminal."""
    if not sys.stderr.isatty():
        yield Lines(log, stall_after)
        return
    import rich.console
    import rich.live

    console = rich.console.Console(file=sys.stderr)
    with rich.live.Live(
        console=console, auto_refresh=False, transient=True
    ) as live:
        yield Display(log, stall_after, live)


def picture(status: Status) -> Any:
    """What a terminal shows: a bar with figures, and what is filled."""
    import rich.console
    import rich.progress_bar
    import rich.table
    import rich.text

    line = rich.table.Table.grid(padding=(0, 1))
    line.add_row(
        rich.text.Text(_('Filling')),
        rich.progress_bar.ProgressBar(
            total=max(status.total, 1),
            completed=status.arrived,
            width=_BAR_WIDTH,
        ),
        rich.text.Text(figures(status)),
    )
    names = rich.text.Text(
        names_of(status.filling), no_wrap=True, overflow='ellipsis'
    )
    return rich.console.Group(line, names)


def figures(status: Status) -> str:
    """How much has arrived, how fast, and how long the rest may take."""
    parts = [f'{status.arrived}/{status.total}']
    if status.total_size:
        size = columns.human_size(status.size)
        parts.append(f'{size} / {columns.human_size(status.total_size)}')
    if status.size and status.seconds > 0:
        rate = status.size / status.seconds
        parts.append(f'{columns.human_size(int(rate))}/s')
        left = _duration((status.total_size - status.size) / rate)
        parts.append(_('%s left') % left)
    return '  '.join(parts)


def names_of(filling: Sequence[fills.Fill]) -> str:
    """What is being filled, and where."""
    named = [
        _('%(image)s on %(node)s')
        % {
            'image': columns.safe_text(fill.image.name or fill.image.image_id),
            'node': fill.member.node.name,
        }
        for fill in filling[:_MOST_NAMED]
    ]
    more = len(filling) - len(named)
    if more:
        named.append(_('%d more') % more)
    return ', '.join(named)


def stall_words(place: fills.Place, stall_after: float) -> str:
    """What may be the matter with a node, and what to do about it."""
    words = _('Nothing has arrived on %(node)s for %(seconds)g seconds') % {
        'node': place.member.node.label,
        'seconds': stall_after,
    }
    if place.error:
        return f'{words}: {place.error}'
    if program := place.member.driver.filled_by:
        return _(
            "%(words)s. Images are fetched there when '%(program)s' runs: "
            'see that it does.'
        ) % {'words': words, 'program': program}
    causes = _(
        'It may be that a fill takes longer (--stall-after sets how long is '
        'too long), that the disk of its cache is full, or that glance-api '
        'lost what it was asked for: a fill that fails ends its cache '
        'thread. See its log, make room, restart glance-api, and queue again '
        'with --force.'
    )
    return f'{words}. {causes}'


def _duration(seconds: float) -> str:
    """A time span as a clock shows it: 1:02:03, or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f'{hours}:{minutes:02}:{rest:02}'
    return f'{minutes}:{rest:02}'
