# SPDX-License-Identifier: Apache-2.0

"""Selects the nodes of a command from its node options."""

from collections.abc import Collection
from collections.abc import Container
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.fleet import discovery
from glance_cache_osc.fleet import names
from glance_cache_osc.fleet import nodes
from glance_cache_osc.i18n import _
from glance_cache_osc.model import endpoints
from glance_cache_osc.model import node_sets

Nodes = dict[str, nodes.Node]

#: How many nodes a message names.
_FEW = 3


@dataclasses.dataclass(frozen=True)
class NodeOptions:
    """The node options of a command line.

    :param nodes: names, node sets, globs, URLs or hosts.
    :param sites: names or globs of sites.
    :param excluded: names, node sets or globs.
    :param all_nodes: whether ``--all-nodes`` was given.
    :param required: whether one of the options is required if nodes are
        configured.
    """

    nodes: Sequence[str] = ()
    sites: Sequence[str] = ()
    excluded: Sequence[str] = ()
    all_nodes: bool = False
    required: bool = False


@dataclasses.dataclass(frozen=True)
class Choice:
    """The nodes of a command.

    :param nodes: in the order in which they are named or configured.
    :param maintenance: the names of the nodes that are skipped since they
        are in maintenance.
    """

    nodes: list[nodes.Node]
    maintenance: list[str]


async def choose(
    cloud: clouds.Cloud,
    configured: Sequence[nodes.Node],
    options: NodeOptions,
    resolve: discovery.Resolve,
) -> Choice:
    """The nodes that the node options select.

    :param cloud: the cloud that the user is logged in to.
    :param configured: the configured nodes of the cloud.
    :param resolve: looks up the addresses of nodes with ``discover``.
    :raises errors.UsageError: the options select no node, or name one that
        does not exist.
    """
    if options.all_nodes and (options.nodes or options.sites):
        raise errors.UsageError(
            _('--all-nodes cannot be combined with --node or --site'),
            _('Use one of them.'),
        )
    by_name = {one.name: one for one in configured}
    excluded_globs = list(filter(names.is_glob, options.excluded))
    excluded = [
        one
        for word in options.excluded
        if word not in excluded_globs
        for one in _configured(word, by_name, accepts_url=False)
    ]
    excluded_names = {discovery.full_name(one) for one in excluded}
    for word in excluded_globs:
        excluded_names.update(names.matching(word, by_name))
    selected = list(_selected(cloud, options, by_name))
    kept = dict.fromkeys(
        one for one, __ in selected if one.name not in excluded_names
    )
    named = {one for one, by_its_name in selected if by_its_name}
    skipped = {one for one in kept if one.maintenance and one not in named}
    found = await discovery.discovered(
        [one for one in kept if one not in skipped], resolve
    )
    # Of the other hosts, only the selected addresses are known.
    whole = {one.endpoint for one in kept if one.discover and not one.address}
    discovery.check_excluded(
        [one for one in excluded if one.address and one.endpoint in whole],
        found,
    )
    looked_up = {one.endpoint for one in found if not one.failure} & whole
    excluded_names |= _matching(excluded_globs, by_name, found, looked_up)
    left = _distinct(one for one in found if one.name not in excluded_names)
    if not left:
        all_names = {one.name for one, __ in selected}
        all_names.update(one.name for one in found)
        raise _none_left(kept, len(skipped), all_names & excluded_names)
    return Choice(left, [one.name for one in kept if one in skipped])


def _none_left(
    kept: Iterable[nodes.Node], skipped: int, excluded: Collection[str]
) -> errors.UsageError:
    """The error if each node is skipped or excluded.

    :param kept: the selected nodes that are not excluded by their names.
    :param skipped: the number of nodes that are skipped since they are in
        maintenance.
    :param excluded: the names of the excluded nodes.
    """
    if skipped and not excluded:
        few = columns.few([one.name for one in kept], _FEW)
        return errors.UsageError(
            _('All selected nodes are in maintenance: %s') % few,
            _('To include a node in maintenance, name it with --node.'),
        )
    return errors.UsageError(
        _(
            'All selected nodes are excluded (%(gone)d) or in maintenance '
            '(%(count)d)'
        )
        % {'gone': len(excluded), 'count': skipped},
        _('Change --node or --exclude-node.'),
    )


