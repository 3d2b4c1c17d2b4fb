# SPDX-License-Identifier: Apache-2.0

"""Looks up images in Glance's list of images, with few requests."""

from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any
import urllib.parse

from glance_cache_osc import errors
from glance_cache_osc.cloud import queries
from glance_cache_osc.drivers import http
from glance_cache_osc.i18n import _
from glance_cache_osc.model import images
from glance_cache_osc.transport import attempt

#: The number of images of one page, and of concurrent queries.
_PAGE_SIZE = 1000
_MAX_QUERIES = 8


@dataclasses.dataclass(frozen=True, slots=True)
class Resolution:
    """The images that some IDs, names and globs match.

    :param by_word: the images of each word, in the order of the words.
    :param failures: the errors of the words that match no image, or several.
    """

    by_word: dict[str, list[images.Image]]
    failures: dict[str, errors.ImageError]

    @property
    def found(self) -> list[images.Image]:
        """All matched images, each once."""
        by_id = {
            image.image_id: image
            for group in self.by_word.values()
            for image in group
        }
        return list(by_id.values())


class Catalogue:
    """Glance's list of images.

    :param connect: returns the client for the cloud's image endpoint.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[http.NodeClient]]
    ) -> None:
        self._connect = connect

    async def by_id(self, image_ids: Iterable[str]) -> dict[str, images.Image]:
        """Images by their IDs; the result omits IDs of no image.

        This includes community images of other projects. Names and globs do
        not match these: anybody may give such an image any name.

        One request looks up 100 IDs. IDs that are not found, because the
        images are hidden or do not exist, are looked up a second time. For
        more than 1,000 IDs, all images of Glance are listed, 1,000 per
        request. Texts that cannot be IDs are skipped: nodes may list any
        text.

        :raises errors.CatalogueError: the list cannot be read.
        """
        found = await self._by('id', filter(images.may_be_id, image_ids))
        return {image_id: group[0] for image_id, group in found.items()}

    async def by_name(
        self, names: Iterable[str]
    ) -> dict[str, list[images.Image]]:
        """Images by their exact names; the result omits names of no image.

        The requests are the same as for `by_id`, with an additional request
        for each name with a comma or a quotation mark. A hidden image is
        found only if no other image has its name.

        :raises errors.CatalogueError: the list cannot be read.
        """
        return await self._by('name', filter(images.is_encodable, names))

    async def _by(
        self, key: str, values: Iterable[str]
    ) -> dict[str, list[images.Image]]:
        """Images by their IDs or names; hidden images if there are no others.

        :param key: ``id`` or ``name``.
        """
        wanted = list(dict.fromkeys(values))
        found: dict[str, list[images.Image]] = {}
        for hidden in (False, True):
            missing = {one: None for one in wanted if one not in found}
            todo = queries.for_values(key, list(missing))
            if key == 'id':
                # By default, Glance omits other projects' community images.
                todo = [{**query, 'visibility': 'all'} for query in todo]
            for image in await self._query_all(todo, hidden=hidden):
                value = image.image_id if key == 'id' else image.name
                # The comparison of Glance's database may ignore case.
                if value in missing:
                    found.setdefault(value, []).append(image)
        return found

    async def matching(
        self, tags: Sequence[str], properties: Mapping[str, str]
    ) -> list[images.Image]:
        """Images that have all of these tags and properties.

        :param properties: checked by `queries.check_properties`.
        :raises errors.CatalogueError: the list cannot be read.
        """
        texts = [*tags, *properties, *properties.values()]
        if not all(map(images.is_encodable, texts)):
            return []
        return [
            images.parse_image(item)
            async for item in self._pages(queries.matching(tags, properties))
            if queries.has_tags(item, tags)
            and queries.has_properties(item, properties)
        ]

    async def all(self, *, hidden: bool = False) -> list[images.Image]:
        """All images of Glance.

        :param hidden: whether to include hidden images.
        :raises errors.CatalogueError: the list cannot be read.
        """
        found = await self._query_all([{}])
        if hidden:
            found += await self._query_all([{}], hidden=True)
        return found

    async def example(self) -> str | None:
        """The ID of any one image; None if there are no images.

        :raises errors.CatalogueError: the list cannot be read.
        """
        body = await self._get({'limit': 1})
        return next((one['id'] for one in body['images']), None)

    async def resolve(
        self,
        wanted: Iterable[str],
        *,
        globs: bool = True,
        hidden: bool = False,
        several: bool = False,
        literal: bool = False,
    ) -> Resolution:
        """The images that IDs, names and globs match.

        A word in the form of an ID is treated as a name if no image has this
        ID.

        :param globs: whether globs are expanded; if not, they are names.
        :param hidden: whether globs match hidden images, too.
        :param several: whether a name may match several images.
        :param literal: whether images whose name is the text of a glob are the
            only ones that it matches.
        :raises errors.CatalogueError: the list cannot be read.
        """
        words = list(dict.fromkeys(wanted))
        ids = await self.by_id(word for word in words if images.is_id(word))
        patterns = {word for word in words if globs and images.is_glob(word)}
        names = await self.by_name(
            word for word in words if word not in ids and word not in patterns
        )
        everything = await self.all(hidden=hidden) if patterns else []
        by_word: dict[str, list[images.Image]] = {}
        failures: dict[str, errors.ImageError] = {}
        for word in words:
            if word in ids:
                candidates = [ids[word]]
            elif word in patterns:
                same = [one for one in everything if one.name == word]
                candidates = (literal and same) or [
                    one for one in everything if images.matches(one, word)
                ]
            else:
                candidates = names.get(word, [])
            failure: errors.ImageError | None
            if word in patterns and not candidates:
                failure = errors.ImageNotFound(word, is_glob=True)
            else:
                failure = _failure(word, candidates, several=several)
            if failure:
                failures[word] = failure
            else:
                by_word[word] = candidates
        return Resolution(by_word, failures)

    async def _query_all(
        self, todo: list[dict[str, Any]], *, hidden: bool = False
    ) -> list[images.Image]:
        """The images of all queries, several queries at a time."""
        if hidden:
            todo = [{**query, 'os_hidden': 'true'} for query in todo]

        async def fetch(query: Mapping[str, Any]) -> list[images.Image]:
            pages = self._pages(query)
            return [images.parse_image(item) async for item in pages]

        found: list[images.Image] = []
        for outcome in await attempt.attempt(
            fetch, todo, group=lambda _query: None, group_limit=_MAX_QUERIES
        ):
            if outcome.error:
                raise outcome.error
            found += outcome.value or []
        return found

    async def _pages(
        self, query: Mapping[str, Any]
    ) -> AsyncIterator[dict[str, Any]]:
        """The items of all pages of a query."""
        params = {**query, 'limit': _PAGE_SIZE}
        markers = set()
        while True:
            body = await self._get(params)
            for item in body['images']:
                yield item
            if not body.get('next') or not body['images']:
                return
            marker = body['images'][-1]['id']
            if marker in markers:
                raise _invalid_response()
            markers.add(marker)
            params['marker'] = marker

    async def _get(self, params: Mapping[str, Any]) -> dict[str, Any]:
        query = urllib.parse.urlencode(params, doseq=True)
        try:
            client = await self._connect()
            body = await client.request('GET', f'/v2/images?{query}')
        except (errors.NodeError, errors.UsageError) as error:
            raise errors.CatalogueError(
                _("Cannot look up images in the cloud's Glance: %s")
                % error.why,
                error.remedy
                if isinstance(error, errors.UsageError)
                else _("See 'openstack image list'."),
            ) from error
        try:
            if all(isinstance(item['id'], str) for item in body['images']):
                return dict(body)
        except (TypeError, KeyError):
            pass
        raise _invalid_response()


def _invalid_response() -> errors.CatalogueError:
    return errors.CatalogueError(
        _("The cloud's image endpoint is not a Glance endpoint"),
        _("See 'openstack endpoint list --service image'."),
    )


def _failure(
    wanted: str, found: list[images.Image], *, several: bool
) -> errors.ImageError | None:
    """An error if a word matches no image, or is an ambiguous name."""
    if not found:
        return errors.ImageNotFound(wanted)
    names = {image.name for image in found}
    if len(found) > 1 and names == {wanted} and not several:
        return errors.ImageAmbiguous(
            wanted, sorted(image.image_id for image in found)
        )
    return None
