# SPDX-License-Identifier: Apache-2.0

"""Matches names, node sets and globs with the names of nodes and sites."""

from collections.abc import Collection
from collections.abc import Sequence
import difflib
import fnmatch
import re

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.i18n import _
from glance_cache_osc.model import node_sets

_GLOB = re.compile(r'[*?]')
#: The characters of IP addresses.
_ADDRESS = '0123456789abcdef.:'


def is_glob(word: str) -> bool:
    """Whether a word contains ``*`` or ``?``, and is not a URL."""
    return _GLOB.search(word) is not None and '://' not in word


def matching(word: str, names: Collection[str]) -> list[str]:
    """The names that a name, node set or glob selects.

    :returns: the names that a glob matches; for a name or node set, names
        that may not exist.
    :raises errors.UsageError: the word has brackets that are not a range, or
        the range is not valid.
    """
    if word in names:
        return [word]
    if node_sets.is_set(word) and not is_glob(word):
        return node_sets.expand(word)
    if '[' in word or ']' in word:
        raise errors.UsageError(
            _("The brackets in '%s' must contain only a range of numbers")
            % word,
            _(
                'Use a range such as oslo-[1-12], or a glob on names, with '
                "'*' and '?', without brackets."
            ),
        )
    if is_glob(word):
        return [name for name in names if fnmatch.fnmatchcase(name, word)]
    return [word]


def may_match_address(glob: str, name: str) -> bool:
    """Whether a glob may match ``<name>-<address>`` for an IP address.

    :param name: the name of a node with ``discover``.
    """
    base, parts = f'{name}-', _GLOB.split(glob)
    begins = base.startswith(parts[0]) or parts[0].startswith(base)
    return begins and base.endswith(parts[-1].rstrip(_ADDRESS))


def no_such_node(
    word: str, names: Sequence[str], *, accepts_url: bool
) -> errors.UsageError:
    """An error for an unknown node, with similar names in the remedy.

    :param names: the names that exist.
    :param accepts_url: whether the option accepts a URL, too.
    """
    remedy = _existing(word, names)
    if accepts_url:
        remedy += ' ' + _('Use a URL for other nodes.')
    return errors.UsageError(_("clouds.yaml has no node '%s'") % word, remedy)


def no_such_site(word: str, names: Sequence[str]) -> errors.UsageError:
    """An error for an unknown site, with similar names in the remedy."""
    return errors.UsageError(
        _("clouds.yaml has no site '%s'") % word, _existing(word, names)
    )


def _existing(word: str, names: Sequence[str]) -> str:
    if near := difflib.get_close_matches(word, names):
        return _('Similar names: %s.') % ', '.join(near)
    if names:
        return _('Available: %s.') % columns.few(names, 10)
    return _("Add 'image_cache_nodes' to clouds.yaml.")
