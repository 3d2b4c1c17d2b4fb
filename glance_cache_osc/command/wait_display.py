# SPDX-License-Identifier: Apache-2.0

"""The display of a wait: a live view on a terminal, or log messages."""

import collections
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import logging
import sys
from typing import Any

from glance_cache_osc import columns
from glance_cache_osc.command import progress
from glance_cache_osc.filling import fills
from glance_cache_osc.filling import watching
from glance_cache_osc.i18n import _

#: How many fills in progress are named.
_MOST_NAMED = 2
#: With more nodes than these, sites are shown instead; and how many sites.
_MANY_NODES = 20
_MOST_SITES = 5
_BAR_WIDTH = 24


class Lines:
    """A watcher that logs one line for each event.

    :param log: receives cached images as INFO, other events as WARNING.
    :param stall_after: seconds after which a node counts as stalled.
    """

    def __init__(self, log: logging.Logger, stall_after: float) -> None:
        self._log = log
        self._stall_after = stall_after

    def update(self, status: watching.Status) -> None:
        """Log nothing."""

    def arrived(self, fill: fills.Fill) -> None:
        """Log that an image is cached on a node."""
        self.log_line(
            logging.INFO,
            _('Cached: image %(image)s on %(node)s')
            % {'image': fill.image.label, 'node': fill.member.node.label},
        )

    def stalled(self, node: fills.NodeFills) -> None:
        """Log a stalled node, with likely causes and a remedy."""
        self.log_line(logging.WARNING, stall_message(node, self._stall_after))

    def interrupted(self, count: int) -> None:
        """Log the number of requests in progress after Ctrl-C."""
        self.log_line(
            logging.WARNING,
            _(
                'Interrupted. Waiting for queue requests in progress (%d); '
                'press Ctrl-C again to stop at once.'
            )
            % count,
        )

    def log_line(self, level: int, line: str) -> None:
        """Log a line."""
        self._log.log(level, columns.safe_text(line))


class Display(Lines):
    """A watcher that shows the progress on a terminal.

    :param make_live: makes a `rich.live.Live`.
    """

    def __init__(
        self,
        log: logging.Logger,
        stall_after: float,
        make_live: Callable[[], Any],
    ) -> None:
        super().__init__(log, stall_after)
        self._make_live = make_live
        self._live = make_live()
        self._content: Any = ''

    def start(self) -> None:
        """Show the display below the present output."""
        # If the same display started again, it would erase logged lines.
        self._live = self._make_live()
        self._live.start()
        self._live.update(self._content, refresh=True)

    def stop(self) -> None:
        """Remove the display."""
        self._live.stop()

    def update(self, status: watching.Status) -> None:
        """Show the current progress."""
        self._content = render(status, progress.overflow(self._live.console))
        self._live.update(self._content, refresh=True)

    def log_line(self, level: int, line: str) -> None:
        """Log a line above the display."""
        if not any(one.level <= level for one in logging.root.handlers):
            return
        # Log handlers write to the terminal without the display: remove it.
        self.stop()
        super().log_line(level, line)
        self.start()


@contextlib.contextmanager
def show(log: logging.Logger, stall_after: float) -> Iterator[Lines]:
    """Show a wait on standard error: a live view if that is a terminal."""
    if not sys.stderr.isatty():
        yield Lines(log, stall_after)
        return
    import rich.console
    import rich.live

    console = rich.console.Console(file=sys.stderr)
    display = Display(
        log,
        stall_after,
        lambda: rich.live.Live(
            console=console, auto_refresh=False, transient=True
        ),
    )
    display.start()
    try:
        with progress.suspendable(display.stop, display.start):
            yield display
    finally:
        display.stop()


def render(status: watching.Status, overflow: Any = 'ellipsis') -> Any:
    """The content of the live view: a bar, numbers, and fills in progress."""
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
        rich.text.Text(progress_text(status)),
    )
    several = status.nodes > _MANY_NODES
    names = rich.text.Text(
        sites_of(status.filling) if several else names_of(status.filling),
        no_wrap=True,
        overflow=overflow,
    )
    return rich.console.Group(line, names)


def progress_text(status: watching.Status) -> str:
    """The progress in numbers: images, bytes, rate, and remaining time."""
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


def sites_of(filling: Sequence[fills.Fill]) -> str:
    """The sites with the most fills in progress, and their numbers."""
    sites = collections.Counter(fill.member.node.site for fill in filling)
    named = [
        f'{columns.safe_text(site)}: {count}'
        for site, count in sites.most_common(_MOST_SITES)
    ]
    more = len(sites) - len(named)
    if more:
        named.append(_('%d more sites') % more)
    return ', '.join(named)


def names_of(filling: Sequence[fills.Fill]) -> str:
    """The images of fills in progress, and their nodes."""
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


def stall_message(node: fills.NodeFills, stall_after: float) -> str:
    """A message about a stalled node, with likely causes and a remedy."""
    words = _(
        'Stalled: no newly cached image on %(node)s for %(seconds)g seconds'
    ) % {
        'node': node.member.node.label,
        'seconds': stall_after,
    }
    if node.error:
        return f'{words}: {node.error}'
    if program := node.member.driver.filled_by:
        return _(
            "%(words)s. This node downloads images only when '%(program)s' "
            'runs: check that it is scheduled.'
        ) % {'words': words, 'program': program}
    causes = _(
        'Possible causes: the download takes longer than --stall-after, '
        'the disk of the cache is full, or an earlier fill failed, which '
        'ends the cache thread of glance-api. Check the log of glance-api '
        'and the disk, restart glance-api, and queue the images again with '
        '--force.'
    )
    return f'{words}. {causes}'


def _duration(seconds: float) -> str:
    """A duration in hours, minutes and seconds: 1:02:03, or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f'{hours}:{minutes:02}:{rest:02}'
    return f'{minutes}:{rest:02}'
