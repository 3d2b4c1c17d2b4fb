# SPDX-License-Identifier: Apache-2.0

"""The images that a command line selects for caching."""

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
    """The options of a command line that select images.

    :raises errors.UsageError: the command line selects no image, or a property
        is not valid.
    """

    def __init__(self, parsed_args: argparse.Namespace) -> None:
        self._words = options.image_words(parsed_args)
        self._tags: list[str] = parsed_args.tag
        self._properties = _properties(parsed_args.property)

    async def find(
        self, command: base.CacheLister, cloud: clouds.Cloud
    ) -> tuple[list[images.Image], bool]:
        """The selected images of a cloud; unknown ones are reported.

        :returns: each image once, and whether each word, and the tags and
            properties, match an image.
        :raises errors.CatalogueError: the images could not be looked up.
        """
        catalogue, where = cloud.catalogue(), command.cloud_suffix(cloud)
        resolution = await catalogue.resolve(self._words)
        for word, error in resolution.failures.items():
            what = _("Cannot queue '%(word)s'%(where)s")
            command.failures.add(what % {'word': word, 'where': where}, error)
        found = resolution.found
        complete = not resolution.failures
        if self._tags or self._properties:
            matching = await catalogue.matching(self._tags, self._properties)
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
    """The properties of ``--property``, by key.

    :raises errors.UsageError: a property is not valid, or has two values.
    """
    given: dict[str, str] = {}
    for key, value in pairs:
        if given.setdefault(key, value) != value:
            raise errors.UsageError(
                _("An image has only one value of '%s'") % key,
                _('Specify each property once.'),
            )
    return queries.check_properties(given)
