# SPDX-License-Identifier: Apache-2.0

"""A node that is killed before, during and after each change.

Each row states as well whether the fault occurred: whether the node is down,
how many changes it received, and the contents of its cache when it is started
again.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import threading

from tests.faults.stage import BERGEN
from tests.faults.stage import OSLO
from tests.faults.stage import Stage
from tests.faults.table import Row
from tests.polling import until
from tests.relay import Cut
from tests.relay import Fault
from tests.relay import Request

_WAITS = ('--wait', '--timeout', '3')
_REFUSED = 'Cannot connect: Connection refused. …'
_BROKE = 'The connection broke: …'
_RESET = f'{_BROKE} The request may have succeeded…'
_CANNOT_READ = f'stderr: Cannot read the cache of {BERGEN}: {_REFUSED}'
_NOT_IN_TIME = (
    f'stderr: Not cached on {BERGEN}: alpha: Not cached within 3 seconds. '
    f'Last response: {_BROKE}'
)


@dataclasses.dataclass(frozen=True)
class _Case:
    """A command, and its expected result when edge-bergen is killed.

    :ivar cached: whether alpha is cached on both nodes before the command
    :ivar done: the text of a row
    :ivar holds: the expected entries of edge-oslo after the command
    :ivar during: the message if there is no response to the change
    :ivar after: the message if the node responded and was killed then
    """

    command: tuple[str, ...]
    cached: bool
    done: str
    holds: list[str]
    during: str
    after: str = ''
    shown_after: str = ''


_QUEUE = f'stderr: Cannot queue image alpha on {BERGEN}: {_RESET}'
_CASES = (
    _Case(('queue', 'alpha'), False, 'alpha queued', ['alpha cached'], _QUEUE),
    _Case(
        ('delete', 'alpha', '--auto-approve'),
        True,
        'alpha deleted',
        [],
        f'stderr: Cannot delete image alpha from the cache of {BERGEN}: '
        f'{_RESET}',
    ),
    _Case(
        ('clear', '--auto-approve'),
        True,
        '1 cached',
        [],
        f'stderr: Cannot clear the cache of {BERGEN}: {_RESET}',
    ),
    *(
        _Case(
            (*words, *_WAITS),
            False,
            'alpha cached',
            ['alpha cached'],
            _NOT_IN_TIME,
            _NOT_IN_TIME,
            'alpha queued',
        )
        for words in (('queue', 'alpha'), ('sync', 'alpha'))
    ),
)
MOMENTS = {
    'before': 'before the command',
    'unsent': 'when the change is sent, before it reaches the node',
    'lost': 'when it has received the change, and its response is lost',
    'after': 'after its response to the change',
}


def rows(
    stage: Stage,
    moments: Iterable[str] = tuple(MOMENTS),
    commands: Iterable[str] = ('queue', 'delete', 'clear', 'sync'),
) -> Iterator[Row]:
    """A row for each command and time."""
    stage.image('alpha')
    for moment in moments:
        for case in _CASES:
            if case.command[0] in commands:
                yield _killed(stage, case, moment)


def _killed(stage: Stage, case: _Case, moment: str) -> Row:
    stage.set_up(cached=('alpha',) if case.cached else ())
    if moment == 'before':
        stage.name_nodes({OSLO: stage.oslo.url, BERGEN: stage.bergen.url})
        stage.bergen.kill()
    else:
        stage.relay.fault = _killer(stage, moment)
    try:
        done = stage.cache(*case.command, '--all-nodes')
    finally:
        stage.name_nodes({})
    result = stage.describe(done)
    # Without --wait, the row states "queued", and the fill ends later.
    until(lambda: stage.holds(stage.oslo) == case.holds)
    shown = f'{case.done} {OSLO}'
    if moment == 'before':
        expected = f'exit 1; {shown}; {_CANNOT_READ}'
    elif moment in ('unsent', 'lost'):
        expected = f'exit 1; {shown}; {case.during}'
    else:
        code = 1 if case.after else 0
        theirs = case.shown_after or case.done
        expected = f'exit {code}; {shown}; {theirs} {BERGEN}'
        expected += f'; {case.after}' if case.after else ''
    received = moment in ('lost', 'after')
    contains = 'alpha' if case.cached != received else 'nothing'
    return Row(
        f'{BERGEN} is killed {MOMENTS[moment]}',
        ' '.join(case.command),
        f'{result}; {_evidence(stage)}',
        f'{expected}; {BERGEN} is down, changes received: {int(received)}, '
        f'contains {contains}',
    )


def _evidence(stage: Stage) -> str:
    """The state of the node. It is started again, to read its cache."""
    down = 'RUNS' if stage.bergen.process.runs() else 'is down'
    changes = sum(one.changes for one in stage.relay.answered)
    if not stage.bergen.process.runs():
        stage.bergen.start()
    names = {entry.split()[0] for entry in stage.holds(stage.bergen)}
    contains = ', '.join(sorted(names)) or 'nothing'
    return f'{BERGEN} {down}, changes received: {changes}, contains {contains}'


def _killer(stage: Stage, moment: str) -> Fault:
    def fault(request: Request, forward: Callable[[], bytes]) -> bytes | Cut:
        if not request.changes or not stage.bergen.process.runs():
            return forward()
        if moment == 'unsent':
            stage.bergen.kill()
            return Cut()
        answer = forward()
        if request.method == 'PUT':
            # A node that is killed during the fill may lose the image.
            until(lambda: stage.holds(stage.bergen) == ['alpha cached'])
        stage.bergen.kill()
        return Cut() if moment == 'lost' else answer

    return fault


def recovered(
    stage: Stage, commands: Iterable[str] = ('queue', 'sync')
) -> Iterator[Row]:
    """A node that is killed during a wait, and started again."""
    for command in commands:
        stage.set_up()
        up = threading.Event()

        def fault(
            request: Request,
            forward: Callable[[], bytes],
            up: threading.Event = up,
        ) -> bytes:
            if not request.changes or up.is_set():
                return forward()
            up.set()
            stage.bergen.kill()
            # One second is sufficient for the command to notice.
            threading.Timer(1.0, stage.bergen.start).start()
            return forward()

        stage.relay.fault = fault
        done = stage.cache(command, 'alpha', '--wait', '--all-nodes')
        yield Row(
            f'{BERGEN} is killed when the change is sent, before it reaches '
            'the node, and started again a second later',
            f'{command} alpha --wait',
            f'{stage.describe(done)}; {BERGEN} '
            f'{"was" if up.is_set() else "was NOT"} killed, contains '
            + ', '.join(stage.holds(stage.bergen)),
            f'exit 0; alpha cached {OSLO}; alpha cached {BERGEN}; {BERGEN} '
            'was killed, contains alpha cached',
        )
