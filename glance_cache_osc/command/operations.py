# SPDX-License-Identifier: Apache-2.0

"""Operations on many nodes at once, with reports of failures."""

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
#: The entries of each node, in the order of the nodes.
Held = dict[Member, list[entries.Entry]]
#: The steps of a plan, each with its node.
Steps = list[tuple[Member, plan.Step]]

NAME = columns.Column('Name')
#: How many nodes a message names.
_FEW_NODES = 3


class ReportedError(errors.CacheError):
    """A failure that has been reported prevents an operation."""

    def __init__(self) -> None:
        super().__init__('')


class Operations:
    """The operations of a command on nodes.

    :ivar cloud: the cloud that the user is logged in to.
    :ivar failures: collects the failures of operations.
    :ivar loop: the event loop that runs the operations.
    """

    cloud: clouds.Cloud
    failures: report.Failures
    loop: loops.Loop

    #: Clouds whose images could not be looked up.
    failed_clouds: AbstractSet[clouds.Cloud] = frozenset()

    @property
    def has_several_clouds(self) -> bool:
        """Whether the nodes belong to several clouds."""
        return False

    def cloud_suffix(self, cloud: clouds.Cloud) -> str:
        """Text that names the cloud in a message; empty for a single cloud."""
        return (
            _(" in cloud '%s'") % cloud.name if self.has_several_clouds else ''
        )

    async def in_each_cloud(
        self,
        members: Iterable[Member],
        work: Callable[[clouds.Cloud, list[Member]], Awaitable[_Value]],
    ) -> dict[clouds.Cloud, _Value]:
        """Look up images for the nodes of each cloud.

        If the nodes belong to several clouds, a cloud that fails is reported,
        added to `failed_clouds`, and left out of the result.

        :param work: called for each cloud, with its nodes.
        :returns: the results of `work`, by cloud.
        :raises errors.CacheError: the only cloud failed.
        """
        groups = fleet.by_cloud(members)
        found = {}
        for outcome in await attempt.attempt(
            lambda cloud: work(cloud, groups[cloud]), groups
        ):
            if outcome.error and not self.has_several_clouds:
                raise outcome.error
            if error := outcome.error:
                self.failed_clouds |= {outcome.job}
                if isinstance(error.__cause__, errors.LoginFailed):
                    error = error.__cause__
                what = _("Cannot use cloud '%s'")
                self.failures.add(what % outcome.job.name, error)
            else:
                found[outcome.job] = cast('_Value', outcome.value)
        return found

    def report_unknown(
        self,
        what: str,
        unknown: Mapping[clouds.Cloud, Mapping[str, errors.CacheError]],
        *,
        in_any: bool = False,
    ) -> None:
        """Report words that match no image in any cloud, or are ambiguous.

        :param what: the operation that failed, with ``%s`` for the word.
        :param unknown: the errors of the words, by cloud.
        :param in_any: whether to report names that match no image in one of
            the clouds, too. An ID usually exists in one cloud.
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
                    where = self.cloud_suffix(cloud)
                    self.failures.add(what % word + where, error)
            absent = [
                cloud
                for cloud, error in found.items()
                if isinstance(error, errors.ImageNotFound)
            ]
            in_all = len(absent) == len(unknown)
            if not in_all and (not in_any or images.is_id(word)):
                continue
            # With a failed cloud, the image may exist there.
            named = self.failed_clouds or not in_all
            for cloud in absent if named else absent[:1]:
                where = self.cloud_suffix(cloud) if named else ''
                self.failures.add(what % word + where, found[cloud])

    async def names(
        self,
        parsed_args: argparse.Namespace,
        cloud: clouds.Cloud,
        image_ids: Iterable[str],
    ) -> dict[str, images.Image]:
        """The images by ID, if the output contains or is sorted by names.

        Otherwise, no request is sent. A failure is reported, and the result is
        empty, because rows without names are useful, too.
        """
        used = [*parsed_args.columns, *parsed_args.sort_columns]
        if parsed_args.columns and not NAME.is_among(used):
            return {}
        try:
            return await cloud.catalogue().by_id(image_ids)
        except errors.CatalogueError as error:
            what = _('Cannot look up image names') + self.cloud_suffix(cloud)
            self.failures.add(what, error)
            return {}

    async def list_entries(self, members: Collection[Member]) -> Held:
        """Read the entries of nodes; failed nodes are reported."""
        return await self.read(members, list)

    async def read(
        self,
        members: Collection[Member],
        convert: Callable[[list[entries.Entry]], _Value],
    ) -> dict[Member, _Value]:
        """Read and convert the entries of nodes; failed nodes are reported.

        :param convert: called with the entries of a node as soon as they are
            received. Keeping all entries of many nodes would use much memory.
        :returns: the results of `convert`, without failed nodes.
        """
        listed = 0

        async def read_one(member: Member) -> _Value:
            nonlocal listed
            held = await member.driver.list_entries()
            listed += len(held)
            if listed > entries.MOST_ENTRIES_IN_ALL:
                raise errors.NodeError(
                    _('The nodes list more than %d entries in total')
                    % entries.MOST_ENTRIES_IN_ALL,
                    _('Specify fewer nodes with --node.'),
                )
            return convert(held)

        outcomes = await self.query(members, read_one)
        return self._values(_('Cannot read the cache of %s'), outcomes)

    async def query(
        self,
        members: Collection[Member],
        operation: Callable[[Member], Awaitable[_Value]],
    ) -> list[attempt.Outcome[Member, _Value]]:
        """Run an operation that changes nothing on all nodes at once.

        :returns: the outcomes, in the order of the nodes.
        """
        with progress.counting(_('Reading nodes'), len(members)) as counter:
            return await attempt.attempt(
                operation, members, ended=counter.advance
            )

    async def change(
        self,
        members: Collection[Member],
        operation: Callable[[Member], Awaitable[_Value]],
        what: str,
    ) -> dict[Member, _Value]:
        """Run an operation that changes nodes, on all nodes at once.

        :param what: the operation in a failure, with ``%s`` for the node.
        :returns: the results, without failed nodes, which are reported.
        """
        self.loop.has_changes = True
        with progress.counting(_('Changing nodes'), len(members)) as counter:
            outcomes = await attempt.attempt(
                operation,
                members,
                ended=counter.advance,
                settle=lambda busy: counter.warn(interrupted(busy)),
            )
        return self._values(what, outcomes)

    def _values(
        self, what: str, outcomes: Iterable[attempt.Outcome[Member, _Value]]
    ) -> dict[Member, _Value]:
        """The results of nodes; failed nodes are reported."""
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
        """Carry out the steps of a plan, many at a time.

        :param operation: called for each step that queues or deletes; raises
            `ReportedError` for a step that failed and is reported already.
        :param what: the operation in a failure, with ``%(image)s`` and
            ``%(node)s``.
        :returns: the steps, without failed steps, which are reported.
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
                    interrupted([job.member for job in busy])
                ),
            )
        failed = set()
        for outcome in outcomes:
            if outcome.error:
                failed.add(outcome.job)
                if isinstance(outcome.error, ReportedError):
                    continue
                node = outcome.job.member.node
                image = jobs[outcome.job]
                words = {'image': image.label, 'node': node.label}
                self.failures.add(what % words, outcome.error, node.name)
        return [
            (member, step)
            for member, step in steps
            if fleet.Job(member, step.image.image_id) not in failed
        ]


def interrupted(members: Sequence[Member]) -> str:
    """A message after Ctrl-C, with the nodes of requests in progress."""
    names = list(dict.fromkeys(member.node.name for member in members))
    return columns.safe_text(
        _(
            'Interrupted. Waiting for requests in progress (%(count)d) on '
            '%(nodes)s; press Ctrl-C again to stop at once.'
        )
        % {'count': len(members), 'nodes': columns.few(names, _FEW_NODES)}
    )
