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


"""Pauses that an interrupt ends.

Work on other threads is not told of a Ctrl-C: Python shows that to the main
thread alone. Who has threads gives each an event, and sets it when they are
to hurry.
"""

import threading
import time

_here = threading.local()


def ends_with(event: threading.Event) -> None:
    """From now on, pauses on this thread end when the event is set."""
    _here.event = event


def pause(seconds: float) -> bool:
    """Do nothing for so many seconds.

    :returns: whether they went by; False after an interrupt.
    """
    event: threading.Event | None = getattr(_here, 'event', None)
    if event is None:
        time.sleep(seconds)
        return True
    return not event.wait(seconds)
