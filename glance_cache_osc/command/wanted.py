# SPDX-License-Identifier: Apache-2.0

"""Which images are to be cached: what was typed, and what it means."""

import argparse
from collections.abc import Iterable

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.cloud import queries
from glance_cache_osc.command import base
from glance_cache_osc.command import options
from glance_cache_osc.i18n import _
from glance_cache_osc.model import images


class Wanted:
    """What names images to be cached.

    :raises errors.UsageError: it names no image in any way.
    """

    def __init__(self, parsed_args: argparse.Namespace) -> None:
        self._words = options.image_words(parsed_args)
        self._tags: list[str] = parsed_args.tag
        self._properties = _properties(parsed_args.property)

    async def find(
        self, command: base.CacheLister, cloud: clouds.Cloud
    ) -> tuple[list[images.Image], bool]:
        """The images of a cloud that are meant; what means none is reported.

        :returns: each image once; and whether all that was named means some.
        :raises errors.CatalogueError: Glance could not be asked.
        """
        listed, where = cloud.catalogue(), command.where(cloud)
        resolution = await listed.resolve(self._words)
        for word, error in resolution.failures.items():
            what = _("Cannot queue '%(word)s'%(where)s")
            command.failures.add(what % {'word': word, 'where': where}, error)
        found = resolution.found
        complete = not resolution.failures
        if self._tags or self._properties:
            matching = await listed.matching(self._tags, self._properties)
            if not matching:
                complete = False
                command.failures.add(
                    _('Cannot queue by tag or property%s') % where,
                    errors.ImageError(
                        _('No image has all of these tags and properties')
                    ),
                )
            found += matching
        distinct = {image.image_id: image for image in found}
        return list(distinct.values()), complete


def _properties(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What was given as ``--property``.

    :raises errors.UsageError: one is none, or no image can have them all.
    """
    given: dict[str, str] = {}
    for key, value in pairs:
        if given.setdefault(key, value) != value:
            raise errors.UsageError(
                _("An image has only one value of '%s'") % key,
                _('Specify each property once.'),
            )
    return queries.check_properties(given)
