# SPDX-License-Identifier: Apache-2.0

"""From what is wanted and what is there to what is to be done. Pure."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import enum

from glance_cache_osc.model import entries
from glance_cache_osc.model import images


class Action(enum.StrEnum):
    """What is to be done with one image on one node."""

    QUEUE = 'queue'
    DELETE = 'delete'
    #: It is queued; nothing but time is needed.
    WAIT = 'wait'
    #: It is as it should be.
    NONE = 'none'


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

    def named(self, known: Mapping[str, images.Image]) -> 'Step':
        """The step with what is known of its image, by ID."""
        image = known.get(self.image.image_id, self.image)
        return dataclasses.replace(self, image=image)


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
    there = by_id(held)
    return [
        Step(image, _to_hold(entry, force=force), entry)
        for image in wanted
        for entry in [there.get(image.image_id)]
    ]


def _to_hold(entry: entries.Entry | None, *, force: bool) -> Action:
    if force or entry is None:
        return Action.QUEUE
    if entry.state is entries.State.QUEUED:
        return Action.WAIT
    return Action.NONE


def to_sync(
    wanted: Sequence[images.Image],
    held: Sequence[entries.Entry],
    *,
    delete_others: bool = False,
) -> list[Step]:
    """What makes a node hold images, and with `delete_others` those alone.

    :param wanted: the images, each once.
    :param held: everything that the node's cache holds.
    :returns: deletions first: they make room for what is queued.
    """
    named = {image.image_id for image in wanted}
    others = [
        Step(images.Image(image_id), Action.DELETE, entry)
        for image_id, entry in by_id(held).items()
        if delete_others and image_id not in named
    ]
    return others + to_queue(wanted, held)


def by_id(held: Iterable[entries.Entry]) -> dict[str, entries.Entry]:
    """One entry an image: the cached one, where it is queued as well."""
    there: dict[str, entries.Entry] = {}
    for entry in held:
        if entry.state is entries.State.CACHED:
            there[entry.image_id] = entry
        else:
            there.setdefault(entry.image_id, entry)
    return there
