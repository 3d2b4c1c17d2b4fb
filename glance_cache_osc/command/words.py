# SPDX-License-Identifier: Apache-2.0

"""What the IDs, names and globs of a command line mean to nodes."""

from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
import dataclasses

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.model import images


@dataclasses.dataclass(frozen=True, slots=True)
class Named:
    """What words mean.

    :param known: the images that they mean, by ID.
    :param unknown: the words that mean neither an image nor an entry.
    """

    known: dict[str, images.Image]
    unknown: Mapping[str, errors.CacheError]


async def named(
    cloud: clouds.Cloud, words: Sequence[str], there: AbstractSet[str]
) -> Named:
    """What IDs, names and globs mean in a cloud.

    An ID that a node holds means just that, even if some image has it
    for a name.

    :param there: the IDs that nodes hold.
    """
    resolution = await cloud.catalogue().resolve(
        [one for one in words if not (images.is_id(one) and one in there)],
        hidden=True,
        several=True,
    )
    return Named(
        {image.image_id: image for image in resolution.found},
        {
            word: error
            for word, error in resolution.failures.items()
            if word not in there and not images.is_glob(word)
        },
    )
