# SPDX-License-Identifier: Apache-2.0

"""Whether a command reported the faults that were set while it ran."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

from prometheus_client import parser

from tests.simulated import Fault
from tests.simulated.faults import SLOW_SECONDS
from tests.soak.injection import Injection
from tests.soak.session import METRICS
from tests.soak.session import Run

_PREFIX = 'glance_image_cache_'
UP = f'{_PREFIX}node_up'
_DURATION = f'{_PREFIX}read_duration_seconds'
_TAKEN = f'{_PREFIX}run_timestamp_seconds'
#: In seconds: the time in the metrics has whole ones.
_CLOCK = 1.0

Metrics = Mapping[str, Mapping[str, float]]
"""Name of a node → metric, and its state if it has one → value."""


@dataclass
class Overlap:
    """The faults that were set while a command ran.

    :ivar throughout: they were set during all of it
    :ivar partly: they were set or cleared while it ran
    """

    throughout: list[Injection] = field(default_factory=list)
    partly: list[Injection] = field(default_factory=list)

    @property
    def codes(self) -> set[int]:
        """The exit codes that the command may have."""
        if any(one.kind is not Fault.SLOW for one in self.throughout):
            return {1}
        return {0, 1} if self.partly else {0}


def overlap(run: Run, history: Iterable[Injection]) -> Overlap:
    """The faults that a command met, or may have met."""
    found = Overlap()
    for one in history:
        if one.set <= run.began and run.ended <= one.clearing:
            found.throughout.append(one)
        elif one.setting < run.ended and run.began < one.cleared:
            found.partly.append(one)
    return found


def wrong(run: Run, met: Overlap, nodes: Sequence[str]) -> Iterator[str]:
    """All that is wrong with a command, a line each."""
    if run.code not in met.codes:
        kinds = ', '.join(sorted({one.kind for one in met.throughout}))
        yield (
            f'exit code {run.code}, not {met.codes}; faults throughout:'
            f' {kinds or "none"}; last line: {"".join(run.lines[-1:])}'
        )
    if any('Traceback' in line for line in run.lines):
        yield f'a traceback: {run.lines[-1]}'
    if run.what == METRICS:
        yield from _wrong_metrics(run, met, nodes)


def _wrong_metrics(
    run: Run, met: Overlap, nodes: Sequence[str]
) -> Iterator[str]:
    metrics, taken = read(run.text)
    if not run.taken - _CLOCK <= taken <= run.taken - run.began + run.ended:
        yield f'metrics of {taken}; the command began at {run.taken}'
    if missing := set(nodes) ^ metrics.keys():
        yield f'metrics without, or of unknown nodes: {sorted(missing)[:3]}'
    uncertain = {one.node for one in met.partly}
    kinds = {one.node: one.kind for one in met.throughout}
    for name in metrics.keys() - uncertain:
        kind, values = kinds.get(name), metrics[name]
        up = kind in {None, Fault.SLOW}
        if values.get(UP) != up:
            yield f'{name}: {UP} {values.get(UP)}; fault: {kind}'
        if (_DURATION in values) != up:
            yield f'{name}: a duration, or none; fault: {kind}'
        if kind is Fault.SLOW and values.get(_DURATION, 0) < SLOW_SECONDS:
            yield f'{name}: too short a duration; fault: {kind}'


def read(text: str) -> tuple[Metrics, float]:
    """The metrics of each node, and when they were taken."""
    by_node: dict[str, dict[str, float]] = {}
    taken = 0.0
    for family in parser.text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == _TAKEN:
                taken = sample.value
            if name := sample.labels.get('node'):
                key = ' '.join(
                    filter(None, (sample.name, sample.labels.get('state')))
                )
                by_node.setdefault(name, {})[key] = sample.value
    return by_node, taken
