# SPDX-License-Identifier: Apache-2.0

"""What nodes held when they were asked, by node and by site."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime

from glance_cache_osc import errors
from glance_cache_osc.fleet import nodes
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.policy import policies

#: The word for the error of a node; the first kind that it is of counts.
_WORDS = {
    type(None): 'ok',
    errors.CachingOff: 'caching off',
    errors.Forbidden: 'forbidden',
    errors.Unreachable: 'unreachable',
    errors.NotGlance: 'not glance',
    errors.BadReply: 'not glance',
    errors.TooOld: 'too old',
    errors.CacheError: 'error',
}
#: Names of a cloud and of one of its sites; a cloud and the ID of an image.
Place = tuple[str, str]
Key = tuple[str, str]


def status_of(error: errors.CacheError | None) -> str:
    """One word for what a node failed with; ``ok`` for nothing."""
    return next(_WORDS[kind] for kind in _WORDS if isinstance(error, kind))


@dataclasses.dataclass(frozen=True, slots=True)
class NodeState:
    """One node.

    :param cloud: the name of its cloud.
    :param held: one entry an image, by ID; None if it could not be read.
    :param error: why it could not be read.
    :param seconds: how long reading took.
    :param expires: when its TLS certificate does, in seconds since 1970;
        None without TLS.
    """

    node: nodes.Node
    cloud: str
    held: Mapping[str, entries.Entry] | None
    error: errors.CacheError | None = None
    seconds: float | None = None
    expires: float | None = None

    @property
    def status(self) -> str:
        """One word."""
        return status_of(self.error)

    @property
    def place(self) -> Place:
        """Its cloud and its site."""
        return self.cloud, self.node.site

    @property
    def freed(self) -> entries.Totals:
        """Counts and bytes of its entries."""
        return entries.Totals.of((self.held or {}).values())


@dataclasses.dataclass(frozen=True, slots=True)
class SiteState:
    """One site.

    :param nodes: how many it has.
    :param reachable: how many of them could be read.
    :param freed: counts and bytes of their entries.
    :param wanted: entries that belong there; None without a rule.
    :param missing: those of them that are not cached.
    :param extra: entries that do not belong there.
    :param status: ``in sync``, ``incomplete`` or ``unknown``.
    """

    place: Place
    nodes: int
    reachable: int
    freed: entries.Totals
    wanted: int | None
    missing: int | None
    extra: int | None
    status: str


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A fleet at one time.

    :param wanted: what belongs on each site, if there is a policy.
    :param images: the images that Glance knows.
    :param orphans: the IDs of each cloud's orphans, as far as the login can
        tell.
    :param complete: whether all images of the policy were found; None if
        there is none.
    :param failures: what could not be done, a line each.
    """

    taken: datetime.datetime
    states: Sequence[NodeState]
    wanted: Mapping[Place, policies.Wanted]
    images: Mapping[Key, images.Image]
    orphans: Mapping[str, frozenset[str]]
    complete: bool | None = None
    failures: Sequence[str] = ()

    def sites(self) -> list[SiteState]:
        """All sites, in the order of their nodes."""
        by_place: dict[Place, list[NodeState]] = {}
        for one in self.states:
            by_place.setdefault(one.place, []).append(one)
        return [
            site_state(place, group, self.wanted.get(place))
            for place, group in by_place.items()
        ]


def site_state(
    place: Place, group: Sequence[NodeState], want: policies.Wanted | None
) -> SiteState:
    """Add up the nodes of a site.

    :param want: what belongs there; None if that is not known.
    """
    held = [one.held for one in group if one.held is not None]
    freed = entries.Totals.of(each for one in held for each in one.values())
    status, wanted, missing, extra = 'unknown', None, None, None
    if want:
        ids = {one.image_id for one in want.images}
        wanted = len(ids) * len(group)
        missing = sum(len(missing_of(one, ids)) for one in held)
        extra = sum(len(one.keys() - ids) for one in held)
        if missing or (extra and want.only):
            status = 'incomplete'
        elif want.complete and len(held) == len(group):
            status = 'in sync'
    return SiteState(
        place, len(group), len(held), freed, wanted, missing, extra, status
    )


def missing_of(
    held: Mapping[str, entries.Entry], ids: Iterable[str]
) -> list[str]:
    """The IDs of which a node does not have the data."""
    return [
        one
        for one in ids
        if (entry := held.get(one)) is None
        or entry.state is not entries.State.CACHED
    ]
