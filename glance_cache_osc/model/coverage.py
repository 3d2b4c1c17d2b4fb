# SPDX-License-Identifier: Apache-2.0

"""On how many nodes each image is cached, queued or missing. Pure."""

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
    """The coverage of one image.

    Counts and names are those of nodes or of sites, see `cover`.

    :param image: the image; an orphan has no name.
    :param size: bytes, according to Glance or else to a node; None if
        unknown.
    :param cached: the number of nodes on which it is cached.
    :param queued: the number of nodes on which it is queued.
    :param missing_on: the names of the nodes on which it is neither cached
        nor queued.
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
    unknown: Iterable[str] = (),
) -> list[Coverage]:
    """The coverage of each wanted image.

    :param held: the entries of each node, by the node's name.
    :param belongs: whether an image, by its ID, belongs on a node.
    :param site_of: the name under which a node is counted: its own, or that
        of its site. An image is cached at a site if it is cached on all
        nodes of the site that it belongs on.
    :param unknown: the names of the nodes whose entries are not known.
    """
    unknown_nodes = list(unknown)
    by_node = {node: plan.by_id(group) for node, group in held.items()}
    sites = {node: site_of(node) for node in held}
    return [
        _cover(
            image,
            {
                node: group.get(image.image_id)
                for node, group in by_node.items()
                if belongs(image.image_id, node)
            },
            sites,
            {
                site_of(node)
                for node in unknown_nodes
                if belongs(image.image_id, node)
            },
        )
        for image in wanted
    ]


def _cover(
    image: images.Image,
    found: Mapping[str, entries.Entry | None],
    sites: Mapping[str, str],
    unknown: AbstractSet[str],
) -> Coverage:
    """The coverage of one image.

    :param found: the image's entry on each node that it belongs on.
    :param sites: the name under which each node is counted.
    :param unknown: the names in `sites` with nodes whose entries are not
        known.
    """
    missing = {sites[node]: None for node, one in found.items() if not one}
    queued = {
        sites[node]
        for node, one in found.items()
        if one and one.state is entries.State.QUEUED
    }
    counted = {sites[node] for node in found}
    sizes = [image.size, *(one.size for one in found.values() if one)]
    return Coverage(
        image=image,
        size=next((size for size in sizes if size is not None), None),
        cached=len(counted - missing.keys() - queued - unknown),
        queued=len(queued - missing.keys()),
        missing_on=tuple(missing),
    )
