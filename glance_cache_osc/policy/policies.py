# SPDX-License-Identifier: Apache-2.0

"""Policies: which images belong in the caches of each site. Pure."""

from collections.abc import Collection
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
    :param tags: together with `properties`: the set includes images that
        have all of these tags and properties.
    """

    name: str
    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """The images that belong in the caches of the matching sites.

    :param match: names of sites, and globs with ``*`` and ``?``.
    :param sets: names of image sets.
    :param delete_others: whether to delete all other entries.
    :param max_downloads: the number of concurrent fills at a site; None if
        the rule does not set a limit.
    """

    match: tuple[str, ...]
    sets: tuple[str, ...]
    delete_others: bool = False
    max_downloads: int | None = None


@dataclasses.dataclass(frozen=True)
class Policy:
    """Image sets and rules.

    The last rule that matches a site applies; rules are not merged.
    """

    sets: Mapping[str, ImageSet]
    rules: Sequence[Rule]

    @functools.cached_property
    def _by_name(self) -> dict[str, int]:
        """The number of the last rule with a site's name, by the name."""
        return {
            word: number
            for number, rule in enumerate(self.rules, 1)
            for word in rule.match
            if not is_glob(word)
        }

    @functools.cached_property
    def _globs(self) -> dict[str, tuple[int, re.Pattern[str]]]:
        """The number of the last rule with a glob, and its pattern.

        By the glob; the globs of the last rule come first.
        """
        found: dict[str, tuple[int, re.Pattern[str]]] = {}
        for number, rule in reversed(list(enumerate(self.rules, 1))):
            for word in filter(is_glob, rule.match):
                pattern = re.compile(fnmatch.translate(word))
                found.setdefault(word, (number, pattern))
        return found

    def unmatched(self, sites: Collection[str]) -> list[str]:
        """The names and globs of the rules that match none of these sites."""
        names = [name for name in self._by_name if name not in sites]
        return names + [
            word
            for word, (__, glob) in self._globs.items()
            if not any(map(glob.match, sites))
        ]

    def rule_for(self, site: str) -> Rule | None:
        """The rule that applies to a site; None if no rule matches it."""
        named = self._by_name.get(site, 0)
        matched = next(
            (
                number
                for number, glob in self._globs.values()
                if glob.match(site)
            ),
            0,
        )
        last = max(named, matched)
        return self.rules[last - 1] if last else None


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """The images of a set.

    :param complete: whether each word of the set was resolved.
    """

    images: Sequence[images.Image]
    complete: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """The images that belong in the caches of one site.

    :param images: each once.
    :param only: whether to delete all other entries; False if the images are
        not complete.
    :param complete: whether each word of the sets was resolved.
    """

    images: list[images.Image]
    only: bool = False
    complete: bool = True


def wanted(rule: Rule, found: Mapping[str, Found]) -> Wanted:
    """The images that a rule requires.

    :param found: the images of each set, by the name of the set.
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
    """Whether a word is a glob, which may match several sites."""
    return '*' in word or '?' in word
