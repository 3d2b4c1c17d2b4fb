# SPDX-License-Identifier: Apache-2.0

"""Look up the IDs, names and globs of a command line."""

from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
import dataclasses

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.model import images


@dataclasses.dataclass(frozen=True, slots=True)
class Resolved:
    """The result of looking up words.

    :param known: the images that the words match, by ID.
    :param unknown: the errors of words that match no image and no entry.
    """

    known: dict[str, images.Image]
    unknown: Mapping[str, errors.CacheError]


async def resolve(
    cloud: clouds.Cloud, words: Sequence[str], held: AbstractSet[str]
) -> Resolved:
    """Look up IDs, names and globs in a cloud.

    The ID of an entry matches that entry only, even if an image has this ID as
    its name.

    :param held: the IDs of the entries on nodes.
    :raises errors.CatalogueError: the images could not be looked up.
    """
    resolution = await cloud.catalogue().resolve(
        [one for one in words if not (images.is_id(one) and one in held)],
        hidden=True,
        several=True,
    )
    return Resolved(
        {image.image_id: image for image in resolution.found},
        {
            word: error
            for word, error in resolution.failures.items()
            if word not in held and not images.is_glob(word)
        },
    )
