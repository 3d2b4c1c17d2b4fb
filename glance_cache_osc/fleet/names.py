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
                "Use a range such as oslo-[1-12], or a glob of '*' and '?' "
                'without brackets.'
            ),
        )
    if is_glob(word):
        return [name for name in names if fnmatch.fnmatchcase(name, word)]
    return [word]


def no_such(kind: str, word: str, names: Sequence[str]) -> errors.UsageError:
    """An error for an unknown name, with similar names in the remedy.

    :param kind: ``node`` or ``site``.
    :param names: the names that exist.
    """
    near = difflib.get_close_matches(word, names) or list(names)
    if not near:
        return errors.UsageError(
            _("'%s' matches no node: clouds.yaml has no nodes") % word,
            _('Configure nodes, or use a URL.'),
        )
    available = _('Available: %s.') % columns.few(near, 10)
    if kind == 'site':
        return errors.UsageError(
            _("clouds.yaml has no site '%s'") % word, available
        )
    more = _('Use a URL for other nodes.')
    return errors.UsageError(
        _("clouds.yaml has no node '%s'") % word,
        f'{available} {more}',
    )
