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
from glance_cache_osc.command import options
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan
from glance_cache_osc.model import selection
from glance_cache_osc.transport import attempt

_RESULTS = {
    plan.Action.DELETE: 'deleted',
    plan.Action.NONE: 'not in cache',
}


class DeleteImageCache(base.CacheLister):
    """Drop entries from cache and queue."""

    table = (base.ID, base.NAME, base.STATE, base.SIZE, base.RESULT, base.NODE)
    _description = _(
        'Delete entries from cache and queue. Images stay in Glance.'
    )
    _epilog = _('IDs are accepted even if the image no longer exists.')
    _example_of = _('Delete entries whose image no longer exists in Glance:')
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
        options.add_narrowing_options(parser)
        options.add_approval_options(parser)

    def rows(self, parsed_args: argparse.Namespace) -> base.Rows:
        words = list(dict.fromkeys(parsed_args.images))
        narrowing = options.narrowing(parsed_args)
        if not words and not narrowing:
            raise errors.UsageError(
                _('No images or filters specified'),
                _(
                    'Specify images or filters. To delete all entries, use '
                    "'openstack image cache clear'."
                ),
            )
        members = self.chosen_fleet(parsed_args)
        if narrowing.orphans:
            members = self.loop.run(self._check_login(members))
        asks = approval.check(
            parsed_args,
            members,
            always=bool(narrowing) or any(map(images.is_glob, words)),
        )
        steps = self.loop.run(
            self._steps(parsed_args, words, narrowing, members)
        )
        if parsed_args.dry_run:
            return [_row(*one, one[1].action.value) for one in steps]
        if asks:
            approval.deletion(steps)
        done = self.loop.run(self.delete(steps))
        return [_row(*one, _RESULTS[one[1].action]) for one in done]

    async def _check_login(
        self, members: list[base.Member]
    ) -> list[base.Member]:
        """The nodes of clouds of which the login sees all images.

        :raises errors.UsageError: the login does not see those of a cloud.
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
                    % self.where(cloud),
                    _('Log in as an administrator, or specify IDs.'),
                )
        return [one for one in members if one.cloud in sees_all]

    async def _steps(
        self,
        parsed_args: argparse.Namespace,
        words: Sequence[str],
        narrowing: selection.Narrowing,
        members: Sequence[base.Member],
    ) -> base.Steps:
        """What is to be deleted where."""
        now = datetime.datetime.now(datetime.UTC)
        # What a word means is known, also where it is narrowed away.
        early = selection.Narrowing() if words else narrowing
        resolutions, held = await attempt.both(
            self.in_each_cloud(
                members,
                lambda cloud, _group: cloud.catalogue().resolve(
                    words, hidden=True
                ),
            ),
            # Where an image is queued as well, its data goes, too: it counts
            # as cached.
            self.read(
                members,
                lambda group: early.candidates(
                    plan.by_id(group).values(), now
                ),
            ),
        )
        unknown = {}

        async def plan_of(
            cloud: clouds.Cloud, group: Sequence[base.Member]
        ) -> base.Steps:
            there = {one: held[one] for one in group if one in held}
            ids = entries.ids_of(there.values())
            resolution = resolutions[cloud]
            meant = {one: images.Image(one) for one in ids}
            if words:
                meant = _meant(words, resolution, set(ids))
                unknown[cloud] = _unknown(resolution, set(ids))
            known = {image.image_id: image for image in resolution.found}
            missing = [one for one in ids if one in meant and one not in known]
            if narrowing.orphans:
                known |= await cloud.catalogue().by_id(missing)
            elif not words:
                known |= await self.names(parsed_args, cloud, missing)
            meant = {one: known.get(one, meant[one]) for one in meant}
            return [
                (member, step)
                for member, step in _deletions(there, meant)
                if not narrowing
                or (step.entry and narrowing.keeps(step.entry, known, now))
            ]

        members = [one for one in members if one.cloud in resolutions]
        plans = await self.in_each_cloud(members, plan_of)
        self.report_unknown(_("Cannot delete '%s'"), unknown)
        return [step for steps in plans.values() for step in steps]


def _unknown(
    resolution: catalogue.Resolution, there: AbstractSet[str]
) -> dict[str, errors.CacheError]:
    """The words that mean nothing; a glob means what is there."""
    return {
        word: error
        for word, error in resolution.failures.items()
        if word not in there and not images.is_glob(word)
    }


def _meant(
    words: Sequence[str],
    resolution: catalogue.Resolution,
    there: AbstractSet[str],
) -> dict[str, images.Image]:
    """The images that words mean, by ID, in the order of the words.

    An ID that a node holds means just that, even if some image has it for a
    name.
    """
    meant: dict[str, images.Image] = {}
    for word in words:
        found = resolution.by_word.get(word, [])
        if images.is_id(word) and word in there:
            found = [one for one in found if one.image_id == word]
        if images.is_glob(word):
            found = [
                one
                for one in found
                if one.image_id in there or one.name == word
            ]
        if word in there and not found:
            found = [images.Image(word)]
        meant.update((one.image_id, one) for one in found)
    return meant


def _deletions(
    held: base.Held, meant: Mapping[str, images.Image]
) -> base.Steps:
    """What is to be deleted where; of what no node has, that on the first."""
    order = {image_id: at for at, image_id in enumerate(meant)}
    absent = dict(meant)
    steps: base.Steps = []
    for member, group in held.items():
        for entry in sorted(
            (one for one in group if one.image_id in order),
            key=lambda one: order[one.image_id],
        ):
            image = meant[entry.image_id]
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