def _selected(
    cloud: clouds.Cloud, options: NodeOptions, by_name: Nodes
) -> Iterator[tuple[nodes.Node, bool]]:
    """The selected nodes, and whether each is selected by its own name."""
    if not options.nodes and not options.sites:
        for one in _all(cloud, options, by_name):
            yield one, False
    for word in options.nodes:
        for one in _named(cloud, word, by_name):
            yield one, not names.is_glob(word)
    for word in options.sites:
        for one in _of_site(word, by_name):
            yield one, False


def _all(
    cloud: clouds.Cloud, options: NodeOptions, by_name: Nodes
) -> list[nodes.Node]:
    """All configured nodes, or else the cloud's image endpoint as a node.

    :raises errors.UsageError: the command requires a node option, or there
        is no image endpoint.
    """
    if by_name:
        if options.required and not options.all_nodes:
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
    """The nodes that one ``--node`` selects.

    :raises errors.UsageError: the node does not exist, or the URL is not
        valid.
    """
    is_url = '://' in word
    is_pattern = names.is_glob(word) or node_sets.is_set(word)
    # If nodes are configured, a mistyped name must not become a host name to
    # which an administrator's token is sent.
    if not is_url and (is_pattern or by_name):
        return _configured(word, by_name, accepts_url=True)
    base_url = None if is_url else cloud.image_endpoint()
    endpoint = endpoints.parse(word, base_url)
    unnamed = nodes.Node(name=word.rstrip('/'), endpoint=endpoint)
    known = (one for one in by_name.values() if one.endpoint == endpoint)
    return [next(known, unnamed)]


def _configured(
    word: str, by_name: Nodes, *, accepts_url: bool
) -> list[nodes.Node]:
    """The configured nodes that a name, node set or glob selects.

    :param accepts_url: see `names.no_such_node`.
    :raises errors.UsageError: a named node does not exist, or the glob
        matches no node.
    """
    if '://' in word:
        raise errors.UsageError(
            _('--exclude-node does not accept a URL'),
            _('Use a name, a node set or a glob.'),
        )
    found = []
    for name in names.matching(word, by_name):
        one = discovery.find(name, by_name)
        if one is None:
            raise names.no_such_node(
                name, list(by_name), accepts_url=accepts_url
            )
        found.append(one)
    if not found:
        raise names.no_such_node(word, list(by_name), accepts_url=accepts_url)
    return found


def _matching(
    globs: Iterable[str],
    by_name: Nodes,
    found: Iterable[nodes.Node],
    looked_up: Container[str],
) -> set[str]:
    """The names of discovered and other nodes that globs match.

    :param found: the nodes after discovery.
    :param looked_up: the endpoints whose addresses are all in `found`.
    :raises errors.UsageError: a glob matches no node.
    """
    known = list(dict.fromkeys([*by_name, *(one.name for one in found)]))
    unknown = [
        one.name
        for one in by_name.values()
        if one.discover and one.endpoint not in looked_up
    ]
    matches: set[str] = set()
    for word in globs:
        matching = names.matching(word, known)
        may_match = any(names.may_match_address(word, one) for one in unknown)
        if not (matching or may_match):
            raise names.no_such_node(word, known, accepts_url=False)
        matches.update(matching)
    return matches


def _of_site(word: str, by_name: Nodes) -> list[nodes.Node]:
    """The nodes of the sites that a name, set or glob selects.

    :raises errors.UsageError: there is no such site.
    """
    sites = list(dict.fromkeys(one.site for one in by_name.values()))
    wanted = dict.fromkeys(names.matching(word, sites) or [word])
    known = set(sites)
    for name in wanted:
        if name not in known:
            raise names.no_such_site(name, sites)
    return [one for one in by_name.values() if one.site in wanted]


def _distinct(chosen: Iterable[nodes.Node]) -> list[nodes.Node]:
    """Each node once, in the order in which they are named.

    :raises errors.UsageError: two names refer to the same node, or a
        discovered node has the name of another node.
    """
    found: dict[tuple[str, str], nodes.Node] = {}
    by_name: dict[str, nodes.Node] = {}
    for one in chosen:
        if by_name.setdefault(one.name, one) != one:
            raise errors.UsageError(
                _("Two nodes have the name '%s'") % one.name,
                _("Rename the node in clouds.yaml: 'discover' uses the name."),
            )
        known = found.setdefault((one.endpoint, one.address), one)
        if known.name != one.name:
            raise errors.UsageError(
                _("'%(one)s' and '%(other)s' are the same node: %(url)s")
                % {'one': known.name, 'other': one.name, 'url': one.endpoint},
                _('Use only one name.'),
            )
    return list(found.values())
