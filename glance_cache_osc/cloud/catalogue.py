# SPDX-License-Identifier: Apache-2.0

"""Glance's list of images: from words to images, in few requests."""

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

#: Images of one page, and queries at once.
_PAGE = 1000
_MAX_QUERIES = 8


@dataclasses.dataclass(frozen=True, slots=True)
class Resolution:
    """What became of what was named.

    :param meant: the images that each word means, in the order of the words.
    :param failures: what names none, or more than one, and why.
    """

    meant: dict[str, list[images.Image]]
    failures: dict[str, errors.ImageError]

    @property
    def found(self) -> list[images.Image]:
        """All of them, each once."""
        by_id = {
            image.image_id: image
            for group in self.meant.values()
            for image in group
        }
        return list(by_id.values())


class Catalogue:
    """Glance's list of images.

    :param connect: returns what speaks with the cloud's image endpoint.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[http.NodeClient]]
    ) -> None:
        self._connect = connect

    async def by_id(self, image_ids: Iterable[str]) -> dict[str, images.Image]:
        """Images by their IDs; IDs that Glance does not know are left out.

        One request a hundred, and one more round for those that are hidden
        or gone; for more than a thousand, one request a thousand images of
        Glance's. What can't be an ID is not asked for: nodes may list
        anything.

        :raises errors.CatalogueError: Glance could not be asked.
        """
        found = await self._by('id', filter(images.may_be_id, image_ids))
        return {image_id: group[0] for image_id, group in found.items()}

    async def by_name(
        self, names: Iterable[str]
    ) -> dict[str, list[images.Image]]:
        """Images by their exact names; unknown names are left out.

        Requests are as for `by_id`, and one for each name with a comma or
        a quotation mark. A hidden image is found where no other has its
        name.

        :raises errors.CatalogueError: Glance could not be asked.
        """
        return await self._by('name', filter(images.is_encodable, names))

    async def _by(
        self, key: str, values: Iterable[str]
    ) -> dict[str, list[images.Image]]:
        """Images by their IDs or names; a hidden one if there is no other."""
        asked = list(dict.fromkeys(values))
        found: dict[str, list[images.Image]] = {}
        for hidden in (False, True):
            missing = {one: None for one in asked if one not in found}
            for image in await self._query_all(
                queries.for_values(key, list(missing)), hidden=hidden
            ):
                value = image.image_id if key == 'id' else image.name
                # A database may compare without regard to case.
                if value in missing:
                    found.setdefault(value, []).append(image)
        return found

    async def matching(
        self, tags: Sequence[str], properties: Mapping[str, str]
    ) -> list[images.Image]:
        """Images that have all of these tags and properties.

        :param properties: as `check_properties` has them.
        :raises errors.CatalogueError: Glance could not be asked.
        """
        words = [*tags, *properties, *properties.values()]
        if not all(map(images.is_encodable, words)):
            return []
        return [
            images.parse_image(item)
            async for item in self._pages(queries.matching(tags, properties))
            if queries.has_properties(item, properties)
        ]

    async def all(self, *, hidden: bool = False) -> list[images.Image]:
        """Every image that is not hidden; or every one.

        :raises errors.CatalogueError: Glance could not be asked.
        """
        found = await self._query_all([{}], hidden=False)
        if hidden:
            found += await self._query_all([{}], hidden=True)
        return found

    async def example(self) -> str | None:
        """The ID of some image; None if there is none.

        :raises errors.CatalogueError: Glance could not be asked.
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
    ) -> Resolution:
        """Images from IDs, names and globs.

        What has the form of an ID is an ID, or else a name.

        :param globs: whether a glob means images; if not, it is a name.
        :param hidden: whether a glob means hidden images, too.
        :param several: whether a name may mean several images.
        :raises errors.CatalogueError: Glance could not be asked.
        """
        words = list(dict.fromkeys(wanted))
        ids = await self.by_id(word for word in words if images.is_id(word))
        patterns = {word for word in words if globs and images.is_glob(word)}
        names = await self.by_name(
            word for word in words if word not in ids and word not in patterns
        )
        everything = await self.all(hidden=hidden) if patterns else []
        meant: dict[str, list[images.Image]] = {}
        failures: dict[str, errors.ImageError] = {}
        for word in words:
            if word in ids:
                candidates = [ids[word]]
            elif word in patterns:
                candidates = _by_glob(everything, word)
            else:
                candidates = names.get(word, [])
            failure = _failure(word, candidates, several=several)
            if failure:
                failures[word] = failure
            else:
                meant[word] = candidates
        return Resolution(meant, failures)

    async def _query_all(
        self, todo: list[dict[str, Any]], *, hidden: bool
    ) -> list[images.Image]:
        """Images of all the queries, several at a time."""
        if hidden:
            todo = [{**query, 'os_hidden': 'true'} for query in todo]

        async def ask(query: Mapping[str, Any]) -> list[images.Image]:
            pages = self._pages(query)
            return [images.parse_image(item) async for item in pages]

        found: list[images.Image] = []
        for answer in await attempt.attempt(
            ask, todo, group=lambda _query: None, group_limit=_MAX_QUERIES
        ):
            if answer.error:
                raise answer.error
            found += answer.value or []
        return found

    async def _pages(
        self, query: Mapping[str, Any]
    ) -> AsyncIterator[dict[str, Any]]:
        """All items of a query, however many pages Glance makes of them."""
        params = {**query, 'limit': _PAGE}
        markers = set()
        while True:
            body = await self._get(params)
            for item in body['images']:
                yield item
            if not body.get('next') or not body['images']:
                return
            marker = body['images'][-1]['id']
            if marker in markers:
                raise _not_answered()
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
                _("See 'openstack image list'."),
            ) from error
        try:
            if all(isinstance(item['id'], str) for item in body['images']):
                return dict(body)
        except (TypeError, KeyError):
            pass
        raise _not_answered()


def _not_answered() -> errors.CatalogueError:
    return errors.CatalogueError(
        _("The cloud's image endpoint is not a Glance endpoint"),
        _("See 'openstack endpoint list --service image'."),
    )


def _by_glob(everything: list[images.Image], glob: str) -> list[images.Image]:
    """Images whose names match; a name that is the glob itself wins."""
    literal = [image for image in everything if image.name == glob]
    return literal or [one for one in everything if images.matches(one, glob)]


def _failure(
    wanted: str, found: list[images.Image], *, several: bool
) -> errors.ImageError | None:
    if not found:
        return errors.ImageNotFound(wanted)
    names = {image.name for image in found}
    if len(found) > 1 and names == {wanted} and not several:
        return errors.ImageAmbiguous(
            wanted, sorted(image.image_id for image in found)
        )
    return None
