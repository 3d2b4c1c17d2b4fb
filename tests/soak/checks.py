# SPDX-License-Identifier: Apache-2.0

"""The rows for faults and for commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

from tests.simulated import Fault
from tests.soak import verdicts
from tests.soak.injection import Injection
from tests.soak.injection import STATUS
from tests.soak.session import METRICS
from tests.soak.session import Run
from tests.soak.session import SYNC
from tests.soak.table import Row

#: How many commands run, at least.
_FEWEST = 5


@dataclass
class _Tally:
    """All runs of one command.

    :ivar codes: exit code → how many runs had it
    :ivar required: exit code → how many runs could have no other
    :ivar details: what was wrong, a line each
    """

    runs: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    required: Counter[int] = field(default_factory=Counter)
    details: list[str] = field(default_factory=list)


class Judge:
    """Compares commands with the faults that were set while they ran.

    :param fully: whether each kind of fault must have been set while a whole
        `metrics` ran, and a whole `sync` must have met one; otherwise, one
        fault and one `metrics` suffice
    """

    def __init__(self, nodes: Sequence[str], *, fully: bool) -> None:
        self._nodes = nodes
        self._fully = fully
        self._tallies = {METRICS: _Tally(), SYNC: _Tally()}
        self._seen: Counter[Fault] = Counter()

    def add(self, run: Run, history: Sequence[Injection]) -> None:
        """Judge a command; its output is not kept.

        :param history: all faults so far
        """
        met = verdicts.overlap(run, history)
        tally = self._tallies[run.what]
        tally.runs += 1
        tally.codes[run.code] += 1
        if len(met.codes) == 1:
            tally.required.update(met.codes)
        tally.details += [
            f'{run.what} {tally.runs}: {line}'
            for line in verdicts.wrong(run, met, self._nodes)
        ]
        if run.what == METRICS:
            self._seen.update(one.kind for one in met.throughout)
        run.lines, run.text = [], ''

    @property
    def is_enough(self) -> bool:
        """Whether some commands required each exit code."""
        runs = [tally.runs for tally in self._tallies.values()]
        codes = self._tallies[METRICS].required
        return sum(runs) >= _FEWEST and codes[0] > 0 and codes[1] > 0

    def rows(self, history: Sequence[Injection]) -> Iterator[Row]:
        """A row for each command and each kind of fault."""
        for what, tally in self._tallies.items():
            strict = self._fully or what == METRICS
            codes, required = tally.codes, tally.required
            yield Row(
                f'commands: {what}',
                f'{tally.runs} run; exit code 0: {codes[0]}, 1: {codes[1]};'
                f' required: {required[0]} and {required[1]}',
                'exit codes and values as the faults require',
                # Without a run in calm, or in a storm, nothing is proved.
                held=not tally.details
                and required[0] > 0
                and (required[1] > 0 or not strict),
                details=tuple(tally.details),
            )
        for kind in STATUS:
            yield self._of_kind(
                kind, [one for one in history if one.kind is kind]
            )

    def _of_kind(self, kind: Fault, history: Sequence[Injection]) -> Row:
        unmet = tuple(
            f'{one.node}: {one.requests} requests; reported: {one.reported}'
            for one in history
            if not one.was_met
        )
        seen = self._seen[kind]
        return Row(
            f'fault: {kind}',
            f'{len(history)} set, {len(history) - len(unmet)} met; {seen}'
            ' during a whole metrics command',
            'all met',
            held=bool(history) and not unmet and bool(seen or not self._fully),
            details=unmet,
        )
