# SPDX-License-Identifier: Apache-2.0

"""An answer that ends too soon, at each part of it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator

from tests.faults.relay import Cut
from tests.faults.relay import Request
from tests.faults.stage import BERGEN
from tests.faults.stage import OSLO
from tests.faults.stage import Stage
from tests.faults.table import Row

_END = b'\r\n\r\n'
#: Where an answer is cut, as how many of its bytes are sent.
_PLACES: dict[str, Callable[[bytes], int]] = {
    'before its first byte': lambda _answer: 0,
    'in its status line': lambda _answer: len(b'HTTP/1'),
    'in its headers': lambda answer: answer.index(b'\r\n') + len(b'\r\nCo'),
    'after its headers': lambda answer: answer.index(_END) + len(_END),
    'in the middle of its body': lambda answer: (
        (answer.index(_END) + len(answer)) // 2
    ),
    'before its last byte': lambda answer: len(answer) - 1,
}
_READ = f'told: Cannot read the cache of {BERGEN}: '
_QUEUE = f"told: Cannot queue image 'alpha' on {BERGEN}: "


def rows(
    stage: Stage, places: Iterable[str] = tuple(_PLACES)
) -> Iterator[Row]:
    """A row a place, for a reset and for an orderly end."""
    stage.set_up(cached=('alpha',))
    for place in places:
        for reset in (True, False):
            came = _cut(stage, ('list',), 'GET', place, reset=reset)
            yield Row(
                _words(place, reset=reset),
                'list',
                came,
                f'exit 1; alpha cached {OSLO}; {_READ}…',
            )
    for place in places:
        if place not in tuple(_PLACES)[:3]:
            continue  # The answer to a PUT has no body.
        for reset in (True, False):
            stage.set_up()
            came = _cut(stage, ('queue', 'alpha'), 'PUT', place, reset=reset)
            # The status line is all that there is to know.
            accepted = place == 'in its headers' and not reset
            yield Row(
                _words(place, reset=reset),
                'queue alpha',
                came,
                f'exit 0; alpha queued {OSLO}; alpha queued {BERGEN}'
                if accepted
                else f'exit 1; alpha queued {OSLO}; {_QUEUE}…',
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
    """Run a command while the answers to a method are cut."""

    def fault(request: Request, forward: Callable[[], bytes]) -> bytes | Cut:
        answer = forward()
        if request.method != method:
            return answer
        return Cut(answer[: _PLACES[place](answer)], reset)

    stage.relay.fault = fault
    return stage.came_of(stage.cache(*command, '--all-nodes'))
