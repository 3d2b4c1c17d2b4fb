# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache watch``."""

import argparse
import asyncio
import collections
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import datetime
import os
import time

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import common
from glance_cache_osc.command import options
from glance_cache_osc.command import policy_files
from glance_cache_osc.command import progress
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import images
from glance_cache_osc.monitoring import board as boards
from glance_cache_osc.transport import attempt

_INTERVAL = 5.0
_MIN_INTERVAL = 0.1
#: With fewer nodes than these, there is a row for each node.
_FEW_NODES = 30
#: Seconds between updates of the live view.
_REFRESH = 0.5
#: Seconds until a cloud's Glance is asked again after a failure.
_LOOK_UP_PAUSE = 60.0

_Report = Callable[[list[boards.Change]], Awaitable[None]]


class WatchImageCache(common.CacheCommand):
    """Show caches and their changes until Ctrl-C."""

    _description = _(
        'Show the contents of the caches and their changes until Ctrl-C. '
        'On a terminal, the output is a table of sites, or of nodes if '
        'there are fewer than 30 nodes; rows that need attention come first. '
        'Elsewhere, each change is one line. The command changes nothing.'
    )
    _epilog = _(
        'The images of the policy, and the addresses of nodes with discover, '
        'are looked up once, at the start.'
    )
    _example_intro = _('Watch what all sites lack of a policy:')
    _example = 'openstack image cache watch --policy image-sites.yaml'
    changes = False

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        policy_files.add_option(
            parser,
            _(
                'Policy file: show how many images are missing, and when they '
                "will be cached; '-' is standard input"
            ),
        )
        parser.add_argument(
            '--interval',
            metavar='<seconds>',
            type=_interval,
            default=_INTERVAL,
            help=_('Seconds between two reads of a node (default: %g)')
            % _INTERVAL,
        )
        parser.add_argument(
            '--by-node',
            action='store_true',
            help=_('Show one row for each node instead of each site'),
        )

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Watch until Ctrl-C."""
        policy = policy_files.from_args(parsed_args)
        members = self.chosen_fleet(parsed_args)
        wanted: policy_files.Wanted = {}
        if policy:
            wanted = self.loop.run(policy_files.find(self, policy, members))
            if self.failures.others:
                # The view would show sites that comply with a part of it.
                return
        sizes = {
            place: {image.image_id: image.size or 0 for image in want.images}
            for place, want in wanted.items()
        }

        def wanted_on(member: fleet.Member) -> Mapping[str, int] | None:
            return sizes.get(fleet.place(member))

        board = boards.Board(
            members, wanted_on if policy else None, time.monotonic
        )
        by_node = parsed_args.by_node or len(members) < _FEW_NODES
        is_dumb = os.environ.get('TERM') in (None, 'dumb', 'unknown')
        if self.app.stdout.isatty() and not is_dumb:
            watching = self._on_screen(
                board, members, parsed_args, by_node=by_node
            )
        else:
            watching = self._in_lines(board, members, parsed_args)
        self.loop.run(watching)
        # Ctrl-C is the normal end, not an interruption.
        self.loop.interrupted = False

    async def _on_screen(
        self,
        board: boards.Board,
        members: list[fleet.Member],
        parsed_args: argparse.Namespace,
        *,
        by_node: bool,
    ) -> None:
        from glance_cache_osc.command import watch_display

        async def report(_changes: list[boards.Change]) -> None:
            pass

        async def draw() -> None:
            while True:
                screen.show(board, datetime.datetime.now(datetime.UTC))
                await asyncio.sleep(_REFRESH)

        stdout = self.app.stdout
        with (
            watch_display.Screen(stdout, by_node=by_node) as screen,
            progress.suspendable(screen.stop, screen.start),
        ):
            await _until_cancelled(
                [
                    draw(),
                    *(
                        _follow(board, one, parsed_args.interval, report)
                        for one in members
                    ),
                ]
            )
            screen.show(board, datetime.datetime.now(datetime.UTC))

    async def _in_lines(
        self,
        board: boards.Board,
        members: list[fleet.Member],
        parsed_args: argparse.Namespace,
    ) -> None:
        #: The images of each cloud, by ID.
        known: dict[str, dict[str, images.Image]] = collections.defaultdict(
            dict
        )
        #: When a cloud's Glance is asked again after a failure.
        retry: dict[str, float] = collections.defaultdict(float)
        clock = asyncio.get_running_loop().time
        # Many nodes report the same image at the same time: it is looked up
        # once.
        locks: dict[str, asyncio.Lock] = collections.defaultdict(asyncio.Lock)

        async def look_up(cloud: clouds.Cloud, image_ids: set[str]) -> None:
            async with locks[cloud.name]:
                here = known[cloud.name]
                missing = sorted(image_ids - here.keys())
                if not missing or clock() < retry[cloud.name]:
                    return
                try:
                    found = await cloud.catalogue().by_id(missing)
                except errors.CatalogueError:
                    retry[cloud.name] = clock() + _LOOK_UP_PAUSE
                    return
                for one in missing:
                    here[one] = found.get(one) or images.Image(one)

        async def report(changes: list[boards.Change]) -> None:
            image_ids = {one.image_id for one in changes if one.image_id}
            if image_ids:
                # All changes are those of one node.
                await look_up(changes[0].member.cloud, image_ids)
            for one in changes:
                words = [one.member.node.name, one.what]
                if one.image_id:
                    here = known[one.member.cloud.name]
                    image = here.get(one.image_id, images.Image(one.image_id))
                    words.append(image.label)
                now = datetime.datetime.now(datetime.UTC)
                line = columns.safe_text(' '.join(words))
                self.app.stdout.write(f'{now:%Y-%m-%dT%H:%M:%SZ} {line}\n')
            if changes:
                self.app.stdout.flush()

        columns.escape_unencodable(self.app.stdout)
        await _until_cancelled(
            _follow(board, one, parsed_args.interval, report)
            for one in members
        )


def _interval(text: str) -> float:
    """Parse a number of seconds that is not less than the minimum."""
    number = options.seconds(text)
    if number < _MIN_INTERVAL:
        raise argparse.ArgumentTypeError(
            _("'%(text)s' is less than %(least)g seconds")
            % {'text': text, 'least': _MIN_INTERVAL}
        )
    return number


async def _follow(
    board: boards.Board,
    member: fleet.Member,
    interval: float,
    report: _Report,
) -> None:
    """Read a node once in each interval."""
    clock = asyncio.get_running_loop().time
    while True:
        began = clock()
        try:
            changes = board.update(member, await member.driver.list_entries())
        except errors.NodeError as error:
            attempt.drop_frames(error)
            changes = board.fail(member, error)
        await report(changes)
        await asyncio.sleep(max(began + interval - clock(), 0))


async def _until_cancelled(work: Iterable[Awaitable[None]]) -> None:
    """Run all tasks at once, until Ctrl-C.

    :raises Exception: the first exception of a task.
    """
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    except asyncio.CancelledError:
        pass
    finally:
        for one in tasks:
            one.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
