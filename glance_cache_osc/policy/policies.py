# SPDX-License-Identifier: Apache-2.0

"""What a policy says of each site. Pure."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import fnmatch
import functools
import re

from glance_cache_osc.model import images


@dataclasses.dataclass(frozen=True, slots=True)
class ImageSet:
    """A named set of images.

    :param words: IDs, names and globs on names.
    :param tags: with the properties: images that have all of them.
    """

    name: str
    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """What belongs in the caches of the sites that it matches.

    :param match: names of sites, and globs of ``*`` and ``?``.
    :param sets: names of image sets.
    :param delete_others: whether nothing else belongs there.
    :param max_downloads: fills at a time on a site; None if it does not say.
    """

    match: tuple[str, ...]
    sets: tuple[str, ...]
    delete_others: bool = False
    max_downloads: int | None = None


@dataclasses.dataclass(frozen=True)
class Policy:
    """Image sets, and rules: the last one that matches a site wins whole."""

    sets: Mapping[str, ImageSet]
    rules: Sequence[Rule]

    @functools.cached_property
    def _by_name(self) -> dict[str, int]:
        """The last rule that has the name of a site, by that."""
        return {
            word: at
            for at, rule in enumerate(self.rules)
            for word in rule.match
            if not is_glob(word)
        }

    @functools.cached_property
    def _globs(self) -> list[tuple[int, re.Pattern[str]]]:
        """The rules with globs, the last first."""
        return [
            (at, re.compile(fnmatch.translate(word)))
            for at, rule in reversed(list(enumerate(self.rules)))
            for word in rule.match
            if is_glob(word)
        ]

    def names(self) -> set[str]:
        """The sites that are named, not matched by a glob."""
        return set(self._by_name)

    def rule_for(self, site: str) -> Rule | None:
        """The rule that wins for a site; None if none matches it."""
        named = self._by_name.get(site, -1)
        at = next(
            (at for at, glob in self._globs if glob.match(site)),
            -1,
        )
        last = max(named, at)
        return self.rules[last] if last >= 0 else None


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """The images of a set.

    :param complete: whether all that the set names was found.
    """

    images: Sequence[images.Image]
    complete: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What belongs in the caches of one site.

    :param images: each once.
    :param only: whether nothing else does, and all of it was found.
    :param complete: whether all of it was found.
    """

    images: list[images.Image]
    only: bool = False
    complete: bool = True


def wanted(rule: Rule, found: Mapping[str, Found]) -> Wanted:
    """What a rule wants.

    :param found: by the name of the set.
    """
    sets = [found[name] for name in rule.sets]
    by_id = {one.image_id: one for each in sets for one in each.images}
    complete = all(one.complete for one in sets)
    return Wanted(
        list(by_id.values()),
        only=rule.delete_others and complete,
        complete=complete,
    )


def is_glob(word: str) -> bool:
    """Whether a word may match several sites."""
    return '*' in word or '?' in word
