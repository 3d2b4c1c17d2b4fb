# SPDX-License-Identifier: Apache-2.0

"""Which nodes a command line means."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.fleet import discovery
from glance_cache_osc.fleet import names
from glance_cache_osc.fleet import nodes
from glance_cache_osc.i18n import _
from glance_cache_osc.model import endpoints
from glance_cache_osc.model import node_sets

Nodes = dict[str, nodes.Node]


@dataclasses.dataclass(frozen=True)
class Words:
    """The node options of a command line.

    :param nodes: names, node sets, globs, URLs or hosts.
    :param sites: names of sites, or globs.
    :param excluded: names, node sets or globs.
    :param everything: whether ``--all-nodes`` was given.
    :param required: whether nodes must be named where some are configured.
    """

    nodes: Sequence[str] = ()
    sites: Sequence[str] = ()
    excluded: Sequence[str] = ()
    everything: bool = False
    required: bool = False


@dataclasses.dataclass(frozen=True)
class Choice:
    """The nodes of a command.

    :param nodes: in the order in which they were named or configured.
    :param maintenance: the names of nodes that were left out.
    """

    nodes: list[nodes.Node]
    maintenance: list[str]


async def choose(
    cloud: clouds.Cloud,
    configured: Sequence[nodes.Node],
    words: Words,
    resolve: discovery.Resolve,
) -> Choice:
    """The nodes that a command line means.

    :param configured: those of the cloud.
    :raises errors.UsageError: it names none, or one that does not exist.
    """
    if words.everything and (words.nodes or words.sites):
        raise errors.UsageError(
            _('--all-nodes cannot be combined with --node or --site'),
            _('Use one of them.'),
        )
    by_name = {one.name: one for one in configured}
    excluded = [
        one for word in words.excluded for one in _configured(word, by_name)
    ]
    gone = {discovery.full_name(one) for one in excluded}
    meant = list(_meant(cloud, words, by_name))
    kept = dict.fromkeys(one for one, __ in meant if one.name not in gone)
    named = {one for one, by_its_name in meant if by_its_name}
    skipped = {one for one in kept if one.maintenance and one not in named}
    found = await discovery.discovered(
        [one for one in kept if one not in skipped], resolve
    )
    discovery.check_excluded(excluded, found)
    left = _distinct(one for one in found if one.name not in gone)
    if not left:
        raise errors.UsageError(
            _('No nodes left: %(count)d in maintenance, %(gone)d excluded')
            % {'count': len(skipped), 'gone': len(gone)},
            _('Specify nodes with --node.'),
        )
    return Choice(left, [one.name for one in kept if one in skipped])


def _meant(
    cloud: clouds.Cloud, words: Words, by_name: Nodes
) -> Iterator[tuple[nodes.Node, bool]]:
    """The nodes that are meant, and whether each is so by its own name."""
    if not words.nodes and not words.sites:
        for one in _all(cloud, words, by_name):
            yield one, False
    for word in words.nodes:
        for one in _named(cloud, word, by_name):
            yield one, not names.is_glob(word)
    for word in words.sites:
        for one in _of_site(word, by_name):
            yield one, False


def _all(
    cloud: clouds.Cloud, words: Words, by_name: Nodes
) -> list[nodes.Node]:
    """The nodes of a command line that names none."""
    if by_name:
        if words.required and not words.everything:
            raise errors.UsageError(
                _(
                    '%d nodes are configured: this command requires --node, '
                    '--site or --all-nodes'
                )
                % len(by_name)
            )
        return list(by_name.values())
    endpoint = cloud.image_endpoint()
    if endpoint is None:
        raise errors.UsageError(
            _('This cloud has no image endpoint'),
            _('Specify a node with --node.'),
        )
    return [nodes.Node(name=endpoint, endpoint=endpoint)]


def _named(cloud: clouds.Cloud, word: str, by_name: Nodes) -> list[nodes.Node]:
    """The nodes that one ``--node`` means."""
    is_url = '://' in word
    is_pattern = names.is_glob(word) or node_sets.is_set(word)
    # Where nodes are configured, a mistyped name must not be a host that an
    # administrator's token is sent to.
    if not is_url and (is_pattern or by_name):
        return _configured(word, by_name)
    base_url = None if is_url else cloud.image_endpoint()
    endpoint = endpoints.parse(word, base_url)
    unnamed = nodes.Node(name=word.rstrip('/'), endpoint=endpoint)
    known = (one for one in by_name.values() if one.endpoint == endpoint)
    return [next(known, unnamed)]


def _configured(word: str, by_name: Nodes) -> list[nodes.Node]:
    """The configured nodes that a name, node set or glob means.

    :raises errors.UsageError: there are none.
    """
    found = []
    for name in names.matching(word, by_name):
        one = discovery.find(name, by_name)
        if one is None:
            raise names.no_such('node', name, list(by_name))
        found.append(one)
    if not found:
        raise names.no_such('node', word, list(by_name))
    return found


def _of_site(word: str, by_name: Nodes) -> list[nodes.Node]:
    """The nodes of the sites that a name, set or glob means.

    :raises errors.UsageError: there are none.
    """
    sites = list(dict.fromkeys(one.site for one in by_name.values()))
    wanted = dict.fromkeys(names.matching(word, sites) or [word])
    known = set(sites)
    for name in wanted:
        if name not in known:
            raise names.no_such('site', name, sites)
    return [one for one in by_name.values() if one.site in wanted]


def _distinct(chosen: Iterable[nodes.Node]) -> list[nodes.Node]:
    """Each node once, in the order in which they were named."""
    found: dict[tuple[str, str], nodes.Node] = {}
    for one in chosen:
        known = found.setdefault((one.endpoint, one.address), one)
        if known.name != one.name:
            raise errors.UsageError(
                _("'%(one)s' and '%(other)s' are the same node: %(url)s")
                % {'one': known.name, 'other': one.name, 'url': one.endpoint},
                _('Use only one name.'),
            )
    return list(found.values())
