# SPDX-License-Identifier: Apache-2.0

"""Expands node sets such as ``oslo-[1-3]``, and folds names into them.

The ranges are those of ClusterShell. Its node sets are not used: they have
operators (``,`` ``!`` ``&`` ``^`` ``@``), sort the names, and read the
brackets of IPv6 addresses as ranges. Pure.
"""

from collections.abc import Iterable
import re

from glance_cache_osc import errors
from glance_cache_osc.i18n import _

#: The most names of a node set: more would fill the memory before a mistyped
#: bound is reported. A cloud has thousands of nodes.
MAX_NAMES = 100_000
#: A range has numbers of at most six digits. Longer numbers are folded by
#: their last six digits.
_NUMBERS = r'[0-9]{1,6}(?:-[0-9]{1,6})?'
_RANGE = re.compile(rf'\[({_NUMBERS}(?:,{_NUMBERS})*)\]')
_LAST_NUMBER = re.compile(r'(.*?)([0-9]{1,6})([^0-9]*)', re.DOTALL)


def is_set(text: str) -> bool:
    """Whether a text contains a range: ``[1-3]`` or ``[01,07]``."""
    return _RANGE.search(text) is not None


def expand(text: str) -> list[str]:
    """The names in a node set, in ascending order.

    :returns: the text itself if it contains no range.
    :raises errors.UsageError: the text contains several ranges, or a range
        that is too long, not valid or not in ascending order.
    """
    found = list(_RANGE.finditer(text))
    if not found:
        return [text]
    if len(found) > 1:
        raise _wrong(text, _('more than one range'))
    import ClusterShell.RangeSet

    (match,) = found
    before, after = text[: match.start()], text[match.end() :]
    if _count(match[1]) > MAX_NAMES:
        raise _wrong(text, _('more than %d names') % MAX_NAMES)
    try:
        numbers = list(ClusterShell.RangeSet.RangeSet(match[1]).striter())
    except ClusterShell.RangeSet.RangeSetException as error:
        raise _wrong(text, _('the range is not valid')) from error
    bounds = [int(one) for one in re.findall(r'\d+', match[1])]
    if bounds != sorted(set(bounds)):
        raise _wrong(text, _('the numbers are not in ascending order'))
    # ClusterShell lists padded numbers last: 2 before 01.
    numbers.sort(key=int)
    return [f'{before}{number}{after}' for number in numbers]


def _count(ranges: str) -> int:
    """The number of names in ranges, without expanding them."""
    bounds = [
        [int(one) for one in part.split('-')] for part in ranges.split(',')
    ]
    return sum(max(part[-1] - part[0] + 1, 0) for part in bounds)


def fold(names: Iterable[str]) -> list[str]:
    """Fold names that differ only in their last number into node sets.

    :returns: ``['edge-[1-3]', 'oslo']`` for edge-1, edge-2, edge-3 and oslo,
        in the order of the first name of each set.
    """
    # A name without a number is a group of its own.
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in dict.fromkeys(names):
        match = _LAST_NUMBER.fullmatch(name)
        # A folded name with another bracket could not be expanded.
        if match and '[' not in name:
            groups.setdefault((match[1], match[3]), []).append(match[2])
        else:
            groups[(name,)] = ['']
    return [
        part.join(ends)
        for ends, numbers in groups.items()
        for part in _fold(numbers)
    ]


def _fold(numbers: list[str]) -> list[str]:
    """The numbers as ranges; one range for each length if some are padded."""
    lengths: dict[int, list[str]] = {}
    padded = any(one[:1] == '0' and len(one) > 1 for one in numbers)
    for one in numbers:
        lengths.setdefault(padded and len(one), []).append(one)
    return [_range(group) for group in lengths.values()]


def _range(numbers: list[str]) -> str:
    if len(numbers) == 1:
        return numbers[0]
    import ClusterShell.RangeSet

    return f'[{ClusterShell.RangeSet.RangeSet.fromlist(numbers)}]'


def _wrong(text: str, why: str) -> errors.UsageError:
    return errors.UsageError(
        _("'%(text)s' is not a node set: %(why)s")
        % {'text': text, 'why': why},
        _('Use one range, such as oslo-[1-3] or oslo-[01-12,20].'),
    )
