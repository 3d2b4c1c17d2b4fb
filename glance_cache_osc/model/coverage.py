# SPDX-License-Identifier: Apache-2.0

"""On how many nodes each image is, and where it is missing. Pure."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
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
    *,
    belongs: Callable[[str, str], bool] = lambda _image_id, _node: True,
    site_of: Callable[[str], str] = lambda node: node,
    silent: Iterable[str] = (),
) -> list[Coverage]:
    """Where each of the wanted images is.

    :param held: what each node holds, by the node's name.
    :param belongs: whether an image (by its ID) belongs on a node.
    :param site_of: the place that a node counts for: its own name, or its
        site, which has an image if all nodes there that it belongs on do.
    :param silent: nodes of which it is not known what they hold.
    """
    unread = list(silent)
    by_node = {node: plan.by_id(group) for node, group in held.items()}
    places = {node: site_of(node) for node in held}
    return [
        _cover(
            image,
            {
                node: group.get(image.image_id)
                for node, group in by_node.items()
                if belongs(image.image_id, node)
            },
            places,
            {
                site_of(node)
                for node in unread
                if belongs(image.image_id, node)
            },
        )
        for image in wanted
    ]


def _cover(
    image: images.Image,
    found: Mapping[str, entries.Entry | None],
    places: Mapping[str, str],
    unknown: AbstractSet[str],
) -> Coverage:
    """Where one image is.

    :param found: its entry on each node that it belongs on.
    :param unknown: places of which not all nodes are known.
    """
    missing = {places[node]: None for node, one in found.items() if not one}
    queued = {
        places[node]
        for node, one in found.items()
        if one and one.state is entries.State.QUEUED
    }
    there = {places[node] for node in found}
    sizes = [image.size, *(one.size for one in found.values() if one)]
    return Coverage(
        image=image,
        size=next((size for size in sizes if size is not None), None),
        cached=len(there - missing.keys() - queued - unknown),
        queued=len(queued - missing.keys()),
        missing_on=tuple(missing),
    )
