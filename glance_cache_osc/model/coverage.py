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

"""On how many nodes each image is, and where it is missing. Pure."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from glance_cache_osc.model import entries
from glance_cache_osc.model import images


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
    by_node = {
        node: _by_image(group, entries.State.CACHED)
        for node, group in held.items()
    }
    queued_by_node = {
        node: _by_image(group, entries.State.QUEUED)
        for node, group in held.items()
    }
    return [_cover(image, by_node, queued_by_node) for image in wanted]


def _cover(
    image: images.Image,
    cached: Mapping[str, Mapping[str, entries.Entry]],
    queued: Mapping[str, Mapping[str, entries.Entry]],
) -> Coverage:
    there = [node for node in cached if image.image_id in cached[node]]
    asked = [
        node
        for node in queued
        if image.image_id in queued[node]
        and image.image_id not in cached[node]
    ]
    holders = {*there, *asked}
    sizes = [image.size, *(cached[one][image.image_id].size for one in there)]
    return Coverage(
        image=image,
        size=next((size for size in sizes if size is not None), None),
        cached=len(there),
        queued=len(asked),
        missing_on=tuple(node for node in cached if node not in holders),
    )


def _by_image(
    group: Iterable[entries.Entry], state: entries.State
) -> dict[str, entries.Entry]:
    return {one.image_id: one for one in group if one.state is state}
