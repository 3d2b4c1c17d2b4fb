# SPDX-License-Identifier: Apache-2.0

"""Which nodes a command line means."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import difflib
import fnmatch

from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.fleet import configuration
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import endpoints
from glance_cache_osc.model import images


def choose(
    cloud: clouds.Cloud,
    named: Sequence[str],
    *,
    everything: bool,
    changes: bool,
) -> list[fleet.Node]:
    """The nodes that a command line means.

    :param named: what was given as ``--node``: names, globs on names, URLs
        or hosts.
    :param everything: whether ``--all-nodes`` was given.
    :param changes: whether the command changes something.
    :raises errors.UsageError: no nodes are meant, or what is named is none.
    """
    if everything and named:
        raise errors.UsageError(
            _('--node and --all-nodes exclude each other'),
            _('Give one of them.'),
        )
    configured = configuration.nodes(cloud)
    if named:
        return _distinct(_meant(cloud, named, configured))
    if configured:
        if changes and not everything:
            raise errors.UsageError(
                _(
                    '%d nodes are configured: this command requires --node '
                    'or --all-nodes'
                )
                % len(configured)
            )
        return _distinct(configured)
    endpoint = cloud.image_endpoint()
    if endpoint is None:
        raise errors.UsageError(
            _('This cloud has no image endpoint'),
            _('Name a node with --node.'),
        )
    return [fleet.Node(endpoint, endpoint)]


def _distinct(chosen: Iterable[fleet.Node]) -> list[fleet.Node]:
    """Each node once, in the order in which they were named."""
    by_endpoint: dict[str, fleet.Node] = {}
    for one in chosen:
        known = by_endpoint.setdefault(one.endpoint, one)
        if known.name != one.name:
            raise errors.UsageError(
                _("'%(one)s' and '%(other)s' are the same node: %(url)s")
                % {'one': known.name, 'other': one.name, 'url': one.endpoint},
                _('Give it one name.'),
            )
    return list(by_endpoint.values())


def _meant(
    cloud: clouds.Cloud, words: Iterable[str], configured: Iterable[fleet.Node]
) -> Iterator[fleet.Node]:
    """The nodes that each ``--node`` means."""
    by_name = {one.name: one for one in configured}
    by_endpoint = {one.endpoint: one for one in reversed(by_name.values())}
    for word in words:
        # A URL, or a host in the form that IPv6 has: ``[::1]``.
        is_address = '://' in word or word.startswith('[')
        if word in by_name:
            yield by_name[word]
        elif images.is_glob(word) and not is_address:
            found = [
                name for name in by_name if fnmatch.fnmatchcase(name, word)
            ]
            if not found:
                raise _no_such_node(word, list(by_name))
            yield from (by_name[name] for name in found)
        elif by_name and not any(mark in word for mark in ':.'):
            raise _no_such_node(word, list(by_name))
        else:
            base_url = None if '://' in word else cloud.image_endpoint()
            endpoint = endpoints.parse(word, base_url)
            unnamed = fleet.Node(word.rstrip('/'), endpoint)
            yield by_endpoint.get(endpoint, unnamed)


def _no_such_node(word: str, names: Sequence[str]) -> errors.UsageError:
    near = difflib.get_close_matches(word, names) or list(names)[:10]
    if not near:
        return errors.UsageError(
            _("'%s' matches no node: clouds.yaml names none") % word,
            _('Name them there, or give a URL.'),
        )
    return errors.UsageError(
        _("No node in clouds.yaml is called '%s'") % word,
        _('There is: %s. A host is given as host:port or as a URL.')
        % ', '.join(near),
    )
