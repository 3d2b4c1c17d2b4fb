# SPDX-License-Identifier: Apache-2.0

"""On how many nodes each image is, and where it is missing. Pure."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan


@dataclasses.dataclass(frozen=True, slots=True)
class Coverage:
    """Where one image is.

    :param image: the image; an orphan has no name.
    :param size: bytes, as Glance has it or else as a cache has it.
    :param cached: nodes that have its data.
    :param queued: nodes that were asked for it.
    :param missing_on: the names of the nodes that have neither.
    """

    image: images.Image
    size: int | None
    cached: int
    queued: int
    missing_on: tuple[str, ...]


def cover(
    wanted: Iterable[images.Image],
    held: Mapping[str, Sequence[entries.Entry]],
) -> list[Coverage]:
    """Where each of the wanted images is.

    :param held: what each node holds, by the node's name.
    """
    by_node = {node: plan.by_id(group) for node, group in held.items()}
    return [_cover(image, by_node) for image in wanted]


def _cover(
    image: images.Image, by_node: Mapping[str, Mapping[str, entries.Entry]]
) -> Coverage:
    there = {
        node: group[image.image_id]
        for node, group in by_node.items()
        if image.image_id in group
    }
    cached = [
        one for one in there.values() if one.state is entries.State.CACHED
    ]
    sizes = [image.size, *(one.size for one in cached)]
    return Coverage(
        image=image,
        size=next((size for size in sizes if size is not None), None),
        cached=len(cached),
        queued=len(there) - len(cached),
        missing_on=tuple(node for node in by_node if node not in there),
    )
