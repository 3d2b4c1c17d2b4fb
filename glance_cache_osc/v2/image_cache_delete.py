# SPDX-License-Identifier: Apache-2.0

"""``openstack image cache delete``."""

import argparse
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
import datetime
from typing import Any

from glance_cache_osc import errors
from glance_cache_osc.cloud import catalogue
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import approval
from glance_cache_osc.command import base
from glance_cache_osc.command import deleting
from glance_cache_osc.command import options
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan
from glance_cache_osc.model import selection
from glance_cache_osc.transport import attempt

#: More than the offset of any time zone. With the driver `centralized_db`,
#: Glance reports local times as UTC.
_MAX_OFFSET = datetime.timedelta(hours=15)
_RESULTS = {
    plan.Action.DELETE: 'deleted',
    plan.Action.NONE: 'not in cache',
}


class DeleteImageCache(base.CacheLister):
    """Delete entries from cache and queue."""

    table = (base.ID, base.NAME, base.STATE, base.SIZE, base.RESULT, base.NODE)
    _description = _(
        'Delete entries from cache and queue. Images stay in Glance.'
    )
    _epilog = _('IDs are accepted even if the image no longer exists.')
    _example_intro = _(
        'Delete entries whose image no longer exists in Glance:'
    )
    _example = (
        'openstack image cache delete --orphans --all-nodes --auto-approve'
    )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        options.add_images(
            parser,
            _(
                'Image whose entries are deleted: an ID, a name, or a glob '
                'on names'
            ),
        )
        options.add_filter_options(parser)
        options.add_approval_options(parser)

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        words = list(dict.fromkeys(parsed_args.images))
        filters = options.filters(parsed_args)
        if not words and not filters:
            raise errors.UsageError(
                _('No images or filters specified'),
                _(
                    'Specify images or filters. To delete all entries, use '
                    "'openstack image cache clear'."
                ),
            )
        members = self.chosen_fleet(parsed_args)
        if filters.orphans:
            members = self.loop.run(self._check_login(members))
        confirm = approval.is_required(
            parsed_args,
            members,
            always=bool(filters) or any(map(images.is_glob, words)),
        )
        steps = self.loop.run(
            self._steps(parsed_args, words, filters, members)
        )
        if steps and (filters.older_than or _MAX_OFFSET) < _MAX_OFFSET:
            self.log.warning(
                _(
                    '--older-than is less than 15 hours: a node with a time '
                    'zone east of UTC may report times that are too early.'
                )
            )
        if parsed_args.dry_run:
            return [_row(*one, one[1].action.value) for one in steps]
        if confirm:
            approval.confirm_deletion(steps)
        done = self.loop.run(deleting.delete(self, steps, filters))
        return [_row(*one, _RESULTS[one[1].action]) for one in done]

    async def _check_login(
        self, members: list[base.Member]
    ) -> list[base.Member]:
        """Check that the login can see all images of each cloud.

        :returns: the nodes, without those of clouds that failed.
        :raises errors.UsageError: the login cannot see all images of a cloud.
        """
        sees_all = await self.in_each_cloud(
            members, lambda cloud, _group: cloud.sees_all_images()
        )
        for cloud in sees_all:
            if not sees_all[cloud]:
                raise errors.UsageError(
                    _(
                        "--orphans requires a login with the role 'admin'%s: "
                        'images that this login cannot see look like orphans'
                    )
                    % self.cloud_suffix(cloud),
                    _('Log in as an administrator, or specify IDs.'),
                )
        return [one for one in members if one.cloud in sees_all]

    async def _steps(
        self,
        parsed_args: argparse.Namespace,
        words: Sequence[str],
        filters: selection.Filters,
        members: Sequence[base.Member],
    ) -> base.Steps:
        """The plan: which entries are deleted on which nodes."""
        now = datetime.datetime.now(datetime.UTC)
        # With words, filter later: the ID of an entry that is filtered out is
        # still a known word.
        early = selection.Filters() if words else filters
        resolutions, held = await attempt.both(
            self.in_each_cloud(
                members,
                lambda cloud, _group: cloud.catalogue().resolve(
                    words, hidden=True, literal=True
                ),
            ),
            # Deleting the entry of an image that is both queued and cached
            # deletes its data, too. The plan shows it as cached.
            self.read(
                members,
                lambda group: early.candidates(
                    plan.by_id(group).values(), now
                ),
            ),
        )
        unknown: dict[clouds.Cloud, dict[str, errors.CacheError]] = {}

        async def plan_of(
            cloud: clouds.Cloud, group: Sequence[base.Member]
        ) -> base.Steps:
            held_here = {one: held[one] for one in group if one in held}
            ids = entries.ids_of(held_here.values())
            resolution = resolutions[cloud]
            matched = {one: images.Image(one) for one in ids}
            if words:
                matched = _matched(words, resolution, set(ids))
                unknown[cloud] = _unknown(resolution, set(ids))
            known = {image.image_id: image for image in resolution.found}
            missing = [one for one in matched if one not in known]
            if filters.orphans:
                known |= await cloud.catalogue().by_id(missing)
            elif not words:
                known = await self.names(parsed_args, cloud, missing)
            matched = {one: known.get(one, matched[one]) for one in matched}
            return [
                (member, step)
                for member, step in _deletions(held_here, matched)
                if not filters
                or (step.entry and filters.keeps(step.entry, known, now))
            ]

        looked_up = [one for one in members if one.cloud in resolutions]
        plans = await self.in_each_cloud(looked_up, plan_of)
        steps = [step for steps in plans.values() for step in steps]
        is_complete = all(one.cloud in plans for one in members)
        held_ids = {one.lower() for one in entries.ids_of(held.values())}
        for word in filter(images.is_id, words if is_complete else ()):
            # Unknown everywhere: the entry may be deleted already.
            found = [one.get(word) for one in unknown.values()]
            # The ID of an entry in other letters is a mistake.
            if word.lower() not in held_ids and all(
                isinstance(one, errors.ImageNotFound) for one in found
            ):
                for one in unknown.values():
                    del one[word]
                if not filters:
                    absent = plan.Step(images.Image(word), plan.Action.NONE)
                    steps += [(first, absent) for first in list(held)[:1]]
        self.report_unknown(_("Cannot delete '%s'"), unknown)
        return steps


