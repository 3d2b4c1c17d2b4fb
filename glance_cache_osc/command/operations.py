# SPDX-License-Identifier: Apache-2.0

"""What commands do with many nodes at once; failures are reported."""

import argparse
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import cast
from typing import TypeVar

from glance_cache_osc import columns
from glance_cache_osc import errors
from glance_cache_osc import report
from glance_cache_osc.cloud import cloud as clouds
from glance_cache_osc.command import progress
from glance_cache_osc.fleet import fleet
from glance_cache_osc.i18n import _
from glance_cache_osc.model import entries
from glance_cache_osc.model import images
from glance_cache_osc.model import plan
from glance_cache_osc.transport import attempt
from glance_cache_osc.transport import loop as loops

_Value = TypeVar('_Value')
Member = fleet.Member
#: What nodes hold, in the order of the nodes.
Held = dict[Member, list[entries.Entry]]
#: What is to be done where.
Steps = list[tuple[Member, plan.Step]]

NAME = columns.Column('Name')
#: So many nodes are named in a line.
_FEW_NODES = 3


class Operations:
    """A command's operations on nodes.

    :ivar cloud: the cloud that the user is logged in to.
    :ivar failures: what could not be done.
    :ivar loop: runs them.
    """

    cloud: clouds.Cloud
    failures: report.Failures
    loop: loops.Loop

    #: Clouds of which the images could not be looked up.
    lost: AbstractSet[clouds.Cloud] = frozenset()

    @property
    def has_clouds(self) -> bool:
        """Whether the nodes are of several clouds."""
        return False

    def where(self, cloud: clouds.Cloud) -> str:
        """The words of a message for a cloud, if there are several."""
        return _(" in cloud '%s'") % cloud.name if self.has_clouds else ''

    async def in_each_cloud(
        self,
        members: Iterable[Member],
        work: Callable[[clouds.Cloud, list[Member]], Awaitable[_Value]],
    ) -> dict[clouds.Cloud, _Value]:
        """What comes of looking up images, for the nodes of each cloud.

        If there are several clouds, one that could not be asked is reported,
        and left out.

        :raises errors.CacheError: the only cloud could not be asked.
        """
        groups = fleet.by_cloud(members)
        found = {}
        for outcome in await attempt.attempt(
            lambda cloud: work(cloud, groups[cloud]), groups
        ):
            if outcome.error and len(groups) == 1:
                raise outcome.error
            if error := outcome.error:
                self.lost |= {outcome.job}
                if isinstance(error.__cause__, errors.LoginFailed):
                    error = error.__cause__
                what = _("Cannot use the nodes of cloud '%s'")
                self.failures.add(what % outcome.job.name, error)
            else:
                found[outcome.job] = cast('_Value', outcome.value)
        return found

    def report_unknown(
        self,
        what: str,
        unknown: Mapping[clouds.Cloud, Mapping[str, errors.CacheError]],
    ) -> None:
        """Report words that mean nothing in any cloud, or are ambiguous.

        :param what: the failure's words, with ``%s`` for the word.
        :param unknown: the errors of words, by cloud.
        """
        words = dict.fromkeys(word for one in unknown.values() for word in one)
        for word in words:
            found = {
                cloud: one[word]
                for cloud, one in unknown.items()
                if word in one
            }
            for cloud, error in found.items():
                if not isinstance(error, errors.ImageNotFound):
                    where = self.where(cloud)
                    self.failures.add(what % word + where, error)
            kinds = {type(one) for one in found.values()}
            if len(found) == len(unknown) and kinds == {errors.ImageNotFound}:
                self.failures.add(what % word, next(iter(found.values())))

    async def names(
        self,
        parsed_args: argparse.Namespace,
        cloud: clouds.Cloud,
        image_ids: Iterable[str],
    ) -> dict[str, images.Image]:
        """Images by ID, if their names are printed, or sorted by.

        Names are a help: without them the rest is printed all the same.
        """
        asked = [*parsed_args.columns, *parsed_args.sort_columns]
        if parsed_args.columns and not NAME.is_among(asked):
            return {}
        try:
            return await cloud.catalogue().by_id(image_ids)
        except errors.CatalogueError as error:
            self.failures.add(_('Cannot look up image names'), error)
            return {}

    async def look(self, members: Collection[Member]) -> Held:
        """What the nodes hold; those that did not say are reported."""
        return await self.read(members, list)

    async def read(
        self,
        members: Collection[Member],
        digest: Callable[[list[entries.Entry]], _Value],
    ) -> dict[Member, _Value]:
        """What is made of what each node holds, or reported as failed.

        :param digest: is called as each answer comes: all that a fleet
            holds is more than need be kept.
        """
        listed = 0

        async def ask(member: Member) -> _Value:
            nonlocal listed
            held = await member.driver.list_entries()
            listed += len(held)
            if listed > entries.MOST_ENTRIES_IN_ALL:
                raise errors.NodeError(
                    _('The nodes list more than %d entries in total')
                    % entries.MOST_ENTRIES_IN_ALL,
                    _('Specify fewer nodes with --node.'),
                )
            return digest(held)

        outcomes = await self.ask(members, ask)
        return self._values(_('Cannot read the cache of %s'), outcomes)

    async def ask(
        self,
        members: Collection[Member],
        question: Callable[[Member], Awaitable[_Value]],
    ) -> list[attempt.Outcome[Member, _Value]]:
        """Ask every node the same, all at once; outcomes in their order."""
        with progress.counting(_('Reading nodes'), len(members)) as counter:
            return await attempt.attempt(
                question, members, ended=counter.advance
            )

    async def change(
        self,
        members: Collection[Member],
        operation: Callable[[Member], Awaitable[_Value]],
        what: str,
    ) -> dict[Member, _Value]:
        """Change nodes, all at once.

        :param what: the failure's words, with ``%s`` for the node.
        :returns: what came of it, without nodes that failed, which are
            reported.
        """
        self.loop.has_changes = True
        with progress.counting(_('Changing nodes'), len(members)) as counter:
            outcomes = await attempt.attempt(
                operation,
                members,
                ended=counter.advance,
                settle=lambda busy: counter.warn(_waits_for(busy)),
            )
        return self._values(what, outcomes)

    def _values(
        self, what: str, outcomes: Iterable[attempt.Outcome[Member, _Value]]
    ) -> dict[Member, _Value]:
        """What came of nodes; those that failed are reported."""
        values = {}
        for outcome in outcomes:
            if outcome.error:
                node = outcome.job.node
                self.failures.add(what % node.label, outcome.error, node.name)
            else:
                values[outcome.job] = cast('_Value', outcome.value)
        return values

    async def carry_out(
        self,
        steps: Steps,
        operation: Callable[[fleet.Job], Awaitable[None]],
        what: str,
    ) -> Steps:
        """Do what is to be done, many at a time.

        :param what: the failure's words, with ``%(image)s`` and
            ``%(node)s``.
        :returns: the steps without those that failed, which are reported.
        """
        jobs = {
            fleet.Job(member, step.image.image_id): step.image
            for member, step in steps
            if step.action in (plan.Action.QUEUE, plan.Action.DELETE)
        }
        self.loop.has_changes = True
        with progress.counting(_('Changing entries'), len(jobs)) as counter:
            outcomes = await fleet.each(
                operation,
                jobs,
                ended=counter.advance,
                settle=lambda busy: counter.warn(
                    _waits_for([job.member for job in busy])
                ),
            )
        failed = set()
        for outcome in outcomes:
            if outcome.error:
                failed.add(outcome.job)
                node = outcome.job.member.node
                image = jobs[outcome.job]
                words = {'image': image.label, 'node': node.label}
                self.failures.add(what % words, outcome.error, node.name)
        return [
            (member, step)
            for member, step in steps
            if fleet.Job(member, step.image.image_id) not in failed
        ]

    async def delete(self, steps: Steps) -> Steps:
        """Delete entries; see `carry_out`."""
        return await self.carry_out(
            steps,
            lambda job: job.member.driver.delete(job.image_id),
            _("Cannot delete image '%(image)s' from the cache of %(node)s"),
        )


def _waits_for(members: Sequence[Member]) -> str:
    """What an interrupted command still waits for."""
    names = list(dict.fromkeys(member.node.name for member in members))
    return columns.safe_text(
        _(
            'Interrupted. Waiting for %(count)d requests in progress on '
            '%(nodes)s; press Ctrl-C again to stop at once.'
        )
        % {'count': len(members), 'nodes': columns.few(names, _FEW_NODES)}
    )
