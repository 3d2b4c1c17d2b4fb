# SPDX-License-Identifier: Apache-2.0

"""The state of nodes and sites at one time."""

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

#: The status of a node, by the type of its error; the first match counts.
_WORDS = {
    type(None): 'ok',
    errors.CachingOff: 'caching off',
    errors.Forbidden: 'forbidden',
    errors.Unreachable: 'unreachable',
    errors.NotGlance: 'not glance',
    errors.BadReply: 'not glance',
    errors.TooOld: 'too old',
    errors.LoginFailed: 'no login',
    errors.CacheError: 'error',
}
#: The names of a cloud and of one of its sites.
Place = tuple[str, str]
#: The name of a cloud, and the ID of an image.
Key = tuple[str, str]


def status_of(error: errors.CacheError | None) -> str:
    """The status of a node in one or two words; ``ok`` without an error."""
    return next(_WORDS[kind] for kind in _WORDS if isinstance(error, kind))


@dataclasses.dataclass(frozen=True, slots=True)
class NodeState:
    """The state of a node.

    :param cloud: the name of the cloud of the node.
    :param held: one entry for each image, by ID; None if they could not be
        read.
    :param error: why the entries could not be read.
    :param seconds: the duration of the read.
    :param expires: when the TLS certificate of the node expires, in seconds
        since 1970; None without TLS, or if it is not known.
    """

    node: nodes.Node
    cloud: str
    held: Mapping[str, entries.Entry] | None
    error: errors.CacheError | None = None
    seconds: float | None = None
    expires: float | None = None

    @property
    def status(self) -> str:
        """The status of the node in one or two words."""
        return status_of(self.error)

    @property
    def place(self) -> Place:
        """The cloud and the site of the node."""
        return self.cloud, self.node.site

    @property
    def totals(self) -> entries.Totals:
        """Counts and bytes of the entries."""
        return entries.Totals.of((self.held or {}).values())


@dataclasses.dataclass(frozen=True, slots=True)
class SiteState:
    """The state of a site.

    :param nodes: the number of nodes.
    :param reachable: the number of nodes that could be read.
    :param totals: counts and bytes of the entries of these nodes.
    :param wanted: the number of entries that belong on the nodes of the site;
        None without a rule for the site.
    :param missing: the number of these entries that are not cached on
        reachable nodes; None without a rule.
    :param extra: the number of other entries; None without a rule.
    :param status: ``in sync``, ``incomplete`` or ``unknown``.
    """

    place: Place
    nodes: int
    reachable: int
    totals: entries.Totals
    wanted: int | None
    missing: int | None
    extra: int | None
    status: str


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The state of many nodes at one time.

    :param taken: the time of the snapshot, in UTC.
    :param states: the nodes.
    :param wanted: the images that belong on each site; empty without a policy.
    :param images: the images of entries that were found in Glance.
    :param orphans: the IDs of orphans, by the name of the cloud, without
        clouds whose login cannot see all images.
    :param complete: whether all images of the policy were found; None without
        a policy.
    :param failures: the lines of failures.
    """

    taken: datetime.datetime
    states: Sequence[NodeState]
    wanted: Mapping[Place, policies.Wanted]
    images: Mapping[Key, images.Image]
    orphans: Mapping[str, frozenset[str]]
    complete: bool | None = None
    failures: Sequence[str] = ()

    def sites(self) -> list[SiteState]:
        """The states of all sites, in the order of their first nodes."""
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
    """The state of a site from the states of its nodes.

    :param want: the images that belong on the site; None without a rule, or if
        they could not be looked up.
    """
    held = [one.held for one in group if one.held is not None]
    totals = entries.Totals.of(each for one in held for each in one.values())
    status, wanted, missing, extra = 'unknown', None, None, None
    if want:
        ids = {one.image_id for one in want.images}
        missing = sum(len(missing_of(one, ids)) for one in held)
        if want.complete:
            wanted = len(ids) * len(group)
            extra = sum(len(one.keys() - ids) for one in held)
        elif not missing:
            missing = None
        if missing or (extra and want.only):
            status = 'incomplete'
        elif want.complete and len(held) == len(group):
            status = 'in sync'
    return SiteState(
        place, len(group), len(held), totals, wanted, missing, extra, status
    )


def missing_of(
    held: Mapping[str, entries.Entry], ids: Iterable[str]
) -> list[str]:
    """Those of the given IDs that are not cached on a node.

    :param held: the entries of the node, by ID.
    """
    return [
        one
        for one in ids
        if (entry := held.get(one)) is None
        or entry.state is not entries.State.CACHED
    ]
