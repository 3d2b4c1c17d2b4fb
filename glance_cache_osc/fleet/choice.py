# SPDX-License-Identifier: Apache-2.0

"""Which nodes a command line means."""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import difflib
import fnmatch
import re

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.fleet import configuration
from glance_cache_osc.fleet import nodes
from glance_cache_osc.i18n import _
from glance_cache_osc.model import endpoints
from glance_cache_osc.model import node_sets
from glance_cache_osc.transport import attempt

Nodes = dict[str, nodes.Node]
#: Looks up the IP addresses of a URL's host.
Resolve = Callable[[str], Awaitable[list[str]]]

_GLOB = re.compile(r'[*?]')


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
    cloud: clouds.Cloud, words: Words, resolve: Resolve
) -> Choice:
    """The nodes that a command line means.

    :raises errors.UsageError: it names none, or one that does not exist.
    """
    if words.everything and (words.nodes or words.sites):
        raise errors.UsageError(
            _('--all-nodes excludes --node and --site'),
            _('Use one of them.'),
        )
    by_name = {one.name: one for one in configuration.configured(cloud)}
    named = dict.fromkeys(
        one for word in words.nodes for one in _meant(cloud, word, by_name)
    )
    rest = _rest(cloud, words, by_name)
    skipped = [
        one.name for one in rest if one.maintenance and one not in named
    ]
    chosen = [*named, *(one for one in rest if not one.maintenance)]
    gone = {
        one.name
        for word in words.excluded
        for one in _configured(word, by_name)
    }
    kept = [one for one in chosen if one.name not in gone]
    found = _distinct(await _discovered(kept, resolve))
    if not found:
        raise errors.UsageError(
            _('No node is left: %(count)d in maintenance, %(gone)d excluded')
            % {'count': len(skipped), 'gone': len(gone)},
            _('Name the nodes with --node.'),
        )
    return Choice(found, [one for one in skipped if one not in gone])


def _rest(
    cloud: clouds.Cloud, words: Words, by_name: Nodes
) -> list[nodes.Node]:
    """The nodes that are meant without being named one by one."""
    globs = [word for word in words.nodes if _is_glob(word)]
    if words.sites or globs:
        return [
            *(one for word in globs for one in _configured(word, by_name)),
            *(one for word in words.sites for one in _of_site(word, by_name)),
        ]
    if words.nodes:
        return []
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
            _('Name a node with --node.'),
        )
    return [nodes.Node(name=endpoint, endpoint=endpoint)]


def _meant(
    cloud: clouds.Cloud, word: str, by_name: Nodes
) -> Iterator[nodes.Node]:
    """The nodes that one ``--node`` names: all but globs."""
    # A URL, or a host in the form that IPv6 has: ``[::1]``.
    is_address = '://' in word or word.startswith('[')
    if _is_glob(word) and not is_address:
        return
    if not is_address and (word in by_name or node_sets.is_set(word)):
        yield from _configured(word, by_name)
    elif not is_address and (one := _discoverable(word, by_name)):
        yield one
    elif by_name and not any(mark in word for mark in ':.'):
        raise _no_such('node', word, list(by_name))
    else:
        base_url = None if '://' in word else cloud.image_endpoint()
        endpoint = endpoints.parse(word, base_url)
        unnamed = nodes.Node(name=word.rstrip('/'), endpoint=endpoint)
        known = (one for one in by_name.values() if one.endpoint == endpoint)
        yield next(known, unnamed)


def _configured(word: str, by_name: Nodes) -> list[nodes.Node]:
    """The configured nodes that a name, node set or glob means.

    :raises errors.UsageError: there are none.
    """
    if word in by_name:
        return [by_name[word]]
    if node_sets.is_set(word):
        names = node_sets.expand(word)
        for name in names:
            if name not in by_name:
                raise _no_such('node', name, list(by_name))
        return [by_name[name] for name in names]
    found = [by_name[name] for name in _matching(word, by_name)]
    if not found:
        raise _no_such('node', word, list(by_name))
    return found


