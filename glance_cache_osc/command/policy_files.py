# SPDX-License-Identifier: Apache-2.0

"""Policy files in commands: the images that belong on each site."""

import argparse
from collections.abc import Iterable
from collections.abc import Sequence

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.cloud import queries
from glance_cache_osc.command import common
from glance_cache_osc.command import files
from glance_cache_osc.command import operations
from glance_cache_osc.command import options
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import images
from glance_cache_osc.model import plan
from glance_cache_osc.policy import policies
from glance_cache_osc.policy import reading
from glance_cache_osc.transport import attempt

#: How many sites a message names.
_FEW = 3
#: How many queries for tags and properties are sent at a time.
_MAX_QUERIES = 8

#: The images that belong on each site.
Wanted = dict[fleet.Place, policies.Wanted]
#: The rule that applies to each site.
_Rules = dict[fleet.Place, policies.Rule | None]


def add_option(parser: argparse.ArgumentParser, help_text: str) -> None:
    """Add ``--policy``."""
    parser.add_argument(
        '--policy', metavar='<file>', action=options.Once, help=help_text
    )


def from_args(parsed_args: argparse.Namespace) -> policies.Policy | None:
    """The policy of ``--policy``; None without that option.

    :raises errors.UsageError: the command line selects images as well, the
        file cannot be read, or it is not a valid policy.
    """
    path: str | None = parsed_args.policy
    if path is None:
        return None
    others = ('images', 'tag', 'property', 'from_file')
    if any(
        getattr(parsed_args, one, None) not in (None, []) for one in others
    ):
        raise errors.UsageError(
            _(
                '--policy cannot be combined with other options that select '
                'images'
            ),
            _('Use one of them.'),
        )
    return reading.read(files.read(path), path)


async def find(
    command: common.CacheCommand,
    policy: policies.Policy,
    members: Iterable[fleet.Member],
    *,
    delete: bool = False,
) -> Wanted:
    """The images that belong on each site, without sites that have no rule.

    Images are looked up once for all sites of a cloud. An image that is not
    found is reported once.

    :param delete: whether the command deletes other entries. Sites on which
        they are kept, because some images were not found, are then reported.
    :raises errors.CatalogueError: the images could not be looked up.
    """
    places = list(dict.fromkeys(fleet.place(one) for one in members))
    rules = {one: policy.rule_for(one[1]) for one in places}
    _report_sites(command, policy, rules)

    async def of_cloud(cloud: clouds.Cloud, _group: object) -> Wanted:
        matching = {
            one: rule
            for one, rule in rules.items()
            if rule and one[0] is cloud
        }
        used = dict.fromkeys(
            name for rule in matching.values() for name in rule.sets
        )
        found = await _images(
            command, cloud, [policy.sets[name] for name in used]
        )
        return {one: policies.wanted(matching[one], found) for one in matching}

    by_cloud = await command.in_each_cloud(members, of_cloud)
    wanted = {
        one: want for found in by_cloud.values() for one, want in found.items()
    }
    if delete:
        _report_kept(command, rules, wanted)
    return wanted


def _report_sites(
    command: common.CacheCommand, policy: policies.Policy, rules: _Rules
) -> None:
    """Report sites without a rule, and names in the policy without a site."""
    unmatched = list(
        dict.fromkeys(site for (__, site), rule in rules.items() if not rule)
    )
    if not any(rules.values()):
        command.failures.add(
            _('Cannot apply the policy to %s') % columns.few(unmatched, _FEW),
            errors.CacheError(
                _('The policy has no rule for these sites'),
                _("Check 'match' in the policy."),
            ),
        )
    elif unmatched:
        command.log.warning(
            _('Sites without a rule in the policy: %s.'),
            columns.safe_text(columns.few(unmatched, _FEW)),
        )

    sites = command.configured_sites | {site for __, site in rules}
    if unused := policy.unmatched(sites):
        command.log.warning(
            _('Sites in the policy without nodes: %s.'),
            columns.safe_text(columns.few(sorted(unused), _FEW)),
        )


