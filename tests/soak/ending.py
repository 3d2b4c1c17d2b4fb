# SPDX-License-Identifier: Apache-2.0

"""The end of a soak: no fault is set, and every state must be right."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
import json
from random import Random
import time

from tests.cloud import rest
from tests.simulated import SimulatedFleet
from tests.simulated.payloads import TOKEN
from tests.soak import states
from tests.soak.children import Child
from tests.soak.pace import Pace
from tests.soak.session import LIST
from tests.soak.session import METRICS
from tests.soak.session import Session
from tests.soak.session import SYNC
from tests.soak.table import Row
from tests.soak.watching import Watched

#: The share of the nodes on which somebody else queues an image.
_QUEUED = 0.1
_WAIT = '--wait --timeout 60 -f value -c Result'
#: How long fills take at the end, in seconds, and `watch` beyond one interval
#: and one timeout.
_FILLING_SECONDS = 30.0
_SLACK = 5.0
_LOOK = 0.1


class Ending:
    """The last commands."""

    def __init__(
        self,
        fleet: SimulatedFleet,
        pace: Pace,
        random: Random,
        watch: Child,
        watched: Watched,
    ) -> None:
        self._fleet = fleet
        self._pace = pace
        self._random = random
        self._watch = watch
        self._watched = watched

    def rows(self, session: Session) -> Iterator[Row]:
        """Run them, and compare what they print with the fleet.

        :raises SoakError: a command does not end
        """
        session.run(SYNC, session.sync_command(_WAIT))
        self._await_fills()
        self._queue_others()
        held = states.of_fleet(self._fleet)
        self._await_watch(held)
        unknown = tuple(self._watched.unknown)
        yield Row(
            'watch: lines',
            f'{self._watched.lines}, {len(unknown)} of another form',
            'no line of another form',
            held=not unknown,
            details=unknown,
        )
        wrong = states.wrong_in_watch(self._watched, held)
        yield self._row('watch', wrong)
        run = session.run(METRICS, session.metrics_command)
        yield self._row('metrics', states.wrong_in_metrics(run.text, held))
        run = session.run(LIST, LIST)
        try:
            listed = json.loads(''.join(run.lines))
        except ValueError:
            listed = []
        wrong = states.wrong_in_list(listed, held, self._fleet.images)
        yield self._row('list', wrong)
        run = session.run('check', session.sync_command('--check'))
        yield Row(
            'state at the end: sync --check',
            f'exit code {run.code}',
            'exit code 0',
            held=run.code == 0,
        )
        self._watch.end(by_signal=True)
        session.child.end(by_signal=False)
        codes = (self._watch.code, session.child.code)
        yield Row(
            'exit codes of watch and of the prompt',
            ', '.join(map(str, codes)),
            '0, 1',
            # A prompt of OpenStackClient always ends with 1.
            held=codes == (0, 1),
        )

    def _row(self, what: str, wrong: Sequence[str]) -> Row:
        right = self._pace.nodes - len(wrong)
        return Row(
            f'state at the end: {what}',
            f'right for {right} of {self._pace.nodes} nodes',
            'right for all nodes',
            held=not wrong,
            details=tuple(wrong),
        )

    def _await_fills(self) -> None:
        deadline = time.monotonic() + _FILLING_SECONDS
        while time.monotonic() < deadline and any(
            one['queued'] for one in self._fleet.caches().values()
        ):
            time.sleep(_LOOK)

    def _queue_others(self) -> None:
        """Queue images that stay queued, so that nodes differ."""
        self._fleet.set_fill(None)
        nodes, caches = self._fleet.nodes, self._fleet.caches()
        count = max(int(len(nodes) * _QUEUED), 1)
        for node in self._random.sample(list(nodes), count):
            others = self._fleet.images.keys() - caches[node]['cached']
            image_id = self._random.choice(sorted(others))
            url = f'{nodes[node]}/v2/cache/{image_id}'
            rest.call('PUT', url, token=TOKEN)

    def _await_watch(self, held: dict[str, states.State]) -> None:
        """Wait until the lines of `watch` add up to these states."""
        pace = self._pace
        deadline = time.monotonic() + pace.watch + pace.node_timeout + _SLACK
        while time.monotonic() < deadline:
            for line in self._watch.lines():
                self._watched.add(line)
            if not states.wrong_in_watch(self._watched, held):
                return
            time.sleep(_LOOK)
