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

"""What a person sees while many nodes are asked: a line that goes again."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import sys

#: Fewer than these are asked before a line could be read.
_MANY = 10


@contextlib.contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show on a terminal how many of so many are done.

    It stands on standard error, and only if that is a terminal.

    :param what: what is going on: "Asking nodes".
    :returns: what is to be called as each one is done, on any thread.
    """
    if total < _MANY or not sys.stderr.isatty():
        yield lambda: None
        return
    import rich.console
    import rich.progress

    display = rich.progress.Progress(
        rich.progress.TextColumn('{task.description}', markup=False),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        console=rich.console.Console(file=sys.stderr),
        transient=True,
    )
    with display:
        task = display.add_task(what, total=total)
        yield lambda: display.advance(task)
        display.refresh()
