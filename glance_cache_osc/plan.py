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

"""From what is wanted and what is there to what is to be done. Pure."""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import enum

from glance_cache_osc import entries
from glance_cache_osc import images


class Action(str, enum.Enum):
    """What is to be done with one image on one node."""

    QUEUE = 'queue'
    DELETE = 'delete'
    #: It is queued; nothing but time is needed.
    WAIT = 'wait'
    #: It is as it should be.
    NONE = 'none'


#: The actions as a plan shows them.
NAMES = {action: action.value for action in Action}


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """What is to be done with one image on one node, and what is there.

    :param image: the image; an orphan has no name.
    :param action: what is to be done.
    :param entry: its entry there; None where it has none.
    """

    image: images.Image
    action: Action
    entry: entries.Entry | None = None


def to_queue(
    wanted: Iterable[images.Image],
    held: Iterable[entries.Entry],
    *,
    force: bool = False,
) -> list[Step]:
    """What makes a node hold images.

    :param wanted: the images.
    :param held: everything that the node's cache holds.
    :param force: ask again for what is cached or queued.
    """
    by_id = _by_id(held)
    return [
        Step(image, _to_hold(entry, force=force), entry)
        for image in wanted
        for entry in [by_id.get(image.image_id)]
    ]


def _to_hold(entry: entries.Entry | None, *, force: bool) -> Action:
    if force or entry is None:
        return Action.QUEUE
    if entry.state is entries.State.QUEUED:
        return Action.WAIT
    return Action.NONE


def to_delete(
    wanted: Sequence[images.Image], held: Iterable[entries.Entry]
) -> list[Step]:
    """What makes a node hold none of the images."""
    by_id = _by_id(held)
    return [
        Step(image, Action.DELETE if entry else Action.NONE, entry)
        for image in wanted
        for entry in [by_id.get(image.image_id)]
    ]


def _by_id(held: Iterable[entries.Entry]) -> dict[str, entries.Entry]:
    """One entry an image: the cached one, where it is queued as well."""
    by_id: dict[str, entries.Entry] = {}
    for entry in held:
        if entry.state is entries.State.CACHED:
            by_id[entry.image_id] = entry
        else:
            by_id.setdefault(entry.image_id, entry)
    return by_id