def _unknown(
    resolution: catalogue.Resolution, held_ids: AbstractSet[str]
) -> dict[str, errors.CacheError]:
    """The errors of words that match no image and no entry.

    A glob may match nothing.
    """
    return {
        word: error
        for word, error in resolution.failures.items()
        if word not in held_ids
        and not (
            images.is_glob(word) and isinstance(error, errors.ImageNotFound)
        )
    }


def _matched(
    words: Sequence[str],
    resolution: catalogue.Resolution,
    held_ids: AbstractSet[str],
) -> dict[str, images.Image]:
    """The images that words match, by ID, in the order of the words.

    The ID of an entry matches that entry only, even if an image has this ID as
    its name.

    :param held_ids: the IDs of the entries on the nodes.
    """
    matched: dict[str, images.Image] = {}
    for word in words:
        found = resolution.by_word.get(word, [])
        if images.is_glob(word):
            found = [
                one
                for one in found
                if one.image_id in held_ids or one.name == word
            ]
        if word in held_ids and (images.is_id(word) or not found):
            found = [images.Image(word)]
        matched.update((one.image_id, one) for one in found)
    return matched


def _deletions(
    held: base.Held, matched: Mapping[str, images.Image]
) -> base.Steps:
    """The steps that delete entries, in the order of the nodes.

    An image without an entry on any node has a step without action, on the
    first node, so that the output shows it.
    """
    order = {image_id: at for at, image_id in enumerate(matched)}
    absent = dict(matched)
    steps: base.Steps = []
    for member, group in held.items():
        for entry in sorted(
            (one for one in group if one.image_id in order),
            key=lambda one: order[one.image_id],
        ):
            image = matched[entry.image_id]
            steps.append((member, plan.Step(image, plan.Action.DELETE, entry)))
            absent.pop(entry.image_id, None)
    return steps + [
        (first, plan.Step(image, plan.Action.NONE))
        for first in list(held)[:1]
        for image in absent.values()
    ]


def _row(member: base.Member, step: plan.Step, word: str) -> tuple[Any, ...]:
    entry = step.entry
    return (
        step.image.image_id,
        step.image.name,
        entry.state.value if entry else None,
        entry.size if entry else None,
        word,
        member.node.name,
    )
