# SPDX-License-Identifier: Apache-2.0

"""Plans the changes that give a node's cache the wanted images. Pure."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import enum

from glance_cache_osc.model import entries
from glance_cache_osc.model import images


class Action(enum.StrEnum):
    """The action for one image on one node."""

    QUEUE = 'queue'
    DELETE = 'delete'
    #: The image is queued already; wait for the fill.
    WAIT = 'wait'
    #: The image is cached already.
    NONE = 'none'


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """The action for one image on one node.

    :param image: the image; an orphan has no name.
    :param action: the action to take.
    :param entry: the image's entry on the node; None if there is none.
    """

    image: images.Image
    action: Action
    entry: entries.Entry | None = None

    def named(self, known: Mapping[str, images.Image]) -> 'Step':
        """The step with the image of `known` that has the same ID, if any.

        :param known: images by their IDs.
        """
        image = known.get(self.image.image_id, self.image)
        return dataclasses.replace(self, image=image)


def to_queue(
    wanted: Iterable[images.Image],
    held: Iterable[entries.Entry],
    *,
    force: bool = False,
) -> list[Step]:
    """One step for each wanted image: queue it unless there is an entry.

    :param wanted: the images.
    :param held: all entries of the node.
    :param force: queue images again that are cached or queued.
    """
    existing = by_id(held)
    return [
        Step(image, _action_for(entry, force=force), entry)
        for image in wanted
        for entry in [existing.get(image.image_id)]
    ]


def _action_for(entry: entries.Entry | None, *, force: bool) -> Action:
    """The action for a wanted image with this entry on the node."""
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
    """The steps that synchronize a node with the wanted images.

    :param wanted: the images, each once.
    :param held: all entries of the node.
    :param delete_others: whether to delete the entries of other images.
    :returns: the deletions first, since they free space for the fills.
    """
    wanted_ids = {image.image_id for image in wanted}
    others = [
        Step(images.Image(image_id), Action.DELETE, entry)
        for image_id, entry in by_id(held).items()
        if delete_others and image_id not in wanted_ids
    ]
    return others + to_queue(wanted, held)


def by_id(held: Iterable[entries.Entry]) -> dict[str, entries.Entry]:
    """One entry for each image ID; the cached one if there are two."""
    found: dict[str, entries.Entry] = {}
    for entry in held:
        if entry.state is entries.State.CACHED:
            found[entry.image_id] = entry
        else:
            found.setdefault(entry.image_id, entry)
    return found