def _of_site(word: str, by_name: Nodes) -> list[nodes.Node]:
    """The nodes of the sites that a name or glob means.

    :raises errors.UsageError: there are none.
    """
    sites = list(dict.fromkeys(one.site for one in by_name.values()))
    wanted = set(_matching(word, sites))
    if not wanted:
        raise _no_such('site', word, sites)
    return [one for one in by_name.values() if one.site in wanted]


def _is_glob(word: str) -> bool:
    return _GLOB.search(word) is not None and '://' not in word


def _matching(word: str, names: Iterable[str]) -> list[str]:
    """Names that are a word, or match it as a glob of ``*`` and ``?``.

    :raises errors.UsageError: it has other brackets than a node set.
    """
    if '[' in word or ']' in word:
        raise errors.UsageError(
            _("'%s' has brackets that are not a range of numbers") % word,
            _(
                "Write a range, such as oslo-[1-12], or a glob with '*' and "
                "'?'."
            ),
        )
    return [name for name in names if fnmatch.fnmatchcase(name, word)]


def _discoverable(word: str, by_name: Nodes) -> nodes.Node | None:
    """The node that a name with one of its addresses means."""
    for one in by_name.values():
        if one.discover and word.startswith(f'{one.name}-'):
            address = word.removeprefix(f'{one.name}-')
            return dataclasses.replace(one, address=address)
    return None


async def _discovered(
    chosen: Iterable[nodes.Node], resolve: Resolve
) -> list[nodes.Node]:
    """The nodes, with one for each address in place of those to discover."""
    kept = list(chosen)
    asked = [one for one in kept if one.discover]
    found: dict[nodes.Node, list[str]] = {}
    for outcome in await attempt.attempt(
        lambda one: resolve(one.endpoint), asked
    ):
        if outcome.value is None:
            # Its requests fail, and say why.
            found[outcome.job] = ['']
        elif outcome.job.address:
            known = outcome.job.address in outcome.value
            found[outcome.job] = [outcome.job.address] if known else []
        else:
            found[outcome.job] = sorted(outcome.value)
        if not found[outcome.job]:
            name = f'{outcome.job.name}-{outcome.job.address}'
            names = [
                f'{outcome.job.name}-{one}' for one in outcome.value or ()
            ]
            raise _no_such('node', name, names)
    return [
        part
        for one in kept
        for part in (_parts(one, found[one]) if one.discover else [one])
    ]


def _parts(one: nodes.Node, addresses: Iterable[str]) -> list[nodes.Node]:
    return [
        dataclasses.replace(
            one,
            name=f'{one.name}-{address}' if address else one.name,
            address=address,
            discover=False,
        )
        for address in addresses
    ]


def _distinct(chosen: Iterable[nodes.Node]) -> list[nodes.Node]:
    """Each node once, in the order in which they were named."""
    found: dict[tuple[str, str], nodes.Node] = {}
    for one in chosen:
        known = found.setdefault((one.endpoint, one.address), one)
        if known.name != one.name:
            raise errors.UsageError(
                _("'%(one)s' and '%(other)s' are the same node: %(url)s")
                % {'one': known.name, 'other': one.name, 'url': one.endpoint},
                _('Give it one name.'),
            )
    return list(found.values())


def _no_such(kind: str, word: str, names: Sequence[str]) -> errors.UsageError:
    """An error that names what is near.

    :param kind: ``node`` or ``site``.
    """
    near = difflib.get_close_matches(word, names) or list(names)
    if not near:
        return errors.UsageError(
            _("'%s' matches no node: clouds.yaml names none") % word,
            _('Name them there, or give a URL.'),
        )
    what = {
        'node': _("No node in clouds.yaml is called '%s'"),
        'site': _("No site in clouds.yaml is called '%s'"),
    }[kind]
    more = _(' A host is given as host:port or as a URL.')
    return errors.UsageError(
        what % word,
        _('Available: %s.') % columns.few(near, 10)
        + (more if kind == 'node' else ''),
    )
