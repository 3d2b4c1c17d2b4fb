# SPDX-License-Identifier: Apache-2.0

"""Responses that are cut off, at each part of the response."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator

from tests.faults.stage import BERGEN
from tests.faults.stage import OSLO
from tests.faults.stage import Stage
from tests.faults.table import Row
from tests.relay import Cut
from tests.relay import Request

_END = b'\r\n\r\n'
#: Where a response is cut off: the number of bytes that are sent.
_PLACES: dict[str, Callable[[bytes], int]] = {
    'before the first byte of the response': lambda _answer: 0,
    'in the status line': lambda _answer: len(b'HTTP/1'),
    'in the headers': lambda answer: answer.index(b'\r\n') + len(b'\r\nCo'),
    'after the headers': lambda answer: answer.index(_END) + len(_END),
    'in the middle of the body': lambda answer: (
        (answer.index(_END) + len(answer)) // 2
    ),
    'before the last byte': lambda answer: len(answer) - 1,
}
_READ = f'stderr: Cannot read the cache of {BERGEN}: '
_CUT = 'responses cut off: 1'
_QUEUE = f'stderr: Cannot queue image alpha on {BERGEN}: '


def rows(
    stage: Stage, places: Iterable[str] = tuple(_PLACES)
) -> Iterator[Row]:
    """A row for each place, with a reset and with an orderly close."""
    stage.set_up(cached=('alpha',))
    for place in places:
        for reset in (True, False):
            result = _cut(stage, ('list',), 'GET', place, reset=reset)
            yield Row(
                _words(place, reset=reset),
                'list',
                result,
                f'exit 1; alpha cached {OSLO}; {_READ}…; {_CUT}',
            )
    for place in places:
        if place not in tuple(_PLACES)[:3]:
            continue  # The response to a PUT has no body.
        for reset in (True, False):
            stage.set_up()
            result = _cut(stage, ('queue', 'alpha'), 'PUT', place, reset=reset)
            yield Row(
                _words(place, reset=reset),
                'queue alpha',
                result,
                f'exit 1; alpha queued {OSLO}; {_QUEUE}…; {_CUT}, changes '
                'received: 1',
            )


def _words(place: str, *, reset: bool) -> str:
    how = 'reset' if reset else 'closed'
    return f'the connection is {how} {place}'


def _cut(
    stage: Stage,
    command: tuple[str, ...],
    method: str,
    place: str,
    *,
    reset: bool,
) -> str:
    """Run a command while the responses to a method are cut off."""

    def fault(request: Request, forward: Callable[[], bytes]) -> bytes | Cut:
        answer = forward()
        if request.method != method:
            return answer
        return Cut(answer[: _PLACES[place](answer)], reset)

    stage.relay.reset()
    stage.relay.fault = fault
    result = stage.describe(stage.cache(*command, '--all-nodes'))
    result += f'; responses cut off: {stage.relay.cuts}'
    if method == 'GET':
        return result
    changes = sum(one.changes for one in stage.relay.answered)
    return f'{result}, changes received: {changes}'