def _report_kept(
    command: common.CacheCommand, rules: _Rules, wanted: Wanted
) -> None:
    """Report sites on which a command that deletes keeps other entries."""
    applied = [one for one in rules.values() if one]
    if applied and not any(one.delete_others for one in applied):
        command.log.warning(
            _(
                "No other entries are deleted: the policy's rules for these "
                "sites do not set 'delete_others'."
            )
        )
    kept: dict[clouds.Cloud, list[str]] = {}
    for (cloud, site), want in wanted.items():
        rule = rules[cloud, site]
        if rule and rule.delete_others and not want.only:
            kept.setdefault(cloud, []).append(site)
    for cloud, sites in kept.items():
        command.failures.add(
            _('Extra entries on %(sites)s%(where)s are not deleted')
            % {
                'sites': columns.few(sites, _FEW),
                'where': command.cloud_suffix(cloud),
            },
            errors.CacheError(
                _("Some images of the policy's sets were not found"),
                _('Correct the sets, and run the command again.'),
            ),
        )


def all_images(wanted: Wanted, cloud: clouds.Cloud) -> list[images.Image]:
    """The images that belong on any site of a cloud, sorted by name."""
    by_id = {
        image.image_id: image
        for (own, __), one in wanted.items()
        if own is cloud
        for image in one.images
    }
    return sorted(
        by_id.values(), key=lambda one: (one.name is None, one.name or '')
    )


async def _images(
    command: common.CacheCommand,
    cloud: clouds.Cloud,
    sets: Sequence[policies.ImageSet],
) -> dict[str, policies.Found]:
    """The images of image sets in a cloud, by the name of the set."""
    resolution = await cloud.catalogue().resolve(
        word for one in sets for word in one.words
    )
    for word, error in resolution.failures.items():
        names = [one.name for one in sets if word in one.words]
        command.failures.add(
            _("Cannot find '%(word)s' of set %(sets)s%(where)s")
            % {
                'word': word,
                'sets': columns.few(names, _FEW),
                'where': command.cloud_suffix(cloud),
            },
            error,
        )
    matching = await _matching(command, cloud, sets)
    found = {}
    for one in sets:
        chosen = [
            image
            for word in one.words
            for image in resolution.by_word.get(word, ())
        ]
        complete = not any(word in resolution.failures for word in one.words)
        if one.name in matching:
            chosen += matching[one.name]
            complete &= bool(matching[one.name])
        found[one.name] = policies.Found(chosen, complete)
    return found


async def _matching(
    command: common.CacheCommand,
    cloud: clouds.Cloud,
    sets: Sequence[policies.ImageSet],
) -> dict[str, list[images.Image]]:
    """The images that match tags and properties, by the name of the set.

    Sets without tags and properties are left out.
    """
    catalogue = cloud.catalogue()

    async def query(one: policies.ImageSet) -> list[images.Image]:
        properties = queries.check_properties(dict(one.properties))
        return await catalogue.matching(one.tags, properties)

    found = {}
    for outcome in await attempt.attempt(
        query,
        [one for one in sets if one.tags or one.properties],
        group=lambda _one: None,
        group_limit=_MAX_QUERIES,
    ):
        if outcome.error:
            raise outcome.error
        found[outcome.job.name] = outcome.value or []
        if not outcome.value:
            command.failures.add(
                _('Cannot find images of set %(name)s%(where)s')
                % {
                    'name': outcome.job.name,
                    'where': command.cloud_suffix(cloud),
                },
                queries.no_match(outcome.job.tags, outcome.job.properties),
            )
    return found


def report_extras(
    command: common.CacheCommand, held: operations.Held, wanted: Wanted
) -> None:
    """Log how many entries ``--delete-others`` would delete."""
    extra: dict[str, int] = {}
    for member, group in held.items():
        site = member.node.site + command.cloud_suffix(member.cloud)
        if (want := wanted.get(fleet.place(member))) and want.only:
            named = {one.image_id for one in want.images}
            if count := len(plan.by_id(group).keys() - named):
                extra[site] = extra.get(site, 0) + count
    if extra:
        command.log.warning(
            _(
                'Extra entries on %(sites)s: %(count)d. Use --delete-others '
                'to delete them.'
            ),
            {
                'count': sum(extra.values()),
                'sites': columns.safe_text(columns.few(list(extra), _FEW)),
            },
        )
